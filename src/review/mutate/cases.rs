//! Everything that could notice a mutant: the policy's tests and the fixtures that replay it, read and played once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::fixture::directory::EXPECT_FILE;
use crate::fixture::observer::Failure;
use crate::fixture::play::Sink;
use crate::fixture::run::{Run, RunOptions, run};
use crate::fixture::scenario::{Scenario, environments_of, read_tests};
use crate::fixture::timeline::{Change, Row, render};
use crate::fixture::{DataError, DataReport, Frames};
use crate::model::decision::Answer;
use crate::model::frame::{Catalogue, Frame, Group};
use crate::model::ids::{CheckId, Environment, Region, StageName};
use crate::model::severity::Severity;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::{Diagnostic, Level};
use crate::policy::source::PolicySource;
use crate::policy::{self, PRODUCTION};
use crate::review::case::FixtureText;

/// Where a case is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// A file of the policy's tests.
    Test(Arc<str>),
    /// A fixture, by its place in the list.
    Fixture(usize),
}

/// One test or fixture, ready to be played again and again.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name, as a person would look for it.
    pub name: String,
    /// Where it is written.
    pub from: From,
    /// Where it starts, and what must come of it.
    pub scenario: Scenario,
    /// Its readings.
    pub frames: Arc<[Frame]>,
    /// How it goes, when a golden timeline says so.
    pub golden: Option<Vec<Step>>,
    /// The checks that it moves or asks about: they are likely to be pinned by it.
    pub touches: BTreeSet<CheckId>,
    /// The stages it is in.
    pub stages: BTreeSet<StageName>,
}

/// A golden timeline's row without its wording.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    time: Time,
    standing: Standing,
    changes: Vec<Change>,
    told: usize,
}

type Standing = (StageName, Option<Severity>, Answer, Option<StageName>, Option<Region>, bool);

/// What a timeline says in more than words. A row that differs from the one before only in its reason is none.
#[must_use]
pub fn steps(rows: &[Row]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for row in rows {
        let standing = (row.stage.clone(), row.severity, row.answer, row.to.clone(), row.region.clone(), row.would);
        let quiet = row.changes.is_empty() && row.told.is_empty();
        if quiet && steps.last().is_some_and(|last| last.standing == standing) {
            continue;
        }
        steps.push(Step { time: row.time, standing, changes: row.changes.clone(), told: row.told.len() });
    }
    steps
}

/// What test and fixture files name. While a mutant has the same names, they need not be read again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Names {
    catalogue: Catalogue,
    groups: Vec<Group>,
    checks: Vec<CheckId>,
    stages: Vec<StageName>,
}

impl Names {
    pub(super) fn of(policy: &Policy) -> Names {
        let mut checks: Vec<CheckId> = policy.checks.iter().map(|check| check.id.clone()).collect();
        checks.sort();
        Names {
            catalogue: policy.catalogue.clone(),
            groups: policy.metrics.iter().map(|rules| rules.group).collect(),
            checks,
            stages: policy.stages.iter().map(|stage| stage.name.clone()).collect(),
        }
    }

    /// Whether readings land in the same slots.
    pub(super) fn same_slots(&self, other: &Names) -> bool {
        self.catalogue == other.catalogue && self.groups == other.groups
    }
}

/// The cases of one environment with the policy they hold for.
#[derive(Debug)]
pub struct Suite {
    /// Which.
    pub environment: Environment,
    /// The policy as written.
    pub policy: Arc<Policy>,
    /// In order of file and place.
    pub cases: Vec<Case>,
    pub(super) names: Names,
    pub(super) report: DataReport,
}

/// Why nothing can be judged.
#[derive(Debug)]
pub enum Trouble {
    /// The policy does not compile for an environment.
    Invalid(Environment, Vec<Diagnostic>),
    /// A test, or a fixture's expectations, cannot be read.
    Unreadable(Vec<Diagnostic>),
    /// A fixture cannot be read; its name and why.
    Fixture(String, String),
    /// Cases that fail already: their names, with the first thing that did not hold.
    Failing(Vec<(String, String)>),
    /// There are no cases at all.
    Nothing,
}

