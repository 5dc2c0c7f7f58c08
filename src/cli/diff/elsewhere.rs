//! Policies that have another path on one side: moved, or behind a symlink.

use super::sides::{Found, Holds, Side, Sides};

/// Takes from a side that stands for all of its policies those that moved: their rollout is governed on the other side.
/// What is said about it is added to the notes.
pub(super) fn keep_moved(sides: &mut Sides, old: &mut Vec<Found>, new: &mut Vec<Found>) {
    let Sides { old: was, new: is, notes } = sides;
    if was.elsewhere {
        keep(was, old, new, notes);
    }
    if is.elsewhere {
        keep(is, new, old, notes);
    }
}

fn keep(side: &mut Side, all: &mut Vec<Found>, others: &[Found], notes: &mut Vec<String>) {
    let wanted: Vec<String> = others.iter().filter_map(|other| super::pairs::rollout(&other.source)).collect();
    all.retain(|one| super::pairs::rollout(&one.source).is_some_and(|rollout| wanted.contains(&rollout)));
    let shown = &side.shown;
    for moved in all.iter().map(|one| &one.source.root) {
        notes.push(format!("there is no `{shown}`: compared with `{moved}`, which governs the same rollout"));
    }
    if all.is_empty() {
        side.holds = Holds::Nothing;
    }
}
