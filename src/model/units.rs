//! Units that metrics carry, and how a value in one of them is printed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a metric's numbers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// 0 to 100; written `"95%"`.
    Percent,
    /// 0 to 1; written `"0.95"` or `"95%"`.
    Ratio,
    /// Milliseconds; written `"250ms"` or `"1.5s"`.
    Ms,
    /// Seconds; written `"2s"` or `"250ms"`.
    S,
    /// Whole things: restarts, failures; written bare.
    Count,
    /// A rate; written `"50/s"`.
    PerSecond,
    /// Bytes; written `"512MiB"`, `"1GB"`, `"100B"`.
    Bytes,
    /// A plain number; written bare.
    Number,
    /// `ok` or `failed`: a health check. `failed` is the value 1, `ok` is 0.
    State,
}

impl Unit {
    /// The word used in policy files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Percent => "percent",
            Unit::Ratio => "ratio",
            Unit::Ms => "ms",
            Unit::S => "s",
            Unit::Count => "count",
            Unit::PerSecond => "per_second",
            Unit::Bytes => "bytes",
            Unit::Number => "number",
            Unit::State => "state",
        }
    }

    /// Every unit, in the order of the documentation.
    pub const ALL: [Unit; 9] = [
        Unit::Percent,
        Unit::Ratio,
        Unit::Ms,
        Unit::S,
        Unit::Count,
        Unit::PerSecond,
        Unit::Bytes,
        Unit::Number,
        Unit::State,
    ];

    /// The range a reading must lie in when the metric declares none: percent 0..100, ratio 0..1, state 0..1.
    #[must_use]
    pub const fn default_range(self) -> Option<Range> {
        match self {
            Unit::Percent => Some(Range { lo: 0.0, hi: 100.0 }),
            Unit::Ratio | Unit::State => Some(Range { lo: 0.0, hi: 1.0 }),
            _ => None,
        }
    }

    /// Prints a value of this unit as a person would write it: `94.2%`, `212ms`, `3`, `failed`.
    #[must_use]
    pub fn show(self, value: f64) -> Shown {
        Shown { unit: self, value, signed: false }
    }

    /// Prints a difference of two values of this unit: `+0.5pp`, `-20ms`.
    #[must_use]
    pub fn show_difference(self, value: f64) -> Shown {
        Shown { unit: self, value, signed: true }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A value on its way to a screen. Six significant digits at most; never an exponent.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    unit: Unit,
    value: f64,
    signed: bool,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        f.pad(&text)
    }
}

impl Shown {
    fn text(&self) -> String {
        let sign = if self.signed && self.value >= 0.0 { "+" } else { "" };
        if self.unit == Unit::State && !self.signed {
            return (if self.value > 0.5 { "failed" } else { "ok" }).to_owned();
        }
        let digits = trimmed(self.value);
        let suffix = match (self.unit, self.signed) {
            (Unit::Percent, false) => "%",
            (Unit::Percent, true) => "pp",
            (Unit::Ms, _) => "ms",
            (Unit::S, _) => "s",
            (Unit::PerSecond, _) => "/s",
            (Unit::Bytes, _) => "B",
            _ => "",
        };
        format!("{sign}{digits}{suffix}")
    }
}

/// `value` with at most six significant digits and no trailing zeros.
fn trimmed(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs();
    let decimals = if magnitude >= 100_000.0 {
        0
    } else if magnitude >= 1.0 {
        let whole_digits = format!("{magnitude:.0}").len();
        6_usize.saturating_sub(whole_digits)
    } else {
        // Below one, keep four significant digits however small the number: 0.0004 must not print as 0.
        let leading_zeros = if magnitude > 0.0 { (-magnitude.log10()).floor().clamp(0.0, 12.0) as usize } else { 0 };
        4 + leading_zeros
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    (if text == "-0" { "0" } else { text }).to_owned()
}

/// Which way is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// More is better (a score, a success rate).
    Higher,
    /// Less is better (errors, latency).
    Lower,
}

impl Better {
    /// The worse of two values.
    #[must_use]
    pub const fn worse(self, a: f64, b: f64) -> f64 {
        match self {
            Better::Higher => a.min(b),
            Better::Lower => a.max(b),
        }
    }
}

/// Both ends belong to the range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Smallest believable value.
    pub lo: f64,
    /// Largest believable value.
    pub hi: f64,
}

impl Range {
    /// Whether `value` is believable. NaN never is.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        value >= self.lo && value <= self.hi
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_people_write_them() {
        let cases: [(Unit, f64, &str); 11] = [
            (Unit::Percent, 94.2, "94.2%"),
            (Unit::Percent, 0.0004, "0.0004%"),
            (Unit::Percent, 100.0, "100%"),
            (Unit::Ms, 212.345_678, "212.346ms"),
            (Unit::S, 0.25, "0.25s"),
            (Unit::Count, 3.0, "3"),
            (Unit::Bytes, 1_073_741_824.0, "1073741824B"),
            (Unit::Number, -0.0, "0"),
            (Unit::Number, 99.999_999, "100"),
            (Unit::State, 1.0, "failed"),
            (Unit::PerSecond, 12.5, "12.5/s"),
        ];
        for (unit, value, text) in cases {
            assert_eq!(unit.show(value).to_string(), text);
        }
        assert_eq!(Unit::Percent.show_difference(0.5).to_string(), "+0.5pp");
    }
}
