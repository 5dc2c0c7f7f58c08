//! From values to heights and from instants to shares of the width, with marks at round numbers.

use crate::model::time::{Duration, Time};
use crate::model::units::Unit;

/// The vertical scale of one chart: values of one unit over so many pixels, larger ones higher up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    unit: Unit,
    low: f64,
    high: f64,
    step: f64,
    top: f64,
    bottom: f64,
}

impl Scale {
    /// Over the values from `low` to `high`, widened to round numbers, between the heights `top` and `bottom`.
    #[must_use]
    pub fn new(unit: Unit, low: f64, high: f64, top: f64, bottom: f64) -> Scale {
        let given = if low.is_finite() && high.is_finite() { (low, high) } else { (0.0, 1.0) };
        let given = if unit == Unit::State { (0.0, 1.0) } else { given };
        let (mut low, mut high) = given;
        if high - low < 1e-12_f64.max(high.abs() * 1e-9) {
            // A flat line: room below and above it, but no percentage above a hundred.
            let room = (high.abs() * 0.02).max(if unit == Unit::Ratio { 0.001 } else { 0.1 });
            (low, high) = (low - room, high + room);
        }
        let step = step(unit, low, high, if bottom - top < 100.0 { 2.0 } else { 4.0 });
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        let mut scale = Scale { unit, low, high, step, top, bottom };
        if given.0 >= 0.0 && unit != Unit::Number {
            // No negative failures, bytes or milliseconds.
            scale.low = scale.low.max(0.0);
        }
        if let Some(range) = unit.default_range() {
            scale.low = scale.low.max(range.lo.min(given.0));
            scale.high = scale.high.min(range.hi.max(given.1));
        }
        scale
    }

    /// The height of `value`; what lies outside is at the edge.
    #[must_use]
    pub fn y(&self, value: f64) -> f64 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.bottom - share * (self.bottom - self.top)
    }

    /// Whether `value` can be seen.
    #[must_use]
    pub fn shows(&self, value: f64) -> bool {
        value >= self.low && value <= self.high
    }

    /// The height above which nothing is drawn.
    #[must_use]
    pub const fn top(&self) -> f64 {
        self.top
    }

    /// The height below which nothing is drawn.
    #[must_use]
    pub const fn bottom(&self) -> f64 {
        self.bottom
    }

    /// Round values, lowest first, as people write them.
    #[must_use]
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let step = self.step;
        let first = (self.low / step - 1e-9).ceil();
        let values = (0..12).map(|n| (first + f64::from(n)) * step);
        values.take_while(|value| *value <= self.high + step * 1e-6).map(|value| (value, self.mark(value))).collect()
    }

    /// The mark of a value, in the larger unit that the whole scale is in where the usual one would need many digits.
    fn mark(&self, value: f64) -> String {
        let most = self.low.abs().max(self.high.abs());
        let of = |size: f64, name: &str| brief(Unit::Number, value / size) + name;
        match self.unit {
            Unit::Ms if most >= 10_000.0 => of(1e3, "s"),
            Unit::S if most >= 36_000.0 => of(3600.0, "h"),
            Unit::Count | Unit::Number if most >= 1e8 => of(1e6, "M"),
            Unit::Count | Unit::Number if most >= 1e5 => of(1e3, "k"),
            Unit::PerSecond if most >= 1e8 => of(1e6, "M/s"),
            Unit::PerSecond if most >= 1e5 => of(1e3, "k/s"),
            _ => brief(self.unit, value),
        }
    }
}

/// A round distance between marks, so that about `wanted` of them fit.
fn step(unit: Unit, low: f64, high: f64, wanted: f64) -> f64 {
    if unit == Unit::State {
        return 1.0;
    }
    let rough = ((high - low) / wanted).max(f64::MIN_POSITIVE);
    if unit == Unit::Bytes && rough >= 1024.0 {
        let base = 1024_f64.powf(rough.log(1024.0).floor());
        return base * round_up(rough / base);
    }
    let step = {
        let base = 10_f64.powf(rough.log10().floor());
        base * round_up(rough / base)
    };
    if unit == Unit::Count { step.max(1.0) } else { step }
}

