//! Reasons: why an advance is allowed, what a hold waits for, why exposure is taken back.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ids::{Actor, CheckId, Generation, MetricName, Region, Role, StageName};
use super::reading::Unknown;
use super::severity::Severity;
use super::time::{Duration, Time};

/// Why an advance is allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Permit {
    /// The stage has no bake, or it is served, and nothing stands against it.
    BakeServed {
        /// Good time served.
        served: Duration,
        /// Good time asked.
        of: Duration,
    },
    /// The stage's early-exit condition is met.
    EarlyExit {
        /// Good time served.
        served: Duration,
    },
    /// A person ordered it and nothing stands against it.
    Ordered {
        /// Who.
        by: Actor,
        /// Why.
        note: String,
    },
}

/// What a hold waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Wait {
    /// The policy in force does not have the stage in which the rollout stands.
    NoSuchStage {
        /// Where the rollout stands.
        stage: StageName,
    },
    /// Rolled back; a person must resume or start a new revision.
    Latched {
        /// Since when.
        since: Time,
        /// What rolled it back.
        note: String,
    },
    /// One region is rolled back on its own.
    RegionLatched {
        /// Which.
        region: Region,
        /// Since when.
        since: Time,
        /// What rolled it back.
        note: String,
    },
    /// A check at hold or worse is firing, pending or clearing.
    Check {
        /// Which.
        check: CheckId,
        /// The finding as a sentence.
        note: String,
    },
    /// A reading that the stage needs is unknown.
    Unknown {
        /// The metric, or the check when a script could not tell.
        what: MetricName,
        /// Which region.
        #[serde(default = "no_region", skip_serializing_if = "only_region")]
        region: Region,
        /// Why.
        why: Unknown,
    },
    /// A gate is closed.
    Gate {
        /// Which.
        check: CheckId,
        /// The finding as a sentence.
        note: String,
    },
    /// The exposure of this stage is not confirmed applied.
    NotApplied {
        /// Which change.
        generation: Generation,
    },
    /// The observed share of traffic is not the stage's.
    Exposure {
        /// Observed, in percent.
        observed: f64,
        /// The stage's, in percent.
        wanted: f64,
    },
    /// A comparison value that later stages need cannot be trusted yet.
    Baseline {
        /// Which metric.
        metric: MetricName,
        /// One sentence: how many readings there are of how many, or what is wrong with them.
        note: String,
    },
    /// Good time still to serve.
    Bake {
        /// Served so far.
        served: Duration,
        /// Asked.
        of: Duration,
        /// The earliest instant it can be served; none while it does not count.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
    },
    /// Approvals are missing.
    Approval {
        /// The roles still to approve.
        roles: Vec<Role>,
        /// How many different people are still needed.
        people: u32,
    },
    /// In a freeze window.
    Frozen {
        /// Until when.
        until: Time,
    },
    /// A person paused it.
    Paused {
        /// Who.
        by: Actor,
        /// Why.
        note: String,
    },
    /// A person holds it.
    Held {
        /// Who.
        by: Actor,
        /// Why.
        note: String,
        /// Until when.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
    },
    /// Longer in the stage than the policy wants.
    PastMax {
        /// How long by now.
        spent: Duration,
        /// The most the policy wants.
        max: Duration,
    },
    /// The stage has no bake and is not the last: only a person leaves it.
    Manual,
    /// Late evidence may not complete a bake: the newest sample came out of order.
    LateEvidence,
    /// Everything is done.
    Complete,
    /// The last stage, without a bake: ongoing.
    Final,
    /// Nobody has started this rollout.
    NotStarted,
}

