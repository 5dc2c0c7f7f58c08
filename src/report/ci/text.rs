//! What user text may not carry into another tool's format.

/// `text` without characters that a format forbids or that change what a reader sees: control characters, and the
/// marks that turn the direction of writing. Line breaks and tabs stay.
#[must_use]
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if is_hostile(c) { '\u{fffd}' } else { c }).collect()
}

fn is_hostile(c: char) -> bool {
    match c {
        '\n' | '\r' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => true,
        c => c.is_control(),
    }
}

/// `text` on one line.
#[must_use]
pub(crate) fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}
