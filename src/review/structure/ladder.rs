//! The stages: who is exposed, for how long, and what it takes to leave.

use std::cmp::Ordering;

use crate::model::time::Duration;
use crate::policy::compiled::{Approvals, CheckIx, EarlyExit, OnMax, Policy, Stage, StageIx};
use crate::review::change::{Bearing, Change, Direction, Subject};

use super::weight::{self, Weight};
use super::{Edit, Pair, moved, rules, words};

/// Every edit of a stage, and of their order.
pub(crate) fn changes(pair: &Pair<'_>) -> Vec<Change> {
    let mut all = Vec::new();
    for (at, was) in (0..).map(StageIx).zip(&pair.old.stages) {
        let there = pair.now(at).and_then(|ix| pair.new.stage(ix));
        match there {
            Some(is) => all.extend(edited(pair, was, is)),
            None => {
                let edit = Edit::of("", Some(described(pair.old, was)), None);
                let edit = rung(pair.old, was, edit, Direction::Looser, "one rung less");
                all.push(about(edit, Some(was), None));
            }
        }
    }
    for is in pair.came().filter_map(|ix| pair.new.stage(ix)) {
        let edit = Edit::of("", None, Some(described(pair.new, is)));
        let edit = rung(pair.new, is, edit, Direction::Tighter, "one rung more");
        all.push(about(edit, None, Some(is)));
    }
    let names = |policy: &Policy, other: &Policy| -> Vec<String> {
        let common = policy.stages.iter().filter(|stage| other.find_stage(stage.name.as_str()).is_some());
        common.map(|stage| stage.name.to_string()).collect()
    };
    let (before, after) = (names(pair.old, pair.new), names(pair.new, pair.old));
    if before != after {
        let edit = Edit::new("order", before.join(", "), after.join(", "));
        all.push(edit.because("the stages are climbed in another order").about(Subject::Policy("stages".to_owned())));
    }
    all
}

fn about(edit: Edit, was: Option<&Stage>, is: Option<&Stage>) -> Change {
    let name = is.or(was).map_or_else(|| "".into(), |stage| stage.name.clone());
    Change {
        was_at: was.map(|stage| stage.origin.clone()),
        is_at: is.map(|stage| stage.origin.clone()),
        ..edit.about(Subject::Stage(name))
    }
}

/// A rung on the way up that came or went: without it the step is larger, and comes after less bake. The top is where
/// the way ends: without it fewer are exposed, and watched for less long.
fn rung(policy: &Policy, stage: &Stage, edit: Edit, direction: Direction, words: &str) -> Edit {
    let at = policy.stages.iter().position(|one| one.name == stage.name).unwrap_or_default();
    let Some(above) = policy.stages.get(at + 1) else { return edit.because(format!("{words}, at the top")) };
    let below = at.checked_sub(1).and_then(|at| policy.stages.get(at)).map_or(0.0, |below| below.traffic);
    let skipped = match direction {
        Direction::Looser => ": what it watched and asked for is skipped, and",
        Direction::Tighter | Direction::Different => "; without it",
    };
    let words = format!("{words}{skipped} exposure goes from {below}% to {}% in one step", above.traffic);
    edit.goes(direction).because(words)
}

fn described(policy: &Policy, stage: &Stage) -> String {
    let at = policy.stages.iter().position(|one| one.name == stage.name);
    let below = at.and_then(|at| policy.stages.get(at.checked_sub(1)?)).map(|below| format!(", after {}", below.name));
    format!("{}% of traffic{}", stage.traffic, below.unwrap_or_default())
}

fn edited(pair: &Pair<'_>, was: &Stage, is: &Stage) -> Vec<Change> {
    let mut edits = Vec::new();
    if was.name != is.name {
        let edit = Edit::new("name", was.name.as_str(), is.name.as_str());
        edits.push(edit.because("renamed: the rung that stood there, by another name"));
    }
    if was.traffic.total_cmp(&is.traffic) != Ordering::Equal {
        let direction = Direction::of(was.traffic.total_cmp(&is.traffic));
        let edit = Edit::new("traffic", format!("{}%", was.traffic), format!("{}%", is.traffic)).goes(direction);
        edits.push(edit.because(if direction == Direction::Looser { "more are exposed" } else { "fewer are exposed" }));
    }
    edits.extend(sets("audience", &was.audience, &is.audience, Direction::Looser));
    edits.extend(bake(pair, was, is));
    edits.extend(gates("gates", pair, &was.gates, &is.gates));
    edits.extend(approvals(was.approvals.as_ref(), is.approvals.as_ref()));
    edits.extend(early_exit(pair, was.early_exit.as_ref(), is.early_exit.as_ref()));
    let mut all: Vec<Change> = edits.into_iter().map(|edit| about(edit, Some(was), Some(is))).collect();
    let deadline = if was.on_max == OnMax::Rollback { Weight::ROLL_BACK } else { Weight::default() };
    let weighed = longest(was, is).into_iter().map(|edit| (edit, deadline));
    let weighed = weighed.chain(rollback_to(pair, was, is).map(|edit| (edit, Weight::ROLL_BACK)));
    let weighed = weighed.chain(limits(pair, was, is));
    all.extend(weighed.map(|(edit, weight)| weight.on(about(edit, Some(was), Some(is)))));
    all
}

