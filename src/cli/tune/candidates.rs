//! Every value worked into the policy, compiled, and played over every recording.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::policies;
use crate::fixture::data::advice::uncounted;
use crate::fixture::run::RunOptions;
use crate::fixture::score::Quality;
use crate::model::ids::{CheckId, Environment, MetricName};
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::{Diagnostic, Level};
use crate::policy::set;
use crate::report::layout::count;
use crate::report::tune::Recordings;
use crate::review::compare::{Reading, lacking};
use crate::review::sweep::grid::{Value, is_same};
use crate::review::sweep::{Gathered, Point, Recorded, play as play_one};
use crate::shell::data::open_recording;

use super::recordings::Found;
use super::subject::{Subject, lasts};

/// How to play.
pub(super) struct Options {
    pub(super) run: RunOptions,
    /// Sample count of readings in the history that carry none.
    pub(super) assume_samples: Option<u64>,
}

/// What came of all of it.
pub(super) struct Played {
    pub(super) points: Vec<Point>,
    pub(super) recordings: Recordings,
    pub(super) notes: Vec<String>,
}

/// One value's policies, by environment, or why there are none.
struct Candidate {
    policies: Result<BTreeMap<Environment, Arc<Policy>>, String>,
    warns: Vec<String>,
}

pub(super) fn play(
    subject: &Subject,
    key: &str,
    values: &[Value],
    found: &Found,
    environments: &[Environment],
    options: &Options,
    console: &mut Console,
) -> anyhow::Result<Played> {
    let check = CheckId::new(subject.check());
    let candidates: Vec<Candidate> =
        values.iter().map(|value| candidate(subject, key, &value.text, environments)).collect();
    let mut sweep = Sweep {
        check,
        candidates: &candidates,
        gathered: vec![Gathered::default(); values.len()],
        recordings: Recordings::default(),
        notes: found.notes.clone(),
        several: false,
        options: &options.run,
        lacking: BTreeMap::new(),
    };
    for fixture in &found.fixtures {
        let environment = environments.iter().find(|one| **one == fixture.head.environment);
        let Some(environment) = environment.or(environments.first()) else { continue };
        let policy = policies::compile(&subject.source, environment, console)?;
        let reading = match Reading::of_fixture(fixture, &policy) {
            Ok(reading) => reading,
            Err(problems) => {
                for problem in &problems {
                    let text = policies::show(problem, &fixture.source, console);
                    console.say(text.trim_end())?;
                }
                let message = format!("fixture `{}` does not fit the policy", fixture.source.root);
                return Err(Failure::new(Exit::DataUnreadable, message).into());
            }
        };
        let source = Box::new(|| Ok(fixture.recordings()));
        sweep.add(&fixture.source.root, environment, &Recorded { reading, source })?;
    }
    for path in &found.history {
        let policy = policies::compile(&subject.source, &found.usual, console)?;
        let source = Box::new(move || Ok(vec![open_recording(path, None)?]));
        let mut reading = Reading::of_history(&policy);
        reading.options.assume_samples = options.assume_samples;
        sweep.add(path, &found.usual, &Recorded { reading, source })?;
    }
    sweep.played(subject, key, values)
}

/// The policy with one value, in every environment.
fn candidate(subject: &Subject, key: &str, value: &str, environments: &[Environment]) -> Candidate {
    let (mut policies, mut warns) = (BTreeMap::new(), Vec::new());
    for environment in environments {
        let before = crate::policy::compile(&subject.source, environment).diagnostics;
        let mut source = subject.source.clone();
        // The check was found before; in an environment without it there is nothing to change.
        let _old = set::set(&mut source, environment, subject.check(), key, value);
        let compiled = crate::policy::compile(&source, environment);
        let error = compiled.diagnostics.iter().find(|diagnostic| diagnostic.level == Level::Error);
        match (compiled.policy, error) {
            (Some(policy), None) => policies.insert(environment.clone(), Arc::new(policy)),
            (_, error) => return Candidate { policies: Err(sentence(error)), warns },
        };
        let known =
            |warning: &&Diagnostic| before.iter().any(|old| old.code == warning.code && same_check(old, warning));
        for warning in compiled.diagnostics.iter().filter(|warning| !known(warning)) {
            let code = warning.code.to_string();
            if !warns.contains(&code) {
                warns.push(code);
            }
        }
    }
    Candidate { policies: Ok(policies), warns }
}

