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

use super::line::Fate;
use super::outside::{Shown, rises, wanted};
use super::policies::{LADDER, MAX_AGE, MOVED, P0, SAMPLES, Shape};
use super::world::{BEGIN, World, key};

/// Rollgate itself, as the ledger calls it.
const MACHINE: &str = "rollgate";

/// The series that the policies read: group and metric.
pub const SERIES: [(&str, &str); 3] = [("treatment", "error_rate"), ("treatment", "latency"), ("all", "load")];
/// The newest reading of each series, region by region.
pub type Ears = [[Option<Heard>; SERIES.len()]; 2];

/// The newest reading of a series, as it was heard.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    pub observed: Time,
    pub value: Option<f64>,
    pub samples: Option<u64>,
}

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
    /// Orders that were refused, on record.
    refused: BTreeSet<String>,
    /// Milliseconds in this stage in which some controller found nothing against it.
    pub good: i64,
    pub was_good: bool,
    pub looked_at: i64,
    /// By so much a bake may be off for the sake of clocks.
    pub slack: i64,
    /// When the state last changed in kind, in true time.
    pub moved_at: i64,
    /// Observed times of breaches, of whatever kind.
    breaches: Vec<Time>,
    pub breach_since: BTreeMap<usize, i64>,
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
        let value = |group: &str, metric: &str| snapshot.groups.get(group).and_then(|group| group.get(metric));
        let beyond = |group: &str, metric: &str, bound: f64| {
            value(group, metric).is_some_and(|reading| reading.unknown.is_none() && reading.value > bound)
        };
        if beyond("treatment", "error_rate", 2.0)
            || beyond("treatment", "latency", 500.0)
            || beyond("all", "load", 90.0)
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
            refused: BTreeSet::new(),
            good: 0,
            was_good: false,
            looked_at: BEGIN,
            slack: 0,
            moved_at: BEGIN,
            breaches: Vec::new(),
            breach_since: BTreeMap::new(),
            taken_back: 0,
            advanced: 0,
            written: Vec::new(),
            lost: false,
        }
    }
}

