//! What was edited between two policies, part by part, and in which direction: tighter, looser or different.
//!
//! A bound written in TOML is a box over (value, window, stages, response): whether one box contains the other is
//! decided component by component, exactly. Scripts are evaluated at generated points and say so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::finding::CheckKind;
use crate::model::ids::{CheckId, Environment};
use crate::model::severity::Response;
use crate::policy::compiled::{Check, Policy, Stage, StageIx};
use crate::policy::source::PolicySource;

use super::change::{Bearing, Change, Direction, Proof, Subject};

mod bound;
mod check;
mod effect;
mod grid;
mod ladder;
mod matching;
mod param;
mod policy;
mod probe;
mod reading;
mod removed;
mod rules;
mod script;
mod weight;
mod window;
mod words;

pub use removed::removed;

/// Everything edited from `before` to `after`, over all environments: roll backs and worse severities first. An edit
/// that is the same in several environments is told once.
///
/// An environment that only one side has is told as such; [`changes_beside`] compares it as well.
#[must_use]
pub fn changes(before: &BTreeMap<Environment, Arc<Policy>>, after: &BTreeMap<Environment, Arc<Policy>>) -> Vec<Change> {
    changes_beside(before, after, &|_, _| None)
}

/// A policy without the overlay of an environment: what the old side (`true`) or the new one would run there.
pub type Beside<'s> = dyn Fn(bool, &Environment) -> Option<Arc<Policy>> + 's;

/// The same, where an environment that only one side has is compared with what the other side would run in it.
#[must_use]
pub fn changes_beside(
    before: &BTreeMap<Environment, Arc<Policy>>,
    after: &BTreeMap<Environment, Arc<Policy>>,
    beside: &Beside<'_>,
) -> Vec<Change> {
    let mut merged: Vec<Change> = Vec::new();
    let environments: BTreeSet<&Environment> = before.keys().chain(after.keys()).collect();
    for environment in environments {
        let found = (before.get(environment).cloned(), after.get(environment).cloned());
        let came = found.0.is_none();
        let whole = found.0.is_none() || found.1.is_none();
        let old = found.0.or_else(|| beside(true, environment));
        let new = found.1.or_else(|| beside(false, environment));
        if whole {
            merged.push(policy::environment(environment, came, old.is_some() && new.is_some()));
        }
        let (Some(old), Some(new)) = (&old, &new) else { continue };
        if old.digest == new.digest {
            continue;
        }
        for mut change in of_one(&Pair::new(old, new)) {
            let known = merged.iter_mut().find(|known| {
                change.environments.clone_from(&known.environments);
                **known == change
            });
            match known {
                Some(known) => known.environments.push(environment.clone()),
                None => {
                    change.environments = vec![environment.clone()];
                    merged.push(change);
                }
            }
        }
    }
    merged.sort_by_key(rank);
    merged
}

/// The policy of `source` in an environment that it has no overlay for: as it is without one.
#[must_use]
pub fn without_overlay(source: &PolicySource, environment: &Environment) -> Option<Arc<Policy>> {
    let mut source = source.clone();
    source.insert(format!("env/{environment}.toml"), "");
    crate::policy::compile(&source, environment).policy.map(Arc::new)
}

/// The direction of several edits together: tighter when all are, looser when all are.
#[must_use]
pub fn together<'a>(edits: impl IntoIterator<Item = &'a Change>) -> Direction {
    edits.into_iter().map(|edit| edit.direction).reduce(Direction::and).unwrap_or(Direction::Different)
}

/// What rolls back comes first, then what holds, then the rest; worst severity first, looser before tighter. Edits of
/// one thing stay together.
fn rank(change: &Change) -> impl Ord + use<> {
    let response = std::cmp::Reverse(change.response);
    let severity = std::cmp::Reverse(change.severity);
    let kind = match &change.subject {
        Subject::Check(_) | Subject::Script(_) => 0,
        Subject::Severity(_) => 1,
        Subject::Stage(_) => 2,
        Subject::Metric(_) => 3,
        Subject::Policy(_) => 4,
    };
    (response, severity, kind, change.subject.clone())
}

fn of_one(pair: &Pair<'_>) -> Vec<Change> {
    let mut all = check::changes(pair);
    all.extend(script::depending(pair, &all));
    all.extend(script::changes(pair));
    all.extend(param::changes(pair));
    all.extend(rules::severities(pair));
    all.extend(ladder::changes(pair));
    all.extend(rules::metrics(pair));
    all.extend(policy::changes(pair));
    all
}

/// The two policies of one environment, and what they have in common.
pub(crate) struct Pair<'a> {
    pub(crate) old: &'a Arc<Policy>,
    pub(crate) new: &'a Arc<Policy>,
    /// The stages that both have, by name or renamed: the positions in the old and in the new ladder.
    pub(crate) stages: Vec<(StageIx, StageIx)>,
}

