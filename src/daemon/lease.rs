//! The lease: taken, renewed and given back by one thread, for every rollout of the house. Whoever holds it steps down
//! by the monotonic clock before the store would say that it is over: a process that slept does not know how long.

use std::sync::{Mutex, PoisonError};

use crate::model::ids::Actor;
use crate::model::time::Duration;
use crate::ports::crash;
use crate::ports::store::{LeaseToken, Store, StoreError};
use crate::shell::clock::Stopwatch;

/// How long the lease is, and when it is renewed or given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// For how long the store gives it.
    pub term: Duration,
    /// How often it is renewed.
    pub renew: Duration,
    /// How long after the last renewal was *asked for* the holder stops leading.
    pub step_down: Duration,
}

/// Another controller leads within 5 s of a leader's death or sleep: the term, and how often a follower asks.
impl Default for Terms {
    fn default() -> Terms {
        Terms {
            term: Duration::from_secs(4),
            renew: Duration::from_millis(1200),
            step_down: Duration::from_millis(2800),
        }
    }
}

#[derive(Debug)]
struct Held {
    token: LeaseToken,
    /// Since the request that gave or renewed it went out.
    since: Stopwatch,
}

/// Whether this process leads.
#[derive(Debug)]
pub struct Leadership {
    holder: Actor,
    terms: Terms,
    held: Mutex<Option<Held>>,
    /// Who was said to hold it when this process last asked for it in vain.
    other: Mutex<Option<Actor>>,
}

impl Leadership {
    /// Not leading yet. `holder` must be of this process alone.
    #[must_use]
    pub const fn new(holder: Actor, terms: Terms) -> Leadership {
        Leadership { holder, terms, held: Mutex::new(None), other: Mutex::new(None) }
    }

    /// Who this process is.
    #[must_use]
    pub const fn holder(&self) -> &Actor {
        &self.holder
    }

    /// The terms.
    #[must_use]
    pub const fn terms(&self) -> Terms {
        self.terms
    }

    /// The lease, as long as it is surely this process's.
    #[must_use]
    pub fn current(&self) -> Option<LeaseToken> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|held| held.since.elapsed() < self.terms.step_down).map(|held| held.token.clone())
    }

    /// Who leads, as far as this process knows.
    #[must_use]
    pub fn leader(&self) -> Option<Actor> {
        if self.current().is_some() {
            return Some(self.holder.clone());
        }
        self.other.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes or renews the lease; what the store says against it, when it does. To be called every
    /// [`Terms::renew`].
    pub fn keep(&self, store: &dyn Store) -> Option<StoreError> {
        let mine = {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.as_ref().map(|held| held.token.clone())
        };
        let since = Stopwatch::start();
        crash::here("lease.asked");
        let asked = match &mine {
            Some(token) => store.renew(token, self.terms.term).map(|lease| lease.token),
            None => store.acquire(&self.holder, self.terms.term),
        };
        crash::here("lease.kept");
        let other = match &asked {
            Err(StoreError::NotLeader { holder }) => holder.clone(),
            _ => None,
        };
        *self.other.lock().unwrap_or_else(PoisonError::into_inner) = other;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Ok(token) => {
                *held = Some(Held { token, since });
                None
            }
            Err(error @ (StoreError::NotLeader { .. } | StoreError::StaleGeneration { .. })) => {
                *held = None;
                Some(error)
            }
            // A store that does not answer has not taken it away; stepping down is a matter of time then.
            Err(error) => Some(error),
        }
    }

    /// Gives the lease back, so that another controller need not wait for its end.
    pub fn give_back(&self, store: &dyn Store) {
        let mine = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(held) = mine
            && let Err(error) = store.release(&held.token)
        {
            tracing::warn!(%error, "the lease could not be given back; it ends by itself");
        }
        crash::here("lease.returned");
    }
}

/// Gives back, in the name of the dead, the lease of a store that only one process at a time can have open: whoever
/// held it is gone, and nobody needs to wait for its end.
///
/// # Errors
/// The store's.
pub fn bury(store: &dyn Store) -> Result<(), StoreError> {
    match store.leader()? {
        Some(lease) => store.release(&lease.token),
        None => Ok(()),
    }
}