fn place(stage: &str) -> Option<usize> {
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
        let entered = before.entered_at != after.entered_at || before.stage != after.stage;
        let book = self.oracle.book(&key);
        book.written.push((now, record.seq));
        if entered {
            (book.good, book.was_good, book.looked_at, book.slack, book.moved_at) = (0, false, now, 0, now);
            book.breach_since.clear();
        }
    }

    fn rules_of_entry(&mut self, node: usize, key: &Key, entry: &Entry, before: &RolloutState) {
        let record = entry.record();
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
                let book = self.oracle.book(key);
                // By so much a clock may be behind before its owner hears nothing any more.
                let entered = before.entered_at.min(Time::from_millis(book.moved_at - behind));
                if own && check.is_some() && !book.breaches.iter().any(|at| *at > entered) {
                    self.violated(format!("{key}: taken back for a breach from before the stage was entered"));
                }
            }
            What::Refused { reason, .. } => {
                let name = name_of(reason);
                self.oracle.book(key).refused.insert(name);
            }
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

    fn may_advance(&mut self, node: usize, key: &Key, before: &RolloutState, because: &str) {
        if before.latch.is_some() || before.revision.is_none() || !before.latched_regions.is_empty() {
            return self.violated(format!("I4: {key} advances while it is taken back"));
        }
        if before.applied_at.is_none() {
            self.violated(format!("I1: {key} advances before its exposure is confirmed"));
        }
        if before.paused.is_some() {
            self.violated(format!("{key} advances while a person pauses it"));
        }
        if let Some(why) = self.something_unknown(node, before) {
            self.violated(format!("I2: {key} advances at node {node} although {why}"));
        }
        let Some(shape) = self.oracle.shape(before).cloned() else { return };
        if shape.approval && before.stage.as_str() == "internal" && before.approvals.is_empty() {
            self.violated(format!("{key} advances without approval"));
        }
        let bake = match before.stage.as_str() {
            "off" => 6000,
            "internal" => 8000,
            "full" => 20_000,
            _ => shape.bake as i64 * 1000,
        };
        if !because.contains("ordered") {
            self.bake_is_served(key, bake, because);
        }
    }

    /// The bake that is claimed is no more than the good time there was.
    fn bake_is_served(&mut self, key: &Key, claimed: i64, how: &str) {
        self.count_good(key);
        let book = self.oracle.book(key);
        let most = book.good + book.slack + 50;
        if claimed > most {
            self.violated(format!("{key}: {claimed}ms of bake ({how}), and at most {most}ms were good"));
        }
    }

    /// Why a reading that the stage needs is unknown to `node`, by the simplest rules.
    pub fn something_unknown(&self, node: usize, state: &RolloutState) -> Option<String> {
        let of = &self.nodes[node];
        let shape = self.oracle.shape(state)?;
        let exposed = state.stage.as_str() != "off";
        for (nth, region) in shape.regions().iter().enumerate() {
            for ((group, metric), heard) in SERIES.iter().zip(&of.heard[shape.rollout][nth]) {
                let is_muted = *metric == "load" && !state.mutes.is_empty();
                if *group == "treatment" && !exposed || is_muted {
                    continue;
                }
                let Some(heard) = heard else { return Some(format!("{metric} {region} was never heard")) };
                let age = of.acting_at.since(heard.observed).as_millis();
                let few = *metric == "error_rate" && heard.samples.is_none_or(|samples| samples < SAMPLES);
                if heard.value.is_none() || few || age > MAX_AGE {
                    return Some(format!("{metric} {region} is {heard:?}, {age}ms old"));
                }
            }
        }
        None
    }

    /// Whether `node` sees a reading beyond P0 that was observed in this stage.
    pub fn sees_breach(&self, node: usize, state: &RolloutState) -> bool {
        let of = &self.nodes[node];
        let Some(shape) = self.oracle.shape(state) else { return false };
        let exposed = state.stage.as_str() != "off";
        let muted = state.mutes.keys().any(|check| check.as_str() == "error_rate.p0");
        exposed
            && !muted
            && shape.regions().iter().zip(&of.heard[shape.rollout]).any(|(region, heard)| {
                let latched = state.latched_regions.keys().any(|name| name.as_str() == *region);
                !latched
                    && heard[0].is_some_and(|heard| {
                        let fresh = self.now - heard.observed.as_millis() <= MAX_AGE;
                        let enough = heard.samples.is_some_and(|samples| samples >= SAMPLES);
                        fresh
                            && enough
                            && heard.observed > state.entered_at
                            && heard.value.is_some_and(|value| value > P0)
                    })
            })
    }

    /// Adds what passed since the last look, if some controller could have found it good.
    pub fn count_good(&mut self, key: &Key) {
        let state = &self.oracle.books[key].state;
        let good = state.applied_at.is_some()
            && state.paused.is_none()
            && state.latch.is_none()
            && (!state.mutes.is_empty()
                || (0..self.plan.nodes).any(|node| self.nodes[node].up && self.is_good(node, state)));
        let now = self.now;
        let book = self.oracle.book(key);
        if book.was_good || good {
            book.good += now - book.looked_at;
        }
        (book.was_good, book.looked_at) = (good, now);
    }

    fn is_good(&self, node: usize, state: &RolloutState) -> bool {
        let of = &self.nodes[node];
        let Some(shape) = self.oracle.shape(state) else { return false };
        let wall = of.wall(self.now);
        let fresh = |heard: &Heard| wall.since(heard.observed).as_millis() <= MAX_AGE + 1000;
        let exposed = state.stage.as_str() != "off";
        shape.regions().iter().zip(&of.heard[shape.rollout]).all(|(region, heard)| {
            state.latched_regions.keys().any(|name| name.as_str() == *region)
                || SERIES.iter().zip(heard).zip([P0, f64::MAX, f64::MAX]).all(|(((group, _), heard), bound)| {
                    *group == "treatment" && !exposed
                        || heard.is_some_and(|heard| fresh(&heard) && heard.value.is_some_and(|value| value <= bound))
                })
        })
    }

    /// `node` hears a snapshot.
    pub fn hear(&mut self, node: usize, rollout: usize, now: Time, snapshot: &Snapshot) {
        let keyed = key(rollout);
        self.count_good(&keyed);
        let limit = now.as_millis() + 30_000;
        if snapshot.time.as_millis() > limit {
            return;
        }
        let region = usize::from(snapshot.region == "us");
        let ears = &mut self.nodes[node].heard[rollout][region];
        for ((group, metric), heard) in SERIES.iter().zip(ears) {
            let Some(reading) = snapshot.groups.get(*group).and_then(|group| group.get(*metric)) else { continue };
            let value = (reading.unknown.is_none() && reading.value.is_finite()).then_some(reading.value);
            let new = Heard { observed: snapshot.time, value, samples: reading.samples };
            *heard = Some(match *heard {
                // What a wrong clock took for the present is forgotten with it.
                Some(old) if old.observed > new.observed && old.observed.as_millis() <= limit => old,
                // Of two answers for one instant the worse stands.
                Some(old) if old.observed == new.observed => {
                    let worse = old.value.zip(new.value).is_some_and(|(old, new)| new > old) || old.value.is_none();
                    if worse { new } else { old }
                }
                _ => new,
            });
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

    /// The spool did not take a roll back.
    pub fn refused_by_spool(&mut self, node: usize, order: &Spooled) {
        for rollout in 0..self.plan.shapes.len() {
            let key = key(self.plan.shapes[rollout].rollout);
            if order.rollout.as_ref().is_none_or(|name| *name == key.rollout) {
                self.nodes[node].unkept[rollout] = true;
            }
        }
    }

    /// A person was told that their order is carried out.
    pub fn acknowledged(&mut self, node: usize, command: &Arc<Command>, outcome: &Outcome) {
        let key = outcome.key.clone();
        let written = outcome.entries.iter().map(|entry| entry.record().seq).max();
        let spooled = self.nodes[node].spool.iter().any(|order| order.id == command.token);
        if let Some(seq) = written
            && self.disk.chains.get(&key).is_none_or(|chain| chain.head.seq < seq)
        {
            self.violated(format!("{key}: {} was acknowledged with entry {seq}, which is not there", command.token));
        }
        if outcome.refused.is_none() && (written.is_some() || spooled) {
            self.oracle.book(&key).acknowledged.push(command.reason.clone());
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
        book.acknowledged.iter().filter(|name| !told(name)).cloned().collect()
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
