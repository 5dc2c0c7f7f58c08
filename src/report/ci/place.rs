//! From a diagnostic's bytes to the lines and columns of every format, quickly for any number of diagnostics.

use std::collections::BTreeMap;

use crate::policy::diagnostic;
use crate::policy::source::PolicySource;
use crate::report::diagnostics::path;

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
    pub fn line(file: impl AsRef<str>, line: usize) -> Place {
        Place { file: clean_path(file.as_ref()), line: line.max(1), end_line: line.max(1), columns: None }
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

/// The files of a policy with the beginnings of their lines.
#[derive(Debug)]
pub struct Places<'a> {
    source: &'a PolicySource,
    starts: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Places<'a> {
    /// Looks through the files once.
    #[must_use]
    pub fn new(source: &'a PolicySource) -> Places<'a> {
        let starts = |text: &str| {
            let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(breaks).collect()
        };
        Places { source, starts: source.iter().map(|(file, text)| (file.as_ref(), starts(text))).collect() }
    }

    /// What a label underlines; a label for a whole file is its first line.
    #[must_use]
    pub fn of(&self, place: &diagnostic::Place) -> Place {
        let file = path(self.source, &place.file);
        let (Some((line, start)), Some((end_line, end))) =
            (self.position(&place.file, place.span.start), self.position(&place.file, place.span.end))
        else {
            return Place::line(file, 1);
        };
        if place.span.is_empty() {
            return Place::line(file, line);
        }
        Place { file: clean_path(&file), line, end_line, columns: Some((start, end)) }
    }

    /// The text of the line where a label begins, its blanks collapsed.
    #[must_use]
    pub fn text(&self, place: &diagnostic::Place) -> String {
        let Some((line, _)) = self.position(&place.file, place.span.start) else { return String::new() };
        let starts = self.starts.get(place.file.as_ref()).map_or(&[][..], Vec::as_slice);
        let (Some(from), to) = (starts.get(line - 1), starts.get(line)) else { return String::new() };
        let text = self.source.get(&place.file).map_or("", AsRef::as_ref);
        let text = text.get(*from..to.copied().unwrap_or(text.len())).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Line and column of byte `at`; one behind the end is the end, one inside a character is that character.
    fn position(&self, file: &str, at: usize) -> Option<(usize, Column)> {
        let text = self.source.get(file)?;
        let starts = self.starts.get(file)?;
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let line = starts.partition_point(|start| *start <= at);
        let before = text.get(*starts.get(line.checked_sub(1)?)?..at)?;
        Some((line, Column { characters: before.chars().count() + 1, bytes: before.len() + 1 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_bytes_from_one() {
        let mut source = PolicySource::new("./p");
        source.insert("a", "x\nüb = 1\n");
        let places = Places::new(&source);
        let place = |span| diagnostic::Place { file: "a".into(), span };
        let found = places.of(&place(4..5));
        assert_eq!(found.to_string(), "p/a:2:2");
        assert_eq!(found.columns.map(|(start, end)| (start.bytes, end.bytes)), Some((3, 4)));
        assert_eq!(places.of(&place(0..0)), Place::line("p/a", 1));
        assert_eq!(places.of(&place(2..99)).end_line, 3);
        assert_eq!(places.text(&place(5..6)), "üb = 1");
        assert_eq!(places.text(&place(99..99)), "");
    }
}
