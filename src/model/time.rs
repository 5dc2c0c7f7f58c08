//! Instants and durations in whole milliseconds.
//!
//! The engine compares and subtracts times on every reading of every snapshot, so they are plain integers; jiff
//! does the parsing, the printing and the calendar. Sources that stamp finer than a millisecond are truncated.

use std::fmt;
use std::ops::{Add, Sub};

use jiff::{SpanRelativeTo, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant, in milliseconds since the Unix epoch (UTC). Always the *source's* time, never "now" of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    /// Earlier than any sample: what "never observed" compares as.
    pub const NEVER: Time = Time(i64::MIN);
    /// Later than any sample.
    pub const FOREVER: Time = Time(i64::MAX);

    /// `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Time {
        Time(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 (`2026-11-01T00:00:00Z`, any offset).
    ///
    /// # Errors
    /// A sentence saying what was expected.
    pub fn parse(text: &str) -> Result<Time, TimeError> {
        if let Some(time) = plain(text.as_bytes()) {
            return Ok(time);
        }
        text.parse::<Timestamp>()
            .map(|stamp| Time(stamp.as_millisecond()))
            .map_err(|_| TimeError::NotATime(text.to_owned()))
    }

    /// The instant as jiff knows it; times outside jiff's range are clamped to its ends.
    #[must_use]
    pub fn to_timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Time) -> Duration {
        let gap = self.0.saturating_sub(earlier.0);
        Duration(if gap < 0 { 0 } else { gap })
    }
}

/// `2026-11-01T00:00:00Z`, as nearly every line of every recording spells it: a million of them are worth a short cut.
/// Anything else, and whatever may not be an instant, is left to the parser.
fn plain(text: &[u8]) -> Option<Time> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', i1, i2, b':', s1, s2, b'Z'] = text else {
        return None;
    };
    let two = |tens: u8, ones: u8| {
        let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        digits.then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    };
    let (year, month, day) = (two(y1, y2)? * 100 + two(y3, y4)?, two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(i1, i2)?, two(s1, s2)?);
    // Days that only some months have, leap seconds and years before our era are the parser's.
    let surely_there = year > 0 && (1..=12).contains(&month) && (1..=28).contains(&day);
    if !surely_there || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Years that begin in March end with the leap day; 719,468 days before 1970 one such year began the calendar.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(Time((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000))
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, rhs: Duration) -> Time {
        Time(self.0.saturating_add(rhs.0))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, rhs: Duration) -> Time {
        Time(self.0.saturating_sub(rhs.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_timestamp())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Time;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time such as \"2026-11-01T00:00:00Z\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                Time::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// A length of time, never negative, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(i64);

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration(0);
    /// Longer than any rollout.
    pub const MAX: Duration = Duration(i64::MAX);

    /// `millis` milliseconds; a negative number is zero.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Duration {
        Duration(if millis < 0 { 0 } else { millis })
    }

    /// `secs` seconds.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Duration {
        Duration::from_millis(secs.saturating_mul(1000))
    }

    /// `mins` minutes.
    #[must_use]
    pub const fn from_mins(mins: i64) -> Duration {
        Duration::from_secs(mins.saturating_mul(60))
    }

    /// `hours` hours.
    #[must_use]
    pub const fn from_hours(hours: i64) -> Duration {
        Duration::from_mins(hours.saturating_mul(60))
    }

    /// Whole milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whether this is no time at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This less `other`, at least zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Duration) -> Duration {
        Duration::from_millis(self.0.saturating_sub(other.0))
    }

    /// This times `n`.
    #[must_use]
    pub const fn saturating_mul(self, n: i64) -> Duration {
        Duration::from_millis(self.0.saturating_mul(n))
    }

    /// Reads `90s`, `2m`, `1h30m`, `5m 30s`, `2 days`, `1w`: a day is 24 hours. Zero and negative lengths are refused.
    ///
    /// # Errors
    /// A sentence saying what was expected.
    pub fn parse(text: &str) -> Result<Duration, TimeError> {
        let refuse = || TimeError::NotADuration(text.to_owned());
        let span: jiff::Span = text.trim().parse().map_err(|_| refuse())?;
        let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| refuse())?;
        let millis = i64::try_from(length.as_millis()).map_err(|_| refuse())?;
        if millis <= 0 { Err(refuse()) } else { Ok(Duration(millis)) }
    }
}

