//! What has to be done again and again: the lease, the spool, old entries, old snapshots.

use std::collections::BTreeMap;
use std::time::Duration as Wait;

use crate::control::{Direct, keep, spooled};
use crate::ledger::hash::Key;
use crate::model::time::Duration;
use crate::ports::spool::Waiting;
use crate::ports::store::StoreError;
use crate::shell::clock;

use super::house::House;
use super::staff::Closing;

/// How often the lease is asked for by whoever does not lead: the end of another's is not announced.
const LEASE_EVERY: Wait = Wait::from_millis(250);
/// How often the spool is looked at: a command that found the store in use puts its roll back there.
const SPOOL_EVERY: Wait = Wait::from_millis(250);
/// How much longer it waits for a store that refused.
const SPOOL_AGAIN: Wait = Wait::from_millis(750);
/// How often old entries and snapshots are dropped.
const PRUNE_EVERY: Wait = Wait::from_secs(600);

/// Takes the lease and keeps it.
pub fn keep_lease(house: &House, closing: &Closing) {
    let leadership = house.leadership();
    let every = Wait::from_millis(leadership.terms().renew.as_millis().unsigned_abs());
    let mut told: Option<StoreError> = None;
    let mut led = false;
    loop {
        let trouble = leadership.keep(house.store());
        let leads = leadership.current().is_some();
        if leads != std::mem::replace(&mut led, leads) {
            tracing::info!(leads, holder = %leadership.holder(), "the lease changed hands");
            house.telemetry().lease(if leads { "taken" } else { "lost" });
            house.look_around();
        }
        if trouble != told {
            if let Some(error) = &trouble {
                tracing::warn!(%error, "the lease is not this controller's");
            }
            told = trouble;
        }
        if closing.sleep(if leads { every } else { every.min(LEASE_EVERY) }) {
            return;
        }
    }
}

/// Carries out roll backs that waited in the spool.
pub fn empty_spool(house: &House, closing: &Closing) {
    let mut seen = Waiting::default();
    let mut told_of: Option<String> = None;
    while !closing.sleep(SPOOL_EVERY) {
        let waiting = match house.spool().waiting() {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::error!(%error, place = house.spool().place(), "the spool cannot be read");
                continue;
            }
        };
        if waiting != seen {
            house.spool_has(by_rollout(house, &waiting));
            seen.clone_from(&waiting);
        }
        if waiting.orders.is_empty() && waiting.damage.is_empty() {
            continue;
        }
        let direct = Direct::new(house.store(), house.actuator());
        match spooled::replay(&direct, house.spool(), clock::now()) {
            Ok(told) => {
                told.iter().for_each(|line| tracing::info!("{line}"));
                told_of = None;
                house.look_around();
            }
            // Said once: `status` and the metrics say it as long as it is so.
            Err(error) => {
                let why = error.to_string();
                if told_of.as_ref() != Some(&why) {
                    tracing::warn!(%error, waiting = waiting.orders.len(), "roll backs wait in the spool");
                }
                told_of = Some(why);
                if closing.sleep(SPOOL_AGAIN) {
                    return;
                }
            }
        }
    }
}

fn by_rollout(house: &House, waiting: &Waiting) -> BTreeMap<Key, usize> {
    let mut count = BTreeMap::new();
    for seat in house.seats() {
        let meant = waiting.orders.iter().filter(|order| {
            order.rollout.as_ref().is_none_or(|rollout| *rollout == seat.key.rollout)
                && order.environment.as_ref().is_none_or(|environment| *environment == seat.key.environment)
        });
        count.insert(seat.key.clone(), meant.count());
    }
    count
}

/// Drops entries older than `retention`, and snapshots older than anybody recalls.
pub fn forget(house: &House, retention: Duration, closing: &Closing) {
    loop {
        let now = clock::now();
        if house.leadership().current().is_some() {
            for seat in house.seats() {
                match keep::prune(house.store(), &seat.key, now - retention) {
                    Ok(_) => {}
                    Err(error) => tracing::warn!(key = %seat.key, %error, "old entries could not be dropped"),
                }
            }
        }
        if let Err(error) = house.journal().forget(now - house.recalls()) {
            tracing::warn!(%error, "old snapshots could not be dropped");
        }
        if closing.sleep(PRUNE_EVERY) {
            return;
        }
    }
}
