//! From a command to a batch: the machine handles the order on the folded state, and what comes out is sealed. Pure.
//!
//! A command sees no data. What the machine remarks on the way (this check is unknown, the answer is to hold) is then
//! not news and not recorded; who has the data says it. Whatever changes the state is.

use std::sync::Arc;

use crate::engine::{self, Input, Machine};
use crate::ledger::{Checkpoint, Entry};
use crate::model::decision::{Verdict, Wait};
use crate::model::event::{Event, What};
use crate::model::ids::{Digest, Revision};
use crate::model::operator::{Order, Verb};
use crate::model::plan::Plan;
use crate::model::state::RolloutState;
use crate::model::time::Time;
use crate::policy::compiled::Policy;
use crate::ports::store::{Authority, Batch, Exposed};

use super::command::{Ask, Command, OperateError};
use super::exposure;
use super::load::{InForce, Rollout};
use super::record::PolicyRecord;
use super::seal::{MACHINE, seal};
use super::takeback::take_back;

/// What a command comes to, before anything is written.
#[derive(Debug)]
pub struct Proposal {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The state after them.
    pub after: RolloutState,
    /// What is exposed after them, when that changes.
    pub exposed: Option<Exposed>,
    /// What to do about it.
    pub plan: Option<Plan>,
    /// Why the command is refused.
    pub refused: Option<String>,
    /// Everything else that stands against it.
    pub waits: Vec<String>,
    /// Worth knowing.
    pub notes: Vec<String>,
    policies: Vec<(Digest, String)>,
    checkpoint: Option<Checkpoint>,
}

impl Proposal {
    /// As a batch for the store.
    #[must_use]
    pub fn batch(&self, rollout: &Rollout, command: &Command) -> Batch {
        // A refusal moves nothing: it is written by whoever is there to write it.
        let harmless = command.takes_back() || self.refused.is_some();
        Batch {
            key: rollout.key.clone(),
            expected: rollout.head.clone(),
            authority: if harmless { Authority::RollBack } else { Authority::Unled },
            token: command.token.clone(),
            entries: self.entries.clone(),
            exposed: self.exposed.clone(),
            policies: self.policies.clone(),
            decisions: Vec::new(),
            checkpoint: self.checkpoint.clone(),
        }
    }
}

/// What the machine, or the lack of one, made of a command.
#[derive(Default)]
struct Made {
    events: Vec<Event>,
    plan: Option<Plan>,
    exposed: Option<Exposed>,
    waits: Vec<String>,
    notes: Vec<String>,
    policy: Option<PolicyRecord>,
}

/// What `command` comes to at `now`.
///
/// # Errors
/// Nothing was ever started, or the policy that came with the command does not compile.
pub fn propose(rollout: &Rollout, command: &Command, now: Time) -> Result<Proposal, OperateError> {
    let at = now.max(rollout.head.at);
    let mut made = match &command.ask {
        Ask::Start { policy, revision } => start(rollout, command, policy, revision, at)?,
        _ if !rollout.is_known() => return Err(OperateError::Unknown(rollout.key.clone())),
        Ask::Order(verb) => order(rollout, command, verb, at),
        Ask::Adopt { policy } => adopt(rollout, policy, at)?,
    };
    if now < rollout.head.at {
        made.notes.push(format!(
            "the clock says {now}, which is before the last entry: recorded as {at}, since time never goes back"
        ));
    }
    made.events.retain(|event| !is_remark(&event.what));
    let refused = made.events.iter().find_map(|event| command.why_refused(&event.what)).cloned();
    let sealed = seal(rollout, Some(command), made.events)?;
    let exposed = made.exposed.or_else(|| made.plan.as_ref().map(exposure::exposed));
    let plan =
        made.plan.or_else(|| exposed.as_ref().map(|exposed| exposure::plan(exposed, sealed.after.latch.is_some())));
    let keeps = made.policy.filter(|record| sealed.after.policy.as_ref() == Some(&record.digest));
    Ok(Proposal {
        entries: sealed.entries,
        after: sealed.after,
        exposed,
        plan,
        waits: if refused.is_some() { made.waits } else { Vec::new() },
        refused,
        notes: made.notes,
        policies: keeps.map(|record| (record.digest.clone(), record.text())).into_iter().collect(),
        checkpoint: sealed.checkpoint,
    })
}

