//! The JSON Schema of policy.toml, for completion and hovers in editors: `#:schema ../../schemas/policy.schema.json`.
//!
//! It mirrors what `raw` reads. Editors get the shape and the words; what values mean together is checked by
//! `rollgate check` alone. The structs are never filled; their comments are the hovers.
#![allow(dead_code, reason = "the structs exist for their schema")]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::model::frame::{Group, Kind};
use crate::model::severity::{Response, Severity};
use crate::model::units::{Better, Unit};

/// The schema of policy.toml (draft 07, which editors' TOML plugins read).
#[must_use]
pub fn policy_schema() -> Value {
    let generator = SchemaSettings::draft07().into_generator();
    generator.into_root_schema_for::<PolicyFile>().to_value()
}

/// The schema of env/NAME.toml: the same shape with nothing required, because an overlay says only what differs.
#[must_use]
pub fn overlay_schema() -> Value {
    let mut schema = policy_schema();
    relax(&mut schema);
    if let Value::Object(root) = &mut schema {
        root.insert("title".to_owned(), Value::from("Overlay"));
        let text = "What differs in one environment: it changes values and adds no check, stage, metric or param.";
        root.insert("description".to_owned(), Value::from(text));
    }
    schema
}

fn relax(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            // Only the keyword is meant, not a property of that name.
            if map.get("required").is_some_and(Value::is_array) {
                map.remove("required");
            }
            map.values_mut().for_each(relax);
        }
        Value::Array(items) => items.iter_mut().for_each(relax),
        _ => {}
    }
}

/// A rollgate policy: the stages of one rollout, what is measured, and which bounds advance, hold or roll back.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Policy")]
struct PolicyFile {
    /// The schema this file is written in.
    schema: u32,
    /// The change that goes live. It is the salt of its flags and its name in the ledger.
    rollout: String,
    /// Who answers for it.
    owner: Option<String>,
    /// The flags that always move together.
    features: Vec<String>,
    /// `shadow` evaluates and reports everything and acts on nothing.
    mode: Option<Mode>,
    /// Keep a running rollout on its policy until the next stage.
    pin: Option<bool>,
    /// The regions whose data is expected; without it there is one region.
    regions: Option<Vec<String>>,
    /// Whether a breach in one region takes back that region or all (default: all).
    on_breach: Option<OnBreach>,
    /// How far the observed share of traffic may be from the stage's, in percentage points: `"2pp"`.
    exposure_tolerance: Option<String>,
    /// What is measured, and what silence means.
    metrics: BTreeMap<String, MetricTable>,
    /// What a level obliges.
    severities: Option<Severities>,
    /// P0, P1 and P2 bounds by metric. Bounds are strict.
    thresholds: Option<BTreeMap<String, Levels>>,
    /// Reasons to roll back in particular stages.
    triggers: Option<BTreeMap<String, TriggerTable>>,
    /// What must hold to leave a stage.
    gates: Option<BTreeMap<String, GateTable>>,
    /// How comparison values are frozen before the rollout.
    baseline: Option<BaselineTable>,
    /// The ladder, lowest rung first.
    stages: Vec<StageTable>,
    /// Named numbers for scripts, each with its unit.
    params: Option<BTreeMap<String, Quantity>>,
    /// Times in which nothing advances.
    freeze: Option<FreezeTable>,
    /// Facts for people and documents; no decision rests on them.
    objectives: Option<BTreeMap<String, String>>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Mode {
    Live,
    Shadow,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum OnBreach {
    All,
    Region,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum HoldOrRollback {
    Hold,
    Rollback,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum State {
    Ok,
    Failed,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Comparison {
    Baseline,
    Control,
}

/// A quantity with its unit (`"95%"`, `"250ms"`, `"+10%"`); counts and plain numbers are written bare.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Quantity {
    /// With its unit.
    Text(String),
    /// A count or a plain number.
    Number(f64),
}

/// One metric.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct MetricTable {
    /// What its numbers mean.
    unit: Unit,
    /// Which way is good.
    better: Better,
    /// A reading older than this is stale: `"90s"`.
    max_age: String,
    /// What a lasting unknown does.
    on_unknown: HoldOrRollback,
    /// A reading that rests on fewer samples is unknown.
    min_samples: Option<u64>,
    /// Readings outside are unknown; percent and ratio have theirs.
    range: Option<(Quantity, Quantity)>,
    /// `counter` for a total that only grows.
    kind: Option<Kind>,
    /// The group that checks read unless they say otherwise (default: treatment).
    group: Option<Group>,
    /// How long it may be unknown before somebody is told (default: three times `max_age`).
    unknown_after: Option<String>,
    /// An identical value for longer than this is unknown: the source is stuck.
    stuck_after: Option<String>,
    /// Accepted warnings: `{ RG045 = "why" }`.
    allow: Option<BTreeMap<String, String>>,
}

/// What each level obliges.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Severities {
    /// Emergency (default: roll back).
    p0: Option<SeverityTable>,
    /// Critical (default: hold).
    p1: Option<SeverityTable>,
    /// Warning (default: warn).
    p2: Option<SeverityTable>,
}

/// What one level obliges.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SeverityTable {
    /// What a firing threshold of this level does.
    then: Option<Response>,
    /// Channels to tell.
    notify: Option<Vec<String>>,
    /// Accepted warnings.
    allow: Option<BTreeMap<String, String>>,
}

/// The bounds of one metric.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Levels {
    /// Emergency.
    p0: Option<Bounds>,
    /// Critical.
    p1: Option<Bounds>,
    /// Warning.
    p2: Option<Bounds>,
}

