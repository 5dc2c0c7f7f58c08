//! What goes wrong, and what people do meanwhile.

use std::sync::Arc;

use rollgate::control::{Ask, Command, keep};
use rollgate::model::ids::Actor;
use rollgate::model::operator::Verb;
use rollgate::model::time::Duration;

use super::faults::Fault;
use super::line::Fate;
use super::node::RENEW;
use super::world::{Event, World, key};

/// A lease that a slow clock believes in outlives the slowness by no more.
const OUTLIVES: i64 = 12_000;

impl World {
    /// Something goes wrong.
    pub fn mischief(&mut self) -> Option<usize> {
        if self.healed {
            return None;
        }
        let pause = self.rng.range(1, 2 * self.plan.mischief);
        self.after(pause, Event::Mischief);
        let node = self.rng.below(self.plan.nodes as u64) as usize;
        let length = self.rng.pick(&[800, 2000, 4500, 9000, 16_000]);
        let until = self.now + length;
        match self.rng.below(22) {
            0..=6 => self.arm(node),
            7 => {
                self.note(Fault::CrashIdle);
                self.kill(node);
            }
            8 => {
                self.note(Fault::Partition);
                self.nodes[node].wire.cut_until = until;
            }
            9 => {
                self.note(Fault::RequestsLost);
                self.nodes[node].wire.requests_lost_until = until;
            }
            10 => {
                self.note(Fault::RepliesLost);
                self.nodes[node].wire.replies_lost_until = until;
            }
            11 => {
                let fault = self.rng.pick(&[Fault::StoreDown, Fault::StoreRestarted]);
                self.note(fault);
                self.store_down_until = if fault == Fault::StoreDown { until } else { self.now + 600 };
                self.lose_what_was_acknowledged();
            }
            12 => {
                self.note(Fault::StoreFull);
                self.store_full_until = until;
            }
            13 => {
                self.nodes[node].spool_refuses_until = until;
                // Nobody notices unless the store refuses as well.
                self.nodes[node].wire.cut_until = until.min(self.now + 5000);
                self.note(Fault::Partition);
                self.provoke(node);
            }
            14 => self.nodes[node].actuator_fails_until = until.min(self.now + 5000),
            15 => {
                self.note(Fault::JournalRefuses);
                self.nodes[node].journal_refuses_until = until.min(self.now + 4000);
            }
            16 => self.turn_clock(node),
            17 => {
                let rate = self.rng.pick(&[50, 80, 100, 150, 200]);
                if rate != 100 {
                    self.note(if rate < 100 { Fault::ClockSlow } else { Fault::ClockFast });
                }
                self.run_clock(node, rate);
            }
            18 => {
                let source = self.rng.below(self.sources.len() as u64) as usize;
                let longer = self.rng.pick(&[0, 0, 30_000]);
                self.sources[source].only = Some((node, until + longer));
            }
            19 => self.edit(node),
            20 => self.prune(),
            _ => self.hand_over_politely(node),
        }
        None
    }

    /// Something has to be taken back, on its own evidence or on a person's word.
    fn provoke(&mut self, node: usize) {
        if self.rng.chance(50) {
            let source = self.rng.below(self.sources.len() as u64) as usize;
            return self.sources[source].breaks(self.now);
        }
        let rollout = self.rng.below(self.plan.shapes.len() as u64) as usize;
        let verb = self.rng.pick(&[true, false]);
        let command =
            self.command(rollout, |_, _| Ask::Order(if verb { Verb::Emergency } else { Verb::RollBack { to: None } }));
        self.after(500, Event::Order { node, rollout, command, tries: 0 });
    }

    fn arm(&mut self, node: usize) {
        let length = self.rng.pick(&[400, 1500, 4000, 7000, 12_000]);
        let fate = self.rng.pick(&[
            Fate::CrashBefore,
            Fate::CrashAfter,
            Fate::CrashAfter,
            Fate::PauseBefore(length),
            Fate::PauseAfter(length),
            Fate::ReplyLost,
            Fate::ReplyLost,
            Fate::Twice,
            Fate::Torn,
        ]);
        let (calls, writes_only) = (self.rng.below(4), self.rng.chance(75));
        self.nodes[node].armed = Some((calls, writes_only, fate));
    }

