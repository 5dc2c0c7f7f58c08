//! `mutate`: which thresholds does no test pin?

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::ids::Environment;
use crate::policy::source::PolicySource;
use crate::policy::suggest::closest;
use crate::report::json::Envelope;
use crate::report::mutate::{self, Report};
use crate::review::case::FixtureText;
use crate::review::mutate::cases::{Played, Trouble};
use crate::review::mutate::judge::{Options, judge};
use crate::review::mutate::sites::{self, Found};
use crate::review::mutate::stub::{MUTANTS_FILE, appended};
use crate::review::mutate::{Assay, Tally};
use crate::shell::clock::Stopwatch;
use crate::shell::files;
use crate::shell::fixture::{FixtureError, load_fixture};
use crate::shell::write;

use super::console::Console;
use super::exit::Exit;
use super::failure::{self, Failure};
use super::global::{self, Output, WhichEnvironment};
use super::policies;
use super::run::fixture::policy_folder;

/// Name the thresholds that no test pins, with the tests that are missing.
///
/// Every number is moved by one both ways, every comparison turned round, every check left out, one at a time; then the
/// policy's tests and the fixtures that replay it are run. What none of them notices is pinned by nothing: somebody
/// could edit it, and everything would stay green.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate mutate                              every policy below here
  rollgate mutate policies/isolation --min 90  fail when less is pinned
  rollgate mutate --check isolation_score.p0   only this check
  rollgate mutate --why isolation_score.p0     which tests pin it
  rollgate mutate --stubs                      every test that is missing
  rollgate mutate --write-tests                append them, and judge again

Exit codes:
  4   the score is below --min, or a test fails already
  5   no tests")]
pub struct Mutate {
    /// Policies or trees of them, and fixtures [default: policies, else .; fixtures beside them]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only this check, stage (stages.canary) or table (baseline); may be repeated
    #[arg(long, value_name = "ID")]
    check: Vec<String>,
    /// Only what has this in its name: `isolation_score.p0 below`
    #[arg(short, long, value_name = "TEXT")]
    filter: Option<String>,
    /// List the tests and fixtures that pin this check, with what each would not let pass
    #[arg(long, value_name = "CHECK", conflicts_with_all = ["check", "filter", "write_tests"])]
    why: Option<String>,
    /// Fail when the score, in percent, is lower; 0 to 100
    #[arg(long, value_name = "PERCENT", value_parser = percent, allow_negative_numbers = true)]
    min: Option<f64>,
    /// Show every test that is missing, not only the first few
    #[arg(long)]
    stubs: bool,
    /// Append the tests that are missing to tests/mutants.toml beside the policy
    #[arg(long)]
    write_tests: bool,
    #[command(flatten)]
    environment: WhichEnvironment,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<Output>,
}

