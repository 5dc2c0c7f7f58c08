//! The decimal grid that people write bounds on: where a reading that shows an edit is looked for.

use crate::model::frame::Metric;
use crate::model::literal::Literal;
use crate::model::units::{Better, Unit};

/// Finer than this below the written grid nobody would write.
const FINER: i32 = 4;

/// How fine the readings of `unit` can be: a count has no tenths.
const fn is_whole(unit: Unit) -> bool {
    matches!(unit, Unit::Count | Unit::State)
}

/// One unit of the last digit of a written quantity, in `unit`: `95%` is 1, `99.5%` is 0.1, `1.25s` in ms is 10.
pub(crate) fn step(text: &str, unit: Unit) -> Option<f64> {
    let last = text.rfind(|c: char| c.is_ascii_digit())?;
    let one: String = text
        .char_indices()
        .map(|(at, c)| match c {
            c if c.is_ascii_digit() => {
                if at == last {
                    '1'
                } else {
                    '0'
                }
            }
            c => c,
        })
        .collect();
    let step = Literal::parse(&one).ok()?.in_unit(unit).ok()?.abs();
    (step > 0.0 && step.is_finite()).then_some(step)
}

/// The step for a bound that depends on a comparison: a tenth of the place that `distance` begins with.
pub(crate) fn step_within(distance: f64) -> f64 {
    let distance = distance.abs();
    if distance > 0.0 && distance.is_finite() { 10_f64.powi((distance.log10() + 1e-9).floor() as i32 - 1) } else { 1.0 }
}

/// Ever finer steps, beginning with `coarse`.
pub(crate) fn steps(coarse: f64, unit: Unit) -> Vec<f64> {
    if is_whole(unit) {
        return vec![1.0];
    }
    (0..=FINER).map(|finer| coarse / 10_f64.powi(finer)).collect()
}

/// `value` on the grid of `step`, as its digits are written.
pub(crate) fn snap(value: f64, step: f64) -> f64 {
    let decimals = (-step.log10()).ceil().clamp(0.0, 15.0) as usize;
    format!("{value:.decimals$}").parse().unwrap_or(value)
}

/// Comparison values to try, the most usual of the metric's unit first.
pub(crate) fn comparisons(metric: &Metric) -> Vec<f64> {
    let usual = match (metric.unit, metric.better) {
        (Unit::Percent, Better::Higher) => 99.0,
        (Unit::Ratio, Better::Higher) => 0.99,
        (Unit::Percent | Unit::S, _) => 1.0,
        (Unit::Ratio, Better::Lower) => 0.01,
        (Unit::Ms, _) => 200.0,
        (Unit::Count, _) => 10.0,
        (Unit::PerSecond | Unit::Number, _) => 100.0,
        (Unit::Bytes, _) => 1_048_576.0,
        (Unit::State, _) => 0.0,
    };
    let factors = [1.0, 5.0, 0.2, 10.0, 0.1, 50.0, 0.05, 100.0, 0.01, 1000.0];
    let all = factors.into_iter().map(|factor| snap(usual * factor, usual.abs().max(0.01) / 1e4));
    all.filter(|value| metric.range.is_none_or(|range| range.contains(*value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("95%", Unit::Percent, 1.0)]
    #[case("99.5%", Unit::Percent, 0.1)]
    #[case("99.50%", Unit::Percent, 0.01)]
    #[case("95%", Unit::Ratio, 0.01)]
    #[case("1.25s", Unit::Ms, 10.0)]
    #[case("+20ms", Unit::Ms, 1.0)]
    #[case("0", Unit::Count, 1.0)]
    fn the_last_digit_is_the_step(#[case] text: &str, #[case] unit: Unit, #[case] expected: f64) {
        assert_eq!(step(text, unit), Some(expected));
    }

    #[test]
    fn values_stand_on_the_grid() {
        assert_eq!(snap(94.0 + 0.1, 0.1), 94.1);
        assert_eq!(snap(219.999_999_999_97, 1.0), 220.0);
    }
}
