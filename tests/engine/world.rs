//! A rollout on a bench: a policy from text, readings from text, time by the minute.

use std::sync::Arc;

use rollgate::engine::{Input, Machine, Output, fold};
use rollgate::model::decision::{Answer, Decision, Wait};
use rollgate::model::event::{Event, What};
use rollgate::model::finding::FindingState;
use rollgate::model::frame::{Cell, Frame, Group, RegionIx};
use rollgate::model::ids::{Actor, Environment, Region, Revision, StageName};
use rollgate::model::operator::{Order, Verb};
use rollgate::model::reading::Unknown;
use rollgate::model::state::{Baseline, BaselineValue, RolloutState};
use rollgate::model::time::{Duration, Time};
use rollgate::policy::compiled::Policy;
use rollgate::policy::source::PolicySource;

/// Two metrics, three stages, one severity ladder: what most tests need.
pub const POLICY: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout"]

[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
latency = { unit = "ms", better = "lower", max_age = "90s", on_unknown = "hold" }

[thresholds.error_rate]
p0 = { above = "5%" }
p1 = { above = "1%", for = "2m" }
p2 = { above = "0.5%" }

[thresholds.latency]
p1 = { above = "500ms", for = "3 of 5" }

[[stages]]
name = "off"
bake = "5m"

[[stages]]
name = "canary"
traffic = "10%"
bake = "10m"

[[stages]]
name = "full"
traffic = "100%"
bake = "10m"
"#;

/// Compiles a policy that must be without errors.
pub fn compile(toml: &str, rules: &str) -> Arc<Policy> {
    let mut source = PolicySource::new("test");
    source.insert("policy.toml", toml);
    if !rules.is_empty() {
        source.insert("rules.rhai", rules);
    }
    let compiled = rollgate::policy::compile(&source, &Environment::new("production"));
    compiled.policy.map(Arc::new).unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics))
}

pub struct World {
    pub machine: Machine,
    /// The last output.
    pub output: Output,
    /// Every event so far.
    pub events: Vec<Event>,
    start: RolloutState,
    pub policy: Arc<Policy>,
    minute: i64,
}

pub fn minute(m: i64) -> Time {
    Time::from_millis(m * 60_000)
}

impl World {
    /// A started rollout standing in `stage` since minute zero, its exposure applied.
    pub fn at(stage: &str, toml: &str) -> World {
        World::with(stage, toml, "", |_| {})
    }

    pub fn with(stage: &str, toml: &str, rules: &str, prepare: impl FnOnce(&mut RolloutState)) -> World {
        World::of(stage, compile(toml, rules), prepare)
    }

    pub fn of(stage: &str, policy: Arc<Policy>, prepare: impl FnOnce(&mut RolloutState)) -> World {
        let mut state = RolloutState::at_stage(StageName::new(stage), minute(0));
        state.revision = Some(Revision::new("r1"));
        state.applied_at = Some(minute(0));
        prepare(&mut state);
        let start = state.clone();
        let mut machine = Machine::new(Arc::clone(&policy), state);
        let output = machine.handle(minute(0), Input::Tick);
        let events = output.events.clone();
        World { machine, output, events, start, policy, minute: 0 }
    }

    /// Feeds the same readings every minute from the current minute on, `count` times.
    ///
    /// `"error_rate=0.5 latency=200"`; `metric.group`, `metric@region`; `null`, `nan` and `inf` are readings too;
    /// `0.5@200` rests on 200 samples, `0.5~30` was observed 30 s before the snapshot.
    pub fn minutes(&mut self, count: i64, readings: &str) -> &mut World {
        for _ in 0..count {
            self.snapshot(minute(self.minute), readings);
            self.minute += 1;
        }
        self
    }

    /// Lets time pass without data.
    pub fn silence(&mut self, minutes: i64) -> &mut World {
        self.minute += minutes;
        let end = minute(self.minute - 1);
        self.wake_until(end);
        self.feed(end, Input::Tick);
        self
    }

    pub fn snapshot(&mut self, at: Time, readings: &str) {
        let frame = self.frame(at, readings);
        self.wake_until(at);
        self.feed(at, Input::Frame(&frame));
        self.confirm(at);
    }

    pub fn order(&mut self, verb: Verb) -> &mut World {
        let order = Order { actor: Actor::new("ana"), reason: "because".to_owned(), verb };
        let at = self.machine.now();
        self.feed(at, Input::Order(order));
        self.confirm(at);
        self
    }

