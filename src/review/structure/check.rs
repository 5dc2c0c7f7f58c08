//! Thresholds, triggers and gates: every edited part of each, in the direction it goes.

use crate::model::finding::CheckKind;
use crate::model::frame::Group;
use crate::model::severity::Response;
use crate::policy::compiled::{Check, Condition, Policy, StageIx, Than};
use crate::review::change::{Bearing, Change, Direction};

use super::reading::{Shows, example};
use super::{Edit, Pair, bound, matching, window, words};

/// Said of every edit of a check that was in shadow.
const WAS_IN_SHADOW: &str = "it was in shadow: told, never acted on";

/// Every edit of a check.
pub(crate) fn changes(pair: &Pair<'_>) -> Vec<Change> {
    let mut all = Vec::new();
    for matched in matching::checks(pair) {
        match matched {
            (Some(was), Some(is)) => all.extend(edited(pair, was, is)),
            (None, Some(is)) => all.push(whole(pair, None, Some(is))),
            (Some(was), None) => all.push(whole(pair, Some(was), None)),
            (None, None) => {}
        }
    }
    all
}

/// A check that came or went.
fn whole(pair: &Pair<'_>, was: Option<&Check>, is: Option<&Check>) -> Change {
    let before = was.map(|check| words::check(pair.old, check));
    let after = is.map(|check| words::check(pair.new, check));
    let edit = Edit::of("", before, after);
    let (policy, check, direction) = match (was, is) {
        (Some(check), _) => (pair.old, check, Direction::Looser),
        (None, Some(check)) => (pair.new, check, Direction::Tighter),
        (None, None) => return edit.about_check(None, None),
    };
    let places = active_in(policy, check);
    let edit = if check.shadow && was.is_some() {
        edit.bears(Bearing::Untouched).because(WAS_IN_SHADOW)
    } else if check.shadow {
        edit.bears(Bearing::Untouched).because("it is in shadow: told, never acted on")
    } else if check.kind == CheckKind::Gate && places.is_empty() {
        edit.bears(Bearing::Untouched).because("no stage asks for this gate")
    } else if check.kind == CheckKind::Gate {
        edit.goes(direction).because(format!("asked for leaving {}", words::listed(&places)))
    } else if places.len() < policy.stages.len() {
        edit.goes(direction).because(format!("active in {}", words::listed(&places)))
    } else {
        edit.goes(direction)
    };
    let direction = edit.direction;
    let mut change = edit.about_check(was, is);
    if direction != Direction::Different {
        change.counterexample = example(pair, was, is, direction, Shows::Value);
    }
    change
}

fn active_in(policy: &Policy, check: &Check) -> Vec<String> {
    let stages = (0..).map(StageIx).zip(&policy.stages);
    stages.filter(|(ix, _)| matching::is_active(policy, check, *ix)).map(|(_, stage)| stage.name.to_string()).collect()
}

fn edited(pair: &Pair<'_>, was: &Check, is: &Check) -> Vec<Change> {
    let mut edits = Vec::new();
    edits.extend(renamed(was, is));
    edits.extend(condition(pair, was, is));
    edits.extend(windows(was, is));
    edits.extend(stages(pair, was, is));
    edits.extend(target(pair, was, is));
    if was.shadow != is.shadow {
        let direction = if is.shadow { Direction::Looser } else { Direction::Tighter };
        let edit = Edit::new(SHADOW, words::flag(was.shadow), words::flag(is.shadow)).goes(direction);
        edits.push((edit.because("in shadow it is told and never acted on"), Some(Shows::Shadow)));
    }
    if was.unless_control != is.unless_control {
        let direction = if is.unless_control { Direction::Looser } else { Direction::Tighter };
        let edit = Edit::new("unless_control", words::flag(was.unless_control), words::flag(is.unless_control));
        edits.push((edit.goes(direction), Some(Shows::ControlToo)));
    }
    if was.kind == CheckKind::Trigger && is.kind == CheckKind::Trigger && was.severity != is.severity {
        let edit = Edit::new("severity", was.severity.key(), is.severity.key());
        let edit = edit.goes(Direction::of(is.severity.cmp(&was.severity)));
        if was.response == is.response {
            let words = format!("it {} all the same", words::does(is.response));
            edits.push((edit.because(words), None));
        } else {
            let words = format!("it {} now, and {} before", words::does(is.response), words::did(was.response));
            edits.push((edit.because(words), Some(Shows::Response)));
        }
    }
    let finish = |(edit, shows): (Edit, Option<Shows>)| {
        let direction = edit.direction;
        let mut change = edit.about_check(Some(was), Some(is));
        if was.shadow {
            let gap = if change.words.is_empty() { "" } else { "; " };
            change.words = format!("{}{gap}{WAS_IN_SHADOW}", change.words);
            // That it comes out of shadow is what makes it act.
            if change.bearing == Bearing::Acts && change.part != SHADOW {
                change.bearing = Bearing::Untouched;
            }
        }
        change.counterexample = shows.and_then(|shows| example(pair, Some(was), Some(is), direction, shows));
        change
    };
    edits.into_iter().map(finish).collect()
}

