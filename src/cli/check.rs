//! `check`: every problem of policies, in every environment, without running anything.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::model::ids::Environment;
use crate::policy::ValueOrigin;
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::{Diagnostic, Level};
use crate::policy::fix::first_mends;
use crate::policy::source::PolicySource;
use crate::report::ci::{CheckedPolicy, Report, item, of_check};
use crate::report::json::{Envelope, Problem};
use crate::report::layout::count;
use crate::report::screen::{BAD, GOOD, Mark, PLACE, QUIET, of_level, paint};
use crate::shell::clock::Stopwatch;
use crate::shell::files;

use super::console::Console;
use super::exit::Exit;
use super::global::{self, AnyOutput, Output};
use super::{policies, watching};

mod evidence;
mod origin;
mod settings;

/// Report every problem of policies, each with its place and its mend; of a rollgate.toml too.
///
/// All environments are checked: a policy that is sound in staging only is not sound.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate check                             policies below `policies` or here
  rollgate check policies/isolation --watch  again on every save
  rollgate check --fail-level warning        for CI: warnings fail too
  rollgate check rollgate.toml               the controller's settings
  rollgate check --show-origin -e staging    where each value was written")]
pub struct Check {
    /// Policies, trees, settings [default: policies, else .; rollgate.toml]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only this environment [default: all]
    #[arg(short, long, value_name = "NAME")]
    environment: Option<String>,
    /// The least bad level that fails
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = FailLevel::Error)]
    fail_level: FailLevel,
    /// Print the values in force with the file and line each comes from
    #[arg(long)]
    show_origin: bool,
    /// Replay the fixtures and name what they leave untouched: checks that never fire, metrics that never appear
    #[arg(long)]
    evidence: bool,
    /// Check again on every change
    #[arg(long)]
    watch: bool,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<AnyOutput>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailLevel {
    /// Warnings and errors fail
    Warning,
    /// Only errors fail
    Error,
}

/// One policy with all that was found in it; or all of them together, with what they say twice.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) source: PolicySource,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) policies: BTreeMap<Environment, Policy>,
    pub(super) origins: BTreeMap<Environment, Vec<ValueOrigin>>,
    /// The file's name, when it is no policy but the controller's settings.
    pub(super) settings: Option<String>,
}

impl Checked {
    fn count(&self, level: Level) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.level == level).count()
    }

    /// The policy for production, else for any environment.
    pub(super) fn usual(&self) -> Option<&Policy> {
        self.policies.get("production").or_else(|| self.policies.values().next())
    }
}