/// One bound, or several.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Bounds {
    /// One bound.
    One(Box<BoundTable>),
    /// Several; the second has the id `METRIC.LEVEL.2`.
    Several(Vec<BoundTable>),
}

/// One bound. Strict: exactly at the bound is not a breach.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct BoundTable {
    /// For a metric of unit `state`.
    is: Option<State>,
    /// Values above are a breach; `"+10%"` with a sign is a change against `than`.
    above: Option<Quantity>,
    /// Values below are a breach.
    below: Option<Quantity>,
    /// What a change is compared with.
    than: Option<Comparison>,
    /// Must be exceeded as well: a level, or a difference with a sign.
    and_above: Option<Quantity>,
    /// Must be fallen below as well.
    and_below: Option<Quantity>,
    /// `"2m"` of unbroken breach, or `"3 of 5"` observations. Without it the first breach fires.
    #[schemars(rename = "for")]
    for_: Option<String>,
    /// What clears it again, in the same words (default: `"5 of 5"`).
    clear_after: Option<String>,
    /// Which group's reading.
    group: Option<Group>,
    /// The stages it is active in (default: every one).
    #[schemars(rename = "in")]
    in_: Option<Vec<String>>,
    /// Where it rolls back to, instead of the stage's own target.
    target: Option<String>,
    /// Hold instead of rolling back while control breaks the same bound.
    unless_control: Option<bool>,
    /// Evaluated and reported, never acted on.
    shadow: Option<bool>,
    /// Accepted warnings.
    allow: Option<BTreeMap<String, String>>,
}

/// One trigger: a bound on a metric, or a script.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct TriggerTable {
    /// The stages it is active in (default: every one).
    #[schemars(rename = "in")]
    in_: Option<Vec<String>>,
    /// The metric it looks at.
    metric: Option<String>,
    /// Or the function of rules.rhai that decides.
    script: Option<String>,
    /// For a metric of unit `state`.
    is: Option<State>,
    /// Values above are a breach.
    above: Option<Quantity>,
    /// Values below are a breach.
    below: Option<Quantity>,
    /// What a change is compared with.
    than: Option<Comparison>,
    /// Must be exceeded as well.
    and_above: Option<Quantity>,
    /// Must be fallen below as well.
    and_below: Option<Quantity>,
    /// How long, or how often.
    #[schemars(rename = "for")]
    for_: Option<String>,
    /// What clears it again.
    clear_after: Option<String>,
    /// Which group's reading.
    group: Option<Group>,
    /// Who is told (default: p0).
    severity: Option<Severity>,
    /// Where it rolls back to.
    target: Option<String>,
    /// Hold instead of rolling back while control breaks the same bound.
    unless_control: Option<bool>,
    /// Evaluated and reported, never acted on.
    shadow: Option<bool>,
    /// Accepted warnings.
    allow: Option<BTreeMap<String, String>>,
}

