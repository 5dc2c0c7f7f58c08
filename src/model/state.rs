//! The durable state of a rollout: always and only a fold of its events (`engine::fold`).
//!
//! Runs, windows and last readings are not here: they are evidence, rebuilt from recorded snapshots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::{Actor, CheckId, Digest, Generation, MetricName, Region, Revision, Role, StageName};
use super::reading::Unknown;
use super::time::{Duration, Time};

/// Where a rollout stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolloutState {
    /// What is being rolled out; none before the first start.
    pub revision: Option<Revision>,
    /// The current stage.
    pub stage: StageName,
    /// When it was entered.
    pub entered_at: Time,
    /// When the stage's exposure was confirmed applied; bake starts here.
    pub applied_at: Option<Time>,
    /// Grows with every change of exposure.
    pub generation: Generation,
    /// Good time served in this stage, as of the last record.
    pub bake: Duration,
    /// The last stage was reached and its bake served.
    pub complete: bool,
    /// Rolled back, and staying there until a person says otherwise.
    pub latch: Option<Latch>,
    /// Regions rolled back on their own (`on_breach = "region"`).
    pub latched_regions: BTreeMap<Region, Latch>,
    /// A person paused it.
    pub paused: Option<Note>,
    /// A person holds it.
    pub held: Option<Held>,
    /// Approvals recorded for leaving the current stage.
    pub approvals: BTreeMap<Role, Note>,
    /// Checks left out of decisions.
    pub mutes: BTreeMap<CheckId, Mute>,
    /// Comparison values frozen before the rollout, per metric and region.
    pub baselines: Vec<Baseline>,
    /// The policy in force.
    pub policy: Option<Digest>,
}

impl RolloutState {
    /// A rollout standing in `stage` since `at`, nothing recorded yet.
    #[must_use]
    pub fn at_stage(stage: StageName, at: Time) -> RolloutState {
        RolloutState {
            revision: None,
            stage,
            entered_at: at,
            applied_at: None,
            generation: Generation::default(),
            bake: Duration::ZERO,
            complete: false,
            latch: None,
            latched_regions: BTreeMap::new(),
            paused: None,
            held: None,
            approvals: BTreeMap::new(),
            mutes: BTreeMap::new(),
            baselines: Vec::new(),
            policy: None,
        }
    }
}

/// Why and since when a rollout is latched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latch {
    /// Since when.
    pub since: Time,
    /// From which stage it came down.
    pub from: StageName,
    /// One sentence: the check and its value, or the person and their reason.
    pub because: String,
}

/// Who did something, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Time,
    /// Why.
    pub reason: String,
}

/// A hold ordered by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Who, when, why.
    pub note: Note,
    /// Until when; until `resume` when absent.
    pub until: Option<Time>,
}

/// A check left out of decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// Who, when, why.
    pub note: Note,
    /// When it ends.
    pub until: Time,
}

/// A metric's frozen comparison value for one region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Which metric.
    pub metric: MetricName,
    /// Which region.
    pub region: Region,
    /// The median, in the metric's unit; or why there is none to trust.
    #[serde(flatten)]
    pub value: BaselineValue,
}

/// A trusted median, or the reason it cannot be trusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineValue {
    /// A median to compare with.
    Known {
        /// The median.
        median: f64,
        /// How many readings it rests on.
        points: u32,
        /// The window they were taken from.
        window: Duration,
        /// When it was frozen.
        frozen_at: Time,
    },
    /// Nothing to compare with.
    Missing {
        /// The reason, as readings give it.
        why: Unknown,
        /// One sentence for people.
        note: String,
    },
}
