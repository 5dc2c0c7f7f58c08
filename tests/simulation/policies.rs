//! Small real policies: four stages, a few metrics, roll backs at once and after a while, scripts, comparisons, freezes,
//! early exits, and their edits. A mutant may blind a policy to one of its own rules: the oracle is not told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock};

use rollgate::control::PolicyRecord;
use rollgate::model::ids::Environment;
use rollgate::policy::compiled::Policy;
use rollgate::policy::source::PolicySource;

use super::mutants::Mutant;
use super::rng::Rng;
use super::world::BEGIN;

/// What latency is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Baseline {
    None,
    Frozen,
    /// Too old after [`BASELINE_AGES`].
    Ages,
}

/// When nothing advances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freeze {
    None,
    Once,
    Weekly,
}

impl Freeze {
    /// From and to, in milliseconds since the world began.
    pub const fn window(self) -> Option<(i64, i64)> {
        match self {
            Freeze::None => None,
            Freeze::Once => Some((20_000, 45_000)),
            Freeze::Weekly => Some((60_000, 120_000)),
        }
    }
}

/// What differs between policies. Equal shapes give equal text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    pub rollout: usize,
    pub regions: bool,
    /// A breach takes back its region alone.
    pub scoped: bool,
    pub pin: bool,
    /// Leaving `internal` needs an approval.
    pub approval: bool,
    /// Silence of the latency takes the rollout back.
    pub silence: bool,
    pub gate: bool,
    /// A trigger and a gate are scripts.
    pub script: bool,
    pub baseline: Baseline,
    /// Errors are compared with those of control, which also excuses.
    pub control: bool,
    pub freeze: Freeze,
    /// `canary` may be left early.
    pub early: bool,
    /// Cascades are counted.
    pub counter: bool,
    /// What edits change: a warning's bound.
    pub warn: u64,
    /// What other edits change: seconds of bake in `canary`.
    pub bake: u64,
    /// An edit that calls `canary` something else.
    pub moved: bool,
    /// A rule of its own that it does not heed.
    pub blind: Option<Mutant>,
}

/// The stages, lowest first.
pub const LADDER: [&str; 4] = ["off", "internal", "canary", "full"];
/// What `canary` is called after the edit that moves it.
pub const MOVED: &str = "half";
/// Above this, P0 takes the rollout back at once.
pub const P0: f64 = 5.0;
/// Above this, P1 takes it back after a while.
pub const P1: f64 = 2.0;
/// Above this, latency does, and load.
pub const SLOWEST: f64 = 500.0;
pub const BUSIEST: f64 = 90.0;
/// With more errors and more load than this together, the script takes it back at once.
pub const STORM: (f64, f64) = (1.0, 60.0);
/// Below this, the script's gate fails.
pub const TINY: f64 = 1.0;
/// So many times its baseline, or more, latency is too long.
pub const SLOWER: f64 = 1.5;
/// So many points more than control are too many errors.
pub const WORSE: f64 = 1.0;
/// Fewer readings are no baseline, and older ones none of it.
pub const BASELINE_POINTS: usize = 5;
pub const BASELINE_WINDOW: i64 = 60_000;
/// A baseline that ages is too old after this.
pub const BASELINE_AGES: i64 = 70_000;
/// What leaving `canary` early needs: good time, and samples.
pub const EARLY: (i64, u64) = (3000, 1200);
/// Silence takes the rollout back after this.
pub const SILENT: i64 = 25_000;
/// Nothing in the policies is fresh for longer.
pub const MAX_AGE: i64 = 10_000;
/// The fewest samples.
pub const SAMPLES: u64 = 50;

impl Shape {
    /// One at random.
    pub fn any(rollout: usize, rng: &mut Rng) -> Shape {
        let regions = rng.chance(30);
        Shape {
            rollout,
            regions,
            scoped: regions && rng.chance(60),
            pin: rng.chance(25),
            approval: rng.chance(25),
            silence: rng.chance(25),
            gate: rng.chance(25),
            script: rng.chance(30),
            baseline: rng.pick(&[Baseline::None, Baseline::None, Baseline::Frozen, Baseline::Ages]),
            control: rng.chance(30),
            freeze: rng.pick(&[Freeze::None, Freeze::None, Freeze::Once, Freeze::Weekly]),
            early: rng.chance(30),
            counter: rng.chance(30),
            warn: 0,
            bake: 10,
            moved: false,
            blind: None,
        }
    }

