//! The smallest reading that shows an edit: on the grid that bounds are written on, nearest to the bound in force now,
//! and tried on both policies by the engine.

use crate::model::finding::{CheckKind, FindingState, Side};
use crate::model::frame::Metric;
use crate::model::units::Unit;
use crate::policy::compiled::{Bound, Check, CheckIx, Condition, Policy, StageIx, Than, Window};
use crate::review::change::{Counterexample, Direction};

use super::effect::{Effect, effect};
use super::probe::{Answered, Reading, ask};
use super::{Pair, bound, grid, matching, window, words};

/// The policies do something else at once, by the check itself.
const MOST_TELLING: u8 = 4;

/// Which part of a check an example is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shows {
    /// The bound, or that the check is there at all.
    Value,
    /// How long it must be broken.
    Window,
    /// That control breaks it too.
    ControlToo,
    /// That it is only told.
    Shadow,
    /// Where it is active.
    Stages,
    /// What it does.
    Response,
}

/// A reading on which the policies disagree because of the check `old` became `new`; the engine has seen it.
pub(crate) fn example(
    pair: &Pair<'_>,
    old: Option<&Check>,
    new: Option<&Check>,
    direction: Direction,
    shows: Shows,
) -> Option<Counterexample> {
    let search = Search::new(pair, old, new, shows)?;
    match direction {
        Direction::Looser => search.find(true),
        Direction::Tighter => search.find(false),
        Direction::Different => search.find(true).or_else(|| search.find(false)),
    }
}

struct Search<'p, 'a> {
    pair: &'p Pair<'a>,
    old: Option<(&'p Check, &'p Bound)>,
    new: Option<(&'p Check, &'p Bound)>,
    metric: &'p Metric,
    shows: Shows,
}

