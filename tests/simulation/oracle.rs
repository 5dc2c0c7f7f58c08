//! What must hold, written down a second time and more simply. It sees every entry when it is written, every plan when
//! it is carried out, and every reading when it is heard.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rollgate::control::{Command, Outcome};
use rollgate::engine;
use rollgate::ledger::Entry;
use rollgate::ledger::hash::Key;
use rollgate::ledger::verify::{Walk, verify};
use rollgate::model::event::What;
use rollgate::model::ids::Digest;
use rollgate::model::plan::Plan;
use rollgate::model::snapshot::Snapshot;
use rollgate::model::state::RolloutState;
use rollgate::model::time::Time;
use rollgate::ports::spool::Spooled;
use rollgate::ports::store::{Authority, Batch, Lease};

use super::bake::Stretches;
use super::faults::Fault;
use super::laws::Sight;
use super::line::Fate;
use super::node::Act;
use super::outside::{Seen, Shown, rises, wanted};
use super::policies::{BUSIEST, LADDER, MOVED, P1, SLOWER, SLOWEST, STORM, Shape, WORSE};
use super::world::{BEGIN, World, key};

/// Rollgate itself, as the ledger calls it.
pub const MACHINE: &str = "rollgate";

/// What the oracle knows of one rollout.
#[derive(Debug)]
pub struct Book {
    walk: Walk,
    pub state: RolloutState,
    /// The fold up to each entry.
    pub states: BTreeMap<u64, RolloutState>,
    /// What made each generation: whether it may raise the exposure.
    generations: BTreeMap<u64, bool>,
    /// The entry with which each order took effect.
    orders: BTreeMap<String, u64>,
    acknowledged: Vec<String>,
    /// Orders that were carried out and that nothing but a process has: its node, which process, and their names.
    in_memory: Vec<(usize, u64, String)>,
    /// What the ledger says of each finding, by check and region, and with which entry.
    pub remarks: BTreeMap<(String, String), (String, u64)>,
    /// Orders that were refused, on record.
    refused: BTreeSet<String>,
    /// What of this stage was good time.
    pub good: Stretches,
    /// By so much a bake may be off for the sake of clocks.
    pub slack: i64,
    /// When the state last changed in kind, in true time.
    pub moved_at: i64,
    /// Observed times of breaches, of whatever kind.
    breaches: Vec<Time>,
    pub breach_since: BTreeMap<(usize, Sight), i64>,
    /// The counter's last total, as it was emitted.
    totals: BTreeMap<String, f64>,
    pub taken_back: u64,
    pub advanced: u64,
    /// When each entry was written.
    pub written: Vec<(i64, u64)>,
    /// A roll back was done that neither store nor spool took, and whoever did it is dead: nobody knows of it.
    pub lost: bool,
}

#[derive(Debug)]
pub struct Oracle {
    pub books: BTreeMap<Key, Book>,
    shapes: BTreeMap<Digest, Shape>,
}

impl Oracle {
    pub fn new(keys: &[Key], shapes: &[Shape]) -> Oracle {
        let books = keys.iter().map(|key| (key.clone(), Book::new(key))).collect();
        let mut oracle = Oracle { books, shapes: BTreeMap::new() };
        shapes.iter().for_each(|shape| oracle.meets(shape));
        oracle
    }

    /// A policy that may come into force.
    pub fn meets(&mut self, shape: &Shape) {
        self.shapes.insert(shape.compiled().0.digest, shape.clone());
    }

    pub fn shape(&self, state: &RolloutState) -> Option<&Shape> {
        self.shapes.get(state.policy.as_ref()?)
    }

    pub fn book(&mut self, key: &Key) -> &mut Book {
        self.books.get_mut(key).expect("it is of this world")
    }

