//! What the page of a review draws of a recording whose decisions change: both runs over time.

use std::sync::Arc;

use crate::fixture::data::open::open_all;
use crate::fixture::data::prefetch::prefetch;
use crate::fixture::run::{RunOptions, run};
use crate::fixture::score::Quality;
use crate::fixture::tracks::{Recorder, Tracks};
use crate::fixture::{DataError, Frames as _};
use crate::model::time::Time;
use crate::policy::compiled::Policy;

use super::compare::{Case, Reading};

/// One recording under both policies, for charts.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// The old policy.
    pub old: Arc<Policy>,
    /// The new one.
    pub new: Arc<Policy>,
    /// The old policy's run; none when nothing was played.
    pub before: Option<Tracks>,
    /// The new policy's run.
    pub after: Option<Tracks>,
    /// When the recording is known to have been bad.
    pub incidents: Vec<(Time, Time)>,
}

/// Plays a case once more under each policy and keeps what charts are drawn from. Worth its time only for recordings
/// that somebody will look at, so comparing does not do it by itself.
///
/// # Errors
/// The data cannot be read.
pub fn draw(case: &Case<'_>, old: &Arc<Policy>, new: &Arc<Policy>, options: &RunOptions) -> Result<Drawn, DataError> {
    let (before, _) = tracks(case, &case.before, old, options)?;
    let (after, begins) = tracks(case, &case.after, new, options)?;
    let label = case.after.label.as_ref().or(case.before.label.as_ref());
    let bad = label.filter(|label| label.quality == Quality::Bad);
    let incidents = bad.map_or(&[][..], |label| label.incidents.as_slice());
    let incidents = incidents.iter().map(|(from, to)| (from.on(begins), to.on(begins))).collect();
    Ok(Drawn { old: Arc::clone(old), new: Arc::clone(new), before, after, incidents })
}

fn tracks(
    case: &Case<'_>,
    reading: &Reading,
    policy: &Arc<Policy>,
    options: &RunOptions,
) -> Result<(Option<Tracks>, Time), DataError> {
    let catalogue = Arc::new(policy.catalogue.clone());
    let frames = prefetch(open_all((case.source)()?, &catalogue, &reading.options)?, options.until)?;
    let mut recorder = Recorder::new(policy);
    let mut frames = recorder.watcher().watch(Box::new(frames));
    let run = run(&reading.scenario, policy, &mut frames, options, &mut |machine, at, output, _| {
        recorder.note(machine, at, output);
    })?;
    frames.stop()?;
    Ok((recorder.finish(), run.begins))
}
