//! The decision: advance, hold or roll back, with every finding that led to it.
//!
//! A decision without a reason cannot be constructed: each verdict carries [`Reasons`], which are never empty.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::finding::Finding;
use super::ids::{CheckId, Digest, Environment, Generation, Region, Revision, RolloutId, StageName};
use super::severity::Severity;
use super::time::{Duration, Time};

pub use super::reason::{Cause, Permit, Wait};

mod record;

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