    /// What a source says, before anything happens to it.
    pub fn emitted(&mut self, key: &Key, snapshot: &Snapshot) {
        let book = self.book(key);
        let value = |group: &str, metric: &str| {
            let reading = snapshot.groups.get(group).and_then(|group| group.get(metric));
            reading.filter(|reading| reading.unknown.is_none()).map(|reading| reading.value)
        };
        let beyond = |group: &str, metric: &str, bound: f64| value(group, metric).is_some_and(|value| value > bound);
        let grew = value("all", "cascades").is_some_and(|total| {
            let before = book.totals.insert(snapshot.region.clone(), total);
            before.is_some_and(|before| total > before)
        });
        let (errors, control) = (value("treatment", "error_rate"), value("control", "error_rate"));
        let worse = errors.zip(control).is_some_and(|(is, control)| is - control > WORSE - 0.2);
        let slower = value("treatment", "latency").zip(value("all", "latency"));
        if beyond("treatment", "error_rate", P1)
            || beyond("treatment", "latency", SLOWEST)
            || beyond("all", "load", BUSIEST)
            || beyond("treatment", "error_rate", STORM.0) && beyond("all", "load", STORM.1)
            || grew
            || worse
            || slower.is_some_and(|(is, was)| is > was * SLOWER)
        {
            book.breaches.push(snapshot.time);
        }
    }
}

impl Book {
    fn new(key: &Key) -> Book {
        Book {
            walk: Walk::new(key, None).expect("a chain begins"),
            state: rollgate::control::load::genesis(),
            states: BTreeMap::from([(0, rollgate::control::load::genesis())]),
            generations: BTreeMap::new(),
            orders: BTreeMap::new(),
            acknowledged: Vec::new(),
            in_memory: Vec::new(),
            remarks: BTreeMap::new(),
            refused: BTreeSet::new(),
            good: Stretches::default(),
            slack: 0,
            moved_at: BEGIN,
            breaches: Vec::new(),
            breach_since: BTreeMap::new(),
            totals: BTreeMap::new(),
            taken_back: 0,
            advanced: 0,
            written: Vec::new(),
            lost: false,
        }
    }
}

pub fn place(stage: &str) -> Option<usize> {
    if stage == MOVED { Some(2) } else { LADDER.iter().position(|name| *name == stage) }
}

/// Whether nothing but the lease allows it: it moves the rollout up, or is a person's word.
const fn needs_the_lease(what: &What) -> bool {
    matches!(
        what,
        What::StageEntered { .. }
            | What::Completed { .. }
            | What::Started { .. }
            | What::Ordered { .. }
            | What::PolicyChanged { .. }
            | What::Muted { .. }
            | What::Approved { .. }
            | What::BaselineFrozen { .. }
            | What::Heartbeat { .. }
    )
}

impl World {
    /// A batch is in the ledger now.
    pub fn recorded(&mut self, node: usize, batch: &Batch, lease: Option<&Lease>) {
        for entry in &batch.entries {
            self.tell(|| format!("node {node} #{} {}", entry.record().seq, brief(&entry.record().what)));
        }
        let takes_back = batch.entries.iter().any(|entry| is_take_back(&entry.record().what));
        let leads = match &batch.authority {
            Authority::Leader(token) => lease.is_some_and(|lease| lease.token == *token),
            Authority::Unled => lease.is_none(),
            Authority::RollBack => takes_back,
        };
        if let Some(entry) = batch.entries.iter().find(|entry| needs_the_lease(&entry.record().what))
            && !leads
        {
            let what = brief(&entry.record().what);
            self.violated(format!("I9: node {node} writes `{what}` without the lease"));
        }
        self.decided_by_one_policy(batch);
        for entry in &batch.entries {
            self.entered(node, batch, entry);
        }
    }

    /// I6: what moved the rollout was decided by the policy in force before it moved.
    fn decided_by_one_policy(&mut self, batch: &Batch) {
        let own = |entry: &&Entry| {
            matches!(entry.record().what, What::StageEntered { .. } | What::RolledBack { .. } | What::Completed { .. })
                && entry.record().actor.as_str() == MACHINE
        };
        let Some(_) = batch.entries.iter().find(own) else { return };
        let Some((_, text)) = batch.decisions.first() else { return };
        let in_force = self.oracle.book(&batch.key).state.policy.clone();
        let changes =
            batch.entries.first().is_some_and(|entry| matches!(entry.record().what, What::PolicyChanged { .. }));
        let decision: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let by = decision.get("policy").and_then(serde_json::Value::as_str).map(str::to_owned);
        if !changes && by.as_deref() != in_force.as_ref().map(Digest::as_str) {
            self.violated(format!("I6: decided by policy {by:?} while {in_force:?} is in force"));
        }
    }

