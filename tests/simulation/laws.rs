//! What a controller may do with what it heard: when it may advance, what it must take back, what it must leave alone.

use rollgate::ledger::Entry;
use rollgate::ledger::hash::Key;
use rollgate::model::event::What;
use rollgate::model::snapshot::Snapshot;
use rollgate::model::state::{Baseline as Compared, BaselineValue, RolloutState};
use rollgate::model::time::Time;

use super::ears::{BEFORE, CASCADES, CONTROL, ERRORS, Ear, LATENCY, LOAD, SERIES};
use super::oracle::{MACHINE, place};
use super::policies::{
    BASELINE_AGES, BASELINE_POINTS, BUSIEST, Baseline, EARLY, MAX_AGE, P0, P1, SILENT, SLOWER, SLOWEST, STORM, Shape,
    TINY, WORSE,
};
use super::world::World;

/// The rung at which scripts and comparisons with control begin.
const CANARY: usize = 2;
/// What a comparison may be off by before the oracle calls it beyond.
const HAIR: f64 = 0.02;
/// A lease that lapses is back sooner than this; by true time.
const FOLLOWED: i64 = 15_000;

/// A breach that somebody sees: one that is acted on at once, or one that has to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    AtOnce,
    AfterAWhile,
}

/// One region as a controller sees it at an instant, in a stage.
pub struct View<'a> {
    shape: &'a Shape,
    pub state: &'a RolloutState,
    pub region: &'a str,
    pub ear: &'a Ear,
    rung: usize,
    pub now: i64,
}

impl View<'_> {
    const fn is_exposed(&self) -> bool {
        self.rung > 0
    }

    fn is_muted(&self, check: &str) -> bool {
        self.state.mutes.keys().any(|muted| muted.as_str() == check)
    }

    /// The series that some check of the stage rests on.
    pub fn needs(&self, series: usize) -> bool {
        match series {
            ERRORS | LATENCY => self.is_exposed(),
            LOAD => !self.is_muted("overload") || self.shape.script && self.rung >= CANARY,
            CONTROL => self.shape.control && self.rung == CANARY,
            CASCADES => self.shape.counter,
            _ => false,
        }
    }

    /// What the latency was before the rollout, while that may be believed.
    fn baseline(&self) -> Option<f64> {
        self.state.baselines.iter().find_map(|entry| match &entry.value {
            BaselineValue::Known { median, frozen_at, .. } if entry.region.as_str() == self.region => {
                let age = self.now - frozen_at.as_millis();
                (self.shape.baseline != Baseline::Ages || age <= BASELINE_AGES).then_some(*median)
            }
            _ => None,
        })
    }

    /// Why something that the stage rests on cannot be told.
    fn unknown(&self) -> Option<String> {
        let dark = (0..SERIES.len()).filter(|series| self.needs(*series));
        let dark = dark.filter_map(|series| self.ear.reading(series, self.now).err()).next();
        let compares = self.needs(CONTROL).then(|| self.ear.control(self.now).err()).flatten();
        let before = (self.shape.baseline != Baseline::None && self.is_exposed() && self.baseline().is_none())
            .then(|| "nothing is known of before the rollout, or it is too old".to_owned());
        let fails = (self.shape.script && self.rung == CANARY && self.value(LATENCY).is_some_and(|value| value < TINY))
            .then(|| "a script fails".to_owned());
        dark.or(compares).or(before).or(fails)
    }

    fn value(&self, series: usize) -> Option<f64> {
        self.ear.reading(series, self.now).ok()
    }

    fn above(&self, series: usize, bound: f64) -> bool {
        self.value(series).is_some_and(|value| value > bound)
    }

    /// Every reading beyond what takes it back, how fast it does, and what it rests on.
    fn breaches(&self) -> Vec<(&'static str, Sight, &'static [usize])> {
        use Sight::{AfterAWhile, AtOnce};
        let exposed = self.is_exposed();
        let compares = self.shape.control && self.rung == CANARY;
        let worse = || {
            let beside = self.value(ERRORS).zip(self.ear.control(self.now).ok());
            beside.is_some_and(|(is, control)| is - control > WORSE + HAIR)
        };
        let slower = || {
            let before = self.value(LATENCY).zip(self.baseline());
            before.is_some_and(|(is, was)| is > was * (SLOWER + HAIR))
        };
        let storm = || self.above(ERRORS, STORM.0) && self.above(LOAD, STORM.1);
        let found = [
            (exposed && self.above(ERRORS, P0), "errors beyond P0", AtOnce, &[ERRORS][..]),
            (exposed && self.above(ERRORS, P1), "errors beyond P1", AfterAWhile, &[ERRORS]),
            (exposed && self.above(LATENCY, SLOWEST), "latency", AfterAWhile, &[LATENCY]),
            (!self.is_muted("overload") && self.above(LOAD, BUSIEST), "load", AfterAWhile, &[LOAD]),
            (self.shape.counter && self.above(CASCADES, 0.0), "cascades", AtOnce, &[CASCADES]),
            (self.shape.script && self.rung >= CANARY && storm(), "a storm", AtOnce, &[ERRORS, LOAD]),
            (
                self.shape.baseline != Baseline::None && exposed && slower(),
                "latency beside before",
                AfterAWhile,
                &[LATENCY],
            ),
            (compares && worse(), "errors beside control", AfterAWhile, &[ERRORS]),
        ];
        found.into_iter().filter(|(is, ..)| *is).map(|(_, what, sight, rests)| (what, sight, rests)).collect()
    }

    /// Whether control may excuse what is seen here.
    fn is_excused(&self, what: &str) -> bool {
        let control = || self.ear.last(CONTROL).and_then(|heard| heard.value).is_none_or(|value| value > P1);
        self.shape.control && what.starts_with("errors beyond") && control()
    }
}