    fn turn_clock(&mut self, node: usize) {
        let now = self.now;
        let by = self.rng.pick(&[600_000, 3000, -3000, -600_000, 0, 0]);
        let of = &mut self.nodes[node];
        let jump = by - of.offset;
        (of.offset, of.offset_since) = (by, now);
        if jump != 0 {
            self.note(if jump > 0 { Fault::ClockForth } else { Fault::ClockBack });
            self.tell(|| format!("  that of node {node}: it is off by {by}ms now"));
        }
        self.clock_skips(jump);
    }

    fn run_clock(&mut self, node: usize, rate: i64) {
        let now = self.now;
        let of = &mut self.nodes[node];
        if of.rate.min(rate) < super::watch::SLOWEST {
            of.slow_until = now + OUTLIVES;
        }
        of.run_at(now, rate);
    }

    fn edit(&mut self, node: usize) {
        let rollout = self.rng.below(self.plan.shapes.len() as u64) as usize;
        let mut shape = self.nodes[node].shapes[rollout].clone();
        let fault = self.rng.pick(&[
            Fault::PolicyGood,
            Fault::PolicyGood,
            Fault::PolicyGood,
            Fault::PolicyBad,
            Fault::PolicyEqual,
            Fault::PolicyMoves,
            Fault::TwoPolicies,
        ]);
        self.note(fault);
        match fault {
            Fault::PolicyBad => {
                if !shape.is_refused_when_broken() {
                    self.violated("an edit without a unit compiles");
                }
                return;
            }
            Fault::PolicyMoves => shape.moved = !shape.moved,
            Fault::PolicyEqual => {}
            _ => {
                (shape.warn, shape.bake) = (self.rng.below(4), self.rng.pick(&[7, 10, 13]));
                shape.moved = false;
            }
        }
        self.oracle.meets(&shape);
        for other in 0..self.plan.nodes {
            if fault == Fault::TwoPolicies && other != node {
                continue;
            }
            self.nodes[other].shapes[rollout] = shape.clone();
            let lag = self.rng.range(50, 800);
            self.after(lag, Event::Policy { node: other, rollout });
        }
    }

    /// Retention: what is older than a while goes, behind a checkpoint.
    fn prune(&mut self) {
        if self.store_is_down() {
            return;
        }
        let before = self.time() - Duration::from_secs(20);
        for key in self.keys() {
            let disk = super::shelf::Shelf::new(std::mem::take(&mut self.disk));
            let pruned = keep::prune(&disk, &key, before);
            self.disk = disk.back();
            match pruned {
                Ok(pruned) if pruned.entries > 0 => self.note(Fault::Pruned),
                Ok(_) => {}
                Err(error) => self.violated(format!("I13: {key} cannot be pruned: {error}")),
            }
        }
    }

    /// A controller that is told to stop gives its lease back.
    fn hand_over_politely(&mut self, node: usize) {
        if self.nodes[node].busy
            || !self.nodes[node].up
            || self.nodes[node].is_cut_off(self.now)
            || self.store_is_down()
        {
            return;
        }
        if let Some((token, _)) = self.nodes[node].held.clone() {
            self.note(Fault::Handover);
            self.disk.release(&token);
        }
        self.kill(node);
    }

    /// Everything that was wrong is put right.
    pub fn heal(&mut self) {
        self.healed = true;
        self.tell(|| "-- nothing goes wrong from here on".to_owned());
        (self.store_down_until, self.store_full_until) = (0, 0);
        let now = self.now;
        let jumps: Vec<i64> = self.nodes.iter().map(|of| -of.offset).collect();
        jumps.into_iter().for_each(|jump| self.clock_skips(jump));
        for of in &mut self.nodes {
            of.wire = super::node::Wire::default();
            of.armed = None;
            (of.spool_refuses_until, of.journal_refuses_until, of.actuator_fails_until) = (0, 0, 0);
            if of.offset != 0 {
                (of.offset, of.offset_since) = (0, now);
            }
            if of.rate < super::watch::SLOWEST {
                of.slow_until = now + OUTLIVES;
            }
            of.run_at(now, 100);
        }
        for node in 0..self.plan.nodes {
            self.after(RENEW, Event::Start { node });
        }
    }