impl<'p, 'a> Search<'p, 'a> {
    fn new(pair: &'p Pair<'a>, old: Option<&'p Check>, new: Option<&'p Check>, shows: Shows) -> Option<Search<'p, 'a>> {
        let bounds = |check: Option<&'p Check>| match check.map(|check| (check, &check.condition)) {
            Some((check, Condition::Bound(bound))) => Some((check, bound)),
            _ => None,
        };
        let (old_bound, new_bound) = (bounds(old), bounds(new));
        if old.is_some() != old_bound.is_some() || new.is_some() != new_bound.is_some() {
            return None;
        }
        let name = |policy: &'p Policy, bound: Option<(&Check, &Bound)>| policy.catalogue.metric(bound?.1.metric);
        let (was, is) = (name(pair.old, old_bound), name(pair.new, new_bound));
        if let (Some(was), Some(is)) = (was, is)
            && (was.name != is.name || was.unit != is.unit)
        {
            return None;
        }
        Some(Search { pair, old: old_bound, new: new_bound, metric: is.or(was)?, shows })
    }

    /// `by_old`: the old check acts on it and the new one does not; else the other way round.
    fn find(&self, by_old: bool) -> Option<Counterexample> {
        let acting = if by_old { self.old } else { self.new }?;
        let mut best: Option<(Counterexample, u8)> = None;
        for (was, is) in &self.pair.stages {
            let active = match by_old {
                true => matching::is_active(self.pair.old, acting.0, *was),
                false => matching::is_active(self.pair.new, acting.0, *is),
            };
            if !active {
                continue;
            }
            // Where an earlier stage shows less, the stage is a part of the example.
            let named = self.shows == Shows::Stages || best.is_some();
            for reading in self.candidates(by_old, acting) {
                match self.tried((*was, *is), named, by_old, &reading) {
                    // What differs at once says more than what differs until another check has waited long enough, and
                    // that more than what another check does all the same.
                    Some((example, MOST_TELLING)) => return Some(example),
                    Some((example, telling)) if best.as_ref().is_none_or(|(_, so_far)| telling > *so_far) => {
                        best = Some((example, telling));
                    }
                    Some(_) | None => {}
                }
            }
        }
        best.map(|(example, _)| example)
    }

    fn candidates(&self, by_old: bool, acting: (&Check, &Bound)) -> Vec<Reading> {
        let compares = [self.old, self.new].into_iter().flatten().any(|(_, bound)| bound.limit.than().is_some());
        let mut comparisons =
            if compares { grid::comparisons(self.metric).into_iter().map(Some).collect() } else { vec![None] };
        let zero = self.metric.range.is_none_or(|range| range.contains(0.0));
        if let (Some((_, was)), Some((_, is))) = (self.old, self.new)
            && was.floor.is_some() != is.floor.is_some()
            && (bound::defines(self.metric, was) || bound::defines(self.metric, is))
            && zero
        {
            comparisons.push(Some(0.0));
        }
        comparisons.into_iter().flat_map(|comparison| self.at(by_old, acting, comparison)).collect()
    }

    /// Readings worth trying with one comparison value.
    fn at(&self, by_old: bool, acting: (&Check, &Bound), comparison: Option<f64>) -> Vec<Reading> {
        let base = comparison.unwrap_or(0.0);
        let level = |side: Option<(&Check, &Bound)>| side.map(|(_, one)| bound::level(one, base));
        let (was, is) = (level(self.old), level(self.new));
        let outwards = if acting.1.side == Side::Above { 1.0 } else { -1.0 };
        let further = |a: f64, b: f64| if outwards > 0.0 { a.max(b) } else { a.min(b) };
        let nearer = |a: f64, b: f64| if outwards > 0.0 { a.min(b) } else { a.max(b) };
        let both = |pick: &dyn Fn(f64, f64) -> f64| match (was, is) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            (one, other) => one.or(other),
        };
        let (Some(outer), Some(inner)) = (both(&further), both(&nearer)) else { return Vec::new() };
        let gate = acting.0.kind == CheckKind::Gate;
        let step = self.step(comparison.is_some(), outer - inner, inner);
        let mut values = Vec::new();
        for step in grid::steps(step, self.metric.unit) {
            values.push(match (self.shows, by_old, self.old.is_some() && self.new.is_some()) {
                // Inside the bound in force now, as near to it as the grid goes.
                (Shows::Value, true, true) => (is.unwrap_or(outer) - outwards * step, step),
                (Shows::Value, false, true) => (is.unwrap_or(inner) + outwards * step, step),
                // A gate that asks for longer is shown by a reading that holds.
                (Shows::Window, ..) if gate => (inner - outwards * step, step),
                _ => (outer + outwards * step, step),
            });
        }
        if comparison == Some(0.0) {
            values.push((outer + outwards * step, step));
        }
        if gate || self.shows == Shows::Value {
            values.push((if self.shows == Shows::Window { inner } else { is.unwrap_or(inner) }, step / 1e4));
        }
        if self.metric.unit == Unit::State {
            // Only two values, and the bound stands between them.
            values = vec![(if acting.1.side == Side::Above { 1.0 } else { 0.0 }, 1.0)];
        }
        let in_range = |value: &f64| self.metric.range.is_none_or(|range| range.contains(*value));
        let values = values.into_iter().map(|(value, step)| grid::snap(value, step)).filter(in_range);
        let other = if gate { outer + outwards * step } else { inner };
        values.map(|value| self.reading(by_old, acting, value, other, comparison)).collect()
    }

    fn step(&self, compares: bool, distance: f64, level: f64) -> f64 {
        if compares {
            return grid::step_within(if distance == 0.0 { level } else { distance });
        }
        let written = [self.old, self.new].into_iter().flatten().filter_map(|(check, _)| words::literals(check).0);
        let finest = written.filter_map(|text| grid::step(text, self.metric.unit)).reduce(f64::min);
        finest.unwrap_or_else(|| grid::step_within(if distance == 0.0 { level } else { distance }))
    }

    fn reading(
        &self,
        by_old: bool,
        acting: (&Check, &Bound),
        value: f64,
        other: f64,
        comparison: Option<f64>,
    ) -> Reading {
        let than = |wanted: Than| {
            let compares = [self.old, self.new].into_iter().flatten().any(|(_, one)| one.limit.than() == Some(wanted));
            comparison.filter(|_| compares)
        };
        let control = if self.shows == Shows::ControlToo { Some(value) } else { than(Than::Control) };
        Reading {
            metric: self.metric.name.clone(),
            group: acting.1.group,
            value,
            other,
            lasting: self.lasting(by_old),
            baseline: than(Than::Baseline),
            control,
        }
    }

    /// Long enough for both; to show a window, just long enough for the one that asks for less.
    fn lasting(&self, by_old: bool) -> Window {
        let window = |(check, _): (&Check, &Bound)| match check.kind {
            CheckKind::Gate => check.clear,
            _ => check.window,
        };
        let (was, is) = (self.old.map(window), self.new.map(window));
        let gate = self.old.or(self.new).is_some_and(|(check, _)| check.kind == CheckKind::Gate);
        match (was, is) {
            // A gate acts by staying closed: the one that acts asks for more.
            (Some(was), Some(is)) if self.shows == Shows::Window => {
                if by_old != gate {
                    was
                } else {
                    is
                }
            }
            (Some(was), Some(is)) => window::longer(was, is),
            (one, other) => one.or(other).unwrap_or(Window::First),
        }
    }

    /// The example, when the one acts and the other does not; and how telling it is.
    fn tried(
        &self,
        stages: (StageIx, StageIx),
        named: bool,
        by_old: bool,
        reading: &Reading,
    ) -> Option<(Counterexample, u8)> {
        let (was, is) = (ask(self.pair.old, stages.0, reading), ask(self.pair.new, stages.1, reading));
        let acts = |policy: &Policy, side: Option<(&Check, &Bound)>, answered: Option<&Answered>| {
            side.is_some_and(|(check, _)| acts(policy, check, answered))
        };
        let old_acts = acts(self.pair.old, self.old, was.as_ref());
        let new_acts = acts(self.pair.new, self.new, is.as_ref());
        let by_doing = matches!(self.shows, Shows::Response | Shows::ControlToo);
        if !by_doing && (old_acts, new_acts) != (by_old, !by_old) {
            return None;
        }
        let about = self.new.or(self.old).map(|(check, _)| &check.id)?;
        let acting = if by_old { self.old } else { self.new }?.0;
        let (before, after, telling) = if acting.kind == CheckKind::Gate {
            // Another gate of the stage may close it all the same.
            let beside = |policy: &Policy, stage, answered: Option<&Answered>| {
                answered.is_some_and(|answered| is_kept_closed(policy, stage, (reading, acting), answered))
            };
            if beside(self.pair.old, stages.0, was.as_ref()) || beside(self.pair.new, stages.1, is.as_ref()) {
                return None;
            }
            let words = |closed| if closed { "kept the gate closed" } else { "opened the gate" };
            let now = |closed| if closed { "would keep it closed" } else { "would open it" };
            (words(old_acts).to_owned(), now(new_acts).to_owned(), MOST_TELLING)
        } else {
            let of = |policy, answered: Option<&Answered>| answered.map(|answered| effect(policy, answered, reading));
            // A policy that does not know the metric does nothing about it.
            let before = of(self.pair.old, was.as_ref()).unwrap_or(Effect::NONE);
            let after = of(self.pair.new, is.as_ref()).unwrap_or(Effect::NONE);
            if by_doing && (before.does == after.does || (before.does > after.does) != by_old) {
                return None;
            }
            let own = |one: &Effect| one.until.is_none() || one.by.as_ref() == Some(about);
            let telling = match (before.does != after.does, own(&before) && own(&after)) {
                (true, true) => MOST_TELLING,
                (true, false) => 3,
                // It waits for another check, or for longer.
                (false, _) if before != after => 2,
                // What the check itself does says more than where another one does it before.
                (false, _) if before.by.as_ref() == Some(about) => 1,
                (false, _) => 0,
            };
            if telling < 3 && before.by.as_ref() == Some(about) && after.by.as_ref() == Some(about) && !by_doing {
                // A check that holds does so from the first breach on; what it waits for is to be told.
                let (fired, pending) = ("fired".to_owned(), "would be pending (holding all the same)".to_owned());
                let (was_pending, fires) = ("was pending".to_owned(), "would fire (holding all the same)".to_owned());
                if old_acts { (fired, pending, telling) } else { (was_pending, fires, telling) }
            } else {
                (before.before(about), after.after(about, &before), telling)
            }
        };
        let example = Counterexample {
            metric: reading.metric.clone(),
            group: reading.group,
            value: reading.value,
            unit: self.metric.unit,
            before,
            after,
            given: self.given(named.then_some(stages.1), reading, acting.kind == CheckKind::Gate),
        };
        Some((example, telling))
    }

    fn given(&self, stage: Option<StageIx>, reading: &Reading, gate: bool) -> String {
        let show = |value: f64| self.metric.unit.show(value).to_string();
        let mut parts = Vec::new();
        if let Some(stage) = stage.and_then(|stage| self.pair.new.stage(stage)) {
            parts.push(format!("in {}", stage.name));
        }
        match reading.lasting {
            Window::For(length) => parts.push(format!("{} {length}", if gate { "held for" } else { "lasting" })),
            Window::Of { k, n } if k == n && k > 1 => parts.push(format!("{k} times in a row")),
            Window::Of { k, n } if k > 1 => parts.push(format!("in {k} of {n} observations")),
            Window::Of { .. } | Window::First => {}
        }
        if let Some(value) = reading.baseline {
            parts.push(format!("with a baseline of {}", show(value)));
        }
        if let Some(value) = reading.control {
            let too = if self.shows == Shows::ControlToo { " as well" } else { "" };
            parts.push(format!("with control at {}{too}", show(value)));
        }
        parts.join(" ")
    }
}

