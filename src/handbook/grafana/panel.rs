//! One panel: a metric in a stage, with every bound that stage puts on it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::model::frame::{Group, MetricIx};
use crate::model::units::Unit;
use crate::policy::compiled::{Check, Condition, StageIx};

use super::super::Handbook;
use super::super::effects::{Effect, effect, metrics};
use super::bounds::{Colour, Level, axis, is_gate, level, steps};
use super::query::Series;
use super::{Queries, panel_title};

/// Panels beside one another.
const ACROSS: usize = 2;
const HEIGHT: usize = 8;
const WIDTH: usize = 24 / ACROSS;

/// Where the nth panel of a row that begins at `y` stands.
pub(super) fn place(nth: usize, y: usize) -> Value {
    json!({ "x": nth % ACROSS * WIDTH, "y": y + nth / ACROSS * HEIGHT, "w": WIDTH, "h": HEIGHT })
}

/// How high so many panels are.
pub(super) fn height(panels: usize) -> usize {
    panels.div_ceil(ACROSS) * HEIGHT
}

/// A relative bound that is drawn as a series.
struct Drawn {
    target: Value,
    colour: Colour,
    reference: String,
}

/// The panel.
pub(super) fn panel(
    book: &Handbook<'_>,
    stage: StageIx,
    ix: MetricIx,
    id: usize,
    place: Value,
    queries: &Queries,
) -> Value {
    let watching: Vec<(&Check, Colour, Effect)> = book
        .checks()
        .map(|(at, check)| (check, effect(book.policy, at, stage)))
        .filter_map(|(check, effect)| Some((check, Colour::of(effect, check)?, effect)))
        .filter(|(check, ..)| metrics(check).contains(&ix))
        .collect();
    let groups: BTreeSet<Group> =
        book.series_of(stage).into_iter().filter(|(metric, _)| *metric == ix).map(|(_, group)| group).collect();
    let (Some(metric), Some(series)) = (book.policy.catalogue.metric(ix), Series::new(book, ix, queries)) else {
        return Value::Null;
    };
    let levels: Vec<Level> = watching
        .iter()
        .filter_map(|(check, colour, _)| match &check.condition {
            Condition::Bound(bound) => level(bound, *colour),
            Condition::Script { .. } => None,
        })
        .collect();
    let mut targets: Vec<Value> = groups
        .iter()
        .enumerate()
        .map(|(nth, group)| target(&reference(nth), &series.of(*group), &legend(book, group.name())))
        .collect();
    let lines = relative(book, &watching, &series, targets.len());
    targets.extend(lines.iter().map(|line| line.target.clone()));
    json!({
        "id": id,
        "type": "timeseries",
        "title": panel_title(book.policy, stage, ix),
        "description": description(book, ix, &watching),
        "gridPos": place,
        "datasource": datasource(),
        "targets": targets,
        "fieldConfig": {
            "defaults": defaults(metric.unit, &levels, axis(&levels, metric.range)),
            "overrides": lines.iter().map(dashed).collect::<Vec<_>>(),
        },
        "options": {
            "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": ["lastNotNull"] },
            "tooltip": { "mode": "multi", "sort": "none" },
        },
    })
}

fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

fn target(reference: &str, expression: &str, legend: &str) -> Value {
    json!({
        "refId": reference,
        "datasource": datasource(),
        "expr": expression,
        "legendFormat": legend,
        "editorMode": "code",
        "range": true,
    })
}

/// `A`, `B`, ... `Z`, `AA`.
fn reference(nth: usize) -> String {
    let letter = |n: usize| char::from(b'A' + u8::try_from(n % 26).unwrap_or(0));
    if nth < 26 { letter(nth).to_string() } else { format!("{}{}", letter(nth / 26 - 1), letter(nth)) }
}

fn legend(book: &Handbook<'_>, name: &str) -> String {
    let regions = book.policy.catalogue.regions().iter().any(|region| !region.as_str().is_empty());
    if regions { format!("{name} {{{{region}}}}") } else { name.to_owned() }
}

fn relative(
    book: &Handbook<'_>,
    watching: &[(&Check, Colour, Effect)],
    series: &Series<'_>,
    first: usize,
) -> Vec<Drawn> {
    let window = book.policy.baseline.window.to_string();
    let mut drawn = Vec::new();
    for (check, colour, _) in watching {
        let Condition::Bound(bound) = &check.condition else { continue };
        let Some(expression) = series.bound(bound, &window) else { continue };
        let reference = reference(first + drawn.len());
        let name = format!("{}: {}", check.id, check.words);
        let target = target(&reference, &expression, &legend(book, &name));
        drawn.push(Drawn { target, colour: *colour, reference });
    }
    drawn
}