/// One gate: says what must hold.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct GateTable {
    /// The metric it looks at.
    metric: Option<String>,
    /// Or the function of rules.rhai that decides.
    script: Option<String>,
    /// For a metric of unit `state`.
    is: Option<State>,
    /// The least that opens it (inclusive).
    at_least: Option<Quantity>,
    /// The most that opens it (inclusive).
    at_most: Option<Quantity>,
    /// What a change is compared with.
    than: Option<Comparison>,
    /// How long it must have held.
    #[schemars(rename = "for")]
    for_: Option<String>,
    /// Which group's reading.
    group: Option<Group>,
    /// Reported, never asked.
    shadow: Option<bool>,
    /// Accepted warnings.
    allow: Option<BTreeMap<String, String>>,
}

/// How comparison values are frozen.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct BaselineTable {
    /// Readings of this long before the first exposure (default: 24h).
    window: Option<String>,
    /// Fewer readings are no baseline (default: 30).
    min_points: Option<u32>,
    /// A baseline older than this is no baseline.
    max_age: Option<String>,
    /// How far the last readings may have left the median (default: 25%).
    drift: Option<String>,
    /// Accepted warnings.
    allow: Option<BTreeMap<String, String>>,
}

/// A rung of the ladder.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct StageTable {
    /// Its name.
    name: String,
    /// Share of traffic (default: 0%).
    traffic: Option<String>,
    /// Who sees it regardless of traffic: `"@example.com"`.
    audience: Option<Vec<String>>,
    /// Good time to serve before leaving; without it the stage is never left by itself.
    bake: Option<String>,
    /// The most wall time here.
    max: Option<String>,
    /// What passing `max` does (default: hold).
    on_max: Option<HoldOrRollback>,
    /// Gates that must be open to leave.
    gates: Option<Vec<String>>,
    /// Who must approve leaving.
    approvals: Option<ApprovalsTable>,
    /// A way to leave before the bake is served.
    early_exit: Option<EarlyExitTable>,
    /// Where a roll back goes (default: the first stage).
    rollback_to: Option<String>,
    /// Limits of metrics in this stage.
    metrics: Option<BTreeMap<String, LimitsTable>>,
    /// Accepted warnings.
    allow: Option<BTreeMap<String, String>>,
}

/// Who must approve leaving a stage.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ApprovalsTable {
    /// Each of these roles.
    roles: Vec<String>,
    /// By at least this many different people (default: 1).
    people: Option<u32>,
}

/// A way to leave before the bake is served.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct EarlyExitTable {
    /// Good time to serve at least.
    after: String,
    /// Gates that must be open besides the stage's own.
    gates: Option<Vec<String>>,
    /// Samples that every metric must have gathered.
    samples: Option<u64>,
}

/// Limits of a metric in one stage.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct LimitsTable {
    /// A reading that rests on fewer samples is unknown.
    min_samples: Option<u64>,
    /// A reading older than this is stale.
    max_age: Option<String>,
}

/// Times in which nothing advances.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FreezeTable {
    /// Each is a range of instants, or days of the week with times and a zone.
    windows: Option<Vec<FreezeWindow>>,
}

/// A range of instants, or days of the week.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FreezeWindow {
    /// Days of the week; without them `from` and `to` are instants.
    days: Option<Vec<Weekday>>,
    /// When it starts: an RFC 3339 instant, or a time of day.
    from: String,
    /// When it ends.
    to: String,
    /// Whose time of day: a name of the tz database.
    zone: Option<String>,
    /// Why, for people.
    note: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}
