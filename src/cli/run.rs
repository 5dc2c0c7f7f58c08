//! From the arguments of `replay`, `eval` and `explain` to a policy, recorded data and a start.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use jiff::tz::TimeZone;

use crate::engine::{Machine, Output};
use crate::fixture::data::names::Mapping;
use crate::fixture::data::open::{Format, MAX_POINTS};
use crate::fixture::data::prometheus::SeriesName;
use crate::fixture::scenario::{Scenario, Start};
use crate::fixture::score::{Label, Score};
use crate::fixture::{DataError, Moment, ReadOptions, Recording};
use crate::model::frame::MetricIx;
use crate::model::ids::{Environment, StageName};
use crate::model::literal::Literal;
use crate::model::snapshot::Snapshot;
use crate::model::time::{Duration, Time};
use crate::model::units::Unit;
use crate::policy::compiled::Policy;
use crate::policy::source::PolicySource;
use crate::report::replay::Replayed;
use crate::report::times::Times;
use crate::review::compare::Reading;
use crate::shell::data::open_recording;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::global::WhichEnvironment;
use super::policies;
use tap::Observed;

mod drive;
pub(crate) mod fixture;
pub(crate) mod gather;
#[cfg(feature = "live")]
pub(crate) mod live;
mod progress;
pub mod session;
pub mod set;
pub(crate) mod tap;

/// How recorded data is read, and where the rollout starts.
#[derive(Debug, Clone, Default, Args)]
pub struct Recorded {
    /// Leave out what was recorded before
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Start and end")]
    pub from: Option<Time>,
    /// Leave out what was recorded after
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Start and end")]
    pub to: Option<Time>,
    /// Stage to start in [default: the first that exposes anybody]
    #[arg(long, value_name = "NAME", help_heading = "Start and end")]
    pub stage: Option<String>,
    /// After a roll back, start again once all checks were clear that long
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, help_heading = "Start and end")]
    pub rearm: Option<Duration>,
    /// Change one value of the policy for this run; may be given again
    #[arg(long, value_name = "CHECK.KEY=VALUE", help_heading = "Policy")]
    pub set: Vec<String>,
    /// Comparison value frozen before the rollout; may be given again
    #[arg(long, value_name = "METRIC=VALUE", help_heading = "Policy")]
    pub baseline: Vec<String>,
    /// Freeze comparison values from what was recorded before this time
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "baseline", help_heading = "Policy")]
    pub baseline_until: Option<Time>,
    /// Rename and convert what the data calls otherwise; may be given again
    #[arg(long, value_name = "NAME[/GROUP]=METRIC[/GROUP][:UNIT]", help_heading = "Data")]
    pub map: Vec<String>,
    /// Metric of a recording whose only series has no name
    #[arg(long, value_name = "METRIC[/GROUP]", help_heading = "Data")]
    pub series: Option<String>,
    /// Sample count of readings that carry none
    #[arg(long, value_name = "COUNT", value_parser = whole, allow_negative_numbers = true, help_heading = "Data")]
    pub assume_samples: Option<u64>,
    /// Refuse data with any problem: duplicates, gaps, unknown names
    #[arg(long, help_heading = "Data")]
    pub strict: bool,
    /// Points of a series-ordered file that may be loaded into memory
    #[arg(long, value_name = "COUNT", value_parser = whole, allow_negative_numbers = true, help_heading = "Data")]
    pub max_points: Option<u64>,
    /// Zone that times are shown in, as in Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE", value_parser = zone, help_heading = "Appearance")]
    pub tz: Option<TimeZone>,
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).map_err(|error| error.to_string())
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    Duration::parse(text).map_err(|error| error.to_string())
}

/// A count on the command line.
pub(super) fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a count; write a whole number, as 1000"))
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| format!("no zone is called `{text}`; write it as Europe/Berlin"))
}

impl Recorded {
    /// How the times of a replay are shown.
    #[must_use]
    pub fn times(&self, replayed: &Replayed) -> Times {
        let end = Time::from_millis(0);
        self.times_between(replayed.head.first.unwrap_or(end), replayed.head.last.unwrap_or(end))
    }

    /// How times between two instants are shown.
    #[must_use]
    pub fn times_between(&self, first: Time, last: Time) -> Times {
        Times::between(self.tz.clone().unwrap_or(TimeZone::UTC), first, last)
    }
}

/// Which evaluations become rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Those that changed the answer, its deciding reason, or moved the rollout.
    Changes,
    /// All of them.
    Every,
}

/// Everything a run needs.
pub struct Run {
    /// The policy, with `--set` worked in.
    pub policy: Arc<Policy>,
    recordings: Vec<Recording>,
    reading: ReadOptions,
    scenario: Scenario,
    label: Option<Label>,
    changed: Vec<String>,
    recorded: Recorded,
}

