//! `test`: the policies' own tests, and fixtures against their policies.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use crate::fixture::directory::FIXTURE_FILE;
use crate::policy::source::POLICY_FILE;
use crate::report::ci::{Format, of_test};
use crate::report::json::Envelope;
use crate::report::outcomes::{self, At, Outcome, Outcomes};
use crate::shell::clock::Stopwatch;
use crate::shell::files;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::global::{self, AnyOutput, Output};
use super::{policies, watching};

pub(crate) mod compile;
pub(crate) mod fired;
pub(crate) mod fixtures;
mod suite;

use compile::goes_on;
use fired::Fired;

/// Run the policies' own tests, and fixtures against their policies.
///
/// A test that cannot fail fails: one that expects nothing, names a check that does not exist, or expects something
/// after its data ends. A policy without tests and fixtures fails too.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate test                          policies and fixtures below here
  rollgate test policies/isolation --watch
  rollgate test --filter \"under 95%\"
  rollgate test fixtures --bless         write the timelines that reviewers read")]
pub struct Test {
    /// Policies, fixtures, or trees of them [default: policies and fixtures, else .]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only tests whose names contain this
    #[arg(short, long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write the golden timelines of fixtures instead of comparing with them
    #[arg(long)]
    bless: bool,
    /// Test again on every change
    #[arg(long)]
    watch: bool,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<AnyOutput>,
}

impl Test {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let paths = usual(&self.paths);
        if self.watch {
            return watching::again(&paths, console, &mut |console| self.once(&paths, console));
        }
        self.once(&paths, console)
    }

    fn once(&self, paths: &[PathBuf], console: &mut Console) -> anyhow::Result<Exit> {
        let stopwatch = Stopwatch::start();
        let shape = global::any_output(self.output, console.plain);
        console.annotates = shape == AnyOutput::Ci(Format::Github);
        let mut fired = Fired::default();
        let mut all = Outcomes::default();
        let (policy_folders, fixture_folders) = find(paths)?;
        let wanted = Wanted { filter: self.filter.as_deref(), bless: self.bless };
        let mut hindered = None;
        for folder in &policy_folders {
            let ran = suite::run(&files::load_policy(folder), &wanted, &mut all, &mut fired, console);
            hindered = hindered.max(goes_on(ran, files::shown(folder), POLICY_FILE, &mut all, console)?);
        }
        for folder in &fixture_folders {
            let ran = fixtures::run(folder, &wanted, &mut all, &mut fired, console);
            hindered = hindered.max(goes_on(ran, files::shown(folder), FIXTURE_FILE, &mut all, console)?);
        }
        let ran: usize = all.suites.iter().map(|suite| suite.tests.len()).sum();
        if hindered.is_none()
            && (policy_folders.is_empty() && fixture_folders.is_empty() || (ran == 0 && all.filtered == 0))
        {
            return Err(nothing(paths).into());
        }
        if self.filter.is_none() {
            suite::without_tests(&mut all, &fired);
            all.notes.extend(fired.notes());
        } else {
            all.suites.retain(|suite| !suite.tests.is_empty());
        }
        all.took = stopwatch.elapsed();
        show(&all, shape, console)?;
        Ok(match (hindered, all.failed(), all.passed()) {
            (Some(exit), ..) => exit,
            (None, 0, 0) => Exit::Nothing,
            (None, 0, _) => Exit::Done,
            (None, ..) => Exit::ExpectationFailed,
        })
    }
}

fn show(all: &Outcomes, shape: AnyOutput, console: &mut Console) -> anyhow::Result<()> {
    match shape {
        AnyOutput::Own(Output::Pretty) => console.print(outcomes::pretty(all, console.screen))?,
        AnyOutput::Own(Output::Plain) => console.print(outcomes::plain(all))?,
        AnyOutput::Own(Output::Json) => console.line(Envelope::new("test", all).pretty()?)?,
        AnyOutput::Own(Output::Jsonl) => {
            for suite in &all.suites {
                console.line(Envelope::new("test", suite).line()?)?;
            }
        }
        AnyOutput::Ci(format) => super::ci::print(of_test(all), format, console)?,
    }
    Ok(())
}

/// Which tests, and whether golden files are written.
pub(crate) struct Wanted<'a> {
    pub(crate) filter: Option<&'a str>,
    pub(crate) bless: bool,
}

impl Wanted<'_> {
    /// Whether a test of this name is to be run; counts it when not.
    pub(crate) fn has(&self, name: &str, all: &mut Outcomes) -> bool {
        let has = self.filter.is_none_or(|filter| name.contains(filter));
        all.filtered += usize::from(!has);
        has
    }
}

/// A test that held.
pub(crate) const fn passed(name: String, place: At) -> Outcome {
    Outcome { name, place, failures: Vec::new() }
}

fn nothing(paths: &[PathBuf]) -> Failure {
    let names: Vec<String> = paths.iter().map(|path| format!("`{}`", files::shown(path))).collect();
    Failure::new(Exit::Nothing, format!("nothing to test in {}", names.join(", ")))
        .help("policy tests are tests/*.toml beside policy.toml; `rollgate init` writes some to start from")
}

/// The paths given, or where policies and fixtures usually are.
fn usual(paths: &[PathBuf]) -> Vec<PathBuf> {
    if !paths.is_empty() {
        return paths.to_vec();
    }
    let usual: Vec<PathBuf> =
        ["policies", "fixtures"].into_iter().map(PathBuf::from).filter(|path| path.is_dir()).collect();
    if usual.is_empty() { vec![PathBuf::from(".")] } else { usual }
}

/// The policies and the fixtures at the paths, each once.
fn find(paths: &[PathBuf]) -> anyhow::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut found_policies, mut found_fixtures) = (Vec::new(), BTreeSet::new());
    for path in paths {
        found_fixtures.extend(files::find_fixtures(path)?);
        match policies::find(std::slice::from_ref(path)) {
            Ok(found) => found_policies.extend(found),
            Err(error) if matches!(error.downcast_ref(), Some(files::FindError::NoPolicy(_))) => {}
            Err(error) => return Err(error),
        }
    }
    found_policies.dedup();
    Ok((found_policies, found_fixtures.into_iter().collect()))
}
