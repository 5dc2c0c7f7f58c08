//! One bound or duration of one check at many values, over labelled recordings: what would each have caught, and whom
//! would it have stopped for nothing?

use std::sync::Arc;

use serde::Serialize;

use crate::fixture::data::open::open_all;
use crate::fixture::data::prefetch::prefetch;
use crate::fixture::run::{Run, RunOptions, Running};
use crate::fixture::{DataError, Frames as _};
use crate::model::frame::Frame;
use crate::model::ids::CheckId;
use crate::model::time::Duration;
use crate::policy::compiled::Policy;

use super::compare::{Reading, Source};
use super::tally::Scores;
use super::verdict::Tally;

pub mod evidence;
pub mod grid;

/// A recording, as every value's policy reads it.
pub struct Recorded<'a> {
    /// Where it starts, how it is read, its label.
    pub reading: Reading,
    /// Opens the data.
    pub source: Source<'a>,
}

/// One value of the sweep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// As it would be written: `94.5%`.
    pub value: String,
    /// On a number line.
    #[serde(skip)]
    pub at: f64,
    /// The value in force.
    pub current: bool,
    /// What came of it; none when the policy does not compile with it.
    pub outcome: Option<Outcome>,
    /// Why it does not compile, in the compiler's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What `check` warns of with this value, and not with the one in force: codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warns: Vec<String>,
}

/// What came of all recordings under one value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Incidents caught, good releases stopped, median time to stop.
    #[serde(flatten)]
    pub tally: Tally,
    /// Roll backs outside of any incident, on good and on bad releases.
    pub false_alarms: usize,
    /// The longest that a caught incident went on.
    pub worst_to_stop: Option<Duration>,
    /// Roll backs that the check itself decided, on labelled recordings.
    pub decided: usize,
    /// Roll backs on recordings without a label: right or wrong, nobody said.
    pub unlabelled: usize,
}

impl Outcome {
    /// What two values must share to do equally well.
    #[must_use]
    pub const fn quality(&self) -> (usize, usize, usize) {
        (self.tally.caught, self.tally.stopped, self.false_alarms)
    }
}

/// Outcomes in the making, one per policy.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    scores: Scores,
    decided: usize,
    unlabelled: usize,
}

impl Gathered {
    /// Adds one run.
    pub fn add(&mut self, run: &Run, reading: &Reading, check: &CheckId) {
        let rollbacks = run.acted().count();
        let Some(label) = &reading.label else {
            self.unlabelled += rollbacks;
            return;
        };
        self.scores.add(label.quality, &run.score(label), rollbacks);
        self.decided += run.acted().filter(|back| back.check.as_ref() == Some(check)).count();
    }

    /// All of it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        Outcome {
            tally: self.scores.tally(),
            false_alarms: self.scores.false_alarms(),
            worst_to_stop: self.scores.worst_to_stop(),
            decided: self.decided,
            unlabelled: self.unlabelled,
        }
    }
}

/// Runs every policy over one recording, all of them side by side over one reading.
///
/// # Errors
/// The data cannot be read.
pub fn play(recorded: &Recorded<'_>, policies: &[Arc<Policy>], options: &RunOptions) -> Result<Vec<Run>, DataError> {
    let Some(first) = policies.first() else { return Ok(Vec::new()) };
    // A bound numbers no metric anew; should something else do so, each policy has a reading of its own.
    if policies.iter().any(|policy| policy.catalogue != first.catalogue) {
        let alone = policies.iter().map(|policy| play(recorded, std::slice::from_ref(policy), options));
        return Ok(alone.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect());
    }
    let catalogue = Arc::new(first.catalogue.clone());
    let opened = open_all((recorded.source)()?, &catalogue, &recorded.reading.options)?;
    let mut frames = prefetch(opened, options.until)?;
    let scenario = &recorded.reading.scenario;
    let mut runs: Vec<Running<'_>> =
        policies.iter().map(|policy| Running::new(scenario, policy, options).keeping(0)).collect();
    let mut frame = Frame::default();
    while frames.next_frame(&mut frame)? {
        for run in &mut runs {
            run.step(&frame, &mut |_, _, _, _| {});
        }
    }
    let report = frames.report();
    Ok(runs.into_iter().map(|run| run.finish(report.clone())).collect())
}
