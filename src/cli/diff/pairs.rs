//! Which policy is compared with which, and both compiled.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::ids::Environment;
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::{Diagnostic, Level};
use crate::policy::source::PolicySource;

use super::refused::Refused;
use super::sides::Found;

/// A policy that both sides have.
pub(super) struct Pair {
    pub(super) old: Found,
    pub(super) new: Found,
}

/// What the sides have in common, and what only one has.
pub(super) struct Paired {
    pub(super) pairs: Vec<Pair>,
    pub(super) added: Vec<Found>,
    pub(super) removed: Vec<Found>,
}

/// By path; what was named itself is the same whatever it is called, and what moved is known by its rollout.
pub(super) fn pair(mut old: Vec<Found>, new: Vec<Found>) -> Paired {
    let alone = old.len() == 1 && new.len() == 1;
    let mut paired = Paired { pairs: Vec::new(), added: Vec::new(), removed: Vec::new() };
    let mut left = Vec::new();
    for is in new {
        let named = |was: &Found| was.below.is_empty() || is.below.is_empty();
        match old.iter().position(|was| was.below == is.below || (alone && named(was))) {
            Some(at) => paired.pairs.push(Pair { old: old.remove(at), new: is }),
            None => left.push(is),
        }
    }
    for is in left {
        let rollout = rollout(&is.source);
        let moved = old.iter().position(|was| rollout.is_some() && self::rollout(&was.source) == rollout);
        match moved {
            Some(at) => paired.pairs.push(Pair { old: old.remove(at), new: is }),
            None => paired.added.push(is),
        }
    }
    paired.removed = old;
    paired
}

/// The rollout that a policy governs, when it compiles in any environment.
pub(super) fn rollout(source: &PolicySource) -> Option<String> {
    let production = crate::policy::PRODUCTION.into();
    let of = |environment: &Environment| crate::policy::compile(source, environment).policy;
    let policy = of(&production).or_else(|| crate::policy::environments(source).iter().find_map(of))?;
    Some(policy.rollout.to_string())
}

/// The rollout that a policy names, whether or not it compiles.
pub(super) fn written_rollout(source: &PolicySource) -> Option<String> {
    let origins = crate::policy::check(source).origins;
    let named = origins.values().flatten().find(|value| value.path == "rollout")?;
    Some(named.value.trim_matches(['"', '\'']).to_owned())
}

/// The policies of one side by environment.
pub(super) type Compiled = BTreeMap<Environment, Arc<Policy>>;

/// Compiled for every environment, or for the one asked for; else what is wrong.
pub(super) fn compile(
    source: &PolicySource,
    side: &'static str,
    asked: Option<&Environment>,
) -> Result<Compiled, Box<Refused>> {
    let (diagnostics, found) = match asked {
        None => {
            let checked = crate::policy::check(source);
            (checked.diagnostics, checked.policies)
        }
        Some(environment) => {
            let compiled = crate::policy::compile(source, environment);
            (compiled.diagnostics, compiled.policy.map(|policy| (environment.clone(), policy)).into_iter().collect())
        }
    };
    let errors: Vec<Diagnostic> = diagnostics.into_iter().filter(|one| one.level == Level::Error).collect();
    if errors.is_empty() {
        return Ok(found.into_iter().map(|(environment, policy)| (environment, Arc::new(policy))).collect());
    }
    Err(Box::new(Refused { side, source: source.clone(), errors, rollout: None }))
}
