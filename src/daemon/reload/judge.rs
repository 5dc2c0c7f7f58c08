//! One policy's files: may they come into force?

use std::sync::Arc;
use std::time::Duration;

use crate::control::PolicyRecord;
use crate::ledger::hash::Key;
use crate::model::ids::Environment;
use crate::model::time::Time;
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::{Diagnostic, Level};
use crate::policy::source::PolicySource;

use super::trial::trial;
use super::{Candidate, Rejection};

/// No more sentences than this: `check` tells the rest.
const MOST: usize = 10;

/// Compiles `source`, holds it against its `neighbours` (in force already), and runs its own tests.
pub(super) fn judge(
    source: PolicySource,
    environment: &Environment,
    neighbours: &[&PolicySource],
    tests_budget: Duration,
    at: Time,
) -> Result<Box<Candidate>, Box<Rejection>> {
    let compiled = crate::policy::compile(&source, environment);
    let (errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) =
        compiled.diagnostics.into_iter().partition(|found| found.level == Level::Error);
    let Some(policy) = compiled.policy.filter(|_| errors.is_empty()) else {
        return Err(Box::new(of_diagnostics(source, environment, errors, at)));
    };
    let conflicts = conflicts(&source, environment, neighbours);
    if !conflicts.is_empty() {
        let mut rejection = of_diagnostics(together(&source, neighbours), environment, conflicts, at);
        // The rollout is somebody else's: the conflict is this directory's.
        (rejection.path, rejection.key) = (source.root.clone(), None);
        rejection.digest = Some(policy.digest);
        return Err(Box::new(rejection));
    }
    let policy = Arc::new(policy);
    let outcome = trial(&source, &policy, tests_budget);
    if !outcome.diagnostics.is_empty() || !outcome.failures.is_empty() {
        let digest = Some(policy.digest.clone());
        let mut rejection = of_diagnostics(source, environment, outcome.diagnostics, at);
        rejection.why.extend(outcome.failures);
        cut(&mut rejection.why);
        return Err(Box::new(Rejection { digest, late: outcome.late, ..rejection }));
    }
    Ok(Box::new(candidate(source, policy, warnings, outcome.ran, at)))
}

fn candidate(
    source: PolicySource,
    policy: Arc<Policy>,
    warnings: Vec<Diagnostic>,
    tests: usize,
    at: Time,
) -> Candidate {
    let key = Key::new(policy.rollout.clone(), policy.environment.clone());
    Candidate { key, record: PolicyRecord::new(&policy, &source), policy, source, warnings, tests, at }
}

fn of_diagnostics(
    source: PolicySource,
    environment: &Environment,
    diagnostics: Vec<Diagnostic>,
    at: Time,
) -> Rejection {
    let mut why: Vec<String> = diagnostics.iter().map(|found| sentence(found, &source)).collect();
    cut(&mut why);
    let readable = source.problems.is_empty() && source.get(crate::policy::source::POLICY_FILE).is_some();
    let rollout = crate::policy::rollout_of(&source, environment);
    Rejection {
        key: rollout.map(|rollout| Key::new(rollout, environment.clone())),
        path: source.root.clone(),
        digest: readable.then(|| crate::policy::digest_of(&source, environment)),
        why,
        diagnostics,
        source,
        late: false,
        at,
    }
}

/// `policy.toml:12: unknown key `trafic` in stage `canary` [RG002]`.
fn sentence(found: &Diagnostic, source: &PolicySource) -> String {
    let place = &found.primary.place;
    if place.span.is_empty() {
        return format!("{}: {} [{}]", place.file, found.message, found.code);
    }
    format!("{}:{}: {} [{}]", place.file, source.position(place).0, found.message, found.code)
}

fn cut(why: &mut Vec<String>) {
    if let Some(more) = why.len().checked_sub(MOST).filter(|more| *more > 0) {
        why.truncate(MOST);
        why.push(format!("and {more} more: see rollgate check"));
    }
}

/// What `source` claims though a neighbour has it: a rollout, a feature.
fn conflicts(source: &PolicySource, environment: &Environment, neighbours: &[&PolicySource]) -> Vec<Diagnostic> {
    if neighbours.is_empty() {
        return Vec::new();
    }
    let mut all = neighbours.to_vec();
    all.push(source);
    let own = format!("{}/", source.root);
    let here = |found: &Diagnostic| {
        found.environments.is_empty() || found.environments.iter().any(|name| *name == environment.as_str())
    };
    let mut found = crate::policy::tree_conflicts(&all);
    found.retain(|found| found.primary.place.file.starts_with(&own) && here(found));
    found
}

/// Files of a conflict carry their policy's directory.
fn together(source: &PolicySource, neighbours: &[&PolicySource]) -> PolicySource {
    let mut all = PolicySource::new("");
    for one in neighbours.iter().copied().chain([source]) {
        for (file, text) in one.iter() {
            all.insert(format!("{}/{file}", one.root), text);
        }
    }
    all
}
