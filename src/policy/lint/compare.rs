//! Whether one check always fires when another does: what "looser" and "covers" mean.

use crate::model::finding::Side;
use crate::policy::compiled::{Bound, Check, Condition, Floor, Limit, StageSet, Window};

/// The bound of a check, when it has one.
pub(super) const fn bound(check: &Check) -> Option<&Bound> {
    match &check.condition {
        Condition::Bound(bound) => Some(bound),
        Condition::Script { .. } => None,
    }
}

/// Whether two bounds are on one series, one side and one comparison, so that one number orders them.
pub(super) fn comparable(a: &Bound, b: &Bound) -> bool {
    let same_kind = match (a.limit, b.limit) {
        (Limit::Absolute(_), Limit::Absolute(_)) => true,
        (Limit::Relative { than: a, .. }, Limit::Relative { than: b, .. })
        | (Limit::Difference { than: a, .. }, Limit::Difference { than: b, .. }) => a == b,
        _ => false,
    };
    same_kind && a.metric == b.metric && a.group == b.group && a.side == b.side
}

const fn number(limit: Limit) -> f64 {
    match limit {
        Limit::Absolute(level) => level,
        Limit::Relative { fraction, .. } => fraction,
        Limit::Difference { delta, .. } => delta,
    }
}

/// Whether every value that breaks `b` breaks `a` too. Both must be comparable.
fn reaches(a: &Bound, b: &Bound) -> bool {
    let bound = match a.side {
        Side::Above => number(a.limit) <= number(b.limit),
        Side::Below => number(a.limit) >= number(b.limit),
    };
    let floor = match (a.floor, b.floor) {
        (None, _) => true,
        (Some(Floor::Level(a_level)), Some(Floor::Level(b_level)))
        | (Some(Floor::Difference(a_level)), Some(Floor::Difference(b_level))) => match a.side {
            Side::Above => a_level <= b_level,
            Side::Below => a_level >= b_level,
        },
        _ => false,
    };
    bound && floor
}

/// Whether `a` is satisfied no later than `b` when both see the same breaches. A run and a count of observations
/// cannot be ordered without knowing the step.
fn no_later(a: Window, b: Window) -> bool {
    match (a, b) {
        (Window::First, _) => true,
        (Window::For(a), Window::For(b)) => a <= b,
        (Window::Of { k: a, n: m }, Window::Of { k: b, n }) => a <= b && m >= n,
        _ => a == b,
    }
}

/// Whether two windows can be ordered at all.
fn ordered(a: Window, b: Window) -> bool {
    no_later(a, b) || no_later(b, a)
}

/// Whether `a` fires whenever `b` does, at the latest at the same observation.
pub(super) fn covers(a: &Check, b: &Check) -> bool {
    let (Some(wide), Some(narrow)) = (bound(a), bound(b)) else { return false };
    comparable(wide, narrow) && reaches(wide, narrow) && no_later(a.window, b.window)
}

/// As [`covers`], but windows that cannot be ordered are given the benefit of the doubt.
pub(super) fn may_cover(a: &Check, b: &Check) -> bool {
    let (Some(wide), Some(narrow)) = (bound(a), bound(b)) else { return false };
    comparable(wide, narrow) && reaches(wide, narrow) && (no_later(a.window, b.window) || !ordered(a.window, b.window))
}

/// Whether every stage of `inner` (of the first `count`) is in `outer`.
pub(super) fn within(inner: StageSet, outer: StageSet, count: usize) -> bool {
    let existing = if count >= 64 { u64::MAX } else { (1_u64 << count) - 1 };
    inner.0 & existing & !outer.0 == 0
}
