//! What the files say, before anything is known to make sense: values read, places kept, names not yet resolved.

pub(crate) mod bounds;
pub(crate) mod fields;
pub(crate) mod metrics;
pub(crate) mod rest;
pub(crate) mod stages;

use crate::model::frame::{Group, Kind};
use crate::model::severity::{Response, Severity};
use crate::model::time::{Duration, Time};
use crate::model::units::{Better, Unit};

use super::codes;
use super::compiled::{BreachScope, Objective, OnMax, OnUnknown, Than, Window};
use super::diagnostic::{Diagnostic, Place};
use super::sink::{Allow, Sink};
use super::suggest::closest;
use super::tree::{Entry, Node, Value};

pub(crate) use fields::{At, Fields, Written};

/// The newest `schema` this binary reads.
pub(crate) const SCHEMA: u64 = 1;

/// One policy as written, overlay included.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub(crate) rollout: Option<At<String>>,
    pub(crate) owner: Option<At<String>>,
    pub(crate) features: Vec<At<String>>,
    pub(crate) features_place: Option<Place>,
    pub(crate) shadow: bool,
    pub(crate) pin: bool,
    pub(crate) regions: Vec<At<String>>,
    pub(crate) on_breach: Option<At<BreachScope>>,
    pub(crate) exposure_tolerance: Option<At<Written>>,
    pub(crate) metrics: Vec<RawMetric>,
    pub(crate) severities: [RawSeverity; 3],
    /// Thresholds, triggers and gates, in the order of the file.
    pub(crate) checks: Vec<RawCheck>,
    pub(crate) baseline: RawBaseline,
    pub(crate) stages: Vec<RawStage>,
    pub(crate) params: Vec<RawParam>,
    pub(crate) freezes: Vec<RawFreeze>,
    pub(crate) objectives: Vec<Objective>,
}

#[derive(Debug)]
pub(crate) struct RawMetric {
    pub(crate) name: At<String>,
    pub(crate) unit: Option<At<Unit>>,
    pub(crate) better: Option<At<Better>>,
    pub(crate) max_age: Option<At<Duration>>,
    pub(crate) on_unknown: Option<At<OnUnknown>>,
    pub(crate) min_samples: Option<At<u64>>,
    pub(crate) range: Option<At<(At<Written>, At<Written>)>>,
    pub(crate) kind: Kind,
    pub(crate) group: Option<At<Group>>,
    pub(crate) unknown_after: Option<At<Duration>>,
    pub(crate) stuck_after: Option<At<Duration>>,
    pub(crate) allow: Vec<Allow>,
}

#[derive(Debug, Default)]
pub(crate) struct RawSeverity {
    pub(crate) then: Option<At<Response>>,
    pub(crate) notify: Option<Vec<At<String>>>,
    pub(crate) allow: Vec<Allow>,
}

/// Where a check was written: what kind it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RawKind {
    /// `nth` is 1 for the only or first bound of a level, 2 for the second, ...
    Threshold {
        severity: Severity,
        nth: usize,
    },
    Trigger,
    Gate,
}

#[derive(Debug)]
pub(crate) struct RawCheck {
    pub(crate) kind: RawKind,
    pub(crate) id: At<String>,
    pub(crate) metric: Option<At<String>>,
    pub(crate) script: Option<At<String>>,
    /// `above`, `below`, `at_least`, `at_most`, with the word.
    pub(crate) bounds: Vec<(BoundWord, At<Written>)>,
    pub(crate) is: Option<At<bool>>,
    pub(crate) than: Option<At<Than>>,
    pub(crate) floors: Vec<(BoundWord, At<Written>)>,
    pub(crate) window: Option<At<Window>>,
    pub(crate) clear: Option<At<Window>>,
    pub(crate) group: Option<At<Group>>,
    pub(crate) stages: Option<Vec<At<String>>>,
    pub(crate) severity: Option<At<Severity>>,
    pub(crate) shadow: bool,
    pub(crate) unless_control: Option<At<bool>>,
    pub(crate) target: Option<At<String>>,
    pub(crate) allow: Vec<Allow>,
    /// A value could not be read, which has been reported; nothing more is said about this check.
    pub(crate) broken: bool,
}

/// The words a bound is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BoundWord {
    Above,
    Below,
    AtLeast,
    AtMost,
}

