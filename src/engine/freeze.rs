//! Freeze windows: times in which nothing advances. Zone data is compiled in, so the answer is the same everywhere.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};

use crate::model::time::{Duration, Time};
use crate::policy::compiled::Freeze;

/// Whether `now` is frozen, and until when that answer stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frozen {
    /// The end of the freeze, when frozen.
    pub(crate) until: Option<Time>,
    /// The first instant at which to ask again; never before `now`.
    pub(crate) valid_until: Time,
}

impl Frozen {
    /// Before anybody asked.
    pub(crate) const UNASKED: Frozen = Frozen { until: None, valid_until: Time::NEVER };
}

/// Windows that follow one another are told as one freeze; this many links of such a chain are looked at.
const LONGEST_CHAIN: usize = 32;

/// Looks at every window. A calendar look-up costs microseconds, so callers keep the answer until `valid_until`.
pub(crate) fn frozen_at(freezes: &[Freeze], now: Time) -> Frozen {
    let (mut until, mut valid_until) = covered(freezes, now);
    // A Saturday ends where the Sunday begins: people want to know when it is over.
    for _ in 0..LONGEST_CHAIN {
        let Some(end) = until else { break };
        match covered(freezes, end) {
            (Some(later), _) => (until, valid_until) = (Some(later), later),
            (None, _) => break,
        }
    }
    Frozen { until, valid_until }
}

/// Whether two sets of windows freeze the same instants, seen over all their ranges and the year around: a Friday that
/// ends a minute earlier is no other freeze when the Saturday begins where it did.
#[must_use]
pub fn same_instants(one: &[Freeze], other: &[Freeze]) -> bool {
    let week = Duration::from_hours(7 * 24);
    let ranges = || {
        one.iter().chain(other).filter_map(|freeze| match freeze {
            Freeze::Range { from, to, .. } => Some((*from, *to)),
            Freeze::Weekly { .. } => None,
        })
    };
    let mut now = ranges().map(|(from, _)| from).min().unwrap_or_default() - week;
    let end = ranges().map(|(_, to)| to).max().unwrap_or_default() + week.saturating_mul(53);
    while now < end {
        let (a, b) = (covered(one, now), covered(other, now));
        if a.0.is_some() != b.0.is_some() {
            return false;
        }
        // Weekly windows begin again for ever; without any, the ranges end the search.
        now = a.1.min(b.1).max(now + Duration::from_millis(1));
    }
    true
}

/// The end of the windows that cover `now`, and the next instant at which one begins or ends.
fn covered(freezes: &[Freeze], now: Time) -> (Option<Time>, Time) {
    let mut until: Option<Time> = None;
    let mut valid_until = Time::FOREVER;
    for freeze in freezes {
        match covering_or_next(freeze, now) {
            Some((from, to)) if from <= now => {
                until = Some(until.map_or(to, |other| other.max(to)));
                valid_until = valid_until.min(to);
            }
            Some((from, _)) => valid_until = valid_until.min(from),
            None => {}
        }
    }
    (until, valid_until)
}

/// The occurrence that covers `now`, else the next one.
fn covering_or_next(freeze: &Freeze, now: Time) -> Option<(Time, Time)> {
    match freeze {
        Freeze::Range { from, to, .. } => (now < *to).then_some((*from, *to)),
        Freeze::Weekly { days, from, to, zone, .. } => {
            let local = now.to_timestamp().to_zoned(zone.clone());
            // Yesterday's window may run past midnight; a week ahead covers every day name.
            (-1..=7).find_map(|offset| {
                let day = local.date().checked_add(i64::from(offset).days()).ok()?;
                if !*days.get(monday_first(day.weekday()))? {
                    return None;
                }
                let start = at(day, *from, zone)?;
                let end_day = if to > from { day } else { day.tomorrow().ok()? };
                let end = at(end_day, *to, zone)?;
                (now < end).then_some((start, end))
            })
        }
    }
}

fn at(day: jiff::civil::Date, time: jiff::civil::Time, zone: &TimeZone) -> Option<Time> {
    let zoned: Zoned = day.to_datetime(time).to_zoned(zone.clone()).ok()?;
    Some(Time::from_millis(zoned.timestamp().as_millisecond()))
}

