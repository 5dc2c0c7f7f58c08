//! The decision: advance, hold or roll back, with every finding that led to it.
//!
//! A decision without a reason cannot be constructed: each verdict carries [`Reasons`], which are never empty.

use std::fmt;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::finding::Finding;
use super::ids::{
    Actor, CheckId, Digest, Environment, Generation, MetricName, Region, Revision, Role, RolloutId, StageName,
};
use super::reading::Unknown;
use super::severity::Severity;
use super::time::{Duration, Time};

/// Shape of the decision record; every record names it.
pub const DECISION_SCHEMA: &str = "rollgate/v1";

/// One or more reasons, the deciding one first.
#[derive(Debug, Clone, PartialEq)]
pub struct Reasons<T> {
    first: T,
    rest: Vec<T>,
}

impl<T> Reasons<T> {
    /// From the deciding reason and the others.
    #[must_use]
    pub const fn new(first: T, rest: Vec<T>) -> Reasons<T> {
        Reasons { first, rest }
    }

    /// From a list, unless it is empty.
    #[must_use]
    pub fn from_vec(mut all: Vec<T>) -> Option<Reasons<T>> {
        if all.is_empty() { None } else { Some(Reasons { first: all.remove(0), rest: all }) }
    }

    /// The deciding one.
    #[must_use]
    pub const fn first(&self) -> &T {
        &self.first
    }

    /// All of them, the deciding one first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl<T: Serialize> Serialize for Reasons<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(1 + self.rest.len()))?;
        for reason in self.iter() {
            seq.serialize_element(reason)?;
        }
        seq.end()
    }
}

/// The three answers. Ordered by precedence: a roll back beats a hold beats an advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Go up one stage.
    Advance,
    /// Stay.
    Hold,
    /// Take the exposure back.
    RollBack,
}

impl Answer {
    /// As in records: `advance`, `hold`, `roll_back`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Answer::Advance => "advance",
            Answer::Hold => "hold",
            Answer::RollBack => "roll_back",
        }
    }

    /// As on screens: `ADVANCE`, `HOLD`, `ROLL BACK`.
    #[must_use]
    pub const fn shout(self) -> &'static str {
        match self {
            Answer::Advance => "ADVANCE",
            Answer::Hold => "HOLD",
            Answer::RollBack => "ROLL BACK",
        }
    }
}

/// The answer with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Go up to `to`; none means the last stage's bake is served and the rollout is complete.
    Advance {
        /// The next stage.
        to: Option<StageName>,
        /// Why it may.
        because: Reasons<Permit>,
    },
    /// Stay, and what is waited for.
    Hold {
        /// Everything that forbids the advance, the one that matters most first.
        because: Reasons<Wait>,
    },
    /// Take the exposure back to `to`.
    RollBack {
        /// The stage to go back to.
        to: StageName,
        /// Only this region (`on_breach = "region"`); all when none.
        region: Option<Region>,
        /// Why.
        because: Reasons<Cause>,
    },
}

impl Verdict {
    /// Which of the three it is.
    #[must_use]
    pub const fn answer(&self) -> Answer {
        match self {
            Verdict::Advance { .. } => Answer::Advance,
            Verdict::Hold { .. } => Answer::Hold,
            Verdict::RollBack { .. } => Answer::RollBack,
        }
    }

    /// The deciding reason as one sentence.
    #[must_use]
    pub fn headline(&self) -> String {
        match self {
            Verdict::Advance { because, .. } => because.first().to_string(),
            Verdict::Hold { because } => because.first().to_string(),
            Verdict::RollBack { because, .. } => because.first().to_string(),
        }
    }

    /// The check that decided, when a check did.
    #[must_use]
    pub fn deciding_check(&self) -> Option<&CheckId> {
        match self {
            Verdict::Advance { .. } => None,
            Verdict::Hold { because } => match because.first() {
                Wait::Check { check, .. } | Wait::Gate { check, .. } => Some(check),
                _ => None,
            },
            Verdict::RollBack { because, .. } => match because.first() {
                Cause::Check { check, .. } => Some(check),
                _ => None,
            },
        }
    }
}

/// Why an advance is allowed.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
        #[serde(skip_serializing_if = "only_region")]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
        #[serde(skip_serializing_if = "only_region")]
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

/// The record of one decision: complete enough to argue about without any other file.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// When, in the data's time.
    pub time: Time,
    /// Which rollout.
    pub rollout: RolloutId,
    /// Which environment's policy.
    pub environment: Environment,
    /// Digest of the policy that decided.
    pub policy: Digest,
    /// What is being rolled out.
    pub revision: Option<Revision>,
    /// The stage it was made in.
    pub stage: StageName,
    /// Share of traffic in that stage, in percent.
    pub traffic: f64,
    /// How long the rollout has been in the stage (wall time).
    pub time_in_stage: Duration,
    /// Good time served, and asked if the stage has a bake.
    pub bake: (Duration, Option<Duration>),
    /// Advance, hold or roll back, with reasons.
    pub verdict: Verdict,
    /// The worst severity firing.
    pub severity: Option<Severity>,
    /// The whole policy only watches: the verdict is what *would* be done.
    pub shadow: bool,
    /// Every finding, worst first.
    pub findings: Vec<Finding>,
    /// The next instant the answer could change with no new data.
    pub wake_at: Option<Time>,
    /// Generation of the exposure in force.
    pub generation: Generation,
}

impl Serialize for Decision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Record<'a, T: Serialize> {
            schema: &'static str,
            time: Time,
            rollout: &'a RolloutId,
            environment: &'a Environment,
            policy: &'a Digest,
            engine: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            revision: Option<&'a Revision>,
            stage: &'a StageName,
            traffic: f64,
            decision: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            to: Option<&'a StageName>,
            #[serde(skip_serializing_if = "Option::is_none")]
            region: Option<&'a Region>,
            #[serde(skip_serializing_if = "Option::is_none")]
            severity: Option<Severity>,
            because: &'a Reasons<T>,
            headline: String,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            shadow: bool,
            time_in_stage: Duration,
            bake_served: Duration,
            #[serde(skip_serializing_if = "Option::is_none")]
            bake: Option<Duration>,
            findings: &'a [Finding],
            #[serde(skip_serializing_if = "Option::is_none")]
            wake_at: Option<Time>,
            generation: Generation,
        }
        fn record<'a, T: Serialize>(
            decision: &'a Decision,
            to: Option<&'a StageName>,
            region: Option<&'a Region>,
            because: &'a Reasons<T>,
        ) -> Record<'a, T> {
            Record {
                schema: DECISION_SCHEMA,
                time: decision.time,
                rollout: &decision.rollout,
                environment: &decision.environment,
                policy: &decision.policy,
                engine: env!("CARGO_PKG_VERSION"),
                revision: decision.revision.as_ref(),
                stage: &decision.stage,
                traffic: decision.traffic,
                decision: decision.verdict.answer().name(),
                to,
                region,
                severity: decision.severity,
                because,
                headline: decision.verdict.headline(),
                shadow: decision.shadow,
                time_in_stage: decision.time_in_stage,
                bake_served: decision.bake.0,
                bake: decision.bake.1,
                findings: &decision.findings,
                wake_at: decision.wake_at,
                generation: decision.generation,
            }
        }
        match &self.verdict {
            Verdict::Advance { to, because } => record(self, to.as_ref(), None, because).serialize(serializer),
            Verdict::Hold { because } => record(self, None, None, because).serialize(serializer),
            Verdict::RollBack { to, region, because } => {
                record(self, Some(to), region.as_ref(), because).serialize(serializer)
            }
        }
    }
}
