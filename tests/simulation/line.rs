//! A process's lines to everything outside of it: the store, the actuator, its spool and its journal. Here calls are
//! lost, doubled, late and cut short.

use std::panic::resume_unwind;
use std::sync::Arc;

use rollgate::ledger::hash::Key;
use rollgate::ledger::{Checkpoint, Entry, Head};
use rollgate::model::event::What;
use rollgate::model::ids::{Actor, Digest};
use rollgate::model::plan::Plan;
use rollgate::model::snapshot::Snapshot;
use rollgate::model::time::Duration;
use rollgate::ports::actuator::{Actuator, ActuatorError};
use rollgate::ports::spool::{Spool, Spooled, Waiting};
use rollgate::ports::store::{Appended, Batch, Exposed, Lease, LeaseToken, Store, StoreError};

use super::faults::Fault;
use super::mutants::Mutant;
use super::outside::Done;
use super::world::{Sim, World};

/// What a killed process unwinds with.
pub struct Killed;

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Passes,
    CrashBefore,
    CrashAfter,
    PauseBefore(i64),
    PauseAfter(i64),
    ReplyLost,
    Twice,
    Torn,
}

/// Where a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Reading,
    Writing,
    Actuator,
    Disk,
}

#[derive(Clone)]
pub struct Line {
    sim: Arc<Sim>,
    pub node: usize,
    pub console: bool,
}

impl Line {
    pub fn new(sim: &Arc<Sim>, node: usize) -> Line {
        let console = sim.lock().nodes[node].console;
        Line { sim: Arc::clone(sim), node, console }
    }

    /// One call, with whatever goes wrong before and after it.
    fn call<T>(&self, to: To, effect: impl Fn(&mut World, Fate) -> T) -> T {
        let fate = self.sim.lock().fate(self.node, to);
        match fate {
            Fate::CrashBefore => resume_unwind(Box::new(Killed)),
            Fate::PauseBefore(length) => self.pause(length),
            _ => {}
        }
        let answer = effect(&mut self.sim.lock(), fate);
        match fate {
            Fate::CrashAfter => resume_unwind(Box::new(Killed)),
            Fate::PauseAfter(length) => self.pause(length),
            _ => {}
        }
        answer
    }

    fn pause(&self, length: i64) {
        self.sim.sleep(length);
        if self.sim.lock().nodes[self.node].doomed {
            resume_unwind(Box::new(Killed));
        }
    }

    fn reach<T>(&self, to: To, effect: impl Fn(&mut World) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let node = self.node;
        self.call(to, |world, fate| {
            let gone = |why: &str| Err(StoreError::Unavailable(why.to_owned()));
            let (now, wire) = (world.now, &world.nodes[node].wire);
            if now < world.store_down_until {
                return gone("it is down");
            }
            if now < wire.cut_until || now < wire.requests_lost_until {
                return gone("no way there");
            }
            let unanswered = now < wire.replies_lost_until || fate == Fate::ReplyLost;
            if to == To::Writing && fate == Fate::Torn {
                world.store_down_until = now + 1500;
                return gone("it went down");
            }
            if to == To::Writing && now < world.store_full_until {
                return Err(StoreError::Full("no room".to_owned()));
            }
            let mut answer = effect(world);
            if fate == Fate::Twice {
                let again = effect(world);
                if world.rng.chance(50) {
                    answer = again;
                }
            }
            if unanswered { gone("no answer") } else { answer }
        })
    }

    /// Keeps a snapshot in the journal; whether it goes on from there.
    pub fn accept(&self, rollout: usize, snapshot: &Arc<Snapshot>) -> bool {
        let node = self.node;
        let at = {
            let world = self.sim.lock();
            world.nodes[node].wall(world.now)
        };
        if World::is_turned_away(rollout, snapshot, at) {
            return false;
        }
        self.call(To::Disk, |world, fate| {
            if world.now < world.nodes[node].journal_refuses_until {
                return false;
            }
            if fate == Fate::CrashAfter && world.rng.chance(50) {
                world.note(Fault::JournalTorn);
                return false;
            }
            world.nodes[node].journal.push((rollout, at, Arc::clone(snapshot)));
            true
        })
    }
}

