//! Plays a run's data through a machine that starts where the run says, and words what was taken for granted.

use std::sync::{Arc, MutexGuard, PoisonError};

use crate::engine::Machine;
use crate::fixture::fields::Moment;
use crate::fixture::open::open_all;
use crate::fixture::play::{Play, play};
use crate::fixture::prefetch::prefetch;
use crate::fixture::{DataError, DataReport, Frames};
use crate::model::frame::Frame;
use crate::model::ids::{Revision, StageName};
use crate::model::state::{Baseline, BaselineValue, RolloutState};
use crate::model::time::Time;
use crate::report::layout::count;
use crate::report::replay::Head;

use super::tap::{Observed, Tap};
use super::{Played, Run, Sink};

impl Run {
    /// Plays all data; tells `sink` of every evaluation.
    ///
    /// # Errors
    /// The data cannot be read.
    pub(super) fn play(&mut self, sink: &mut Sink<'_>) -> Result<Played, DataError> {
        let recordings = std::mem::take(&mut self.recordings);
        let catalogue = Arc::new(self.policy.catalogue.clone());
        let frames = open_all(recordings, &catalogue, &self.reading)?;
        let frames = AtFirst::new(Box::new(prefetch(frames)?), self.recorded.from)?;
        let begins = frames.begins();
        let (mut tap, observed) = Tap::new(Box::new(frames), Arc::clone(&self.policy));
        let mut machine = Machine::new(Arc::clone(&self.policy), self.state(begins.unwrap_or_default()));
        let options = Play {
            from: self.recorded.from,
            to: self.recorded.to,
            rearm: self.recorded.rearm,
            approvals_assumed: self.scenario.approvals_assumed,
        };
        let played = play(&mut machine, &mut tap, &options, &mut |machine, at, output, _| {
            let newest: MutexGuard<'_, Observed> = observed.lock().unwrap_or_else(PoisonError::into_inner);
            sink(machine, at, output, &newest);
        })?;
        Ok(Played { machine, report: tap.report().clone(), extent: played.extent, score: Vec::new() })
    }

    fn stage(&self) -> StageName {
        let exposed = || self.policy.stages.iter().find(|stage| !stage.is_unexposed());
        let named = self.scenario.start.stage.clone();
        named
            .or_else(|| exposed().or(self.policy.stages.first()).map(|stage| stage.name.clone()))
            .unwrap_or_else(|| StageName::new("off"))
    }

    /// Standing in the start stage since the first instant, its exposure confirmed.
    fn state(&self, begins: Time) -> RolloutState {
        let mut state = RolloutState::at_stage(self.stage(), begins);
        state.revision = Some(Revision::new("replay"));
        state.applied_at = Some(begins);
        state.generation = state.generation.next();
        state.bake = self.scenario.start.bake;
        state.policy = Some(self.policy.digest.clone());
        state.baselines = self.baselines(begins);
        state
    }

    fn baselines(&self, at: Time) -> Vec<Baseline> {
        let rules = &self.policy.baseline;
        let mut baselines = Vec::new();
        for (ix, median) in &self.scenario.start.baseline {
            let Some(metric) = self.policy.catalogue.metric(*ix) else { continue };
            for region in self.policy.catalogue.regions() {
                let (points, window) = (rules.min_points, rules.window);
                let value = BaselineValue::Known { median: *median, points, window, frozen_at: at };
                baselines.push(Baseline { metric: metric.name.clone(), region: region.clone(), value });
            }
        }
        baselines
    }

    /// The head of a report, once the data was read.
    pub(super) fn head(&self, played: &Played) -> Head {
        let report = &played.report;
        let (first, last) = (played.extent.map(|(first, _)| first), played.extent.map(|(_, last)| last));
        let mut notes = report.notes();
        for (problem, tally) in &report.problems {
            let place = tally.first.first().map(|spot| match spot.line {
                0 => format!(" (first: {})", spot.what),
                line => format!(" (first: line {line})"),
            });
            notes.push(format!("{} {problem}{}", tally.count, place.unwrap_or_default()));
        }
        Head {
            rollout: self.policy.rollout.to_string(),
            policy: self.policy.digest.short().to_owned(),
            environment: self.policy.environment.to_string(),
            shadow: self.policy.shadow,
            data: report.files.iter().map(|file| format!("{} ({})", file.name, file.format)).collect(),
            extent: extent(report, first, last),
            first,
            last,
            assumed: self.assumed(),
            changed: self.changed.clone(),
            notes,
        }
    }

    /// What the data does not say and was taken for granted.
    fn assumed(&self) -> Vec<String> {
        let start = &self.scenario.start;
        let chosen = if start.stage.is_some() { "" } else { ", the first that exposes anybody" };
        let baked = if start.bake.is_zero() { String::new() } else { format!(" with {} of bake served", start.bake) };
        let mut assumed = vec![format!("starts in stage {}{chosen}{baked}, at the first sample", self.stage())];
        let approvals = self.policy.stages.iter().any(|stage| stage.approvals.is_some());
        if approvals && self.scenario.approvals_assumed {
            assumed.push("every approval is given at once".to_owned());
        }
        if let Some(samples) = self.reading.assume_samples {
            assumed.push(format!("{samples} samples behind each reading without a count"));
        }
        if let Some(Moment::At(until)) = start.baseline_until {
            assumed.push(format!("comparison values frozen at {until}"));
        }
        for (ix, value) in &start.baseline {
            if let Some(metric) = self.policy.catalogue.metric(*ix) {
                assumed.push(format!("baseline of {} is {}", metric.name, metric.unit.show(*value)));
            }
        }
        if let Some(rearm) = self.recorded.rearm {
            assumed.push(format!("starts again after {rearm} of calm"));
        }
        assumed
    }
}

fn extent(report: &DataReport, first: Option<Time>, last: Option<Time>) -> String {
    let frames = count(usize::try_from(report.frames).unwrap_or(usize::MAX), "snapshot");
    let step = report.step.map(|step| format!(" every {step}")).unwrap_or_default();
    match (first, last) {
        (Some(first), Some(last)) => format!("{frames}{step}, {first} to {last}"),
        _ => frames,
    }
}

/// Frames whose first instant is known before they are played.
struct AtFirst {
    inner: Box<dyn Frames>,
    first: Option<Frame>,
}

impl AtFirst {
    /// Reads up to the first frame at or after `from`.
    fn new(mut inner: Box<dyn Frames>, from: Option<Time>) -> Result<AtFirst, DataError> {
        let mut frame = Frame::default();
        while inner.next_frame(&mut frame)? {
            if from.is_none_or(|from| frame.time >= from) {
                return Ok(AtFirst { inner, first: Some(frame) });
            }
        }
        Ok(AtFirst { inner, first: None })
    }

    fn begins(&self) -> Option<Time> {
        self.first.as_ref().map(|frame| frame.time)
    }
}

impl Frames for AtFirst {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, DataError> {
        match self.first.take() {
            Some(first) => {
                *frame = first;
                Ok(true)
            }
            None => self.inner.next_frame(frame),
        }
    }

    fn report(&self) -> &DataReport {
        self.inner.report()
    }
}