    fn entered(&mut self, node: usize, batch: &Batch, entry: &Entry) {
        let (key, now) = (batch.key.clone(), self.now);
        let book = self.oracle.book(&key);
        if let Err(broken) = book.walk.step(entry) {
            return self.violated(format!("I13: {key}: {broken}"));
        }
        let before = book.state.clone();
        let record = entry.record();
        self.rules_of_entry(node, &key, entry, &before);
        let book = self.oracle.book(&key);
        let after = engine::fold(before.clone(), &record.event());
        book.state = after.clone();
        book.states.insert(record.seq, after.clone());
        if before.generation != after.generation {
            // Taking back one region may be the first time that the others are shown the stage they are in.
            book.generations.insert(after.generation.0, !matches!(record.what, What::RolledBack { .. }));
            if after.generation.0 != before.generation.0 + 1 {
                self.violated(format!("{key}: generation {} follows {}", after.generation, before.generation));
            }
        }
        // A resume that lifts a latch shows anew what it stands in. Times tell nothing: after a clock that was ahead, they
        // stand still for as long as it was.
        let entered = match record.what {
            What::Started { .. } | What::StageEntered { .. } | What::RolledBack { .. } => true,
            What::Ordered { .. } => before.generation != after.generation,
            _ => false,
        };
        let book = self.oracle.book(&key);
        if entered {
            book.remarks.clear();
        }
        if let What::FindingChanged { check, region, to, .. } = &record.what {
            book.remarks.insert((check.to_string(), region.to_string()), (to.clone(), record.seq));
        }
        let book = self.oracle.book(&key);
        book.written.push((now, record.seq));
        if entered {
            (book.good, book.slack, book.moved_at) = (Stretches::default(), 0, now);
            book.breach_since.clear();
            self.everybody_looks_anew(node, &key);
        } else {
            self.looks_after_an_order(node, &key, &record.what);
        }
    }

    fn rules_of_entry(&mut self, node: usize, key: &Key, entry: &Entry, before: &RolloutState) {
        let record = entry.record();
        self.rolled_back_by_itself(node, key, entry, before);
        let own = record.actor.as_str() == MACHINE;
        let theirs = !record.actor.as_str().starts_with(MACHINE);
        match &record.what {
            What::StageEntered { from, to, because, .. } => {
                self.oracle.book(key).advanced += 1;
                let up = place(from.as_str()).zip(place(to.as_str())).is_some_and(|(from, to)| to == from + 1);
                if !up || *from != before.stage {
                    self.violated(format!("I3: {key} goes from {} ({from}) to {to}", before.stage));
                }
                self.may_advance(node, key, before, because);
            }
            What::Completed { because } => self.may_advance(node, key, before, because),
            What::RolledBack { check, .. } | What::RegionRolledBack { check, .. } => {
                self.oracle.book(key).taken_back += 1;
                let further = match &record.what {
                    What::RolledBack { to, .. } => place(to.as_str()) < place(before.stage.as_str()),
                    _ => false,
                };
                if own && before.latch.is_some() && !further {
                    self.violated(format!("{key}: one breach is taken back twice"));
                }
                let behind = if self.nodes[node].offset < 0 { 30_000 } else { 0 };
                let rollout = self.plan.shapes.iter().position(|shape| super::world::key(shape.rollout) == *key);
                let ears = self.nodes[node].heard[rollout.unwrap_or(0)].clone();
                let book = self.oracle.book(key);
                // By so much a clock may be behind before its owner hears nothing any more. Whoever enters a stage by such a
                // clock counts from what it says.
                let entered = before.entered_at.min(Time::from_millis(book.moved_at - behind));
                // What a counter grew by since the total before is said of the total that tells, and is observed with it.
                // When in between it did grow nobody knows, and least by the time of the total before: whoever dates that
                // ahead has others ignored that were taken later, so that it grew before it is said to have been so low.
                let counts = check.as_ref().is_some_and(|check| check.as_str().starts_with("cascades"));
                let seen_late = counts && ears.iter().any(|ear| ear.counts_more(entered));
                if own && check.is_some() && !seen_late && !book.breaches.iter().any(|at| *at > entered) {
                    self.violated(format!("{key}: taken back for a breach from before the stage was entered"));
                }
            }
            What::Refused { reason, .. } => {
                let name = name_of(reason);
                self.oracle.book(key).refused.insert(name);
            }
            What::BaselineFrozen { baselines } => self.baselines_are_heard(node, key, baselines),
            What::Heartbeat { bake } => self.bake_is_served(key, bake.as_millis(), "recorded"),
            _ => {}
        }
        // Tokens are the reasons of orders: one order takes effect once.
        let counts = matches!(
            record.what,
            What::Started { .. }
                | What::Ordered { .. }
                | What::Approved { .. }
                | What::Muted { .. }
                | What::RolledBack { .. }
                | What::StageEntered { .. }
                | What::Completed { .. }
                | What::Unmuted { by: Some(_), .. }
        );
        if theirs && counts {
            let name = name_of(&record.reason);
            let before = self.oracle.book(key).orders.insert(name.clone(), record.seq);
            // Its name is forgotten with its entry, when that is pruned.
            let known = |seq: u64| self.disk.chains.get(key).is_some_and(|chain| chain.entries.contains_key(&seq));
            if before.is_some_and(known) {
                self.violated(format!("I8: {key}: {name} takes effect twice"));
            }
        } else if theirs && matches!(record.what, What::PolicyChanged { .. }) {
            // A start brings its policy with it, under the same name.
            self.oracle.book(key).orders.entry(name_of(&record.reason)).or_insert(0);
        }
    }

