//! Chains as JSON Lines: for each, the checkpoint it begins at (if it does), its entries, and a line that says where it
//! ends. Without that last line a file that was cut off would look like a shorter ledger.

use serde::{Deserialize, Serialize};

use super::chain::Head;
use super::checkpoint::Checkpoint;
use super::entry::{BadLine, Entry};
use super::hash::Key;
use super::verify::{Broken, Verified, Walk};

/// One line of an export.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// The state that the entries after it begin from.
    Checkpoint(Checkpoint),
    /// One entry.
    Entry(Entry),
    /// The end of a chain.
    End(End),
}

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The last entry.
    pub end: Head,
    /// Which chain.
    #[serde(flatten)]
    pub key: Key,
}

impl End {
    /// Its line, without a line break.
    #[must_use]
    pub fn line(&self) -> String {
        // Plain names and numbers: nothing in it that JSON cannot say.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Reads one line of an export.
///
/// # Errors
/// It is none of the three, or it was changed.
pub fn parse(line: &str) -> Result<Line, BadLine> {
    if line.starts_with("{\"end\":") {
        return serde_json::from_str(line).map(Line::End).map_err(|error| BadLine::NotAnEntry(error.to_string()));
    }
    let is_checkpoint = line.get(..40.min(line.len())).is_some_and(|start| start.contains("\"checkpoint\":"));
    if is_checkpoint { Checkpoint::parse(line).map(Line::Checkpoint) } else { Entry::parse(line).map(Line::Entry) }
}

/// Why an export cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadExport {
    /// One line is not as it should be.
    #[error("line {line}: {why}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong.
        why: BadLine,
    },
    /// A chain is broken.
    #[error("line {line}: {key}, {broken}")]
    Chain {
        /// Which line, from 1.
        line: usize,
        /// Which chain.
        key: Key,
        /// Where and how.
        broken: Broken,
    },
    /// The file ends before the chain does.
    #[error("cut off after entry {after} of {key}: the line that says where it ends is missing")]
    CutOff {
        /// Which chain.
        key: Key,
        /// The last entry there is.
        after: u64,
    },
    /// Nothing in it.
    #[error("it holds no ledger")]
    Empty,
}

/// Checks an export line by line: memory does not grow with the file.
#[derive(Debug, Default)]
pub struct Reader {
    line: usize,
    open: Option<(Key, Walk)>,
    done: Vec<(Key, Verified)>,
}

impl Reader {
    /// Takes in one line; what it said, for whoever wants to keep it. Blank lines count but say nothing.
    ///
    /// # Errors
    /// It does not belong where it stands.
    pub fn line(&mut self, text: &str) -> Result<Option<Line>, BadExport> {
        self.line += 1;
        if text.trim().is_empty() {
            return Ok(None);
        }
        let line = parse(text).map_err(|why| BadExport::Line { line: self.line, why })?;
        match &line {
            Line::Checkpoint(checkpoint) => self.begin(checkpoint.key(), Some(checkpoint))?,
            Line::Entry(entry) => {
                let key = entry.record().key();
                if self.open.as_ref().is_none_or(|(open, _)| *open != key) {
                    self.begin(&key, None)?;
                }
                let at = self.line;
                if let Some((key, walk)) = &mut self.open {
                    walk.step(entry).map_err(|broken| BadExport::Chain { line: at, key: key.clone(), broken })?;
                }
            }
            Line::End(end) => self.end(end)?,
        }
        Ok(Some(line))
    }

    /// Counts a line that is not of a chain.
    pub const fn pass(&mut self) {
        self.line += 1;
    }

    fn begin(&mut self, key: &Key, base: Option<&Checkpoint>) -> Result<(), BadExport> {
        self.refuse_open()?;
        let at = self.line;
        let broken = |broken| BadExport::Chain { line: at, key: key.clone(), broken };
        if self.done.iter().any(|(done, _)| done == key) {
            return Err(broken(Broken::at(1, "its chain comes twice")));
        }
        let walk = Walk::new(key, base).map_err(broken)?;
        self.open = Some((key.clone(), walk));
        Ok(())
    }

    fn end(&mut self, end: &End) -> Result<(), BadExport> {
        let at = self.line;
        let wrong = |seq, why: &str| BadExport::Chain { line: at, key: end.key.clone(), broken: Broken::at(seq, why) };
        match self.open.take() {
            Some((key, walk)) if key == end.key => {
                if *walk.head() != end.end {
                    let missing = walk.head().seq.saturating_add(1).min(end.end.seq.max(1));
                    return Err(wrong(missing, "it is missing: the chain goes on to another end"));
                }
                self.done.push((key, walk.end()));
                Ok(())
            }
            _ => Err(wrong(end.end.seq, "the end of a chain that did not begin")),
        }
    }

    fn refuse_open(&self) -> Result<(), BadExport> {
        match &self.open {
            Some((key, walk)) => Err(BadExport::CutOff { key: key.clone(), after: walk.head().seq }),
            None => Ok(()),
        }
    }

    /// After the last line: the chains, all of them whole.
    ///
    /// # Errors
    /// A chain has no end, or there is none.
    pub fn finish(self) -> Result<Vec<(Key, Verified)>, BadExport> {
        self.refuse_open()?;
        if self.done.is_empty() { Err(BadExport::Empty) } else { Ok(self.done) }
    }
}