impl Add for Duration {
    type Output = Duration;
    fn add(self, rhs: Duration) -> Duration {
        Duration(self.0.saturating_add(rhs.0))
    }
}

impl fmt::Display for Duration {
    /// Hours at most (`48h`, `1h30m`, `2m`, `1m40s`, `250ms`), the way thresholds are written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let (hours, mins) = (self.0 / 3_600_000, self.0 / 60_000 % 60);
        let (secs, millis) = (self.0 / 1000 % 60, self.0 % 1000);
        for (amount, unit) in [(hours, "h"), (mins, "m"), (secs, "s"), (millis, "ms")] {
            if amount != 0 {
                write!(f, "{amount}{unit}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "0s" { Ok(Duration::ZERO) } else { Duration::parse(&text).map_err(de::Error::custom) }
    }
}

/// Why a text is not a time or a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not an RFC 3339 instant.
    #[error("`{0}` is not a time; write it as 2026-11-01T00:00:00Z")]
    NotATime(String),
    /// Not a positive duration.
    #[error("`{0}` is not a duration; write it as 90s, 5m, 1h30m or 2d")]
    NotADuration(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_as_people_write_them() {
        for (text, printed) in [
            ("90s", "1m30s"),
            ("48h", "48h"),
            ("2d", "48h"),
            ("1h30m", "1h30m"),
            ("5m 30s", "5m30s"),
            ("1w", "168h"),
            ("250ms", "250ms"),
        ] {
            assert_eq!(Duration::parse(text).unwrap().to_string(), printed);
        }
        for wrong in ["", "0s", "-5m", "5", "five minutes", "1 month", "5x"] {
            assert!(Duration::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_rfc3339_at_any_offset() {
        assert_eq!(Time::parse("2026-11-01T02:00:00+02:00").unwrap(), Time::parse("2026-11-01T00:00:00Z").unwrap());
        assert_eq!(Time::parse("2026-11-01T00:00:00.250Z").unwrap().to_string(), "2026-11-01T00:00:00.25Z");
        assert!(Time::parse("yesterday").is_err());
    }

    #[rstest::rstest]
    #[case::the_epoch("1970-01-01T00:00:00Z")]
    #[case::before_the_epoch("1969-12-28T23:59:59Z")]
    #[case::the_last_plain_day_of_a_leap_february("2024-02-28T12:00:00Z")]
    #[case::a_leap_day("2024-02-29T12:00:00Z")]
    #[case::the_day_after_it("2024-03-01T00:00:00Z")]
    #[case::a_century_without_one("2100-03-01T00:00:00Z")]
    #[case::no_such_day("2026-02-30T00:00:00Z")]
    #[case::no_such_month("2026-13-01T00:00:00Z")]
    #[case::no_such_hour("2026-01-01T24:00:00Z")]
    #[case::a_leap_second("2016-12-31T23:59:60Z")]
    #[case::not_digits("2026-0a-01T00:00:00Z")]
    #[case::the_year_nought("0000-01-01T00:00:00Z")]
    fn the_short_cut_reads_what_the_parser_reads(#[case] text: &str) {
        let parsed = text.parse::<Timestamp>().ok().map(|stamp| Time(stamp.as_millisecond()));
        assert_eq!(Time::parse(text).ok(), parsed);
    }

    proptest::proptest! {
        #[test]
        fn every_plain_instant_reads_as_it_prints(secs in -62_135_596_800_i64..253_402_300_799) {
            let time = Time(secs * 1000);
            proptest::prop_assert_eq!(Time::parse(&time.to_string()).ok(), Some(time));
        }
    }
}