/// Whether an event only says how things look, to somebody who sees nothing.
pub(super) const fn is_remark(what: &What) -> bool {
    matches!(
        what,
        What::FindingChanged { .. }
            | What::DecisionChanged { .. }
            | What::WouldRollBack { .. }
            | What::PastMax { .. }
            | What::UnknownTooLong { .. }
    )
}

fn order(rollout: &Rollout, command: &Command, verb: &Verb, at: Time) -> Made {
    if let Some(why) = taken_back_already(rollout, command, verb) {
        let (by, reason) = (command.actor.clone(), command.reason.clone());
        let what = What::Refused { verb: verb.name().to_owned(), by, reason, why };
        return Made { events: vec![Event { time: at, what }], ..Made::default() };
    }
    match &rollout.policy {
        InForce::Ready(policy) => {
            let mut machine = Machine::new(Arc::clone(policy), rollout.state.clone());
            hand_over(&mut machine, command, verb, at)
        }
        InForce::Unusable { digest, why, record } => {
            let sentence = format!("its policy {} cannot be used: {why}", digest.short());
            without_policy(rollout, command, verb, at, record.as_deref(), sentence)
        }
        InForce::None => without_policy(rollout, command, verb, at, None, "no policy is in force".to_owned()),
    }
}

/// Why a roll back that a controller spooled has nothing left to take back. Whoever led saw the same breach and did it;
/// one breach is not taken back twice. A person's order is another matter: it is carried out as given.
fn taken_back_already(rollout: &Rollout, command: &Command, verb: &Verb) -> Option<String> {
    let Verb::RollBack { to } = verb else { return None };
    let latch = rollout.state.latch.as_ref().filter(|_| command.actor.as_str() == MACHINE)?;
    let is_there = to.as_ref().is_none_or(|to| *to == rollout.state.stage);
    is_there.then(|| format!("it is taken back already, since {}: {}", latch.since, latch.because))
}

/// Lets the machine handle an order.
fn hand_over(machine: &mut Machine, command: &Command, verb: &Verb, at: Time) -> Made {
    let order = Order { actor: command.actor.clone(), reason: command.reason.clone(), verb: verb.clone() };
    let output = machine.handle(at, Input::Order(order));
    let waits = stands_against(machine, verb);
    Made { events: output.events, plan: output.plan, waits, ..Made::default() }
}

