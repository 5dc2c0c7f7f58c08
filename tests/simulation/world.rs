//! The world: virtual time, a queue of what happens next, and everybody in it. One thread; whoever is paused in the
//! middle of a call lets the others go on until its pause is over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rollgate::control::Command;
use rollgate::ledger::hash::Key;
use rollgate::model::snapshot::Snapshot;
use rollgate::model::time::Time;

use super::disk::Disk;
use super::faults::{Fault, Tally};
use super::mutants::Mutant;
use super::node::Node;
use super::oracle::Oracle;
use super::outside::Outside;
use super::policies::{Shape, rollout};
use super::rng::Rng;
use super::sources::Source;

/// When every world begins.
pub const BEGIN: i64 = 1_800_000_000_000;
/// For so long things go wrong.
pub const FAULTY: i64 = 150_000;
/// And for so long they may take to be well again.
pub const CONVERGES: i64 = 60_000;

/// Something due.
#[derive(Debug, Clone)]
pub enum Event {
    /// A controller looks, by itself.
    Wake { node: usize, rollout: usize, stamp: u64 },
    /// A lease keeper's turn.
    Keep { node: usize, epoch: u64 },
    /// A source emits.
    Emit { source: usize },
    /// A snapshot arrives.
    Deliver { node: usize, rollout: usize, snapshot: Arc<Snapshot>, tries: u32 },
    /// An order arrives.
    Order { node: usize, rollout: usize, command: Arc<Command>, tries: u32 },
    /// A node reads its policy's directory.
    Policy { node: usize, rollout: usize },
    /// A process starts again.
    Start { node: usize },
    /// Something goes wrong.
    Mischief,
    /// A person wants something.
    Operator,
    /// The oracle looks around.
    Watch,
}

/// What a seed makes of a world.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub nodes: usize,
    pub shapes: Vec<Shape>,
    /// Milliseconds between two faults, on average.
    pub mischief: i64,
    /// Snapshots say what share of traffic has the change.
    pub observed_exposure: bool,
    /// Whoever leads is told of readings, and nobody else.
    pub pushed: bool,
    /// Nothing goes wrong by itself, and nobody asks for anything: a test says what happens.
    pub calm: bool,
    pub mutant: Option<Mutant>,
    pub traced: bool,
}

impl Plan {
    pub fn of(seed: u64) -> Plan {
        let mut rng = Rng::new(seed);
        let mut shapes = vec![Shape::any(0, &mut rng)];
        if rng.chance(20) {
            shapes.push(Shape::any(1, &mut rng));
        }
        Plan {
            seed,
            nodes: rng.pick(&[1, 2, 2, 3, 3]),
            shapes,
            mischief: rng.pick(&[700, 1500, 3000, 8000]),
            observed_exposure: rng.chance(40),
            pushed: rng.chance(20),
            calm: false,
            mutant: None,
            traced: false,
        }
    }
}

pub struct World {
    pub plan: Plan,
    pub now: i64,
    pub rng: Rng,
    queue: BTreeMap<(i64, u64), Event>,
    queued: u64,
    pub disk: Disk,
    pub store_down_until: i64,
    pub store_full_until: i64,
    /// The controllers' processes, and last a person's console.
    pub nodes: Vec<Node>,
    pub outside: Outside,
    pub sources: Vec<Source>,
    pub oracle: Oracle,
    pub tally: Tally,
    pub trace: Vec<String>,
    pub violation: Option<String>,
    pub healed: bool,
    pub depth: u32,
    pub orders: u64,
    pub steps: u64,
}

/// A world that many hold.
pub struct Sim(Mutex<World>);