/// What came of a run.
pub(crate) struct Played {
    /// All of it.
    pub(crate) run: crate::fixture::run::Run,
    /// How the roll backs compare with the label, for a labelled fixture.
    pub(crate) score: Option<Score>,
}

/// What a run tells of each evaluation: the machine, when, what came of it, and the newest readings.
pub(crate) type Sink<'a> = dyn FnMut(&Machine, Time, &Output, &Observed) + 'a;

impl Run {
    /// From the arguments: the policy compiled with `--set` worked in, the recordings opened.
    ///
    /// # Errors
    /// The policy does not compile, a recording cannot be opened, or an argument names what is not there.
    pub fn prepare(
        policy: &Path,
        data: &[String],
        environment: &WhichEnvironment,
        recorded: &Recorded,
        console: &mut Console,
    ) -> anyhow::Result<Run> {
        if let (Some(from), Some(to)) = (recorded.from, recorded.to)
            && from > to
        {
            return Err(Failure::new(Exit::Usage, format!("`--from {from}` is later than `--to {to}`")).into());
        }
        if let [only] = data
            && fixture::Folder::is_one(Path::new(only))
        {
            return Run::of_fixture(policy, Path::new(only), environment, recorded, console);
        }
        let series = recorded.series.as_deref().map(SeriesName::parse);
        let recordings: Vec<Recording> =
            data.iter().map(|path| open_recording(path, series.clone())).collect::<Result<_, _>>()?;
        let (policy, changed) = compile_with(policy, &environment.get(), &recorded.set, console)?;
        Run::of_recordings(policy, changed, recordings, recorded)
    }

    /// From a fixture's directory: its data, its start and its label, and what the arguments say otherwise.
    fn of_fixture(
        policy: &Path,
        path: &Path,
        environment: &WhichEnvironment,
        recorded: &Recorded,
        console: &mut Console,
    ) -> anyhow::Result<Run> {
        let folder = fixture::Folder::read(path, console)?;
        let environment = environment.asked().unwrap_or_else(|| folder.head.environment.clone());
        let (policy, changed) = compile_with(policy, &environment, &recorded.set, console)?;
        let read = folder.against(&policy, console)?;
        let mut reading = fixture::Folder::reading(&read, &policy);
        reading.strict = recorded.strict;
        reading.assume_samples = recorded.assume_samples.or(reading.assume_samples);
        reading.max_points = recorded.max_points.unwrap_or(reading.max_points);
        mapping(recorded, &policy, &mut reading.mapping)?;
        let mut scenario = read.scenario;
        if let Some(name) = &recorded.stage {
            scenario.start.stage = Some(stage(&policy, name)?);
        }
        for given in &recorded.baseline {
            let (metric, value) = baseline(&policy, given)?;
            scenario.start.baseline.insert(metric, value);
        }
        if let Some(until) = recorded.baseline_until {
            scenario.start.baseline_until = Some(Moment::At(until));
        }
        let recordings = folder.recordings()?;
        let recorded = recorded.clone();
        Ok(Run { policy, recordings, reading, scenario, label: read.label, changed, recorded })
    }

    /// From a policy and data in memory.
    ///
    /// # Errors
    /// The policy does not compile, or an argument names what is not there.
    pub(crate) fn of_text(
        source: &PolicySource,
        name: &str,
        data: &str,
        recorded: &Recorded,
        console: &mut Console,
    ) -> anyhow::Result<Run> {
        let policy = policies::compile(source, &crate::policy::PRODUCTION.into(), console)?;
        Run::of_recordings(policy, Vec::new(), vec![Recording::from_bytes(name, data)], recorded)
    }

    /// From one snapshot, given as a line of NDJSON.
    ///
    /// # Errors
    /// The policy does not compile, or an argument names what is not there.
    pub fn of_snapshot(
        policy: &Path,
        name: &str,
        line: String,
        environment: &Environment,
        recorded: &Recorded,
        console: &mut Console,
    ) -> anyhow::Result<Run> {
        // A snapshot is a recording of one line whatever its file is called.
        let recording = Recording { format: Some(Format::Ndjson), ..Recording::from_bytes(name, line) };
        let (policy, changed) = compile_with(policy, environment, &recorded.set, console)?;
        Run::of_recordings(policy, changed, vec![recording], recorded)
    }

    fn of_recordings(
        policy: Arc<Policy>,
        changed: Vec<String>,
        recordings: Vec<Recording>,
        recorded: &Recorded,
    ) -> anyhow::Result<Run> {
        let Reading { scenario, options, label } = history_reading(recorded, &policy)?;
        Ok(Run { reading: options, scenario, policy, recordings, label, changed, recorded: recorded.clone() })
    }
}

