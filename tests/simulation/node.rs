//! A controller's process: what it keeps on its own disk, what it has in memory, and what it does with what arrives.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rollgate::control::live::{Controller, Given, Ports, framed};
use rollgate::control::{Command, Direct, Operate as _, Outcome};
use rollgate::model::ids::{Actor, Generation};
use rollgate::model::snapshot::Snapshot;
use rollgate::model::time::{Duration, Time};
use rollgate::ports::spool::Spooled;
use rollgate::ports::store::{LeaseToken, Store as _, StoreError};

use super::bake::Look;
use super::ears::Ears;
use super::faults::Fault;
use super::line::{Fate, Killed, Line};
use super::mutants::Mutant;
use super::outside::Seen;
use super::policies::Shape;
use super::world::{BEGIN, Event, Sim, World, key};

pub const TERM: i64 = 4000;
pub const RENEW: i64 = 1200;
pub const STEP_DOWN: i64 = 2800;
/// A controller that wakes itself so often without getting anywhere spins.
const SPINS: u32 = 100;
/// A snapshot from further ahead than this is turned away at the door.
pub const EARLY: i64 = 30_000;

/// Until when a node's line to the store does not work, and how.
#[derive(Debug, Default)]
pub struct Wire {
    pub cut_until: i64,
    pub requests_lost_until: i64,
    pub replies_lost_until: i64,
}

/// A roll back that nothing kept, as the world has to show it.
#[derive(Debug, Clone)]
pub struct Act {
    /// When it was decided.
    pub since: i64,
    pub generation: Generation,
    /// What the actuator is asked for; nothing anywhere as long as it is not asked.
    pub asked: Seen,
}

/// Something for a process to deal with.
#[derive(Debug)]
pub enum Item {
    Open,
    Wake(usize),
    Keep,
    Readings(usize, Arc<Snapshot>),
    Order(usize, Arc<Command>, u32),
    Policy(usize),
}

#[derive(Debug)]
pub struct Node {
    pub nth: usize,
    /// A person's command line: no controller.
    pub console: bool,
    // On its disk.
    pub journal: Vec<(usize, Time, Arc<Snapshot>)>,
    pub spool: Vec<Spooled>,
    pub shapes: Vec<Shape>,
    // In its memory.
    pub epoch: u64,
    pub up: bool,
    pub busy: bool,
    pub doomed: bool,
    pub controllers: Vec<Option<Controller>>,
    inbox: VecDeque<Item>,
    pub held: Option<(LeaseToken, i64)>,
    stamps: Vec<u64>,
    spins: u32,
    pub heard: Vec<Ears>,
    pub up_since: i64,
    /// A roll back that its spool did not take, by rollout: only its memory has it.
    pub unkept: Vec<bool>,
    /// What such a roll back has to make of the world, until it is so.
    pub unkept_acts: Vec<Option<Act>>,
    /// Somebody has to be told of it.
    pub must_tell: Vec<bool>,
    /// When it was given what it deals with; and by its own clock, which is the time it acts by.
    pub given_at: i64,
    pub acting_at: Time,
    /// The time each rollout's controller has come to: a clock that is set back by less than half a minute does not take
    /// it back, and one that is set back by more makes it forget everything.
    pub high: Vec<i64>,
    /// When this process last looked at each rollout, in true time, if it found nothing against it.
    pub saw_good: Vec<Option<i64>>,
    /// When each rollout entered its stage, by the earliest that this node may take it for.
    pub entered: Vec<Time>,
    /// Since when this process leads, or last led, and for how long it had not when that began.
    pub led_since: Option<(i64, i64)>,
    leads: bool,
    unled_at: i64,
    // Its surroundings.
    pub wire: Wire,
    pub offset: i64,
    pub offset_since: i64,
    pub rate: i64,
    /// Until when a lease may be believed in that a slow clock kept.
    pub slow_until: i64,
    mono: (i64, i64),
    pub armed: Option<(u64, bool, Fate)>,
    pub spool_refuses_until: i64,
    pub journal_refuses_until: i64,
    pub actuator_fails_until: i64,
}

