//! Situations in which a mutant is likely to differ: on both sides of a bound and of its neighbour, one observation
//! short of a window, one sample short of enough, a minute before a bake is served.

use std::sync::Arc;

use crate::model::finding::{CheckKind, Side};
use crate::model::frame::{Group, MetricIx};
use crate::model::time::{Duration, Time};
use crate::policy::compiled::{Bound, Check, Condition, Floor, Limit, Policy, Stage, StageIx, Than, Window};

use super::scene::{Reading, Scene, good, group};

/// The longest situation tried, in steps.
const LONGEST: i64 = 2_000;
/// A Tuesday morning, a Friday before four and the hours around its midnight, a Monday before eight.
const STARTS: [&str; 4] =
    ["2026-11-03T09:00:00Z", "2026-11-06T15:00:00Z", "2026-11-06T23:00:00Z", "2026-11-09T07:00:00Z"];

/// The policy as written and a mutant of it, and where they could differ.
pub(super) struct Around<'a> {
    pub(super) policy: &'a Arc<Policy>,
    pub(super) mutant: &'a Arc<Policy>,
    pub(super) subject: &'a str,
    pub(super) part: &'a str,
    pub(super) step: Duration,
}

impl Around<'_> {
    /// Situations, the likely ones first.
    pub(super) fn scenes(&self) -> Vec<Scene> {
        let mut scenes = Vec::new();
        let metric = self
            .subject
            .strip_prefix("metrics.")
            .or_else(|| self.part.strip_prefix("metrics.").map(|rest| rest.split('.').next().unwrap_or(rest)));
        if let Some(ix) = metric.and_then(|name| self.policy.catalogue.find(name)) {
            self.of_metric(ix, &mut scenes);
        }
        let stage = self.subject.strip_prefix("stages.");
        let severity = self.subject.strip_prefix("severities.");
        for (check, mutated) in self.policy.checks.iter().zip(&self.mutant.checks) {
            let own = check.id.as_str() == self.subject || severity.is_some_and(|key| check.severity.key() == key);
            if let (true, Condition::Bound(bound)) = (own, &check.condition) {
                self.of_bound(check, mutated, bound, &mut scenes);
            }
        }
        for candidate in &self.policy.stages {
            if stage.is_none_or(|name| name == candidate.name.as_str()) && metric.is_none() {
                self.of_stage(candidate, &mut scenes);
            }
        }
        scenes
    }

    fn steps(&self, length: Duration) -> usize {
        let steps = length.as_millis() / self.step.as_millis().max(1);
        usize::try_from(steps.clamp(0, LONGEST)).unwrap_or(0)
    }

    /// How many observations a window asks for.
    fn observations(&self, window: Window) -> usize {
        match window {
            Window::First => 1,
            Window::For(length) => self.steps(length) + 1,
            Window::Of { n, .. } => n as usize,
        }
    }

    fn of_bound(&self, check: &Check, mutated: &Check, bound: &Bound, scenes: &mut Vec<Scene>) {
        let Some(metric) = self.policy.catalogue.metric(bound.metric) else { return };
        let base = good(self.policy, bound.metric, metric);
        let other = match &mutated.condition {
            Condition::Bound(other) => *other,
            Condition::Script { .. } => *bound,
        };
        let asked = [check.window, check.clear, mutated.window, mutated.clear];
        let long = asked.map(|window| self.observations(window)).into_iter().max().unwrap_or(1) + 3;
        let stages = self.policy.stages.iter().enumerate().filter(|(at, _)| {
            let ix = StageIx(u8::try_from(*at).unwrap_or(u8::MAX));
            check.stages.contains(ix) || mutated.stages.contains(ix)
        });
        for (_, stage) in stages.filter(|(_, stage)| !stage.leaves_empty(bound.group)) {
            // Ten times a base lets the floor decide, a tenth of it the bound.
            for scale in [1.0, 10.0, 0.1] {
                let base = if bound.limit.than().is_some() { base * scale } else { base };
                for value in values(bound, &other, base) {
                    let far = beyond(check, bound, base);
                    for readings in patterns(base, value, far, long, [check.window, check.clear]) {
                        let mut scene = Scene::new(self.policy, stage, self.step);
                        let steps: usize = readings.iter().map(length).sum();
                        scene.series.insert((bound.metric, bound.group), readings);
                        if bound.limit.than() == Some(Than::Control) || check.unless_control {
                            scene.series.insert((bound.metric, Group::Control), vec![Reading::Value(base, steps)]);
                        }
                        scene = scene.with_baselines(self.policy);
                        if let Some(level) = scene.baseline.get_mut(&bound.metric) {
                            *level = base;
                        }
                        scenes.push(scene);
                    }
                }
            }
        }
    }

    /// Too few samples and enough, a silence, a source that is stuck.
    fn of_metric(&self, ix: MetricIx, scenes: &mut Vec<Scene>) {
        let Some(metric) = self.policy.catalogue.metric(ix) else { return };
        let (value, group) = (good(self.policy, ix, metric), group(self.policy, ix));
        let only = self.subject.strip_prefix("stages.");
        let exposed =
            |stage: &&Stage| !stage.leaves_empty(group) && only.is_none_or(|name| name == stage.name.as_str());
        let rules = |policy: &Policy| policy.metrics.get(usize::from(ix.0)).cloned();
        for stage in self.policy.stages.iter().filter(exposed) {
            let (Some(old), Some(new)) = (rules(self.policy), rules(self.mutant)) else { return };
            let limits = |policy: &Policy| {
                let stage = policy.stages.iter().find(|other| other.name == stage.name)?;
                stage.limits.get(usize::from(ix.0)).copied()
            };
            let (Some(was), Some(is)) = (limits(self.policy), limits(self.mutant)) else { return };
            let wait = old.unknown_after.max(new.unknown_after) + was.max_age.max(is.max_age);
            let silence = self.steps(wait) + 4;
            let stuck = old.stuck_after.max(new.stuck_after).map_or(0, |length| self.steps(length) + 4);
            let mut push = |readings: Vec<Reading>, samples: Option<u64>| {
                let mut scene = Scene::new(self.policy, stage, self.step).with_baselines(self.policy);
                let steps: usize = readings.iter().map(length).sum();
                scene.assume_samples = samples;
                self.heartbeat(ix, steps, &mut scene);
                scene.series.insert((ix, group), readings);
                scenes.push(scene);
            };
            let fewest = was.min_samples.min(is.min_samples);
            push(vec![Reading::On(value, fewest, 3), Reading::On(value, fewest + 1, 3)], None);
            push(vec![Reading::Value(value, 3), Reading::Nothing(silence)], Some(1_000_000));
            if stuck > 0 {
                push(vec![Reading::Value(value, stuck)], Some(1_000_000));
            }
        }
    }

    /// Another metric that goes on, or another group of the only one, so that time does.
    fn heartbeat(&self, but: MetricIx, steps: usize, scene: &mut Scene) {
        let others = self.policy.catalogue.metrics().iter().enumerate();
        let named = others.filter_map(|(at, metric)| Some((MetricIx(u16::try_from(at).ok()?), metric)));
        let (mut ix, mut of) = (but, Group::Control);
        if let Some((other, _)) = named.rev().find(|(ix, _)| *ix != but) {
            (ix, of) = (other, group(self.policy, other));
        } else if group(self.policy, but) == Group::Control {
            of = Group::Treatment;
        }
        if let Some(metric) = self.policy.catalogue.metric(ix) {
            let value = good(self.policy, ix, metric);
            scene.series.insert((ix, of), vec![Reading::Value(value, steps)]);
        }
    }

    /// Everything well until the stage may be left, at starts inside and outside of freezes.
    fn of_stage(&self, stage: &Stage, scenes: &mut Vec<Scene>) {
        let Some(mutated) = self.mutant.stages.iter().find(|other| other.name == stage.name) else { return };
        let gates = self.policy.checks.iter().filter(|check| check.kind == CheckKind::Gate);
        let held = gates.map(|gate| self.observations(gate.clear)).max().unwrap_or(0);
        let least = usize::try_from(self.policy.baseline.min_points.max(self.mutant.baseline.min_points)).unwrap_or(0);
        let first = if stage.is_unexposed() { held.max(least) } else { held } + 10;
        let first = first.min(usize::try_from(LONGEST).unwrap_or(usize::MAX));
        let served = self.step.saturating_mul(i64::try_from(first).unwrap_or(0));
        let exits = [stage, mutated].map(|stage| stage.early_exit.as_ref().map(|exit| (exit.after, exit.samples)));
        let bakes = [stage.bake, exits.first().copied().flatten().map(|(after, _)| after)];
        let fewest = exits.iter().flatten().map(|(_, samples)| *samples).min().unwrap_or(0);
        for start in STARTS.iter().filter_map(|text| Time::parse(text).ok()) {
            for bake in bakes.iter().flatten() {
                for samples in [Some(1_000_000), exact(fewest, first), Some(1_000)].into_iter().flatten() {
                    let scene = Scene {
                        bake: bake.saturating_sub(served),
                        start: Some(start),
                        assume_samples: Some(samples),
                        ..Scene::new(self.policy, stage, self.step)
                    };
                    scenes.push(scene.all_well(self.policy, first + 70));
                }
            }
        }
    }
}

