//! The last reading of every series, in dense columns, and what becomes of a new one.
//!
//! A snapshot that does not mention a series is no news: the last reading ages until its `max_age`. Age is measured
//! from the reading's own observed time, so a source that repeats an old time goes stale.

use crate::model::frame::{Catalogue, Cell, Kind};
use crate::model::reading::{Reading, Unknown};
use crate::model::time::{Duration, Time};
use crate::model::units::{Better, Range};

/// The last reading of one series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Last {
    pub(crate) value: f64,
    pub(crate) observed: Time,
    /// Sample count plus one; zero when no count was recorded.
    pub(crate) samples_plus: u64,
    unknown: Option<Unknown>,
    /// Since when the value has been exactly this.
    same_since: Time,
    /// The counter's total behind `value`, for counters.
    total: f64,
    /// Time of that total.
    total_at: Time,
}

impl Last {
    const NOTHING: Last = Last {
        value: f64::NAN,
        observed: Time::NEVER,
        samples_plus: 0,
        unknown: None,
        same_since: Time::NEVER,
        total: f64::NAN,
        total_at: Time::NEVER,
    };

    /// The sample count, when one was recorded.
    pub(crate) const fn samples(&self) -> Option<u64> {
        self.samples_plus.checked_sub(1)
    }

    /// Whether it is a believable number, fresh or not.
    pub(crate) const fn is_number(&self) -> bool {
        self.unknown.is_none()
    }

    /// Whether the series was ever seen.
    pub(crate) fn seen(&self) -> bool {
        self.observed > Time::NEVER
    }
}

/// What a reading must satisfy to be usable at some instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs {
    pub(crate) max_age: Duration,
    /// `min_samples` plus one, or zero when the metric asks for none; compares with [`Last::samples_plus`].
    pub(crate) samples_plus: u64,
    pub(crate) stuck_after: Duration,
}

impl Needs {
    pub(crate) const fn new(max_age: Duration, min_samples: u64, stuck_after: Option<Duration>) -> Needs {
        let samples_plus = if min_samples == 0 { 0 } else { min_samples.saturating_add(1) };
        let stuck_after = match stuck_after {
            Some(limit) => limit,
            None => Duration::MAX,
        };
        Needs { max_age, samples_plus, stuck_after }
    }
}

/// The one place where a reading becomes usable or unknown.
#[inline]
pub(crate) fn judge(last: &Last, needs: &Needs, now: Time) -> Reading {
    let age = now.as_millis().wrapping_sub(last.observed.as_millis());
    // One test for the common case: known, fresh, enough samples, not stuck.
    let usable = last.unknown.is_none()
        & (last.observed > Time::NEVER)
        & (age <= needs.max_age.as_millis())
        & (last.samples_plus >= needs.samples_plus);
    if usable && !is_stuck(last, needs, now) {
        return Reading::Value(last.value);
    }
    Reading::Unknown(why_unusable(last, needs, now))
}

#[inline]
fn is_stuck(last: &Last, needs: &Needs, now: Time) -> bool {
    needs.stuck_after < Duration::MAX && now.since(last.same_since) > needs.stuck_after
}

#[cold]
fn why_unusable(last: &Last, needs: &Needs, now: Time) -> Unknown {
    if !last.seen() {
        return Unknown::Absent;
    }
    if let Some(why) = last.unknown {
        return why;
    }
    if now.since(last.observed) > needs.max_age || is_stuck(last, needs, now) {
        return Unknown::Stale;
    }
    Unknown::TooFewSamples
}

/// The first instant at which a reading that is usable now no longer is, if nothing new comes.
#[inline]
pub(crate) fn turns_stale_at(last: &Last, needs: &Needs) -> Time {
    let tick = Duration::from_millis(1);
    let aged = last.observed + needs.max_age + tick;
    if needs.stuck_after < Duration::MAX { aged.min(last.same_since + needs.stuck_after + tick) } else { aged }
}

/// What a new cell turned out to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Arrival {
    /// Newer than anything seen of this series.
    New,
    /// Nothing new: the same observation again, or a milder one for the same instant.
    Repeat,
    /// Another value for the newest instant, and a worse one: it replaces the reading.
    Worse,
    /// Older than the newest; carries its value when that is a usable number.
    Late { value: Option<f64> },
}

/// The last reading of every slot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    last: Vec<Last>,
    rules: Vec<SlotRules>,
}

#[derive(Debug, Clone, Copy)]
struct SlotRules {
    better: Better,
    range: Option<Range>,
    kind: Kind,
    /// A counter's first sample after a longer gap is unknown.
    max_gap: Duration,
}