impl Node {
    pub fn new(nth: usize, console: bool, shapes: &[Shape]) -> Node {
        Node {
            nth,
            console,
            journal: Vec::new(),
            spool: Vec::new(),
            shapes: shapes.to_vec(),
            epoch: 0,
            up: console,
            busy: false,
            doomed: false,
            controllers: shapes.iter().map(|_| None).collect(),
            inbox: VecDeque::new(),
            held: None,
            stamps: vec![0; shapes.len()],
            spins: 0,
            heard: vec![Ears::default(); shapes.len()],
            up_since: BEGIN,
            unkept: vec![false; shapes.len()],
            unkept_acts: vec![None; shapes.len()],
            must_tell: vec![false; shapes.len()],
            given_at: BEGIN,
            acting_at: Time::from_millis(BEGIN),
            high: vec![0; shapes.len()],
            saw_good: vec![None; shapes.len()],
            entered: vec![Time::NEVER; shapes.len()],
            led_since: None,
            leads: false,
            unled_at: BEGIN,
            wire: Wire::default(),
            offset: 0,
            offset_since: BEGIN,
            rate: 100,
            slow_until: 0,
            mono: (BEGIN, 0),
            armed: None,
            spool_refuses_until: 0,
            journal_refuses_until: 0,
            actuator_fails_until: 0,
        }
    }

    pub fn holder(&self) -> Actor {
        Actor::new(format!("node-{}.{}", self.nth, self.epoch))
    }

    /// The time on its wall.
    pub const fn wall(&self, now: i64) -> Time {
        Time::from_millis(now + self.offset)
    }

    /// Its monotonic clock.
    pub const fn mono(&self, now: i64) -> i64 {
        self.mono.1 + (now - self.mono.0) * self.rate / 100
    }

    pub const fn run_at(&mut self, now: i64, rate: i64) {
        self.mono = (now, self.mono(now));
        self.rate = rate;
    }

    /// The lease, as long as it is surely this process's.
    pub fn lead(&self, now: i64, mutant: Option<Mutant>) -> Option<LeaseToken> {
        let believes = |since: i64| mutant == Some(Mutant::KeeperStays) || self.mono(now) - since < STEP_DOWN;
        self.held.as_ref().filter(|(_, since)| believes(*since)).map(|(token, _)| token.clone())
    }

    pub fn is_cut_off(&self, now: i64) -> bool {
        now < self.wire.cut_until || now < self.wire.requests_lost_until || now < self.wire.replies_lost_until
    }

    /// Whether it leads is looked at.
    fn look_at_the_lease(&mut self, leads: bool, now: i64) {
        match (std::mem::replace(&mut self.leads, leads), leads) {
            (false, true) => self.led_since = Some((now, now - self.unled_at)),
            (true, false) => self.unled_at = now,
            _ => {}
        }
    }

    /// The process is gone with everything in its memory.
    fn die(&mut self) {
        (self.up, self.busy, self.doomed) = (false, false, false);
        self.controllers.iter_mut().for_each(|controller| *controller = None);
        self.inbox.clear();
        self.held = None;
        self.armed = None;
        self.heard.iter_mut().for_each(|ears| *ears = Ears::default());
        self.unkept.fill(false);
        self.unkept_acts.fill(None);
        self.must_tell.fill(false);
        self.high.fill(0);
        self.saw_good.fill(None);
        (self.led_since, self.leads) = (None, false);
    }
}

impl World {
    /// Takes an event to its node; the node, if it can deal with it now.
    pub fn hand_over(&mut self, event: Event) -> Option<usize> {
        let (node, item) = match event {
            Event::Wake { node, rollout, stamp } if self.nodes[node].stamps[rollout] == stamp => {
                (node, Item::Wake(rollout))
            }
            Event::Keep { node, epoch } if self.nodes[node].epoch == epoch => (node, Item::Keep),
            Event::Wake { .. } | Event::Keep { .. } => return None,
            Event::Deliver { node, rollout, snapshot, tries } => {
                if !self.nodes[node].up {
                    // Whoever pushes tries again for a while.
                    if tries < 3 {
                        self.after(700, Event::Deliver { node, rollout, snapshot, tries: tries + 1 });
                    }
                    return None;
                }
                (node, Item::Readings(rollout, snapshot))
            }
            Event::Order { node, rollout, command, tries } => {
                if !self.nodes[node].up {
                    self.try_elsewhere(node, rollout, &command, tries);
                    return None;
                }
                (node, Item::Order(rollout, command, tries))
            }
            Event::Policy { node, rollout } => (node, Item::Policy(rollout)),
            Event::Start { node } if !self.nodes[node].up => {
                let now = self.now;
                let of = &mut self.nodes[node];
                (of.up, of.up_since, of.unled_at) = (true, now, now);
                of.epoch += 1;
                let epoch = of.epoch;
                self.tell(|| format!("node {node} starts (process {epoch})"));
                self.after(1, Event::Keep { node, epoch });
                (node, Item::Open)
            }
            _ => return None,
        };
        let of = &mut self.nodes[node];
        if !of.up {
            return None;
        }
        // Its own timers do not pile up while it is paused.
        if of.busy && matches!(item, Item::Keep | Item::Wake(_)) && of.inbox.len() > 2 {
            match item {
                Item::Wake(rollout) => {
                    let stamp = of.stamps[rollout];
                    self.after(500, Event::Wake { node, rollout, stamp });
                }
                _ => {
                    let epoch = of.epoch;
                    self.after(RENEW, Event::Keep { node, epoch });
                }
            }
            return None;
        }
        of.inbox.push_back(item);
        (!of.busy).then_some(node)
    }