impl Mutate {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let stopwatch = Stopwatch::start();
        let (paths, folders) = self.named()?;
        let (mut assays, mut hindered, mut wrote) = (Vec::new(), None, Vec::new());
        let (mut unknown, mut after) = (BTreeSet::new(), Tally::default());
        for folder in &folders {
            match self.one(folder, &paths, &mut unknown, true, console) {
                Ok(Some(assay)) => {
                    let written = self.write(folder, &assay)?;
                    // What was written is judged as well: it has to be worth its lines.
                    let again = match &written {
                        Some(_) => self.one(folder, &paths, &mut unknown, false, console)?,
                        None => None,
                    };
                    after = after.and(Tally::of(&again.as_ref().unwrap_or(&assay).mutants));
                    wrote.extend(written);
                    assays.push(assay);
                }
                Ok(None) => {}
                Err(error) if failure::is_closed_pipe(&error) => return Err(error),
                Err(error) => {
                    super::complain(console, &error);
                    hindered = hindered.max(Some(failure::exit_of(&error)));
                }
            }
        }
        if assays.is_empty() {
            return match (hindered, self.unknown(&unknown)) {
                (Some(exit), _) => Ok(exit),
                (None, Some(failure)) => Err(failure.into()),
                (None, None) => Err(Failure::new(Exit::Nothing, "nothing to mutate has that name").into()),
            };
        }
        let mut report = Report::new(assays, self.min);
        report.after = if wrote.is_empty() { None } else { after.score() };
        report.wrote = wrote;
        report.took = stopwatch.elapsed();
        self.show(&report, console)?;
        let short = report.falls_short().then_some(Exit::ExpectationFailed);
        Ok(hindered.or(short).unwrap_or(Exit::Done))
    }

    /// The paths to look for fixtures in, and the policies. A path may hold fixtures only.
    fn named(&self) -> anyhow::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
        let only_fixtures = |path: &&PathBuf| {
            let fixtures = || files::find_fixtures(path).is_ok_and(|found| !found.is_empty());
            matches!(files::find_policies(path), Err(files::FindError::NoPolicy(_))) && fixtures()
        };
        let (fixtures, rest): (Vec<&PathBuf>, Vec<&PathBuf>) = self.paths.iter().partition(only_fixtures);
        let mut paths = policies::or_usual(&rest.into_iter().cloned().collect::<Vec<_>>());
        let folders = policies::find(&paths)?;
        paths.extend(fixtures.into_iter().cloned());
        Ok((paths, folders))
    }

    /// One policy; none when nothing of it was asked for.
    fn one(
        &self,
        folder: &Path,
        paths: &[PathBuf],
        unknown: &mut BTreeSet<String>,
        search: bool,
        console: &mut Console,
    ) -> anyhow::Result<Option<Assay>> {
        let source = files::load_policy(folder);
        let fixtures = fixtures(folder, paths, console)?;
        let only = self.environment.asked();
        let played = match Played::new(&source, &fixtures, only.as_ref()) {
            Ok(played) => played,
            Err(trouble) => return Err(refused(&trouble, &source, only.as_ref(), console)?.into()),
        };
        let all = sites::sites(&source, played.step);
        let found = self.asked_for(&all, &played);
        if found.is_empty() {
            unknown.extend(sites::subjects(&all).into_iter().map(str::to_owned));
            return Ok(None);
        }
        let total: usize = found.iter().map(|found| found.mutants.len().max(1)).sum();
        let bar = progress(console.watched, total);
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let options = Options { workers, all_killers: self.why.is_some(), search };
        let assay = judge(&played, &found, options, &|judged| bar.inc(judged as u64));
        bar.finish_and_clear();
        Ok(Some(assay))
    }

    fn asked_for(&self, all: &[Found], played: &Played<'_>) -> Vec<Found> {
        let only = self.environment.asked();
        let concerns = |found: &&Found| match (&only, &found.site.environment) {
            (Some(only), Some(environment)) => only == environment,
            _ => true,
        };
        let named: Vec<&String> = self.check.iter().chain(&self.why).collect();
        let mut found: Vec<Found> = if named.is_empty() {
            all.to_vec()
        } else {
            let policy = played.suites.first().map(|suite| &suite.policy);
            let of = |id: &&String| policy.map(|policy| sites::of_check(all, played.source, policy, id));
            named.iter().filter_map(of).flatten().collect()
        };
        found.retain(|found| concerns(&found));
        if let Some(filter) = &self.filter {
            found.retain(|found| found.site.name().contains(filter.as_str()));
        }
        found
    }

    fn unknown(&self, subjects: &BTreeSet<String>) -> Option<Failure> {
        let asked = self.check.iter().chain(&self.why).next()?;
        let failure = Failure::new(Exit::Usage, format!("nothing of the policy is called `{asked}`"));
        Some(match closest(asked, subjects.iter().map(String::as_str)) {
            Some(meant) => failure.help(format!("did you mean `{meant}`?")),
            None => failure.help(format!("there are {}", subjects.iter().cloned().collect::<Vec<_>>().join(", "))),
        })
    }

    fn write(&self, folder: &Path, assay: &Assay) -> anyhow::Result<Option<String>> {
        let path = folder.join(MUTANTS_FILE);
        let before = files::read_text(&path).unwrap_or_default();
        match appended(&before, assay).filter(|_| self.write_tests) {
            Some((text, tests)) => {
                write::put(&path, text.as_bytes())?;
                let count = crate::report::layout::count(tests, "test");
                Ok(Some(format!("{count} to {}", files::shown(&path))))
            }
            None => Ok(None),
        }
    }

    fn show(&self, report: &Report, console: &mut Console) -> anyhow::Result<()> {
        match (global::output(self.output, console.plain), &self.why) {
            (Output::Pretty, None) => {
                let stubs = match (self.stubs, report.wrote.is_empty()) {
                    (true, _) => usize::MAX,
                    (false, true) => mutate::STUBS,
                    (false, false) => 0,
                };
                console.print(mutate::pretty(report, stubs, console.screen))?;
            }
            (Output::Plain, None) => console.print(mutate::plain(report))?,
            (Output::Pretty, Some(subject)) => {
                for assay in &report.policies {
                    console.print(mutate::why(assay, subject, console.screen))?;
                }
            }
            (Output::Plain, Some(subject)) => {
                for assay in &report.policies {
                    console.print(mutate::why_plain(assay, subject))?;
                }
            }
            (Output::Json, _) => console.line(Envelope::new("mutate", report).pretty()?)?,
            (Output::Jsonl, _) => {
                for mutant in report.policies.iter().flat_map(|assay| &assay.mutants) {
                    console.line(Envelope::new("mutant", mutant).line()?)?;
                }
            }
        }
        Ok(())
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number =
        text.trim().trim_end_matches('%').parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
    number.ok_or_else(|| "write a percentage from 0 to 100".to_owned())
}

