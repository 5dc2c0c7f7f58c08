//! Marks on a time axis: at round times of the zone that the page is shown in, and the date where it changes.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::model::time::{Duration, Time};

use super::scale::Extent;

/// One mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// When.
    pub at: Time,
    /// The time of day, or the day when marks are days apart: `03:15`, `Thu 5`.
    pub label: String,
    /// The date, on the first mark and where it changes: `Thu 5 Nov`; empty otherwise.
    pub date: String,
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Distances between marks that people read at a glance, in seconds.
const STEPS: [i64; 22] = [
    1,
    2,
    5,
    10,
    15,
    30,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    28 * DAY,
    364 * DAY,
];

/// At most `most` marks over `extent`, in `zone`.
#[must_use]
pub fn ticks(extent: &Extent, zone: &TimeZone, most: usize) -> Vec<Tick> {
    let span = extent.last().since(extent.first()).as_millis() / 1000;
    let most = i64::try_from(most.max(1)).unwrap_or(1);
    let step = STEPS.into_iter().find(|step| span / step < most).unwrap_or(364 * DAY);
    let mut ticks: Vec<Tick> = Vec::new();
    let mut shown_date = String::new();
    for at in instants(extent, zone, step) {
        let local = at.to_timestamp().to_zoned(zone.clone());
        let date = local.strftime("%a %-d %b").to_string();
        let form = match step {
            step if step >= DAY => "%a %-d",
            step if step < MINUTE => "%H:%M:%S",
            _ => "%H:%M",
        };
        let month = local.strftime("%b %Y").to_string();
        let date = if step >= DAY { month } else { date };
        let label = local.strftime(form).to_string();
        let date = if date == shown_date { String::new() } else { date };
        if !date.is_empty() {
            shown_date.clone_from(&date);
        }
        ticks.push(Tick { at, label, date });
    }
    ticks
}

/// Round local times inside the extent, `step` seconds apart. A day of 23 or 25 hours keeps its marks at round hours.
fn instants(extent: &Extent, zone: &TimeZone, step: i64) -> Vec<Time> {
    let first = extent.first().to_timestamp().to_zoned(zone.clone()).datetime();
    let midnight = first.start_of_day();
    // Marks several days apart fall on the same days whatever the extent is: counted from a Monday.
    let days = (step / DAY).max(1);
    let since_monday = midnight.date().duration_since(jiff::civil::date(1970, 1, 5)).as_hours() / 24;
    let back = if step > DAY { since_monday.rem_euclid(days) } else { 0 };
    let start = midnight.checked_sub(SignedDuration::from_hours(back * 24)).unwrap_or(midnight);
    let mut found: Vec<Time> = Vec::new();
    for n in 0..100_000_i64 {
        let Some(at) = instant(start, n, step, zone) else { break };
        if at > extent.last() {
            break;
        }
        if at >= extent.first() && found.last().is_none_or(|last| *last < at) {
            found.push(at);
        }
    }
    found
}

fn instant(start: DateTime, n: i64, step: i64, zone: &TimeZone) -> Option<Time> {
    let local = start.checked_add(SignedDuration::from_secs(n.checked_mul(step)?)).ok()?;
    let at: Timestamp = zone.to_timestamp(local).ok()?;
    Some(Time::from_millis(at.as_millisecond()))
}

/// How long something lasted, as precise as it is worth: `4d 3h`, `2h10m`, `35s`.
#[must_use]
pub fn lasted(length: Duration) -> String {
    let secs = length.as_millis() / 1000;
    match secs {
        secs if secs >= 2 * DAY => match secs % DAY / HOUR {
            0 => format!("{}d", secs / DAY),
            hours => format!("{}d {hours}h", secs / DAY),
        },
        secs if secs >= HOUR => Duration::from_mins(secs / MINUTE).to_string(),
        secs if secs >= MINUTE => Duration::from_secs(secs).to_string(),
        _ => length.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn shown(from: &str, to: &str, zone: &str) -> String {
        let extent = Extent::new(Time::parse(from).unwrap(), Time::parse(to).unwrap());
        let zone = TimeZone::get(zone).unwrap();
        let shown = ticks(&extent, &zone, 9).into_iter().map(|tick| match tick.date.is_empty() {
            true => tick.label,
            false => format!("{} ({})", tick.label, tick.date),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[rstest]
    #[case::seconds(
        "2026-11-05T03:15:00Z",
        "2026-11-05T03:15:20Z",
        "UTC",
        "03:15:00 (Thu 5 Nov) 03:15:05 03:15:10 03:15:15 03:15:20"
    )]
    #[case::a_night(
        "2026-11-05T21:10:00Z",
        "2026-11-06T03:00:00Z",
        "UTC",
        "22:00 (Thu 5 Nov) 23:00 00:00 (Fri 6 Nov) 01:00 02:00 03:00"
    )]
    #[case::a_week(
        "2026-11-02T08:00:00Z",
        "2026-11-09T10:00:00Z",
        "UTC",
        "Tue 3 (Nov 2026) Wed 4 Thu 5 Fri 6 Sat 7 Sun 8 Mon 9"
    )]
    #[case::the_clock_goes_back(
        "2026-10-24T22:00:00Z",
        "2026-10-25T22:00:00Z",
        "Europe/Berlin",
        "00:00 (Sun 25 Oct) 03:00 06:00 09:00 12:00 15:00 18:00 21:00"
    )]
    fn marks_are_round_times_of_the_zone(
        #[case] from: &str,
        #[case] to: &str,
        #[case] zone: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(shown(from, to, zone), expected);
    }

    #[test]
    fn lengths_are_as_precise_as_they_are_worth() {
        let said =
            [35, 7_800, 9 * HOUR + 61, 4 * DAY + 3 * HOUR + 5, 7 * DAY].map(|secs| lasted(Duration::from_secs(secs)));
        assert_eq!(said, ["35s", "2h10m", "9h1m", "4d 3h", "7d"]);
    }
}
