//! What the terminal is like: how wide, whether a person watches, whether they asked for no colour.

use std::io::IsTerminal as _;

/// Width when nobody says otherwise; every screen must read well in it.
pub const DEFAULT_WIDTH: usize = 80;
/// Wider than this, lines become hard to follow with the eye.
const WIDEST: usize = 160;

/// The terminal that the process was started from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Columns to write in.
    pub width: usize,
    /// Somebody may be watching stderr.
    pub watched: bool,
    /// Stdout is a screen, not a file or a pipe.
    pub screen: bool,
    /// The locale or the terminal cannot show more than ASCII.
    pub ascii: bool,
    /// Lines to write in, where stdout is a screen that can be drawn over.
    pub height: Option<usize>,
}

impl Terminal {
    /// Looks at the process's own handles and environment.
    #[must_use]
    pub fn detect() -> Terminal {
        let screen = std::io::stdout().is_terminal();
        let measured = if screen { terminal_size::terminal_size() } else { None };
        let columns = measured.map(|(width, _)| usize::from(width.0));
        let width = variable("COLUMNS").and_then(|text| text.trim().parse().ok()).or(columns).unwrap_or(DEFAULT_WIDTH);
        let can_move = screen && variable("TERM").is_none_or(|term| term != "dumb");
        Terminal {
            width: width.clamp(20, WIDEST),
            watched: std::io::stderr().is_terminal(),
            screen,
            ascii: variable("TERM").as_deref() == Some("linux") || is_ascii_locale(),
            height: measured.map(|(_, height)| usize::from(height.0)).filter(|_| can_move),
        }
    }
}

/// Whether the locale says that only ASCII can be shown. An unset locale says nothing: CI logs show UTF-8.
fn is_ascii_locale() -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| variable(name).filter(|text| !text.is_empty()));
    let Some(locale) = locale else { return false };
    let charset = locale.split_once('.').map_or("", |(_, charset)| charset).to_ascii_lowercase();
    !(charset.is_empty() || charset.starts_with("utf"))
}

#[expect(clippy::disallowed_methods, reason = "this is the place that reads the terminal's variables")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