/// Whether two warnings are about the same: places move with the text, sentences with the value.
fn same_check(one: &Diagnostic, other: &Diagnostic) -> bool {
    let first = |text: &str| text.split('`').nth(1).map(str::to_owned);
    first(&one.message) == first(&other.message)
}

fn sentence(error: Option<&Diagnostic>) -> String {
    error.map_or_else(|| "it does not compile".to_owned(), |error| format!("{} [{}]", error.message, error.code))
}

/// A sweep on its way.
struct Sweep<'a> {
    check: CheckId,
    candidates: &'a [Candidate],
    gathered: Vec<Gathered>,
    recordings: Recordings,
    notes: Vec<String>,
    /// Some recording holds several incidents.
    several: bool,
    options: &'a RunOptions,
    /// By metric: how many recordings lack it, and the first of them.
    lacking: BTreeMap<MetricName, (usize, String)>,
}

impl Sweep<'_> {
    /// Plays one recording under every value that compiles.
    fn add(&mut self, name: &str, environment: &Environment, recorded: &Recorded<'_>) -> anyhow::Result<()> {
        match &recorded.reading.label {
            None => self.recordings.unlabelled += 1,
            Some(label) if label.quality == Quality::Good => self.recordings.good += 1,
            Some(label) => {
                self.recordings.bad += 1;
                self.recordings.incidents += label.incidents.len().max(1);
                self.several |= label.incidents.len() > 1;
            }
        }
        let policies: Vec<(usize, Arc<Policy>)> = self
            .candidates
            .iter()
            .enumerate()
            .filter_map(|(at, candidate)| Some((at, Arc::clone(candidate.policies.as_ref().ok()?.get(environment)?))))
            .collect();
        let only: Vec<Arc<Policy>> = policies.iter().map(|(_, policy)| Arc::clone(policy)).collect();
        let runs = play_one(recorded, &only, self.options)?;
        if let (Some(run), Some(policy)) = (runs.first(), only.first()) {
            if run.played.frames == 0 {
                self.notes.push(format!("`{name}` holds no snapshot that the policy reads"));
            }
            for (metric, _) in lacking(run, policy) {
                self.lacking.entry(metric).or_insert_with(|| (0, name.to_owned())).0 += 1;
            }
            if recorded.reading.label.is_none()
                && let Some(note) = uncounted(policy, &run.report)
            {
                self.notes.push(format!("`{name}`: {note}"));
            }
        }
        for ((at, _), run) in policies.iter().zip(&runs) {
            if let Some(gathered) = self.gathered.get_mut(*at) {
                gathered.add(run, &recorded.reading, &self.check);
            }
        }
        Ok(())
    }

    fn played(mut self, subject: &Subject, key: &str, values: &[Value]) -> anyhow::Result<Played> {
        if self.recordings.incidents == 0 && self.recordings.good == 0 {
            let message = match self.recordings.unlabelled {
                0 => "there is no recording to tune on".to_owned(),
                unlabelled => {
                    format!("{} and no label: nobody says which roll backs are right", count(unlabelled, "recording"))
                }
            };
            let help = "a fixture says whether its release was good, and when it was not:\n  [label]\n  verdict = \
                        \"bad\"\n  incidents = [{ from = \"40m\", to = \"75m\" }]";
            return Err(Failure::new(Exit::Nothing, message).help(help).into());
        }
        if self.several && self.options.rearm.is_none() {
            self.notes.push(
                "a recording with several incidents: after the first roll back nothing is left to roll back; start again \
                 with --rearm 30m"
                    .to_owned(),
            );
        }
        for (metric, (recordings, first)) in &self.lacking {
            self.notes.push(match recordings {
                1 => format!("`{first}` has no {metric}: unknown all along"),
                several => format!("{several} recordings have no {metric}, `{first}` the first: unknown all along"),
            });
        }
        let current = subject.value(key);
        let point = |((value, candidate), gathered): ((&Value, &Candidate), &Gathered)| Point {
            value: value.text.clone(),
            at: value.at,
            current: current.is_some_and(|current| is_same(current, &value.text, lasts(key))),
            outcome: candidate.policies.is_ok().then(|| gathered.outcome()),
            refused: candidate.policies.as_ref().err().cloned(),
            warns: candidate.warns.clone(),
        };
        let points = values.iter().zip(self.candidates).zip(&self.gathered).map(point).collect();
        Ok(Played { points, recordings: self.recordings, notes: self.notes })
    }
}
