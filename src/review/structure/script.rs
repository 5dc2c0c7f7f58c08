//! Scripts: both versions are evaluated at generated points around every number they could turn at. What no point
//! shows may still differ, and the words say so.

use std::collections::BTreeMap;

use crate::model::finding::CheckKind;
use crate::model::frame::{Group, MetricIx};
use crate::model::ids::{CheckId, MetricName};
use crate::model::reading::{Reading, Truth, Unknown};
use crate::policy::compiled::{Check, CheckIx, Condition, Policy};
use crate::policy::script::Facts;
use crate::review::change::{Bearing, Change, Direction, Proof, Subject};

use super::{Edit, Pair, matching, words};

mod depending;
mod points;

pub(crate) use depending::depending;
use points::{Asked, Key, Point};

/// Points tried for one script: all combinations when there are no more, else as many spread over them.
const MOST_POINTS: u64 = 8_192;

/// Every script whose text was edited; a moved comment is no edit.
pub(crate) fn changes(pair: &Pair<'_>) -> Vec<Change> {
    let mut by_function: BTreeMap<String, Vec<(&Check, &Check)>> = BTreeMap::new();
    for matched in matching::checks(pair) {
        let (Some(was), Some(is)) = matched else { continue };
        if texts(was, is).is_some_and(|(old, new)| old != new || name(was) != name(is)) {
            by_function.entry(name(is)).or_default().push((was, is));
        }
    }
    by_function.iter().map(|(function, checks)| change(pair, function, checks)).collect()
}

fn change(pair: &Pair<'_>, function: &str, checks: &[(&Check, &Check)]) -> Change {
    let samples: Vec<Sampled> = checks.iter().map(|(was, is)| sampled(pair, was, is)).collect();
    let found = told(&samples);
    let names: Vec<&str> = checks.iter().map(|(_, is)| is.id.as_str()).collect();
    let (before, after) = (checks.first().map(|(was, _)| name(was)), checks.first().map(|(_, is)| name(is)));
    let (before, after) = if before == after { (None, None) } else { (before, after) };
    let words = format!("what {} says; {}", words::listed(&names), found.words);
    let bearing = bearing(&found, checks.iter().map(|(was, _)| *was));
    let edit = Edit::of("", before, after).goes(found.direction).bears(bearing).because(words);
    let (was, is) = checks.first().copied().unzip();
    let mut change = edit.about_check(was, is);
    change.subject = Subject::Script(function.to_owned());
    change.proof = Proof::Sampled;
    change
}

/// What trying says in the end.
pub(crate) struct Found {
    pub(crate) direction: Direction,
    /// Whether any point differs.
    pub(crate) differs: bool,
    pub(crate) words: String,
}

/// What an edit bears on that reaches these checks, as they were: what is in shadow acts on nothing.
pub(crate) fn bearing<'c>(found: &Found, mut checks: impl Iterator<Item = &'c Check>) -> Bearing {
    match found.differs {
        _ if checks.all(|was| was.shadow) => Bearing::Untouched,
        true => Bearing::Acts,
        false => Bearing::NotFound,
    }
}

/// What was found of a script, and of all scripts that an edit reaches.
pub(crate) fn told(samples: &[Sampled]) -> Found {
    let points: u64 = samples.iter().map(|one| one.points).sum();
    let differ: u64 = samples.iter().map(|one| one.differ).sum();
    if differ == 0 {
        let words = format!("no difference at {points} points, sampled, not proved");
        return Found { direction: Direction::Different, differs: false, words };
    }
    let directions = samples.iter().filter(|one| one.differ > 0).map(|one| one.direction);
    let direction = directions.reduce(Direction::and).unwrap_or(Direction::Different);
    let example = samples.iter().find_map(|one| one.example.clone()).unwrap_or_default();
    let words = format!("differs at {differ} of {points} points, sampled, not proved; at {example}");
    Found { direction, differs: true, words }
}

/// The name of the function that a check asks.
pub(crate) fn name(check: &Check) -> String {
    let after = check.words.split("script ").nth(1).unwrap_or_default();
    after.split(' ').next().unwrap_or_default().to_owned()
}