    /// A rollout's controller is given something at `now`, by its own clock, and forgets what it heard when that was set
    /// back. What is turned away at the door is not given to it: of a clock that is right again by the next time it never
    /// learns, and what it heard is as good as it was.
    fn give(&mut self, node: usize, rollout: usize, now: Time, look: Look) {
        let of = &mut self.nodes[node];
        if of.high[rollout] - now.as_millis() > EARLY {
            of.heard[rollout] = Ears::default();
        }
        self.looks(node, rollout, look);
    }

    pub fn lead_of(&self, node: usize) -> Option<LeaseToken> {
        self.nodes[node].lead(self.now, self.plan.mutant)
    }

    fn wake_again(&mut self, node: usize, rollout: usize, wakes: bool) {
        let Some(controller) = &self.nodes[node].controllers[rollout] else { return };
        let left = controller.wake_at().since(self.nodes[node].wall(self.now)).as_millis().clamp(0, 1000);
        let of = &mut self.nodes[node];
        of.spins = if left == 0 && wakes { of.spins + 1 } else { 0 };
        of.stamps[rollout] += 1;
        let (stamp, spins) = (of.stamps[rollout], of.spins);
        if spins > SPINS {
            self.violated(format!("node {node} spins: it wakes again and again at the same instant"));
        }
        self.after(left.max(1), Event::Wake { node, rollout, stamp });
    }
}

