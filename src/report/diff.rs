//! What `diff` found: the edits with their directions, then what comes of them on recordings.

use std::collections::BTreeMap;

use crate::review::advances::advances;
use crate::review::change::{Change, Direction};
use crate::review::outcome::Review;
use crate::review::verdict::{Compared, Standing};

use super::layout::count;

mod json;
mod plain;
mod pretty;
pub(super) mod words;

pub use json::{json, jsonl};
pub use plain::plain;
pub use pretty::pretty;

/// Everything that was compared.
#[derive(Debug, Default)]
pub struct Diffed {
    /// One per policy that was edited, or whose fixtures were; those that are gone altogether come first.
    pub reviews: Vec<Review>,
    /// Policies whose meaning is the same to the letter.
    pub unchanged: Vec<String>,
    /// Policies that only the new side has.
    pub added: Vec<String>,
    /// Policies that only the old side has; each has its review as well.
    pub removed: Vec<String>,
    /// How the sides were found.
    pub notes: Vec<String>,
}

impl Diffed {
    /// For when no policy was edited: `nothing changes: 2 policies are the same`.
    #[must_use]
    pub fn nothing(&self) -> String {
        match (self.unchanged.len(), self.added.len() + self.removed.len()) {
            (0, _) => "no policy is on both sides".to_owned(),
            (1, 0) => format!("nothing changes: `{}` is the same on both sides", self.unchanged.join("")),
            (same, 0) => format!("nothing changes: {} are the same on both sides", count(same, "policy")),
            (same, _) => format!("{} unchanged", count(same, "policy")),
        }
    }
}

/// How many of what, for the head and the last line of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    /// Edits that make it act on more.
    pub tighter: usize,
    /// Edits that make it act on less.
    pub looser: usize,
    /// Edits of which neither can be said.
    pub different: usize,
    /// Recordings played.
    pub recordings: usize,
    /// Of those, recordings on which neither policy could tell anything.
    pub blind: usize,
    /// Snapshots in them.
    pub snapshots: u64,
    /// Recordings on which a decision differs.
    pub decisions: usize,
    /// Recordings on which only the golden timeline differs.
    pub findings: usize,
    /// Roll backs that the new policy does not decide, and that somebody will miss.
    pub lost: usize,
    /// False alarms that the new policy does not raise.
    pub alarms_gone: usize,
    /// Roll backs that only the new policy decides.
    pub gained: usize,
    /// Of those, outside of any incident.
    pub gained_false: usize,
    /// Roll backs that come sooner.
    pub earlier: usize,
    /// Roll backs that come later.
    pub later: usize,
    /// Advances that come sooner, or come at all.
    pub advances_earlier: usize,
    /// Advances that come later, or not any more.
    pub advances_later: usize,
}

impl Totals {
    /// Of one review.
    #[must_use]
    pub fn of(review: &Review) -> Totals {
        let edits = |direction| review.changes.iter().filter(|change| change.direction == direction).count();
        let standing = |standing| review.compared.iter().filter(|one| one.standing == standing).count();
        let moved = |wanted: fn(i64) -> bool| {
            review.compared.iter().flat_map(|one| &one.moved).filter(|moved| wanted(moved.later_by())).count()
        };
        let advanced = |earlier: bool| {
            review.compared.iter().flat_map(advances).filter(|moved| moved.is_earlier() == earlier).count()
        };
        Totals {
            tighter: edits(Direction::Tighter),
            looser: edits(Direction::Looser),
            different: edits(Direction::Different),
            recordings: review.compared.len(),
            blind: review.compared.iter().filter(|one| one.is_blind()).count(),
            snapshots: review.compared.iter().map(|one| one.snapshots).sum(),
            decisions: standing(Standing::Decisions),
            findings: standing(Standing::Findings),
            lost: review.compared.iter().map(|one| one.lost.len()).sum(),
            alarms_gone: review.compared.iter().map(|one| one.alarms_gone.len()).sum(),
            gained: review.compared.iter().map(|one| one.gained.len()).sum(),
            gained_false: review.compared.iter().map(|one| one.gained_false).sum(),
            earlier: moved(|by| by < 0),
            later: moved(|by| by > 0),
            advances_earlier: advanced(true),
            advances_later: advanced(false),
        }
    }
}

/// Recordings of one standing.
fn with(review: &Review, standing: Standing) -> impl Iterator<Item = &Compared> {
    review.compared.iter().filter(move |one| one.standing == standing)
}

/// Edits of one thing together, in the order of the review.
fn by_subject(review: &Review) -> Vec<(String, Vec<&Change>)> {
    let mut order: Vec<(String, Vec<&Change>)> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for change in &review.changes {
        let name = words::subject(change);
        let at = *known.entry(name.clone()).or_insert_with(|| {
            order.push((name, Vec::new()));
            order.len() - 1
        });
        if let Some((_, changes)) = order.get_mut(at) {
            changes.push(change);
        }
    }
    order
}
