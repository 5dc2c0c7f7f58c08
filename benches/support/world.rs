//! The work that is measured: twelve metrics, two groups, a policy over them, snapshots, and the same tests written
//! out by hand as somebody would who has no policy language.

#![allow(dead_code, unreachable_pub, reason = "shared by two programs that use different parts")]

use std::sync::Arc;

use rollgate::model::decision::Answer;
use rollgate::model::frame::{Cell, Frame, Group, MetricIx, RegionIx};
use rollgate::model::ids::{Environment, Region};
use rollgate::model::reading::{Reading, Truth, Unknown};
use rollgate::model::severity::Severity;
use rollgate::model::state::{Baseline, BaselineValue};
use rollgate::model::time::{Duration, Time};
use rollgate::policy::compiled::{CheckIx, Condition, Policy, StageIx};
use rollgate::policy::script::{Facts, FunctionIx};
use rollgate::policy::source::PolicySource;

/// The metrics, in the order in which the policy names them, with what they read on a good day.
pub const METRICS: [(&str, f64); 12] = [
    ("score", 99.9),
    ("errors", 0.2),
    ("p95", 205.0),
    ("p99", 450.0),
    ("cascades", 0.0),
    ("cpu", 55.0),
    ("memory", 60.0),
    ("queue", 40.0),
    ("timeouts", 0.3),
    ("retries", 2.0),
    ("uptime", 99.97),
    ("restarts", 0.0),
];

pub const SCORE: usize = 0;
pub const ERRORS: usize = 1;
pub const P95: usize = 2;
pub const P99: usize = 3;
pub const CASCADES: usize = 4;
pub const CPU: usize = 5;
pub const MEMORY: usize = 6;
pub const QUEUE: usize = 7;
pub const TIMEOUTS: usize = 8;
pub const RETRIES: usize = 9;
pub const UPTIME: usize = 10;
pub const RESTARTS: usize = 11;

/// What `p95` read before the rollout.
pub const BASELINE_P95: f64 = 200.0;
/// Older readings are stale.
pub const MAX_AGE: i64 = 90_000;
/// Fewer samples are too few.
pub const MIN_SAMPLES: u64 = 100;

/// How the rules of the stages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// Not at all.
    Absent,
    /// As bounds in TOML.
    Toml,
    /// As scripts. They are lowered to trees, unless the interpreter is asked for.
    Script,
}

/// What else differs between policies.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub rules: Rules,
    /// Every bound has to be broken for a while, by time or by count.
    pub windows: bool,
    /// Readings must say how many samples they rest on.
    pub samples: bool,
    /// A bound on the control group, which makes fifteen in the canary stage.
    pub control: bool,
}

impl Shape {
    pub const PLAIN: Shape = Shape { rules: Rules::Toml, windows: false, samples: true, control: true };
}

/// The twelve thresholds: `[name]`, level, bound, window when windows are asked for.
const THRESHOLDS: [(&str, &str, &str, &str); 12] = [
    ("score", "p0", "below = \"95%\"", "1m"),
    ("score", "p1", "below = \"99%\"", "2m"),
    ("score", "p2", "below = \"99.5%\"", "3 of 5"),
    ("errors", "p0", "above = \"5%\"", "1m"),
    ("errors", "p1", "above = \"2%\"", "3 of 5"),
    ("p95", "p1", "above = \"+10%\", than = \"baseline\"", "5m"),
    ("p99", "p1", "above = \"900ms\"", "3 of 5"),
    ("cascades", "p0", "above = 3", "2 of 3"),
    ("cpu", "p2", "above = \"85%\"", "10m"),
    ("memory", "p1", "above = \"90%\"", "4 of 6"),
    ("queue", "p1", "above = 1000", "2m"),
    ("uptime", "p0", "below = \"99%\"", "2 of 3"),
];