impl Sim {
    /// Lets `node` deal with whatever waits for it.
    pub fn work(self: &Arc<Sim>, node: usize) {
        loop {
            let (item, mut controller) = {
                let mut world = self.lock();
                if world.violation.is_some() || world.nodes[node].busy || !world.nodes[node].up {
                    return;
                }
                let Some(item) = world.nodes[node].inbox.pop_front() else { return };
                world.nodes[node].busy = true;
                let controller = rollout_of(&item).and_then(|rollout| world.nodes[node].controllers[rollout].take());
                (item, controller)
            };
            let rollout = rollout_of(&item);
            let wakes = matches!(item, Item::Wake(_));
            let line = Line::new(self, node);
            let dealt = catch_unwind(AssertUnwindSafe(|| self.deal(&line, item, &mut controller)));
            let mut world = self.lock();
            if let Err(payload) = dealt {
                if !payload.is::<Killed>() {
                    let what = payload
                        .downcast_ref::<String>()
                        .cloned()
                        .or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()));
                    world.violated(format!("node {node} panics: {}", what.unwrap_or_default()));
                    return;
                }
                world.killed(node);
                return;
            }
            world.nodes[node].busy = false;
            if std::mem::take(&mut world.nodes[node].doomed) {
                world.killed(node);
                return;
            }
            if let Some(rollout) = rollout {
                world.publish(node, rollout, &mut controller);
                let machine = controller.as_ref().and_then(Controller::machine);
                world.nodes[node].high[rollout] = machine.map_or(0, |machine| machine.now().as_millis());
                world.nodes[node].controllers[rollout] = controller;
                world.wake_again(node, rollout, wakes);
            }
            world.examine(node);
        }
    }

    fn deal(self: &Arc<Sim>, line: &Line, item: Item, controller: &mut Option<Controller>) {
        let node = line.node;
        let ports = Ports { store: line, actuator: line, spool: line };
        // Readings are on disk before they wait for their controller: that takes its time, and the controller then goes by
        // the clock, and by the lease, as they are by then.
        if let Item::Readings(rollout, snapshot) = &item
            && !line.accept(*rollout, snapshot)
        {
            return;
        }
        let (now, lead) = {
            let mut world = self.lock();
            let (now, lead) = (world.now, world.lead_of(node));
            (world.nodes[node].given_at, world.nodes[node].acting_at) = (now, world.nodes[node].wall(now));
            world.nodes[node].look_at_the_lease(lead.is_some(), now);
            let others = || world.disk.leader(world.time()).map(|lease| lease.token);
            let all = world.plan.mutant == Some(Mutant::AllLead);
            let lead = if all { lead.or_else(others) } else { lead };
            (world.nodes[node].wall(now), lead)
        };
        if let Some(controller) = controller {
            controller.lead(lead);
        }
        match item {
            Item::Open => self.open(line),
            Item::Keep => self.keep(line),
            Item::Wake(rollout) => match controller {
                Some(controller) => {
                    self.lock().give(node, rollout, now, Look::Surely);
                    controller.feed(ports, now, Given::Tick);
                }
                None => *controller = self.opened(line, rollout),
            },
            Item::Policy(rollout) => {
                let (record, policy) = self.lock().nodes[node].shapes[rollout].compiled();
                if let Some(controller) = controller {
                    self.lock().give(node, rollout, now, Look::Perhaps);
                    controller.feed(ports, now, Given::Policy(&record, policy));
                }
            }
            Item::Readings(rollout, snapshot) => {
                let Some(controller) = controller else { return };
                let Some(machine) = controller.machine() else { return };
                let (mut frame, _) = framed(&machine.policy().catalogue, &snapshot);
                let mutant = {
                    let mut world = self.lock();
                    world.give(node, rollout, now, Look::Perhaps);
                    world.hear(node, rollout, now, &snapshot);
                    world.looks(node, rollout, Look::Surely);
                    world.plan.mutant
                };
                match mutant {
                    Some(Mutant::ReadingsAreStampedAnew) => frame.cells.iter_mut().for_each(|cell| cell.observed = now),
                    Some(Mutant::NullIsZero) => {
                        frame.cells.iter_mut().filter(|cell| cell.unknown.is_some()).for_each(|cell| {
                            (cell.unknown, cell.value, cell.samples) = (None, 0.0, Some(1000));
                        });
                    }
                    _ => {}
                }
                controller.feed(ports, now, Given::Frame(&frame));
            }
            Item::Order(rollout, command, tries) => self.order(line, rollout, &command, tries, controller.as_mut()),
        }
    }

    fn open(self: &Arc<Sim>, line: &Line) {
        let rollouts = self.lock().plan.shapes.len();
        for rollout in 0..rollouts {
            let controller = self.opened(line, rollout);
            let mut world = self.lock();
            world.nodes[line.node].controllers[rollout] = controller;
            world.wake_again(line.node, rollout, false);
            let stamp = world.nodes[line.node].stamps[rollout];
            world.after(500, Event::Wake { node: line.node, rollout, stamp });
        }
    }

    fn opened(self: &Arc<Sim>, line: &Line, rollout: usize) -> Option<Controller> {
        let node = line.node;
        let ports = Ports { store: line, actuator: line, spool: line };
        let (now, (record, policy), journal) = {
            let world = self.lock();
            let of = &world.nodes[node];
            let journal: Vec<_> = of.journal.iter().filter(|(of, ..)| *of == rollout).cloned().collect();
            (of.wall(world.now), of.shapes[rollout].compiled(), journal)
        };
        let mut controller = match Controller::open(ports, &key(rollout), Some((&record, policy)), now) {
            Ok(controller) => controller,
            Err(_) => {
                let mut world = self.lock();
                world.nodes[node].stamps[rollout] += 1;
                let stamp = world.nodes[node].stamps[rollout];
                world.after(500, Event::Wake { node, rollout, stamp });
                return None;
            }
        };
        for (_, at, snapshot) in journal {
            let Some(machine) = controller.machine() else { continue };
            let (frame, _) = framed(&machine.policy().catalogue, &snapshot);
            controller.recall(at, &frame);
            self.lock().hear(node, rollout, at, &snapshot);
        }
        controller.recalled();
        self.lock().nodes[node].high[rollout] = controller.machine().map_or(0, |machine| machine.now().as_millis());
        Some(controller)
    }

    /// The lease keeper's turn.
    fn keep(self: &Arc<Sim>, line: &Line) {
        let (mine, holder, since) = {
            let world = self.lock();
            let of = &world.nodes[line.node];
            (of.held.clone(), of.holder(), of.mono(world.now))
        };
        let term = Duration::from_millis(TERM);
        let asked = match &mine {
            Some((token, _)) => line.renew(token, term).map(|lease| lease.token),
            None => line.acquire(&holder, term),
        };
        let mut world = self.lock();
        let of = &mut world.nodes[line.node];
        match asked {
            Ok(token) => of.held = Some((token, since)),
            Err(StoreError::NotLeader { .. } | StoreError::StaleGeneration { .. }) => of.held = None,
            Err(_) => {}
        }
        let (epoch, rate) = (of.epoch, of.rate);
        world.after(RENEW * 100 / rate, Event::Keep { node: line.node, epoch });
    }

    fn order(
        self: &Arc<Sim>,
        line: &Line,
        rollout: usize,
        command: &Arc<Command>,
        tries: u32,
        controller: Option<&mut Controller>,
    ) {
        let ports = Ports { store: line, actuator: line, spool: line };
        let now = {
            let mut world = self.lock();
            let cut_off = world.nodes[line.node].is_cut_off(world.now) || world.store_is_down();
            if cut_off {
                world.note(Fault::OrderCutOff);
            }
            world.nodes[line.node].wall(world.now)
        };
        let mut command = Arc::clone(command);
        {
            let mut world = self.lock();
            if world.plan.mutant == Some(Mutant::OrdersHaveNoName) {
                world.orders += 1;
                let token = format!("nameless-{}", world.orders);
                command = Arc::new(Command { token, ..Command::clone(&command) });
            }
        }
        let command = &command;
        let outcome: Option<Outcome> = if line.console {
            Direct::new(line, line).carry_out(&key(rollout), command, now, false).ok()
        } else {
            controller.and_then(|controller| {
                self.lock().give(line.node, rollout, now, Look::Perhaps);
                controller.order(ports, now, command, false).ok()
            })
        };
        let mut world = self.lock();
        let node = line.node;
        world.tell(|| {
            let came = outcome.as_ref().map_or_else(
                || "not carried out".to_owned(),
                |outcome| outcome.refused.as_ref().map_or_else(|| "done".to_owned(), |why| format!("refused: {why}")),
            );
            format!("node {node}: {} ({}): {came}", command.verb(), command.token)
        });
        match outcome {
            Some(_) if !world.is_calm() && world.rng.chance(10) => {
                world.note(Fault::OrderReplyLost);
                world.try_elsewhere(node, rollout, command, tries);
            }
            Some(outcome) => world.acknowledged(node, command, &outcome),
            None => world.try_elsewhere(node, rollout, command, tries),
        }
    }
}