/// A policy with its cases, played once.
#[derive(Debug)]
pub struct Played<'s> {
    /// The policy's files.
    pub source: &'s PolicySource,
    /// The fixtures that name it.
    pub fixtures: &'s [FixtureText],
    /// By environment: production first.
    pub suites: Vec<Suite>,
    /// The environments without a case, with their policies.
    pub silent: Vec<Arc<Policy>>,
    /// The smallest usual distance between readings: by how much lengths of time are moved.
    pub step: Duration,
}

impl<'s> Played<'s> {
    /// Reads and plays everything; `only` one environment when it is given.
    ///
    /// # Errors
    /// Something cannot be read, fails already, or there is nothing.
    pub fn new(
        source: &'s PolicySource,
        fixtures: &'s [FixtureText],
        only: Option<&Environment>,
    ) -> Result<Played<'s>, Trouble> {
        let mut environments = policy::environments(source);
        environments.sort_by_key(|environment| environment.as_str() != PRODUCTION);
        let mut played = Played { source, fixtures, suites: Vec::new(), silent: Vec::new(), step: Duration::MAX };
        for environment in environments.into_iter().filter(|name| only.is_none_or(|only| only == name)) {
            let compiled = policy::compile(source, &environment);
            let Some(policy) = compiled.policy.map(Arc::new) else {
                return Err(Trouble::Invalid(environment, errors(compiled.diagnostics)));
            };
            let (cases, problems) = read(source, fixtures, &policy)?;
            if !problems.is_empty() {
                return Err(Trouble::Unreadable(problems));
            }
            if cases.is_empty() {
                played.silent.push(policy);
                continue;
            }
            let (names, report) = (Names::of(&policy), DataReport::new(&policy.catalogue));
            played.suites.push(Suite { environment, policy, cases, names, report });
        }
        if played.suites.is_empty() {
            return Err(Trouble::Nothing);
        }
        played.play()?;
        Ok(played)
    }

    fn play(&mut self) -> Result<(), Trouble> {
        let (mut failing, mut least) = (Vec::new(), Duration::MAX);
        for suite in &mut self.suites {
            for case in &mut suite.cases {
                least = least.min(usual_step(&case.frames));
                match case.play(&suite.policy, &suite.report) {
                    Ok(run) => failing.extend(case.learn(&run, self.fixtures).map(|why| (case.name.clone(), why))),
                    Err(error) => failing.push((case.name.clone(), error.to_string())),
                }
            }
        }
        self.step = if least == Duration::MAX { Duration::from_mins(1) } else { least };
        if failing.is_empty() { Ok(()) } else { Err(Trouble::Failing(failing)) }
    }

    /// How many tests, and how many fixtures.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        let all = || self.suites.iter().flat_map(|suite| &suite.cases);
        let tests = all().filter(|case| matches!(case.from, From::Test(_))).count();
        (tests, all().count() - tests)
    }
}

impl Case {
    /// Plays it on `policy`.
    ///
    /// # Errors
    /// Readings in memory cannot fail; the signature is the data's.
    pub fn play(&self, policy: &Arc<Policy>, report: &DataReport) -> Result<Run, DataError> {
        self.play_watched(policy, report, &mut |_, _, _, _| {})
    }

    /// The same, with somebody told of every output.
    pub(super) fn play_watched(
        &self,
        policy: &Arc<Policy>,
        report: &DataReport,
        watch: &mut Sink<'_>,
    ) -> Result<Run, DataError> {
        let mut frames = Shared { frames: Arc::clone(&self.frames), at: 0, report: report.clone() };
        run(&self.scenario, policy, &mut frames, &RunOptions::default(), watch)
    }

    /// Takes note of how it goes on the policy as written; says what did not hold.
    fn learn(&mut self, run: &Run, fixtures: &[FixtureText]) -> Option<String> {
        self.touches.extend(run.rows.iter().flat_map(|row| &row.changes).map(|change| change.check.clone()));
        let wanted = self.scenario.expectations.expect.iter().map(|expectation| &expectation.wanted);
        let never = self.scenario.expectations.never.iter().map(|never| &never.wanted);
        for wanted in wanted.chain(never) {
            self.touches.extend(wanted.because.iter().cloned());
            self.touches.extend(wanted.states.iter().map(|(check, _)| check.clone()));
        }
        self.stages.extend(run.rows.iter().map(|row| row.stage.clone()));
        if let From::Fixture(at) = self.from
            && let Some(golden) = fixtures.get(at).and_then(FixtureText::golden)
        {
            let is = render(&run.rows, run.begins);
            if !golden.split_whitespace().eq(is.split_whitespace()) {
                return Some("it no longer goes as in timeline.txt".to_owned());
            }
            self.golden = Some(steps(&run.rows));
        }
        run.failures.first().map(worded)
    }

