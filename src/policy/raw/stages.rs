//! `[[stages]]`: the ladder, lowest rung first.

use crate::policy::compiled::OnMax;
use crate::policy::sink::Sink;
use crate::policy::tree::{Entry, Node, Value};

use super::fields::{self, At, Fields, wrong_type};
use super::{RawApprovals, RawEarlyExit, RawLimits, RawStage, allow, check_name, named};

/// All stages, in order.
pub(crate) fn stages(entry: &Entry, sink: &mut Sink) -> Vec<RawStage> {
    let Value::List(items) = &entry.node.value else {
        wrong_type(sink, &entry.node.place, "stages", "a list of tables, written [[stages]]", &entry.node.value);
        return Vec::new();
    };
    items.iter().filter_map(|item| stage(item, sink)).collect()
}

fn stage(node: &Node, sink: &mut Sink) -> Option<RawStage> {
    let called = match &node.value {
        Value::Table(table) => table.get("name").and_then(|entry| match &entry.node.value {
            Value::Text(name) => Some(format!("stage `{name}`")),
            _ => None,
        }),
        _ => None,
    };
    let mut fields = Fields::of(node, &node.place, called.unwrap_or_else(|| "a stage".to_owned()), sink)?;
    let name = fields
        .required("name", "name the rung: name = \"canary\"", sink)
        .and_then(|entry| fields::text(&entry.node, "name", sink));
    if let Some(name) = &name {
        check_name(&name.value, "stage", &name.place, sink);
    }
    let stage = RawStage {
        // A stage without a name is reported above; the others are checked all the same.
        name: name.unwrap_or_else(|| At::new(String::new(), node.place.clone())),
        place: node.place.clone(),
        traffic: fields.quantity("traffic", sink),
        audience: fields.texts("audience", sink).unwrap_or_default(),
        bake: fields.duration("bake", sink),
        max: fields.duration("max", sink),
        on_max: fields.word("on_max", &[("hold", OnMax::Hold), ("rollback", OnMax::Rollback)], sink),
        gates: fields.texts("gates", sink).unwrap_or_default(),
        approvals: approvals(&mut fields, sink),
        early_exit: early_exit(&mut fields, sink),
        rollback_to: fields.text("rollback_to", sink),
        metrics: fields.get("metrics").map(|entry| named(entry, "metric", sink, limits)).unwrap_or_default(),
        allow: allow(&mut fields, sink),
    };
    fields.finish(sink);
    Some(stage)
}

fn approvals(fields: &mut Fields<'_>, sink: &mut Sink) -> Option<At<RawApprovals>> {
    let entry = fields.get("approvals")?;
    let mut inner = Fields::of(&entry.node, &entry.key_place, "`approvals`", sink)?;
    let roles = inner
        .required("roles", "name who must approve: roles = [\"manager\"]", sink)
        .and_then(|entry| fields::texts(&entry.node, "roles", sink));
    let people = inner.whole("people", 1, sink);
    inner.finish(sink);
    let approvals = RawApprovals { roles: roles.unwrap_or_default(), people };
    Some(At::new(approvals, entry.node.place.clone()))
}

fn early_exit(fields: &mut Fields<'_>, sink: &mut Sink) -> Option<RawEarlyExit> {
    let entry = fields.get("early_exit")?;
    let mut inner = Fields::of(&entry.node, &entry.key_place, "`early_exit`", sink)?;
    let after = inner
        .required("after", "say how much good time is enough: after = \"24h\"", sink)
        .and_then(|entry| fields::duration(&entry.node, "after", sink));
    let gates = inner.texts("gates", sink).unwrap_or_default();
    let samples = inner.whole("samples", 0, sink).map_or(0, |samples| samples.value);
    inner.finish(sink);
    Some(RawEarlyExit { after, gates, samples, place: entry.node.place.clone() })
}

fn limits(entry: &Entry, sink: &mut Sink) -> Option<RawLimits> {
    let metric = At::new(entry.key.clone(), entry.key_place.clone());
    let mut fields = Fields::of(&entry.node, &entry.key_place, format!("metric `{}` of a stage", entry.key), sink)?;
    let limits = RawLimits {
        metric,
        min_samples: fields.whole("min_samples", 0, sink),
        max_age: fields.duration("max_age", sink),
    };
    fields.finish(sink);
    Some(limits)
}