const fn rollout_of(item: &Item) -> Option<usize> {
    match item {
        Item::Wake(rollout) | Item::Readings(rollout, _) | Item::Order(rollout, ..) | Item::Policy(rollout) => {
            Some(*rollout)
        }
        Item::Open | Item::Keep => None,
    }
}

impl World {
    fn killed(&mut self, node: usize) {
        for rollout in 0..self.plan.shapes.len() {
            self.oracle.book(&key(self.plan.shapes[rollout].rollout)).lost |= self.nodes[node].unkept[rollout];
        }
        if self.plan.mutant == Some(Mutant::SpoolForgets) {
            self.nodes[node].spool.clear();
        }
        self.nodes[node].die();
        self.tell(|| format!("node {node} is dead"));
        self.verify_chains();
        let length = if self.healed { 500 } else { self.rng.pick(&[300, 1000, 2500, 6000, 9000]) };
        self.after(length, Event::Start { node });
    }

    /// A process is killed where it stands: at once, or as soon as its pause is over.
    pub fn kill(&mut self, node: usize) {
        if self.nodes[node].busy {
            self.nodes[node].doomed = true;
        } else if self.nodes[node].up {
            self.killed(node);
        }
    }

    /// What a controller tells of itself goes into the trace.
    fn publish(&mut self, node: usize, rollout: usize, controller: &mut Option<Controller>) {
        let Some(mut news) = controller.as_mut().map(Controller::take_news) else { return };
        if self.plan.mutant == Some(Mutant::UnkeptIsForgotten) && self.nodes[node].unkept[rollout] {
            (*controller, self.nodes[node].unkept[rollout]) = (None, false);
        }
        if self.plan.mutant == Some(Mutant::NobodyIsTold) {
            news.notes.clear();
        }
        let must_tell = std::mem::take(&mut self.nodes[node].must_tell[rollout]);
        if must_tell && !news.notes.iter().any(|note| note.contains("so did the spool")) {
            self.violated(format!("node {node} took back what neither store nor spool took, and tells nobody"));
        }
        if self.plan.traced {
            for note in news.notes {
                self.tell(|| format!("node {node} {}: {note}", key(rollout)));
            }
        }
    }

    /// Whether a snapshot is turned away at the door.
    pub fn is_turned_away(rollout: usize, snapshot: &Snapshot, now: Time) -> bool {
        snapshot.rollout.as_deref() != Some(super::policies::rollout(rollout))
            || snapshot.time > now + Duration::from_millis(EARLY)
    }
}
