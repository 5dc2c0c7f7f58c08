//! When a rollout can be done: what each stage takes at least and at most, and the walk through the freezes.

use crate::engine::freeze::frozen_at;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::{CheckIx, Policy, Stage, StageIx, Window};

/// Freezes that follow one another are stepped over at most this often; longer is for ever.
const MOST_FREEZES: usize = 64;

/// What one stage takes when every reading is known and good and every approval is there at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Least {
    /// Without an early exit.
    pub full: Duration,
    /// With it, when there is one and it is shorter.
    pub early: Option<Duration>,
    /// The stage has no bake and is not the last: a person's order is waited for.
    pub manual: bool,
}

impl Least {
    /// The shortest way out.
    #[must_use]
    pub fn shortest(self) -> Duration {
        self.early.unwrap_or(self.full)
    }
}

/// What each stage takes at least.
#[must_use]
pub fn least(policy: &Policy) -> Vec<Least> {
    let last = policy.stages.len().saturating_sub(1);
    policy.stages.iter().enumerate().map(|(at, stage)| least_of(policy, stage, at == last)).collect()
}

fn least_of(policy: &Policy, stage: &Stage, is_last: bool) -> Least {
    // Runs start empty in every stage, so a gate that must have held for 12h takes 12h from the entry on.
    let held = |gates: &[CheckIx]| {
        let windows = gates.iter().filter_map(|ix| policy.check(*ix)).map(|gate| gate.clear);
        let lengths = windows.filter_map(|window| if let Window::For(length) = window { Some(length) } else { None });
        lengths.max().unwrap_or(Duration::ZERO)
    };
    let Some(bake) = stage.bake else {
        // An ongoing last stage is the end of the rollout; whoever orders an advance cannot skip the gates.
        let full = if is_last { Duration::ZERO } else { held(&stage.gates) };
        return Least { full, early: None, manual: !is_last };
    };
    let full = bake.max(held(&stage.gates));
    let early = stage.early_exit.as_ref().map(|exit| exit.after.max(held(&exit.gates)).max(held(&stage.gates)));
    Least { full, early: early.filter(|early| *early < full), manual: false }
}

/// The longest the rollout lasts before it stops moving by itself.
///
/// # Errors
/// The stages that have no `max`, by position.
pub fn most(policy: &Policy) -> Result<Duration, Vec<StageIx>> {
    let last = policy.stages.len().saturating_sub(1);
    let mut sum = Duration::ZERO;
    let mut open = Vec::new();
    for (at, stage) in policy.stages.iter().enumerate() {
        match stage.max {
            // An ongoing last stage is the end: entering it finishes the rollout.
            None if at == last && stage.bake.is_none() => {}
            None => open.extend(u8::try_from(at).ok().map(StageIx)),
            Some(max) => sum = sum + max,
        }
    }
    if open.is_empty() { Ok(sum) } else { Err(open) }
}

/// One stage on the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// When it is entered.
    pub entered: Time,
    /// When everything else would let it go.
    pub ready: Time,
    /// When it is left: `ready`, or the end of the freeze that covers it; none when that freeze never ends, or only
    /// after the stage's `max`.
    pub left: Option<Time>,
    /// The end of the stage's `max`, when that comes before it can be left: it does not advance any more.
    pub stuck: Option<Time>,
}

/// Walks the stages from `start` on, each left as soon as its time is served and nothing is frozen. Ends early at a
/// freeze that never ends, and where a stage's `max` is over before.
#[must_use]
pub fn walk(policy: &Policy, start: Time, early: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut now = start;
    for (stage, least) in policy.stages.iter().zip(least(policy)) {
        let ready = now + if early { least.shortest() } else { least.full };
        let is_end = steps.len() + 1 == policy.stages.len() && stage.bake.is_none();
        let free = if is_end { Some(ready) } else { thawed(policy, ready) };
        let limit = stage.max.map(|max| now + max).filter(|_| !is_end);
        let stuck = limit.filter(|limit| free.is_some_and(|free| free > *limit));
        let left = free.filter(|_| stuck.is_none());
        steps.push(Step { entered: now, ready, left, stuck });
        match left {
            Some(left) => now = left,
            None => break,
        }
    }
    steps
}

/// The first instant from `at` on that no freeze covers.
fn thawed(policy: &Policy, at: Time) -> Option<Time> {
    let mut now = at;
    for _ in 0..MOST_FREEZES {
        match frozen_at(&policy.freezes, now).until {
            None => return Some(now),
            Some(until) => now = until,
        }
    }
    None
}