/// What else stands against an order that was just refused; what it skips does not, and only an advance asks.
pub(super) fn stands_against(machine: &Machine, verb: &Verb) -> Vec<String> {
    match machine.decision().verdict {
        Verdict::Hold { because } if matches!(verb, Verb::Advance) => {
            because.iter().filter(|wait| !is_patience(wait)).map(ToString::to_string).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a person's advance skips it.
const fn is_patience(wait: &Wait) -> bool {
    matches!(
        wait,
        Wait::Bake { .. }
            | Wait::Frozen { .. }
            | Wait::Manual
            | Wait::Held { .. }
            | Wait::PastMax { .. }
            | Wait::LateEvidence
    )
}

fn without_policy(
    rollout: &Rollout,
    command: &Command,
    verb: &Verb,
    at: Time,
    record: Option<&PolicyRecord>,
    sentence: String,
) -> Made {
    let (by, reason) = (&command.actor, &command.reason);
    let refuse = |why: String| {
        let what = What::Refused { verb: verb.name().to_owned(), by: by.clone(), reason: reason.clone(), why };
        Made { events: vec![Event { time: at, what }], ..Made::default() }
    };
    if !command.takes_back() {
        return refuse(format!("{sentence}; adopt one that can"));
    }
    match take_back(rollout, record, verb, by, reason) {
        Ok(taken) => Made {
            events: vec![Event { time: at, what: taken.what }],
            exposed: Some(taken.exposed),
            notes: vec![format!("{sentence}; it was taken back without it")],
            ..Made::default()
        },
        Err(why) => refuse(why),
    }
}

fn start(
    rollout: &Rollout,
    command: &Command,
    record: &PolicyRecord,
    revision: &Revision,
    at: Time,
) -> Result<Made, OperateError> {
    let policy = record.compile().map_err(OperateError::Policy)?;
    let verb = Verb::Start { revision: revision.clone() };
    let (mut events, mut machine) = match &rollout.policy {
        // Nobody sees anything: another ladder pulls nothing away from anybody.
        _ if exposure::is_nothing(&rollout.exposed) => swapped(rollout, &policy, at),
        InForce::Ready(old) => {
            let mut machine = Machine::new(Arc::clone(old), rollout.state.clone());
            let events = machine.handle(at, Input::Policy(Arc::clone(&policy))).events;
            if let Some(why) = rejection(&events) {
                return Ok(refused_start(command, events, why, at));
            }
            (events, machine)
        }
        InForce::None | InForce::Unusable { .. } => swapped(rollout, &policy, at),
    };
    let mut made = hand_over(&mut machine, command, &verb, at);
    if machine.policy().digest != policy.digest {
        // The policy that was to be replaced keeps the rollout, so the revision would be judged by the wrong one.
        let why = rejection(&made.events).unwrap_or_else(|| "another policy stays in force".to_owned());
        return Ok(refused_start(command, Vec::new(), why, at));
    }
    events.append(&mut made.events);
    Ok(Made { events, policy: Some(record.clone()), ..made })
}

fn refused_start(command: &Command, mut events: Vec<Event>, why: String, at: Time) -> Made {
    let (by, reason) = (command.actor.clone(), command.reason.clone());
    events.push(Event { time: at, what: What::Refused { verb: "start".to_owned(), by, reason, why } });
    Made { events, ..Made::default() }
}

/// Puts a policy in force without asking the one before.
fn swapped(rollout: &Rollout, policy: &Arc<Policy>, at: Time) -> (Vec<Event>, Machine) {
    let (old, new) = (rollout.state.policy.clone(), policy.digest.clone());
    if old.as_ref() == Some(&new) {
        return (Vec::new(), Machine::new(Arc::clone(policy), rollout.state.clone()));
    }
    let event = Event { time: at, what: What::PolicyChanged { old, new } };
    let state = engine::fold(rollout.state.clone(), &event);
    (vec![event], Machine::new(Arc::clone(policy), state))
}

fn rejection(events: &[Event]) -> Option<String> {
    events.iter().find_map(|event| match &event.what {
        What::PolicyRejected { why, .. } => Some(why.clone()),
        _ => None,
    })
}

fn adopt(rollout: &Rollout, record: &PolicyRecord, at: Time) -> Result<Made, OperateError> {
    let policy = record.compile().map_err(OperateError::Policy)?;
    let digest = policy.digest.clone();
    let reject = |why: &str| {
        vec![Event { time: at, what: What::PolicyRejected { digest: digest.clone(), why: why.to_owned() } }]
    };
    let events = match &rollout.policy {
        InForce::Ready(old) if old.digest == policy.digest => {
            return Ok(Made { notes: vec!["it is in force already".to_owned()], ..Made::default() });
        }
        InForce::Ready(old) => {
            let mut machine = Machine::new(Arc::clone(old), rollout.state.clone());
            let events = machine.handle(at, Input::Policy(policy)).events;
            match events.is_empty() {
                // The machine would keep it for the next stage, and this command ends before that.
                true => reject("this rollout keeps its policy until the next stage (`pin = true`)"),
                false => events,
            }
        }
        InForce::None | InForce::Unusable { .. } => {
            let same_rollout =
                (&policy.rollout, &policy.environment) == (&rollout.key.rollout, &rollout.key.environment);
            if !same_rollout {
                reject(&format!("it governs {} ({}), not {}", policy.rollout, policy.environment, rollout.key))
            } else if policy.find_stage(rollout.state.stage.as_str()).is_none() {
                reject(&format!("it has no stage {}, which is the current one", rollout.state.stage))
            } else {
                swapped(rollout, &policy, at).0
            }
        }
    };
    Ok(Made { events, policy: Some(record.clone()), ..Made::default() })
}
