//! A policy while it is put together, whichever tool it comes from, and the rules that every imported policy has to
//! obey: exposure grows, something can roll back, names are usable.

use std::collections::BTreeSet;

use crate::model::time::Duration;
use crate::model::units::{Better, Unit};
use crate::policy::compiled::{MAX_RING, MAX_STAGES};

use super::guess;
use super::region::{Edge, Side};
use super::report::{Report, Spot};

/// Names are cut at this many letters; longer ones are refused.
const LONGEST_NAME: usize = 64;

/// A policy on its way.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    pub(super) rollout: String,
    /// What it comes from, for the first comment.
    pub(super) origin: Vec<String>,
    pub(super) metrics: Vec<Metric>,
    pub(super) stages: Vec<Stage>,
    /// Channels of the worst level.
    pub(super) notify: Vec<String>,
    /// What could not be made a metric, kept as comments.
    pub(super) left_over: Vec<String>,
}

/// A metric with its bounds.
#[derive(Debug, Clone)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) unit: Unit,
    pub(super) better: Better,
    pub(super) max_age: Duration,
    pub(super) unknown_after: Option<Duration>,
    pub(super) allow: Vec<(&'static str, &'static str)>,
    pub(super) comments: Vec<String>,
    pub(super) bounds: Vec<Bound>,
}

/// What a bound obliges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Rolls back.
    P0,
    /// Holds.
    P1,
}

/// One bound.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) level: Level,
    /// `below = "0.95"`, `is = "failed"`.
    pub(super) text: String,
    /// k of n; none is the first observation.
    pub(super) window: Option<(u32, u32)>,
    /// Evaluated and reported, never acted on.
    pub(super) shadow: bool,
    pub(super) comments: Vec<String>,
}

/// A rung.
#[derive(Debug, Clone, Default)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) traffic: f64,
    pub(super) audience: Option<&'static str>,
    pub(super) bake: Option<Duration>,
    pub(super) approvals: Vec<String>,
    pub(super) comments: Vec<String>,
}

/// A usable name: letters, digits, `_` and `-`.
pub(super) fn name_of(text: &str, otherwise: &str) -> String {
    let usable = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c.to_ascii_lowercase() } else { '-' };
    let name: String = text.chars().map(usable).take(LONGEST_NAME).collect();
    let name = name.trim_matches(|c| c == '-' || c == '_');
    if name.is_empty() { otherwise.to_owned() } else { name.to_owned() }
}

/// A metric's name: as the other tool has it, with `_` for `-`.
pub(super) fn metric_name(text: &str, taken: &[Metric]) -> String {
    let base = name_of(text, "metric").replace('-', "_");
    let is_free = |name: &str| taken.iter().all(|metric| metric.name != name);
    if is_free(&base) {
        return base;
    }
    let short: String = base.chars().take(LONGEST_NAME - 4).collect();
    (2..).map(|nth| format!("{short}_{nth}")).find(|name| is_free(name)).unwrap_or(base)
}

/// k of n that fits: n at most what a check remembers.
pub(super) fn window(k: u32, n: u32) -> Option<(u32, u32)> {
    let k = k.clamp(1, MAX_RING);
    (k > 1).then(|| (k, n.clamp(k, MAX_RING)))
}

/// Three times the step of the source: forgives one lost report and not two; between the ages that make sense.
pub(super) fn max_age(step: Duration) -> Duration {
    step.saturating_mul(3).clamp(Duration::from_secs(15), Duration::from_hours(1))
}

impl Metric {
    /// Adds the bounds of a breach; what cannot be written is told.
    pub(super) fn add(
        &mut self,
        edges: &[Edge],
        level: Level,
        window: Option<(u32, u32)>,
        shadow: bool,
        because: &Because<'_>,
        report: &mut Report,
    ) {
        for edge in edges {
            let range = self.unit.default_range();
            let out = range.is_some_and(|range| match edge.side {
                Side::Below => edge.at <= range.lo || edge.at > range.hi,
                Side::Above => edge.at >= range.hi || edge.at < range.lo,
            });
            let Some(written) = guess::written(self.unit, edge.at).filter(|_| !out) else {
                let text = format!(
                    "{}: `{}` is never {} {}: no reading in {} can be, and one that is counts as unknown",
                    because.what,
                    self.name,
                    side(edge.side),
                    edge.at,
                    self.unit
                );
                let by_hand = "nothing, if the unit is right; else give the metric another unit and write the bound";
                report.dropped(because.spot.clone(), text, by_hand);
                continue;
            };
            let mut comments = because.comments.clone();
            if edge.inclusive {
                let text = format!(
                    "{}: exactly {} is {} there and not here: bounds are strict, so only values {} it are",
                    because.what,
                    edge.at,
                    because.verdict,
                    side(edge.side)
                );
                report.approximated(
                    because.spot.clone(),
                    text,
                    "nothing, unless a reading of exactly that value matters",
                );
                comments.push(format!("Strict: exactly {} was {} there and is not here.", edge.at, because.verdict));
            }
            self.allow_thin(edge, window);
            let text = format!("{} = {written}", side(edge.side));
            self.bounds.push(Bound { level, text, window, shadow, comments });
        }
    }

