//! From events to sealed entries.

use crate::engine;
use crate::ledger::{BadLine, Checkpoint, Draft, Entry, Head};
use crate::model::event::{Event, What};
use crate::model::ids::Actor;
use crate::model::operator::Verb;
use crate::model::state::RolloutState;

use super::command::{Ask, Command};
use super::load::Rollout;

/// Who acts when nobody asked.
pub(super) const MACHINE: &str = "rollgate";
/// How many entries apart checkpoints stand: reading a state folds no more than this.
const BETWEEN_CHECKPOINTS: u64 = 500;

/// Sealed entries, and what they fold to.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) entries: Vec<Entry>,
    pub(super) after: RolloutState,
    pub(super) checkpoint: Option<Checkpoint>,
}

/// Seals `events` behind the rollout's chain.
pub(super) fn seal(rollout: &Rollout, command: Option<&Command>, events: Vec<Event>) -> Result<Sealed, BadLine> {
    let machine = Actor::new(MACHINE);
    let (mut head, mut state) = (rollout.head.clone(), rollout.state.clone());
    let mut entries = Vec::with_capacity(events.len());
    for mut event in events {
        // Folded as it will be read: time in a ledger never goes back.
        event.time = event.time.max(head.at);
        let (actor, reason) = match (command, &event.what) {
            (Some(command), what) if is_theirs(what, command) => (command.actor.clone(), command.reason.as_str()),
            // Denied at the door: whoever it was, it was not the machine.
            (None, What::Refused { by, .. }) => (by.clone(), ""),
            _ => (machine.clone(), ""),
        };
        let after = engine::fold(state.clone(), &event);
        let draft = Draft { actor: &actor, reason, at: event.time, what: event.what, states: (&state, &after) };
        let entry = draft.seal(&rollout.key, &head)?;
        (head, state) = (Head::at(&entry), after);
        entries.push(entry);
    }
    let is_due = rollout.since_checkpoint.saturating_add(entries.len() as u64) >= BETWEEN_CHECKPOINTS;
    let checkpoint = if is_due { Some(Checkpoint::seal(&rollout.key, &head, &state)?) } else { None };
    Ok(Sealed { entries, after: state, checkpoint })
}

/// Whether an event is what the person asked for, and not what the machine made of it.
fn is_theirs(what: &What, command: &Command) -> bool {
    match what {
        What::Started { .. }
        | What::Ordered { .. }
        | What::Refused { .. }
        | What::Approved { .. }
        | What::Muted { .. }
        | What::Unmuted { by: Some(_), .. }
        | What::PolicyChanged { .. }
        | What::PolicyRejected { .. } => true,
        What::RolledBack { check: None, .. } => command.takes_back(),
        What::StageEntered { .. } | What::Completed { .. } | What::BaselineFrozen { .. } => {
            matches!(command.ask, Ask::Order(Verb::Advance))
        }
        _ => false,
    }
}
