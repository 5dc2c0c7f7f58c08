//! Adding to a chain.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::event::What;
use crate::model::ids::Actor;
use crate::model::state::RolloutState;
use crate::model::time::Time;

use super::entry::{BadLine, Change, Entry, Record};
use super::hash::{Hash, Key, LEDGER_VERSION};

/// The end of a chain: what the next entry is tied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last entry's place; 0 before the first.
    pub seq: u64,
    /// Its seal.
    pub hash: Hash,
    /// Its time: no later entry is stamped earlier.
    pub at: Time,
}

impl Head {
    /// Before the first entry of `key`.
    #[must_use]
    pub fn genesis(key: &Key) -> Head {
        Head { seq: 0, hash: key.genesis(), at: Time::from_millis(0) }
    }

    /// At `entry`.
    #[must_use]
    pub fn at(entry: &Entry) -> Head {
        Head { seq: entry.record().seq, hash: entry.hash().clone(), at: entry.record().at }
    }
}

/// What an entry is made of besides its place.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// Why.
    pub reason: &'a str,
    /// When; a time before the last entry's counts as the last entry's.
    pub at: Time,
    /// What happened.
    pub what: What,
    /// The state before and after it.
    pub states: (&'a RolloutState, &'a RolloutState),
}

impl Draft<'_> {
    /// The next entry of the chain that ends in `head`.
    ///
    /// # Errors
    /// The event holds something that JSON cannot say.
    pub fn seal(self, key: &Key, head: &Head) -> Result<Entry, BadLine> {
        let (before, after) = self.states;
        Entry::seal(Record {
            v: LEDGER_VERSION,
            seq: head.seq.saturating_add(1),
            at: self.at.max(head.at),
            rollout: key.rollout.clone(),
            environment: key.environment.clone(),
            actor: self.actor.clone(),
            reason: self.reason.to_owned(),
            policy: after.policy.clone(),
            changed: changes(before, after),
            what: self.what,
            prev: head.hash.clone(),
        })
    }
}

/// What differs between two states, by field. Baselines are left out: their event lists them in full.
#[must_use]
pub fn changes(before: &RolloutState, after: &RolloutState) -> BTreeMap<String, Change> {
    let fields = |state: &RolloutState| match serde_json::to_value(state) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (fields(before), fields(after));
    after
        .into_iter()
        .filter(|(name, _)| name != "baselines")
        .filter_map(|(name, new)| {
            let old = before.get(&name).cloned().unwrap_or(Value::Null);
            (old != new).then_some((name, Change { old, new }))
        })
        .collect()
}
