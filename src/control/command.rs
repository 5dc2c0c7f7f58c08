//! What a person may ask for, what came of it, and the trait that both ways of asking share: straight on a store, and
//! over a controller's API.

use crate::ledger::hash::Key;
use crate::ledger::{BadLine, Entry};
use crate::model::event::What;
use crate::model::ids::{Actor, Digest, Revision};
use crate::model::operator::{Order, Verb};
use crate::model::plan::Plan;
use crate::model::state::RolloutState;
use crate::model::time::Time;
use crate::ports::store::{Exposed, StoreError};

use super::record::PolicyRecord;
use super::standing::Standing;

/// A command with who gave it and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Who.
    pub actor: Actor,
    /// Why, in their words; never empty.
    pub reason: String,
    /// What.
    pub ask: Ask,
    /// Names it: given twice (a reply was lost, a spool is replayed), it is carried out once.
    pub token: String,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Begin a revision under a policy.
    Start {
        /// The policy it is judged by.
        policy: Box<PolicyRecord>,
        /// What is being rolled out.
        revision: Revision,
    },
    /// An order of the engine's.
    Order(Verb),
    /// Put another policy in force.
    Adopt {
        /// Which.
        policy: Box<PolicyRecord>,
    },
}

impl Command {
    /// An order.
    #[must_use]
    pub fn order(order: Order, token: impl Into<String>) -> Command {
        Command { actor: order.actor, reason: order.reason, ask: Ask::Order(order.verb), token: token.into() }
    }

    /// The word for it.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match &self.ask {
            Ask::Start { .. } => "start",
            Ask::Order(verb) => verb.name(),
            Ask::Adopt { .. } => "adopt",
        }
    }

    /// Why it was refused, where an event that came of it says so. A policy that had waited for the next stage may be
    /// turned away on the way there; that is not what was asked for.
    #[must_use]
    pub fn why_refused<'a>(&self, what: &'a What) -> Option<&'a String> {
        match (&self.ask, what) {
            (_, What::Refused { why, .. }) | (Ask::Adopt { .. }, What::PolicyRejected { why, .. }) => Some(why),
            _ => None,
        }
    }

    /// Whether it takes back: such a command needs no lease, no policy that compiles, and no store that works.
    #[must_use]
    pub const fn takes_back(&self) -> bool {
        matches!(self.ask, Ask::Order(Verb::RollBack { .. } | Verb::Emergency))
    }
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Which rollout.
    pub key: Key,
    /// The state before.
    pub before: RolloutState,
    /// The state after.
    pub after: RolloutState,
    /// What was exposed before.
    pub was: Exposed,
    /// The entries, as recorded, or as they would be.
    pub entries: Vec<Entry>,
    /// What has to be true of the world now.
    pub plan: Option<Plan>,
    /// Why it was refused.
    pub refused: Option<String>,
    /// Everything else that stands against it, in words.
    pub waits: Vec<String>,
    /// What the actuator says is now so; none while nothing had to be done.
    pub applied: Option<Result<Vec<String>, String>>,
    /// Worth knowing: the clock is wrong, the policy does not compile, it had been done before.
    pub notes: Vec<String>,
    /// Nothing was written.
    pub dry_run: bool,
}

/// Gives commands and asks how things stand. Implemented straight on a store; a controller's API slots in before it.
pub trait Operate {
    /// The rollouts there are.
    ///
    /// # Errors
    /// The store's.
    fn rollouts(&self) -> Result<Vec<Key>, OperateError>;

    /// Carries a command out at `now`; with `dry_run` only says what would come of it.
    ///
    /// # Errors
    /// It could not be carried out or recorded. A command that was *refused* is recorded, and no error.
    fn carry_out(&self, key: &Key, command: &Command, now: Time, dry_run: bool) -> Result<Outcome, OperateError>;

    /// Where each rollout stands, worst first.
    ///
    /// # Errors
    /// The store's.
    fn standings(&self, now: Time) -> Result<Vec<Standing>, OperateError>;

    /// The entries of a rollout from `from` on, at most `limit`.
    ///
    /// # Errors
    /// The store's.
    fn history(&self, key: &Key, from: u64, limit: usize) -> Result<Vec<Entry>, OperateError>;

    /// The digests of all policies it has, in order.
    ///
    /// # Errors
    /// The store's.
    fn policies(&self) -> Result<Vec<Digest>, OperateError>;

    /// A policy it has.
    ///
    /// # Errors
    /// The store's.
    fn policy(&self, digest: &Digest) -> Result<Option<PolicyRecord>, OperateError>;
}

/// Why a command could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperateError {
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing of that name was ever started.
    #[error("no rollout {0} was ever started")]
    Unknown(Key),
    /// The policy that came with the command does not compile.
    #[error("the policy does not compile: {0}")]
    Policy(String),
    /// The controller does not take this command from whoever gives it.
    #[error("the controller refuses: {0}")]
    Denied(String),
    /// An event holds something that cannot be written.
    #[error("an entry cannot be written: {0}")]
    Unwritable(#[from] BadLine),
}
