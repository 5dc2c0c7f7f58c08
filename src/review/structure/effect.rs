//! What a policy does on a reading, all its bounds in the stage taken together.

use crate::model::finding::{CheckKind, FindingState};
use crate::model::ids::CheckId;
use crate::model::severity::Response;
use crate::policy::compiled::{Bound, Check, CheckIx, Condition, Limit, Policy, Than, Window};

use super::probe::{Answered, Reading};

/// What comes of a reading, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Does {
    Passes,
    Warns,
    Holds,
    RollsBack,
}

/// What a policy does, and by which check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) does: Does,
    pub(crate) by: Option<CheckId>,
    /// It waits for this window to be full, and then rolls back.
    pub(crate) until: Option<Window>,
    /// The whole policy is in shadow: it is told, never done.
    pub(crate) told_only: bool,
}

/// What `policy` does where its checks stand as `answered`. Scripts and gates are left out: a reading by itself says
/// nothing about them.
pub(crate) fn effect(policy: &Policy, answered: &Answered, reading: &Reading) -> Effect {
    let mut worst = Effect { told_only: policy.shadow, ..Effect::NONE };
    for (ix, check) in (0..).map(CheckIx).zip(&policy.checks) {
        let Condition::Bound(bound) = &check.condition else { continue };
        let watches = policy.catalogue.metric(bound.metric).is_some_and(|metric| metric.name == reading.metric);
        if !watches || check.kind == CheckKind::Gate || check.shadow {
            continue;
        }
        let (does, until) = match answered.state(ix) {
            Some(FindingState::Firing) => (on_firing(check, reading), None),
            Some(FindingState::Pending) if check.response == Response::Hold => (Does::Holds, None),
            Some(FindingState::Pending) if check.response > Response::Hold => (Does::Holds, Some(check.window)),
            Some(FindingState::Unknown) if check.response > Response::Warn && is_undefined(bound, reading) => {
                (Does::Holds, None)
            }
            _ => continue,
        };
        // Of two that hold, the one that will roll back says more; else the first is the worst.
        let is_worse = does > worst.does || (does == worst.does && worst.until.is_none() && until.is_some());
        if is_worse {
            worst = Effect { does, by: Some(check.id.clone()), until, told_only: policy.shadow };
        }
    }
    worst
}

/// Whether the bound says nothing against what the reading is compared with: a percentage of zero, without a floor.
fn is_undefined(bound: &Bound, reading: &Reading) -> bool {
    let comparison = match bound.limit {
        Limit::Relative { than: Than::Baseline, .. } => reading.baseline,
        Limit::Relative { than: Than::Control, .. } => reading.control,
        _ => None,
    };
    bound.floor.is_none() && comparison.is_some_and(|value| value <= 0.0)
}

fn on_firing(check: &Check, reading: &Reading) -> Does {
    match check.response {
        Response::Warn => Does::Warns,
        Response::Hold => Does::Holds,
        // The reading of control was chosen to break the bound as well.
        Response::Rollback if check.unless_control && reading.control == Some(reading.value) => Does::Holds,
        Response::Rollback => Does::RollsBack,
    }
}

impl Effect {
    /// Nothing at all.
    pub(crate) const NONE: Effect = Effect { does: Does::Passes, by: None, until: None, told_only: false };

    /// `rolled back`, `held (isolation_score.p1)`; the check that the edit is about goes without saying.
    pub(crate) fn before(&self, about: &CheckId) -> String {
        let word = match self.does {
            Does::Passes => "passed",
            Does::Warns => "warned",
            Does::Holds if self.told_only => "only reported a hold",
            Does::RollsBack if self.told_only => "only reported a roll back",
            Does::Holds => "held",
            Does::RollsBack => "rolled back",
        };
        format!("{word}{}", self.rest(about))
    }

    /// `would roll back`, `would hold until 5m`, `would still roll back (internal-score)`.
    pub(crate) fn after(&self, about: &CheckId, before: &Effect) -> String {
        let word = match self.does {
            Does::Passes => "pass",
            Does::Warns if before.does > Does::Warns => "only warn",
            Does::Warns => "warn",
            Does::Holds if self.told_only => "only report a hold",
            Does::RollsBack if self.told_only => "only report a roll back",
            Does::Holds => "hold",
            Does::RollsBack => "roll back",
        };
        let still = if self.does == before.does { "still " } else { "" };
        format!("would {still}{word}{}", self.rest(about))
    }

    fn rest(&self, about: &CheckId) -> String {
        let mut text = match self.until {
            Some(Window::For(length)) => format!(" until {length}"),
            Some(Window::Of { k, n }) => format!(" until {k} of {n}"),
            Some(Window::First) | None => String::new(),
        };
        if let Some(by) = self.by.as_ref().filter(|by| *by != about) {
            text.push_str(&format!(" ({by})"));
        }
        text
    }
}
