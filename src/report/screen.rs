//! How things look: one place for colours, icons and the ASCII that stands in for them. Colour is never the only
//! signal: whatever is coloured also has a word, and usually an icon.

use anstyle::{AnsiColor, Style};

use crate::model::decision::Answer;
use crate::model::finding::FindingState;
use crate::model::severity::Severity;
use crate::policy::diagnostic::Level;

/// What a screen can show. Colours are always written; the stream takes them out where they are not wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns to write in.
    pub width: usize,
    /// Only ASCII.
    pub ascii: bool,
}

impl Screen {
    /// As wide as a mail, with everything Unicode has.
    pub const STANDARD: Screen = Screen { width: 80, ascii: false };

    /// The icon of `mark`; one column wide.
    #[must_use]
    pub const fn icon(self, mark: Mark) -> &'static str {
        match (mark, self.ascii) {
            (Mark::Good, false) => "✔",
            (Mark::Good, true) => "+",
            (Mark::Bad, false) => "✖",
            (Mark::Bad, true) => "x",
            (Mark::Attention, _) => "!",
            (Mark::Unknown, _) => "?",
            (Mark::Up, false) => "▲",
            (Mark::Up, true) => "^",
            (Mark::Stay, false) => "■",
            (Mark::Stay, true) => "=",
            (Mark::Down, false) => "▼",
            (Mark::Down, true) => "v",
        }
    }

    /// Eight heights, lowest first.
    #[must_use]
    pub const fn heights(self) -> [char; 8] {
        if self.ascii {
            ['_', '.', ':', '-', '=', '+', '*', '#']
        } else {
            ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
        }
    }

    /// Stands for what was cut off.
    #[must_use]
    pub const fn ellipsis(self) -> &'static str {
        if self.ascii { ".." } else { "…" }
    }

    /// From one thing to another.
    #[must_use]
    pub const fn arrow(self) -> &'static str {
        if self.ascii { "->" } else { "→" }
    }
}

/// What an icon says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Worth a look.
    Attention,
    /// Cannot be told.
    Unknown,
    /// Advance.
    Up,
    /// Hold.
    Stay,
    /// Roll back.
    Down,
}

/// Something that keeps a policy from loading, a failed test.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Something to think about, a hold.
pub const ATTENTION: Style = AnsiColor::Yellow.on_default().bold();
/// As it should be.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// A place in a file, a command to type.
pub const PLACE: Style = AnsiColor::Cyan.on_default();
/// What can be skipped at first reading.
pub const QUIET: Style = Style::new().dimmed();
/// What a screen is about.
pub const STRONG: Style = Style::new().bold();

/// The icon and the colour of an answer.
#[must_use]
pub const fn of_answer(answer: Answer) -> (Mark, Style) {
    match answer {
        Answer::Advance => (Mark::Up, GOOD),
        Answer::Hold => (Mark::Stay, ATTENTION),
        Answer::RollBack => (Mark::Down, BAD),
    }
}

/// The colour of a severity.
#[must_use]
pub const fn of_severity(severity: Severity) -> Style {
    match severity {
        Severity::P0 => BAD,
        Severity::P1 => ATTENTION,
        Severity::P2 => PLACE,
    }
}

/// The icon and the colour of a finding's state.
#[must_use]
pub const fn of_state(state: FindingState) -> (Mark, Style) {
    match state {
        FindingState::Ok | FindingState::NotApplicable => (Mark::Good, QUIET),
        FindingState::Pending | FindingState::Clearing => (Mark::Attention, ATTENTION),
        FindingState::Firing => (Mark::Bad, BAD),
        FindingState::Unknown => (Mark::Unknown, ATTENTION),
    }
}

/// The colour of a problem.
#[must_use]
pub const fn of_level(level: Level) -> Style {
    match level {
        Level::Error => BAD,
        Level::Warning => ATTENTION,
    }
}

/// `text` in `style`.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