impl Check {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let paths = policies::or_usual(&self.paths);
        if self.watch {
            return watching::again(&paths, console, &mut |console| self.once(&paths, console));
        }
        self.once(&paths, console)
    }

    fn once(&self, paths: &[PathBuf], console: &mut Console) -> anyhow::Result<Exit> {
        let stopwatch = Stopwatch::start();
        let (settings, paths) = settings::split(&self.paths, paths.to_vec());
        let paths = paths.as_slice();
        let mut all = settings.iter().map(|path| settings::examine(path)).collect::<anyhow::Result<Vec<Checked>>>()?;
        if settings.is_empty() || !paths.is_empty() {
            let found = find(paths, self.paths.is_empty() && !settings.is_empty())?;
            all.extend(found.iter().map(|folder| self.examine(files::load_policy(folder))));
        }
        if all.len() > 1 {
            let (source, diagnostics) = conflicts(&all);
            if !diagnostics.is_empty() {
                all.push(Checked { source, diagnostics, ..Checked::default() });
            }
        }
        let facts = if self.evidence { evidence::gather(paths, &all, console)? } else { Vec::new() };
        let origins = self.show_origin;
        let errors: usize = all.iter().map(|one| one.count(Level::Error)).sum();
        let warnings: usize = all.iter().map(|one| one.count(Level::Warning)).sum();
        match global::any_output(self.output, console.plain) {
            AnyOutput::Own(Output::Json) => json(&all, &facts, origins, console)?,
            AnyOutput::Own(Output::Jsonl) => jsonl(&all, &facts, origins, console)?,
            AnyOutput::Ci(format) => super::ci::print(self.report(&all, &facts), format, console)?,
            AnyOutput::Own(shape) => {
                if shape == Output::Plain {
                    console.plain = true;
                }
                for one in &all {
                    show(one, console)?;
                    if origins {
                        console.print(origin::table_of(one, console.screen))?;
                    }
                }
                for fact in &facts {
                    console.line(format!("{} {fact}", paint(PLACE, "evidence:")))?;
                }
                summary(&all, stopwatch, console)?;
            }
        }
        let fails = errors > 0 || (warnings > 0 && self.fail_level == FailLevel::Warning);
        Ok(if fails { Exit::PolicyInvalid } else { Exit::Done })
    }

    /// The same for other tools.
    fn report(&self, all: &[Checked], facts: &[String]) -> Report {
        let policies: Vec<CheckedPolicy<'_>> = all.iter().map(|one| self.for_tools(one)).collect();
        let fails = match self.fail_level {
            FailLevel::Warning => item::Level::Warning,
            FailLevel::Error => item::Level::Error,
        };
        let total = |level| all.iter().map(|one| one.count(level)).sum();
        let (errors, warnings) = (count(total(Level::Error), "error"), count(total(Level::Warning), "warning"));
        let each = all.iter().filter(|one| one.settings.is_none() && !one.source.root.is_empty()).count();
        of_check(&policies, fails, format!("checked {}: {errors}, {warnings}", looked_at(all, each)), facts)
    }

    fn for_tools<'a>(&self, one: &'a Checked) -> CheckedPolicy<'a> {
        let environments = match &self.environment {
            _ if one.source.root.is_empty() => Vec::new(),
            _ if one.settings.is_some() => one.settings.iter().cloned().collect(),
            Some(environment) => vec![environment.clone()],
            None => crate::policy::environments(&one.source).iter().map(ToString::to_string).collect(),
        };
        let digests = one.policies.iter().map(|(name, policy)| (name.to_string(), policy.digest.short().to_string()));
        CheckedPolicy {
            source: &one.source,
            diagnostics: &one.diagnostics,
            environments,
            rollout: one.usual().map(|policy| policy.rollout.to_string()),
            digests: digests.collect(),
            mends: if one.settings.is_some() { Vec::new() } else { first_mends(&one.source) },
            settings: one.settings.is_some(),
        }
    }

    fn examine(&self, source: PolicySource) -> Checked {
        match &self.environment {
            None => {
                let checked = crate::policy::check(&source);
                Checked {
                    source,
                    diagnostics: checked.diagnostics,
                    policies: checked.policies,
                    origins: checked.origins,
                    settings: None,
                }
            }
            Some(environment) => {
                let environment = Environment::new(environment);
                let compiled = crate::policy::compile(&source, &environment);
                let mut checked = crate::policy::check(&source);
                checked.origins.retain(|name, _| *name == environment);
                let policies = compiled.policy.into_iter().map(|policy| (environment.clone(), policy)).collect();
                Checked {
                    source,
                    diagnostics: compiled.diagnostics,
                    policies,
                    origins: checked.origins,
                    settings: None,
                }
            }
        }
    }
}

/// What one tree may not say twice: one feature, one rollout. Files of such a problem carry the policy's directory.
fn conflicts(all: &[Checked]) -> (PolicySource, Vec<Diagnostic>) {
    let sources: Vec<&PolicySource> = all.iter().filter(|one| one.settings.is_none()).map(|one| &one.source).collect();
    let mut together = PolicySource::new("");
    for source in &sources {
        for (file, text) in source.iter() {
            together.insert(format!("{}/{file}", source.root), text);
        }
    }
    (together, crate::policy::tree_conflicts(&sources))
}

