//! The lease: who leads, until when, and the fence that only grows.

use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use crate::model::ids::{Actor, Generation};
use crate::model::time::{Duration, Time};
use crate::ports::store::{Lease, LeaseToken, StoreError};

use super::tables::{InWords as _, LEASE};

const ONLY: &str = "leader";

/// What is kept: the fence outlives every lease.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    fence: Generation,
    lease: Option<Lease>,
}

fn kept(table: &impl ReadableTable<&'static str, &'static str>) -> Result<Kept, StoreError> {
    match table.get(ONLY).in_words()? {
        None => Ok(Kept::default()),
        Some(text) => serde_json::from_str(text.value()).in_words(),
    }
}

fn keep(transaction: &WriteTransaction, kept: &Kept) -> Result<(), StoreError> {
    let text = serde_json::to_string(kept).in_words()?;
    transaction.open_table(LEASE).in_words()?.insert(ONLY, text.as_str()).in_words()?;
    Ok(())
}

fn read(transaction: &WriteTransaction) -> Result<Kept, StoreError> {
    kept(&transaction.open_table(LEASE).in_words()?)
}

fn live(kept: Kept, now: Time) -> Option<Lease> {
    kept.lease.filter(|lease| now < lease.until)
}

pub(super) fn leader(transaction: &ReadTransaction, now: Time) -> Result<Option<Lease>, StoreError> {
    Ok(live(kept(&transaction.open_table(LEASE).in_words()?)?, now))
}

/// Who has the lease at `now`.
pub(super) fn held(transaction: &WriteTransaction, now: Time) -> Result<Option<Lease>, StoreError> {
    Ok(live(read(transaction)?, now))
}

/// Whether `token` is the lease in force.
pub(super) fn check(transaction: &WriteTransaction, token: &LeaseToken, now: Time) -> Result<(), StoreError> {
    let kept = read(transaction)?;
    if token.fence < kept.fence {
        return Err(StoreError::StaleGeneration { carried: token.fence, held: kept.fence });
    }
    match live(kept, now) {
        Some(lease) if lease.token == *token => Ok(()),
        other => Err(StoreError::NotLeader { holder: other.map(|lease| lease.token.holder) }),
    }
}

pub(super) fn acquire(
    transaction: &WriteTransaction,
    holder: &Actor,
    term: Duration,
    now: Time,
) -> Result<LeaseToken, StoreError> {
    let kept = read(transaction)?;
    let mut fence = kept.fence.next();
    if let Some(lease) = live(kept, now) {
        if lease.token.holder != *holder {
            return Err(StoreError::NotLeader { holder: Some(lease.token.holder) });
        }
        fence = lease.token.fence;
    }
    let token = LeaseToken { holder: holder.clone(), fence };
    keep(transaction, &Kept { fence, lease: Some(Lease { token: token.clone(), until: now + term }) })?;
    Ok(token)
}

pub(super) fn renew(
    transaction: &WriteTransaction,
    token: &LeaseToken,
    term: Duration,
    now: Time,
) -> Result<Lease, StoreError> {
    check(transaction, token, now)?;
    let lease = Lease { token: token.clone(), until: now + term };
    keep(transaction, &Kept { fence: token.fence, lease: Some(lease.clone()) })?;
    Ok(lease)
}

pub(super) fn release(transaction: &WriteTransaction, token: &LeaseToken) -> Result<(), StoreError> {
    let kept = read(transaction)?;
    if kept.lease.as_ref().is_some_and(|lease| lease.token == *token) {
        keep(transaction, &Kept { fence: kept.fence, lease: None })?;
    }
    Ok(())
}
