//! One remark about a line: what every annotation, code scanning page and review comment is written from.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::policy::codes;
use crate::policy::diagnostic::{self, Diagnostic, Label};
use crate::policy::source::PolicySource;
use crate::report::diagnostics::path;
use crate::report::position::Position;

/// How bad it is. Ordered: an error is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Worth a look before the merge.
    Warning,
    /// Wrong.
    Error,
}

impl Level {
    /// `note`, `warning`, `error`: SARIF's words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

impl From<diagnostic::Level> for Level {
    fn from(level: diagnostic::Level) -> Level {
        match level {
            diagnostic::Level::Warning => Level::Warning,
            diagnostic::Level::Error => Level::Error,
        }
    }
}

/// One end of a range inside its line, from one: the formats do not agree on what a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// In characters.
    pub characters: usize,
    /// In bytes of UTF-8.
    pub bytes: usize,
}

/// Where in the user's files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// As a person can open it from where the command was run; forward slashes.
    pub file: String,
    /// The first line, from one.
    pub line: usize,
    /// The last line.
    pub end_line: usize,
    /// Where it begins and ends (exclusive) in those lines; none for whole lines.
    pub columns: Option<(Column, Column)>,
}

impl Place {
    /// A whole line.
    #[must_use]
    pub fn line(file: impl Into<String>, line: usize) -> Place {
        Place { file: clean_path(&file.into()), line: line.max(1), end_line: line.max(1), columns: None }
    }

    /// What a diagnostic's label underlines; a label for a whole file is its first line.
    #[must_use]
    pub fn of(place: &diagnostic::Place, source: &PolicySource) -> Place {
        let file = clean_path(&path(source, &place.file));
        let Some(text) = source.get(&place.file).filter(|_| !place.span.is_empty()) else {
            let line = source.get(&place.file).map_or(1, |text| Position::of(text, place.span.start).line);
            return Place::line(file, line);
        };
        let (start, end) = (Position::of(text, place.span.start), Position::of(text, place.span.end));
        let column = |position: Position, at: usize| {
            let before = text.get(..at.min(text.len())).unwrap_or_default();
            let bytes = before.rsplit('\n').next().unwrap_or_default().len() + 1;
            Column { characters: position.column, bytes }
        };
        let columns = (column(start, place.span.start), column(end, place.span.end));
        Place { file, line: start.line, end_line: end.line, columns: Some(columns) }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        match &self.columns {
            Some((start, _)) => write!(f, ":{}", start.characters),
            None => Ok(()),
        }
    }
}

/// Forward slashes, and no `./` in front: what hosts compare with the paths of a change.
fn clean_path(path: &str) -> String {
    let path = path.replace('\\', "/");
    path.strip_prefix("./").unwrap_or(&path).to_owned()
}

/// Another line that the remark is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What is said about it; may be empty.
    pub message: String,
}

/// A change of text that mends it with no room for doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mend {
    /// What is replaced.
    pub place: Place,
    /// By what.
    pub text: String,
}

/// What a code means, for formats that carry the manual along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The code.
    pub code: String,
    /// Its usual level.
    pub level: Level,
    /// A few words.
    pub title: String,
    /// What was found.
    pub meaning: String,
    /// Why it matters, as text and as Markdown.
    pub help: (String, String),
}

/// One remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// How bad.
    pub level: Level,
    /// What kind: `RG021`, `looser`.
    pub code: String,
    /// What the code means, in a few words.
    pub title: String,
    /// The sentence.
    pub message: String,
    /// How to mend it.
    pub help: Vec<String>,
    /// Where; none when it is about no line.
    pub place: Option<Place>,
    /// Other lines it is about.
    pub related: Vec<Related>,
    /// Changes of text that mend it.
    pub mends: Vec<Mend>,
    /// The environments it is true in; empty when in all of them.
    pub environments: Vec<String>,
    /// The marked line's text: with it the remark is known again after the line has moved.
    pub quoted: String,
    /// Stays the same when lines above it come and go; given by [`settle`].
    pub fingerprint: String,
}

impl Item {
    /// A remark with nothing but its sentence.
    #[must_use]
    pub fn new(level: Level, code: &str, title: &str, message: impl Into<String>, place: Option<Place>) -> Item {
        Item {
            level,
            code: code.to_owned(),
            title: title.to_owned(),
            message: message.into(),
            help: Vec::new(),
            place,
            related: Vec::new(),
            mends: Vec::new(),
            environments: Vec::new(),
            quoted: String::new(),
            fingerprint: String::new(),
        }
    }

    /// From a diagnostic, the files it speaks of, and the safe mends known in them (place and new text).
    #[must_use]
    pub fn of_diagnostic(found: &Diagnostic, source: &PolicySource, mends: &[(diagnostic::Place, String)]) -> Item {
        let title = codes::page(found.code).map_or("", |page| page.title);
        let mut message = found.message.clone();
        if !found.primary.text.is_empty() {
            message.push_str(&format!(": {}", found.primary.text));
        }
        let place = Place::of(&found.primary.place, source);
        let mine = |mend: &&(diagnostic::Place, String)| {
            let (mend, primary) = (&mend.0, &found.primary.place);
            mend.file == primary.file && mend.span.start >= primary.span.start && mend.span.end <= primary.span.end
        };
        let mends = mends.iter().filter(mine);
        Item {
            help: found.help.clone(),
            related: found.secondary.iter().map(|label| related(label, source)).collect(),
            mends: mends.map(|(at, text)| Mend { place: Place::of(at, source), text: text.clone() }).collect(),
            environments: found.environments.clone(),
            quoted: line_of(&found.primary, source),
            ..Item::new(found.level.into(), &found.code.to_string(), title, message, Some(place))
        }
    }

    /// Sentence, mends and environments in one line: for places that show one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut line = self.message.clone();
        for help in &self.help {
            line.push_str(&format!("; help: {help}"));
        }
        if !self.environments.is_empty() {
            line.push_str(&format!("; only in {}", self.environments.join(", ")));
        }
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// As a compiler would print it: `policies/x/policy.toml:14:1: error RG012: ...`.
    #[must_use]
    pub fn as_line(&self) -> String {
        let place = self.place.as_ref().map_or_else(String::new, |place| format!("{place}: "));
        format!("{place}{} {}: {}", self.level.name(), self.code, self.sentence())
    }
}

fn related(label: &Label, source: &PolicySource) -> Related {
    Related { place: Place::of(&label.place, source), message: label.text.clone() }
}

fn line_of(label: &Label, source: &PolicySource) -> String {
    let Some(text) = source.get(&label.place.file) else { return String::new() };
    let line = Position::of(text, label.place.span.start).line;
    text.lines().nth(line - 1).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Removes remarks that say the same about the same place, puts the worst first, and gives each its fingerprint.
#[must_use]
pub fn settle(mut items: Vec<Item>) -> Vec<Item> {
    items.sort_by(|a, b| {
        let key = |item: &Item| (std::cmp::Reverse(item.level), item.place.is_none());
        (key(a), &a.place, &a.code, &a.message).cmp(&(key(b), &b.place, &b.code, &b.message))
    });
    items.dedup_by(|a, b| a.code == b.code && a.place == b.place && a.message == b.message);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for item in &mut items {
        let file = item.place.as_ref().map_or("", |place| place.file.as_str());
        let mut hash = Sha256::new();
        for part in [&item.code, file, &item.message, &item.quoted] {
            hash.update(format!("{}\0", part.len()));
            hash.update(part);
        }
        let digest: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let again = seen.entry(digest.clone()).or_default();
        *again += 1;
        item.fingerprint = format!("{digest}:{again}");
    }
    items
}
