//! A policy's own tests, run before it may come into force, in a thread of their own that ends with its budget.
//!
//! They are the tests that `rollgate test` runs, for every environment they are about: what a pull request would not
//! pass does not come into force either.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::fixture::run::{RunOptions, run};
use crate::fixture::scenario::{PolicyTest, environments_of, read_tests};
use crate::fixture::{DataError, DataReport, Frames, InMemory};
use crate::model::frame::Frame;
use crate::model::ids::Environment;
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::source::PolicySource;

/// What came of the tests.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// How many ran.
    pub(super) ran: usize,
    /// What did not hold, one sentence each.
    pub(super) failures: Vec<String>,
    /// What is wrong with the files of the tests.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The budget was spent before they ended.
    pub(super) late: bool,
}

/// Runs the tests of `source`, whose policy for its environment is `policy`.
pub(super) fn trial(source: &PolicySource, policy: &Arc<Policy>, budget: Duration) -> Outcome {
    if !source.iter().any(|(file, _)| file.starts_with("tests/")) {
        return Outcome::default();
    }
    let over = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = sync_channel(1);
    let (its_source, its_policy, its_over) = (source.clone(), Arc::clone(policy), Arc::clone(&over));
    let started = std::thread::Builder::new().name("policy tests".to_owned()).spawn(move || {
        // Nobody listens any more once the budget is spent.
        drop(sender.send(run_all(&its_source, &its_policy, &its_over)));
    });
    let failed = |why: String| Outcome { failures: vec![why], ..Outcome::default() };
    if let Err(error) = started {
        return failed(format!("its tests could not be run: {error}"));
    }
    match receiver.recv_timeout(budget) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => {
            over.store(true, Ordering::Relaxed);
            let why =
                format!("its tests took longer than {} ms, their budget (reload.tests_budget)", budget.as_millis());
            Outcome { late: true, ..failed(why) }
        }
        Err(RecvTimeoutError::Disconnected) => failed("its tests ended without a result".to_owned()),
    }
}

fn run_all(source: &PolicySource, policy: &Arc<Policy>, over: &AtomicBool) -> Outcome {
    let mut outcome = Outcome::default();
    let mut policies: BTreeMap<Environment, Arc<Policy>> =
        BTreeMap::from([(policy.environment.clone(), Arc::clone(policy))]);
    for (file, text) in source.iter().filter(|(file, _)| file.starts_with("tests/")) {
        for environment in environments_of(text) {
            let Some(policy) = of_environment(&mut policies, source, &environment) else {
                outcome
                    .failures
                    .push(format!("{file}: it does not compile for {environment}, which its tests are about"));
                continue;
            };
            let (tests, diagnostics) = read_tests(file, text, &policy);
            outcome.diagnostics.extend(diagnostics);
            for test in tests {
                one(test, &policy, over, &mut outcome);
                if over.load(Ordering::Relaxed) {
                    return outcome;
                }
            }
        }
    }
    outcome
}

fn of_environment(
    policies: &mut BTreeMap<Environment, Arc<Policy>>,
    source: &PolicySource,
    environment: &Environment,
) -> Option<Arc<Policy>> {
    if let Some(policy) = policies.get(environment) {
        return Some(Arc::clone(policy));
    }
    let policy = Arc::new(crate::policy::compile(source, environment).policy?);
    policies.insert(environment.clone(), Arc::clone(&policy));
    Some(policy)
}

fn one(test: PolicyTest, policy: &Arc<Policy>, over: &AtomicBool, outcome: &mut Outcome) {
    let mut frames = UntilOver { frames: InMemory::new(test.frames, DataReport::new(&policy.catalogue)), over };
    outcome.ran += 1;
    match run(&test.scenario, policy, &mut frames, &RunOptions::default(), &mut |_, _, _, _| {}) {
        Ok(run) => outcome.failures.extend(run.failures.into_iter().map(|failure| {
            let name = &test.scenario.name;
            format!("test `{name}`: expected {}, got {}", failure.expected, failure.got)
        })),
        Err(error) => outcome.failures.push(format!("test `{}`: {error}", test.scenario.name)),
    }
}

/// Readings that end when the budget does.
struct UntilOver<'o> {
    frames: InMemory,
    over: &'o AtomicBool,
}

impl Frames for UntilOver<'_> {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, DataError> {
        Ok(!self.over.load(Ordering::Relaxed) && self.frames.next_frame(frame)?)
    }

    fn report(&self) -> &DataReport {
        self.frames.report()
    }
}
