//! Plays a run's data through the machine, and words what was taken for granted.

use std::sync::{Arc, MutexGuard, PoisonError};

use crate::fixture::data::advice::advice;
use crate::fixture::data::open::{Format, open_all};
use crate::fixture::data::prefetch::prefetch;
use crate::fixture::run::{RunOptions, first_exposed, run};
use crate::fixture::score::score;
use crate::fixture::tracks::Watcher;
use crate::fixture::{DataError, DataReport, Frames, Moment};
use crate::model::ids::StageName;
use crate::model::time::Time;
use crate::report::layout::count;
use crate::report::replay::Head;

use super::tap::{Observed, Tap};
use super::{Played, Run, Sink};

impl Run {
    /// Plays all data; tells `sink` of every evaluation, and `watcher` of every frame.
    ///
    /// # Errors
    /// The data cannot be read.
    pub(crate) fn play(&mut self, watcher: Option<Watcher>, sink: &mut Sink<'_>) -> Result<Played, DataError> {
        let frames = self.frames()?;
        let frames: Box<dyn Frames> = match watcher {
            Some(watcher) => Box::new(watcher.watch(frames)),
            None => frames,
        };
        let (mut tap, observed) = Tap::new(frames, &self.policy);
        let recorded = &self.recorded;
        let options = RunOptions { rearm: recorded.rearm, from: recorded.from, until: recorded.to };
        let run = run(&self.scenario, &self.policy, &mut tap, &options, &mut |machine, at, output, _| {
            let newest: MutexGuard<'_, Observed> = observed.lock().unwrap_or_else(PoisonError::into_inner);
            sink(machine, at, output, &newest);
        })?;
        let label = self.label.as_ref().map(|label| {
            let done: Vec<Time> = run.rollbacks.iter().filter(|back| !back.would).map(|back| back.at).collect();
            score(&done, label, run.begins)
        });
        Ok(Played { run, score: label })
    }

    /// All data, in order of time; can be had once.
    pub(super) fn frames(&mut self) -> Result<Box<dyn Frames>, DataError> {
        let recordings = std::mem::take(&mut self.recordings);
        let catalogue = Arc::new(self.policy.catalogue.clone());
        Ok(Box::new(prefetch(open_all(recordings, &catalogue, &self.reading)?, self.recorded.to)?))
    }

    fn stage(&self) -> StageName {
        let named = self.scenario.start.stage.clone();
        let first = || first_exposed(&self.policy).map(|stage| stage.name.clone());
        named.or_else(first).unwrap_or_else(|| StageName::new("off"))
    }

    /// The head of a report, once the data was read.
    pub(crate) fn head(&self, played: &Played) -> Head {
        let report = &played.run.report;
        let (first, last) = (played.run.played.first, played.run.played.last);
        let mut notes = report.notes();
        notes.extend(self.unused(report));
        notes.extend(advice(&self.policy, report));
        notes.extend(report.tallies());
        Head {
            rollout: self.policy.rollout.to_string(),
            policy: self.policy.digest.short().to_owned(),
            environment: self.policy.environment.to_string(),
            shadow: self.policy.shadow,
            data: report.files.iter().map(|file| format!("{} ({})", file.name, file.format)).collect(),
            extent: extent(report, played.run.played.frames, first, last),
            first,
            last,
            assumed: self.assumed(),
            changed: self.changed.clone(),
            notes,
        }
    }

    /// Arguments about the data that nothing in it answers to.
    fn unused(&self, report: &DataReport) -> Vec<String> {
        let strange = self.reading.mapping.sources().filter(|source| !report.mapped.contains(source));
        let mut notes: Vec<String> = strange
            .map(|source| format!("nothing in the data is called `{source}`: its mapping did nothing"))
            .collect();
        let nameless = |name: &str| name == Format::Prometheus.name();
        if self.recorded.series.is_some() && !report.files.iter().any(|file| nameless(file.format)) {
            notes.push(
                "`--series` names the only series of a query_range answer, and there is none: it did nothing"
                    .to_owned(),
            );
        }
        notes
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
        if let Some(until) = start.baseline_until {
            let word = if matches!(until, Moment::After(_)) { "after " } else { "at " };
            assumed.push(format!("comparison values frozen {word}{until}"));
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

fn extent(report: &DataReport, frames: u64, first: Option<Time>, last: Option<Time>) -> String {
    let frames = count(usize::try_from(frames).unwrap_or(usize::MAX), "snapshot");
    let step = report.step.map(|step| format!(" every {step}")).unwrap_or_default();
    match (first, last) {
        (Some(first), Some(last)) => format!("{frames}{step}, {first} to {last}"),
        _ => frames,
    }
}