/// A count with which `total` is reached exactly, after `first` readings or soon after.
fn exact(total: u64, first: usize) -> Option<u64> {
    let first = first as u64;
    (first..first + 60)
        .find(|readings| *readings > 0 && total > 0 && total.is_multiple_of(*readings))
        .map(|n| total / n)
}

const fn length(reading: &Reading) -> usize {
    match reading {
        Reading::Value(_, steps) | Reading::On(_, _, steps) | Reading::Near(_, steps) | Reading::Nothing(steps) => {
            *steps
        }
    }
}

/// Where a bound lies above a comparison value of `base`.
fn level(bound: &Bound, base: f64) -> Vec<f64> {
    let limit = match bound.limit {
        Limit::Absolute(level) => level,
        Limit::Relative { fraction, .. } => base * (1.0 + fraction),
        Limit::Difference { delta, .. } => base + delta,
    };
    let floor = bound.floor.map(|floor| match floor {
        Floor::Level(level) => level,
        Floor::Difference(delta) => base + delta,
    });
    std::iter::once(limit).chain(floor).collect()
}

/// Between the bounds and at each of them, where the one of them sees a breach and the other does not.
fn values(bound: &Bound, other: &Bound, base: f64) -> Vec<f64> {
    let (mut all, mutated) = (level(bound, base), level(other, base));
    let between: Vec<f64> = all.iter().zip(&mutated).map(|(a, b)| f64::midpoint(*a, *b)).collect();
    all.extend(mutated);
    between.into_iter().chain(all).collect()
}