impl World {
    /// Every region of a rollout as `node` sees it at `now`.
    pub fn views<'a>(&'a self, node: usize, state: &'a RolloutState, now: i64) -> Vec<View<'a>> {
        let Some(shape) = self.oracle.shape(state) else { return Vec::new() };
        let rung = place(state.stage.as_str()).unwrap_or(0);
        let ears = &self.nodes[node].heard[shape.rollout];
        let view = |(region, ear)| View { shape, state, region, ear, rung, now };
        shape.regions().iter().copied().zip(ears).map(view).collect()
    }

    /// What forbids leaving the stage, by what `node` heard.
    pub fn may_advance(&mut self, node: usize, key: &Key, before: &RolloutState, because: &str) {
        if before.latch.is_some() || before.revision.is_none() || !before.latched_regions.is_empty() {
            return self.violated(format!("I4: {key} advances while it is taken back"));
        }
        if before.applied_at.is_none() {
            self.violated(format!("I1: {key} advances before its exposure is confirmed"));
        }
        if before.paused.is_some() {
            self.violated(format!("{key} advances while a person pauses it"));
        }
        let now = self.nodes[node].acting_at.as_millis();
        let views = self.views(node, before, now);
        let unknown = views.iter().find_map(View::unknown);
        let beyond = views.iter().find_map(|view| view.breaches().first().map(|(what, ..)| *what));
        if let Some(why) = unknown {
            self.violated(format!("I2: {key} advances at node {node} although {why}"));
        }
        if let Some(what) = beyond {
            self.violated(format!("{key} advances at node {node} although it sees {what}"));
        }
        let Some(shape) = self.oracle.shape(before).cloned() else { return };
        if shape.approval && before.stage.as_str() == "internal" && before.approvals.is_empty() {
            self.violated(format!("{key} advances without approval"));
        }
        if before.stage.as_str() == "off" && shape.baseline != Baseline::None {
            self.begins_on_a_baseline(key, &shape, before);
        }
        if because.contains("ordered") {
            return;
        }
        // A clock that was set back a little does not take its owner back.
        if shape.is_frozen(now.max(self.nodes[node].high[shape.rollout])) {
            self.violated(format!("{key} advances in a freeze"));
        }
        let early = because.starts_with("early exit");
        let bake = match before.stage.as_str() {
            "off" => 6000,
            "internal" => 8000,
            "full" => 20_000,
            _ if early => EARLY.0,
            _ => shape.bake as i64 * 1000,
        };
        if early {
            // Another's clock, one that was ahead, may have stamped the stage: whoever leaves it goes by when it was
            // entered by its own clock, right or wrong as that was then.
            let since = before.entered_at.min(self.nodes[node].entered[shape.rollout]);
            let ears = &self.nodes[node].heard[shape.rollout];
            let fewest = shape.regions().iter().zip(ears).map(|(_, ear)| ear.samples(since)).min();
            if fewest.is_some_and(|fewest| fewest < EARLY.1) {
                self.violated(format!("{key} leaves early with {fewest:?} of {} samples", EARLY.1));
            }
        }
        self.bake_is_served(key, bake, because);
    }

    /// Nobody sees a change before there is something to compare it with. What was frozen once stays so until the next
    /// revision.
    fn begins_on_a_baseline(&mut self, key: &Key, shape: &Shape, state: &RolloutState) {
        let frozen = state.baselines.iter().filter(|entry| matches!(entry.value, BaselineValue::Known { .. })).count();
        if frozen < shape.regions().len() {
            self.violated(format!("{key} begins without a baseline: {:?}", state.baselines));
        }
    }