/// Whether a check blocks or fires where it stands so; a closed gate acts.
fn acts(policy: &Policy, check: &Check, answered: Option<&Answered>) -> bool {
    let state = answered.and_then(|answered| answered.state(policy.find_check(check.id.as_str())?));
    match (check.kind, state) {
        _ if check.shadow => false,
        (_, None | Some(FindingState::NotApplicable)) => false,
        (CheckKind::Gate, Some(state)) => state != FindingState::Ok,
        (_, Some(state)) => state == FindingState::Firing,
    }
}

/// Whether a gate of the stage other than `but` keeps it closed on the reading.
fn is_kept_closed(policy: &Policy, stage: StageIx, about: (&Reading, &Check), answered: &Answered) -> bool {
    let (reading, but) = about;
    let Some(stage) = policy.stage(stage) else { return false };
    let closed = |ix: &CheckIx| {
        let Some(check) = policy.check(*ix).filter(|check| check.id != but.id && !check.shadow) else { return false };
        // Scripts and other groups were asked nothing.
        let Condition::Bound(bound) = &check.condition else { return false };
        let watches = policy.catalogue.metric(bound.metric).is_some_and(|metric| metric.name == reading.metric);
        let stands = answered.state(*ix);
        watches && bound.group == reading.group && matches!(stands, Some(FindingState::Firing | FindingState::Pending))
    };
    stage.gates.iter().any(closed)
}
