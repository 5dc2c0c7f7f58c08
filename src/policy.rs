//! Text in memory to compiled policy. No file system, no clock: a policy is compiled the same way in an editor, in a
//! pull request and in the daemon.
//!
//! Three stages for what people typed: `raw` (as written, spans kept), `check` (every meaning verified, every
//! problem reported), [`compiled`] (dense, immutable, ready for the engine). `lint` asks whether parts that are valid
//! one by one make sense together.

mod check;
pub mod codes;
pub mod compiled;
pub mod diagnostic;
mod digest;
pub mod fix;
pub mod format;
mod lint;
mod overlay;
mod raw;
pub mod schema;
pub mod script;
mod seam;
mod sink;
pub mod source;
mod suggest;
mod tree;
mod trees;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::frame::Catalogue;
use crate::model::ids::Region;
use crate::model::ids::{Digest, Environment, Feature, RolloutId};

use check::Checked as CheckedParts;
use compiled::Policy;
use diagnostic::{Code, Diagnostic, Level, Place};
use raw::Raw;
use sink::Sink;
use source::{MAX_FILE_BYTES, POLICY_FILE, PolicySource};
use tree::Node;

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

/// The digest that one environment's decisions carry, without compiling it: a reload compares it before anything else.
#[must_use]
pub fn digest_of(source: &PolicySource, environment: &Environment) -> Digest {
    digest::digest(source, environment)
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
    known_environment(source, environment, &mut sink);
    let Some(root) = merged(source, environment, &mut sink) else {
        return Outcome { policy: None, origins: Vec::new(), sink };
    };
    let origins = overlay::origins(&root, source);
    let raw = raw::read(&root, &mut sink);
    let mut parts = check::check(&raw, source, &mut sink);
    let metrics = parts.metrics.iter().map(|metric| metric.metric.clone()).collect();
    let regions = raw.regions.iter().map(|region| Region::new(&region.value)).collect();
    let catalogue = Catalogue::new(metrics, regions);
    let (scripts, fingerprints) = seam::scripts(&mut parts, &catalogue, source, &mut sink);
    lint::lint(&parts, &mut sink);
    if !sink.has_errors() {
        sink.report_unused(raw.allows());
    }
    let compiled = Build { source, environment, catalogue, scripts, fingerprints };
    let policy = if sink.has_errors() { None } else { compiled.policy(&raw, parts) };
    Outcome { policy, origins, sink }
}

fn known_environment(source: &PolicySource, environment: &Environment, sink: &mut Sink) {
    if environment.as_str() == PRODUCTION || source.environments().any(|known| known == environment.as_str()) {
        return;
    }
    let place = Place { file: POLICY_FILE.into(), span: 0..0 };
    let names = environments(source);
    let names = || names.iter().map(Environment::as_str);
    let mut diagnostic =
        Diagnostic::error(codes::UNKNOWN_ENVIRONMENT, format!("unknown environment `{environment}`"), place);
    if let Some(meant) = suggest::closest(environment.as_str(), names()) {
        diagnostic = diagnostic.label(format!("did you mean `{meant}`?"));
    }
    sink.push(diagnostic.help(format!("environments: {}", suggest::listed(names()))));
}

/// policy.toml with the environment's overlay laid over it; none when the text cannot be trusted to be complete.
fn merged(source: &PolicySource, environment: &Environment, sink: &mut Sink) -> Option<Node> {
    let Some(mut base) = parsed(source, POLICY_FILE, sink) else {
        if source.get(POLICY_FILE).is_none() && source.problems.is_empty() {
            let place = Place { file: POLICY_FILE.into(), span: 0..0 };
            sink.push(
                Diagnostic::error(codes::NO_POLICY, format!("there is no {POLICY_FILE}"), place)
                    .help("`rollgate init` writes one"),
            );
        }
        return None;
    };
    let file = digest::overlay_file(environment);
    if source.get(&file).is_some() {
        overlay::merge(&mut base, parsed(source, &file, sink)?, sink);
    }
    Some(base)
}

