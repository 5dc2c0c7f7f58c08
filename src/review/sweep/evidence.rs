//! What a sweep supports, and what it leaves open: a handful of recordings tells less than its fractions look like.

use std::ops::RangeInclusive;

use super::{Outcome, Point};

/// How sure the bounds on a rate are.
const CONFIDENCE: f64 = 0.95;

/// Values that are best in one way, as runs of neighbours on the grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Best<'p> {
    /// Positions of the points, each run from its first to its last.
    pub runs: Vec<RangeInclusive<usize>>,
    /// What they share.
    pub outcome: &'p Outcome,
}

/// What the values have to choose between.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice<'p> {
    /// No value could be tried.
    Nothing,
    /// Every value does the same: the recordings do not tell them apart.
    AllAlike(&'p Outcome),
    /// Some catch as much as any and stop as little as any.
    Best(Best<'p>),
    /// Catching more costs false roll backs.
    Tradeoff {
        /// They catch the most; of those, the ones that stop the least.
        most: Best<'p>,
        /// They stop the least; of those, the ones that catch the most.
        least: Best<'p>,
    },
}

/// Weighs the points.
#[must_use]
pub fn choice(points: &[Point]) -> Choice<'_> {
    let tried = || points.iter().filter_map(|point| point.outcome.as_ref());
    let harm = |outcome: &Outcome| (outcome.tally.stopped, outcome.false_alarms);
    let caught = |outcome: &Outcome| outcome.tally.caught;
    let most = tried().min_by_key(|outcome| (std::cmp::Reverse(caught(outcome)), harm(outcome)));
    let least = tried().min_by_key(|outcome| (harm(outcome), std::cmp::Reverse(caught(outcome))));
    let (Some(most), Some(least)) = (most, least) else { return Choice::Nothing };
    if tried().all(|outcome| outcome.quality() == most.quality()) {
        return Choice::AllAlike(most);
    }
    let best = |outcome| Best { runs: runs(points, outcome), outcome };
    if most.quality() == least.quality() {
        return Choice::Best(best(most));
    }
    Choice::Tradeoff { most: best(most), least: best(least) }
}

/// The runs of neighbours that do as well as `outcome`.
fn runs(points: &[Point], outcome: &Outcome) -> Vec<RangeInclusive<usize>> {
    let mut runs: Vec<RangeInclusive<usize>> = Vec::new();
    for (at, point) in points.iter().enumerate() {
        if point.outcome.as_ref().is_none_or(|other| other.quality() != outcome.quality()) {
            continue;
        }
        match runs.last_mut() {
            Some(run) if *run.end() + 1 == at => *run = *run.start()..=at,
            _ => runs.push(at..=at),
        }
    }
    runs
}

/// The largest rate, in percent and rounded up, that `count` of `of` does not rule out: the exact upper end of a
/// one-sided interval.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 100")]
pub fn may_be(count: usize, of: usize) -> Option<u32> {
    if of == 0 || count >= of {
        return None;
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at_most(count, of, middle) > 1.0 - CONFIDENCE { low = middle } else { high = middle }
    }
    Some((high * 100.0).ceil() as u32)
}

/// The chance of no more than `count` of `of`, when each happens with `rate`.
#[allow(clippy::cast_precision_loss, reason = "recordings are counted in hundreds")]
fn at_most(count: usize, of: usize, rate: f64) -> f64 {
    if rate >= 1.0 {
        return 0.0;
    }
    let mut chance = (1.0 - rate).powi(i32::try_from(of).unwrap_or(i32::MAX));
    let mut sum = chance;
    for k in 0..count {
        chance *= (of - k) as f64 / (k + 1) as f64 * rate / (1.0 - rate);
        sum += chance;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::verdict::Tally;

    /// `caught/stopped` per value; `-` does not compile.
    fn points(each: &str) -> Vec<Point> {
        let one = |(at, text): (usize, &str)| Point {
            value: at.to_string(),
            at: at as f64,
            current: false,
            outcome: text.split_once('/').map(|(caught, stopped)| Outcome {
                tally: Tally {
                    incidents: 7,
                    caught: caught.parse().unwrap(),
                    good: 17,
                    stopped: stopped.parse().unwrap(),
                    median_to_stop: None,
                },
                ..Outcome::default()
            }),
            refused: None,
            warns: Vec::new(),
        };
        each.split(' ').enumerate().map(one).collect()
    }

    fn told(each: &str) -> String {
        match choice(&points(each)) {
            Choice::Nothing => "nothing".to_owned(),
            Choice::AllAlike(_) => "alike".to_owned(),
            Choice::Best(best) => format!("best {:?}", best.runs),
            Choice::Tradeoff { most, least } => format!("most {:?} least {:?}", most.runs, least.runs),
        }
    }

    #[rstest::rstest]
    #[case::no_value_compiles("- -", "nothing")]
    #[case::no_difference("7/0 7/0 7/0", "alike")]
    #[case::a_plateau("5/0 7/0 7/0 7/1", "best [1..=2]")]
    #[case::two_plateaus("7/0 6/0 7/0", "best [0..=0, 2..=2]")]
    #[case::a_hole_where_it_does_not_compile("7/0 - 7/0 6/0", "best [0..=0, 2..=2]")]
    #[case::a_tradeoff("5/0 6/0 7/2 7/3", "most [2..=2] least [1..=1]")]
    fn values_are_weighed(#[case] each: &str, #[case] expected: &str) {
        assert_eq!(told(each), expected);
    }

    #[rstest::rstest]
    #[case::one_recording(0, 1, Some(95))]
    #[case::seven(0, 7, Some(35))]
    #[case::seventeen(0, 17, Some(17))]
    #[case::two_of_ten(2, 10, Some(51))]
    #[case::all(3, 3, None)]
    #[case::none(0, 0, None)]
    fn few_recordings_leave_much_open(#[case] count: usize, #[case] of: usize, #[case] percent: Option<u32>) {
        assert_eq!(may_be(count, of), percent);
    }
}