    const fn canary(&self) -> &'static str {
        if self.moved { MOVED } else { "canary" }
    }

    fn is_blind(&self, to: Mutant) -> bool {
        self.blind == Some(to)
    }

    fn text(&self) -> String {
        let mut text = self.head();
        text.push_str(&self.metrics());
        text.push_str(&self.thresholds());
        text.push_str(&self.triggers());
        text.push_str(&self.gates());
        text.push_str(&self.others());
        text.push_str(&self.stages());
        text
    }

    fn head(&self) -> String {
        let regions = match (self.regions, self.scoped) {
            (false, _) => "",
            (true, false) => "regions = [\"eu\", \"us\"]",
            (true, true) => "regions = [\"eu\", \"us\"]\non_breach = \"region\"",
        };
        let (rollout, pin) = (rollout(self.rollout), self.pin);
        format!("schema = 1\nrollout = \"{rollout}\"\nfeatures = [\"one\", \"two\"]\npin = {pin}\n{regions}\n")
    }

    fn metrics(&self) -> String {
        let silent = if self.is_blind(Mutant::SilenceIsShort) { 5 } else { SILENT / 1000 };
        let on_unknown = match self.silence {
            true => format!("on_unknown = \"rollback\", unknown_after = \"{silent}s\""),
            false => "on_unknown = \"hold\"".to_owned(),
        };
        let mut text = format!(
            r#"
[metrics]
error_rate = {{ unit = "percent", better = "lower", max_age = "10s", min_samples = {SAMPLES}, on_unknown = "hold" }}
latency = {{ unit = "ms", better = "lower", max_age = "10s", {on_unknown} }}
load = {{ unit = "percent", better = "lower", max_age = "10s", on_unknown = "hold", group = "all" }}
"#
        );
        if self.counter {
            text.push_str(
                r#"cascades = { unit = "count", better = "lower", max_age = "10s", on_unknown = "hold", kind = "counter", group = "all" }
"#,
            );
        }
        text
    }

    fn thresholds(&self) -> String {
        let looser = if self.is_blind(Mutant::BoundsAreLoose) { 10.0 } else { 1.0 };
        let (p0, p1, slowest) = (P0 * looser, P1 * looser, SLOWEST * looser);
        let unless = if self.control { ", unless_control = true" } else { "" };
        let than = if self.baseline == Baseline::None || self.is_blind(Mutant::BaselinesAreNotAsked) {
            ""
        } else {
            ", { above = \"+50%\", than = \"baseline\", for = \"6s\" }"
        };
        let mut text = format!(
            r#"
[severities]
p0 = {{ then = "rollback" }}
p1 = {{ then = "rollback" }}
p2 = {{ then = "warn" }}

[thresholds.error_rate]
p0 = {{ above = "{p0}%"{unless} }}
p1 = {{ above = "{p1}%", for = "6s"{unless} }}
p2 = {{ above = "1.{warn}%" }}

[thresholds.latency]
p1 = [{{ above = "{slowest}ms", for = "3 of 5" }}{than}]
"#,
            warn = self.warn,
        );
        if self.counter && !self.is_blind(Mutant::CountersAreNotAsked) {
            text.push_str("\n[thresholds.cascades]\np0 = { above = 0 }\n");
        }
        text
    }

    fn triggers(&self) -> String {
        let canary = self.canary();
        let mut text =
            format!("\n[triggers]\noverload = {{ metric = \"load\", above = \"{BUSIEST}%\", for = \"5s\" }}\n");
        if self.control && !self.is_blind(Mutant::ControlIsNotAsked) {
            let _ = writeln!(
                text,
                r#"worse = {{ in = ["{canary}"], metric = "error_rate", above = "+{WORSE}pp", than = "control", for = "4s" }}"#
            );
        }
        if self.script && !self.is_blind(Mutant::ScriptsAreNotAsked) {
            let _ = writeln!(text, r#"storm = {{ in = ["{canary}", "full"], script = "storm" }}"#);
        }
        text
    }

    fn gates(&self) -> String {
        if !self.gate && !self.script {
            return String::new();
        }
        let mut text = "\n[gates]\n".to_owned();
        if self.gate {
            text.push_str("calm = { metric = \"error_rate\", at_most = \"1%\", for = \"4s\" }\n");
        }
        if self.script {
            text.push_str("steady = { script = \"steady\" }\n");
        }
        text
    }

    /// The script's params, the baseline, the freeze.
    fn others(&self) -> String {
        let mut text = String::new();
        if self.script {
            let (errors, load) = STORM;
            let _ = writeln!(text, "\n[params]\nerrors = \"{errors}%\"\nbusy = \"{load}%\"\ntiny = \"{TINY}ms\"");
        }
        if self.baseline != Baseline::None {
            let points = if self.is_blind(Mutant::BaselinesAreTakenYoung) { 1 } else { BASELINE_POINTS };
            let window = BASELINE_WINDOW / 1000;
            let _ = writeln!(text, "\n[baseline]\nwindow = \"{window}s\"\nmin_points = {points}");
            if self.baseline == Baseline::Ages && !self.is_blind(Mutant::BaselinesNeverAge) {
                let _ = writeln!(text, "max_age = \"{}s\"", BASELINE_AGES / 1000);
            }
        }
        if !self.is_blind(Mutant::FreezesAreIgnored) {
            text.push_str(match self.freeze {
                Freeze::None => "",
                Freeze::Once => {
                    "\n[freeze]\nwindows = [{ from = \"2027-01-15T08:00:20Z\", to = \"2027-01-15T08:00:45Z\" }]\n"
                }
                Freeze::Weekly => {
                    "\n[freeze]\nwindows = [{ days = [\"fri\"], from = \"08:01\", to = \"08:02\", zone = \"UTC\" }]\n"
                }
            });
        }
        text
    }

    fn stages(&self) -> String {
        let approvals = match self.approval && !self.is_blind(Mutant::ApprovalsAreIgnored) {
            true => "approvals = { roles = [\"manager\"] }",
            false => "",
        };
        let gates: Vec<&str> = [(self.gate, "\"calm\""), (self.script, "\"steady\"")]
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, g)| *g)
            .collect();
        let gates = if gates.is_empty() { String::new() } else { format!("gates = [{}]", gates.join(", ")) };
        let (after, samples) = EARLY;
        let samples = if self.is_blind(Mutant::ExitsNeedNoSamples) { 0 } else { samples };
        let early = match self.early {
            true => format!("early_exit = {{ after = \"{}s\", samples = {samples} }}", after / 1000),
            false => String::new(),
        };
        format!(
            r#"
[[stages]]
name = "off"
bake = "6s"

[[stages]]
name = "internal"
audience = ["@example.com"]
bake = "8s"
{approvals}

[[stages]]
name = "{canary}"
traffic = "10%"
audience = ["@example.com"]
bake = "{bake}s"
max = "90s"
{gates}
{early}

[[stages]]
name = "full"
traffic = "100%"
bake = "20s"
"#,
            canary = self.canary(),
            bake = self.bake,
        )
    }

    fn rules(&self) -> String {
        // An `if` on a number fails, where nobody could have told before it ran.
        let fails = if self.is_blind(Mutant::FaultsAreOpen) { "open()" } else { "pick(latency)" };
        let storm = r#"
fn storm() { metric("error_rate").treatment > param("errors") && metric("load").all > param("busy") }
"#;
        let steady = format!(
            r#"
fn steady() {{
    let latency = metric("latency").treatment;
    if latency < param("tiny") {{ {fails} }} else {{ open() }}
}}

fn pick(which) {{ if which {{ open() }} else {{ closed() }} }}
"#
        );
        format!("{storm}{steady}")
    }

    fn source(&self) -> PolicySource {
        let mut source = PolicySource::new("simulation");
        source.insert("policy.toml", self.text());
        if self.script {
            source.insert("rules.rhai", self.rules());
        }
        source
    }

    /// Compiled, once per process and shape.
    pub fn compiled(&self) -> (PolicyRecord, Arc<Policy>) {
        type Compiled = BTreeMap<Shape, (PolicyRecord, Arc<Policy>)>;
        static KNOWN: OnceLock<Mutex<Compiled>> = OnceLock::new();
        let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap();
        let made = known.entry(self.clone()).or_insert_with(|| {
            let source = self.source();
            let compiled = rollgate::policy::compile(&source, &Environment::new("production"));
            let policy = compiled.policy.unwrap_or_else(|| panic!("{:#?}\n{}", compiled.diagnostics, self.text()));
            (PolicyRecord::new(&policy, &source), Arc::new(policy))
        });
        made.clone()
    }

    /// An edit that does not compile: a bound without its unit.
    pub fn is_refused_when_broken(&self) -> bool {
        let mut source = self.source();
        source.insert("policy.toml", self.text().replace("500ms", "500"));
        rollgate::policy::compile(&source, &Environment::new("production")).policy.is_none()
    }

    pub const fn regions(&self) -> &'static [&'static str] {
        if self.regions { &["eu", "us"] } else { &[""] }
    }

    /// Whether nothing may advance at this instant.
    pub fn is_frozen(&self, at: i64) -> bool {
        self.freeze.window().is_some_and(|(from, to)| (BEGIN + from..BEGIN + to).contains(&at))
    }
}

pub fn rollout(nth: usize) -> &'static str {
    ["checkout", "search"][nth]
}
