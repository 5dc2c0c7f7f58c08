//! Commands straight on a store: read, propose, append, act, confirm. Works whenever the store can be opened, with no
//! controller running.

use crate::ledger::Entry;
use crate::ledger::hash::Key;
use crate::model::event::{Event, What};
use crate::model::ids::Digest;
use crate::model::time::Time;
use crate::ports::actuator::Actuator;
use crate::ports::crash;
use crate::ports::store::{Authority, Batch, Store, StoreError};

use super::again;
use super::command::{Command, Operate, OperateError, Outcome};
use super::load::Rollout;
use super::propose::propose;
use super::record::PolicyRecord;
use super::seal::seal;
use super::standing::Standing;

/// How often a command is proposed anew when somebody else wrote in between.
const ATTEMPTS: usize = 8;

/// Commands on a store.
#[derive(Clone, Copy)]
pub struct Direct<'a> {
    store: &'a dyn Store,
    actuator: &'a dyn Actuator,
}

impl<'a> Direct<'a> {
    /// On `store`, acting through `actuator`.
    #[must_use]
    pub const fn new(store: &'a dyn Store, actuator: &'a dyn Actuator) -> Direct<'a> {
        Direct { store, actuator }
    }

    /// The rollout, as the store has it.
    ///
    /// # Errors
    /// The store's.
    pub fn rollout(&self, key: &Key) -> Result<Rollout, OperateError> {
        Ok(Rollout::load(self.store, key)?)
    }

    /// Acts on every exposure that is recorded and was never confirmed: what a crash left undone. One sentence each.
    ///
    /// # Errors
    /// The store's.
    pub fn settle(&self, now: Time) -> Result<Vec<String>, OperateError> {
        let mut done = Vec::new();
        for key in self.store.keys()? {
            let rollout = Rollout::load(self.store, &key)?;
            if !rollout.is_unconfirmed() {
                continue;
            }
            let generation = rollout.state.generation;
            done.push(match self.confirm(&rollout, now)? {
                Ok(_) => format!("{key}: generation {generation} was recorded but never confirmed; it is applied now"),
                Err(why) => format!("{key}: generation {generation} is recorded and cannot be applied: {why}"),
            });
        }
        Ok(done)
    }

    /// Makes the world agree with what is recorded, and records that it does.
    fn confirm(&self, rollout: &Rollout, now: Time) -> Result<Result<Vec<String>, String>, OperateError> {
        let plan = rollout.plan();
        let lines = match self.actuator.apply(&rollout.key, &plan) {
            Ok(lines) => lines,
            Err(error) => return Ok(Err(error.to_string())),
        };
        crash::here("order.applied");
        let generation = plan.generation;
        let event = Event { time: now.max(rollout.head.at), what: What::Applied { generation } };
        let sealed = seal(rollout, None, vec![event])?;
        let appended = self.store.append(&Batch {
            key: rollout.key.clone(),
            expected: rollout.head.clone(),
            // What is already so is only written down; nothing moves.
            authority: Authority::RollBack,
            token: format!("applied-{generation}"),
            entries: sealed.entries,
            exposed: None,
            policies: Vec::new(),
            decisions: Vec::new(),
            checkpoint: sealed.checkpoint,
        });
        crash::here("order.confirmed");
        match appended {
            Ok(_) => Ok(Ok(lines)),
            // Whoever wrote in between moved it on, and confirms that.
            Err(error) if error.is_race() => Ok(Ok(lines)),
            Err(error) => Err(error.into()),
        }
    }

    /// Proposes and appends until nobody else was faster.
    fn append(
        &self,
        key: &Key,
        command: &Command,
        now: Time,
        dry_run: bool,
    ) -> Result<(Rollout, Outcome), OperateError> {
        let mut last = StoreError::Unavailable("others kept writing to this rollout".to_owned());
        for _ in 0..ATTEMPTS {
            let rollout = Rollout::load(self.store, key)?;
            let proposal = propose(&rollout, command, now)?;
            let mut outcome = Outcome {
                key: key.clone(),
                before: rollout.state.clone(),
                after: proposal.after.clone(),
                was: rollout.exposed.clone(),
                entries: proposal.entries.clone(),
                plan: proposal.plan.clone(),
                refused: proposal.refused.clone(),
                waits: proposal.waits.clone(),
                applied: None,
                notes: proposal.notes.clone(),
                dry_run,
            };
            if dry_run || proposal.entries.is_empty() {
                return Ok((rollout, outcome));
            }
            crash::here("order.proposed");
            match self.store.append(&proposal.batch(&rollout, command)) {
                Ok(appended) => {
                    if appended.again {
                        again::answer(self.store, command, appended.end, &mut outcome)?;
                    }
                    return Ok((rollout, outcome));
                }
                Err(error) if error.is_race() => last = error,
                Err(error) => return Err(error.into()),
            }
        }
        Err(last.into())
    }
}

impl Operate for Direct<'_> {
    fn rollouts(&self) -> Result<Vec<Key>, OperateError> {
        Ok(self.store.keys()?)
    }

    fn carry_out(&self, key: &Key, command: &Command, now: Time, dry_run: bool) -> Result<Outcome, OperateError> {
        let (_, mut outcome) = self.append(key, command, now, dry_run)?;
        crash::here("order.appended");
        if !dry_run && outcome.plan.is_some() {
            let rollout = Rollout::load(self.store, key)?;
            if rollout.is_unconfirmed() {
                outcome.applied = Some(self.confirm(&rollout, now)?);
                let from = outcome.entries.last().map_or(0, |entry| entry.record().seq.saturating_add(1));
                outcome.entries.extend(self.store.entries(key, from, 1)?);
                outcome.after = Rollout::load(self.store, key)?.state;
            }
        }
        Ok(outcome)
    }

    fn standings(&self, now: Time) -> Result<Vec<Standing>, OperateError> {
        let mut standings = Vec::new();
        for key in self.store.keys()? {
            standings.push(Standing::of(&Rollout::load(self.store, &key)?, now));
        }
        standings.sort_by(Standing::worst_first);
        Ok(standings)
    }

    fn history(&self, key: &Key, from: u64, limit: usize) -> Result<Vec<Entry>, OperateError> {
        Ok(self.store.entries(key, from, limit)?)
    }

    fn policies(&self) -> Result<Vec<Digest>, OperateError> {
        Ok(self.store.policies()?)
    }

    fn policy(&self, digest: &Digest) -> Result<Option<PolicyRecord>, OperateError> {
        let Some(text) = self.store.policy(digest)? else { return Ok(None) };
        let unreadable = |why| StoreError::Corrupt { what: format!("policy {}: {why}", digest.short()) };
        Ok(Some(PolicyRecord::parse(&text).map_err(unreadable)?))
    }
}
