//! Scripts that nobody edited, and that say something else all the same: a check that they ask about was edited.

use crate::policy::compiled::{Check, Condition, Policy};
use crate::review::change::{Bearing, Change, Direction, Proof, Subject};

use super::super::{Edit, Pair};
use super::points::{Asked, Key, Point, Space};
use super::{MOST_POINTS, call, severity};
use crate::model::finding::CheckKind;
use crate::model::ids::CheckId;

/// What is edited of a check without changing when it fires.
const NOT_WHEN: [&str; 6] = ["", "id", "target", "shadow", "severity", "unless_control"];

/// One edit of each script check for each of `edits` of a check that it asks about.
pub(crate) fn depending(pair: &Pair<'_>, edits: &[Change]) -> Vec<Change> {
    let mut all = Vec::new();
    for is in &pair.new.checks {
        let Some(was) = pair.old.find_check(is.id.as_str()).and_then(|ix| pair.old.check(ix)) else { continue };
        for edit in edits {
            let Subject::Check(id) = &edit.subject else { continue };
            let asked = asks(pair.old, was, id) && asks(pair.new, is, id);
            if asked && !NOT_WHEN.contains(&edit.part.as_str()) && edit.bearing != Bearing::AsBefore {
                all.extend(change(pair, (was, is), id, edit));
            }
        }
    }
    all
}

fn asks(policy: &Policy, check: &Check, id: &CheckId) -> bool {
    let Condition::Script { asks, .. } = &check.condition else { return false };
    asks.iter().filter_map(|ix| policy.check(*ix)).any(|asked| asked.id == *id)
}

/// None when no point shows that the script cares.
fn change(pair: &Pair<'_>, (was, is): (&Check, &Check), id: &CheckId, edit: &Change) -> Option<Change> {
    let direction = carried(pair, is, id, edit)?;
    let verb = |way: Direction| match way {
        Direction::Different => "edited",
        way => way.name(),
    };
    let words = match (edit.direction, direction) {
        (Direction::Looser | Direction::Tighter, way) if way == edit.direction => {
            format!("reads {id}: {} too", way.name())
        }
        (of_asked, Direction::Different) => {
            format!("reads {id}, which is {}: neither contains the other", verb(of_asked))
        }
        (of_asked, way) => format!("reads {id}, which is {}: {} by that", verb(of_asked), way.name()),
    };
    let told = |value: &Option<String>| value.as_ref().map(|value| format!("{} {value}", edit.part));
    let part = format!("reads {id}");
    let mut change = Edit::of(part, told(&edit.before), told(&edit.after))
        .goes(direction)
        .because(words)
        .bears(if was.shadow { Bearing::Untouched } else { Bearing::Acts })
        .about_check(Some(was), Some(is));
    change.proof = Proof::Sampled;
    Some(change)
}

/// Which way the script goes where the asked check goes the way of `edit`: tried at every point, with the check firing
/// and with what it may say instead now.
fn carried(pair: &Pair<'_>, is: &Check, id: &CheckId, edit: &Change) -> Option<Direction> {
    let lower: &[(Asked, Asked)] = match edit.part.as_str() {
        "for" => &[(Asked::Firing, Asked::Pending)],
        "in" | "clear_after" => &[(Asked::Firing, Asked::Ok)],
        _ => &[(Asked::Firing, Asked::Ok), (Asked::Firing, Asked::Pending), (Asked::Pending, Asked::Ok)],
    };
    let (space, key) = (Space::new(pair, is, is), Key::Asked(id.clone()));
    let points = space.size().min(MOST_POINTS);
    let gate = is.kind == CheckKind::Gate;
    let says = |point: Point| severity(call(pair.new, is, &point), gate);
    let (mut milder, mut harder) = (false, false);
    for at in 0..points {
        let point = space.point(at, points);
        for (more, less) in lower {
            let (high, low) = (says(point.with(&key, *more)), says(point.with(&key, *less)));
            (milder, harder) = (milder || low < high, harder || low > high);
        }
    }
    // As the asked check fires less.
    let way = match (milder, harder) {
        (false, false) => return None,
        (true, false) => Direction::Looser,
        (false, true) => Direction::Tighter,
        (true, true) => Direction::Different,
    };
    Some(match edit.direction {
        Direction::Looser => way,
        Direction::Tighter => way.reversed(),
        Direction::Different => Direction::Different,
    })
}