/// Why exposure is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Cause {
    /// A person's emergency order: everything off.
    Emergency {
        /// Who.
        by: Actor,
        /// Why.
        note: String,
    },
    /// A check whose response is to roll back is firing.
    Check {
        /// Which.
        check: CheckId,
        /// How bad.
        severity: Severity,
        /// The finding as a sentence.
        note: String,
    },
    /// A metric stayed unknown longer than its policy allows.
    Unknown {
        /// Which metric.
        what: MetricName,
        /// Which region.
        #[serde(default = "no_region", skip_serializing_if = "only_region")]
        region: Region,
        /// Why it is unknown.
        why: Unknown,
        /// For how long.
        lasted: Duration,
    },
    /// Longer in the stage than the policy allows (`on_max = "rollback"`).
    PastMax {
        /// How long by now.
        spent: Duration,
        /// The most the policy allows.
        max: Duration,
    },
    /// A person ordered it.
    Ordered {
        /// Who.
        by: Actor,
        /// Why.
        note: String,
    },
}

fn no_region() -> Region {
    Region::new("")
}

fn only_region(region: &Region) -> bool {
    region.as_str().is_empty()
}

/// ` in eu-west` when there is more than one region.
struct InRegion<'a>(&'a Region);

impl fmt::Display for InRegion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if only_region(self.0) { Ok(()) } else { write!(f, " in {}", self.0) }
    }
}

impl fmt::Display for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Permit::BakeServed { of, .. } if of.is_zero() => f.write_str("nothing stands against it"),
            Permit::BakeServed { served, of } => write!(f, "bake {served} of {of} served, nothing stands against it"),
            Permit::EarlyExit { served } => write!(f, "early exit after {served} of good time"),
            Permit::Ordered { by, note } => write!(f, "ordered by {by}: {note}"),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wait::NoSuchStage { stage } => write!(f, "the policy has no stage {stage}"),
            Wait::Latched { since, note } => write!(f, "latched since {since}: {note}"),
            Wait::RegionLatched { region, since, note } => write!(f, "{region} latched since {since}: {note}"),
            Wait::Check { note, .. } => f.write_str(note),
            Wait::Unknown { what, region, why } => write!(f, "{what} is unknown: {why}{}", InRegion(region)),
            Wait::Gate { check, note } => write!(f, "gate {check} is closed: {note}"),
            Wait::NotApplied { generation } => write!(f, "exposure of generation {generation} is not confirmed yet"),
            Wait::Exposure { observed, wanted } => {
                write!(f, "observed exposure is {observed}%, the stage wants {wanted}%")
            }
            Wait::Baseline { metric, note } => write!(f, "baseline of {metric}: {note}"),
            Wait::Bake { served, of, .. } => write!(f, "bake {served} of {of}"),
            Wait::Approval { roles, people } => {
                let names: Vec<&str> = roles.iter().map(Role::as_str).collect();
                match names.is_empty() {
                    false => write!(f, "approval by {} is missing", names.join(", ")),
                    true => write!(f, "{people} more people must approve"),
                }
            }
            Wait::Frozen { until } => write!(f, "frozen until {until}"),
            Wait::Paused { by, note } => write!(f, "paused by {by}: {note}"),
            Wait::Held { by, note, until: Some(until) } => write!(f, "held by {by} until {until}: {note}"),
            Wait::Held { by, note, until: None } => write!(f, "held by {by}: {note}"),
            Wait::PastMax { spent, max } => write!(f, "{spent} in the stage, {max} at most"),
            Wait::Manual => f.write_str("the stage has no bake; a person advances it"),
            Wait::LateEvidence => f.write_str("the newest evidence came late and cannot complete a bake"),
            Wait::Complete => f.write_str("complete"),
            Wait::Final => f.write_str("final stage, ongoing"),
            Wait::NotStarted => f.write_str("not started"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Emergency { by, note } => write!(f, "emergency by {by}: {note}"),
            Cause::Check { note, .. } => f.write_str(note),
            Cause::Unknown { what, region, why, lasted } => {
                write!(f, "{what} unknown for {lasted}: {why}{}", InRegion(region))
            }
            Cause::PastMax { spent, max } => write!(f, "{spent} in the stage, {max} allowed"),
            Cause::Ordered { by, note } => write!(f, "ordered by {by}: {note}"),
        }
    }
}