    /// What is frozen was heard, often enough.
    pub fn baselines_are_heard(&mut self, node: usize, key: &Key, baselines: &[Compared]) {
        let Some(rollout) = self.plan.shapes.iter().find(|shape| super::world::key(shape.rollout) == *key) else {
            return;
        };
        let (rollout, now) = (rollout.rollout, self.nodes[node].acting_at.as_millis());
        for entry in baselines {
            let BaselineValue::Known { median, points, .. } = &entry.value else { continue };
            let ear = &self.nodes[node].heard[rollout][usize::from(entry.region.as_str() == "us")];
            let heard = ear.before(now);
            if heard.len() < BASELINE_POINTS {
                let heard = heard.len();
                self.violated(format!("{key} begins on a baseline of {heard} of {BASELINE_POINTS} readings"));
                continue;
            }
            let (least, most) = heard.iter().fold((f64::MAX, f64::MIN), |(a, b), value| (a.min(*value), b.max(*value)));
            if (*points as usize) > heard.len() || *median < least || *median > most {
                let last = ear.last(BEFORE);
                self.violated(format!(
                    "{key} freezes {median} of {points} readings, and heard {} from {least} to {most}: {last:?}",
                    heard.len()
                ));
            }
        }
    }

    /// Silence is no breach: whoever merely hears nothing leaves it to whoever leads, and whoever begins to lead listens
    /// first.
    pub fn may_act_on_silence(&mut self, node: usize, key: &Key) {
        let of = &self.nodes[node];
        let Some((since, without)) = of.led_since else {
            return self.violated(format!("{key}: node {node} takes it back for silence, and never led"));
        };
        let listened = self.now - since;
        if without > FOLLOWED && of.offset_since < since - FOLLOWED && listened < SILENT - 1000 {
            let what = format!("takes it back for silence after leading for {listened}ms");
            self.violated(format!("{key}: node {node} {what}, and {without}ms of following"));
        }
    }

    /// A roll back that no person asked for, as it is recorded.
    pub fn rolled_back_by_itself(&mut self, node: usize, key: &Key, entry: &Entry, before: &RolloutState) {
        let record = entry.record();
        if record.actor.as_str() != MACHINE {
            return;
        }
        let (check, because, region) = match &record.what {
            What::RolledBack { check, because, .. } => (check, because, None),
            What::RegionRolledBack { check, because, region, .. } => (check, because, Some(region.as_str().to_owned())),
            _ => return,
        };
        if because.contains(" unknown for ") && !because.starts_with("ordered") {
            self.may_act_on_silence(node, key);
        }
        // What control excuses is no reason while control is as bad.
        let now = self.nodes[node].acting_at.as_millis();
        let excused = |view: &View<'_>| {
            let bound = if check.as_ref().is_some_and(|check| check.as_str() == "error_rate.p0") { P0 } else { P1 };
            let control = view.shape.control && view.above(CONTROL, bound);
            control && region.as_ref().is_none_or(|region| region == view.region)
        };
        let by_errors = check.as_ref().is_some_and(|check| matches!(check.as_str(), "error_rate.p0" | "error_rate.p1"));
        let views = self.views(node, before, now);
        if by_errors && !views.is_empty() && views.iter().all(excused) {
            self.violated(format!("{key}: node {node} takes it back for {check:?} although control is as bad"));
        }
    }

    /// What `node` sees of what has to be taken back, observed in this stage, and how soon that has to be.
    pub fn sees_breach(&self, node: usize, state: &RolloutState) -> Option<Sight> {
        let fresh = |view: &View<'_>, sight: Sight, rests: &[usize]| {
            rests.iter().all(|series| {
                view.ear.last(*series).is_some_and(|heard| {
                    let age = self.now - heard.observed.as_millis();
                    // One reading of the future is one reading for as long as it is the last.
                    let lasts = sight == Sight::AtOnce || age >= 0;
                    heard.observed > state.entered_at && age <= MAX_AGE && lasts
                })
            })
        };
        let views = self.views(node, state, self.now);
        let acting = views.iter().filter(|view| {
            !state.latched_regions.keys().any(|name| name.as_str() == view.region) && !view.is_muted("error_rate.p0")
        });
        acting
            .flat_map(|view| {
                let seen = view.breaches().into_iter();
                seen.filter(|(what, sight, rests)| fresh(view, *sight, rests) && !view.is_excused(what))
                    .map(|(_, sight, _)| sight)
            })
            .min()
    }

    /// `node` hears a snapshot.
    pub fn hear(&mut self, node: usize, rollout: usize, now: Time, snapshot: &Snapshot) {
        let limit = now.as_millis() + 30_000;
        if snapshot.time.as_millis() <= limit {
            self.nodes[node].heard[rollout][usize::from(snapshot.region == "us")].hear(snapshot, limit);
        }
    }
}
