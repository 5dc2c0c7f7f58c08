//! The lease, by the server's clock.
//!
//! On one master, the script that appends reads the lease itself. In a cluster it cannot: the lease lives in another
//! slot than the rollout. There, every rollout's slot keeps what it was told of the lease, and appends are checked
//! against that:
//!
//! - Who takes the lease tells every rollout before it is told that it leads. From then on each refuses the leader
//!   before, whatever that one believes.
//! - A rollout that has not heard of a leader, or heard of a term that is over, does not refuse for good: the leader's
//!   process asks the lease's own slot again, tells the rollout, and appends. A rollout whose node was away while the
//!   lease changed hands is told that way.
//! - What is told is how long the lease still lasts, not until when: the clocks of nodes differ.
//! - A rollout only ever takes a higher fence, or the same one again.
//!
//! What is left: a leader that asked, was paused, and tells a rollout that the next leader could not reach. Until that
//! one reaches it, the rollout takes the paused leader's batch, if it still follows the chain's end.

use std::collections::HashSet;

use redis::Value;
use serde::Serialize;

use super::fault::{Fault, corrupt, unavailable};
use super::index;
use super::lanes::millis;
use super::names::Rollout;
use super::script::{Call, LEASE, RAISE};
use super::slots;
use super::values::Verdict;
use super::wire::{Lasting, Wire, other_store};
use crate::model::ids::{Actor, Generation};
use crate::model::time::{Duration, Time};
use crate::ports::store::{Lease, LeaseToken, StoreError};

/// How often a fence is raised over the one a rollout knows.
const RAISES: usize = 3;

#[derive(Debug, Serialize)]
struct Asking<'a> {
    id: &'a str,
    cluster: bool,
    shift: i64,
    seen: String,
    #[serde(flatten)]
    verb: Verb<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "verb", rename_all = "lowercase")]