/// The rules of the three stages, each one "this or that": metric, side, bound.
type Rule = [(&'static str, &'static str, &'static str); 2];
const STAGE_RULES: [(&str, Rule); 3] = [
    ("canary", [("errors", "above", "1%"), ("timeouts", "above", "2%")]),
    ("staged", [("errors", "above", "1%"), ("p99", "above", "700ms")]),
    ("full", [("uptime", "below", "99.9%"), ("retries", "above", "10%")]),
];

/// `policy.toml` and `rules.rhai`.
pub fn texts(shape: Shape) -> (String, String) {
    let mut toml = String::from("schema = 1\nrollout = \"bench\"\nfeatures = [\"new\"]\n\n[metrics]\n");
    for (name, _) in METRICS {
        let unit = match name {
            "p95" | "p99" => "ms",
            "cascades" | "queue" | "restarts" => "count",
            _ => "percent",
        };
        let better = if name == "score" || name == "uptime" { "higher" } else { "lower" };
        let samples = if shape.samples { ", min_samples = 100" } else { "" };
        toml += &format!(
            "{name} = {{ unit = \"{unit}\", better = \"{better}\", max_age = \"90s\"{samples}, on_unknown = \"hold\" }}\n"
        );
    }
    let window = |window: &str| match shape.windows {
        true => format!(", for = \"{window}\""),
        false => ", clear_after = \"1 of 1\"".to_owned(),
    };
    let mut table = "";
    for (name, level, bound, length) in THRESHOLDS {
        if table != name {
            toml += &format!("\n[thresholds.{name}]\n");
            table = name;
        }
        toml += &format!("{level} = {{ {bound}{} }}\n", window(length));
    }
    let mut params = String::from("\n[params]\n");
    let mut rhai = String::new();
    toml += "\n[triggers]\n";
    for (stage, [one, other]) in STAGE_RULES {
        let conditions = [one, other].map(|(metric, side, bound)| {
            let sign = if side == "above" { '>' } else { '<' };
            params += &format!("{stage}_{metric} = \"{bound}\"\n");
            format!("metric(\"{metric}\").treatment {sign} param(\"{stage}_{metric}\")")
        });
        let any = conditions.join(" || ");
        match shape.rules {
            Rules::Toml => {
                for (metric, side, bound) in [one, other] {
                    let of = window("2 of 3");
                    toml += &format!(
                        "{stage}-{metric} = {{ in = [\"{stage}\"], metric = \"{metric}\", {side} = \"{bound}\"{of} }}\n"
                    );
                }
                continue;
            }
            Rules::Absent => continue,
            Rules::Script => rhai += &format!("fn {stage}() {{ if {any} {{ breach() }} else {{ ok() }} }}\n"),
        }
        let of = window("2 of 3");
        toml += &format!("{stage}-rule = {{ in = [\"{stage}\"], script = \"{stage}\"{of} }}\n");
    }
    if shape.control {
        let of = window("2 of 3");
        toml += &format!(
            "control-errors = {{ in = [\"canary\"], metric = \"errors\", group = \"control\", above = \"20%\"{of} }}\n"
        );
    }
    if shape.rules == Rules::Script {
        toml += &params;
    }
    for (stage, traffic) in [("off", "0%"), ("canary", "10%"), ("staged", "50%"), ("full", "100%")] {
        toml += &format!("\n[[stages]]\nname = \"{stage}\"\ntraffic = \"{traffic}\"\n");
        if stage != "off" {
            // Longer than any measurement lasts, in the time of the data.
            toml += "bake = \"876000h\"\n";
        }
    }
    (toml, rhai)
}

/// The policy, compiled. It must be without errors.
pub fn policy(shape: Shape) -> Arc<Policy> {
    let (toml, rhai) = texts(shape);
    let mut source = PolicySource::new("bench");
    source.insert("policy.toml", toml.as_str());
    if !rhai.is_empty() {
        source.insert("rules.rhai", rhai.as_str());
    }
    let compiled = rollgate::policy::compile(&source, &Environment::new("production"));
    compiled.policy.map(Arc::new).unwrap_or_else(|| panic!("{toml}\n{rhai}\n{:#?}", compiled.diagnostics))
}

/// The script of a stage.
pub fn rule(policy: &Policy, stage: &str) -> FunctionIx {
    let id = format!("{stage}-rule");
    let check = policy.checks.iter().find(|check| check.id.as_str() == id);
    match check.map(|check| &check.condition) {
        Some(Condition::Script { function, .. }) => *function,
        other => panic!("{id} is a script: {other:?}"),
    }
}

/// What a script sees of one snapshot.
pub struct Read<'a>(pub &'a Snapshot);

impl Facts for Read<'_> {
    fn reading(&self, metric: MetricIx, group: Group) -> Reading {
        let samples = if group == Group::Control { &self.0.control } else { &self.0.treatment };
        let sample = samples.get(usize::from(metric.0));
        let usable = sample.map_or(Err(Unknown::Absent), |sample| usable(sample, self.0.at));
        usable.map_or_else(Reading::Unknown, Reading::Value)
    }
    fn baseline(&self, _: MetricIx) -> Reading {
        Reading::Value(BASELINE_P95)
    }
    fn breached(&self, _: CheckIx) -> Truth {
        Truth::Ok
    }
    fn pending(&self, _: CheckIx) -> Truth {
        Truth::Ok
    }
}

