//! A rollout as a store has it: the state is the fold of its entries, never anything else that was written down.

use std::sync::Arc;

use crate::engine;
use crate::ledger::Head;
use crate::ledger::hash::Key;
use crate::ledger::verify::Walk;
use crate::model::ids::{Digest, StageName};
use crate::model::plan::Plan;
use crate::model::state::RolloutState;
use crate::model::time::Time;
use crate::policy::compiled::Policy;
use crate::ports::store::{Exposed, Store, StoreError};

use super::exposure;
use super::record::PolicyRecord;

/// Entries read at once: bounded memory whatever the length of the chain.
pub const PAGE: usize = 1000;
/// How often it is read on when others write meanwhile.
const ATTEMPTS: usize = 16;

/// A rollout, read from a store.
#[derive(Debug, Clone)]
pub struct Rollout {
    /// Which.
    pub key: Key,
    /// The fold of its entries.
    pub state: RolloutState,
    /// The end of its chain.
    pub head: Head,
    /// Entries since the last checkpoint.
    pub since_checkpoint: u64,
    /// What is exposed.
    pub exposed: Exposed,
    /// The policy in force.
    pub policy: InForce,
}

/// The policy in force, as far as it can be used.
#[derive(Debug, Clone)]
pub enum InForce {
    /// Nothing was ever started.
    None,
    /// Compiled.
    Ready(Arc<Policy>),
    /// The store has it no more, or it does not compile any more: nothing advances, everything can be taken back.
    Unusable {
        /// Which.
        digest: Digest,
        /// Why, in one sentence.
        why: String,
        /// What the store still knows of it.
        record: Option<Box<PolicyRecord>>,
    },
}

/// The state before the first entry.
#[must_use]
pub fn genesis() -> RolloutState {
    RolloutState::at_stage(StageName::new(""), Time::from_millis(0))
}

impl Rollout {
    /// Nothing was ever started.
    #[must_use]
    pub fn unknown(key: &Key) -> Rollout {
        Rollout {
            key: key.clone(),
            state: genesis(),
            head: Head::genesis(key),
            since_checkpoint: 0,
            exposed: Exposed::default(),
            policy: InForce::None,
        }
    }

    /// Reads the last checkpoint and folds what follows, checking the chain on the way.
    ///
    /// # Errors
    /// The store's; a chain that is broken is [`StoreError::Corrupt`].
    pub fn load(store: &dyn Store, key: &Key) -> Result<Rollout, StoreError> {
        Rollout::load_knowing(store, key, None)
    }

    /// [`Rollout::load`], by somebody who has a policy at hand: if it is the one in force, it need not be compiled again.
    ///
    /// # Errors
    /// The store's; a chain that is broken is [`StoreError::Corrupt`].
    pub fn load_knowing(store: &dyn Store, key: &Key, known: Option<&Arc<Policy>>) -> Result<Rollout, StoreError> {
        let base = store.checkpoint(key, u64::MAX)?;
        let walk =
            Walk::new(key, base.as_ref()).map_err(|broken| StoreError::Corrupt { what: format!("{key}: {broken}") })?;
        let state = base.as_ref().map_or_else(genesis, |base| base.state().clone());
        let read = Read::on(store, key, walk, state)?;
        let policy = in_force(store, &read.state, known)?;
        Ok(read.rollout(key, 0, policy))
    }

    /// The same rollout as the store has it now. Reads what was written since, and compiles a policy only when it is
    /// another, and not the `known` one either.
    ///
    /// # Errors
    /// The store's; a chain that is broken is [`StoreError::Corrupt`].
    pub fn read_on(&self, store: &dyn Store, known: Option<&Arc<Policy>>) -> Result<Rollout, StoreError> {
        let walk = Walk::after(&self.key, &self.head);
        let read = match Read::on(store, &self.key, walk, self.state.clone()) {
            Ok(read) => read,
            // Pruned past where it was read up to, or put back from an export: from the beginning, then.
            Err(StoreError::Corrupt { .. }) => return Rollout::load_knowing(store, &self.key, known),
            Err(error) => return Err(error),
        };
        let policy = match &self.policy {
            InForce::Ready(policy) if read.state.policy.as_ref() == Some(&policy.digest) => self.policy.clone(),
            _ => in_force(store, &read.state, known)?,
        };
        Ok(read.rollout(&self.key, self.since_checkpoint, policy))
    }