/// A bound that moves is a dashed line in the colour of what it does.
fn dashed(line: &Drawn) -> Value {
    json!({
        "matcher": { "id": "byFrameRefID", "options": line.reference },
        "properties": [
            { "id": "color", "value": { "mode": "fixed", "fixedColor": line.colour.name() } },
            { "id": "custom.lineStyle", "value": { "fill": "dash", "dash": [8, 8] } },
            { "id": "custom.fillOpacity", "value": 0 },
        ],
    })
}

fn defaults(unit: Unit, levels: &[Level], axis: Option<(f64, f64)>) -> Value {
    let mut custom = Map::new();
    custom.insert("drawStyle".to_owned(), json!("line"));
    custom.insert("lineWidth".to_owned(), json!(1));
    custom.insert("fillOpacity".to_owned(), json!(0));
    custom.insert("showPoints".to_owned(), json!("never"));
    // A gap is a gap: what was not measured must not look like a quiet hour.
    custom.insert("spanNulls".to_owned(), json!(false));
    let style = if levels.is_empty() { "off" } else { "dashed+area" };
    custom.insert("thresholdsStyle".to_owned(), json!({ "mode": style }));
    if let Some((lo, hi)) = axis {
        custom.insert("axisSoftMin".to_owned(), json!(lo));
        custom.insert("axisSoftMax".to_owned(), json!(hi));
    }
    let mut defaults = Map::new();
    defaults.insert("unit".to_owned(), json!(unit_id(unit)));
    defaults.insert("color".to_owned(), json!({ "mode": "palette-classic" }));
    defaults.insert("custom".to_owned(), Value::Object(custom));
    defaults.insert("thresholds".to_owned(), json!({ "mode": "absolute", "steps": steps(levels) }));
    if unit == Unit::State {
        let result = |text: &str, colour: &str, index: u32| json!({ "text": text, "color": colour, "index": index });
        let options = json!({ "0": result("ok", "green", 0), "1": result("failed", "red", 1) });
        defaults.insert("mappings".to_owned(), json!([{ "type": "value", "options": options }]));
    }
    Value::Object(defaults)
}

/// Grafana's name of a unit.
const fn unit_id(unit: Unit) -> &'static str {
    match unit {
        Unit::Percent => "percent",
        Unit::Ratio => "percentunit",
        Unit::Ms => "ms",
        Unit::S => "s",
        Unit::Count => "short",
        Unit::PerSecond => "cps",
        Unit::Bytes => "bytes",
        Unit::Number | Unit::State => "none",
    }
}

fn description(book: &Handbook<'_>, ix: MetricIx, watching: &[(&Check, Colour, Effect)]) -> String {
    let mut lines = Vec::new();
    for (check, _, effect) in watching {
        let does = match effect {
            Effect::RollBack(to) => format!("rolls back to {}", book.stage_name(*to)),
            Effect::Latch => "stops the rollout here".to_owned(),
            Effect::Hold => "holds".to_owned(),
            Effect::Warn => "warns".to_owned(),
            Effect::Gate => "must be open to leave".to_owned(),
            Effect::EarlyGate => "must be open to leave early".to_owned(),
            Effect::Inactive | Effect::NotApplicable => continue,
        };
        let who = if is_gate(check) { "gate".to_owned() } else { check.severity.to_string() };
        let shadow = if check.shadow { " (shadow: only told)" } else { "" };
        lines.push(format!("- {} ({who}): {}: {does}{shadow}", check.id, check.words));
    }
    let rules = book.policy.metrics.get(usize::from(ix.0));
    let counter =
        book.policy.catalogue.metric(ix).is_some_and(|metric| metric.kind == crate::model::frame::Kind::Counter);
    if counter {
        lines.push("The engine reads the increase since the sample before.".to_owned());
    }
    let compares = |than| {
        watching
            .iter()
            .any(|(check, ..)| matches!(&check.condition, Condition::Bound(bound) if bound.limit.than() == Some(than)))
    };
    if compares(crate::policy::compiled::Than::Control) {
        lines.push("Control is drawn as its median of 15 minutes; the engine takes its last 15 readings.".to_owned());
    }
    if compares(crate::policy::compiled::Than::Baseline) {
        lines.push(
            "Dashed lines relative to the baseline appear once `exposed_at` is set: the median of the window before it."
                .to_owned(),
        );
    }
    if let Some(rules) = rules {
        lines.push(format!("Stale after {}: unknown never advances.", rules.max_age));
    }
    lines.join("\n")
}
