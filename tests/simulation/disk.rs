//! The store's model: the same checks in the same order as the embedded store's, over maps.

use std::collections::BTreeMap;

use rollgate::ledger::hash::Key;
use rollgate::ledger::{Checkpoint, Entry, Head};
use rollgate::model::ids::{Actor, Digest, Generation};
use rollgate::model::time::{Duration, Time};
use rollgate::ports::store::{Appended, Authority, Batch, Exposed, Lease, LeaseToken, StoreError};

use super::mutants::Mutant;

/// One rollout's chain, and what must be true together with it.
#[derive(Debug, Clone)]
pub struct Chain {
    pub head: Head,
    pub entries: BTreeMap<u64, Entry>,
    pub checkpoints: BTreeMap<u64, Checkpoint>,
    pub exposed: Exposed,
    tokens: BTreeMap<String, u64>,
}

impl Chain {
    fn new(key: &Key) -> Chain {
        Chain {
            head: Head::genesis(key),
            entries: BTreeMap::new(),
            checkpoints: BTreeMap::new(),
            exposed: Exposed::default(),
            tokens: BTreeMap::new(),
        }
    }
}

/// Everything a store keeps.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    pub chains: BTreeMap<Key, Chain>,
    pub policies: BTreeMap<Digest, String>,
    pub decisions: BTreeMap<String, String>,
    pub fence: Generation,
    pub lease: Option<Lease>,
}

impl Disk {
    pub fn head(&self, key: &Key) -> Head {
        self.chains.get(key).map_or_else(|| Head::genesis(key), |chain| chain.head.clone())
    }

    pub fn entries(&self, key: &Key, from: u64, limit: usize) -> Vec<Entry> {
        let Some(chain) = self.chains.get(key) else { return Vec::new() };
        chain.entries.range(from..).take(limit).map(|(_, entry)| entry.clone()).collect()
    }

    pub fn checkpoint(&self, key: &Key, at_most: u64) -> Option<Checkpoint> {
        let chain = self.chains.get(key)?;
        chain.checkpoints.range(..=at_most).next_back().map(|(_, checkpoint)| checkpoint.clone())
    }

    pub fn exposed(&self, key: &Key) -> Exposed {
        self.chains.get(key).map(|chain| chain.exposed.clone()).unwrap_or_default()
    }

    pub fn leader(&self, now: Time) -> Option<Lease> {
        self.lease.clone().filter(|lease| now < lease.until)
    }

    pub fn append(&mut self, batch: &Batch, now: Time, mutant: Option<Mutant>) -> Result<Appended, StoreError> {
        let head = self.head(&batch.key);
        let known = self.chains.get(&batch.key).and_then(|chain| chain.tokens.get(&batch.token).copied());
        if let Some(end) = known.filter(|_| mutant != Some(Mutant::StoreForgetsTokens)) {
            return Ok(Appended { head, again: true, end });
        }
        if mutant != Some(Mutant::StoreIgnoresTheFence) {
            self.check_authority(&batch.authority, now)?;
        }
        if head != batch.expected {
            return Err(StoreError::Conflict(head));
        }
        let mut end = head;
        for entry in &batch.entries {
            let record = entry.record();
            let follows = record.seq == end.seq + 1 && record.prev == end.hash && record.at >= end.at;
            if !follows || record.key() != batch.key {
                let what = format!("entry {} of the batch does not follow entry {}", record.seq, end.seq);
                return Err(StoreError::Corrupt { what });
            }
            end = Head::at(entry);
        }
        if let Some(exposed) = &batch.exposed {
            let held = self.exposed(&batch.key).generation;
            if exposed.generation <= held {
                return Err(StoreError::StaleGeneration { carried: exposed.generation, held });
            }
        }
        let chain = self.chains.entry(batch.key.clone()).or_insert_with(|| Chain::new(&batch.key));
        chain.entries.extend(batch.entries.iter().map(|entry| (entry.record().seq, entry.clone())));
        chain.head = end.clone();
        chain.tokens.insert(batch.token.clone(), batch.end());
        if let Some(exposed) = &batch.exposed {
            chain.exposed = exposed.clone();
        }
        if let Some(checkpoint) = &batch.checkpoint {
            chain.checkpoints.insert(checkpoint.head().seq, checkpoint.clone());
        }
        for (digest, text) in &batch.policies {
            self.policies.entry(digest.clone()).or_insert_with(|| text.clone());
        }
        self.decisions.extend(batch.decisions.iter().cloned());
        Ok(Appended { head: end, again: false, end: batch.end() })
    }

    fn check_authority(&self, authority: &Authority, now: Time) -> Result<(), StoreError> {
        match authority {
            Authority::RollBack => Ok(()),
            Authority::Leader(token) => self.check_lease(token, now),
            Authority::Unled => match self.leader(now) {
                None => Ok(()),
                Some(lease) => Err(StoreError::NotLeader { holder: Some(lease.token.holder) }),
            },
        }
    }

    fn check_lease(&self, token: &LeaseToken, now: Time) -> Result<(), StoreError> {
        if token.fence < self.fence {
            return Err(StoreError::StaleGeneration { carried: token.fence, held: self.fence });
        }
        match self.leader(now) {
            Some(lease) if lease.token == *token => Ok(()),
            other => Err(StoreError::NotLeader { holder: other.map(|lease| lease.token.holder) }),
        }
    }

    pub fn acquire(&mut self, holder: &Actor, term: Duration, now: Time) -> Result<LeaseToken, StoreError> {
        let mut fence = self.fence.next();
        if let Some(lease) = self.leader(now) {
            if lease.token.holder != *holder {
                return Err(StoreError::NotLeader { holder: Some(lease.token.holder) });
            }
            fence = lease.token.fence;
        }
        let token = LeaseToken { holder: holder.clone(), fence };
        self.fence = fence;
        self.lease = Some(Lease { token: token.clone(), until: now + term });
        Ok(token)
    }

    pub fn renew(&mut self, token: &LeaseToken, term: Duration, now: Time) -> Result<Lease, StoreError> {
        self.check_lease(token, now)?;
        let lease = Lease { token: token.clone(), until: now + term };
        self.lease = Some(lease.clone());
        Ok(lease)
    }

    pub fn release(&mut self, token: &LeaseToken) {
        if self.lease.as_ref().is_some_and(|lease| lease.token == *token) {
            self.lease = None;
        }
    }

    pub fn prune(&mut self, base: &Checkpoint) -> Result<u64, StoreError> {
        let head = self.head(base.key());
        let seq = base.head().seq;
        let Some(chain) = self.chains.get_mut(base.key()) else { return Err(StoreError::Conflict(head)) };
        if chain.entries.get(&seq).is_none_or(|entry| Head::at(entry) != *base.head()) {
            return Err(StoreError::Conflict(head));
        }
        let before = chain.entries.len();
        chain.entries.retain(|at, _| *at > seq);
        chain.checkpoints.retain(|at, _| *at > seq);
        chain.checkpoints.insert(seq, base.clone());
        chain.tokens.retain(|_, at| *at > seq);
        Ok((before - chain.entries.len()) as u64)
    }

    /// What no store may do.
    pub fn lose_the_last_entry(&mut self) {
        for chain in self.chains.values_mut() {
            chain.entries.pop_last();
            if let Some(last) = chain.entries.values().next_back() {
                chain.head = Head::at(last);
            }
        }
    }
}