    /// A plan was carried out.
    pub fn shown(&mut self, node: usize, key: &Key, plan: &Plan, before: &Shown, fate: Fate) {
        let after = wanted(&before.seen, plan);
        self.tell(|| format!("node {node} shows generation {}: {after:?}", plan.generation));
        let recorded = self.oracle.books[key].generations.get(&plan.generation.0).copied();
        let rollout = self.plan.shapes.iter().position(|shape| super::world::key(shape.rollout) == *key).unwrap_or(0);
        let of = &self.nodes[node];
        let spooled = of.spool.iter().any(|order| order.rollout.as_ref() == Some(&key.rollout));
        let unkept = of.unkept[rollout];
        if recorded.is_none() && !spooled && !unkept {
            self.violated(format!(
                "I1: {key}: node {node} acts on generation {}, which nothing recorded",
                plan.generation
            ));
        }
        if plan.generation < before.generation {
            self.violated(format!("I9: {key}: generation {} after {}", plan.generation, before.generation));
        }
        if rises(&before.seen, &after) {
            if plan.generation == before.generation {
                self.violated(format!("{key}: of two plans of generation {} the higher stands", plan.generation));
            }
            if recorded != Some(true) && recorded.is_some() {
                self.violated(format!(
                    "I5: {key}: the exposure rises with generation {}, which takes back",
                    plan.generation
                ));
            }
            if recorded.is_none() {
                self.violated(format!(
                    "I5: {key}: the exposure rises with generation {}, which nobody recorded",
                    plan.generation
                ));
            }
            // Whoever was paused on its way there knows no better; the newer generation follows.
            let paused = matches!(fate, Fate::PauseBefore(_));
            let state = &self.oracle.books[key].state;
            if state.latch.is_some() && state.generation > plan.generation && !paused {
                self.violated(format!("I5: {key}: the exposure rises although it is taken back"));
            }
        }
    }

    /// The spool took a roll back, or did not.
    pub fn spooled(&mut self, node: usize, order: &Spooled, taken: bool) {
        let silent = order.order.actor.as_str() == MACHINE && order.order.reason.contains(" unknown for ");
        for rollout in 0..self.plan.shapes.len() {
            let key = key(self.plan.shapes[rollout].rollout);
            if order.rollout.as_ref().is_some_and(|name| *name != key.rollout) {
                continue;
            }
            if silent {
                self.may_act_on_silence(node, &key);
            }
            if !taken {
                self.note(Fault::NothingKeeps);
                let now = self.now;
                let of = &mut self.nodes[node];
                (of.unkept[rollout], of.must_tell[rollout]) = (true, true);
                let since = of.unkept_acts[rollout].as_ref().map_or(now, |act| act.since);
                let act = |generation| Act { since, generation, asked: Seen::new() };
                of.unkept_acts[rollout] = order.acted.map(act);
            }
        }
    }

