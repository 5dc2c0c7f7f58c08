//! Policies side by side: what one tree may not say twice.

use std::collections::BTreeMap;

use crate::model::ids::Environment;

use super::diagnostic::{Code, Diagnostic, Place};
use super::load::merged;
use super::source::PolicySource;
use super::{PRODUCTION, codes, environments, raw, sink};

/// Two policies of one tree that own one feature, or carry one rollout's name, in one environment. Each conflict is
/// reported once, at the later policy's line; file names carry the policy's root, so that both can be told apart.
#[must_use]
pub fn tree_conflicts(sources: &[&PolicySource]) -> Vec<Diagnostic> {
    let mut seen: BTreeMap<(Code, Environment, String), Place> = BTreeMap::new();
    let mut found: Vec<Diagnostic> = Vec::new();
    for source in sources {
        for environment in environments(source) {
            for (code, name, place) in claims(source, &environment) {
                let Some(first) = seen.insert((code, environment.clone(), name.clone()), place.clone()) else {
                    continue;
                };
                if first.file != place.file {
                    conflict(&mut found, code, &name, place, first, &environment);
                }
            }
        }
    }
    // As in a single policy: a problem of every environment names none.
    let production_alone = |found: &Diagnostic| found.environments == [PRODUCTION];
    let has_overlays = sources.iter().any(|source| source.environments().next().is_some());
    for conflict in &mut found {
        if !has_overlays && production_alone(conflict) {
            conflict.environments.clear();
        }
    }
    sink::sort(&mut found);
    found
}

/// What a policy claims for itself in one environment; its own problems are its own check's business.
fn claims(source: &PolicySource, environment: &Environment) -> Vec<(Code, String, Place)> {
    let mut unheard = sink::Sink::default();
    let Some(root) = merged(source, environment, &mut unheard) else { return Vec::new() };
    let raw = raw::read(&root, &mut unheard);
    let here =
        |place: &Place| Place { file: format!("{}/{}", source.root, place.file).into(), span: place.span.clone() };
    let rollout = raw.rollout.iter().map(|name| (codes::ROLLOUT_TWICE, name.value.clone(), here(&name.place)));
    let features = raw.features.iter().map(|name| (codes::FEATURE_TWICE, name.value.clone(), here(&name.place)));
    rollout.chain(features).collect()
}

fn conflict(
    found: &mut Vec<Diagnostic>,
    code: Code,
    name: &str,
    place: Place,
    first: Place,
    environment: &Environment,
) {
    if let Some(known) = found.iter_mut().find(|known| known.code == code && known.primary.place == place) {
        known.environments.push(environment.to_string());
        return;
    }
    let (message, help) = if code == codes::FEATURE_TWICE {
        (format!("two policies own the feature `{name}`"), "one rollout moves a feature: take it out of the other")
    } else {
        (format!("two policies govern the rollout `{name}`"), "each rollout has one policy: rename one of them")
    };
    let mut diagnostic = Diagnostic::error(code, message, place).also(first, "also here").help(help);
    diagnostic.environments.push(environment.to_string());
    found.push(diagnostic);
}
