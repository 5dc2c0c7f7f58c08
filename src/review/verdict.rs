//! What two policies make of the same recordings.

use serde::Serialize;

use crate::fixture::blind::Blind;
use crate::fixture::run::{Counts, RolledBack};
use crate::fixture::score::{Quality, Score};
use crate::fixture::timeline::Row;
use crate::model::decision::Decision;
use crate::model::ids::{CheckId, Environment, MetricName, Region, StageName};
use crate::model::time::{Duration, Time};

/// How far apart the two policies are on one recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// The timelines are the same, word for word.
    Same,
    /// The same decisions at the same times, but the golden timeline changes: a finding's state, or its wording.
    Findings,
    /// A decision differs.
    Decisions,
}

/// What one of the two policies made of a recording.
#[derive(Debug, Clone)]
pub struct Side {
    /// Its digest.
    pub policy: crate::model::ids::Digest,
    /// One row per change, as in the golden timeline.
    pub rows: Vec<Row>,
    /// Rows that a very long recording has beyond those kept; compared, not shown.
    pub rows_left_out: u64,
    /// The roll backs it decided.
    pub rollbacks: Vec<RolledBack>,
    /// How many evaluations gave which answer.
    pub counts: Counts,
    /// How it compares with the label; none without one.
    pub score: Option<Score>,
    /// Where the rollout ends.
    pub ends_in: StageName,
    /// Metrics that the recording does not carry and a check of this policy reads, with how many evaluations lacked
    /// them: unknown all along, never silently passed over.
    pub lacking: Vec<(MetricName, u64)>,
    /// How much of it could not be judged, and why.
    pub blind: Blind,
    /// What was met in the data: bad lines, names that no metric has.
    pub data: Vec<String>,
}

/// The first moment at which the answers differ. What comes after it was recorded in a world that the other policy
/// would have left: it is open loop.
#[derive(Debug, Clone)]
pub struct Divergence {
    /// When.
    pub at: Time,
    /// The number of the snapshot, from one.
    pub snapshot: u64,
    /// What the old policy decided.
    pub before: Decision,
    /// What the new policy decided.
    pub after: Decision,
    /// The check whose finding differs, as it is in the new policy; in the old one when it is gone.
    pub check: Option<CheckId>,
}

/// A roll back that both decide, at different times.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    /// When the old policy rolled back.
    pub before: Time,
    /// When the new one does.
    pub after: Time,
    /// The check that decides in the new one.
    pub check: Option<CheckId>,
    /// The one region; all when none.
    pub region: Option<Region>,
}

impl Moved {
    /// How much later; negative when earlier.
    #[must_use]
    pub fn later_by(&self) -> i64 {
        self.after.as_millis().saturating_sub(self.before.as_millis())
    }
}

/// Recorded moments judged under both policies, the state re-entered from the old one's run at each: no open loop.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PerStep {
    /// Moments judged.
    pub judged: u64,
    /// Moments at which the answers differ.
    pub differ: u64,
    /// Of those, moments at which only the new policy rolls back.
    pub rolls_back_now: u64,
    /// Of those, moments at which only the old policy rolled back.
    pub rolled_back_before: u64,
    /// The first few of them: when, the answers, the deciding reasons.
    pub first: Vec<Step>,
}

/// One recorded moment on which the two disagree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// When.
    pub at: Time,
    /// The recorded stage.
    pub stage: StageName,
    /// What the old policy decides there, as `HOLD: isolation_score 94.7% is below 99%`.
    pub before: String,
    /// What the new one does.
    pub after: String,
}

/// One recording under both policies.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Path of the fixture, or the name of the history file, as the user would write it.
    pub name: String,
    /// Its title; empty for history.
    pub title: String,
    /// In which environment.
    pub environment: Environment,
    /// Good or bad; none when nobody said.
    pub label: Option<Quality>,
    /// Snapshots played.
    pub snapshots: u64,
    /// The instant it begins.
    pub begins: Time,
    /// How far apart they are.
    pub standing: Standing,
    /// The old policy's run.
    pub before: Side,
    /// The new policy's run.
    pub after: Side,
    /// The first moment at which they differ; none when they never do.
    pub divergence: Option<Divergence>,
    /// Roll backs of the old policy that the new one does not decide at all, and that somebody will miss.
    pub lost: Vec<RolledBack>,
    /// False alarms of the old policy that the new one does not raise: roll backs outside of any incident of a labelled
    /// recording. No loss.
    pub alarms_gone: Vec<RolledBack>,
    /// Roll backs of the new policy that the old one did not decide.
    pub gained: Vec<RolledBack>,
    /// Of the gained ones, those outside of any incident of a labelled recording.
    pub gained_false: usize,
    /// Roll backs that both decide, at different times.
    pub moved: Vec<Moved>,
    /// Every recorded moment judged under both, when that was asked for.
    pub per_step: Option<PerStep>,
}

/// Labelled recordings under one policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Incidents of bad releases.
    pub incidents: usize,
    /// Incidents that were caught.
    pub caught: usize,
    /// Good releases.
    pub good: usize,
    /// Good releases that were rolled back.
    pub stopped: usize,
    /// Median time from an incident's beginning to the roll back; none when nothing was caught. Of two policies beside
    /// each other it is taken over the incidents that both catch: losing the slowest one is no improvement.
    pub median_to_stop: Option<Duration>,
}