impl BoundWord {
    pub(crate) const fn key(self) -> &'static str {
        match self {
            BoundWord::Above => "above",
            BoundWord::Below => "below",
            BoundWord::AtLeast => "at_least",
            BoundWord::AtMost => "at_most",
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct RawBaseline {
    pub(crate) window: Option<At<Duration>>,
    pub(crate) min_points: Option<At<u64>>,
    pub(crate) max_age: Option<At<Duration>>,
    pub(crate) drift: Option<At<Written>>,
    pub(crate) allow: Vec<Allow>,
}

#[derive(Debug)]
pub(crate) struct RawStage {
    pub(crate) name: At<String>,
    pub(crate) place: Place,
    pub(crate) traffic: Option<At<Written>>,
    pub(crate) audience: Vec<At<String>>,
    pub(crate) bake: Option<At<Duration>>,
    pub(crate) max: Option<At<Duration>>,
    pub(crate) on_max: Option<At<OnMax>>,
    pub(crate) gates: Vec<At<String>>,
    pub(crate) approvals: Option<At<RawApprovals>>,
    pub(crate) early_exit: Option<RawEarlyExit>,
    pub(crate) rollback_to: Option<At<String>>,
    pub(crate) metrics: Vec<RawLimits>,
    pub(crate) allow: Vec<Allow>,
}

#[derive(Debug)]
pub(crate) struct RawApprovals {
    pub(crate) roles: Vec<At<String>>,
    pub(crate) people: Option<At<u64>>,
}

#[derive(Debug)]
pub(crate) struct RawEarlyExit {
    pub(crate) after: Option<At<Duration>>,
    pub(crate) gates: Vec<At<String>>,
    pub(crate) samples: u64,
    pub(crate) place: Place,
}

#[derive(Debug)]
pub(crate) struct RawLimits {
    pub(crate) metric: At<String>,
    pub(crate) min_samples: Option<At<u64>>,
    pub(crate) max_age: Option<At<Duration>>,
}

#[derive(Debug)]
pub(crate) struct RawParam {
    pub(crate) name: At<String>,
    pub(crate) value: At<Written>,
}

#[derive(Debug)]
pub(crate) enum RawFreeze {
    Range { from: At<Time>, to: At<Time>, note: String },
    Weekly { days: [bool; 7], from: jiff::civil::Time, to: jiff::civil::Time, zone: jiff::tz::TimeZone, note: String },
}

impl Raw {
    /// Every `allow` of the policy.
    pub(crate) fn allows(&self) -> impl Iterator<Item = &Allow> {
        let metrics = self.metrics.iter().flat_map(|metric| &metric.allow);
        let checks = self.checks.iter().flat_map(|check| &check.allow);
        let stages = self.stages.iter().flat_map(|stage| &stage.allow);
        let severities = self.severities.iter().flat_map(|severity| &severity.allow);
        metrics.chain(checks).chain(stages).chain(severities).chain(&self.baseline.allow)
    }
}

/// Reads the merged tree of one environment. Every problem of the text itself is reported.
pub(crate) fn read(root: &Node, sink: &mut Sink) -> Raw {
    let Some(mut fields) = Fields::of(root, &root.place, "the policy", sink) else { return Raw::default() };
    schema(&mut fields, sink);
    let rollout = fields
        .required("rollout", "name the change that goes live: rollout = \"request-isolation\"", sink)
        .and_then(|entry| fields::text(&entry.node, "rollout", sink));
    let listed =
        fields.required("features", "name the flags that move together: features = [\"request_isolation\"]", sink);
    let features = listed.and_then(|entry| fields::texts(&entry.node, "features", sink));
    let mut raw = Raw {
        rollout,
        owner: fields.text("owner", sink),
        features_place: features.as_ref().and(listed).map(|entry| entry.node.place.clone()),
        features: features.unwrap_or_default(),
        shadow: fields.word("mode", &[("live", false), ("shadow", true)], sink).is_some_and(|mode| mode.value),
        pin: fields.flag("pin", sink).is_some_and(|pin| pin.value),
        regions: fields.texts("regions", sink).unwrap_or_default(),
        on_breach: fields.word("on_breach", &[("all", BreachScope::All), ("region", BreachScope::Region)], sink),
        exposure_tolerance: fields.quantity("exposure_tolerance", sink),
        ..Raw::default()
    };
    if let Some(entry) = fields.required("metrics", "declare what is measured under [metrics]", sink) {
        raw.metrics = named(entry, "metric", sink, metrics::metric);
    }
    if let Some(entry) = fields.get("severities") {
        raw.severities = rest::severities(entry, sink);
    }
    if let Some(entry) = fields.get("thresholds") {
        raw.checks.extend(bounds::thresholds(entry, sink));
    }
    if let Some(entry) = fields.get("triggers") {
        raw.checks.extend(named(entry, "trigger", sink, bounds::trigger));
    }
    if let Some(entry) = fields.get("gates") {
        raw.checks.extend(named(entry, "gate", sink, bounds::gate));
    }
    if let Some(entry) = fields.get("baseline") {
        raw.baseline = rest::baseline(entry, sink);
    }
    if let Some(entry) = fields.required("stages", "write the ladder as [[stages]], lowest first", sink) {
        raw.stages = stages::stages(entry, sink);
    }
    if let Some(entry) = fields.get("params") {
        raw.params = named(entry, "param", sink, rest::param);
    }
    if let Some(entry) = fields.get("freeze") {
        raw.freezes = rest::freezes(entry, sink);
    }
    if let Some(entry) = fields.get("objectives") {
        raw.objectives = rest::objectives(entry, sink);
    }
    fields.finish(sink);
    raw
}

fn schema(fields: &mut Fields<'_>, sink: &mut Sink) {
    let place = fields.place.clone();
    let Some(entry) = fields.get("schema") else {
        sink.push(
            Diagnostic::error(codes::SCHEMA_OLD, "the policy does not say which `schema` it is written in", place)
                .help(format!("add schema = {SCHEMA} at the top, or run `rollgate fix`")),
        );
        return;
    };
    let at = entry.node.place.clone();
    match entry.node.value {
        Value::Integer(number) if number == SCHEMA.cast_signed() => {}
        Value::Integer(number) if number > SCHEMA.cast_signed() => sink.push(
            Diagnostic::error(
                codes::SCHEMA_NEW,
                format!("schema {number} is newer than this rollgate, which reads {SCHEMA}"),
                at,
            )
            .help("use a newer rollgate; guessing at the meaning of a policy is not safe"),
        ),
        Value::Integer(number) => sink.push(
            Diagnostic::error(codes::SCHEMA_OLD, format!("schema {number} is no longer read"), at)
                .help("run `rollgate fix`, which migrates it"),
        ),
        ref other => fields::wrong_type(sink, &at, "schema", "a whole number", other),
    }
}

/// Reads a table whose keys are names that people choose.
fn named<T>(
    table: &Entry,
    what: &str,
    sink: &mut Sink,
    mut read: impl FnMut(&Entry, &mut Sink) -> Option<T>,
) -> Vec<T> {
    let Value::Table(inner) = &table.node.value else {
        fields::wrong_type(sink, &table.node.place, &table.key, "a table", &table.node.value);
        return Vec::new();
    };
    let mut items = Vec::new();
    for entry in &inner.entries {
        check_name(&entry.key, what, &entry.key_place, sink);
        items.extend(read(entry, sink));
    }
    items
}

/// Names appear in alerts, tests, series and the ledger: letters, digits, `_` and `-`.
pub(crate) fn check_name(name: &str, what: &str, place: &Place, sink: &mut Sink) {
    let usable = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > 64 || !name.chars().all(usable) {
        sink.push(
            Diagnostic::error(codes::BAD_NAME, format!("`{name}` cannot name a {what}"), place.clone())
                .help("use 1 to 64 letters, digits, `_` or `-`: names appear in alerts, tests and the ledger"),
        );
    }
}

/// `allow = { RG040 = "reason" }`.
pub(crate) fn allow(fields: &mut Fields<'_>, sink: &mut Sink) -> Vec<Allow> {
    let Some(entry) = fields.get("allow") else { return Vec::new() };
    let Value::Table(table) = &entry.node.value else {
        fields::wrong_type(
            sink,
            &entry.node.place,
            "allow",
            "a table such as { RG040 = \"reason\" }",
            &entry.node.value,
        );
        return Vec::new();
    };
    table.entries.iter().filter_map(|entry| allow_entry(entry, sink)).collect()
}

fn allow_entry(entry: &Entry, sink: &mut Sink) -> Option<Allow> {
    let place = entry.key_place.clone();
    let Some(page) = codes::parse(&entry.key).and_then(codes::page) else {
        let mut diagnostic = Diagnostic::error(codes::ALLOW_UNKNOWN, format!("`{}` is not a code", entry.key), place);
        let names: Vec<String> = codes::PAGES.iter().map(|page| page.code.to_string()).collect();
        if let Some(meant) = closest(&entry.key, names.iter().map(String::as_str)) {
            diagnostic = diagnostic.label(format!("did you mean `{meant}`?"));
        }
        sink.push(diagnostic);
        return None;
    };
    if page.level == super::diagnostic::Level::Error {
        sink.push(
            Diagnostic::error(
                codes::ALLOW_UNKNOWN,
                format!("`{}` is an error and cannot be allowed", entry.key),
                place,
            )
            .help(format!("mend it; `rollgate explain {}` shows how", entry.key)),
        );
        return None;
    }
    let reason = fields::text(&entry.node, &entry.key, sink)?;
    if reason.value.trim().is_empty() {
        sink.push(
            Diagnostic::error(codes::ALLOW_REASON, format!("`allow` of {} gives no reason", entry.key), reason.place)
                .help("say why the warning is accepted here; the next person asks"),
        );
    }
    Some(Allow { code: page.code, place, used: std::cell::Cell::new(false) })
}
