//! Columns, cuts and line breaks, counted in characters as a terminal shows them.

use std::fmt::Display;

/// How many columns `text` takes, colours left out.
#[must_use]
pub fn columns(text: &str) -> usize {
    let mut count = 0;
    let mut in_escape = false;
    for c in text.chars() {
        match (in_escape, c) {
            (false, '\u{1b}') => in_escape = true,
            (true, 'm') => in_escape = false,
            (false, _) => count += 1,
            (true, _) => {}
        }
    }
    count
}

/// `text` filled with blanks to `width` columns.
#[must_use]
pub fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// `text` cut to `width` columns, `mark` standing for the rest. For text without colours.
#[must_use]
pub fn cut(text: &str, width: usize, mark: &str) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let keep = width.saturating_sub(columns(mark));
    text.chars().take(keep).chain(mark.chars().take(width)).collect()
}

/// `text` broken at blanks into lines of at most `width` columns. A word longer than that keeps its line.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if columns(line) + 1 + columns(word) <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// `text` wrapped to `width`, every line after the first moved in by `indent`.
#[must_use]
pub fn hang(text: &str, width: usize, indent: usize) -> String {
    wrap(text, width.saturating_sub(indent).max(20)).join(&format!("\n{}", " ".repeat(indent)))
}

/// `text` as it is, but for lines longer than `width`: those go on below, moved in by their own blanks and `indent`.
#[must_use]
pub fn fold(text: &str, width: usize, indent: usize) -> String {
    let folded = |line: &str| {
        if columns(line) <= width {
            return line.to_owned();
        }
        let own = line.len() - line.trim_start_matches(' ').len();
        format!(
            "{}{}",
            " ".repeat(own),
            hang(line, width.saturating_sub(own), indent).replace('\n', &format!("\n{}", " ".repeat(own)))
        )
    };
    text.split('\n').map(folded).collect::<Vec<_>>().join("\n")
}

/// `1 error`, `2 errors`.
#[must_use]
pub fn count(number: usize, word: &str) -> String {
    let number_text = thousands(number);
    let plural = match word {
        _ if number == 1 => String::new(),
        word if word.ends_with('y') && !word.ends_with("ay") => {
            return format!("{number_text} {}ies", &word[..word.len() - 1]);
        }
        _ => "s".to_owned(),
    };
    format!("{number_text} {word}{plural}")
}

/// `1,234,567`.
#[must_use]
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Rows of cells in columns, two blanks between them; the last column is not filled.
#[must_use]
pub fn table<S: Display>(rows: &[Vec<S>]) -> Vec<String> {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| columns(cell)).max();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            if column + 1 == row.len() {
                line.push_str(cell);
            } else {
                line.push_str(&pad(cell, width(column).unwrap_or(0) + 2));
            }
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_measured_without_its_colours() {
        assert_eq!(columns("\u{1b}[1m✔ ok\u{1b}[0m"), 4);
        assert_eq!(pad("\u{1b}[1mab\u{1b}[0m", 4), "\u{1b}[1mab\u{1b}[0m  ");
    }

    #[test]
    fn text_is_cut_and_wrapped_at_the_width() {
        assert_eq!(cut("abcdef", 6, "…"), "abcdef");
        assert_eq!(cut("abcdefg", 6, "…"), "abcde…");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
    }

    #[test]
    fn only_what_is_too_long_is_folded_and_it_keeps_its_place() {
        let drawn = "  --> a.toml:1:1\n  |      ^^^^";
        assert_eq!(fold(drawn, 20, 6), drawn);
        assert_eq!(
            fold("help: name it, or leave it out\n  because: nobody answers there", 26, 6),
            "help: name it, or\n      leave it out\n  because: nobody\n        answers there"
        );
    }

    #[test]
    fn numbers_are_counted_in_words() {
        assert_eq!(count(1, "policy"), "1 policy");
        assert_eq!(count(2, "policy"), "2 policies");
        assert_eq!(count(1_234_567, "snapshot"), "1,234,567 snapshots");
        assert_eq!(count(0, "error"), "0 errors");
    }
}
