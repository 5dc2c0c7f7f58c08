//! Markdown that stays what was meant, whatever names and notes contain: pipes, backticks, underscores, line breaks.

/// A code span. A longer fence goes around text that has backticks itself.
pub(super) fn code(text: &str) -> String {
    let text = one_line(text);
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// What somebody wrote, as text: nothing in it is markup but code spans.
pub(super) fn prose(text: &str) -> String {
    let text = one_line(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.trim();
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if let ('`', Some((span, behind))) = (c, after.split_once('`'))
            && !span.trim().is_empty()
        {
            out.push_str(&code(span));
            (rest, before) = (behind, '`');
            continue;
        }
        let next = after.chars().next().unwrap_or(' ');
        let joins_word = c == '_' && before.is_alphanumeric() && next.is_alphanumeric();
        // A mark at the start of a line could open a heading, a list or a quotation.
        let opens = out.is_empty() && matches!(c, '#' | '-' | '+' | '>' | '=' | '~' | '0'..='9');
        if c == '&' {
            out.push_str("&amp;");
        } else if c == '<' {
            out.push_str("&lt;");
        } else {
            if (matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '~') && !joins_word) || (opens && !c.is_ascii_digit())
            {
                out.push('\\');
            }
            out.push(c);
        }
        (rest, before) = (after, c);
    }
    out
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Code spans in a sentence: `a`, `b` and `c`.
pub(super) fn codes<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    and(names.into_iter().map(|name| code(name.as_ref())))
}

/// Where a page's heading is found: `#error_ratep0-p0-threshold`. Letters, digits, `_` and `-` stay, blanks become `-`,
/// as GitHub and GitLab make it.
pub(super) fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || matches!(c, '_' | '-') => Some(c),
        _ => None,
    });
    format!("#{}", kept.flat_map(char::to_lowercase).collect::<String>())
}

/// `a, b and c`; empty for nothing.
pub(super) fn and<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<T> = items.into_iter().collect();
    match items.split_last() {
        None => String::new(),
        Some((only, [])) => only.as_ref().to_owned(),
        Some((last, before)) => {
            let before: Vec<&str> = before.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", before.join(", "), last.as_ref())
        }
    }
}

/// With its first letter large.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `1 stage`, `3 stages`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A table. A pipe in a cell would end it, in code spans too, so it is always escaped.
#[derive(Debug)]
pub(super) struct Table {
    text: String,
    columns: usize,
}

impl Table {
    pub(super) fn new(head: &[&str]) -> Table {
        let mut table = Table { text: String::new(), columns: head.len() };
        table.row(head.iter().map(|cell| (*cell).to_owned()));
        table.text.push_str(&format!("|{}\n", " --- |".repeat(head.len())));
        table
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().map(|cell| one_line(&cell).replace('|', "\\|")).collect();
        cells.resize(self.columns, String::new());
        self.text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// The lines of a cell, below one another.
pub(super) fn lines(items: &[String]) -> String {
    if items.is_empty() { "-".to_owned() } else { items.join("<br>") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        for (text, expected) in [
            ("plain", "`plain`"),
            ("a`b", "``a`b``"),
            ("`a", "`` `a ``"),
            ("a``b", "```a``b```"),
            ("two\nlines", "`two lines`"),
            ("", "(empty)"),
        ] {
            assert_eq!(code(text), expected);
        }
    }

    #[test]
    fn prose_keeps_its_code_spans_and_nothing_else_is_markup() {
        for (text, expected) in [
            ("in `off` it stops", "in `off` it stops"),
            ("a lone ` tick", "a lone \\` tick"),
            ("*bold* _it_ snake_case", "\\*bold\\* \\_it\\_ snake_case"),
            ("# not a heading", "\\# not a heading"),
            ("<b> & [link](x)", "&lt;b> &amp; \\[link\\](x)"),
        ] {
            assert_eq!(prose(text), expected);
        }
    }

    #[test]
    fn a_pipe_does_not_end_a_cell() {
        let mut table = Table::new(&["a", "b"]);
        table.row([code("x|y"), "1\n2".to_owned()]);
        assert_eq!(table.finish(), "| a | b |\n| --- | --- |\n| `x\\|y` | 1 2 |\n");
    }

    #[test]
    fn headings_are_found_where_renderers_put_them() {
        for (heading, expected) in [
            ("`error_rate.p0` (P0 threshold)", "#error_ratep0-p0-threshold"),
            ("`canary-errors` (trigger, P0)", "#canary-errors-trigger-p0"),
            ("A metric cannot be read", "#a-metric-cannot-be-read"),
        ] {
            assert_eq!(anchor(heading), expected);
        }
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(and(["a", "b", "c"]), "a, b and c");
        assert_eq!(and(["a"]), "a");
        assert_eq!(and(Vec::<String>::new()), "");
    }
}
