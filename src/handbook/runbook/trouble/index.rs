//! The head of the section: every check with a link to its part, so that nobody scrolls at 3 a.m.

use crate::handbook::Handbook;
use crate::handbook::markdown::{Table, anchor, code};
use crate::handbook::words::condition;
use crate::policy::compiled::Check;

use super::{STUCK, UNREADABLE, heading};

pub(super) fn text(book: &Handbook<'_>) -> String {
    let mut table = Table::new(&["Go to", "When"]);
    let mut anchors: Vec<String> = Vec::new();
    for (_, check) in book.checks() {
        table.row([link(check, &mut anchors), condition(book.policy, check)]);
    }
    for (to, when) in [
        (UNREADABLE, "a check is unknown, or a source is silent or stuck"),
        (STUCK, "it stands still although every check is fine"),
    ] {
        table.row([format!("[{to}]({})", anchor(to)), when.to_owned()]);
    }
    format!("\n{}", table.finish())
}

/// A second heading of the same name gets a number behind it, where pages are rendered.
fn link(check: &Check, anchors: &mut Vec<String>) -> String {
    let to = anchor(&heading(check));
    let before = anchors.iter().filter(|known| **known == to).count();
    let number = if before == 0 { String::new() } else { format!("-{before}") };
    let link = format!("[{}]({to}{number})", code(check.id.as_str()));
    anchors.push(to);
    link
}
