//! `fold(state, event) -> state`: the only way a rollout's state ever changes.

use std::mem;

use crate::model::event::{Event, What};
use crate::model::ids::StageName;
use crate::model::state::{Held, Latch, Mute, Note, RolloutState};
use crate::model::time::{Duration, Time};

/// The state after `event`.
#[must_use]
pub fn fold(mut state: RolloutState, event: &Event) -> RolloutState {
    apply(&mut state, event);
    state
}

/// [`fold`] in place, for the machine's own hot path.
pub(crate) fn apply(state: &mut RolloutState, event: &Event) {
    let at = event.time;
    match &event.what {
        What::Started { revision, stage, .. } => {
            let (generation, policy) = (state.generation.next(), state.policy.take());
            let mutes = mem::take(&mut state.mutes);
            *state = RolloutState::at_stage(stage.clone(), at);
            state.revision = Some(revision.clone());
            (state.generation, state.policy, state.mutes) = (generation, policy, mutes);
        }
        What::StageEntered { to, generation, .. } => {
            enter(state, to, at);
            state.generation = *generation;
        }
        What::Completed { .. } => state.complete = true,
        What::RolledBack { from, to, generation, because, .. } => {
            enter(state, to, at);
            state.generation = *generation;
            // Taken back twice: what goes on is still watched with the checks of the stage it first came down from.
            let from = state.latch.take().map_or_else(|| from.clone(), |latch| latch.from);
            state.latch = Some(Latch { since: at, from, because: because.clone() });
            // A region that was taken back before stays back: the whole may stop at a stage that shows something.
        }
        What::RegionRolledBack { region, stage, generation, because, .. } => {
            state.generation = *generation;
            state.applied_at = None;
            let latch = Latch { since: at, from: stage.clone(), because: because.clone() };
            state.latched_regions.insert(region.clone(), latch);
        }
        What::Applied { generation } => {
            if *generation == state.generation {
                state.applied_at = Some(at);
            }
        }
        What::BaselineFrozen { baselines } => state.baselines.clone_from(baselines),
        What::Ordered { verb, by, reason, until } => {
            let note = Note { by: by.clone(), at, reason: reason.clone() };
            ordered(state, verb, note, *until);
        }
        What::Approved { role, by, reason } => {
            let note = Note { by: by.clone(), at, reason: reason.clone() };
            state.approvals.insert(role.clone(), note);
        }
        What::Muted { check, until, by, reason } => {
            let note = Note { by: by.clone(), at, reason: reason.clone() };
            state.mutes.insert(check.clone(), Mute { note, until: *until });
        }
        What::Unmuted { check, .. } => {
            state.mutes.remove(check);
        }
        What::PolicyChanged { new, .. } => state.policy = Some(new.clone()),
        What::Heartbeat { bake } => state.bake = *bake,
        What::WouldRollBack { .. }
        | What::FindingChanged { .. }
        | What::DecisionChanged { .. }
        | What::PastMax { .. }
        | What::UnknownTooLong { .. }
        | What::Refused { .. }
        | What::PolicyRejected { .. } => {}
    }
}

/// Whether a stage was entered between two states of one rollout: its runs then start empty. The time of that does not
/// tell. Once a clock was ahead, every entry bears its time for as long as it was ahead, and a stage is left and entered
/// within one instant. But whatever changes the exposure has a generation of its own, and all of that enters a stage but
/// the taking back of one region.
pub(crate) fn is_entered_anew(before: &RolloutState, after: &RolloutState) -> bool {
    let came_from = |state: &RolloutState| state.latch.as_ref().map(|latch| latch.from.clone());
    let without_regions = |state: &RolloutState| state.generation.0.wrapping_sub(state.latched_regions.len() as u64);
    before.stage != after.stage
        || before.entered_at != after.entered_at
        || came_from(before) != came_from(after)
        || without_regions(before) != without_regions(after)
}

/// A stage starts with nothing served, nothing confirmed and nobody's approval.
fn enter(state: &mut RolloutState, stage: &StageName, at: Time) {
    state.stage = stage.clone();
    state.entered_at = at;
    state.applied_at = None;
    state.bake = Duration::ZERO;
    state.complete = false;
    state.approvals.clear();
}

fn ordered(state: &mut RolloutState, verb: &str, note: Note, until: Option<Time>) {
    match verb {
        "hold" => state.held = Some(Held { note, until }),
        "pause" => state.paused = Some(note),
        "resume" => {
            let at = note.at;
            let was_latched = state.latch.take().is_some() || !state.latched_regions.is_empty();
            (state.held, state.paused) = (None, None);
            if was_latched {
                state.latched_regions.clear();
                let stage = state.stage.clone();
                enter(state, &stage, at);
                state.generation = state.generation.next();
            }
        }
        _ => {}
    }
}