    /// Whether `run` is one that this case would not have let pass.
    pub(super) fn notices(&self, run: &Run) -> bool {
        !run.failures.is_empty() || self.golden.as_ref().is_some_and(|golden| *golden != steps(&run.rows))
    }
}

fn worded(failure: &Failure) -> String {
    format!("expected {}; got {}", failure.expected, failure.got)
}

/// Frames that many runs read at once.
struct Shared {
    frames: Arc<[Frame]>,
    at: usize,
    report: DataReport,
}

impl Frames for Shared {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, DataError> {
        let Some(next) = self.frames.get(self.at) else { return Ok(false) };
        self.at += 1;
        frame.time = next.time;
        frame.exposure = next.exposure;
        frame.cells.clone_from(&next.cells);
        Ok(true)
    }

    fn report(&self) -> &DataReport {
        &self.report
    }
}

/// The distance that most readings have from the one before.
fn usual_step(frames: &[Frame]) -> Duration {
    let mut gaps: BTreeMap<Duration, usize> = BTreeMap::new();
    for pair in frames.windows(2) {
        if let [one, next] = pair {
            *gaps.entry(next.time.since(one.time)).or_default() += 1;
        }
    }
    gaps.into_iter().max_by_key(|(_, count)| *count).map_or(Duration::MAX, |(gap, _)| gap)
}

fn errors(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.into_iter().filter(|diagnostic| diagnostic.level == Level::Error).collect()
}

/// Every case of the policy's environment that can be read, and what is wrong with the others.
pub(super) fn read(
    source: &PolicySource,
    fixtures: &[FixtureText],
    policy: &Arc<Policy>,
) -> Result<(Vec<Case>, Vec<Diagnostic>), Trouble> {
    let (mut cases, mut problems) = (Vec::new(), Vec::new());
    for (file, text) in source.iter().filter(|(file, _)| file.starts_with("tests/")) {
        if !environments_of(text).contains(&policy.environment) {
            continue;
        }
        let (tests, wrong) = read_tests(file, text, policy);
        problems.extend(wrong);
        cases.extend(tests.into_iter().map(|test| Case {
            name: format!("{file}: {}", test.scenario.name),
            from: From::Test(Arc::clone(file)),
            scenario: test.scenario,
            frames: test.frames.into(),
            golden: None,
            touches: BTreeSet::new(),
            stages: BTreeSet::new(),
        }));
    }
    for (at, fixture) in fixtures.iter().enumerate().filter(|(_, one)| one.head.environment == policy.environment) {
        let name = &fixture.source.root;
        let (read, wrong) = fixture.against(policy);
        if let Some(problem) = wrong.first() {
            problems.push(problem.clone());
            continue;
        }
        let frames = all_frames(fixture, &read, policy).map_err(|why| Trouble::Fixture(name.clone(), why))?;
        if fixture.source.get(EXPECT_FILE).is_none() && fixture.golden().is_none() {
            continue;
        }
        cases.push(Case {
            name: name.clone(),
            from: From::Fixture(at),
            scenario: read.scenario,
            frames,
            golden: None,
            touches: BTreeSet::new(),
            stages: BTreeSet::new(),
        });
    }
    Ok((cases, problems))
}

fn all_frames(
    text: &FixtureText,
    fixture: &crate::fixture::directory::Fixture,
    policy: &Policy,
) -> Result<Arc<[Frame]>, String> {
    let mut reader = text.frames(fixture, policy).map_err(|error| error.to_string())?;
    let (mut frames, mut frame) = (Vec::new(), Frame::default());
    while reader.next_frame(&mut frame).map_err(|error| error.to_string())? {
        frames.push(std::mem::take(&mut frame));
    }
    Ok(frames.into())
}
