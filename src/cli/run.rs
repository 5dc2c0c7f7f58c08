//! From the arguments of `replay`, `eval` and `explain` to a policy, recorded data and a start.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use jiff::tz::TimeZone;

use crate::fixture::names::Mapping;
use crate::fixture::open::{MAX_POINTS, ReadOptions, Recording};
use crate::model::ids::Environment;
use crate::model::snapshot::Snapshot;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::Policy;
use crate::report::replay::Replayed;
use crate::report::times::Times;
use crate::shell::files;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::policies;

pub mod session;
pub mod set;

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
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Start and end")]
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
    #[arg(long, value_name = "COUNT", help_heading = "Data")]
    pub assume_samples: Option<u64>,
    /// Refuse data with any problem: duplicates, gaps, unknown names
    #[arg(long, help_heading = "Data")]
    pub strict: bool,
    /// Points of a series-ordered file that may be loaded into memory
    #[arg(long, value_name = "COUNT", help_heading = "Data")]
    pub max_points: Option<u64>,
    /// Zone that times are shown in, as in Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE", value_parser = zone, help_heading = "Appearance")]
    pub tz: Option<TimeZone>,
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).map_err(|error| error.to_string())
}

fn duration(text: &str) -> Result<Duration, String> {
    Duration::parse(text).map_err(|error| error.to_string())
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
    /// The recordings, opened.
    pub recordings: Vec<Recording>,
    /// How they are read.
    pub reading: ReadOptions,
    /// As the user named them.
    pub names: Vec<String>,
    /// Where and when the rollout starts.
    pub start: Start,
    /// What was changed for this run.
    pub changed: Vec<String>,
}

/// Where and when a run starts and ends.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// Stage to start in; the first that exposes anybody when none.
    pub stage: Option<String>,
    /// Good time already served.
    pub bake: Duration,
    /// Comparison values, in the metrics' units.
    pub baseline: BTreeMap<String, f64>,
    /// Freeze comparison values from what was recorded before.
    pub baseline_until: Option<Time>,
    /// Leave out what was recorded before.
    pub from: Option<Time>,
    /// Leave out what was recorded after.
    pub to: Option<Time>,
    /// Start again after a roll back once all checks were clear that long.
    pub rearm: Option<Duration>,
}