/// The policies at the paths. None at all is no fault of a directory that was not named and has settings to check.
fn find(paths: &[PathBuf], may_be_none: bool) -> anyhow::Result<Vec<PathBuf>> {
    match policies::find(paths) {
        Err(error) if may_be_none && matches!(error.downcast_ref(), Some(files::FindError::NoPolicy(_))) => {
            Ok(Vec::new())
        }
        found => found,
    }
}

/// `2 policies and the settings`.
fn looked_at(all: &[Checked], policies: usize) -> String {
    let settings = all.iter().any(|one| one.settings.is_some());
    match (policies, settings) {
        (0, true) => "the settings".to_owned(),
        (policies, true) => format!("{} and the settings", count(policies, "policy")),
        (policies, false) => count(policies, "policy"),
    }
}

fn show(one: &Checked, console: &mut Console) -> anyhow::Result<()> {
    for diagnostic in &one.diagnostics {
        let mut text = policies::show(diagnostic, &one.source, console);
        if !console.plain {
            text.push('\n');
        }
        console.print(text)?;
    }
    Ok(())
}

/// What was looked at, how it stands, what happens next.
fn summary(all: &[Checked], stopwatch: Stopwatch, console: &mut Console) -> anyhow::Result<()> {
    let total = |of: &dyn Fn(&Checked) -> usize| all.iter().map(of).sum::<usize>();
    let each: Vec<&Checked> = all.iter().filter(|one| !one.source.root.is_empty()).collect();
    let files = total(&|one| own_files(one));
    let checks = total(&|one| one.usual().map_or(0, |policy| policy.checks.len()));
    let stages = total(&|one| one.usual().map_or(0, |policy| policy.stages.len()));
    let (errors, warnings) = (total(&|one| one.count(Level::Error)), total(&|one| one.count(Level::Warning)));
    let policies = each.iter().filter(|one| one.settings.is_none()).count();
    let mut looked_at = vec![count(files, "file")];
    if policies > 1 {
        looked_at.insert(0, count(policies, "policy"));
    }
    if checks + stages > 0 {
        looked_at.extend([count(checks, "check"), count(stages, "stage")]);
    }
    let level = |number: usize, word: &str, level| match number {
        0 => count(0, word),
        number => paint(of_level(level), count(number, word)),
    };
    console.line(format!(
        "checked {} in {}: {}, {}",
        looked_at.join(", "),
        stopwatch.elapsed(),
        level(errors, "error", Level::Error),
        level(warnings, "warning", Level::Warning)
    ))?;
    for one in &each {
        console.line(standing(one, policies > 1, console))?;
    }
    if all.iter().any(|one| one.source.root.is_empty() && one.count(Level::Error) > 0) {
        let text = paint(BAD, format!("{}they do NOT go together", icon(Mark::Bad, console)));
        console.line(format!("{text}; see the conflict above"))?;
    }
    let first = all.iter().flat_map(|one| &one.diagnostics).max_by_key(|diagnostic| diagnostic.level);
    if let Some(diagnostic) = first {
        console.line(paint(QUIET, format!("more: rollgate explain {}", diagnostic.code)))?;
    }
    Ok(())
}

/// Nothing is drawn in plain output.
fn icon(mark: Mark, console: &Console) -> String {
    if console.plain { String::new() } else { format!("{} ", console.screen.icon(mark)) }
}

/// The files that were looked at; the tests are `test`'s business, and a conflict between policies has no files.
fn own_files(one: &Checked) -> usize {
    if one.source.root.is_empty() {
        return 0;
    }
    one.source.iter().filter(|(path, _)| !path.starts_with("tests/")).count() + one.source.problems.len()
}