    /// A person was told that their order is carried out.
    pub fn acknowledged(&mut self, node: usize, command: &Arc<Command>, outcome: &Outcome) {
        let key = outcome.key.clone();
        let written = outcome.entries.iter().map(|entry| entry.record().seq).max();
        let of = &self.nodes[node];
        let spooled = of.spool.iter().any(|order| order.id == command.token);
        let rollout = self.plan.shapes.iter().position(|shape| super::world::key(shape.rollout) == key).unwrap_or(0);
        let (in_memory, epoch) = (of.unkept[rollout] && command.takes_back(), of.epoch);
        if let Some(seq) = written
            && self.disk.chains.get(&key).is_none_or(|chain| chain.head.seq < seq)
        {
            self.violated(format!("{key}: {} was acknowledged with entry {seq}, which is not there", command.token));
        }
        // Its name is forgotten with its entry, when that is pruned.
        let done = self.oracle.books[&key].orders.get(&command.reason).copied();
        let known = |seq: u64| self.disk.chains.get(&key).is_some_and(|chain| chain.entries.contains_key(&seq));
        if outcome.refused.is_some() && done.is_some_and(known) {
            self.violated(format!("{key}: {} took effect, and whoever gave it is told that it did not", command.token));
        }
        if outcome.refused.is_none() && (written.is_some() || spooled) {
            self.oracle.book(&key).acknowledged.push(command.reason.clone());
        } else if outcome.refused.is_none() && in_memory {
            self.oracle.book(&key).in_memory.push((node, epoch, command.reason.clone()));
        }
    }

    /// I13: every chain verifies from its base, by the library's own eyes and not by the walk above.
    pub fn verify_chains(&mut self) {
        for key in self.keys() {
            let Some(chain) = self.disk.chains.get(&key) else { continue };
            let first = chain.entries.keys().next().copied().unwrap_or(chain.head.seq + 1);
            let base = chain.checkpoints.get(&(first - 1)).filter(|_| first > 1);
            let broken = match verify(&key, base, chain.entries.values()) {
                Err(broken) => Some(broken.to_string()),
                Ok(whole) if whole.head != chain.head => Some(format!("it ends at {}", whole.head.seq)),
                Ok(_) => None,
            };
            let checkpoint = chain.checkpoints.iter().find(|(seq, checkpoint)| {
                self.oracle.books[&key].states.get(seq).is_some_and(|state| state != checkpoint.state())
            });
            let wrong = checkpoint.map(|(seq, _)| format!("I13: {key}: the checkpoint at {seq} is not the fold"));
            let lost = *self.oracle.books[&key].walk.head() != chain.head;
            if let Some(broken) = broken {
                self.violated(format!("I13: {key}: the chain is broken: {broken}"));
            }
            if let Some(wrong) = wrong {
                self.violated(wrong);
            }
            if lost {
                self.violated(format!("I13: {key}: acknowledged entries are gone"));
            }
        }
    }

    /// Orders that were acknowledged and are nowhere.
    pub fn lost_orders(&self, key: &Key) -> Vec<String> {
        let book = &self.oracle.books[key];
        let waits =
            |name: &str| self.nodes.iter().any(|node| node.spool.iter().any(|order| order.order.reason == name));
        let told = |name: &String| book.orders.contains_key(name) || book.refused.contains(name) || waits(name);
        // What only a process had is lost with it, and with nothing else.
        let lives = |(node, epoch, _): &&(usize, u64, String)| self.nodes[*node].epoch == *epoch;
        let in_memory = book.in_memory.iter().filter(lives).map(|(.., name)| name);
        book.acknowledged.iter().chain(in_memory).filter(|name| !told(name)).cloned().collect()
    }
}

/// The name of an order, whatever the spool added to its reason.
fn name_of(reason: &str) -> String {
    reason.split(" (given").next().unwrap_or_default().to_owned()
}

pub const fn is_take_back(what: &What) -> bool {
    matches!(what, What::RolledBack { .. } | What::RegionRolledBack { .. })
}

/// An event in a few words.
pub fn brief(what: &What) -> String {
    let text = serde_json::to_string(what).unwrap_or_default();
    let end = text.char_indices().nth(150).map_or(text.len(), |(at, _)| at);
    text[..end].to_owned()
}