/// The frozen baseline that the policy compares with.
pub fn baselines() -> Vec<Baseline> {
    let (points, window, frozen_at) = (60, Duration::from_hours(24), Time::from_millis(0));
    let value = BaselineValue::Known { median: BASELINE_P95, points, window, frozen_at };
    vec![Baseline { metric: "p95".into(), region: Region::new(""), value }]
}

/// One reading of the hand-written program.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub value: f64,
    pub observed: i64,
    pub samples: u64,
    pub unknown: Option<Unknown>,
}

/// What the hand-written program looks at.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot {
    pub at: i64,
    /// 1, 2, 3: canary, staged, full.
    pub stage: u8,
    pub treatment: [Sample; 12],
    pub control: [Sample; 12],
}

impl Snapshot {
    pub const fn stage_ix(&self) -> StageIx {
        StageIx(self.stage)
    }

    pub const fn stage_name(&self) -> &'static str {
        ["off", "canary", "staged", "full"][self.stage as usize]
    }

    pub const fn time(&self) -> Time {
        Time::from_millis(self.at)
    }

    /// The same at another time.
    pub fn at(mut self, at: i64) -> Snapshot {
        for sample in self.treatment.iter_mut().chain(&mut self.control) {
            sample.observed += at - self.at;
        }
        self.at = at;
        self
    }

    /// As the engine is fed, in the memory of `frame`.
    pub fn fill(&self, policy: &Policy, frame: &mut Frame) {
        self.fill_at(self.at, policy, frame);
    }

    /// The same, as if it had been observed at another time.
    pub fn fill_at(&self, now: i64, policy: &Policy, frame: &mut Frame) {
        frame.clear(Time::from_millis(now));
        for (group, samples) in [(Group::Treatment, &self.treatment), (Group::Control, &self.control)] {
            let first = policy.catalogue.slot(RegionIx(0), group, MetricIx(0)).0;
            frame.cells.extend((first..).zip(samples).map(|(slot, sample)| Cell {
                slot: rollgate::model::frame::Slot(slot),
                observed: Time::from_millis(sample.observed - self.at + now),
                value: sample.value,
                samples: Some(sample.samples),
                unknown: sample.unknown,
            }));
        }
    }
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between -1 and 1.
    fn noise(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// Good days with a little noise, all known and fresh; rounded as a source would.
pub fn quiet(count: usize) -> Vec<Snapshot> {
    let mut dice = Dice(7);
    let mut group = |at: i64| {
        METRICS.map(|(name, usual)| {
            let spread = if name == "score" || name == "uptime" { 0.0002 } else { 0.02 };
            let value = (usual * (1.0 + spread * dice.noise()) * 100.0).round() / 100.0;
            Sample { value, observed: at, samples: 1000, unknown: None }
        })
    };
    let at = |ix: usize| 60_000 * ix as i64;
    (0..count).map(|ix| Snapshot { at: at(ix), stage: 1, treatment: group(at(ix)), control: group(at(ix)) }).collect()
}

/// Days of every kind in every stage: most advance, some hold, a few roll back.
pub fn mixed(count: usize) -> Vec<Snapshot> {
    let mut dice = Dice(11);
    let mut all = quiet(count);
    for snapshot in &mut all {
        snapshot.stage = 1 + (dice.roll() % 3) as u8;
        let (metric, value) = match dice.roll() % 32 {
            0 => (SCORE, 94.0),
            1 => (ERRORS, 6.0),
            2 => (CASCADES, 4.0),
            3 => (SCORE, 98.5),
            4 => (P95, 230.0),
            5 => (MEMORY, 93.0),
            6 => (QUEUE, 2000.0),
            7 => (SCORE, 99.3),
            8 => (CPU, 88.0),
            9 => (ERRORS, 1.5),
            10 => (P99, 800.0),
            11 => (RETRIES, 12.0),
            12 => (P99, 950.0),
            _ => continue,
        };
        snapshot.treatment[metric].value = value;
    }
    all
}

/// Days on which some readings are missing, old, thin or impossible, too.
pub fn patchy(count: usize) -> Vec<Snapshot> {
    let mut dice = Dice(13);
    let mut all = mixed(count);
    for snapshot in &mut all {
        let metric = (dice.roll() % 12) as usize;
        let sample = &mut snapshot.treatment[metric];
        match dice.roll() % 8 {
            0 => sample.unknown = Some(Unknown::SourceError),
            1 => sample.observed -= MAX_AGE + 1,
            2 => sample.samples = MIN_SAMPLES - 1,
            _ => {}
        }
    }
    all
}

#[inline(always)]
fn usable(sample: &Sample, now: i64) -> Result<f64, Unknown> {
    if let Some(why) = sample.unknown {
        return Err(why);
    }
    if now - sample.observed > MAX_AGE {
        return Err(Unknown::Stale);
    }
    if sample.samples < MIN_SAMPLES { Err(Unknown::TooFewSamples) } else { Ok(sample.value) }
}

#[inline(always)]
fn above(sample: &Sample, now: i64, bound: f64) -> Truth {
    match usable(sample, now) {
        Ok(value) if value > bound => Truth::Breach,
        Ok(_) => Truth::Ok,
        Err(why) => Truth::Unknown(why),
    }
}

#[inline(always)]
fn below(sample: &Sample, now: i64, bound: f64) -> Truth {
    match usable(sample, now) {
        Ok(value) if value < bound => Truth::Breach,
        Ok(_) => Truth::Ok,
        Err(why) => Truth::Unknown(why),
    }
}

/// The fifteen tests of the canary stage, written out, in the order of the policy.
#[inline(never)]
pub fn native_tests(s: &Snapshot, now: i64, truths: &mut [Truth; 15]) {
    let (t, c) = (&s.treatment, &s.control);
    // Roll back, hold, warn; within each as written, triggers first.
    truths[0] = below(&t[SCORE], now, 95.0);
    truths[1] = above(&t[ERRORS], now, 5.0);
    truths[2] = above(&t[CASCADES], now, 3.0);
    truths[3] = below(&t[UPTIME], now, 99.0);
    truths[4] = above(&t[ERRORS], now, 1.0);
    truths[5] = above(&t[TIMEOUTS], now, 2.0);
    truths[6] = above(&c[ERRORS], now, 20.0);
    truths[7] = below(&t[SCORE], now, 99.0);
    truths[8] = above(&t[ERRORS], now, 2.0);
    truths[9] = above(&t[P95], now, BASELINE_P95 * 1.1);
    truths[10] = above(&t[P99], now, 900.0);
    truths[11] = above(&t[MEMORY], now, 90.0);
    truths[12] = above(&t[QUEUE], now, 1000.0);
    truths[13] = below(&t[SCORE], now, 99.5);
    truths[14] = above(&t[CPU], now, 85.0);
}

/// One hand-written window: broken for a time, or k of the last n.
#[derive(Debug, Clone, Copy, Default)]
pub struct NativeRun {
    seen: i64,
    since: Option<i64>,
    ring: u64,
    firing: bool,
}

impl NativeRun {
    #[inline(always)]
    fn push(&mut self, truth: Truth, at: i64) -> Option<bool> {
        let breach = match truth {
            Truth::Unknown(_) => return None,
            Truth::Breach => true,
            Truth::Ok => false,
        };
        if at - self.seen > MAX_AGE {
            (self.since, self.ring) = (None, 0);
        }
        self.seen = at;
        self.ring = self.ring << 1 | u64::from(breach);
        if !breach {
            self.since = None;
        } else if self.since.is_none() {
            self.since = Some(at);
        }
        // Five good ones in a row clear it.
        if self.firing && self.ring & 0b1_1111 == 0 {
            (self.firing, self.ring) = (false, 0);
        }
        Some(breach)
    }

    #[inline(always)]
    fn lasts(&mut self, truth: Truth, at: i64, millis: i64) {
        if self.push(truth, at) == Some(true) && self.since.is_some_and(|since| at - since >= millis) {
            self.firing = true;
        }
    }

    #[inline(always)]
    fn counts(&mut self, truth: Truth, at: i64, k: u32, n: u32) {
        if self.push(truth, at) == Some(true) && (self.ring & ((1 << n) - 1)).count_ones() >= k {
            self.firing = true;
        }
    }
}

/// The fifteen tests with their windows, and what they call for.
#[inline(never)]
pub fn native_windows(s: &Snapshot, now: i64, truths: &mut [Truth; 15], runs: &mut [NativeRun; 15]) -> Answer {
    native_tests(s, now, truths);
    let at = now;
    runs[0].lasts(truths[0], at, 60_000);
    runs[1].lasts(truths[1], at, 60_000);
    runs[2].counts(truths[2], at, 2, 3);
    runs[3].counts(truths[3], at, 2, 3);
    runs[4].counts(truths[4], at, 2, 3);
    runs[5].counts(truths[5], at, 2, 3);
    runs[6].counts(truths[6], at, 2, 3);
    runs[7].lasts(truths[7], at, 120_000);
    runs[8].counts(truths[8], at, 3, 5);
    runs[9].lasts(truths[9], at, 300_000);
    runs[10].counts(truths[10], at, 3, 5);
    runs[11].counts(truths[11], at, 4, 6);
    runs[12].lasts(truths[12], at, 120_000);
    runs[13].counts(truths[13], at, 3, 5);
    runs[14].lasts(truths[14], at, 600_000);
    let any_unknown = truths.iter().any(|truth| matches!(truth, Truth::Unknown(_)));
    if runs[..7].iter().any(|run| run.firing && run.since.is_some()) {
        Answer::RollBack
    } else if any_unknown || runs[..13].iter().any(|run| run.firing || run.since.is_some()) {
        Answer::Hold
    } else {
        Answer::Advance
    }
}

/// The twelve thresholds, the rule of the stage, the worst severity and what it calls for, over plain numbers: what
/// every contender is asked.
#[inline(never)]
pub fn native_decision(s: &Snapshot) -> (Answer, Option<Severity>) {
    let t = |metric: usize| s.treatment[metric].value;
    let stage_rule = match s.stage {
        1 => t(ERRORS) > 1.0 || t(TIMEOUTS) > 2.0 || s.control[ERRORS].value > 20.0,
        2 => t(ERRORS) > 1.0 || t(P99) > 700.0,
        _ => t(UPTIME) < 99.9 || t(RETRIES) > 10.0,
    };
    if stage_rule || t(SCORE) < 95.0 || t(ERRORS) > 5.0 || t(CASCADES) > 3.0 || t(UPTIME) < 99.0 {
        return (Answer::RollBack, Some(Severity::P0));
    }
    let p95_grew = t(P95) > BASELINE_P95 * 1.1;
    if t(SCORE) < 99.0 || t(ERRORS) > 2.0 || p95_grew || t(P99) > 900.0 || t(MEMORY) > 90.0 || t(QUEUE) > 1000.0 {
        return (Answer::Hold, Some(Severity::P1));
    }
    let warns = t(SCORE) < 99.5 || t(CPU) > 85.0;
    (Answer::Advance, warns.then_some(Severity::P2))
}