impl World {
    /// Whether this is the call at which what was armed goes off.
    fn fate(&mut self, node: usize, to: To) -> Fate {
        let too_deep = self.depth >= 2;
        let of = &mut self.nodes[node];
        let Some((left, writes_only, fate)) = &mut of.armed else { return Fate::Passes };
        if *writes_only && to == To::Reading {
            return Fate::Passes;
        }
        if *left > 0 {
            *left -= 1;
            return Fate::Passes;
        }
        let fate = *fate;
        let starts = of.controllers.iter().all(Option::is_none) && !of.console;
        if matches!(fate, Fate::PauseBefore(_) | Fate::PauseAfter(_)) && too_deep {
            return Fate::Passes;
        }
        if matches!(fate, Fate::ReplyLost | Fate::Twice | Fate::Torn) && matches!(to, To::Actuator | To::Disk) {
            return Fate::Passes;
        }
        of.armed = None;
        self.note(match fate {
            Fate::CrashBefore | Fate::CrashAfter if starts => Fault::CrashAtStart,
            Fate::CrashBefore => Fault::CrashBefore,
            Fate::CrashAfter => Fault::CrashAfter,
            Fate::PauseBefore(_) => Fault::PauseBefore,
            Fate::PauseAfter(_) => Fault::PauseAfter,
            Fate::ReplyLost => Fault::ReplyLost,
            Fate::Twice => Fault::Twice,
            Fate::Torn => Fault::Torn,
            Fate::Passes => return Fate::Passes,
        });
        self.tell(|| format!("  in a call of node {node}: {to:?}, {fate:?}"));
        fate
    }
}

impl Store for Line {
    fn keys(&self) -> Result<Vec<Key>, StoreError> {
        self.reach(To::Reading, |world| Ok(world.disk.chains.keys().cloned().collect()))
    }

    fn head(&self, key: &Key) -> Result<Head, StoreError> {
        self.reach(To::Reading, |world| Ok(world.disk.head(key)))
    }

    fn entries(&self, key: &Key, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.reach(To::Reading, |world| Ok(world.disk.entries(key, from, limit)))
    }

    fn checkpoint(&self, key: &Key, at_most: u64) -> Result<Option<Checkpoint>, StoreError> {
        self.reach(To::Reading, |world| Ok(world.disk.checkpoint(key, at_most)))
    }

    fn append(&self, batch: &Batch) -> Result<Appended, StoreError> {
        let node = self.node;
        self.reach(To::Writing, |world| {
            let (now, mutant) = (world.time(), world.plan.mutant);
            if mutant == Some(Mutant::StoreLies) && world.rng.chance(3) {
                let head = batch.entries.last().map_or_else(|| batch.expected.clone(), Head::at);
                return Ok(Appended { head, again: false, end: batch.end() });
            }
            let lease = world.disk.leader(now);
            if mutant == Some(Mutant::StoreTakesNoRemarks) && batch.entries.iter().all(is_remark) {
                return Err(StoreError::Conflict(world.disk.head(&batch.key)));
            }
            let appended = world.disk.append(batch, now, mutant);
            match &appended {
                Ok(Appended { again: false, .. }) => world.recorded(node, batch, lease.as_ref()),
                Err(StoreError::StaleGeneration { .. } | StoreError::NotLeader { .. }) => {
                    world.tally.note(Fault::LateWrite)
                }
                _ => {}
            }
            appended
        })
    }

    fn exposed(&self, key: &Key) -> Result<Exposed, StoreError> {
        self.reach(To::Reading, |world| Ok(world.disk.exposed(key)))
    }

    fn policy(&self, digest: &Digest) -> Result<Option<String>, StoreError> {
        self.reach(To::Reading, |world| Ok(world.disk.policies.get(digest).cloned()))
    }

    fn policies(&self) -> Result<Vec<Digest>, StoreError> {
        self.reach(To::Reading, |world| Ok(world.disk.policies.keys().cloned().collect()))
    }

    fn decision(&self, id: &str) -> Result<Option<String>, StoreError> {
        self.reach(To::Reading, |world| Ok(world.disk.decisions.get(id).cloned()))
    }

    fn prune(&self, base: &Checkpoint) -> Result<u64, StoreError> {
        self.reach(To::Writing, |world| world.disk.prune(base))
    }