impl Columns {
    pub(crate) fn new(catalogue: &Catalogue, max_age: impl Fn(usize) -> Duration) -> Columns {
        let metrics = catalogue.metrics();
        let per_row = metrics.iter().enumerate().map(|(ix, metric)| SlotRules {
            better: metric.better,
            range: metric.range,
            kind: metric.kind,
            max_gap: max_age(ix),
        });
        let rules: Vec<SlotRules> = per_row.cycle().take(catalogue.slots()).collect();
        Columns { last: vec![Last::NOTHING; rules.len()], rules }
    }

    #[inline]
    pub(crate) fn get(&self, slot: usize) -> &Last {
        const NOTHING: &Last = &Last::NOTHING;
        self.last.get(slot).unwrap_or(NOTHING)
    }

    /// Carries a series over from another set of columns (after a reload).
    pub(crate) fn carry(&mut self, slot: usize, from: &Last) {
        if let Some(last) = self.last.get_mut(slot) {
            *last = *from;
        }
    }

    /// Takes in one cell. Non-finite and out-of-range numbers become unknown here, and nowhere else.
    pub(crate) fn accept(&mut self, cell: &Cell) -> Arrival {
        let (Some(last), Some(rules)) = (self.last.get_mut(cell.slot.index()), self.rules.get(cell.slot.index()))
        else {
            return Arrival::Repeat;
        };
        let (mut value, mut unknown) = (cell.value, cell.unknown);
        if unknown.is_none() && rules.kind == Kind::Counter && value.is_finite() {
            if cell.observed <= last.total_at {
                // A late total cannot be turned into an increase any more.
                return Arrival::Repeat;
            }
            let before = (last.total_at > Time::NEVER).then_some((last.total_at, last.total));
            match increase(before, value, cell.observed, rules.max_gap) {
                Some(increase) => value = increase,
                None => unknown = Some(Unknown::Absent),
            }
            (last.total, last.total_at) = (cell.value, cell.observed);
        }
        if unknown.is_none() {
            unknown = not_believable(value, rules.range);
        }
        if cell.observed < last.observed {
            return Arrival::Late { value: unknown.is_none().then_some(value) };
        }
        let arrival = if cell.observed > last.observed {
            Arrival::New
        } else if is_worse(rules.better, last, value, unknown) {
            Arrival::Worse
        } else {
            return Arrival::Repeat;
        };
        // Equality to the last bit is meant: a stuck source repeats its value exactly.
        if !(last.seen() && unknown.is_none() && last.value.to_bits() == value.to_bits()) {
            last.same_since = cell.observed;
        }
        last.value = value;
        last.observed = cell.observed;
        last.samples_plus = cell.samples.map_or(0, |samples| samples.saturating_add(1));
        last.unknown = unknown;
        arrival
    }
}

/// How much a counter grew since its previous sample, given when and at which total; none where that cannot be told.
#[must_use]
pub fn increase(before: Option<(Time, f64)>, total: f64, at: Time, max_gap: Duration) -> Option<f64> {
    let (_, last) = before.filter(|(last_at, _)| at.since(*last_at) <= max_gap)?;
    // A fall is a reset: everything counted since then is the value itself.
    Some(if total < last { total } else { total - last })
}

#[inline]
fn not_believable(value: f64, range: Option<Range>) -> Option<Unknown> {
    if !value.is_finite() {
        return Some(if value.is_nan() { Unknown::NotANumber } else { Unknown::Infinite });
    }
    match range {
        Some(range) if !range.contains(value) => Some(Unknown::OutOfRange),
        _ => None,
    }
}