/// One file as a tree. After a syntax error the tree has holes: what is wrong with its values is still reported,
/// what seems to be missing is not, and nothing is compiled from it.
fn parsed(source: &PolicySource, file: &str, sink: &mut Sink) -> Option<Node> {
    let text = source.get(file)?;
    let file: Arc<str> = Arc::from(file);
    if text.len() > MAX_FILE_BYTES {
        let place = Place { file: Arc::clone(&file), span: 0..0 };
        let message = format!("{} KiB, and at most {} KiB are read", text.len() / 1024, MAX_FILE_BYTES / 1024);
        sink.push(Diagnostic::error(codes::TOO_LARGE, message, place).help("one policy for each rollout"));
        return None;
    }
    let tree = tree::parse(&file, text);
    let broken = tree.problems.iter().any(|problem| problem.code == codes::SYNTAX);
    if broken {
        around_syntax_errors(&tree, source, sink);
    }
    tree.problems.into_iter().for_each(|problem| sink.push(problem));
    if broken { None } else { Some(tree.root) }
}

/// Codes that a hole in the text cannot cause.
const LOCAL: [Code; 9] = [
    codes::UNKNOWN_KEY,
    codes::WRONG_TYPE,
    codes::BAD_DURATION,
    codes::BAD_WINDOW,
    codes::UNKNOWN_WORD,
    codes::NOT_FINITE,
    codes::BAD_TIME,
    codes::UNIT_MISSING,
    codes::UNKNOWN_SEVERITY,
];

fn around_syntax_errors(tree: &tree::Parsed, source: &PolicySource, sink: &mut Sink) {
    let mut inner = Sink::default();
    let raw: Raw = raw::read(&tree.root, &mut inner);
    check::check(&raw, source, &mut inner);
    let line = |place: &Place| source.position(place).0;
    let broken: Vec<u32> = tree.problems.iter().map(|problem| line(&problem.primary.place)).collect();
    let local = inner.diagnostics.into_iter().filter(|found| LOCAL.contains(&found.code));
    // The parser's recovery puts an empty value where it could not read one.
    let local = local.filter(|found| !found.primary.place.span.is_empty());
    local.filter(|found| !broken.contains(&line(&found.primary.place))).for_each(|found| sink.push(found));
}

/// Everything a compiled policy is put together from.
struct Build<'a> {
    source: &'a PolicySource,
    environment: &'a Environment,
    catalogue: Catalogue,
    scripts: script::ScriptSet,
    fingerprints: BTreeMap<String, u64>,
}

impl Build<'_> {
    fn policy(self, raw: &Raw, parts: CheckedParts<'_>) -> Option<Policy> {
        let mut checks: Vec<compiled::Check> = parts.drafts.into_iter().map(|draft| draft.check).collect();
        for check in &mut checks {
            let script = self.fingerprints.get(check.id.as_str()).copied();
            check.fingerprint = digest::fingerprint(check, &self.catalogue, script);
        }
        Some(Policy {
            rollout: RolloutId::new(&raw.rollout.as_ref()?.value),
            environment: self.environment.clone(),
            owner: raw.owner.as_ref().map(|owner| owner.value.clone()),
            features: raw.features.iter().map(|feature| Feature::new(&feature.value)).collect(),
            digest: digest::digest(self.source, self.environment),
            catalogue: self.catalogue,
            metrics: parts.metrics.into_iter().map(|metric| metric.rules).collect(),
            stages: parts.stages.into_iter().map(|stage| stage.stage).collect(),
            checks,
            baseline: parts.baseline,
            severities: parts.severities,
            freezes: raw.freezes.iter().map(freeze).collect(),
            on_breach: raw.on_breach.as_ref().map_or(compiled::BreachScope::All, |scope| scope.value),
            shadow: raw.shadow,
            pin: raw.pin,
            exposure_tolerance: parts.exposure_tolerance,
            scripts: self.scripts,
        })
    }
}

fn freeze(raw: &raw::RawFreeze) -> compiled::Freeze {
    match raw {
        raw::RawFreeze::Range { from, to, note } => {
            compiled::Freeze::Range { from: from.value, to: to.value, note: note.clone() }
        }
        raw::RawFreeze::Weekly { days, from, to, zone, note } => {
            compiled::Freeze::Weekly { days: *days, from: *from, to: *to, zone: zone.clone(), note: note.clone() }
        }
    }
}