fn texts(was: &Check, is: &Check) -> Option<(u64, u64)> {
    match (&was.condition, &is.condition) {
        (Condition::Script { text: old, .. }, Condition::Script { text: new, .. }) => Some((*old, *new)),
        _ => None,
    }
}

/// What came of trying both versions of a script.
#[derive(Debug, Clone)]
pub(crate) struct Sampled {
    pub(crate) points: u64,
    pub(crate) differ: u64,
    /// Where any point differs: what all that do have in common.
    pub(crate) direction: Direction,
    /// One of them in words.
    pub(crate) example: Option<String>,
}

/// Tries both versions of a script at every point worth trying.
pub(crate) fn sampled(pair: &Pair<'_>, was: &Check, is: &Check) -> Sampled {
    let space = points::Space::new(pair, was, is);
    let points = space.size().min(MOST_POINTS);
    let mut sampled = Sampled { points, differ: 0, direction: Direction::Different, example: None };
    let gate = is.kind == CheckKind::Gate;
    let (mut tighter, mut looser) = (false, false);
    for at in 0..points {
        let point = space.point(at, points);
        let (before, after) = (call(pair.old, was, &point), call(pair.new, is, &point));
        let (old, new) = (severity(before, gate), severity(after, gate));
        if old == new {
            continue;
        }
        sampled.differ += 1;
        (tighter, looser) = (tighter || new > old, looser || new < old);
        sampled.example.get_or_insert_with(|| {
            format!("{}: {} before, {} now", space.words(pair, &point), says(before, gate), says(after, gate))
        });
    }
    sampled.direction = match (tighter, looser) {
        (true, false) => Direction::Tighter,
        (false, true) => Direction::Looser,
        _ => Direction::Different,
    };
    sampled
}

/// How much an answer stands in the way: an unknown holds, a breach of a trigger rolls back.
const fn severity(truth: Truth, gate: bool) -> u8 {
    match truth {
        Truth::Ok => 0,
        Truth::Unknown(_) => 1,
        Truth::Breach if gate => 1,
        Truth::Breach => 2,
    }
}

const fn says(truth: Truth, gate: bool) -> &'static str {
    match (truth, gate) {
        (Truth::Ok, true) => "opened the gate",
        (Truth::Breach, true) => "kept the gate closed",
        (Truth::Ok, false) => "passed",
        (Truth::Breach, false) => "fired",
        (Truth::Unknown(_), _) => "was unknown",
    }
}

fn call(policy: &Policy, check: &Check, point: &Point) -> Truth {
    match &check.condition {
        Condition::Script { function, .. } => policy.scripts.call(*function, &View { policy, point }).truth,
        Condition::Bound(_) => Truth::Unknown(Unknown::Absent),
    }
}

/// A point as one policy's scripts see it.
struct View<'a> {
    policy: &'a Policy,
    point: &'a Point,
}

impl View<'_> {
    fn metric(&self, ix: MetricIx) -> MetricName {
        self.policy.catalogue.metric(ix).map_or_else(|| MetricName::new(""), |metric| metric.name.clone())
    }

    fn number(&self, key: &Key) -> Reading {
        self.point.number(key).map_or(Reading::Unknown(Unknown::Absent), Reading::Value)
    }

    fn asked(&self, check: CheckIx, holds: impl Fn(Asked) -> bool) -> Truth {
        let id = self.policy.check(check).map_or_else(|| CheckId::new(""), |check| check.id.clone());
        match self.point.asked(&Key::Asked(id)) {
            None | Some(Asked::Unknown) => Truth::Unknown(Unknown::Absent),
            Some(asked) if holds(asked) => Truth::Breach,
            Some(_) => Truth::Ok,
        }
    }
}

impl Facts for View<'_> {
    fn reading(&self, metric: MetricIx, group: Group) -> Reading {
        self.number(&Key::Reading(self.metric(metric), group))
    }

    fn baseline(&self, metric: MetricIx) -> Reading {
        self.number(&Key::Baseline(self.metric(metric)))
    }

    fn breached(&self, check: CheckIx) -> Truth {
        self.asked(check, |asked| asked == Asked::Firing)
    }

    fn pending(&self, check: CheckIx) -> Truth {
        self.asked(check, |asked| asked == Asked::Pending)
    }
}
