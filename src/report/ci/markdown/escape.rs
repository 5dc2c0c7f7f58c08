//! User text in Markdown: shown letter by letter, whatever it is made of.

use crate::report::ci::text::{clean, one_line};
use crate::report::layout::cut;

/// The longest text of one cell.
const LONGEST_CELL: usize = 240;

/// Text inside a paragraph. What stands between backticks is shown as code, as messages mean it.
pub(crate) fn prose(text: &str) -> String {
    spans(&one_line(text), false)
}

/// Text inside a table's cell.
pub(crate) fn cell(text: &str) -> String {
    spans(&cut(&one_line(text), LONGEST_CELL, "…"), true)
}

/// A name, shown as code.
pub(crate) fn code(text: &str) -> String {
    span(&one_line(text), true)
}

fn spans(text: &str, in_cell: bool) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An even number of backticks makes an odd number of parts.
    if parts.len().is_multiple_of(2) {
        return escaped(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (at, part) in parts.iter().enumerate() {
        if at.is_multiple_of(2) {
            out.push_str(&escaped(part));
        } else {
            out.push_str(&span(part, in_cell));
        }
    }
    out
}

/// A code span. One with a pipe in a cell cannot be written in every dialect: it is shown as text.
fn span(text: &str, in_cell: bool) -> String {
    if text.trim().is_empty() || (in_cell && text.contains('|')) {
        return escaped(text);
    }
    let fence = "`".repeat(longest_run(text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || fence.len() > 1 { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Every character that could mean something is made to mean itself.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' => out.push_str("&#124;"),
            // Nobody is to be told of a recording's name: the blank of no width keeps a mention or a reference apart.
            '@' => out.push_str("@\u{200b}"),
            '#' => out.push_str("\\#\u{200b}"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    // A scheme makes a link of what follows it.
    out.replace("://", ":\u{200b}//").replace("www.", "www\u{200b}.")
}

/// Text inside an HTML element, where Markdown is not read.
pub(crate) fn html(text: &str) -> String {
    let text = one_line(text).replace('`', "");
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('@', "@\u{200b}").replace('#', "#\u{200b}").replace("://", ":\u{200b}//")
}

/// Lines as they are, in a fence that none of them can close.
pub(crate) fn fenced(lines: &str) -> String {
    let text = clean(lines).replace('\r', "");
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{fence}text\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// A name inside an HTML comment: nothing that could end it.
pub(crate) fn marker(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        let c = if c.is_ascii_alphanumeric() || "_.".contains(c) { c } else { '-' };
        if !(c == '-' && (out.ends_with('-') || out.is_empty())) {
            out.push(c);
        }
    }
    out.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_spans_of_messages_stay_and_everything_else_is_literal() {
        assert_eq!(prose("unknown key `a_b`"), "unknown key `a_b`");
        assert_eq!(prose("a_b <i> @ops #1\n# x"), "a\\_b &lt;i&gt; @\u{200b}ops \\#\u{200b}1 \\#\u{200b} x");
        assert_eq!(cell("`a|b` | c"), "a&#124;b &#124; c");
        assert_eq!(prose("one ` alone"), "one \\` alone");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(fenced("```\nx"), "````text\n```\nx\n````");
        assert_eq!(marker("--> <b>x y"), "b-x-y");
    }
}
