//! What the API and its client both spell: the outcome of an order, entries as the very bytes that were sealed, and the
//! errors of a store, so that a command says the same over the API as straight on a store.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::control::keep::Checked;
use crate::control::{Command, OperateError, Outcome};
use crate::ledger::hash::Key;
use crate::ledger::{BadLine, Checkpoint, Entry, Head};
use crate::model::decision::DECISION_SCHEMA;
use crate::model::ids::{Actor, Environment, Generation, RolloutId, StageName};
use crate::model::plan::Plan;
use crate::model::snapshot::Snapshot;
use crate::model::state::RolloutState;
use crate::model::time::Time;
use crate::ports::store::{Exposed, StoreError};

/// What came of an order. Everything that `--output json` of the command shows, and what it takes to build the same
/// outcome again.
#[derive(Debug, Serialize, Deserialize)]
pub struct OutcomeBody {
    /// The shape.
    pub schema: String,
    /// `order`.
    pub kind: String,
    /// Which rollout.
    pub rollout: RolloutId,
    /// Where.
    pub environment: Environment,
    /// What was ordered.
    pub verb: String,
    /// Nothing was written.
    pub dry_run: bool,
    /// Why it was refused.
    pub refused: Option<String>,
    /// Everything else that stands against it.
    pub waits: Vec<String>,
    /// The stage before.
    pub from: StageName,
    /// The stage after.
    pub to: StageName,
    /// The change of exposure in force.
    pub generation: Generation,
    /// Whether the world is now as it should be; false too when nothing had to be done.
    pub applied: bool,
    /// What is now so, one sentence each; none when nothing had to be done.
    pub did: Option<Vec<String>>,
    /// Why the world is not as it should be.
    pub apply_error: Option<String>,
    /// What has to be true of the world.
    pub plan: Option<Plan>,
    /// What was exposed before.
    pub was: Exposed,
    /// The state before.
    pub before: RolloutState,
    /// The state after.
    pub state: RolloutState,
    /// The entries, byte for byte.
    pub entries: Vec<Box<RawValue>>,
    /// Worth knowing.
    pub notes: Vec<String>,
}

impl OutcomeBody {
    /// Of an outcome.
    #[must_use]
    pub fn new(outcome: Outcome, verb: &str) -> OutcomeBody {
        let (did, apply_error) = match outcome.applied {
            None => (None, None),
            Some(Ok(did)) => (Some(did), None),
            Some(Err(why)) => (None, Some(why)),
        };
        OutcomeBody {
            schema: DECISION_SCHEMA.to_owned(),
            kind: "order".to_owned(),
            rollout: outcome.key.rollout,
            environment: outcome.key.environment,
            verb: verb.to_owned(),
            dry_run: outcome.dry_run,
            refused: outcome.refused,
            waits: outcome.waits,
            from: outcome.before.stage.clone(),
            to: outcome.after.stage.clone(),
            generation: outcome.after.generation,
            applied: did.is_some(),
            did,
            apply_error,
            plan: outcome.plan,
            was: outcome.was,
            before: outcome.before,
            state: outcome.after,
            entries: outcome.entries.iter().filter_map(raw).collect(),
            notes: outcome.notes,
        }
    }

    /// The outcome again.
    ///
    /// # Errors
    /// An entry's seal is broken.
    pub fn outcome(self) -> Result<Outcome, BadLine> {
        let applied = match (self.did, self.apply_error) {
            (_, Some(why)) => Some(Err(why)),
            (Some(did), None) => Some(Ok(did)),
            (None, None) => None,
        };
        Ok(Outcome {
            key: Key::new(self.rollout, self.environment),
            before: self.before,
            after: self.state,
            was: self.was,
            entries: self.entries.iter().map(|line| Entry::parse(line.get())).collect::<Result<_, _>>()?,
            plan: self.plan,
            refused: self.refused,
            waits: self.waits,
            applied,
            notes: self.notes,
            dry_run: self.dry_run,
        })
    }
}

/// An entry as the bytes that were sealed.
#[must_use]
pub fn raw(entry: &Entry) -> Option<Box<RawValue>> {
    // Every entry is JSON, or it could not have been sealed.
    RawValue::from_string(entry.line().to_owned()).ok()
}

/// A page of a ledger.
#[derive(Debug, Serialize, Deserialize)]
pub struct EntriesBody {
    /// The entries, byte for byte.
    pub entries: Vec<Box<RawValue>>,
    /// Where to go on; none at the end.
    pub next: Option<u64>,
}

/// What a controller finds when it looks at everything its store says about a rollout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckBody {
    /// Which rollout.
    #[serde(flatten)]
    pub key: Key,
    /// How many entries it looked at.
    pub entries: u64,
    /// The end of the chain.
    pub head: Head,
    /// The checkpoint at which the chain begins, byte for byte, when its beginning was pruned.
    pub base: Option<Box<RawValue>>,
    /// What is wrong, in words.
    pub problems: Vec<String>,
}

impl CheckBody {
    /// Of what was found.
    #[must_use]
    pub fn new(checked: &Checked) -> CheckBody {
        // A checkpoint is JSON, or it could not have been sealed.
        let base = checked.base.as_ref().and_then(|base| RawValue::from_string(base.line().to_owned()).ok());
        CheckBody {
            key: checked.key.clone(),
            entries: checked.chain.entries,
            head: checked.chain.head.clone(),
            base,
            problems: checked.problems.clone(),
        }
    }