/// Of two answers for one instant the worse wins; a number beats no number only when there was none.
fn is_worse(better: Better, last: &Last, value: f64, unknown: Option<Unknown>) -> bool {
    match (last.unknown, unknown) {
        (None, None) => {
            let strictly_other = value.to_bits() != last.value.to_bits();
            strictly_other && better.worse(value, last.value).to_bits() == value.to_bits()
        }
        (Some(_), None) => true,
        (_, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::frame::{Group, Metric, MetricIx, RegionIx, Slot};
    use crate::model::ids::MetricName;
    use crate::model::units::Unit;

    fn columns(kind: Kind) -> Columns {
        let metric = Metric {
            name: MetricName::new("m"),
            unit: Unit::Percent,
            better: Better::Lower,
            range: Unit::Percent.default_range(),
            kind,
        };
        let catalogue = Catalogue::new(vec![metric], vec![]);
        assert_eq!(catalogue.slot(RegionIx(0), Group::Treatment, MetricIx(0)), Slot(0));
        Columns::new(&catalogue, |_| Duration::from_secs(90))
    }

    fn cell(at: i64, value: f64) -> Cell {
        Cell { slot: Slot(0), observed: Time::from_millis(at * 1000), value, samples: None, unknown: None }
    }

    fn reading(columns: &Columns, now: i64) -> Reading {
        judge(columns.get(0), &Needs::new(Duration::from_secs(90), 0, None), Time::from_millis(now))
    }

    #[test]
    fn a_reading_ages_until_max_age_and_is_stale_just_after() {
        let mut columns = columns(Kind::Gauge);
        assert_eq!(reading(&columns, 0), Reading::Unknown(Unknown::Absent));
        columns.accept(&cell(0, 1.0));
        assert_eq!(reading(&columns, 89_999), Reading::Value(1.0));
        assert_eq!(reading(&columns, 90_000), Reading::Value(1.0));
        assert_eq!(reading(&columns, 90_001), Reading::Unknown(Unknown::Stale));
        assert_eq!(
            turns_stale_at(columns.get(0), &Needs::new(Duration::from_secs(90), 0, None)),
            Time::from_millis(90_001)
        );
    }

    #[test]
    fn numbers_that_cannot_be_are_unknown() {
        for (value, why) in [
            (f64::NAN, Unknown::NotANumber),
            (f64::INFINITY, Unknown::Infinite),
            (f64::NEG_INFINITY, Unknown::Infinite),
            (100.1, Unknown::OutOfRange),
            (-0.1, Unknown::OutOfRange),
        ] {
            let mut columns = columns(Kind::Gauge);
            columns.accept(&cell(0, value));
            assert_eq!(reading(&columns, 0), Reading::Unknown(why), "{value}");
        }
    }

    #[test]
    fn of_two_values_for_one_instant_the_worse_wins_in_either_order() {
        for (first, second, second_arrival) in [(1.0, 2.0, Arrival::Worse), (2.0, 1.0, Arrival::Repeat)] {
            let mut columns = columns(Kind::Gauge);
            assert_eq!(columns.accept(&cell(0, first)), Arrival::New);
            assert_eq!(columns.accept(&cell(0, second)), second_arrival);
            assert_eq!(reading(&columns, 0), Reading::Value(2.0));
        }
    }

    #[test]
    fn too_few_samples_or_none_recorded_is_unknown() {
        let mut columns = columns(Kind::Gauge);
        let needs = Needs::new(Duration::from_secs(90), 100, None);
        for (samples, usable) in [(None, false), (Some(99), false), (Some(100), true), (Some(101), true)] {
            columns.accept(&Cell { samples, ..cell(samples.unwrap_or(0).cast_signed(), 1.0) });
            let reading = judge(columns.get(0), &needs, Time::from_millis(101_000));
            assert_eq!(reading.value().is_some(), usable, "{samples:?}");
        }
    }

    #[test]
    fn a_counter_reads_as_its_increase_and_a_fall_is_a_reset() {
        let mut columns = columns(Kind::Counter);
        columns.accept(&cell(0, 50.0));
        assert_eq!(reading(&columns, 0), Reading::Unknown(Unknown::Absent));
        columns.accept(&cell(60, 53.0));
        assert_eq!(reading(&columns, 60_000), Reading::Value(3.0));
        columns.accept(&cell(120, 2.0));
        assert_eq!(reading(&columns, 120_000), Reading::Value(2.0));
        columns.accept(&cell(300, 9.0));
        assert_eq!(reading(&columns, 300_000), Reading::Unknown(Unknown::Absent), "after a gap over max_age");
        columns.accept(&cell(360, 10.0));
        assert_eq!(reading(&columns, 360_000), Reading::Value(1.0));
    }

    #[test]
    fn a_value_that_never_moves_is_stale_after_stuck_after_only_where_asked() {
        let mut columns = columns(Kind::Gauge);
        let needs = Needs::new(Duration::from_secs(90), 0, Some(Duration::from_secs(120)));
        for at in [0, 60, 120] {
            columns.accept(&cell(at, 0.0));
        }
        assert_eq!(judge(columns.get(0), &needs, Time::from_millis(120_000)), Reading::Value(0.0));
        assert_eq!(judge(columns.get(0), &needs, Time::from_millis(120_001)), Reading::Unknown(Unknown::Stale));
        assert_eq!(reading(&columns, 120_001), Reading::Value(0.0));
    }
}
