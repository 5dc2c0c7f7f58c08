//! One policy of the comparison: its edits, its recordings under both versions, and the conditions that they trip.

use std::sync::Arc;

use crate::cli::console::Console;
use crate::policy::source::PolicySource;
use crate::report::layout::count;
use crate::review::compare::{Case, CompareOptions};
use crate::review::located::locate;
use crate::review::outcome::{Condition, Review, SideName};
use crate::review::removed::{abandoned, trip};
use crate::review::verdict::Compared;
use crate::review::{gate, structure, tally};

use super::Diff;
use super::drawing::Drawings;
use super::pairs::{self, Compiled, Pair};
use super::recordings;
use super::sides::{Found, Sides};
use super::union::{self, Union};

/// What every policy of a comparison is judged with.
pub(super) struct Judge<'a> {
    pub(super) asked: &'a Diff,
    pub(super) sides: &'a Sides,
    pub(super) drawings: &'a mut Drawings,
    pub(super) console: &'a mut Console,
}

impl Judge<'_> {
    /// A policy that both sides have; nothing when neither it nor its fixtures are different.
    ///
    /// # Errors
    /// A recording cannot be read.
    pub(super) fn pair(&mut self, pair: &Pair, (old, new): (&Compiled, &Compiled)) -> anyhow::Result<Option<Review>> {
        let union = if self.asked.no_fixtures {
            Union::default()
        } else {
            union::of_pair(&self.asked.fixtures, self.sides, pair, (old, new), self.console)?
        };
        if is_unchanged(old, new) && union.became.why().is_none() {
            return Ok(None);
        }
        let mut changes = structure::changes_beside(old, new, &|of_old, environment| {
            let side = if of_old { &pair.old } else { &pair.new };
            structure::without_overlay(&side.source, environment)
        });
        let origins = |found: &Found| crate::policy::check(&found.source).origins;
        locate(&mut changes, &origins(&pair.old), &origins(&pair.new));
        let mut notes: Vec<String> = union.became.note().into_iter().collect();
        let mut compared = self.fixtures(&union, pair, (old, new), &mut notes)?;
        let asked = self.asked;
        compared.extend(asked.history.compare(asked.environment(), (old, new), asked.per_step, self.drawings)?);
        if compared.is_empty() {
            notes.push("no recording was compared: only the edits are told".to_owned());
        }
        worst_first(&mut compared);
        let conditions = asked.conditions();
        let mut tripped = gate::tripped(&changes, &compared, &conditions);
        if let Some(why) = union.became.why() {
            trip(&mut tripped, Condition::Any, why, &conditions);
        }
        Ok(Some(Review {
            rollout: rollout(new).or_else(|| rollout(old)).unwrap_or_default(),
            old: side_name(&pair.old.source, old),
            new: side_name(&pair.new.source, new),
            tripped,
            tallies: tally::tallies(&compared),
            changes,
            compared,
            notes,
        }))
    }

    /// A policy that only the old side has: every check is gone, every roll back of its fixtures lost.
    ///
    /// # Errors
    /// A recording cannot be read.
    pub(super) fn removed(&mut self, gone: &Found) -> anyhow::Result<Review> {
        let asked = self.asked.environment();
        let policies = crate::policy::check(&gone.source).policies.into_iter();
        let wanted = policies.filter(|(name, _)| asked.as_ref().is_none_or(|asked| asked == name));
        let old: Compiled = wanted.map(|(name, policy)| (name, Arc::new(policy))).collect();
        let mut compared = Vec::new();
        let mut notes = Vec::new();
        if !self.asked.no_fixtures {
            for (_, fixture) in recordings::of_side(&self.asked.fixtures, &self.sides.old, gone, None, self.console)? {
                let Some(policy) = old.get(fixture.head.environment.as_str()) else { continue };
                let Ok(case) = Case::of_fixture(&fixture, policy, policy) else { continue };
                let alone = self.drawings.compare(&case, policy, policy, &CompareOptions::default())?;
                compared.push(abandoned(alone, case.before.label.as_ref()));
            }
        }
        worst_first(&mut compared);
        let changes = structure::removed(&old);
        if old.is_empty() {
            notes.push("its last version does not compile, so what it decided is not known".to_owned());
        }
        let conditions = self.asked.conditions();
        let mut tripped = gate::tripped(&changes, &compared, &conditions);
        tripped.retain(|one| one.condition != Condition::Any);
        trip(&mut tripped, Condition::Any, "the policy is removed".to_owned(), &conditions);
        Ok(Review {
            rollout: rollout(&old).or_else(|| pairs::written_rollout(&gone.source)).unwrap_or_default(),
            old: side_name(&gone.source, &old),
            new: SideName { shown: self.sides.new.would_have(gone), digests: Default::default() },
            tripped,
            tallies: tally::tallies(&compared),
            changes,
            compared,
            notes,
        })
    }

    fn fixtures(
        &mut self,
        union: &Union,
        pair: &Pair,
        (old, new): (&Compiled, &Compiled),
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Vec<Compared>> {
        let asked = self.asked;
        if union.fixtures.is_empty() && !asked.fixtures.is_empty() {
            let names: Vec<String> = asked.fixtures.iter().map(|path| path.display().to_string()).collect();
            notes.push(format!("no fixture in {} is of `{}`", names.join(", "), pair.new.source.root));
        }
        let options = CompareOptions { per_step: asked.per_step, ..CompareOptions::default() };
        let mut compared = Vec::new();
        let mut elsewhere = 0;
        for fixture in &union.fixtures {
            let environment = &fixture.head.environment;
            if asked.environment().is_some_and(|asked| asked != *environment) {
                elsewhere += 1;
                continue;
            }
            let name = &fixture.source.root;
            // An environment that only one side has is compared with what the other would run in it.
            let beside = |found: &Found| structure::without_overlay(&found.source, environment);
            let (was, is) = match (old.get(environment).cloned(), new.get(environment).cloned()) {
                (None, Some(is)) => (beside(&pair.old), Some(is)),
                (Some(was), None) => (Some(was), beside(&pair.new)),
                both => both,
            };
            let (Some(was), Some(is)) = (&was, &is) else {
                let side = if old.contains_key(environment) { "new" } else { "old" };
                notes.push(format!("`{name}` is left out: the {side} side has no environment `{environment}`"));
                continue;
            };
            match Case::of_fixture(fixture, was, is) {
                Ok(case) => compared.push(self.drawings.compare(&case, was, is, &options)?),
                Err(misfit) => {
                    let side = if misfit.old { "old" } else { "new" };
                    let why = misfit.problems.first().map_or("", |problem| problem.message.as_str());
                    notes.push(format!("`{name}` is left out: it does not fit the {side} policy: {why}"));
                }
            }
        }
        if elsewhere > 0 {
            notes.push(format!("{} of other environments left out", count(elsewhere, "fixture")));
        }
        Ok(compared)
    }
}

fn worst_first(compared: &mut [Compared]) {
    compared.sort_by(|a, b| {
        let weight = |one: &Compared| (one.standing, one.lost.len(), one.gained_false, one.gained.len());
        weight(b).cmp(&weight(a)).then_with(|| a.name.cmp(&b.name))
    });
}

fn is_unchanged(old: &Compiled, new: &Compiled) -> bool {
    let digests = |compiled: &Compiled| -> Vec<_> {
        compiled.iter().map(|(environment, policy)| (environment.clone(), policy.digest.clone())).collect()
    };
    digests(old) == digests(new)
}

fn rollout(compiled: &Compiled) -> Option<String> {
    compiled.values().next().map(|policy| policy.rollout.to_string())
}

fn side_name(source: &PolicySource, compiled: &Compiled) -> SideName {
    let digests = compiled.iter().map(|(environment, policy)| (environment.clone(), policy.digest.clone())).collect();
    SideName { shown: source.root.clone(), digests }
}