    /// The checkpoint at which the chain begins, its seal checked.
    ///
    /// # Errors
    /// It is none, or it was changed.
    pub fn base(&self) -> Result<Option<Checkpoint>, BadLine> {
        self.base.as_ref().map(|line| Checkpoint::parse(line.get())).transpose()
    }
}

/// Why a command could not be carried out, for programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[expect(missing_docs, reason = "each is what `StoreError` or `OperateError` documents under the same name")]
pub enum ErrorBody {
    Conflict { head: Head },
    StaleGeneration { carried: Generation, held: Generation },
    NotLeader { holder: Option<Actor> },
    Unavailable { what: String },
    Busy { what: String },
    Full { what: String },
    OtherVersion { found: u32, wanted: u32 },
    Corrupt { what: String },
    NeverStarted { key: Key },
    Policy { what: String },
    Unwritable { what: String },
    Denied { what: String },
}

impl From<&OperateError> for ErrorBody {
    fn from(error: &OperateError) -> ErrorBody {
        match error.clone() {
            OperateError::Unknown(key) => ErrorBody::NeverStarted { key },
            OperateError::Policy(what) => ErrorBody::Policy { what },
            OperateError::Unwritable(bad) => ErrorBody::Unwritable { what: bad.to_string() },
            OperateError::Denied(what) => ErrorBody::Denied { what },
            OperateError::Store(error) => match error {
                StoreError::Conflict(head) => ErrorBody::Conflict { head },
                StoreError::StaleGeneration { carried, held } => ErrorBody::StaleGeneration { carried, held },
                StoreError::NotLeader { holder } => ErrorBody::NotLeader { holder },
                // A caller of the API can do no more about its store than about one that is away.
                StoreError::Unavailable(what) | StoreError::Refused(what) | StoreError::Missing(what) => {
                    ErrorBody::Unavailable { what }
                }
                StoreError::Busy(what) => ErrorBody::Busy { what },
                StoreError::Full(what) => ErrorBody::Full { what },
                StoreError::OtherVersion { found, wanted } => ErrorBody::OtherVersion { found, wanted },
                StoreError::Corrupt { what } => ErrorBody::Corrupt { what },
            },
        }
    }
}

impl From<ErrorBody> for OperateError {
    fn from(body: ErrorBody) -> OperateError {
        OperateError::Store(match body {
            ErrorBody::NeverStarted { key } => return OperateError::Unknown(key),
            ErrorBody::Policy { what } => return OperateError::Policy(what),
            ErrorBody::Unwritable { what } => {
                let what = what.strip_prefix("it is not an entry: ").unwrap_or(&what).to_owned();
                return OperateError::Unwritable(BadLine::NotAnEntry(what));
            }
            ErrorBody::Denied { what } => return OperateError::Denied(what),
            ErrorBody::Conflict { head } => StoreError::Conflict(head),
            ErrorBody::StaleGeneration { carried, held } => StoreError::StaleGeneration { carried, held },
            ErrorBody::NotLeader { holder } => StoreError::NotLeader { holder },
            ErrorBody::Unavailable { what } => StoreError::Unavailable(what),
            ErrorBody::Busy { what } => StoreError::Busy(what),
            ErrorBody::Full { what } => StoreError::Full(what),
            ErrorBody::OtherVersion { found, wanted } => StoreError::OtherVersion { found, wanted },
            ErrorBody::Corrupt { what } => StoreError::Corrupt { what },
        })
    }
}

/// A line of the snapshots that a controller still has.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RecordedLine {
    /// One of them.
    Snapshot {
        /// When it came in.
        at: Time,
        /// As it came in.
        snapshot: Snapshot,
    },
    /// There are no more.
    End(RecordedEnd),
}

/// The last line of the snapshots; where it is missing, the answer was cut off.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordedEnd {
    /// Lines of the journal that cannot be read.
    pub damaged: u64,
    /// Why there are no more, when it is not that there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The body of a verb, as it comes in and as the client sends it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderBody {
    /// Why, for whoever reads the ledger later.
    pub reason: String,
    /// Which environment; not needed while the rollout runs in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Who really asked, when the caller passes an order on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered_by: Option<String>,
    /// The same under its other name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
    /// Say what would happen, and write nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// `hold`, `mute`: until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// `hold`, `mute`: for that long.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub length: Option<String>,
    /// `approve`: in which role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `roll-back`: to this lower stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// `mute`, `unmute`: which check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// `mute`: even a P0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// `start`: what is being rolled out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// `start`, `adopt`: the digest of a policy that the store has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// `start`, `adopt`: the policy itself, as `GET /v1/policies/{digest}` gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Box<RawValue>>,
}

/// What the path calls a command's verb.
#[must_use]
pub const fn path_of(command: &Command) -> &'static str {
    use crate::control::Ask;
    use crate::model::operator::Verb;
    match &command.ask {
        Ask::Start { .. } | Ask::Order(Verb::Start { .. }) => "start",
        Ask::Adopt { .. } => "adopt",
        Ask::Order(Verb::Advance) => "advance",
        Ask::Order(Verb::Hold { .. }) => "hold",
        Ask::Order(Verb::Pause) => "pause",
        Ask::Order(Verb::Resume) => "resume",
        Ask::Order(Verb::Approve { .. }) => "approve",
        Ask::Order(Verb::RollBack { .. }) => "roll-back",
        Ask::Order(Verb::Emergency) => "emergency-disable",
        Ask::Order(Verb::Mute { .. }) => "mute",
        Ask::Order(Verb::Unmute { .. }) => "unmute",
    }
}
