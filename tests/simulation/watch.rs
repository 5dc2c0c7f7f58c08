//! What must hold between inputs: memory agrees with the ledger, one leads at a time, a breach does not last, and in the
//! end everything is well.

use rollgate::engine::Machine;
use rollgate::ledger::hash::Key;
use rollgate::model::decision::Answer;
use rollgate::model::finding::CheckKind;
use rollgate::model::plan::Plan;

use super::laws::Sight;
use super::node::{Act, Node};
use super::world::{BEGIN, CONVERGES, Event, FAULTY, World};

/// A breach that some controller sees is taken back within so long.
const TAKEN_BACK_WITHIN: i64 = 15_000;
/// One that has to last for a while first.
const LASTING_WITHIN: i64 = 24_000;
/// What nothing kept is acted on within so long.
const UNKEPT_WITHIN: i64 = 5_000;
/// Clocks that run no slower than this never let two lead at once: 2.8 s of such a clock are less than 4 s.
pub const SLOWEST: i64 = 75;

impl World {
    /// After every input of `node`.
    pub fn examine(&mut self, node: usize) {
        for rollout in 0..self.plan.shapes.len() {
            let key = super::world::key(self.plan.shapes[rollout].rollout);
            let of = &self.nodes[node];
            let Some(controller) = &of.controllers[rollout] else { continue };
            let book = &self.oracle.books[&key];
            let wrong = match book.states.get(&controller.rollout().head.seq) {
                None => Some("stands on an entry that nobody wrote"),
                Some(state) if *state != controller.rollout().state => Some("holds a state that is not the fold"),
                Some(_) => None,
            };
            let apart = controller.trouble().is_none()
                && controller.machine().is_some_and(|machine| *machine.state() != controller.rollout().state)
                && !of.unkept[rollout]
                && of.spool.is_empty();
            let differs = apart.then(|| {
                let machine = controller.machine().map(|machine| format!("{:?}", machine.state()));
                format!("machine {machine:?}, ledger {:?}", controller.rollout().state)
            });
            if controller.trouble().is_none() && of.spool.is_empty() {
                self.nodes[node].unkept[rollout] = false;
            }
            if let Some(wrong) = wrong {
                let shown = self.nodes[node].controllers[rollout].as_ref().map(|c| format!("{:?}", c.rollout().state));
                let fold = self.oracle.books[&key].state.clone();
                self.violated(format!("I13: node {node} {wrong} of {key}: {shown:?}\nfold of all: {fold:?}"));
            } else if let Some(differs) = differs {
                self.violated(format!("{key}: node {node}'s machine is not where the ledger is: {differs}"));
            }
        }
    }

    /// Every half second.
    pub fn watch(&mut self) {
        self.after(500, Event::Watch);
        let leaders: Vec<usize> = (0..self.plan.nodes)
            .filter(|node| self.nodes[*node].up && !self.nodes[*node].busy && self.lead_of(*node).is_some())
            .collect();
        let clocks_are_fair = self.nodes.iter().all(|node| node.rate >= SLOWEST && node.slow_until < self.now);
        if leaders.len() > 1 && clocks_are_fair {
            self.violated(format!("nodes {leaders:?} lead at once"));
        }
        for key in self.keys() {
            self.breaches_do_not_last(&key);
        }
        self.what_nothing_kept_is_done();
    }

    /// I12: whoever sees a breach that lasts takes the rollout back, or has somebody do so.
    fn breaches_do_not_last(&mut self, key: &Key) {
        let state = self.oracle.books[key].state.clone();
        let now = self.now;
        let nobody_sees_it =
            self.outside.shown[key].seen.values().all(|(traffic, audience)| *traffic <= 0.0 && !audience);
        let idle = state.latch.is_some() || state.revision.is_none() || nobody_sees_it;
        let rollout = self.plan.shapes.iter().position(|shape| super::world::key(shape.rollout) == *key).unwrap_or(0);
        for node in 0..self.plan.nodes {
            let knows = self.nodes[node].controllers[rollout].as_ref().is_some_and(|controller| {
                let mine = &controller.rollout().state;
                mine.stage == state.stage && mine.entered_at == state.entered_at && mine.latch.is_none()
            });
            let of = &self.nodes[node];
            let fit = of.up && !of.busy && of.clock_is_right(now) && now >= of.actuator_fails_until;
            let sees = if !idle && knows && fit { self.sees_breach(node, &state) } else { None };
            let book = self.oracle.book(key);
            book.breach_since.retain(|(who, sight), _| *who != node || sees.is_some_and(|sees| sees <= *sight));
            for (sight, within) in [(Sight::AtOnce, TAKEN_BACK_WITHIN), (Sight::AfterAWhile, LASTING_WITHIN)] {
                if sees.is_none_or(|sees| sees > sight) {
                    continue;
                }
                let book = self.oracle.book(key);
                let since = *book.breach_since.entry((node, sight)).or_insert(now);
                if now - since > within {
                    self.violated(format!("I12: {key}: node {node} has seen a breach for {}ms", now - since));
                }
            }
        }
    }

    /// `node` asks the actuator for something: perhaps for what it took back and nothing kept.
    pub fn asks_for(&mut self, node: usize, key: &Key, plan: &Plan) {
        let regions = &self.outside.shown[key].seen;
        let shapes = self.plan.shapes.iter();
        for (shape, act) in shapes.zip(&mut self.nodes[node].unkept_acts) {
            if let Some(act) = act.as_mut().filter(|act| act.generation == plan.generation)
                && super::world::key(shape.rollout) == *key
            {
                act.asked = super::outside::wanted(regions, plan);
            }
        }
    }