fn round_up(rough: f64) -> f64 {
    let round = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1024.0];
    round.into_iter().find(|round| *round >= rough - 1e-9).unwrap_or(1024.0)
}

/// A value as short as a mark needs it: `1.5GiB`, `250ms`, `99.5%`.
#[must_use]
pub fn brief(unit: Unit, value: f64) -> String {
    if unit == Unit::Bytes {
        let sizes = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
        if let Some((name, power)) = sizes.into_iter().find(|(_, power)| value.abs() >= 2_f64.powi(*power)) {
            return Unit::Number.show((value / 2_f64.powi(power) * 10.0).round() / 10.0).to_string() + name;
        }
    }
    // Sums of round steps carry the noise of their last digit.
    let digits = if value == 0.0 { 0.0 } else { 5.0 - value.abs().log10().floor() };
    let places = 10_f64.powi(digits.clamp(0.0, 12.0) as i32);
    unit.show((value * places).round() / places).to_string()
}

/// A value with four digits: what a label beside a line needs.
#[must_use]
pub fn rounded(unit: Unit, value: f64) -> String {
    let digits = if value == 0.0 { 0.0 } else { 3.0 - value.abs().log10().floor() };
    let places = 10_f64.powi(digits.clamp(0.0, 12.0) as i32);
    brief(unit, (value * places).round() / places)
}

/// The horizontal scale that everything on a page shares: instants as a share of the width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    first: Time,
    last: Time,
}

impl Extent {
    /// From the first instant to the last.
    #[must_use]
    pub fn new(first: Time, last: Time) -> Extent {
        Extent { first, last: last.max(first + Duration::from_millis(1)) }
    }

    /// The first instant.
    #[must_use]
    pub const fn first(&self) -> Time {
        self.first
    }

    /// The last instant.
    #[must_use]
    pub const fn last(&self) -> Time {
        self.last
    }

    /// Where `at` is, in percent of the width; what lies outside is at the edge.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a drawing is a thousand pixels wide")]
    pub fn x(&self, at: Time) -> f64 {
        let whole = self.last.since(self.first).as_millis().max(1) as f64;
        (at.since(self.first).as_millis() as f64 / whole * 100.0).min(100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::score(Unit::Percent, 94.2, 100.0, "94% 96% 98% 100%")]
    #[case::small_share(Unit::Percent, 0.1, 0.9, "0% 0.2% 0.4% 0.6% 0.8% 1%")]
    #[case::latency(Unit::Ms, 195.0, 260.0, "180ms 200ms 220ms 240ms 260ms")]
    #[case::slow(Unit::Ms, 0.0, 52_000.0, "0s 20s 40s 60s")]
    #[case::many(Unit::Count, 0.0, 400_000.0, "0k 100k 200k 300k 400k")]
    #[case::counts_are_whole(Unit::Count, 0.0, 2.0, "0 1 2")]
    #[case::no_failures(Unit::Count, 0.0, 0.0, "0 1")]
    #[case::health(Unit::State, 0.0, 0.0, "ok failed")]
    #[case::memory(Unit::Bytes, 0.0, 3.0e9, "0B 1GiB 2GiB 3GiB")]
    #[case::flat(Unit::Percent, 100.0, 100.0, "98% 99% 100%")]
    fn marks_are_round_in_every_unit(#[case] unit: Unit, #[case] low: f64, #[case] high: f64, #[case] marks: &str) {
        let shown: Vec<String> =
            Scale::new(unit, low, high, 0.0, 200.0).ticks().into_iter().map(|(_, it)| it).collect();
        assert_eq!(shown.join(" "), marks);
    }

    #[test]
    fn what_lies_outside_is_drawn_at_the_edge() {
        let scale = Scale::new(Unit::Number, 0.0, 10.0, 10.0, 110.0);
        assert_eq!([scale.y(0.0), scale.y(10.0), scale.y(99.0), scale.y(-1.0)], [110.0, 10.0, 10.0, 110.0]);
        let extent = Extent::new(Time::from_millis(1000), Time::from_millis(2000));
        assert_eq!([0, 1000, 1250, 9000].map(|at| extent.x(Time::from_millis(at))), [0.0, 0.0, 25.0, 100.0]);
    }
}
