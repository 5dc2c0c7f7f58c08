//! Two policies over one recording: where their decisions part, and which roll backs are lost, gained or moved.
//!
//! Both machines go side by side over one reading of the data. Up to the first difference they live in the same world;
//! what comes after it was recorded in the old policy's world and is open loop for the new one.

use std::sync::Arc;

use crate::fixture::data::advice::advice;
use crate::fixture::data::open::Recording;
use crate::fixture::run::{RolledBack, Run, RunOptions};
use crate::fixture::scenario::Scenario;
use crate::fixture::score::{Label, Quality, score};
use crate::fixture::timeline::render;
use crate::fixture::{DataError, ReadOptions};
use crate::model::ids::Environment;
use crate::model::time::Time;
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::{Diagnostic, Level};

use super::case::FixtureText;
use super::verdict::{Compared, Side, Standing};

mod lacking;
mod lockstep;
mod rollbacks;
mod streams;
mod track;

pub use lacking::lacking;
pub(crate) use track::Key;

/// Rows of a timeline that are kept; those after them are compared all the same.
pub const ROWS_KEPT: usize = 5_000;

/// Opens the recordings of a case from the beginning; called once for each reading.
pub type Source<'a> = Box<dyn Fn() -> Result<Vec<Recording>, DataError> + 'a>;

/// How one policy reads a recording, and where it starts in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// Where the rollout stands and who orders what; what is expected plays no part.
    pub scenario: Scenario,
    /// How the data is read.
    pub options: ReadOptions,
    /// Whether it went well, and when not.
    pub label: Option<Label>,
}

/// One recording, as both policies read it.
pub struct Case<'a> {
    /// Path of the fixture, or the name of the history file, as the user would write it.
    pub name: String,
    /// Its title; empty for history.
    pub title: String,
    /// In which environment.
    pub environment: Environment,
    /// The old policy's reading.
    pub before: Reading,
    /// The new policy's reading.
    pub after: Reading,
    /// Opens the data.
    pub source: Source<'a>,
}

/// A fixture that does not fit one of the two policies.
#[derive(Debug, Clone)]
pub struct Misfit {
    /// It does not fit the old one; otherwise the new one.
    pub old: bool,
    /// Why.
    pub problems: Vec<Diagnostic>,
}

/// How to compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CompareOptions {
    /// How much of the data, and whether a rolled back rollout starts again.
    pub run: RunOptions,
    /// Judge every recorded moment under both policies as well.
    pub per_step: bool,
}

impl Reading {
    /// Of a fixture under `policy`.
    ///
    /// # Errors
    /// `fixture.toml` names what the policy does not have. An expectation may: it plays no part here.
    pub fn of_fixture(fixture: &FixtureText, policy: &Policy) -> Result<Reading, Vec<Diagnostic>> {
        let (mut read, problems) = fixture.start_under(policy);
        if problems.iter().any(|problem| problem.level == Level::Error) {
            return Err(problems);
        }
        read.scenario.expectations = crate::fixture::expectation::Expectations::default();
        let options = FixtureText::reading(&read, policy);
        Ok(Reading { scenario: read.scenario, options, label: read.label })
    }

    /// Of data that nobody says anything about: it starts in the first stage that exposes anybody, every approval given.
    #[must_use]
    pub fn of_history(policy: &Policy) -> Reading {
        Reading {
            scenario: Scenario { approvals_assumed: true, ..Scenario::default() },
            options: ReadOptions { rollout: Some(policy.rollout.clone()), ..ReadOptions::default() },
            label: None,
        }
    }
}