/// A value that breaks the bound by far, whatever the floor.
fn beyond(check: &Check, bound: &Bound, base: f64) -> f64 {
    let most = level(bound, base);
    let far = match bound.side {
        Side::Above => most.iter().copied().fold(f64::MIN, f64::max) * 1.2 + 1.0,
        Side::Below => most.iter().copied().fold(f64::MAX, f64::min) * 0.8 - 1.0,
    };
    // What a percentage cannot be is unknown, not a breach.
    if check.words.contains('%') && bound.limit.than().is_none() { far.clamp(0.0, 100.0) } else { far }
}

/// Well, then broken (by a hair and by far), then well again; for `k of n` one observation short and one over.
fn patterns(base: f64, value: f64, far: f64, long: usize, windows: [Window; 2]) -> Vec<Vec<Reading>> {
    let mut patterns = Vec::new();
    for broken in [value, far] {
        patterns.push(vec![Reading::Value(base, 5), Reading::Value(broken, long), Reading::Value(base, long)]);
    }
    for window in windows {
        if let Window::Of { k, n } = window {
            let (k, n) = (k as usize, n as usize);
            for (broken, well) in [(far, base), (base, far)] {
                for gap in [n.saturating_sub(k), (n + 1).saturating_sub(k)] {
                    patterns.push(vec![
                        Reading::Value(broken, 1),
                        Reading::Value(well, gap.max(1)),
                        Reading::Value(broken, k.saturating_sub(1).max(1)),
                        Reading::Value(well, n),
                    ]);
                }
            }
        }
    }
    patterns
}
