//! `env/NAME.toml` laid over `policy.toml`: it changes values and adds nothing that checks, measures or exposes.
//!
//! The merged tree keeps the place of every value, so a diagnostic, a check's origin and `check --show-origin` point
//! into the file where the value in force was written.

use super::codes;
use super::diagnostic::{Diagnostic, Place};
use super::sink::Sink;
use super::source::{Lines, PolicySource};
use super::suggest::closest;
use super::tree::{Entry, Node, Table, Value};

/// Where a value in force was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueOrigin {
    /// `thresholds.isolation_score.p0.below`, `stages.canary.traffic`.
    pub path: String,
    /// The value as written.
    pub value: String,
    /// Path inside the policy's directory.
    pub file: String,
    /// One-based.
    pub line: u32,
}

/// What kind of table a path leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Keys are given by rollgate: an overlay may set any of them.
    Keys,
    /// Keys are names of the policy: an overlay may not add one. The word is for messages.
    Names(&'static str),
}

fn shape(path: &[&str]) -> Shape {
    match path {
        ["metrics"] => Shape::Names("metric"),
        ["thresholds"] | ["thresholds", _] => Shape::Names("threshold"),
        ["triggers"] => Shape::Names("trigger"),
        ["gates"] => Shape::Names("gate"),
        ["params"] => Shape::Names("param"),
        ["stages"] => Shape::Names("stage"),
        _ => Shape::Keys,
    }
}

/// Lays `over` on `base`.
pub(crate) fn merge(base: &mut Node, over: Node, sink: &mut Sink) {
    if let (Value::Table(base), Value::Table(over)) = (&mut base.value, over.value) {
        tables(base, over, &mut Vec::new(), sink);
    }
}

fn tables(base: &mut Table, over: Table, path: &mut Vec<String>, sink: &mut Sink) {
    for entry in over.entries {
        if path.is_empty()
            && entry.key == "rollout"
            && base.get("rollout").is_some_and(|known| !same_text(known, &entry))
        {
            sink.push(Diagnostic::error(codes::OVERLAY_ADDS, "an overlay cannot rename the rollout", entry.node.place));
            continue;
        }
        let here: Vec<&str> = path.iter().map(String::as_str).collect();
        let shape_here = shape(&here);
        path.push(entry.key.clone());
        match base.get_mut(&entry.key) {
            Some(known) => values(known, entry, path, sink),
            None => add(base, entry, shape_here, path, sink),
        }
        path.pop();
    }
}

fn same_text(a: &Entry, b: &Entry) -> bool {
    matches!((&a.node.value, &b.node.value), (Value::Text(a), Value::Text(b)) if a == b)
}

/// A key that the policy does not have: a setting is taken over, a name is refused.
fn add(base: &mut Table, entry: Entry, shape_here: Shape, path: &[String], sink: &mut Sink) {
    let here: Vec<&str> = path.iter().map(String::as_str).collect();
    match (shape_here, shape(&here)) {
        (Shape::Names(what), _) => refuse(&entry.key, what, entry.key_place.clone(), base, sink),
        (Shape::Keys, Shape::Names(what)) => match &entry.node.value {
            Value::Table(inner) => {
                for added in &inner.entries {
                    refuse(&added.key, what, added.key_place.clone(), &Table::default(), sink);
                }
            }
            _ => refuse(&entry.key, what, entry.key_place.clone(), &Table::default(), sink),
        },
        (Shape::Keys, Shape::Keys) => base.entries.push(entry),
    }
}

fn refuse(name: &str, what: &str, place: Place, base: &Table, sink: &mut Sink) {
    let mut diagnostic =
        Diagnostic::error(codes::OVERLAY_ADDS, format!("an overlay cannot add the {what} `{name}`"), place);
    if let Some(meant) = closest(name, base.entries.iter().map(|entry| entry.key.as_str())) {
        diagnostic = diagnostic.label(format!("did you mean `{meant}`?"));
    }
    sink.push(diagnostic.help(format!("declare it in {} and change its values here", super::source::POLICY_FILE)));
}

