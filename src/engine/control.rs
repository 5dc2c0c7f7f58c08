//! The concurrent comparison: the median of the last control readings.
//!
//! A single control reading is as noisy as the treatment it is compared with: an identical pair is "worse than
//! +10 %" in 38 % of minutes raw, and practically never against a median of fifteen (measured; see
//! `docs/semantics.md`).

use crate::model::time::{Duration, Time};

/// How many control observations the median looks at.
pub(crate) const CONTROL_RING: usize = 15;
/// How many of them must be known.
pub(crate) const CONTROL_MIN: usize = 8;

/// The last control observations of one metric in one region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Control {
    /// NaN where an observation was unknown.
    values: [f64; CONTROL_RING],
    times: [Time; CONTROL_RING],
    next: usize,
    newest_known: Time,
    median: Option<f64>,
}

impl Default for Control {
    fn default() -> Control {
        Control {
            values: [f64::NAN; CONTROL_RING],
            times: [Time::NEVER; CONTROL_RING],
            next: 0,
            newest_known: Time::NEVER,
            median: None,
        }
    }
}

impl Control {
    /// Takes in one observation, known or not, and works out the median anew.
    pub(crate) fn push(&mut self, value: Option<f64>, at: Time, max_age: Duration) {
        if let (Some(slot), Some(time)) = (self.values.get_mut(self.next), self.times.get_mut(self.next)) {
            *slot = value.unwrap_or(f64::NAN);
            *time = at;
        }
        self.next = (self.next + 1) % CONTROL_RING;
        if value.is_some() {
            self.newest_known = at;
        }
        self.median = self.work_out(at, max_age);
    }

    /// The median, while the newest known observation is fresh.
    #[inline]
    pub(crate) fn median(&self, now: Time, max_age: Duration) -> Option<f64> {
        if now.since(self.newest_known) > max_age { None } else { self.median }
    }

    /// When the median stops being usable if nothing new comes.
    pub(crate) fn turns_stale_at(&self, max_age: Duration) -> Time {
        self.newest_known + max_age + Duration::from_millis(1)
    }

    fn work_out(&self, now: Time, max_age: Duration) -> Option<f64> {
        // Fifteen observations spread over more than fifteen times max_age are not "the same time" any more.
        let horizon = max_age.saturating_mul(i64::try_from(CONTROL_RING).unwrap_or(i64::MAX));
        let mut known = [f64::NAN; CONTROL_RING];
        let mut count = 0;
        for (value, at) in self.values.iter().zip(&self.times) {
            if !value.is_nan() && now.since(*at) <= horizon {
                if let Some(place) = known.get_mut(count) {
                    *place = *value;
                }
                count += 1;
            }
        }
        if count < CONTROL_MIN { None } else { median(known.get_mut(..count)?) }
    }
}

/// The median of `values` (the mean of the middle two of an even number); sorts them. None when there are none.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *values.get(middle.checked_sub(1)?)?;
    Some(lower + (upper - lower) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_AGE: Duration = Duration::from_secs(90);

    fn minute(m: usize) -> Time {
        Time::from_millis(m as i64 * 60_000)
    }

    #[test]
    fn needs_eight_known_of_the_last_fifteen() {
        for (known, usable) in [(7, false), (8, true)] {
            let mut control = Control::default();
            for m in 0..15 {
                control.push((m < known).then_some(10.0), minute(m), MAX_AGE);
            }
            assert_eq!(control.median.is_some(), usable, "{known}");
        }
    }

    #[test]
    fn forgets_what_is_older_than_fifteen_and_goes_stale() {
        let mut control = Control::default();
        for m in 0..30 {
            control.push(Some(m as f64), minute(m), MAX_AGE);
        }
        assert_eq!(control.median(minute(29), MAX_AGE), Some(22.0));
        assert_eq!(control.median(minute(31), MAX_AGE), None);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }
}