    pub fn frame(&self, at: Time, readings: &str) -> Frame {
        let catalogue = &self.policy.catalogue;
        let mut frame = Frame { time: at, exposure: None, cells: Vec::new() };
        for word in readings.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap();
            if name == "exposure" {
                frame.exposure = value.parse().ok();
                continue;
            }
            let (name, region) = name.split_once('@').unwrap_or((name, ""));
            let (name, group) = name.split_once('.').unwrap_or((name, "treatment"));
            let metric = catalogue.find(name).unwrap_or_else(|| panic!("no metric {name}"));
            let region = if region.is_empty() { RegionIx(0) } else { catalogue.find_region(region).unwrap() };
            let slot = catalogue.slot(region, Group::from_name(group).unwrap(), metric);
            let (value, age) = value.split_once('~').unwrap_or((value, "0"));
            let observed = Time::from_millis(at.as_millis() - age.parse::<i64>().unwrap() * 1000);
            let (value, samples) = value.split_once('@').unwrap_or((value, ""));
            let (value, unknown) = match value {
                "null" => (0.0, Some(Unknown::Absent)),
                "error" => (0.0, Some(Unknown::SourceError)),
                number => (number.parse().unwrap(), None),
            };
            frame.cells.push(Cell { slot, observed, value, samples: samples.parse().ok(), unknown });
        }
        frame
    }

    /// Minute `at` and `seconds`, with readings.
    pub fn at_second(&mut self, at: i64, seconds: i64, readings: &str) -> &mut World {
        self.snapshot(minute(at) + Duration::from_secs(seconds), readings);
        self
    }

    /// The controller is started again: state from the ledger, evidence gone.
    pub fn restart(&mut self) -> &mut World {
        let folded = self.events.iter().fold(self.start.clone(), fold);
        self.machine = Machine::new(Arc::clone(self.machine.policy()), folded);
        self
    }

    /// A policy takes over.
    pub fn reload(&mut self, policy: &Arc<Policy>) -> &mut World {
        let now = self.machine.now();
        self.feed(now, Input::Policy(Arc::clone(policy)));
        self.policy = Arc::clone(policy);
        self
    }

    pub fn feed(&mut self, at: Time, input: Input<'_>) {
        self.output = self.machine.handle(at, input);
        self.events.extend(self.output.events.iter().cloned());
    }

    /// Ticks at every instant the machine asked for, up to `until`.
    pub fn wake_until(&mut self, until: Time) {
        while let Some(wake) = self.output.wake_at
            && wake < until
        {
            self.feed(wake, Input::Tick);
            self.confirm(wake);
        }
    }

    /// Confirms whatever plan came out, at once.
    pub fn confirm(&mut self, at: Time) {
        if let Some(plan) = self.output.plan.take() {
            let answer = self.output.answer;
            self.feed(at, Input::Applied(plan.generation));
            self.output.answer = answer;
        }
    }

    pub fn stage(&self) -> &str {
        self.machine.state().stage.as_str()
    }

    pub fn answer(&self) -> Answer {
        self.machine.answer()
    }

    pub fn decision(&self) -> Decision {
        self.machine.decision()
    }

    pub fn headline(&self) -> String {
        self.decision().verdict.headline()
    }

    pub fn state_of(&self, check: &str) -> FindingState {
        self.state_in(check, "")
    }

    pub fn state_in(&self, check: &str, region: &str) -> FindingState {
        let decision = self.decision();
        let finding = decision.findings.iter().find(|f| f.check.as_str() == check && f.region.as_str() == region);
        finding.unwrap_or_else(|| panic!("no finding {check} in {:?}", decision.findings)).state
    }

    pub fn is_latched(&self) -> bool {
        self.machine.state().latch.is_some()
    }

    /// Every wait of the current hold.
    pub fn waits(&self) -> Vec<Wait> {
        match self.decision().verdict {
            rollgate::model::decision::Verdict::Hold { because } => because.iter().cloned().collect(),
            other => panic!("not a hold: {other:?}"),
        }
    }

    pub fn happened(&self, wanted: impl Fn(&What) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(&event.what)).count()
    }

    /// "State is a fold of the ledger."
    pub fn assert_state_is_the_fold(&self) {
        let folded = self.events.iter().fold(self.start.clone(), fold);
        assert_eq!(&folded, self.machine.state());
    }
}

/// A baseline as a recording gives it.
pub fn baseline(metric: &str, median: f64) -> Baseline {
    Baseline {
        metric: metric.into(),
        region: Region::new(""),
        value: BaselineValue::Known { median, points: 30, window: Duration::from_hours(24), frozen_at: minute(0) },
    }
}