/// The key that puts a check into shadow.
const SHADOW: &str = "shadow";

type Shown = (Edit, Option<Shows>);

/// The same watched the same way, under another id.
fn renamed(was: &Check, is: &Check) -> Option<Shown> {
    if was.id == is.id {
        return None;
    }
    let edit = Edit::new("id", was.id.as_str(), is.id.as_str());
    if was.kind == CheckKind::Gate || (was.response == is.response && was.severity == is.severity) {
        let words = "renamed: acts as before; mutes and expectations that name the old id do not find it";
        return Some((edit.bears(Bearing::AsBefore).because(words), None));
    }
    let order = is.response.cmp(&was.response).then(is.severity.cmp(&was.severity));
    let words = format!("the same bound as {}: it {} now", is.severity, words::does(is.response));
    Some((edit.goes(Direction::of(order)).because(words), Some(Shows::Response)))
}

fn condition(pair: &Pair<'_>, was: &Check, is: &Check) -> Vec<Shown> {
    let whole = || Edit::new("metric", words::check(pair.old, was), words::check(pair.new, is));
    match (&was.condition, &is.condition) {
        (Condition::Bound(a), Condition::Bound(b)) => {
            let metric = |policy: &Policy, bound: &crate::policy::compiled::Bound| {
                policy.catalogue.metric(bound.metric).cloned()
            };
            match (metric(pair.old, a), metric(pair.new, b)) {
                (Some(old), Some(new)) if old.name == new.name && old.unit == new.unit => {
                    let mut edits = bound::edits(&new, (was, a), (is, b));
                    // The metric's own group changed, and is told there.
                    let own = |policy: &Policy, bound: &crate::policy::compiled::Bound| {
                        policy.metrics.get(usize::from(bound.metric.0)).is_some_and(|rules| rules.group == bound.group)
                    };
                    if own(pair.old, a) && own(pair.new, b) {
                        edits.retain(|edit| edit.part != "group");
                    }
                    edits.into_iter().map(|edit| (edit, Some(Shows::Value))).collect()
                }
                (Some(old), Some(new)) if old.name == new.name => {
                    // In the same words it is told of the metric, once for all its checks.
                    let edit = whole();
                    let same = edit.before == edit.after;
                    if same { Vec::new() } else { vec![(edit.because("the metric's unit changed"), None)] }
                }
                _ => vec![(whole().because("it watches another metric"), None)],
            }
        }
        // What scripts say is compared by evaluating them.
        (Condition::Script { .. }, Condition::Script { .. }) => Vec::new(),
        _ => vec![(whole().because("from a bound to a script, or back: not comparable by inclusion"), None)],
    }
}

fn windows(was: &Check, is: &Check) -> Vec<Shown> {
    let mut edits = Vec::new();
    let clears = |edit: Edit| {
        let direction = window::direction(was.clear, is.clear).reversed();
        let edit = edit.goes(direction);
        if direction == Direction::Different { edit.because(COUNT_AND_TIME) } else { edit }
    };
    if was.kind == CheckKind::Gate {
        // How long it must have held is how long it stays closed.
        if !window::is_same(was.clear, is.clear) {
            let edit = Edit::new("for", window::shown(was.clear), window::shown(is.clear));
            edits.push((clears(edit), Some(Shows::Window)));
        }
        return edits;
    }
    if !window::is_same(was.window, is.window) {
        let direction = window::direction(was.window, is.window);
        let edit = Edit::new("for", window::shown(was.window), window::shown(is.window)).goes(direction);
        let edit = if direction == Direction::Different { edit.because(COUNT_AND_TIME) } else { edit };
        edits.push((edit, Some(Shows::Window)));
    }
    if !window::is_same(was.clear, is.clear) {
        let edit = clears(Edit::new("clear_after", window::shown(was.clear), window::shown(is.clear)));
        let edit = if edit.words.is_empty() { edit.because("once firing, it blocks until it is clear") } else { edit };
        edits.push((edit, None));
    }
    edits
}

