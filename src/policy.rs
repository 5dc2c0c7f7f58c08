//! Text in memory to compiled policy. No file system, no clock: a policy is compiled the same way in an editor, in a
//! pull request and in the daemon.
//!
//! Three stages for what people typed: `raw` (as written, spans kept), `check` (every meaning verified, every
//! problem reported), [`compiled`] (dense, immutable, ready for the engine). `lint` asks whether parts that are valid
//! one by one make sense together.

mod build;
mod check;
pub mod codes;
pub mod compiled;
pub mod diagnostic;
mod digest;
pub mod fix;
pub mod format;
mod lint;
mod load;
mod overlay;
pub(crate) mod raw;
pub mod schema;
pub mod script;
mod seam;
pub mod set;
pub(crate) mod sink;
pub mod source;
pub(crate) mod suggest;
pub(crate) mod tree;
mod trees;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::frame::Catalogue;
use crate::model::ids::{Digest, Environment, Region, RolloutId};

use compiled::Policy;
use diagnostic::{Diagnostic, Level};
use sink::Sink;
use source::PolicySource;

pub use overlay::ValueOrigin;
pub use trees::tree_conflicts;

/// The environment that is in force when none is named: the policy as written.
pub const PRODUCTION: &str = "production";

/// One environment, compiled.
#[derive(Debug, Default)]
pub struct Compiled {
    /// The policy; none when there is an error.
    pub policy: Option<Policy>,
    /// Everything that is wrong, by file and place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Every environment, compiled.
#[derive(Debug, Default)]
pub struct Checked {
    /// Everything that is wrong; a problem that not every environment has names those that do.
    pub diagnostics: Vec<Diagnostic>,
    /// The policies of the environments without an error.
    pub policies: BTreeMap<Environment, Policy>,
    /// Where each value in force was written, by environment.
    pub origins: BTreeMap<Environment, Vec<ValueOrigin>>,
}

impl Checked {
    /// Whether any environment cannot load.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.level == Level::Error)
    }
}

/// Compiles one environment.
#[must_use]
pub fn compile(source: &PolicySource, environment: &Environment) -> Compiled {
    let outcome = run(source, environment);
    Compiled { policy: outcome.policy, diagnostics: outcome.sink.finish() }
}

/// Compiles every environment: those with an overlay, and production.
#[must_use]
pub fn check(source: &PolicySource) -> Checked {
    let environments = environments(source);
    let mut checked = Checked::default();
    let mut found: Vec<(Diagnostic, Vec<String>)> = Vec::new();
    for environment in &environments {
        let outcome = run(source, environment);
        checked.origins.insert(environment.clone(), outcome.origins);
        if let Some(policy) = outcome.policy {
            checked.policies.insert(environment.clone(), policy);
        }
        for diagnostic in outcome.sink.finish() {
            match found.iter_mut().find(|(known, _)| *known == diagnostic) {
                Some((_, places)) => places.push(environment.to_string()),
                None => found.push((diagnostic, vec![environment.to_string()])),
            }
        }
    }
    checked.diagnostics = merge(found, environments.len());
    checked
}

/// What of `text`, a file of a policy or of its tests, is not TOML: every place at once.
#[must_use]
pub fn syntax(file: &str, text: &str) -> Vec<Diagnostic> {
    let mut problems = tree::parse(&file.into(), text).problems;
    sink::sort(&mut problems);
    problems
}

/// The digest that one environment's decisions carry, without compiling it: a reload compares it before anything else.
#[must_use]
pub fn digest_of(source: &PolicySource, environment: &Environment) -> Digest {
    digest::digest(source, environment)
}

/// The rollout that a policy governs, as far as its text can be read: a policy that does not compile is somebody's too.
#[must_use]
pub fn rollout_of(source: &PolicySource, environment: &Environment) -> Option<RolloutId> {
    let mut unheard = Sink::default();
    let root = load::merged(source, environment, &mut unheard)?;
    raw::read(&root, &mut unheard).rollout.map(|name| RolloutId::new(name.value))
}

/// The environments of a policy, in order of name.
#[must_use]
pub fn environments(source: &PolicySource) -> Vec<Environment> {
    let mut names: BTreeSet<&str> = source.environments().collect();
    names.insert(PRODUCTION);
    names.into_iter().map(Environment::new).collect()
}

/// An `allow` that one environment has no use for is right as long as another has.
fn merge(found: Vec<(Diagnostic, Vec<String>)>, environments: usize) -> Vec<Diagnostic> {
    let everywhere = |names: &[String]| names.len() == environments;
    let mut diagnostics: Vec<Diagnostic> = found
        .into_iter()
        .filter(|(diagnostic, names)| diagnostic.code != codes::ALLOW_UNUSED || everywhere(names))
        .map(|(mut diagnostic, names)| {
            diagnostic.environments = if everywhere(&names) { Vec::new() } else { names };
            diagnostic
        })
        .collect();
    sink::sort(&mut diagnostics);
    diagnostics
}

/// What compiling one environment gives.
struct Outcome {
    policy: Option<Policy>,
    origins: Vec<ValueOrigin>,
    sink: Sink,
}

fn run(source: &PolicySource, environment: &Environment) -> Outcome {
    let mut sink = Sink::default();
    source.problems.iter().for_each(|problem| sink.push(problem.clone()));
    load::known_environment(source, environment, &mut sink);
    let Some(root) = load::merged(source, environment, &mut sink) else {
        return Outcome { policy: None, origins: Vec::new(), sink };
    };
    let origins = overlay::origins(&root, source);
    let raw = raw::read(&root, &mut sink);
    let mut parts = check::check(&raw, &source.lines(), &mut sink);
    let metrics = parts.metrics.iter().map(|metric| metric.metric.clone()).collect();
    let regions = raw.regions.iter().map(|region| Region::new(&region.value)).collect();
    let catalogue = Catalogue::new(metrics, regions);
    let scripts = seam::scripts(&mut parts, &catalogue, source, &mut sink);
    lint::lint(&parts, &mut sink);
    if !sink.has_errors() {
        sink.report_unused(raw.allows());
    }
    let build = build::Build { source, environment, catalogue, scripts };
    let policy = if sink.has_errors() { None } else { build.policy(&raw, parts) };
    Outcome { policy, origins, sink }
}
