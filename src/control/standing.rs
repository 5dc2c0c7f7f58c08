//! Where a rollout stands, as far as the ledger alone can say. What a controller sees at this moment (findings, the age
//! of data) is not in it.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::ledger::hash::Key;
use crate::model::ids::{CheckId, Digest, Generation, Region, Revision, StageName};
use crate::model::time::{Duration, Time};
use crate::ports::store::Exposure;

use super::load::{InForce, Rollout};

/// What a rollout is doing, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Taken back on record, and not confirmed yet.
    RollingBack,
    /// Taken back; stays there until a person says otherwise.
    RolledBack,
    /// One or more regions are taken back.
    PartlyRolledBack,
    /// Its policy cannot be used: it holds, and can only be taken back.
    NoPolicy,
    /// An exposure is recorded and not confirmed yet.
    Applying,
    /// A person paused it.
    Paused,
    /// A person holds it.
    Held,
    /// It waits: for its bake, for data, for approvals.
    Hold,
    /// Its last stage is served.
    Done,
    /// Nothing was started.
    NotStarted,
}

impl Phase {
    /// As on screens.
    #[must_use]
    pub const fn shout(self) -> &'static str {
        match self {
            Phase::RollingBack => "ROLLING BACK",
            Phase::RolledBack => "ROLLED BACK",
            Phase::PartlyRolledBack => "PART BACK",
            Phase::NoPolicy => "NO POLICY",
            Phase::Applying => "APPLYING",
            Phase::Paused => "PAUSED",
            Phase::Held => "HELD",
            Phase::Hold => "HOLD",
            Phase::Done => "DONE",
            Phase::NotStarted => "NOT STARTED",
        }
    }
}

/// One row of `status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Which rollout, and where.
    #[serde(flatten)]
    pub key: Key,
    /// What it is doing.
    pub phase: Phase,
    /// What is being rolled out.
    pub revision: Option<Revision>,
    /// The stage it stands in.
    pub stage: StageName,
    /// The most of any feature that anybody sees, in percent.
    pub traffic: f64,
    /// Since when it is as it is.
    pub since: Time,
    /// How long that is.
    #[serde(rename = "for")]
    pub lasted: Duration,
    /// Why, or what it waits for.
    pub why: String,
    /// Good time served in this stage, as last recorded.
    pub bake_served: Duration,
    /// Good time to serve.
    pub bake: Option<Duration>,
    /// Regions taken back on their own.
    pub regions_rolled_back: Vec<Region>,
    /// Checks left out of decisions, and until when.
    pub muted: Vec<(CheckId, Time)>,
    /// The change of exposure in force.
    pub generation: Generation,
    /// What is exposed.
    pub exposures: Vec<Exposure>,
    /// The policy in force.
    pub policy: Option<Digest>,
    /// Why it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_problem: Option<String>,
    /// The last entry, and when.
    pub last_entry: (u64, Time),
}

impl Standing {
    /// Of `rollout`, as of `now`.
    #[must_use]
    pub fn of(rollout: &Rollout, now: Time) -> Standing {
        let state = &rollout.state;
        let (bake, policy_problem) = match &rollout.policy {
            InForce::Ready(policy) => {
                let stage = policy.find_stage(state.stage.as_str()).and_then(|ix| policy.stage(ix));
                (stage.and_then(|stage| stage.bake), None)
            }
            InForce::Unusable { why, .. } => (None, Some(why.clone())),
            InForce::None => (None, None),
        };
        let (phase, since, why) = phase(rollout, bake, now);
        Standing {
            key: rollout.key.clone(),
            phase,
            revision: state.revision.clone(),
            stage: state.stage.clone(),
            traffic: super::exposure::most(&rollout.exposed),
            since,
            lasted: now.since(since),
            why,
            bake_served: state.bake,
            bake,
            regions_rolled_back: state.latched_regions.keys().cloned().collect(),
            muted: state.mutes.iter().map(|(check, mute)| (check.clone(), mute.until)).collect(),
            generation: state.generation,
            exposures: rollout.exposed.exposures.clone(),
            policy: state.policy.clone(),
            policy_problem,
            last_entry: (rollout.head.seq, rollout.head.at),
        }
    }

    /// The order of `status`: worst first, then what has been so for longest, then by name.
    #[must_use]
    pub fn worst_first(&self, other: &Standing) -> Ordering {
        let place = |standing: &Standing| (standing.phase, standing.since, standing.key.clone());
        place(self).cmp(&place(other))
    }
}

fn phase(rollout: &Rollout, bake: Option<Duration>, now: Time) -> (Phase, Time, String) {
    let state = &rollout.state;
    let confirmed = state.applied_at.is_some();
    if let Some(latch) = &state.latch {
        let phase = if confirmed { Phase::RolledBack } else { Phase::RollingBack };
        return (phase, latch.since, format!("from {}: {}", latch.from, latch.because));
    }
    if state.revision.is_none() {
        return (Phase::NotStarted, rollout.head.at, "rollgate start begins it".to_owned());
    }
    if let Some((region, latch)) = state.latched_regions.iter().min_by_key(|(_, latch)| latch.since) {
        return (Phase::PartlyRolledBack, latch.since, format!("{region}: {}", latch.because));
    }
    if let InForce::Unusable { digest, why, .. } = &rollout.policy {
        return (Phase::NoPolicy, state.entered_at, format!("policy {}: {why}", digest.short()));
    }
    if !confirmed {
        let why = format!("generation {} is recorded, not confirmed", state.generation);
        return (Phase::Applying, state.entered_at, why);
    }
    if let Some(note) = &state.paused {
        return (Phase::Paused, note.at, format!("{}: {}", note.by, note.reason));
    }
    if let Some(held) = &state.held {
        let left = match held.until {
            None => "until resumed".to_owned(),
            Some(until) if until <= now => "over, not looked at since".to_owned(),
            Some(until) => format!("{} left", whole_seconds(until.since(now))),
        };
        return (Phase::Held, held.note.at, format!("{left}; {}: {}", held.note.by, held.note.reason));
    }
    if state.complete {
        return (Phase::Done, state.entered_at, "every stage is served".to_owned());
    }
    let why = match bake {
        Some(bake) => format!("bake {} of {bake}", state.bake),
        None => "left only by `rollgate advance`".to_owned(),
    };
    (Phase::Hold, state.entered_at, why)
}

fn whole_seconds(length: Duration) -> Duration {
    Duration::from_secs(length.as_millis() / 1000)
}