    /// What neither store nor spool took is done all the same: the world shows no more. It need not be this controller
    /// that did it, nor afterwards: another saw the same breach, or was given the same order, and shows that generation;
    /// or somebody went on from there, and it is too old to be shown.
    fn what_nothing_kept_is_done(&mut self) {
        let now = self.now;
        for node in 0..self.plan.nodes {
            for rollout in 0..self.plan.shapes.len() {
                let shown = &self.outside.shown[&super::world::key(self.plan.shapes[rollout].rollout)];
                let is_so = |act: &mut Act| {
                    shown.generation > act.generation
                        || shown.generation == act.generation && !super::outside::rises(&act.asked, &shown.seen)
                };
                let of = &mut self.nodes[node];
                of.unkept_acts[rollout].take_if(is_so);
                let fit = of.up && !of.busy && of.clock_is_right(now) && now >= of.actuator_fails_until + 3000;
                if fit && of.unkept_acts[rollout].as_ref().is_some_and(|act| now - act.since > UNKEPT_WITHIN) {
                    self.violated(format!("node {node} took back what nothing kept, and has not acted on it"));
                }
            }
        }
    }

    /// The ledger says how things look, once whoever leads has been able to write for a while.
    fn unsaid(&self, node: &Node, rollout: usize, key: &Key) -> Option<String> {
        let controller = node.controllers[rollout].as_ref().filter(|controller| controller.leads())?;
        let state = &controller.rollout().state;
        let decision = controller.decision().filter(|_| state.revision.is_some())?;
        let remarks = &self.oracle.books[key].remarks;
        decision.findings.iter().find_map(|finding| {
            let at_first = if finding.kind == CheckKind::Gate { "unknown" } else { "ok" };
            let said = remarks.get(&(finding.check.to_string(), finding.region.to_string()));
            // What was pruned says nothing any more.
            let pruned = said.is_some_and(|(_, seq)| !self.disk.chains[key].entries.contains_key(seq));
            let (said, is) = (said.map_or(at_first, |(said, _)| said.as_str()), finding.state.name());
            (said != is && !pruned).then(|| format!("the ledger says that {} is {said}, and it is {is}", finding.check))
        })
    }

    /// I15: everything is well again.
    pub fn expect_convergence(&mut self) {
        if self.violation.is_some() {
            return;
        }
        self.verify_chains();
        for key in self.keys() {
            let problems = self.unwell(&key);
            if !problems.is_empty() {
                let after = (self.now - BEGIN - FAULTY) / 1000;
                debug_assert_eq!(after, CONVERGES / 1000);
                self.violated(format!("I15: {key}: {after}s after the last fault: {}", problems.join("; ")));
            }
        }
    }

    fn unwell(&self, key: &Key) -> Vec<String> {
        let mut problems = Vec::new();
        let rollout = self.plan.shapes.iter().position(|shape| super::world::key(shape.rollout) == *key).unwrap_or(0);
        let Some(chain) = self.disk.chains.get(key) else { return vec!["nothing was ever recorded".to_owned()] };
        let state = &self.oracle.books[key].state;
        if self.disk.leader(self.time()).is_none() {
            problems.push("nobody leads".to_owned());
        }
        for of in self.nodes.iter().filter(|of| !of.console) {
            let Some(controller) = &of.controllers[rollout] else {
                problems.push(format!("node {} does not run", of.nth));
                continue;
            };
            // Whoever does not lead looks once a second.
            let due = self.oracle.books[key].written.iter().rev().find(|(at, _)| *at < self.now - 1500);
            if due.is_some_and(|(_, seq)| controller.rollout().head.seq < *seq) {
                problems.push(format!("node {} stands on entry {}", of.nth, controller.rollout().head.seq));
            }
            if let Some(trouble) = controller.trouble() {
                problems.push(format!("node {} is in trouble: {}", of.nth, trouble.error));
            }
            if !of.spool.is_empty() {
                problems.push(format!("the spool of node {} holds {}", of.nth, of.spool.len()));
            }
            // Whoever follows may hear nothing, and leaves that to whoever leads.
            let wants = |machine: &Machine| {
                machine.answer() == Answer::RollBack && (controller.leads() || !machine.rolls_back_for_silence())
            };
            problems.extend(self.unsaid(of, rollout, key));
            if controller.machine().is_some_and(wants) {
                problems.push(format!("node {} wants to roll back, and does not", of.nth));
            }
        }
        if self.oracle.books[key].lost {
            return problems;
        }
        if state.applied_at.is_none() && state.revision.is_some() {
            problems.push(format!("generation {} is not confirmed", state.generation));
        }
        let shown = &self.outside.shown[key];
        let plan = rollgate::control::exposure::plan(&chain.exposed, state.latch.is_some());
        let wanted = super::outside::wanted(&shown.seen, &plan);
        if chain.exposed.generation.0 > 0 && (shown.generation != chain.exposed.generation || shown.seen != wanted) {
            problems
                .push(format!("the ledger exposes {wanted:?} at {}, the world {shown:?}", chain.exposed.generation));
        }
        problems.extend(self.lost_orders(key).into_iter().map(|order| format!("{order} was acknowledged and is lost")));
        problems
    }
}

impl Node {
    /// Whether its clock has been right for long enough to forget that it was not.
    pub const fn clock_is_right(&self, now: i64) -> bool {
        self.offset.abs() <= 1000 && now - self.offset_since > 3000
    }
}