impl Sim {
    pub fn new(mut plan: Plan) -> Arc<Sim> {
        plan.shapes.iter_mut().for_each(|shape| shape.blind = plan.mutant);
        let keys: Vec<Key> = plan.shapes.iter().map(|shape| key(shape.rollout)).collect();
        let nodes = (0..=plan.nodes).map(|nth| Node::new(nth, nth == plan.nodes, &plan.shapes)).collect();
        let mut world = World {
            now: BEGIN,
            rng: Rng::new(plan.seed.wrapping_mul(31).wrapping_add(7)),
            queue: BTreeMap::new(),
            queued: 0,
            disk: Disk::default(),
            store_down_until: 0,
            store_full_until: 0,
            nodes,
            outside: Outside::new(&plan.shapes),
            sources: Source::all(&plan.shapes),
            oracle: Oracle::new(&keys, &plan.shapes),
            tally: Tally::new(),
            trace: Vec::new(),
            violation: None,
            healed: false,
            depth: 0,
            orders: 0,
            steps: 0,
            plan,
        };
        for node in 0..world.plan.nodes {
            world.after(node as i64 * 50, Event::Start { node });
        }
        for source in 0..world.sources.len() {
            let lag = world.rng.range(0, 2000);
            world.after(lag, Event::Emit { source });
        }
        for rollout in 0..world.plan.shapes.len() {
            world.begin(rollout);
        }
        if !world.plan.calm {
            world.after(5000, Event::Mischief);
            world.after(15_000, Event::Operator);
        }
        world.after(1000, Event::Watch);
        Arc::new(Sim(Mutex::new(world)))
    }

    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the whole of it: what goes wrong, and how it becomes well again.
    pub fn play(self: &Arc<Sim>) {
        self.run_until(BEGIN + FAULTY);
        self.lock().heal();
        self.run_until(BEGIN + FAULTY + CONVERGES);
        self.lock().expect_convergence();
    }

    /// Lets everything happen that is due up to `until`.
    pub fn run_until(self: &Arc<Sim>, until: i64) {
        loop {
            let event = {
                let mut world = self.lock();
                if world.violation.is_some() {
                    return;
                }
                match world.next(until) {
                    Some(event) => event,
                    None => return,
                }
            };
            self.happen(event);
        }
    }

    fn happen(self: &Arc<Sim>, event: Event) {
        let mut world = self.lock();
        world.steps += 1;
        let worker = match event {
            Event::Mischief => world.mischief(),
            Event::Operator => world.operator(),
            Event::Watch => {
                world.watch();
                None
            }
            Event::Emit { source } => world.emit(source),
            other => world.hand_over(other),
        };
        drop(world);
        if let Some(node) = worker {
            self.work(node);
        }
    }

    /// Node `node` stands still for `length`, wherever it is; the others do not.
    pub fn sleep(self: &Arc<Sim>, length: i64) {
        let until = {
            let mut world = self.lock();
            world.depth += 1;
            world.now + length
        };
        self.run_until(until);
        self.lock().depth -= 1;
    }
}

impl World {
    pub fn after(&mut self, length: i64, event: Event) {
        self.queued += 1;
        self.queue.insert((self.now + length.max(0), self.queued), event);
    }

    fn next(&mut self, until: i64) -> Option<Event> {
        let due = self.queue.first_key_value().map(|((at, _), _)| *at).filter(|at| *at <= until);
        let Some(at) = due else {
            self.now = self.now.max(until);
            return None;
        };
        // Time went on while somebody was paused further up.
        self.now = self.now.max(at);
        self.queue.pop_first().map(|(_, event)| event)
    }

    pub fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.plan.traced {
            let at = (self.now - BEGIN) as f64 / 1000.0;
            let indent = "  ".repeat(self.depth as usize);
            self.trace.push(format!("{at:>8.3}s {indent}{}", what()));
        }
    }

    pub fn note(&mut self, fault: Fault) {
        self.tally.note(fault);
        self.tell(|| format!("! {}", fault.text()));
    }

    /// Something that must never be.
    pub fn violated(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.tell(|| format!("VIOLATED: {what}"));
        self.violation.get_or_insert(what);
    }

    /// Whether nothing goes wrong by itself.
    pub const fn is_calm(&self) -> bool {
        self.healed || self.plan.calm
    }

    pub const fn time(&self) -> Time {
        Time::from_millis(self.now)
    }

    pub fn keys(&self) -> Vec<Key> {
        self.plan.shapes.iter().map(|shape| key(shape.rollout)).collect()
    }

    pub fn store_is_down(&self) -> bool {
        self.now < self.store_down_until
    }
}

pub fn key(nth: usize) -> Key {
    Key::new(rollout(nth).into(), "production".into())
}