impl<'a> Pair<'a> {
    pub(crate) fn new(old: &'a Arc<Policy>, new: &'a Arc<Policy>) -> Pair<'a> {
        let mut stages: Vec<(StageIx, StageIx)> = Vec::new();
        for (ix, stage) in (0..).map(StageIx).zip(&old.stages) {
            stages.extend(new.find_stage(stage.name.as_str()).map(|there| (ix, there)));
        }
        // What is left is another name of one rung where it exposes the same, or stands at the same height.
        for (ix, was) in (0..).map(StageIx).zip(&old.stages) {
            if new.find_stage(was.name.as_str()).is_some() {
                continue;
            }
            let free = |to: &StageIx| stages.iter().all(|(_, taken)| taken != to);
            let left = || (0..).map(StageIx).zip(&new.stages).filter(|(to, _)| free(to));
            let exposes_the_same = |is: &Stage| was.traffic == is.traffic && was.audience == is.audience;
            let there = left().find(|(_, is)| old.find_stage(is.name.as_str()).is_none() && exposes_the_same(is));
            let at_its_height = || {
                let as_high = |(to, is): &(StageIx, &Stage)| *to == ix && old.find_stage(is.name.as_str()).is_none();
                left().find(as_high).filter(|_| old.stages.len() == new.stages.len())
            };
            let there = there.or_else(at_its_height).map(|(to, _)| (ix, to));
            stages.extend(there);
        }
        stages.sort_unstable();
        Pair { old, new, stages }
    }

    /// Where an old stage is in the new ladder, maybe under another name.
    pub(crate) fn now(&self, stage: StageIx) -> Option<StageIx> {
        self.stages.iter().find(|(old, _)| *old == stage).map(|(_, new)| *new)
    }

    /// The stages that the old ladder has not.
    pub(crate) fn came(&self) -> impl Iterator<Item = StageIx> {
        let all = (0..).map(StageIx).take(self.new.stages.len());
        all.filter(|stage| self.stages.iter().all(|(_, new)| new != stage))
    }
}

/// An edit about to become a [`Change`].
pub(crate) struct Edit {
    pub(crate) part: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) direction: Direction,
    pub(crate) bearing: Bearing,
    pub(crate) words: String,
}

impl Edit {
    pub(crate) fn new(part: impl Into<String>, before: impl Into<String>, after: impl Into<String>) -> Edit {
        Edit::of(part, Some(before.into()), Some(after.into()))
    }

    /// Of something that may not be there at all.
    pub(crate) fn of(part: impl Into<String>, before: Option<String>, after: Option<String>) -> Edit {
        let (direction, bearing) = (Direction::Different, Bearing::Acts);
        Edit { part: part.into(), before, after, direction, bearing, words: String::new() }
    }

    pub(crate) const fn goes(mut self, direction: Direction) -> Edit {
        self.direction = direction;
        self
    }

    pub(crate) fn because(mut self, words: impl Into<String>) -> Edit {
        self.words = words.into();
        self
    }

    pub(crate) const fn bears(mut self, bearing: Bearing) -> Edit {
        self.bearing = bearing;
        self
    }

    /// About something that is no check.
    pub(crate) fn about(self, subject: Subject) -> Change {
        Change {
            subject,
            part: self.part,
            before: self.before,
            after: self.after,
            direction: self.direction,
            proof: Proof::Exact,
            bearing: self.bearing,
            severity: None,
            response: None,
            counterexample: None,
            words: self.words,
            was_at: None,
            is_at: None,
            environments: Vec::new(),
        }
    }

    /// About a check as it was and as it is.
    pub(crate) fn about_check(self, old: Option<&Check>, new: Option<&Check>) -> Change {
        let id = new.or(old).map_or_else(|| CheckId::new(""), |check| check.id.clone());
        let worse = |pick: fn(&Check) -> Response| old.map(pick).max(new.map(pick));
        let severities = [old, new].into_iter().flatten().filter(|check| check.kind != CheckKind::Gate);
        Change {
            severity: severities.map(|check| check.severity).max(),
            response: worse(|check| check.response),
            was_at: old.map(|check| check.origin.clone()),
            is_at: new.map(|check| check.origin.clone()),
            ..self.about(Subject::Check(id))
        }
    }
}

/// From a list before and after: what came and what went, as `a, b`.
pub(crate) fn moved<T: Ord + Clone + ToString>(before: &[T], after: &[T]) -> (Vec<T>, Vec<T>) {
    let (old, new): (BTreeSet<&T>, BTreeSet<&T>) = (before.iter().collect(), after.iter().collect());
    let gone = old.difference(&new).map(|one| (*one).clone()).collect();
    let came = new.difference(&old).map(|one| (*one).clone()).collect();
    (gone, came)
}
