//! What a person may tell a rollout. Every order has an actor and a reason.

use serde::{Deserialize, Serialize};

use super::ids::{Actor, CheckId, Revision, Role, StageName};
use super::time::Time;

/// An order with who gave it and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Who.
    pub actor: Actor,
    /// Why, in their words; never empty.
    pub reason: String,
    /// What.
    pub verb: Verb,
}

/// What a person may order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verb")]
pub enum Verb {
    /// Begin anew at the first stage with this revision. Lifts a latch.
    Start {
        /// What is being rolled out.
        revision: Revision,
    },
    /// Go up one stage without waiting for the rest of the bake or a freeze window. Findings, unknowns, gates and
    /// approvals still hold it.
    Advance,
    /// Do not advance; the bake goes on counting.
    Hold {
        /// Until when; without, until `resume`.
        until: Option<Time>,
    },
    /// Do not advance, and stop counting the bake.
    Pause,
    /// End a hold, a pause or a latch; after a latch the bake starts from zero.
    Resume,
    /// Record an approval for leaving the current stage.
    Approve {
        /// In which role.
        role: Role,
    },
    /// Take the exposure back.
    RollBack {
        /// To which lower stage; the policy's target when absent.
        to: Option<StageName>,
    },
    /// Everything off, now. Beats every other decision.
    Emergency,
    /// Leave a check out of decisions until `until`.
    Mute {
        /// Which check.
        check: CheckId,
        /// Until when; a mute always ends.
        until: Time,
        /// Needed to mute a P0.
        force: bool,
    },
    /// End a mute early.
    Unmute {
        /// Which check.
        check: CheckId,
    },
}

impl Verb {
    /// The word on the command line and in the ledger.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Verb::Start { .. } => "start",
            Verb::Advance => "advance",
            Verb::Hold { .. } => "hold",
            Verb::Pause => "pause",
            Verb::Resume => "resume",
            Verb::Approve { .. } => "approve",
            Verb::RollBack { .. } => "roll back",
            Verb::Emergency => "emergency-disable",
            Verb::Mute { .. } => "mute",
            Verb::Unmute { .. } => "unmute",
        }
    }
}
