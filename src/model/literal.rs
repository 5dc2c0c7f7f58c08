//! Quantities as people write them in a policy: `"95%"`, `"250ms"`, `"+10%"`, `"+0.5pp"`, `"512MiB"`, `3`.
//!
//! A literal is kept as decimal digits and scaled by moving the decimal point, never by dividing floats, so
//! `"0.29"` of a ratio and `"29%"` are the same number to the last bit.

use std::fmt;

use super::units::Unit;

/// One written quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// The text as written.
    text: String,
    /// `+` or `-` when written: the quantity is then a change against a comparison.
    pub sign: Option<Sign>,
    /// Digits with an optional point, no sign.
    digits: String,
    /// What follows the digits.
    pub suffix: Suffix,
}

/// An explicit sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// `+`
    Plus,
    /// `-`
    Minus,
}

/// The unit written behind the digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is its own name")]
pub enum Suffix {
    None,
    Percent,
    PercentagePoints,
    Micros,
    Millis,
    Seconds,
    Minutes,
    Hours,
    PerSecond,
    Bytes { exponent: i32, binary: u32 },
}

/// Why a text is not a quantity, or not one of the unit that is due.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiteralError {
    /// Not digits with an optional sign, point and unit.
    #[error("`{0}` is not a quantity")]
    NotANumber(String),
    /// Digits, but with a unit nobody knows.
    #[error("`{text}` has an unknown unit `{suffix}`")]
    UnknownSuffix {
        /// As written.
        text: String,
        /// The part that is not known.
        suffix: String,
    },
    /// A bare number where a unit is due.
    #[error("`{text}` has no unit; the metric is in {unit}")]
    UnitMissing {
        /// As written.
        text: String,
        /// The unit that is due.
        unit: Unit,
    },
    /// A unit of another kind.
    #[error("`{text}` does not fit a metric in {unit}")]
    UnitMismatch {
        /// As written.
        text: String,
        /// The unit that is due.
        unit: Unit,
    },
}

impl Literal {
    /// Reads a quantity; spaces between digits and unit are allowed.
    ///
    /// # Errors
    /// Not a number, or an unknown unit.
    pub fn parse(text: &str) -> Result<Literal, LiteralError> {
        let whole = text.trim();
        let (sign, rest) = match whole.as_bytes().first() {
            Some(b'+') => (Some(Sign::Plus), whole.get(1..).unwrap_or("")),
            Some(b'-') => (Some(Sign::Minus), whole.get(1..).unwrap_or("")),
            _ => (None, whole),
        };
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(rest.len());
        let (digits, suffix) = rest.split_at(end);
        let digits: String = digits.chars().filter(|c| *c != '_').collect();
        let is_number = digits.bytes().any(|b| b.is_ascii_digit()) && digits.parse::<f64>().is_ok_and(f64::is_finite);
        if !is_number {
            return Err(LiteralError::NotANumber(text.to_owned()));
        }
        let suffix = suffix.trim();
        let Some(known) = Suffix::parse(suffix) else {
            return Err(LiteralError::UnknownSuffix { text: text.to_owned(), suffix: suffix.to_owned() });
        };
        Ok(Literal { text: whole.to_owned(), sign, digits, suffix: known })
    }

    /// The quantity in a metric's unit (its sign applied): `"250ms"` of a metric in seconds is 0.25.
    ///
    /// Counts, plain numbers and ratios may be written bare; everything else needs its unit.
    ///
    /// # Errors
    /// The unit is missing or of another kind.
    pub fn in_unit(&self, unit: Unit) -> Result<f64, LiteralError> {
        let exponent = match (self.suffix, unit) {
            (Suffix::None, Unit::Count | Unit::Number | Unit::Ratio)
            | (Suffix::Percent, Unit::Percent)
            | (Suffix::Millis, Unit::Ms)
            | (Suffix::Seconds, Unit::S)
            | (Suffix::PerSecond, Unit::PerSecond) => 0,
            (Suffix::PercentagePoints, Unit::Percent) if self.sign.is_some() => 0,
            (Suffix::PercentagePoints, Unit::Ratio) if self.sign.is_some() => -2,
            (Suffix::Percent, Unit::Ratio) => -2,
            (Suffix::Micros, Unit::Ms) | (Suffix::Millis, Unit::S) => -3,
            (Suffix::Micros, Unit::S) => -6,
            (Suffix::Seconds, Unit::Ms) => 3,
            (Suffix::Minutes, Unit::S) => return Ok(self.scaled(0) * 60.0),
            (Suffix::Minutes, Unit::Ms) => return Ok(self.scaled(3) * 60.0),
            (Suffix::Hours, Unit::S) => return Ok(self.scaled(0) * 3600.0),
            (Suffix::Hours, Unit::Ms) => return Ok(self.scaled(3) * 3600.0),
            (Suffix::Bytes { exponent, binary }, Unit::Bytes) => {
                return Ok(self.scaled(exponent) * f64::from(2_u32).powi(10 * binary.cast_signed()));
            }
            (Suffix::None, _) => return Err(LiteralError::UnitMissing { text: self.text.clone(), unit }),
            _ => return Err(LiteralError::UnitMismatch { text: self.text.clone(), unit }),
        };
        Ok(self.scaled(exponent))
    }

