//! How much, how often, how long. Every limit has a number that a healthy sender never meets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::shell::clock::Stopwatch;

/// What one server allows.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// How long the head of a request may take, and how long a connection may idle.
    pub head: Duration,
    /// How long a whole call may take.
    pub call: Duration,
    /// How long a client may not take what it asked for.
    pub stall: Duration,
    /// How long calls under way get when the server stops.
    pub grace: Duration,
    /// The largest body.
    pub body: usize,
    /// The largest body of OTLP metrics, and of a policy.
    pub large_body: usize,
    /// Connections at once.
    pub connections: usize,
    /// Reads and orders of one caller.
    pub calls: Rate,
    /// Pushes of one caller.
    pub pushes: Rate,
    /// Calls without a token that is taken, of one address.
    pub strangers: Rate,
    /// Listeners to events at once.
    pub listeners: usize,
    /// Events that may wait for one listener.
    pub backlog: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head: Duration::from_secs(5),
            call: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            body: 1 << 20,
            large_body: 4 << 20,
            connections: 1024,
            calls: Rate { per_second: 100.0, burst: 300.0 },
            pushes: Rate { per_second: 20_000.0, burst: 20_000.0 },
            strangers: Rate { per_second: 1.0, burst: 20.0 },
            listeners: 64,
            backlog: 256,
        }
    }
}

/// How often something may be done: steadily, and at once after a rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Steadily.
    pub per_second: f64,
    /// At once.
    pub burst: f64,
}

/// Whose budget a call comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    Token(Arc<str>),
    Peer(Peer),
}

/// An address, as far as limits tell addresses apart: one host has a whole IPv6 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Peer([u8; 8]);

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Peer {
        let mut network = [0; 8];
        match address.to_canonical() {
            IpAddr::V4(v4) => network.iter_mut().zip(v4.octets()).for_each(|(to, from)| *to = from),
            IpAddr::V6(v6) => network.iter_mut().zip(v6.octets()).for_each(|(to, from)| *to = from),
        }
        Peer(network)
    }
}

/// What a budget is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Call,
    Push,
    Stranger,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: f64,
}

/// More callers than this are not told apart by name any more: the ones that rested longest start anew.
const MOST_CALLERS: usize = 10_000;

/// Every caller's budget.
#[derive(Debug)]
pub(super) struct Budgets {
    clock: Stopwatch,
    buckets: Mutex<HashMap<(Kind, Whose), Bucket>>,
}

impl Budgets {
    pub(super) fn new() -> Budgets {
        Budgets { clock: Stopwatch::start(), buckets: Mutex::default() }
    }

    /// Takes one call out of a budget.
    ///
    /// # Errors
    /// How many seconds until there is one again.
    pub(super) fn take(&self, kind: Kind, whose: Whose, rate: Rate) -> Result<(), u64> {
        self.take_at(self.clock.seconds(), kind, whose, rate)
    }

    fn take_at(&self, now: f64, kind: Kind, whose: Whose, rate: Rate) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_CALLERS && !buckets.contains_key(&(kind, whose.clone())) {
            // A full bucket says no more than no bucket.
            buckets.retain(|_, bucket| now - bucket.at < 60.0);
            if buckets.len() >= MOST_CALLERS {
                buckets.clear();
            }
        }
        let bucket = buckets.entry((kind, whose)).or_insert(Bucket { left: rate.burst, at: now });
        bucket.left = rate.burst.min(bucket.left + (now - bucket.at).max(0.0) * rate.per_second);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        let wait = ((1.0 - bucket.left) / rate.per_second.max(f64::MIN_POSITIVE)).ceil().clamp(1.0, 3600.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 1 and 3600")]
        Err(wait as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 2.0, burst: 3.0 };

    #[test]
    fn a_budget_gives_a_burst_then_a_steady_rate() {
        let budgets = Budgets::new();
        let ana = || Whose::Token(Arc::from("ana"));
        let take = |now: f64| budgets.take_at(now, Kind::Call, ana(), RATE);
        assert_eq!([take(0.0), take(0.0), take(0.0), take(0.0)], [Ok(()), Ok(()), Ok(()), Err(1)]);
        assert_eq!([take(0.5), take(0.5)], [Ok(()), Err(1)]);
        assert_eq!(budgets.take_at(0.5, Kind::Push, ana(), RATE), Ok(()), "another budget");
        assert_eq!(budgets.take_at(0.5, Kind::Call, Whose::Token(Arc::from("ben")), RATE), Ok(()));
        assert_eq!((0..4).filter(|_| take(1000.0).is_ok()).count(), 3, "a rest fills the burst and no more");
        assert_eq!(take(0.0), Err(1), "a clock that goes back gives nothing");
    }

    #[test]
    fn memory_does_not_grow_with_callers() {
        let budgets = Budgets::new();
        for caller in 0..3 * MOST_CALLERS {
            let whose = Whose::Token(Arc::from(caller.to_string()));
            assert!(budgets.take_at(0.0, Kind::Call, whose, RATE).is_ok());
        }
        assert!(budgets.buckets.lock().unwrap().len() <= MOST_CALLERS);
    }

    #[test]
    fn one_host_is_one_peer() {
        let peer = |text: &str| Peer::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(peer("2001:db8:1:2::1"), peer("2001:db8:1:2:ffff::9"));
        assert_ne!(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
        assert_ne!(peer("10.0.0.1"), peer("10.0.0.2"));
    }
}