/// Said of two windows that do not contain each other.
const COUNT_AND_TIME: &str = "each fires on observations on which the other does not";

fn stages(pair: &Pair<'_>, was: &Check, is: &Check) -> Option<Shown> {
    if was.kind == CheckKind::Gate || is.kind == CheckKind::Gate {
        return None;
    }
    let (mut directions, mut left_out) = (Vec::new(), false);
    for (old, new) in &pair.stages {
        match (was.stages.contains(*old), is.stages.contains(*new)) {
            (true, false) if is_empty(pair.old, was, *old) && is_empty(pair.new, is, *new) => left_out = true,
            (true, false) => directions.push(Direction::Looser),
            (false, true) => directions.push(Direction::Tighter),
            _ => {}
        }
    }
    let edit = Edit::new("in", words::stages(pair.old, was.stages), words::stages(pair.new, is.stages));
    if let Some(direction) = directions.into_iter().reduce(Direction::and) {
        return Some((edit.goes(direction), Some(Shows::Stages)));
    }
    let everywhere = (0..).map(StageIx).take(pair.old.stages.len()).all(|stage| was.stages.contains(stage));
    let new: Vec<&str> = pair
        .came()
        .filter(|stage| !is.stages.contains(*stage) && !is_empty(pair.new, is, *stage))
        .filter_map(|stage| pair.new.stage(stage).map(|stage| stage.name.as_str()))
        .collect();
    let gone = (0..)
        .map(StageIx)
        .take(pair.old.stages.len())
        .any(|stage| was.stages.contains(stage) && pair.now(stage).is_none());
    let came = pair.came().any(|stage| is.stages.contains(stage));
    match edit.before == edit.after {
        false if everywhere && !new.is_empty() => {
            let words = format!("it watched every stage, and does not watch {}, which is new", words::listed(&new));
            Some((edit.because(words), None))
        }
        _ if left_out => {
            let words = "nobody of the group it watches is in the stages it leaves out";
            Some((edit.bears(Bearing::Untouched).because(words), None))
        }
        // A rung by another name is watched by that name.
        false if gone || came => {
            let words = "follows the ladder: it watches the stages that both have as before";
            Some((edit.bears(Bearing::AsBefore).because(words), None))
        }
        _ => None,
    }
}

/// Whether the stage leaves those empty whom a bound watches, so that it says nothing there.
fn is_empty(policy: &Policy, check: &Check, stage: StageIx) -> bool {
    let (Condition::Bound(bound), Some(stage)) = (&check.condition, policy.stage(stage)) else { return false };
    let control = bound.limit.than() == Some(Than::Control) && stage.leaves_empty(Group::Control);
    control || stage.leaves_empty(bound.group)
}

/// Where a roll back leads, where the check rolls back in both.
fn target(pair: &Pair<'_>, was: &Check, is: &Check) -> Option<Shown> {
    if was.response < Response::Rollback || is.response < Response::Rollback {
        return None;
    }
    let name = |policy: &Policy, target: Option<StageIx>| {
        target.and_then(|ix| policy.stage(ix)).map(|stage| stage.name.to_string())
    };
    let (before, after) = (name(pair.old, was.target), name(pair.new, is.target));
    if was.target.map(|stage| pair.now(stage)) == is.target.map(Some) {
        return None;
    }
    let mut directions = Vec::new();
    for (old, new) in pair.stages.iter().filter(|(old, new)| was.stages.contains(*old) && is.stages.contains(*new)) {
        let own = |policy: &Policy, stage: StageIx, target: Option<StageIx>| {
            target.or_else(|| policy.stage(stage).map(|stage| stage.rollback_to))
        };
        let from = own(pair.old, *old, was.target).and_then(|stage| pair.now(stage));
        let (Some(from), Some(to)) = (from, own(pair.new, *new, is.target)) else {
            // Where it led is no rung any more.
            directions.push(Direction::Different);
            continue;
        };
        if from != to {
            directions.push(Direction::of(from.cmp(&to)));
        }
    }
    let direction = directions.into_iter().reduce(Direction::and);
    let usual = || "as the stage says".to_owned();
    let edit = Edit::new("target", before.unwrap_or_else(usual), after.unwrap_or_else(usual));
    let edit = match direction {
        Some(direction) => edit.goes(direction).because("a roll back leads elsewhere; lower is tighter"),
        None => edit.bears(Bearing::AsBefore).because("a roll back leads where it led before"),
    };
    Some((edit, None))
}
