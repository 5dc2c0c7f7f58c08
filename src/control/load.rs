//! A rollout as a store has it: the state is the fold of its entries, never anything else that was written down.

use std::sync::Arc;

use crate::engine;
use crate::ledger::hash::Key;
use crate::ledger::verify::Walk;
use crate::ledger::{Broken, Head};
use crate::model::ids::{Digest, StageName};
use crate::model::state::RolloutState;
use crate::model::time::Time;
use crate::policy::compiled::Policy;
use crate::ports::store::{Exposed, Store, StoreError};

use super::record::PolicyRecord;

/// Entries read at once: bounded memory whatever the length of the chain.
pub const PAGE: usize = 1000;

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
        let base = store.checkpoint(key, u64::MAX)?;
        let broken = |broken: Broken| StoreError::Corrupt { what: format!("{key}: {broken}") };
        let mut walk = Walk::new(key, base.as_ref()).map_err(broken)?;
        let mut state = base.as_ref().map_or_else(genesis, |base| base.state().clone());
        loop {
            let page = store.entries(key, walk.head().seq.saturating_add(1), PAGE)?;
            for entry in &page {
                walk.step(entry).map_err(broken)?;
                state = engine::fold(state, &entry.record().event());
            }
            if page.len() < PAGE {
                break;
            }
        }
        let verified = walk.end();
        let head = store.head(key)?;
        if head != verified.head {
            let what = format!("{key}: entries end at {}, and should end at {}", verified.head.seq, head.seq);
            return Err(StoreError::Corrupt { what });
        }
        let policy = in_force(store, &state)?;
        let (exposed, since_checkpoint) = (store.exposed(key)?, verified.entries);
        Ok(Rollout { key: key.clone(), state, head, since_checkpoint, exposed, policy })
    }

    /// Whether it was ever started.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.head.seq > 0
    }

    /// Whether its exposure is recorded but was never confirmed: a crash came between.
    #[must_use]
    pub fn is_unconfirmed(&self) -> bool {
        self.state.revision.is_some()
            && self.state.applied_at.is_none()
            && self.exposed.generation == self.state.generation
    }
}

fn in_force(store: &dyn Store, state: &RolloutState) -> Result<InForce, StoreError> {
    let Some(digest) = state.policy.clone() else { return Ok(InForce::None) };
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