/// A bar for a person who watches; silent for everybody else.
fn progress(watched: bool, total: usize) -> ProgressBar {
    let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(total as u64), target);
    // The template is a constant; without it the line is only plainer.
    if let Ok(style) = ProgressStyle::with_template("{human_pos} of {human_len} mutants, {elapsed}") {
        bar.set_style(style);
    }
    bar
}

/// The fixtures that replay the policy in `folder`: of the paths given, and of the `fixtures` beside its tree.
fn fixtures(folder: &Path, paths: &[PathBuf], console: &mut Console) -> anyhow::Result<Vec<FixtureText>> {
    let own = files::absolute(folder);
    let mut roots: Vec<PathBuf> = paths.to_vec();
    let beside = own.ancestors().skip(1).map(|above| above.join("fixtures")).find(|fixtures| fixtures.is_dir());
    let near = PathBuf::from("fixtures");
    roots.extend(beside.map(|found| if files::absolute(&near) == found { near } else { found }));
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for root in roots {
        for path in files::find_fixtures(&root)? {
            if !seen.insert(files::absolute(&path)) {
                continue;
            }
            match load_fixture(&path) {
                Ok(text) if files::absolute(&policy_folder(&path, &text.head)) == own => found.push(text),
                Ok(_) => {}
                Err(FixtureError::Data(error)) => return Err(error.into()),
                Err(FixtureError::Toml(source, problems)) => {
                    for problem in &problems {
                        let text = policies::show(problem, &source, console);
                        console.say(text.trim_end())?;
                    }
                    let message = format!("fixture `{}` cannot be used", source.root);
                    return Err(Failure::new(Exit::DataUnreadable, message).into());
                }
            }
        }
    }
    found.sort_by(|a, b| a.source.root.cmp(&b.source.root));
    Ok(found)
}

/// Why nothing can be judged, problems shown before.
fn refused(
    trouble: &Trouble,
    source: &PolicySource,
    only: Option<&Environment>,
    console: &mut Console,
) -> anyhow::Result<Failure> {
    let root = &source.root;
    let before_all = "what is judged must hold before it can judge";
    Ok(match trouble {
        Trouble::Invalid(environment, problems) => {
            show_all(problems, source, console)?;
            Failure::new(Exit::PolicyInvalid, format!("`{root}` does not compile for {environment}"))
                .help(format!("see all of it with: rollgate check {root}"))
        }
        Trouble::Unreadable(problems) => {
            show_all(problems, source, console)?;
            let message = format!("tests of `{root}` cannot be read: {before_all}");
            Failure::new(Exit::ExpectationFailed, message).help(format!("see: rollgate test {root}"))
        }
        Trouble::Fixture(name, why) => {
            Failure::new(Exit::DataUnreadable, format!("fixture `{name}` cannot be read: {why}"))
        }
        Trouble::Failing(cases) => {
            let named: Vec<String> = cases.iter().map(|(name, why)| format!("\n  {name}\n    {why}")).collect();
            let fail = if cases.len() == 1 { "a test fails" } else { "tests fail" };
            let message = format!("{fail} before anything is mutated; {before_all}{}", named.concat());
            Failure::new(Exit::ExpectationFailed, message).help(format!("see: rollgate test {root}"))
        }
        Trouble::Nothing => {
            let where_ = only.map_or_else(String::new, |environment| format!(" for {environment}"));
            Failure::new(Exit::Nothing, format!("`{root}` has no tests and no fixtures{where_}"))
                .help("policy tests are tests/*.toml beside policy.toml; `rollgate init` writes some to start from")
        }
    })
}

fn show_all(
    problems: &[crate::policy::diagnostic::Diagnostic],
    source: &PolicySource,
    console: &mut Console,
) -> anyhow::Result<()> {
    for problem in problems {
        let text = policies::show(problem, source, console);
        console.say(text.trim_end())?;
    }
    Ok(())
}
