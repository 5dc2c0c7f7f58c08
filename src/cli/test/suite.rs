//! One policy's own tests.

use std::sync::Arc;

use crate::cli::console::Console;
use crate::fixture::run::{RunOptions, run as play};
use crate::fixture::scenario::{PolicyTest, environments_of, read_tests};
use crate::fixture::{DataReport, InMemory};
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::source::{POLICY_FILE, PolicySource};
use crate::report::diagnostics::path;
use crate::report::outcomes::{At, Failure, Outcome, Outcomes, Suite};
use crate::report::position::Position;

use super::compile::compile;
use super::{Fired, Wanted, passed};

/// Runs the tests of `source`; its errors are shown before this fails.
pub(super) fn run(
    source: &PolicySource,
    wanted: &Wanted<'_>,
    all: &mut Outcomes,
    fired: &mut Fired,
    console: &mut Console,
) -> anyhow::Result<()> {
    let usual = compile(source, &crate::policy::PRODUCTION.into(), all, console)?;
    fired.know(&usual);
    let mut suite = Suite {
        path: source.root.clone(),
        about: format!("policy {} ({})", usual.rollout, usual.digest.short()),
        rollout: usual.rollout.to_string(),
        tests: Vec::new(),
    };
    let files = || source.iter().filter(|(file, _)| file.starts_with("tests/"));
    for (file, text) in files() {
        for environment in environments_of(text) {
            let policy = if environment.as_str() == crate::policy::PRODUCTION {
                Arc::clone(&usual)
            } else {
                compile(source, &environment, all, console)?
            };
            let (tests, diagnostics) = read_tests(file, text, &policy);
            if let Some(outcome) = unreadable(file, &diagnostics, source) {
                suite.tests.push(outcome);
            }
            for test in tests {
                if wanted.has(&test.scenario.name, all) {
                    suite.tests.push(one(test, &policy, source, fired)?);
                }
            }
        }
    }
    all.suites.push(suite);
    Ok(())
}

/// A test file with problems is a failed test: what is not read does not run.
pub(super) fn unreadable(file: &str, diagnostics: &[Diagnostic], source: &PolicySource) -> Option<Outcome> {
    if diagnostics.is_empty() {
        return None;
    }
    let failures = diagnostics.iter().map(|diagnostic| {
        let problem = format!("{} [{}]", diagnostic.message, diagnostic.code);
        Failure::unreadable(place(&diagnostic.primary.place, source), problem, diagnostic.help.clone())
    });
    let place = At::file(path(source, diagnostics.first().map_or("", |first| &first.primary.place.file)));
    Some(Outcome { name: format!("{file} can be read"), place, failures: failures.collect() })
}

fn one(test: PolicyTest, policy: &Arc<Policy>, source: &PolicySource, fired: &mut Fired) -> anyhow::Result<Outcome> {
    fired.begin(policy, false);
    let mut frames = InMemory::new(test.frames, DataReport::new(&policy.catalogue));
    let options = RunOptions::default();
    let run = play(&test.scenario, policy, &mut frames, &options, &mut |machine, _, output, _| {
        fired.look(machine, output);
    })?;
    let mut outcome = passed(test.scenario.name, place(&test.place, source));
    outcome.failures = run.failures.into_iter().map(|failure| worded(failure, source)).collect();
    Ok(outcome)
}

/// An unmet expectation as the report shows it.
pub(super) fn worded(failure: crate::fixture::observer::Failure, source: &PolicySource) -> Failure {
    let place = place(&failure.place, source);
    Failure { place, expected: failure.expected, got: failure.got, more: Vec::new() }
}

fn place(place: &crate::policy::diagnostic::Place, source: &PolicySource) -> At {
    let line = source.get(&place.file).map_or(1, |text| Position::of(text, place.span.start).line);
    At::line(path(source, &place.file), line)
}

/// A policy over which nothing ran fails: green must mean that something was looked at.
pub(super) fn without_tests(all: &mut Outcomes, fired: &Fired) {
    for suite in all.suites.iter_mut().filter(|suite| suite.tests.is_empty()) {
        if fired.ran(&suite.rollout) {
            continue;
        }
        suite.tests.push(Outcome {
            name: "has tests or fixtures".to_owned(),
            place: At::file(format!("{}/{POLICY_FILE}", suite.path)),
            failures: vec![Failure {
                place: At::file(format!("{}/tests", suite.path)),
                expected: "at least one test".to_owned(),
                got: "none, and no fixture replays it either".to_owned(),
                more: Vec::new(),
            }],
        });
    }
}
