//! The page of a problem code, as `explain RG021` prints it.

use crate::policy::codes::{FoundBy, Page};
use crate::policy::diagnostic::Level;

use super::layout::wrap;
use super::screen::{BAD, GOOD, QUIET, STRONG, Screen, of_level, paint};

/// The whole page.
#[must_use]
pub fn page(page: &Page, screen: Screen) -> String {
    let level = match page.level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let found_by = match page.found_by {
        FoundBy::Policy => "found in a policy's TOML",
        FoundBy::Scripts => "found in a policy's scripts",
        FoundBy::Loader => "found while reading the directory",
        FoundBy::Tree => "found by comparing the policies of a tree",
        FoundBy::Tests => "found in policy tests and fixtures",
        FoundBy::Settings => "found in rollgate.toml",
    };
    let mut text = format!(
        "{}  {}\n{}\n\n",
        paint(of_level(page.level), format!("{level}[{}]", page.code)),
        paint(STRONG, page.title),
        paint(QUIET, found_by)
    );
    text.push_str(&paragraph(page.meaning, screen));
    for (title, style, example) in [("Refused", BAD, page.bad), ("Accepted", GOOD, page.good)] {
        if !example.trim().is_empty() {
            let title = if page.level == Level::Warning && title == "Refused" { "Warned about" } else { title };
            text.push_str(&format!("\n{}\n", paint(style, title)));
            for line in example.lines() {
                text.push_str(format!("    {line}").trim_end());
                text.push('\n');
            }
        }
    }
    text.push_str(&format!("\n{}\n", paint(STRONG, "Why")));
    text.push_str(&paragraph(page.why, screen));
    text
}

fn paragraph(words: &str, screen: Screen) -> String {
    wrap(words, screen.width.min(100)).join("\n") + "\n"
}
