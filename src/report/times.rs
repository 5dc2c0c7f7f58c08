//! Instants on screens: in one zone (UTC unless asked otherwise), with the zone named once.

use jiff::tz::TimeZone;

use crate::model::time::{Duration, Time};

/// How times are shown.
#[derive(Debug, Clone)]
pub struct Times {
    zone: TimeZone,
    form: Form,
}

/// As much of the date as tells two rows apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Clock,
    Weekday,
    Date,
}

impl Times {
    /// For rows between two instants, in `zone`.
    #[must_use]
    pub fn between(zone: TimeZone, first: Time, last: Time) -> Times {
        let span = last.since(first);
        let form = if span <= Duration::from_hours(12) {
            Form::Clock
        } else if span <= Duration::from_hours(6 * 24) {
            Form::Weekday
        } else {
            Form::Date
        };
        Times { zone, form }
    }

    /// In a table: `03:15:00`, `Thu 03:15` or `11-05 03:15`.
    #[must_use]
    pub fn row(&self, at: Time) -> String {
        self.print(
            at,
            match self.form {
                Form::Clock => "%H:%M:%S",
                Form::Weekday => "%a %H:%M",
                Form::Date => "%m-%d %H:%M",
            },
        )
    }

    /// Under a band, where room is scarce: `03:15`, `Thu 03`, `11-05`.
    #[must_use]
    pub fn tick(&self, at: Time) -> String {
        self.print(
            at,
            match self.form {
                Form::Clock => "%H:%M",
                Form::Weekday => "%a %H",
                Form::Date => "%m-%d",
            },
        )
    }

    /// Once, in a head: `Thu 2026-11-05 03:15:00 UTC`.
    #[must_use]
    pub fn full(&self, at: Time) -> String {
        self.print(at, "%a %Y-%m-%d %H:%M:%S %Z")
    }

    /// The zone that all of this is in.
    #[must_use]
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Its name, for people: `UTC`, `Europe/Berlin`.
    #[must_use]
    pub fn zone_name(&self) -> String {
        self.zone.iana_name().unwrap_or("a zone without a name").to_owned()
    }

    fn print(&self, at: Time, form: &str) -> String {
        at.to_timestamp().to_zoned(self.zone.clone()).strftime(form).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_show_as_much_of_the_date_as_tells_them_apart() {
        let at = Time::parse("2026-11-05T03:15:00Z").unwrap();
        let row = |hours| Times::between(TimeZone::UTC, at, at + Duration::from_hours(hours)).row(at);
        assert_eq!([row(1), row(48), row(200)], ["03:15:00", "Thu 03:15", "11-05 03:15"]);
        assert_eq!(Times::between(TimeZone::UTC, at, at).full(at), "Thu 2026-11-05 03:15:00 UTC");
    }
}