fn monday_first(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;

    fn t(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    fn fridays(from: jiff::civil::Time, to: jiff::civil::Time) -> Vec<Freeze> {
        let mut days = [false; 7];
        days[4] = true;
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        vec![Freeze::Weekly { days, from, to, zone, note: String::new() }]
    }

    #[test]
    fn a_minute_that_another_window_covers_is_no_difference() {
        let range = |from: &str, to: &str| Freeze::Range { from: t(from), to: t(to), note: String::new() };
        let holidays = |to: &str| {
            [fridays(time(16, 0, 0, 0), time(20, 0, 0, 0)), vec![range("2026-12-23T00:00:00Z", to)]].concat()
        };
        // A Friday: 15:30 UTC is within the Friday's own window, 19:30 is behind it.
        assert!(same_instants(&holidays("2027-01-08T15:30:00Z"), &holidays("2027-01-08T15:29:00Z")));
        assert!(!same_instants(&holidays("2027-01-08T19:30:00Z"), &holidays("2027-01-08T19:29:00Z")));
        assert!(!same_instants(&holidays("2027-01-08T15:30:00Z"), &fridays(time(16, 0, 0, 0), time(20, 0, 0, 0))));
        assert!(!same_instants(&fridays(time(16, 0, 0, 0), time(20, 0, 0, 0)), &[]));
    }

    #[rstest::rstest]
    #[case::just_before("2026-11-27T14:59:59.999Z", None)]
    #[case::at_the_edge("2026-11-27T15:00:00Z", Some("2026-11-27T19:00:00Z"))]
    #[case::inside("2026-11-27T18:59:59Z", Some("2026-11-27T19:00:00Z"))]
    #[case::at_the_end("2026-11-27T19:00:00Z", None)]
    #[case::another_day("2026-11-26T16:00:00Z", None)]
    fn weekly_windows_are_local_time(#[case] now: &str, #[case] until: Option<&str>) {
        let frozen = frozen_at(&fridays(time(16, 0, 0, 0), time(20, 0, 0, 0)), t(now));
        assert_eq!(frozen.until, until.map(t));
        assert!(frozen.valid_until > t(now));
    }

    #[test]
    fn a_window_may_run_past_midnight() {
        let freezes = fridays(time(22, 0, 0, 0), time(6, 0, 0, 0));
        assert_eq!(frozen_at(&freezes, t("2026-11-28T04:00:00Z")).until, Some(t("2026-11-28T05:00:00Z")));
        assert_eq!(frozen_at(&freezes, t("2026-11-28T05:00:00Z")).until, None);
    }

    #[test]
    fn windows_that_follow_one_another_are_one_freeze() {
        let weekly = |days: &[usize], from, to| Freeze::Weekly {
            days: std::array::from_fn(|day| days.contains(&day)),
            from,
            to,
            zone: TimeZone::UTC,
            note: String::new(),
        };
        let midnight = time(0, 0, 0, 0);
        let freezes = [weekly(&[4], time(16, 0, 0, 0), midnight), weekly(&[5, 6], midnight, midnight)];
        for now in ["2026-11-27T16:00:00Z", "2026-11-28T12:00:00Z", "2026-11-29T23:59:59Z"] {
            assert_eq!(frozen_at(&freezes, t(now)).until, Some(t("2026-11-30T00:00:00Z")), "{now}");
        }
        assert_eq!(frozen_at(&freezes, t("2026-11-30T00:00:00Z")).until, None);
    }

    #[test]
    fn ranges_include_their_start_and_exclude_their_end() {
        let (from, to) = (t("2026-12-24T00:00:00Z"), t("2026-12-27T00:00:00Z"));
        let freezes = [Freeze::Range { from, to, note: String::new() }];
        assert_eq!(frozen_at(&freezes, from), Frozen { until: Some(to), valid_until: to });
        assert_eq!(frozen_at(&freezes, to), Frozen { until: None, valid_until: Time::FOREVER });
    }
}