impl<'a> Case<'a> {
    /// A fixture.
    ///
    /// # Errors
    /// It does not fit one of the policies.
    pub fn of_fixture(fixture: &'a FixtureText, old: &Policy, new: &Policy) -> Result<Case<'a>, Misfit> {
        let before = Reading::of_fixture(fixture, old).map_err(|problems| Misfit { old: true, problems })?;
        let after = Reading::of_fixture(fixture, new).map_err(|problems| Misfit { old: false, problems })?;
        Ok(Case {
            name: fixture.source.root.clone(),
            title: fixture.head.title.clone(),
            environment: new.environment.clone(),
            before,
            after,
            source: Box::new(|| Ok(fixture.recordings())),
        })
    }

    /// Recorded history, opened by `source`.
    #[must_use]
    pub fn of_history(name: impl Into<String>, old: &Policy, new: &Policy, source: Source<'a>) -> Case<'a> {
        Case {
            name: name.into(),
            title: String::new(),
            environment: new.environment.clone(),
            before: Reading::of_history(old),
            after: Reading::of_history(new),
            source,
        }
    }
}

/// What both policies make of one recording.
///
/// # Errors
/// The data cannot be read.
pub fn compare(
    case: &Case<'_>,
    old: &Arc<Policy>,
    new: &Arc<Policy>,
    options: &CompareOptions,
) -> Result<Compared, DataError> {
    let outcome = lockstep::play(case, old, new, options)?;
    let (was, is) = (&outcome.before, &outcome.after);
    let label = case.after.label.as_ref().or(case.before.label.as_ref());
    let matched = {
        // What is only said by a policy in shadow is no roll back beside one that acts.
        let both_shadow = old.shadow && new.shadow;
        let of = |run: &'_ Run| -> Vec<RolledBack> {
            run.acted().filter(|back| both_shadow || !back.would).cloned().collect()
        };
        let (was_back, is_back) = (of(was), of(is));
        let windows = incidents(label, was.begins);
        let incident = |at: Time| windows.iter().position(|(from, to)| (*from..=*to).contains(&at));
        // Inside and outside of an incident are two events. Without one that holds both, it is over once whoever
        // rolled back first has seen calm.
        let one_event = |was: &RolledBack, is: &RolledBack| match (incident(was.at), incident(is.at)) {
            (Some(was), Some(is)) => was == is,
            (None, None) if was.at <= is.at => !outcome.calms.0.between(was.at, is.at),
            (None, None) => !outcome.calms.1.between(is.at, was.at),
            _ => false,
        };
        rollbacks::matched(&was_back.iter().collect::<Vec<_>>(), &is_back.iter().collect::<Vec<_>>(), &one_event)
    };
    let gained: Vec<Time> = matched.gained.iter().map(|back| back.at).collect();
    let gained_false = label.map_or(0, |label| score(&gained, label, is.begins).false_alarms.len());
    let (alarms_gone, lost) = alarms_apart(matched.lost, label, was.begins);
    Ok(Compared {
        name: case.name.clone(),
        title: case.title.clone(),
        environment: case.environment.clone(),
        label: label.map(|label| label.quality),
        snapshots: was.played.frames.max(is.played.frames),
        begins: was.begins,
        standing: standing(was, is, outcome.differ),
        before: side(was, old, case.before.label.as_ref()),
        after: side(is, new, case.after.label.as_ref()),
        divergence: outcome.divergence,
        lost,
        alarms_gone,
        gained: matched.gained,
        gained_false,
        moved: matched.moved,
        per_step: outcome.per_step,
    })
}

/// The false alarms among `backs`, and the others, of a recording that begins at `begins`: without a label none is
/// known to be false.
pub(super) fn alarms_apart(
    backs: Vec<RolledBack>,
    label: Option<&Label>,
    begins: Time,
) -> (Vec<RolledBack>, Vec<RolledBack>) {
    let is_false =
        |back: &RolledBack| label.is_some_and(|label| !score(&[back.at], label, begins).false_alarms.is_empty());
    backs.into_iter().partition(is_false)
}

/// How far apart two runs are.
fn standing(was: &Run, is: &Run, differ: bool) -> Standing {
    if differ {
        return Standing::Decisions;
    }
    let same = was.rows_left_out == is.rows_left_out && words(was) == words(is);
    if same { Standing::Same } else { Standing::Findings }
}

/// The golden timeline, with columns as narrow as they can be: their width says nothing.
fn words(run: &Run) -> String {
    let text = render(&run.rows, run.begins);
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The incidents of a label, when the recording begins at `begins`.
fn incidents(label: Option<&Label>, begins: Time) -> Vec<(Time, Time)> {
    let bad = label.filter(|label| label.quality == Quality::Bad);
    bad.map_or_else(Vec::new, |label| {
        label.incidents.iter().map(|(from, to)| (from.on(begins), to.on(begins))).collect()
    })
}

fn side(run: &Run, policy: &Policy, label: Option<&Label>) -> Side {
    Side {
        policy: policy.digest.clone(),
        rows: run.rows.clone(),
        rows_left_out: run.rows_left_out.0,
        rollbacks: run.acted().cloned().collect(),
        counts: run.counts,
        score: label.map(|label| run.score(label)),
        ends_in: run.state.stage.clone(),
        lacking: lacking(run, policy),
        blind: run.blind.clone(),
        data: [run.report.notes(), advice(policy, &run.report), run.report.tallies()].concat(),
    }
}