fn values(known: &mut Entry, over: Entry, path: &mut Vec<String>, sink: &mut Sink) {
    let is_stages = path.len() == 1 && known.key == "stages";
    match (&mut known.node.value, over.node.value) {
        (Value::Table(base), Value::Table(inner)) => tables(base, inner, path, sink),
        (Value::List(base), Value::List(items)) if is_stages => stages(base, items, path, sink),
        (Value::List(base), Value::List(items)) if is_bounds(path) => {
            bounds(base, items, path, &over.node.place, sink);
        }
        (_, value) if is_bounds(path) && matches!(value, Value::List(_) | Value::Table(_)) => {
            let message = format!("an overlay cannot change how many bounds `{}` has", path.join("."));
            sink.push(
                Diagnostic::error(codes::OVERLAY_ADDS, message, over.node.place)
                    .also(known.node.place.clone(), "declared here"),
            );
        }
        (_, value) => known.node = Node { place: over.node.place, value },
    }
}

/// `thresholds.METRIC.LEVEL`.
fn is_bounds(path: &[String]) -> bool {
    path.len() == 3 && path.first().is_some_and(|first| first == "thresholds")
}

fn bounds(base: &mut [Node], items: Vec<Node>, path: &mut Vec<String>, place: &Place, sink: &mut Sink) {
    if base.len() != items.len() {
        let message = format!("an overlay cannot change how many bounds `{}` has", path.join("."));
        sink.push(
            Diagnostic::error(codes::OVERLAY_ADDS, message, place.clone())
                .help(format!("the policy has {}; give as many, {{}} leaves one as it is", base.len())),
        );
        return;
    }
    for (at, (known, over)) in base.iter_mut().zip(items).enumerate() {
        path.push((at + 1).to_string());
        match (&mut known.value, over.value) {
            (Value::Table(base), Value::Table(inner)) => tables(base, inner, path, sink),
            (_, value) => *known = Node { place: over.place, value },
        }
        path.pop();
    }
}

fn name_of(node: &Node) -> Option<&str> {
    let Value::Table(table) = &node.value else { return None };
    match &table.get("name")?.node.value {
        Value::Text(name) => Some(name),
        _ => None,
    }
}

/// Stages are matched by name; their order is the policy's.
fn stages(base: &mut [Node], items: Vec<Node>, path: &mut Vec<String>, sink: &mut Sink) {
    for item in items {
        let Some(name) = name_of(&item).map(str::to_owned) else {
            sink.push(
                Diagnostic::error(codes::MISSING_KEY, "a stage of an overlay has no `name`", item.place)
                    .help("stages of an overlay are matched by name"),
            );
            continue;
        };
        let names: Vec<String> = base.iter().filter_map(|node| name_of(node).map(str::to_owned)).collect();
        let Some(known) = base.iter_mut().find(|node| name_of(node) == Some(&name)) else {
            let mut diagnostic =
                Diagnostic::error(codes::OVERLAY_ADDS, format!("an overlay cannot add the stage `{name}`"), item.place);
            if let Some(meant) = closest(&name, names.iter().map(String::as_str)) {
                diagnostic = diagnostic.label(format!("did you mean `{meant}`?"));
            }
            sink.push(diagnostic.help(format!("stages are declared in {}", super::source::POLICY_FILE)));
            continue;
        };
        if let (Value::Table(base), Value::Table(inner)) = (&mut known.value, item.value) {
            path.push(name);
            tables(base, inner, path, sink);
            path.pop();
        }
    }
}

/// Every value in force with its path, file and line, in order of the merged tree.
pub(crate) fn origins(root: &Node, source: &PolicySource) -> Vec<ValueOrigin> {
    let mut list = Vec::new();
    collect(root, String::new(), source, &source.lines(), &mut list);
    list
}

fn collect(node: &Node, path: String, source: &PolicySource, lines: &Lines, list: &mut Vec<ValueOrigin>) {
    let under = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match &node.value {
        Value::Table(table) => {
            for entry in &table.entries {
                collect(&entry.node, under(&entry.key), source, lines, list);
            }
        }
        Value::List(items) if items.iter().any(|item| matches!(item.value, Value::Table(_))) => {
            for (at, item) in items.iter().enumerate() {
                let key = name_of(item).map_or_else(|| (at + 1).to_string(), str::to_owned);
                collect(item, under(&key), source, lines, list);
            }
        }
        _ => {
            let text = source.get(&node.place.file).and_then(|text| text.get(node.place.span.clone())).unwrap_or("");
            let line = lines.line(&node.place);
            list.push(ValueOrigin { path, value: text.to_owned(), file: node.place.file.to_string(), line });
        }
    }
}
