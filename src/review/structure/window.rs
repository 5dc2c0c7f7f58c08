//! Which of two windows fires on more: by whether the one firing means that the other fires as well.

use std::cmp::Ordering;

use crate::policy::compiled::Window;
use crate::review::change::Direction;

/// From the firing window `old` to `new`: longer, or more often, is looser.
pub(crate) fn direction(old: Window, new: Window) -> Direction {
    match (implies(new, old), implies(old, new)) {
        (true, false) => Direction::Looser,
        (false, true) => Direction::Tighter,
        _ => Direction::Different,
    }
}

/// Whether the two say the same although they may be written differently: `1 of 5` is the first observation.
pub(crate) fn is_same(a: Window, b: Window) -> bool {
    implies(a, b) && implies(b, a)
}

/// Whether `b` fires whenever `a` does, on whatever observations.
fn implies(a: Window, b: Window) -> bool {
    match (a, b) {
        // Every window asks that the newest observation is a breach, and the first asks for nothing else.
        (_, Window::First | Window::Of { k: 0 | 1, .. }) => true,
        (Window::For(a), Window::For(b)) => a >= b,
        (Window::Of { k: a, n: of_a }, Window::Of { k: b, n: of_b }) => {
            // As many as can be of what `a` counted stand where `b` does not look any more.
            let beyond = of_a.saturating_sub(of_b);
            a.saturating_sub(beyond).max(1) >= b
        }
        _ => false,
    }
}

/// `2m`, `3 of 5`, `at once`.
pub(crate) fn shown(window: Window) -> String {
    match window {
        Window::First => "at once".to_owned(),
        Window::For(length) => length.to_string(),
        Window::Of { k, n } => format!("{k} of {n}"),
    }
}

/// What makes `window` fire, as breaches (true) one after another, the newest last; with it a run in time that is long
/// enough. Of the breaches that `k of n` asks for all but the newest stand as far back as they may.
pub(crate) fn breaches(window: Window) -> Vec<bool> {
    match window {
        Window::First | Window::For(_) => vec![true],
        Window::Of { k, n } => {
            let (early, n) = (k.saturating_sub(1) as usize, n.max(k).max(1) as usize);
            (0..n).map(|at| at < early || at + 1 == n).collect()
        }
    }
}

/// The longer of two, for a reading that must satisfy both.
pub(crate) fn longer(a: Window, b: Window) -> Window {
    match (a, b) {
        (Window::For(x), Window::For(y)) => Window::For(x.max(y)),
        (Window::For(x), _) | (_, Window::For(x)) => Window::For(x),
        (Window::Of { k, n }, Window::Of { k: l, n: m }) => match k.cmp(&l) {
            Ordering::Less => Window::Of { k: l, n: l.min(m) },
            _ => Window::Of { k, n: k.min(n) },
        },
        (Window::Of { k, .. }, Window::First) | (Window::First, Window::Of { k, .. }) => Window::Of { k, n: k },
        (Window::First, Window::First) => Window::First,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Duration;

    fn minutes(count: i64) -> Window {
        Window::For(Duration::from_mins(count))
    }

    const fn of(k: u32, n: u32) -> Window {
        Window::Of { k, n }
    }

    #[rstest::rstest]
    #[case::longer(minutes(2), minutes(5), Direction::Looser)]
    #[case::any_length_is_looser_than_at_once(Window::First, minutes(1), Direction::Looser)]
    #[case::more_of_as_many(of(3, 5), of(4, 5), Direction::Looser)]
    #[case::as_many_of_more(of(3, 5), of(3, 6), Direction::Tighter)]
    #[case::more_of_more_can_be_spread_out(of(3, 5), of(4, 7), Direction::Different)]
    #[case::more_of_more_that_must_overlap(of(3, 5), of(4, 6), Direction::Looser)]
    #[case::three_of_five_is_looser_than_at_once(Window::First, of(3, 5), Direction::Looser)]
    #[case::time_and_count_cannot_be_compared(minutes(2), of(3, 5), Direction::Different)]
    #[case::one_of_five_is_at_once(Window::First, of(1, 5), Direction::Different)]
    fn windows(#[case] old: Window, #[case] new: Window, #[case] expected: Direction) {
        assert_eq!(direction(old, new), expected);
        assert_eq!(direction(new, old), expected.reversed());
    }

    #[test]
    fn one_of_five_says_the_same_as_at_once() {
        assert!(is_same(Window::First, of(1, 5)));
        assert!(!is_same(Window::First, minutes(0)), "a length asks for two observations");
    }

    /// Whether `k of n` fires at the end of `bits`, the newest in bit 0.
    fn fires(k: u32, n: u32, bits: u32) -> bool {
        bits & 1 == 1 && (bits & ((1 << n) - 1)).count_ones() >= k
    }

    #[test]
    fn inclusion_of_counts_agrees_with_every_sequence_of_eight() {
        let windows: Vec<(u32, u32)> = (1..=6).flat_map(|n| (1..=n).map(move |k| (k, n))).collect();
        for &(k, n) in &windows {
            for &(l, m) in &windows {
                let truth = (0..256).all(|bits| !fires(k, n, bits) || fires(l, m, bits));
                assert_eq!(implies(of(k, n), of(l, m)), truth, "{k} of {n} => {l} of {m}");
            }
        }
    }

    #[test]
    fn the_breaches_of_a_count_are_the_fewest_and_the_oldest() {
        assert_eq!(breaches(of(3, 5)), [true, true, false, false, true]);
        assert_eq!(breaches(of(2, 2)), [true, true]);
        assert_eq!(breaches(Window::First), [true]);
    }
}
