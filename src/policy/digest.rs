//! What a policy is: a digest of everything that can alter a decision, and a fingerprint of each check's meaning.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::model::frame::{Catalogue, Group, MetricIx};
use crate::model::ids::{Digest, Environment};

use super::compiled::{Bound, Check, Condition, Floor, Limit, Window};
use super::source::{POLICY_FILE, PolicySource, RULES_FILE};

/// SHA-256 over policy.toml, this environment's overlay, the scripts used and the environment's name. Tests are not
/// part of it: they cannot alter a decision.
pub(crate) fn digest(source: &PolicySource, environment: &Environment) -> Digest {
    let mut hash = Sha256::new();
    // Each part is preceded by its name and length, so that text cannot move from one part to another unnoticed.
    let mut part = |name: &str, text: &str| {
        hash.update(format!("{name}\0{}\0", text.len()));
        hash.update(text);
    };
    part("rollgate policy", "1");
    part("environment", environment.as_str());
    let overlay = overlay_file(environment);
    let scripts = script_files(source);
    for file in [POLICY_FILE, &overlay].into_iter().chain(scripts.iter().map(String::as_str)) {
        if let Some(text) = source.get(file) {
            part(file, text);
        }
    }
    Digest::new(hex(&hash.finalize()))
}

/// `env/staging.toml`.
pub(crate) fn overlay_file(environment: &Environment) -> String {
    format!("env/{environment}.toml")
}

/// rules.rhai and every shared module it imports, directly or not.
pub(crate) fn script_files(source: &PolicySource) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut todo = vec![RULES_FILE.to_owned()];
    while let Some(file) = todo.pop() {
        let Some(text) = source.get(&file) else { continue };
        if found.insert(file) {
            todo.extend(imports(text).map(|name| format!("@shared/{name}.rhai")));
        }
    }
    found
}

/// The names in `import "name"`. One in a comment counts too: a digest that changes once too often does no harm.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    text.split("import").skip(1).filter_map(|rest| {
        let rest = rest.trim_start().strip_prefix('"')?;
        rest.split('"').next()
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Hash of what `check` watches and how long it must be broken: equal before and after a reload when its runs may be
/// kept. Who is told and where it rolls back to are no part of it.
pub(crate) fn fingerprint(check: &Check, catalogue: &Catalogue, script: Option<u64>) -> u64 {
    let condition = match &check.condition {
        Condition::Bound(bound) => bound_text(bound, catalogue),
        Condition::Script { reads, .. } => {
            let reads: Vec<String> = reads.iter().map(|(metric, group)| series(*metric, *group, catalogue)).collect();
            format!("{} {} reads {}", check.words, script.unwrap_or(0), reads.join(","))
        }
    };
    let text = format!("{} {condition} for {} clear {}", check.id, window(check.window), window(check.clear));
    let hash = Sha256::digest(text);
    hash.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn series(metric: MetricIx, group: Group, catalogue: &Catalogue) -> String {
    let (name, unit) = catalogue.metric(metric).map_or(("?", "?"), |metric| (metric.name.as_str(), metric.unit.name()));
    format!("{name}[{unit}].{group}")
}

fn bound_text(bound: &Bound, catalogue: &Catalogue) -> String {
    let limit = match bound.limit {
        Limit::Absolute(level) => format!("{level}"),
        Limit::Relative { than, fraction } => format!("{than:?} x {fraction}"),
        Limit::Difference { than, delta } => format!("{than:?} + {delta}"),
    };
    let floor = match bound.floor {
        None => String::new(),
        Some(Floor::Level(level)) => format!(" and {level}"),
        Some(Floor::Difference(delta)) => format!(" and by {delta}"),
    };
    format!("{} {} {limit}{floor}", series(bound.metric, bound.group, catalogue), bound.side.name())
}

fn window(window: Window) -> String {
    match window {
        Window::First => "first".to_owned(),
        Window::For(length) => format!("{}ms", length.as_millis()),
        Window::Of { k, n } => format!("{k} of {n}"),
    }
}