/// How `policy` reads data that is no fixture, and where it starts in it.
///
/// # Errors
/// An argument names what the policy does not have.
pub(crate) fn history_reading(recorded: &Recorded, policy: &Policy) -> Result<Reading, Failure> {
    let mut rules = Mapping::default();
    mapping(recorded, policy, &mut rules)?;
    let start = Start {
        stage: recorded.stage.as_ref().map(|name| stage(policy, name)).transpose()?,
        baseline: recorded.baseline.iter().map(|given| baseline(policy, given)).collect::<Result<_, _>>()?,
        baseline_until: recorded.baseline_until.map(Moment::At),
        ..Start::default()
    };
    Ok(Reading {
        scenario: Scenario { start, approvals_assumed: true, ..Scenario::default() },
        options: ReadOptions {
            strict: recorded.strict,
            assume_samples: recorded.assume_samples,
            max_points: recorded.max_points.unwrap_or(MAX_POINTS),
            mapping: rules,
            rollout: Some(policy.rollout.clone()),
            environment: None,
        },
        label: None,
    })
}

/// The one policy at `path` with values changed.
fn compile_with(
    path: &Path,
    environment: &Environment,
    sets: &[String],
    console: &mut Console,
) -> anyhow::Result<(Arc<Policy>, Vec<String>)> {
    let mut source = policies::load_one(path)?;
    let as_written = (!sets.is_empty()).then(|| source.clone());
    let changed = sets.iter().map(|wanted| set::set(&mut source, environment, wanted)).collect::<Result<_, _>>()?;
    let policy = policies::compile(&source, environment, console).map_err(|error| match as_written {
        Some(before) if crate::policy::compile(&before, environment).policy.is_some() => {
            let message = format!("`{}` does not compile with --set {}", source.root, sets.join(" --set "));
            let help = "give another value; the file is as it was, and the line above is how it would be";
            Failure::new(Exit::PolicyInvalid, message).help(help).into()
        }
        _ => error,
    })?;
    Ok((policy, changed))
}

/// The rules of `--map`, added to `rules`: wrong ones are wrong usage, whatever the data is.
fn mapping(recorded: &Recorded, policy: &Policy, rules: &mut Mapping) -> Result<(), Failure> {
    let refuse = |error: DataError| Failure::new(Exit::Usage, format!("`--map`: {error}"));
    let mut own = Mapping::default();
    for rule in &recorded.map {
        own.add(rule).map_err(refuse)?;
        rules.add(rule).map_err(refuse)?;
    }
    own.fits(&policy.catalogue).map_err(|error| {
        let known: Vec<&str> = policy.catalogue.metrics().iter().map(|metric| metric.name.as_str()).collect();
        refuse(error).help(format!("metrics of this policy: {}", known.join(", ")))
    })
}

fn stage(policy: &Policy, name: &str) -> Result<StageName, Failure> {
    let known = || policy.stages.iter().map(|stage| stage.name.as_str());
    match known().find(|known| *known == name) {
        Some(name) => Ok(StageName::new(name)),
        None => Err(Failure::new(Exit::Usage, format!("no stage is called `{name}`"))
            .help(format!("stages of this policy: {}", known().collect::<Vec<_>>().join(", ")))),
    }
}

/// `METRIC=VALUE`, the value with its unit or bare in the metric's own.
fn baseline(policy: &Policy, given: &str) -> Result<(MetricIx, f64), Failure> {
    let refuse = |why: String| Failure::new(Exit::Usage, format!("`--baseline {given}`: {why}"));
    let (name, value) = given.split_once('=').ok_or_else(|| refuse("write METRIC=VALUE".to_owned()))?;
    let ix = policy.catalogue.find(name).ok_or_else(|| {
        let known: Vec<&str> = policy.catalogue.metrics().iter().map(|metric| metric.name.as_str()).collect();
        refuse(format!("no metric is called `{name}`")).help(format!("metrics of this policy: {}", known.join(", ")))
    })?;
    let unit = policy.catalogue.metric(ix).map_or(Unit::Number, |metric| metric.unit);
    let literal = Literal::parse(value).map_err(|error| refuse(error.to_string()))?;
    literal.in_unit(unit).map(|value| (ix, value)).map_err(|error| refuse(error.to_string()))
}

/// A snapshot's JSON on one line; refused here when it is none, with the reason.
///
/// # Errors
/// Not a snapshot.
pub fn one_line(text: &str, name: &str) -> anyhow::Result<String> {
    let refuse = |error: serde_json::Error| {
        let why = if text.trim().is_empty() { "it is empty".to_owned() } else { error.to_string() };
        let failure = Failure::new(Exit::DataUnreadable, format!("`{name}` is not a snapshot: {why}"));
        failure.help(r#"a snapshot is {"time": "2026-11-01T00:00:00Z", "groups": {"treatment": {"error_rate": 0.2}}}"#)
    };
    let snapshot: Snapshot = serde_json::from_str(text).map_err(refuse)?;
    Ok(serde_json::to_string(&snapshot)? + "\n")
}
