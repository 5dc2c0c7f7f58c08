//! Text of the other side, fit to be shown: it may be long, and it may try to write on a terminal.

/// The most of a foreign text that goes into a message.
const LONGEST: usize = 300;

/// `text` on one line, without control characters, and not endless.
pub(super) fn shown(text: &str) -> String {
    let mut kept = String::new();
    for (at, c) in text.trim().chars().enumerate() {
        if at == LONGEST {
            kept.push_str("...");
            break;
        }
        kept.push(if c.is_control() { ' ' } else { c });
    }
    kept
}

/// The deepest cause of an error, which is the one that says something.
pub(super) fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    shown(&deepest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_stays_on_one_line_and_ends() {
        assert_eq!(shown(" a\nb\u{1b}[31m "), "a b [31m");
        assert_eq!(shown(&"x".repeat(LONGEST)).len(), LONGEST);
        assert_eq!(shown(&"é".repeat(LONGEST + 1)).chars().count(), LONGEST + 3);
    }
}
