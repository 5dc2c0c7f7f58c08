//! The store's model as a store that never fails: what a person at its own machine works on.

use std::sync::Mutex;

use rollgate::ledger::hash::Key;
use rollgate::ledger::{Checkpoint, Entry, Head};
use rollgate::model::ids::{Actor, Digest};
use rollgate::model::time::Duration;
use rollgate::ports::store::{Appended, Batch, Exposed, Lease, LeaseToken, Store, StoreError};

use super::disk::Disk;

pub struct Shelf(Mutex<Disk>);

impl Shelf {
    pub fn new(disk: Disk) -> Shelf {
        Shelf(Mutex::new(disk))
    }

    pub fn back(self) -> Disk {
        self.0.into_inner().unwrap()
    }
}

fn not_here<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("only what pruning needs".to_owned()))
}

impl Store for Shelf {
    fn keys(&self) -> Result<Vec<Key>, StoreError> {
        Ok(self.0.lock().unwrap().chains.keys().cloned().collect())
    }

    fn head(&self, key: &Key) -> Result<Head, StoreError> {
        Ok(self.0.lock().unwrap().head(key))
    }

    fn entries(&self, key: &Key, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        Ok(self.0.lock().unwrap().entries(key, from, limit))
    }

    fn checkpoint(&self, key: &Key, at_most: u64) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.0.lock().unwrap().checkpoint(key, at_most))
    }

    fn append(&self, _: &Batch) -> Result<Appended, StoreError> {
        not_here()
    }

    fn exposed(&self, key: &Key) -> Result<Exposed, StoreError> {
        Ok(self.0.lock().unwrap().exposed(key))
    }

    fn policy(&self, digest: &Digest) -> Result<Option<String>, StoreError> {
        Ok(self.0.lock().unwrap().policies.get(digest).cloned())
    }

    fn policies(&self) -> Result<Vec<Digest>, StoreError> {
        Ok(self.0.lock().unwrap().policies.keys().cloned().collect())
    }

    fn decision(&self, id: &str) -> Result<Option<String>, StoreError> {
        Ok(self.0.lock().unwrap().decisions.get(id).cloned())
    }

    fn prune(&self, base: &Checkpoint) -> Result<u64, StoreError> {
        self.0.lock().unwrap().prune(base)
    }

    fn restore(&self, _: &Key, _: Option<&Checkpoint>, _: &[Entry], _: &Exposed) -> Result<(), StoreError> {
        not_here()
    }

    fn put_policy(&self, _: &Digest, _: &str) -> Result<(), StoreError> {
        not_here()
    }

    fn acquire(&self, _: &Actor, _: Duration) -> Result<LeaseToken, StoreError> {
        not_here()
    }

    fn renew(&self, _: &LeaseToken, _: Duration) -> Result<Lease, StoreError> {
        not_here()
    }

    fn release(&self, _: &LeaseToken) -> Result<(), StoreError> {
        not_here()
    }

    fn leader(&self) -> Result<Option<Lease>, StoreError> {
        not_here()
    }
}