    /// Whether it was ever started.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.head.seq > 0
    }

    /// What makes the world agree with what is recorded.
    #[must_use]
    pub fn plan(&self) -> Plan {
        exposure::plan(&self.exposed, self.state.latch.is_some())
    }

    /// Whether its exposure is recorded but was never confirmed: a crash came between.
    #[must_use]
    pub fn is_unconfirmed(&self) -> bool {
        self.state.revision.is_some()
            && self.state.applied_at.is_none()
            && self.exposed.generation == self.state.generation
    }
}

/// The end of a chain, and what it comes to.
struct Read {
    state: RolloutState,
    head: Head,
    entries: u64,
    exposed: Exposed,
}

impl Read {
    /// Reads on behind `walk`. A store is asked several times, and others write meanwhile: what is read goes together
    /// only if the chain still ends where the entries did.
    fn on(store: &dyn Store, key: &Key, mut walk: Walk, mut state: RolloutState) -> Result<Read, StoreError> {
        let corrupt = |what: String| StoreError::Corrupt { what: format!("{key}: {what}") };
        for _ in 0..ATTEMPTS {
            loop {
                let page = store.entries(key, walk.head().seq.saturating_add(1), PAGE)?;
                for entry in &page {
                    walk.step(entry).map_err(|broken| corrupt(broken.to_string()))?;
                    state = engine::fold(state, &entry.record().event());
                }
                if page.len() < PAGE {
                    break;
                }
            }
            let exposed = store.exposed(key)?;
            let head = store.head(key)?;
            if head == *walk.head() {
                return Ok(Read { state, head, entries: walk.end().entries, exposed });
            }
            if head.seq <= walk.head().seq {
                return Err(corrupt(format!("entries end at {}, and should end at {}", walk.head().seq, head.seq)));
            }
            if store.entries(key, walk.head().seq.saturating_add(1), 1)?.is_empty() {
                return Err(corrupt(format!("entries end at {}, and should end at {}", walk.head().seq, head.seq)));
            }
        }
        Err(StoreError::Unavailable("others kept writing to this rollout".to_owned()))
    }

    fn rollout(self, key: &Key, since_checkpoint: u64, policy: InForce) -> Rollout {
        let Read { state, head, entries, exposed } = self;
        let since_checkpoint = since_checkpoint.saturating_add(entries);
        Rollout { key: key.clone(), state, head, since_checkpoint, exposed, policy }
    }
}

fn in_force(store: &dyn Store, state: &RolloutState, known: Option<&Arc<Policy>>) -> Result<InForce, StoreError> {
    let Some(digest) = state.policy.clone() else { return Ok(InForce::None) };
    // Equal digests are equal policies: a digest covers all that can alter a decision.
    if let Some(policy) = known.filter(|policy| policy.digest == digest) {
        return Ok(InForce::Ready(Arc::clone(policy)));
    }
    let unusable = |why: String, record: Option<PolicyRecord>| InForce::Unusable {
        digest: digest.clone(),
        why,
        record: record.map(Box::new),
    };
    let Some(text) = store.policy(&digest)? else {
        return Ok(unusable("the store has it no more".to_owned(), None));
    };
    Ok(match PolicyRecord::parse(&text) {
        Err(why) => unusable(why, None),
        Ok(record) => match record.compile() {
            Ok(policy) => InForce::Ready(policy),
            Err(why) => unusable(why, Some(record)),
        },
    })
}
