//! The score over several labelled recordings: incidents caught, good releases stopped, and how long stopping took.

use crate::fixture::score::{Quality, Score};
use crate::model::time::Duration;

use super::verdict::{Compared, Side, Tally};

/// Scores added up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scores {
    tally: Tally,
    false_alarms: usize,
    /// How long each caught incident went on.
    times: Vec<Duration>,
}

impl Scores {
    /// Adds one labelled recording on which the policy rolled back `rollbacks` times.
    pub fn add(&mut self, quality: Quality, score: &Score, rollbacks: usize) {
        self.false_alarms += score.false_alarms.len();
        match quality {
            Quality::Good => {
                self.tally.good += 1;
                self.tally.stopped += usize::from(rollbacks > 0);
            }
            // Bad all along, and nobody said since when: one incident, without a time to count from.
            Quality::Bad if score.caught.is_empty() && score.missed.is_empty() => {
                self.tally.incidents += 1;
                self.tally.caught += usize::from(rollbacks > 0);
            }
            Quality::Bad => {
                self.tally.incidents += score.caught.len() + score.missed.len();
                self.tally.caught += score.caught.len();
                self.times.extend(score.caught.iter().map(|caught| caught.after));
            }
        }
    }

    /// Whether any recording was labelled.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.tally.incidents == 0 && self.tally.good == 0
    }

    /// Roll backs outside of any incident, on good and on bad releases.
    #[must_use]
    pub const fn false_alarms(&self) -> usize {
        self.false_alarms
    }

    /// The longest that a caught incident went on.
    #[must_use]
    pub fn worst_to_stop(&self) -> Option<Duration> {
        self.times.iter().max().copied()
    }

    /// All of it.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally { median_to_stop: median(&self.times), ..self.tally }
    }
}

/// The middle one; of an even number the mean of the two in the middle.
fn median(times: &[Duration]) -> Option<Duration> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let upper = sorted.get(sorted.len() / 2)?;
    if !sorted.len().is_multiple_of(2) {
        return Some(*upper);
    }
    let lower = sorted.get((sorted.len() / 2).checked_sub(1)?)?;
    Some(Duration::from_millis(i64::midpoint(lower.as_millis(), upper.as_millis())))
}

/// The scores of both policies on the labelled recordings; none when nothing is labelled. Their medians are of the
/// incidents that both catch, so that they can be compared.
#[must_use]
pub fn tallies(compared: &[Compared]) -> Option<(Tally, Tally)> {
    let (mut before, mut after, mut both) = (Scores::default(), Scores::default(), Vec::new());
    for one in compared {
        let Some(quality) = one.label else { continue };
        let add = |scores: &mut Scores, side: &Side| {
            if let Some(score) = &side.score {
                scores.add(quality, score, side.rollbacks.len());
            }
        };
        add(&mut before, &one.before);
        add(&mut after, &one.after);
        if let (Some(was), Some(is)) = (&one.before.score, &one.after.score) {
            both.extend(caught_by_both(was, is));
        }
    }
    let (was, is): (Vec<Duration>, Vec<Duration>) = both.into_iter().unzip();
    let of = |scores: &Scores, times: &[Duration]| Tally { median_to_stop: median(times), ..scores.tally() };
    (!before.is_empty() || !after.is_empty()).then(|| (of(&before, &was), of(&after, &is)))
}

/// How long each incident went on under the one policy and under the other, where both rolled back in it.
fn caught_by_both(was: &Score, is: &Score) -> Vec<(Duration, Duration)> {
    let both = was.caught.iter().filter_map(|old| {
        let new = is.caught.iter().find(|new| new.from == old.from)?;
        Some((old.after, new.after))
    });
    both.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::score::Caught;
    use crate::model::time::Time;

    fn caught(minutes: i64) -> Score {
        let from = Time::from_millis(0);
        let after = Duration::from_mins(minutes);
        Score { caught: vec![Caught { from, at: from + after, after }], ..Score::default() }
    }

    #[test]
    fn scores_add_up() {
        let mut scores = Scores::default();
        assert!(scores.is_empty());
        for minutes in [9, 1, 4] {
            scores.add(Quality::Bad, &caught(minutes), 1);
        }
        scores.add(Quality::Good, &Score { false_alarms: vec![Time::from_millis(5)], ..Score::default() }, 1);
        scores.add(Quality::Good, &Score::default(), 0);
        let missed = Score { missed: vec![(Time::from_millis(0), Time::from_millis(9))], ..Score::default() };
        scores.add(Quality::Bad, &missed, 0);
        let tally = scores.tally();
        assert_eq!((tally.incidents, tally.caught, tally.good, tally.stopped), (4, 3, 2, 1));
        assert_eq!(
            (tally.median_to_stop, scores.worst_to_stop()),
            (Some(Duration::from_mins(4)), Some(Duration::from_mins(9)))
        );
        assert_eq!(scores.false_alarms(), 1);
    }

    #[test]
    fn a_release_that_was_bad_all_along_is_one_incident_without_a_time() {
        let mut scores = Scores::default();
        scores.add(Quality::Bad, &Score::default(), 1);
        scores.add(Quality::Bad, &Score::default(), 0);
        let tally = scores.tally();
        assert_eq!((tally.incidents, tally.caught, tally.median_to_stop), (2, 1, None));
    }

    #[test]
    fn an_incident_that_only_one_catches_is_left_out_of_the_comparison_of_times() {
        let slow = Caught { from: Time::from_millis(1), ..caught(9).caught[0] };
        let (mut was, is) = (caught(2), caught(3));
        was.caught.push(slow);
        assert_eq!(caught_by_both(&was, &is), [(Duration::from_mins(2), Duration::from_mins(3))]);
    }

    #[rstest::rstest]
    #[case::none(&[], None)]
    #[case::one(&[4], Some(4))]
    #[case::two(&[6, 2], Some(4))]
    #[case::three(&[9, 1, 5], Some(5))]
    fn the_middle_is_the_median(#[case] minutes: &[i64], #[case] expected: Option<i64>) {
        let times: Vec<Duration> = minutes.iter().map(|minutes| Duration::from_mins(*minutes)).collect();
        assert_eq!(median(&times), expected.map(Duration::from_mins));
    }
}
