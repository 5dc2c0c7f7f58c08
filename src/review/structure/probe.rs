//! Asks the engine what a policy makes of one reading: the checks of a stage over a few frames, nothing else around.

use std::sync::Arc;

use crate::engine::Checks;
use crate::model::finding::FindingState;
use crate::model::frame::{Cell, Frame, Group, Kind, MetricIx, RegionIx};
use crate::model::ids::MetricName;
use crate::model::state::{Baseline, BaselineValue};
use crate::model::time::{Duration, Time};
use crate::model::units::Unit;
use crate::policy::compiled::{CheckIx, Policy, StageIx, Window};

use super::window;

/// More samples than any policy asks for.
const MANY: u64 = 1 << 40;
/// Observations of control before the reading comes: more than its median looks at.
const BEFORE: usize = 16;
/// A run is made of at most this many observations.
const MOST: i64 = 20_000;

/// A reading, and what else is true of it.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) metric: MetricName,
    pub(crate) group: Group,
    /// The value asked about.
    pub(crate) value: f64,
    /// What is read in between, where a window forgives some observations.
    pub(crate) other: f64,
    /// How long, or how often, it is read.
    pub(crate) lasting: Window,
    /// The frozen baseline.
    pub(crate) baseline: Option<f64>,
    /// What the control group reads at the same time.
    pub(crate) control: Option<f64>,
}

/// Where the checks of one stage stand after a reading.
pub(crate) struct Answered {
    checks: Checks,
}

impl Answered {
    /// None where the check is not active in the stage.
    pub(crate) fn state(&self, check: CheckIx) -> Option<FindingState> {
        self.checks.state(check)
    }
}

/// Feeds the reading to the checks of `stage`; none when the policy does not know the metric.
pub(crate) fn ask(policy: &Arc<Policy>, stage: StageIx, reading: &Reading) -> Option<Answered> {
    let metric = policy.catalogue.find(reading.metric.as_str())?;
    let limits = policy.stage(stage)?.limits.get(usize::from(metric.0))?;
    let step = limits.max_age.min(Duration::from_mins(1)).max(Duration::from_millis(1));
    let mut checks = Checks::new(Arc::clone(policy), stage, baselines(policy, reading));
    let counts = policy.catalogue.metric(metric).is_some_and(|metric| metric.kind == Kind::Counter);
    let mut feed = Feed { policy, metric, reading, now: Time::from_millis(0), totals: counts.then_some((0.0, 0.0)) };
    if counts {
        // What a counter reads is its increase, and the first total is none.
        checks.load(&feed.frame(Some(0.0)));
        checks.evaluate(feed.now);
        feed.now = feed.now + step;
    }
    if reading.control.is_some() {
        for _ in 0..BEFORE {
            checks.load(&feed.frame(None));
            checks.evaluate(feed.now);
            feed.now = feed.now + step;
        }
    }
    match reading.lasting {
        Window::For(length) => {
            let whole = (length.as_millis() / step.as_millis()).min(MOST);
            let begins = feed.now;
            for at in 0..=whole {
                feed.now = begins + step.saturating_mul(at);
                let value = feed.varied(at);
                checks.load(&feed.frame(Some(value)));
                checks.evaluate(feed.now);
            }
            if feed.now.since(begins) < length || whole == 0 {
                feed.now = begins + length.max(Duration::from_millis(1));
                checks.load(&feed.frame(Some(feed.varied(whole + 1))));
                checks.evaluate(feed.now);
            }
        }
        counted => {
            for (at, is_it) in (0..).zip(window::breaches(counted)) {
                let value = if is_it { feed.varied(at) } else { reading.other };
                checks.load(&feed.frame(Some(value)));
                checks.evaluate(feed.now);
                feed.now = feed.now + step;
            }
        }
    }
    Some(Answered { checks })
}

fn baselines(policy: &Policy, reading: &Reading) -> Vec<Baseline> {
    let Some(median) = reading.baseline else { return Vec::new() };
    let known = BaselineValue::Known {
        median,
        points: u32::MAX,
        window: policy.baseline.window,
        frozen_at: Time::from_millis(0),
    };
    let of = |region: &crate::model::ids::Region| Baseline {
        metric: reading.metric.clone(),
        region: region.clone(),
        value: known.clone(),
    };
    policy.catalogue.regions().iter().map(of).collect()
}

struct Feed<'a> {
    policy: &'a Policy,
    metric: MetricIx,
    reading: &'a Reading,
    now: Time,
    /// Of a counter: its total in the group, and in control.
    totals: Option<(f64, f64)>,
}

impl Feed<'_> {
    /// Every second one differs in the last bit, so that the source does not look stuck; a state has no such bit.
    fn varied(&self, at: i64) -> f64 {
        let value = self.reading.value;
        let state = self.policy.catalogue.metric(self.metric).is_some_and(|metric| metric.unit == Unit::State);
        if at % 2 == 0 || state { value } else { value.next_up() }
    }

    fn frame(&mut self, value: Option<f64>) -> Frame {
        let (mut value, mut control) = (value, self.reading.control);
        if let Some((total, of_control)) = &mut self.totals {
            *total += value.unwrap_or_default();
            *of_control += control.unwrap_or_default();
            (value, control) = (value.map(|_| *total), control.map(|_| *of_control));
        }
        let cell = |group: Group, value: f64| Cell {
            slot: self.policy.catalogue.slot(RegionIx(0), group, self.metric),
            observed: self.now,
            value,
            samples: Some(MANY),
            unknown: None,
        };
        let control = control.filter(|_| self.reading.group != Group::Control);
        let cells = value
            .map(|value| cell(self.reading.group, value))
            .into_iter()
            .chain(control.map(|value| cell(Group::Control, value)))
            .collect();
        Frame { time: self.now, cells, ..Frame::default() }
    }
}