    /// Someone starts the rollout.
    pub fn begin(&mut self, rollout: usize) {
        let command = self.command(rollout, |world, _| world.start(0, rollout));
        self.after(2000, Event::Order { node: 0, rollout, command, tries: 0 });
    }

    fn start(&mut self, node: usize, rollout: usize) -> Ask {
        let (record, _) = self.nodes[node].shapes[rollout].compiled();
        Ask::Start { policy: Box::new(record), revision: format!("r{}", self.orders).as_str().into() }
    }

    fn command(&mut self, rollout: usize, ask: impl FnOnce(&mut World, usize) -> Ask) -> Arc<Command> {
        self.orders += 1;
        let name = format!("order-{}", self.orders);
        let ask = ask(self, rollout);
        let actor = Actor::new(self.rng.pick(&["ana", "bob"]));
        Arc::new(Command { actor, reason: name.clone(), ask, token: name })
    }

    /// A person wants something.
    pub fn operator(&mut self) -> Option<usize> {
        if self.healed {
            return None;
        }
        let pause = self.rng.range(3_000, 16_000);
        self.after(pause, Event::Operator);
        let rollout = self.rng.below(self.plan.shapes.len() as u64) as usize;
        let leader = (0..self.plan.nodes).find(|node| self.nodes[*node].up && self.lead_of(*node).is_some());
        let any = self.rng.below(self.plan.nodes as u64 + 1) as usize;
        let node = leader.filter(|_| self.rng.chance(60)).unwrap_or(any);
        let from = if self.nodes[node].console { 0 } else { node };
        let command = self.command(rollout, |world, rollout| world.ask(from, rollout));
        self.tell(|| format!("{} asks node {node} to {} ({})", command.actor, command.verb(), command.token));
        let order =
            |node, command: &Arc<Command>| Event::Order { node, rollout, command: Arc::clone(command), tries: 0 };
        if self.rng.chance(15) {
            self.note(Fault::OrderTwice);
            let other = if self.rng.chance(50) { node } else { any };
            let lag = self.rng.range(0, 4000);
            self.after(lag, order(other, &command));
        }
        self.after(1, order(node, &command));
        None
    }

    fn ask(&mut self, node: usize, rollout: usize) -> Ask {
        let state = self.oracle.books[&key(rollout)].state.clone();
        let stopped = state.latch.is_some()
            || !state.latched_regions.is_empty()
            || state.paused.is_some()
            || state.held.is_some();
        if stopped && self.rng.chance(60) {
            return Ask::Order(Verb::Resume);
        }
        let until = self.time() + Duration::from_secs(self.rng.range(5, 20));
        match self.rng.below(20) {
            0..=4 => Ask::Order(Verb::Advance),
            5..=8 => Ask::Order(Verb::Approve { role: "manager".into() }),
            9 => Ask::Order(Verb::Pause),
            10 => Ask::Order(Verb::Hold { until: Some(until) }),
            11 => Ask::Order(Verb::Resume),
            12 => Ask::Order(Verb::RollBack { to: None }),
            13 => Ask::Order(Verb::RollBack { to: Some("internal".into()) }),
            14 => Ask::Order(Verb::Emergency),
            15 => Ask::Order(Verb::Mute { check: "overload".into(), until, force: true }),
            16 => Ask::Order(Verb::Unmute { check: "overload".into() }),
            17 => self.start(node, rollout),
            18 => {
                let (record, _) = self.nodes[node].shapes[rollout].compiled();
                Ask::Adopt { policy: Box::new(record) }
            }
            _ => Ask::Order(Verb::Advance),
        }
    }

    /// Whoever got no answer gives the same order again, perhaps to another.
    pub fn try_elsewhere(&mut self, node: usize, rollout: usize, command: &Arc<Command>, tries: u32) {
        // The first start is wanted until it is done.
        let first = command.token == format!("order-{}", rollout + 1);
        if (tries >= 4 || self.healed) && !first {
            return;
        }
        let other = if self.rng.chance(50) { self.rng.below(self.plan.nodes as u64) as usize } else { node };
        self.after(1500, Event::Order { node: other, rollout, command: Arc::clone(command), tries: tries + 1 });
    }

    fn lose_what_was_acknowledged(&mut self) {
        if self.plan.mutant == Some(super::mutants::Mutant::StoreLoses) {
            self.disk.lose_the_last_entry();
        }
    }
}
