//! Everything that ever goes into the ledger. The state is a fold of these and of nothing else.

use serde::{Deserialize, Serialize};

use super::ids::{Actor, CheckId, Digest, Generation, MetricName, Region, Revision, Role, StageName};
use super::state::Baseline;
use super::time::{Duration, Time};

/// One thing that happened, and when (in the data's time).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub time: Time,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum What {
    /// A revision began at the first stage.
    Started {
        /// What is being rolled out.
        revision: Revision,
        /// The stage it stands in.
        stage: StageName,
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// A stage was entered.
    StageEntered {
        /// From where.
        from: StageName,
        /// To where.
        to: StageName,
        /// The change of exposure that goes with it.
        generation: Generation,
        /// One sentence.
        because: String,
    },
    /// The last stage's bake is served.
    Completed {
        /// One sentence.
        because: String,
    },
    /// The exposure was taken back; the rollout stays there.
    RolledBack {
        /// From where.
        from: StageName,
        /// To where.
        to: StageName,
        /// The change of exposure that goes with it.
        generation: Generation,
        /// The check that decided, when a check did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        check: Option<CheckId>,
        /// Everything off, at once.
        #[serde(default)]
        emergency: bool,
        /// One sentence.
        because: String,
    },
    /// One region's exposure was taken back.
    RegionRolledBack {
        /// Which.
        region: Region,
        /// The stage the others stay in.
        stage: StageName,
        /// The change of exposure that goes with it.
        generation: Generation,
        /// The check that decided, when a check did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        check: Option<CheckId>,
        /// One sentence.
        because: String,
    },
    /// A shadow policy would have rolled back.
    WouldRollBack {
        /// The check that would have decided, when a check did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        check: Option<CheckId>,
        /// One sentence.
        because: String,
    },
    /// The exposure of a generation was confirmed.
    Applied {
        /// Which change.
        generation: Generation,
    },
    /// Comparison values were frozen.
    BaselineFrozen {
        /// One per metric and region.
        baselines: Vec<Baseline>,
    },
    /// A check changed its state.
    FindingChanged {
        /// Which.
        check: CheckId,
        /// Which region.
        region: Region,
        /// The state it left.
        from: String,
        /// The state it is in.
        to: String,
        /// The finding as a sentence.
        note: String,
    },
    /// The answer or its deciding reason changed.
    DecisionChanged {
        /// `advance`, `hold` or `roll_back`.
        decision: String,
        /// The deciding reason.
        because: String,
    },
    /// Longer in a stage than the policy wants: told as P1.
    PastMax {
        /// Which stage.
        stage: StageName,
        /// The most the policy wants.
        max: Duration,
    },
    /// A metric has been unknown for long enough to wake somebody: told as P1.
    UnknownTooLong {
        /// Which metric.
        metric: MetricName,
        /// Which region.
        region: Region,
        /// Since when.
        since: Time,
    },
    /// A person's order was carried out.
    Ordered {
        /// Which verb.
        verb: String,
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
        /// Until when, for a hold.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
    },
    /// A person's order was refused.
    Refused {
        /// Which verb.
        verb: String,
        /// Who.
        by: Actor,
        /// What they said.
        reason: String,
        /// Why it was refused.
        why: String,
    },
    /// An approval was recorded.
    Approved {
        /// In which role.
        role: Role,
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// A check was muted.
    Muted {
        /// Which.
        check: CheckId,
        /// Until when.
        until: Time,
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// A mute ended.
    Unmuted {
        /// Which.
        check: CheckId,
        /// Who ended it; none when it ran out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
    },
    /// A policy came into force.
    PolicyChanged {
        /// The one before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<Digest>,
        /// The one in force.
        new: Digest,
    },
    /// A policy was refused; the last good one stays.
    PolicyRejected {
        /// Its digest.
        digest: Digest,
        /// Why.
        why: String,
    },
    /// Once a minute while nothing changes: how much bake is served.
    Heartbeat {
        /// Good time served.
        bake: Duration,
    },
}
