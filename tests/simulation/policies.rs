//! Small real policies: four stages, three metrics, roll backs at once and after a while, and their edits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use rollgate::control::PolicyRecord;
use rollgate::model::ids::Environment;
use rollgate::policy::compiled::Policy;
use rollgate::policy::source::PolicySource;

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
    /// What edits change: a warning's bound.
    pub warn: u64,
    /// What other edits change: seconds of bake in `canary`.
    pub bake: u64,
    /// An edit that calls `canary` something else.
    pub moved: bool,
}

/// The stages, lowest first.
pub const LADDER: [&str; 4] = ["off", "internal", "canary", "full"];
/// What `canary` is called after the edit that moves it.
pub const MOVED: &str = "half";
/// Above this, P0 takes the rollout back at once.
pub const P0: f64 = 5.0;
/// Nothing in the policies is fresh for longer.
pub const MAX_AGE: i64 = 10_000;
/// The fewest samples.
pub const SAMPLES: u64 = 50;

impl Shape {
    fn text(&self) -> String {
        let regions = match (self.regions, self.scoped) {
            (false, _) => String::new(),
            (true, false) => "regions = [\"eu\", \"us\"]".to_owned(),
            (true, true) => "regions = [\"eu\", \"us\"]\non_breach = \"region\"".to_owned(),
        };
        let on_unknown =
            if self.silence { "on_unknown = \"rollback\", unknown_after = \"25s\"" } else { "on_unknown = \"hold\"" };
        let approvals = if self.approval { "approvals = { roles = [\"manager\"] }" } else { "" };
        let (gates, gate) = if self.gate {
            ("gates = [\"calm\"]", "[gates]\ncalm = { metric = \"error_rate\", at_most = \"1%\", for = \"4s\" }")
        } else {
            ("", "")
        };
        format!(
            r#"schema = 1
rollout = "{rollout}"
features = ["one", "two"]
pin = {pin}
{regions}

[metrics]
error_rate = {{ unit = "percent", better = "lower", max_age = "10s", min_samples = {SAMPLES}, on_unknown = "hold" }}
latency = {{ unit = "ms", better = "lower", max_age = "10s", {on_unknown} }}
load = {{ unit = "percent", better = "lower", max_age = "10s", on_unknown = "hold", group = "all" }}

[severities]
p0 = {{ then = "rollback" }}
p1 = {{ then = "rollback" }}
p2 = {{ then = "warn" }}

[thresholds.error_rate]
p0 = {{ above = "{P0}%" }}
p1 = {{ above = "2%", for = "6s" }}
p2 = {{ above = "{warn}%" }}

[thresholds.latency]
p1 = {{ above = "500ms", for = "3 of 5" }}

[triggers]
overload = {{ metric = "load", above = "90%", for = "5s" }}

{gate}

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

[[stages]]
name = "full"
traffic = "100%"
bake = "20s"
"#,
            rollout = rollout(self.rollout),
            pin = self.pin,
            warn = format_args!("1.{}", self.warn),
            canary = if self.moved { MOVED } else { "canary" },
            bake = self.bake,
        )
    }

    /// Compiled, once per process and shape.
    pub fn compiled(&self) -> (PolicyRecord, Arc<Policy>) {
        type Compiled = BTreeMap<Shape, (PolicyRecord, Arc<Policy>)>;
        static KNOWN: OnceLock<Mutex<Compiled>> = OnceLock::new();
        let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap();
        let made = known.entry(self.clone()).or_insert_with(|| {
            let mut source = PolicySource::new("simulation");
            source.insert("policy.toml", self.text());
            let compiled = rollgate::policy::compile(&source, &Environment::new("production"));
            let policy = compiled.policy.unwrap_or_else(|| panic!("{:#?}\n{}", compiled.diagnostics, self.text()));
            (PolicyRecord::new(&policy, &source), Arc::new(policy))
        });
        made.clone()
    }

    /// An edit that does not compile: a bound without its unit.
    pub fn is_refused_when_broken(&self) -> bool {
        let mut source = PolicySource::new("simulation");
        source.insert("policy.toml", self.text().replace("500ms", "500"));
        rollgate::policy::compile(&source, &Environment::new("production")).policy.is_none()
    }

    pub const fn regions(&self) -> &'static [&'static str] {
        if self.regions { &["eu", "us"] } else { &[""] }
    }
}

pub fn rollout(nth: usize) -> &'static str {
    ["checkout", "search"][nth]
}