    fn restore(&self, _: &Key, _: Option<&Checkpoint>, _: &[Entry], _: &Exposed) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("nothing is restored in this world".to_owned()))
    }

    fn put_policy(&self, digest: &Digest, text: &str) -> Result<(), StoreError> {
        self.reach(To::Writing, |world| {
            world.disk.policies.entry(digest.clone()).or_insert_with(|| text.to_owned());
            Ok(())
        })
    }

    fn acquire(&self, holder: &Actor, term: Duration) -> Result<LeaseToken, StoreError> {
        self.reach(To::Writing, |world| {
            let (now, fence) = (world.time(), world.disk.fence);
            let token = world.disk.acquire(holder, term, now)?;
            if token.fence > fence {
                world.note(Fault::LeaseLost);
                let held = world.nodes.iter().filter_map(|node| node.lead(world.now, None));
                if held.filter(|other| other.holder != *holder).count() > 0 {
                    world.note(Fault::LeaseStolen);
                }
                world.tell(|| format!("{holder} leads, fence {}", token.fence.0));
            }
            Ok(token)
        })
    }

    fn renew(&self, token: &LeaseToken, term: Duration) -> Result<Lease, StoreError> {
        self.reach(To::Writing, |world| {
            let now = world.time();
            world.disk.renew(token, term, now)
        })
    }

    fn release(&self, token: &LeaseToken) -> Result<(), StoreError> {
        self.reach(To::Writing, |world| {
            world.disk.release(token);
            Ok(())
        })
    }

    fn leader(&self) -> Result<Option<Lease>, StoreError> {
        self.reach(To::Reading, |world| Ok(world.disk.leader(world.time())))
    }
}

impl Actuator for Line {
    fn apply(&self, key: &Key, plan: &Plan) -> Result<Vec<String>, ActuatorError> {
        let node = self.node;
        self.call(To::Actuator, |world, fate| {
            world.asks_for(node, key, plan);
            if world.now < world.nodes[node].actuator_fails_until {
                world.note(Fault::ActuatorFails);
                return Err(ActuatorError::Failed("it does not answer".to_owned()));
            }
            let mutant = world.plan.mutant;
            let spares = mutant == Some(Mutant::ActuatorSparesTheUnkept);
            if spares && world.nodes[node].unkept_acts.iter().any(Option::is_some) {
                return Ok(vec!["it is so, as far as anybody knows".to_owned()]);
            }
            let done = world.outside.apply(key, plan, mutant);
            match done {
                Ok(Done::Now(before)) => world.shown(node, key, plan, &before, fate),
                Ok(Done::Before) => {}
                Err(error) => {
                    world.note(Fault::StaleRefused);
                    return Err(error);
                }
            }
            if !world.is_calm() && world.rng.rarely(20) {
                world.note(Fault::ActuatorReplyLost);
                return Err(ActuatorError::Failed("no answer".to_owned()));
            }
            Ok(vec![format!("generation {} is so", plan.generation)])
        })
    }
}

/// Whether an entry only says how things look.
fn is_remark(entry: &Entry) -> bool {
    matches!(entry.record().what, What::FindingChanged { .. } | What::DecisionChanged { .. })
}

impl Spool for Line {
    fn place(&self) -> String {
        format!("spool of node {}", self.node)
    }

    fn push(&self, order: &Spooled) -> Result<(), StoreError> {
        let node = self.node;
        self.call(To::Disk, |world, _| {
            if world.now < world.nodes[node].spool_refuses_until {
                world.note(Fault::SpoolRefuses);
                world.spooled(node, order, false);
                return Err(StoreError::Full("no room for the spool either".to_owned()));
            }
            world.tell(|| format!("node {node} spools {} ({})", order.order.verb.name(), order.order.reason));
            world.spooled(node, order, true);
            world.nodes[node].spool.push(order.clone());
            Ok(())
        })
    }

    fn waiting(&self) -> Result<Waiting, StoreError> {
        let node = self.node;
        self.call(To::Disk, |world, _| Ok(Waiting { orders: world.nodes[node].spool.clone(), damage: Vec::new() }))
    }

    fn clear(&self, seen: &Waiting) -> Result<bool, StoreError> {
        let node = self.node;
        self.call(To::Disk, |world, _| {
            if world.nodes[node].spool != seen.orders {
                return Ok(false);
            }
            world.nodes[node].spool.clear();
            Ok(true)
        })
    }
}
