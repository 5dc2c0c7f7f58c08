//! What became of each thing that the other tool's file says.

use serde::Serialize;

/// A place in a file that was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Spot {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Not in the policy; somebody has to do it by hand, or do without.
    Dropped,
    /// In the policy, and not quite the same.
    Approximated,
    /// In the policy as it was.
    Converted,
}

/// One thing, where it stood, what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Where.
    #[serde(flatten)]
    pub place: Spot,
    /// What became of it.
    pub level: Outcome,
    /// What, and why.
    pub text: String,
    /// What a person does about it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub by_hand: String,
}

/// All notes of one import.
#[derive(Debug, Clone, Default)]
pub(super) struct Report {
    pub(super) notes: Vec<Note>,
}

impl Report {
    fn push(&mut self, place: Spot, level: Outcome, text: impl Into<String>, by_hand: impl Into<String>) {
        let note = Note { place, level, text: text.into(), by_hand: by_hand.into() };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub(super) fn converted(&mut self, place: Spot, text: impl Into<String>) {
        self.push(place, Outcome::Converted, text, "");
    }

    pub(super) fn approximated(&mut self, place: Spot, text: impl Into<String>, by_hand: impl Into<String>) {
        self.push(place, Outcome::Approximated, text, by_hand);
    }

    pub(super) fn dropped(&mut self, place: Spot, text: impl Into<String>, by_hand: impl Into<String>) {
        self.push(place, Outcome::Dropped, text, by_hand);
    }
}