fn standing(one: &Checked, named: bool, console: &Console) -> String {
    if let Some(name) = &one.settings {
        return if one.count(Level::Error) > 0 {
            let icon = icon(Mark::Bad, console);
            paint(BAD, format!("{icon}settings {name} NOT usable")) + "; the controller would not start with them"
        } else {
            let icon = icon(Mark::Good, console);
            paint(GOOD, format!("{icon}settings {name} usable"))
        };
    }
    let name = if named { format!(" {}", one.source.root) } else { String::new() };
    if one.count(Level::Error) > 0 {
        let icon = icon(Mark::Bad, console);
        return paint(BAD, format!("{icon}policy{name} NOT loadable"))
            + "; a running rollout would keep its last good one";
    }
    let digests: Vec<String> =
        one.policies.iter().map(|(environment, policy)| format!("{environment} {}", policy.digest.short())).collect();
    let icon = icon(Mark::Good, console);
    format!("{}: {}", paint(GOOD, format!("{icon}policy{name} loadable")), digests.join(", "))
}

/// One policy as programs read it.
#[derive(Serialize)]
struct One<'a> {
    path: &'a str,
    loadable: bool,
    digests: BTreeMap<&'a str, &'a str>,
    problems: Vec<Problem>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    origins: BTreeMap<&'a str, Vec<Origin<'a>>>,
}

/// Settings as programs read them.
#[derive(Serialize)]
struct OfSettings {
    path: String,
    usable: bool,
    problems: Vec<Problem>,
}

impl OfSettings {
    fn new(one: &Checked) -> Option<OfSettings> {
        let name = one.settings.as_ref()?;
        Some(OfSettings {
            path: crate::report::diagnostics::path(&one.source, name),
            usable: one.count(Level::Error) == 0,
            problems: one.diagnostics.iter().map(|diagnostic| Problem::new(diagnostic, &one.source)).collect(),
        })
    }
}

/// A value in force, and where it was written.
#[derive(Serialize)]
struct Origin<'a> {
    path: &'a str,
    value: &'a str,
    file: &'a str,
    line: u32,
}

impl Origin<'_> {
    fn new(value: &ValueOrigin) -> Origin<'_> {
        Origin { path: &value.path, value: &value.value, file: &value.file, line: value.line }
    }
}

impl One<'_> {
    fn new(one: &Checked, origins: bool) -> One<'_> {
        let of_all = one.origins.iter().filter(|_| origins);
        One {
            origins: of_all.map(|(name, values)| (name.as_str(), values.iter().map(Origin::new).collect())).collect(),
            path: &one.source.root,
            loadable: one.count(Level::Error) == 0,
            digests: one.policies.iter().map(|(name, policy)| (name.as_str(), policy.digest.as_str())).collect(),
            problems: one.diagnostics.iter().map(|diagnostic| Problem::new(diagnostic, &one.source)).collect(),
        }
    }
}

/// A line for each policy, as `test` has one for each suite; what the fixtures say comes last.
fn jsonl(all: &[Checked], evidence: &[String], origins: bool, console: &mut Console) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Evidence<'a> {
        evidence: &'a [String],
    }
    for one in all {
        match OfSettings::new(one) {
            Some(settings) => console.line(Envelope::new("check-settings", settings).line()?)?,
            None => console.line(Envelope::new("check", One::new(one, origins)).line()?)?,
        }
    }
    if !evidence.is_empty() {
        console.line(Envelope::new("evidence", Evidence { evidence }).line()?)?;
    }
    Ok(())
}

fn json(all: &[Checked], evidence: &[String], origins: bool, console: &mut Console) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Body<'a> {
        policies: Vec<One<'a>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        settings: Vec<OfSettings>,
        errors: usize,
        warnings: usize,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        evidence: &'a [String],
    }
    let body = Body {
        policies: all.iter().filter(|one| one.settings.is_none()).map(|one| One::new(one, origins)).collect(),
        settings: all.iter().filter_map(OfSettings::new).collect(),
        errors: all.iter().map(|one| one.count(Level::Error)).sum(),
        warnings: all.iter().map(|one| one.count(Level::Warning)).sum(),
        evidence,
    };
    console.line(Envelope::new("check", body).pretty()?)?;
    Ok(())
}