    /// The fraction that a percentage stands for (`"+10%"` is 0.10), when this is one.
    #[must_use]
    pub fn as_fraction(&self) -> Option<f64> {
        (self.suffix == Suffix::Percent).then(|| self.scaled(-2))
    }

    /// Whether a bare number was written.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.suffix == Suffix::None
    }

    /// The text as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn scaled(&self, exponent: i32) -> f64 {
        let minus = if self.sign == Some(Sign::Minus) { "-" } else { "" };
        // The digits were checked when the literal was read; the exponent is at most a few dozen.
        format!("{minus}{}e{exponent}", self.digits).parse().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Suffix {
    fn parse(text: &str) -> Option<Suffix> {
        Some(match text {
            "" => Suffix::None,
            "%" => Suffix::Percent,
            "pp" => Suffix::PercentagePoints,
            "us" | "µs" => Suffix::Micros,
            "ms" => Suffix::Millis,
            "s" => Suffix::Seconds,
            "m" | "min" => Suffix::Minutes,
            "h" => Suffix::Hours,
            "/s" => Suffix::PerSecond,
            "B" => Suffix::Bytes { exponent: 0, binary: 0 },
            "kB" | "KB" => Suffix::Bytes { exponent: 3, binary: 0 },
            "MB" => Suffix::Bytes { exponent: 6, binary: 0 },
            "GB" => Suffix::Bytes { exponent: 9, binary: 0 },
            "TB" => Suffix::Bytes { exponent: 12, binary: 0 },
            "KiB" => Suffix::Bytes { exponent: 0, binary: 1 },
            "MiB" => Suffix::Bytes { exponent: 0, binary: 2 },
            "GiB" => Suffix::Bytes { exponent: 0, binary: 3 },
            "TiB" => Suffix::Bytes { exponent: 0, binary: 4 },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_scale_as_decimals() {
        let cases: [(&str, Unit, f64); 12] = [
            ("95%", Unit::Percent, 95.0),
            ("29%", Unit::Ratio, 0.29),
            ("0.29", Unit::Ratio, 0.29),
            ("250ms", Unit::S, 0.25),
            ("1.5s", Unit::Ms, 1500.0),
            ("+0.5pp", Unit::Percent, 0.5),
            ("-20ms", Unit::Ms, -20.0),
            ("512MiB", Unit::Bytes, 536_870_912.0),
            ("1.5 GB", Unit::Bytes, 1.5e9),
            ("3", Unit::Count, 3.0),
            ("50/s", Unit::PerSecond, 50.0),
            ("2m", Unit::S, 120.0),
        ];
        for (text, unit, value) in cases {
            assert_eq!(Literal::parse(text).unwrap().in_unit(unit), Ok(value), "{text}");
        }
        assert_eq!(Literal::parse("+10%").unwrap().as_fraction(), Some(0.1));
    }

    #[test]
    fn a_bare_number_where_a_unit_is_due_is_refused() {
        let bare = Literal::parse("95").unwrap();
        assert!(matches!(bare.in_unit(Unit::Percent), Err(LiteralError::UnitMissing { .. })));
        assert!(matches!(
            Literal::parse("5ms").unwrap().in_unit(Unit::Percent),
            Err(LiteralError::UnitMismatch { .. })
        ));
        assert!(matches!(Literal::parse("5 parsecs"), Err(LiteralError::UnknownSuffix { .. })));
        for wrong in ["", "abc", ".", "nan", "inf", "--5%", "1e5"] {
            assert!(Literal::parse(wrong).is_err(), "{wrong}");
        }
    }
}
