//! Written quantities in the unit that is due.

use crate::model::literal::{Literal, LiteralError, Sign, Suffix};
use crate::model::units::Unit;
use crate::policy::codes;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::raw::{At, Written};
use crate::policy::sink::Sink;

/// Reads the digits and the unit behind them.
pub(crate) fn literal(written: &At<Written>, sink: &mut Sink) -> Option<Literal> {
    match Literal::parse(&written.value.text) {
        Ok(literal) => Some(literal),
        Err(error) => {
            let known = "units: %, pp, us, ms, s, m, h, /s, B, kB, MB, GB, KiB, MiB, GiB";
            sink.push(Diagnostic::error(codes::NOT_A_QUANTITY, error.to_string(), written.place.clone()).help(known));
            None
        }
    }
}

/// The quantity in `unit`; a missing or wrong unit is reported with the spelling that would do.
pub(crate) fn in_unit(literal: &Literal, written: &At<Written>, unit: Unit, sink: &mut Sink) -> Option<f64> {
    match literal.in_unit(unit) {
        Ok(value) if value.is_finite() => Some(value),
        Ok(_) => {
            let message = format!("`{literal}` is too large to compare with");
            sink.push(Diagnostic::error(codes::NOT_FINITE, message, written.place.clone()));
            None
        }
        Err(error) => {
            report(literal, written, unit, &error, sink);
            None
        }
    }
}

fn report(literal: &Literal, written: &At<Written>, unit: Unit, error: &LiteralError, sink: &mut Sink) {
    let place = &written.place;
    if let LiteralError::UnitMissing { .. } = error {
        let spelt = format!("\"{literal}{}\"", suffix(unit));
        sink.push(
            Diagnostic::error(codes::UNIT_MISSING, error.to_string(), place.clone()).help(format!("write {spelt}")),
        );
        sink.mend(place, spelt.clone(), format!("`{literal}` given its unit: {spelt}"));
        return;
    }
    let mut diagnostic = Diagnostic::error(codes::UNIT_MISMATCH, error.to_string(), place.clone());
    if literal.suffix == Suffix::PercentagePoints {
        diagnostic = diagnostic.help("percentage points are a difference and carry a sign: \"+0.5pp\"");
    } else {
        diagnostic = diagnostic.help(format!("write it in {unit}, as \"1{}\"", suffix(unit)));
    }
    sink.push(diagnostic);
}

/// What a bare number in `unit` lacks.
pub(crate) const fn suffix(unit: Unit) -> &'static str {
    match unit {
        Unit::Percent => "%",
        Unit::Ms => "ms",
        Unit::S => "s",
        Unit::PerSecond => "/s",
        Unit::Bytes => "B",
        Unit::Ratio | Unit::Count | Unit::Number | Unit::State => "",
    }
}

/// A share such as `"10%"`, in percent, between 0 and 100.
pub(crate) fn share(written: &At<Written>, key: &str, sink: &mut Sink) -> Option<f64> {
    let literal = literal(written, sink)?;
    let value = in_unit(&literal, written, Unit::Percent, sink)?;
    if literal.sign.is_none() && (0.0..=100.0).contains(&value) {
        return Some(value);
    }
    let message = format!("`{key}` is {literal}, and a share from 0% to 100% is due");
    sink.push(Diagnostic::error(codes::OUT_OF_RANGE, message, written.place.clone()));
    None
}

/// A number of percentage points such as `"2pp"`; the sign is left out because it goes both ways.
pub(crate) fn points(written: &At<Written>, key: &str, sink: &mut Sink) -> Option<f64> {
    let literal = literal(written, sink)?;
    if literal.is_bare() {
        let spelt = format!("\"{literal}pp\"");
        sink.push(
            Diagnostic::error(
                codes::UNIT_MISSING,
                format!("`{key}` is a number without a unit"),
                written.place.clone(),
            )
            .help(format!("write {spelt}: percentage points")),
        );
        sink.mend(&written.place, spelt.clone(), format!("`{literal}` given its unit: {spelt}"));
        return None;
    }
    let value = Literal::parse(&format!("+{}", written.value.text))
        .ok()
        .filter(|points| points.suffix == Suffix::PercentagePoints && points.sign == Some(Sign::Plus));
    let value = value.and_then(|points| points.in_unit(Unit::Percent).ok());
    match value {
        Some(value) if value <= 100.0 => Some(value),
        _ => {
            let message = format!("`{key}` is {literal}, and percentage points such as \"2pp\" are due");
            sink.push(Diagnostic::error(codes::UNIT_MISMATCH, message, written.place.clone()));
            None
        }
    }
}

/// A fraction written as a percentage: `"25%"` is 0.25.
pub(crate) fn fraction(written: &At<Written>, key: &str, sink: &mut Sink) -> Option<f64> {
    let literal = literal(written, sink)?;
    // The unit is checked first, so that a bare number gets its own message and mend.
    in_unit(&literal, written, Unit::Percent, sink)?;
    match literal.as_fraction().filter(|fraction| *fraction > 0.0) {
        Some(fraction) => Some(fraction),
        None => {
            let message = format!("`{key}` is {literal}, and a percentage above zero is due");
            sink.push(Diagnostic::error(codes::OUT_OF_RANGE, message, written.place.clone()));
            None
        }
    }
}

/// The unit that a named number for scripts carries by its own spelling.
pub(crate) const fn own_unit(literal: &Literal) -> Unit {
    match literal.suffix {
        Suffix::None => Unit::Number,
        Suffix::Percent | Suffix::PercentagePoints => Unit::Percent,
        Suffix::Micros | Suffix::Millis => Unit::Ms,
        Suffix::Seconds | Suffix::Minutes | Suffix::Hours => Unit::S,
        Suffix::PerSecond => Unit::PerSecond,
        Suffix::Bytes { .. } => Unit::Bytes,
    }
}