/// A list of which more members go in `direction`.
fn sets(part: &str, was: &[String], is: &[String], direction: Direction) -> Option<Edit> {
    let (gone, came) = moved(was, is);
    let direction = match (gone.is_empty(), came.is_empty()) {
        (true, true) => return None,
        (true, false) => direction,
        (false, true) => direction.reversed(),
        (false, false) => Direction::Different,
    };
    Some(Edit::new(part, words::listed(was), words::listed(is)).goes(direction))
}

fn bake(pair: &Pair<'_>, was: &Stage, is: &Stage) -> Option<Edit> {
    // Never left by itself is the longest of all.
    let length = |bake: Option<Duration>| bake.unwrap_or(Duration::MAX);
    let direction = Direction::of(length(is.bake).cmp(&length(was.bake)));
    let shown = |policy: &Policy, stage: &Stage| match stage.bake {
        Some(bake) => bake.to_string(),
        None if policy.stages.last() == Some(stage) => "none, it is the last stage".to_owned(),
        None => "until a person advances it".to_owned(),
    };
    let edit = Edit::new("bake", shown(pair.old, was), shown(pair.new, is)).goes(direction);
    (was.bake != is.bake).then_some(edit)
}

fn longest(was: &Stage, is: &Stage) -> Vec<Edit> {
    let mut edits = Vec::new();
    let shown = |max: Option<Duration>| max.map(|max| max.to_string());
    if was.max != is.max {
        let length = |max: Option<Duration>| max.unwrap_or(Duration::MAX);
        let direction = Direction::of(length(was.max).cmp(&length(is.max)));
        let edit = Edit::of("max", shown(was.max), shown(is.max)).goes(direction);
        let words = "how long it may last before the exposure is taken back";
        edits.push(if was.on_max == OnMax::Rollback { edit.because(words) } else { edit });
    }
    if was.on_max != is.on_max {
        let name = |on_max: OnMax| if on_max == OnMax::Rollback { "rollback" } else { "hold" };
        let edit = Edit::new("on_max", name(was.on_max), name(is.on_max));
        edits.push(match (was.max.or(is.max), is.on_max) {
            (None, _) => edit.bears(Bearing::Untouched).because("nothing is decided by it: the stage has no `max`"),
            (Some(_), OnMax::Rollback) => edit.goes(Direction::Tighter),
            (Some(_), OnMax::Hold) => edit.goes(Direction::Looser),
        });
    }
    edits
}

fn names(policy: &Policy, gates: &[CheckIx]) -> Vec<String> {
    gates.iter().filter_map(|ix| policy.check(*ix)).map(|gate| gate.id.to_string()).collect()
}

/// Gates that both policies know: one that came or went is told as such.
fn gates(part: &str, pair: &Pair<'_>, was: &[CheckIx], is: &[CheckIx]) -> Option<Edit> {
    let known = |name: &String| pair.old.find_check(name).is_some() && pair.new.find_check(name).is_some();
    let old: Vec<String> = names(pair.old, was).into_iter().filter(known).collect();
    let new: Vec<String> = names(pair.new, is).into_iter().filter(known).collect();
    sets(part, &old, &new, Direction::Tighter)
}