enum Verb<'a> {
    Look,
    Acquire { holder: &'a str, term: i64, floor: String },
    Renew { holder: &'a str, fence: String, term: i64 },
    Release { holder: &'a str, fence: String },
}

fn ask(wire: &mut Wire, verb: Verb<'_>) -> Result<Verdict, Fault> {
    let plan = &wire.plan;
    let lasting = if matches!(verb, Verb::Look) { Lasting::No } else { Lasting::Yes };
    let asking = Asking {
        id: plan.memory.identity.get().map_or("", String::as_str),
        cluster: plan.is_cluster(),
        shift: plan.shift(),
        seen: plan.memory.fence().0.to_string(),
        verb,
    };
    let lease = plan.names.lease();
    let store = if plan.is_cluster() { lease.clone() } else { plan.names.store() };
    let slot = slots::of(&lease);
    let call = Call::new(vec![lease, store], &asking)?;
    let mut verdict = Verdict::read(wire.script(&LEASE, slot, &call, lasting)?)?;
    match verdict.word() {
        "ok" | "free" => Ok(verdict),
        "led" if lasting == Lasting::No => Ok(verdict),
        "led" => Err(led(&mut verdict)?),
        "stale" => {
            let (carried, held) = (Generation(verdict.count()?), Generation(verdict.count()?));
            Err(StoreError::StaleGeneration { carried, held }.into())
        }
        "other" => Err(other_store(&wire.plan.options.place())),
        "back" => {
            let (now, seen) = (verdict.text()?, wire.plan.memory.fence());
            Err(corrupt(format!(
                "the lease's generation is {now}, and this process has seen {seen}: the server lost what it had \
                 acknowledged. Restart every controller to elect a leader anew"
            )))
        }
        _ => Err(verdict.unheard_of()),
    }
}

/// Somebody else leads, or nobody.
pub(super) fn led(verdict: &mut Verdict) -> Result<Fault, Fault> {
    let holder = verdict.text()?;
    let holder = (!holder.is_empty()).then(|| Actor::new(holder));
    Ok(StoreError::NotLeader { holder }.into())
}

fn given(wire: &Wire, holder: &Actor, verdict: &mut Verdict) -> Result<Lease, Fault> {
    let fence = Generation(verdict.count()?);
    let until = Time::from_millis(i64::try_from(verdict.count()?).unwrap_or(i64::MAX));
    wire.plan.memory.note_fence(fence);
    Ok(Lease { token: LeaseToken { holder: holder.clone(), fence }, until })
}

pub(super) fn acquire(wire: &mut Wire, holder: &Actor, term: Duration) -> Result<LeaseToken, Fault> {
    let mut floor = Generation(0);
    for _ in 0..RAISES {
        let verb = Verb::Acquire { holder: holder.as_str(), term: millis(term), floor: floor.0.to_string() };
        let mut verdict = ask(wire, verb)?;
        let lease = given(wire, holder, &mut verdict)?;
        if !wire.plan.is_cluster() {
            return Ok(lease.token);
        }
        match tell_all(wire, &lease.token, millis(term))? {
            None => return Ok(lease.token),
            // The node that had the lease lost it, and counted from the beginning.
            Some(held) => {
                release(wire, &lease.token)?;
                floor = held;
            }
        }
    }
    Err(unavailable("rollouts keep hearing of a higher fence than the lease has"))
}

/// Tells every rollout of a new leader; the highest fence that any knows, when that is higher. One that cannot be told
/// now is told by the first batch for it, see above: a node that is away must not keep the others from being led.
fn tell_all(wire: &mut Wire, token: &LeaseToken, remaining: i64) -> Result<Option<Generation>, Fault> {
    let (mut higher, mut away) = (None, HashSet::new());
    for key in index::all(wire)? {
        let keys = wire.plan.names.rollout(&key);
        let Ok(node) = wire.node(keys.slot()) else { continue };
        if away.contains(&node) {
            continue;
        }
        match wire.in_a_hurry(|wire| raise(wire, token, remaining, &keys)) {
            Ok(held) => higher = higher.max(held),
            Err(_) => {
                away.insert(node);
            }
        }
    }
    Ok(higher)
}

pub(super) fn renew(wire: &mut Wire, token: &LeaseToken, term: Duration) -> Result<Lease, Fault> {
    let fence = token.fence.0.to_string();
    let mut verdict = ask(wire, Verb::Renew { holder: token.holder.as_str(), fence, term: millis(term) })?;
    given(wire, &token.holder, &mut verdict)
}

pub(super) fn release(wire: &mut Wire, token: &LeaseToken) -> Result<(), Fault> {
    let fence = token.fence.0.to_string();
    ask(wire, Verb::Release { holder: token.holder.as_str(), fence }).map(|_| ())
}

/// Who leads and for how many milliseconds more, and the highest fence given out.
pub(super) fn look(wire: &mut Wire) -> Result<(Option<(Lease, i64)>, Generation), Fault> {
    let mut verdict = ask(wire, Verb::Look)?;
    if verdict.word() == "free" {
        let fence = Generation(verdict.count()?);
        return Ok((None, fence));
    }
    let holder = Actor::new(verdict.text()?);
    let lease = given(wire, &holder, &mut verdict)?;
    let remaining = i64::try_from(verdict.count()?).unwrap_or(i64::MAX);
    let fence = lease.token.fence;
    Ok((Some((lease, remaining)), fence))
}

/// Tells a rollout of the lease that `token` is said to be.
pub(super) fn tell(wire: &mut Wire, token: &LeaseToken, keys: &Rollout) -> Result<(), Fault> {
    let (lease, fence) = look(wire)?;
    if token.fence < fence {
        return Err(StoreError::StaleGeneration { carried: token.fence, held: fence }.into());
    }
    match lease {
        Some((lease, remaining)) if lease.token == *token => match raise(wire, token, remaining, keys)? {
            None => Ok(()),
            Some(held) => Err(StoreError::StaleGeneration { carried: token.fence, held }.into()),
        },
        other => Err(StoreError::NotLeader { holder: other.map(|(lease, _)| lease.token.holder) }.into()),
    }
}

/// Tells a rollout of a lease; the fence it knows, when that is higher.
fn raise(wire: &mut Wire, token: &LeaseToken, remaining: i64, keys: &Rollout) -> Result<Option<Generation>, Fault> {
    #[derive(Serialize)]
    struct Raise<'a> {
        shift: i64,
        holder: &'a str,
        fence: String,
        remaining: i64,
    }
    let (holder, fence) = (token.holder.as_str(), token.fence.0.to_string());
    let call = Call::new(vec![keys.lease()], &Raise { shift: wire.plan.shift(), holder, fence, remaining })?;
    let reply: Value = wire.script(&RAISE, keys.slot(), &call, Lasting::Yes)?;
    let mut verdict = Verdict::read(reply)?;
    match verdict.word() {
        "ok" => Ok(None),
        "stale" => {
            verdict.count()?;
            Ok(Some(Generation(verdict.count()?)))
        }
        _ => Err(verdict.unheard_of()),
    }
}