    /// RG047 asks for samples or patience. Other tools count no samples, so the warning is answered where it is due.
    fn allow_thin(&mut self, edge: &Edge, window: Option<(u32, u32)>) {
        let share = match self.unit {
            Unit::Percent => edge.at / 100.0,
            Unit::Ratio => edge.at,
            _ => return,
        };
        let thin = edge.side == Side::Above && self.better == Better::Lower && share > 0.0 && share < 0.5;
        let known = self.allow.iter().any(|(code, _)| *code == "RG047");
        if thin && window.is_none() && !known {
            self.allow.push(("RG047", "imported: the other tool counts no samples; set min_samples to 3 / bound"));
        }
    }
}

/// The word of a side.
pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Below => "below",
        Side::Above => "above",
    }
}

/// Why a bound is there.
pub(super) struct Because<'b> {
    pub(super) what: &'b str,
    /// What it was there: `a failure`.
    pub(super) verdict: &'b str,
    pub(super) spot: Spot,
    pub(super) comments: Vec<String>,
}

impl Draft {
    /// Makes the draft one that compiles; what had to be changed is told.
    pub(super) fn finish(&mut self, spot: &Spot, report: &mut Report) {
        self.thin(spot, report);
        self.unique_stages();
        let rolls_back = |metric: &Metric| metric.bounds.iter().any(|bound| bound.level == Level::P0 && !bound.shadow);
        if self.metrics.iter().any(rolls_back) {
            return;
        }
        let text = "nothing that could be converted says when to roll back; `deployment_health` stands in its place: \
                    until a source sends it, the rollout holds";
        report.dropped(spot.clone(), text, "write a P0 threshold for what matters, then take `deployment_health` out");
        self.metrics.push(Metric {
            name: metric_name("deployment_health", &self.metrics),
            unit: Unit::State,
            better: Better::Lower,
            max_age: Duration::from_mins(3),
            unknown_after: None,
            allow: Vec::new(),
            comments: vec![
                "Assumed: nothing imported says when to roll back, and exposure needs a way back.".to_owned(),
            ],
            bounds: vec![Bound {
                level: Level::P0,
                text: "is = \"failed\"".to_owned(),
                window: None,
                shadow: false,
                comments: Vec::new(),
            }],
        });
    }

    /// More rungs than fit are taken together, the upper one of each pair with the time of both.
    fn thin(&mut self, spot: &Spot, report: &mut Report) {
        let before = self.stages.len();
        while self.stages.len() > MAX_STAGES {
            let mut kept: Vec<Stage> = Vec::new();
            let last = self.stages.len() - 1;
            let mut waiting: Option<Stage> = None;
            for (at, mut stage) in self.stages.drain(..).enumerate() {
                if let Some(lower) = waiting.take() {
                    stage.bake = stage.bake.zip(lower.bake).map(|(one, other)| one + other);
                    stage.approvals.extend(lower.approvals);
                    stage.approvals.dedup();
                    kept.push(stage);
                } else if at == 0 || at == last || stage.bake.is_none() {
                    kept.push(stage);
                } else {
                    waiting = Some(stage);
                }
            }
            self.stages = kept;
        }
        if self.stages.len() < before {
            let text = format!(
                "{before} stages, and at most {MAX_STAGES} are possible: neighbours were taken together, each with the time of both"
            );
            report.approximated(spot.clone(), text, "choose the rungs that people should look at");
        }
    }

    fn unique_stages(&mut self) {
        let mut seen = BTreeSet::new();
        for stage in &mut self.stages {
            let base = stage.name.clone();
            let mut nth = 2;
            while !seen.insert(stage.name.clone()) {
                stage.name = format!("{base}-{nth}");
                nth += 1;
            }
        }
    }
}

/// `canary-20`, `canary-12-5`.
pub(super) fn stage_name(traffic: f64) -> String {
    if traffic >= 100.0 { "full".to_owned() } else { format!("canary-{}", traffic.to_string().replace('.', "-")) }
}