fn approvals(was: Option<&Approvals>, is: Option<&Approvals>) -> Option<Edit> {
    if was == is {
        return None;
    }
    let of = |approvals: Option<&Approvals>| -> (Vec<String>, u32) {
        approvals.map_or((Vec::new(), 0), |all| (all.roles.iter().map(ToString::to_string).collect(), all.people))
    };
    let ((old_roles, old_people), (new_roles, new_people)) = (of(was), of(is));
    let (gone, came) = moved(&old_roles, &new_roles);
    let directions = [
        (!came.is_empty()).then_some(Direction::Tighter),
        (!gone.is_empty()).then_some(Direction::Looser),
        (old_people != new_people).then(|| Direction::of(new_people.cmp(&old_people))),
    ];
    let direction = directions.into_iter().flatten().reduce(Direction::and).unwrap_or(Direction::Different);
    let shown = |approvals: Option<&Approvals>| {
        let (roles, people) = of(approvals);
        let who = if people == 1 { "1 person".to_owned() } else { format!("{people} people") };
        approvals.map(|_| format!("{} ({who})", words::listed(&roles)))
    };
    Some(Edit::of("approvals", shown(was), shown(is)).goes(direction))
}

fn early_exit(pair: &Pair<'_>, was: Option<&EarlyExit>, is: Option<&EarlyExit>) -> Vec<Edit> {
    let shown = |policy: &Policy, exit: &EarlyExit| {
        let gates = names(policy, &exit.gates);
        let gates = if gates.is_empty() { String::new() } else { format!(", {}", words::listed(&gates)) };
        format!("after {}, {} samples{gates}", exit.after, exit.samples)
    };
    match (was, is) {
        (None, None) => Vec::new(),
        (None, Some(exit)) => {
            let edit = Edit::of("early_exit", None, Some(shown(pair.new, exit))).goes(Direction::Looser);
            vec![edit.because("the stage may be left before its bake is served")]
        }
        (Some(exit), None) => {
            let edit = Edit::of("early_exit", Some(shown(pair.old, exit)), None).goes(Direction::Tighter);
            vec![edit.because("the stage is never left before its bake is served")]
        }
        (Some(was), Some(is)) => {
            let mut edits = Vec::new();
            if was.after != is.after {
                let edit = Edit::new("early_exit.after", was.after.to_string(), is.after.to_string());
                edits.push(edit.goes(Direction::of(is.after.cmp(&was.after))));
            }
            if was.samples != is.samples {
                let edit = Edit::new("early_exit.samples", was.samples.to_string(), is.samples.to_string());
                edits.push(edit.goes(Direction::of(is.samples.cmp(&was.samples))));
            }
            edits.extend(gates("early_exit.gates", pair, &was.gates, &is.gates));
            edits
        }
    }
}

fn rollback_to(pair: &Pair<'_>, was: &Stage, is: &Stage) -> Option<Edit> {
    let (old, new) = (pair.old.stage(was.rollback_to)?, pair.new.stage(is.rollback_to)?);
    let now = pair.now(was.rollback_to);
    if now == Some(is.rollback_to) {
        return None;
    }
    let edit = Edit::new("rollback_to", old.name.as_str(), new.name.as_str());
    Some(match now {
        Some(before) => edit.goes(Direction::of(before.cmp(&is.rollback_to))),
        None => edit,
    })
}

/// Limits of a metric that are this stage's own, and the worst of what each edit may keep from acting there.
fn limits(pair: &Pair<'_>, was: &Stage, is: &Stage) -> Vec<(Edit, Weight)> {
    let mut edits = Vec::new();
    let stage = pair.old.find_stage(was.name.as_str());
    for (at, metric) in pair.new.catalogue.metrics().iter().enumerate() {
        let Some(old_at) = pair.old.catalogue.find(metric.name.as_str()).map(|ix| usize::from(ix.0)) else { continue };
        let (Some(old), Some(new), Some(old_rules), Some(new_rules)) =
            (was.limits.get(old_at), is.limits.get(at), pair.old.metrics.get(old_at), pair.new.metrics.get(at))
        else {
            continue;
        };
        let mut add = |mut edit: Edit, wider: bool| {
            let weight = weight::of_limit(pair, metric, old_rules, wider, stage);
            edit.part = format!("metrics.{}.{}", metric.name, edit.part);
            edits.push((edit, weight));
        };
        // What the metric says for every stage is told of the metric.
        let everywhere = old.min_samples == old_rules.min_samples && new.min_samples == new_rules.min_samples;
        if old.min_samples != new.min_samples && !everywhere {
            add(rules::min_samples(old.min_samples, new.min_samples), new.min_samples < old.min_samples);
        }
        let everywhere = old.max_age == old_rules.max_age && new.max_age == new_rules.max_age;
        if old.max_age != new.max_age && !everywhere {
            add(rules::max_age(old.max_age, new.max_age), new.max_age > old.max_age);
        }
    }
    edits
}
