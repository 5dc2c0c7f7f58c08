//! The values of a sweep: round numbers in the unit they were written in.

use crate::model::literal::{Literal, Sign, Suffix};
use crate::model::time::Duration;

/// More values than this are not a table that anybody reads.
pub const MOST: usize = 200;
/// Values, when nobody says how many.
const USUAL: usize = 20;

/// Why there is nothing to sweep over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// Not a quantity, or not a duration.
    #[error("{0}")]
    Value(String),
    /// One of the ends is in another unit, or has a sign where the other has none.
    #[error("`{from}` and `{to}` are not written alike; write both in one unit, and both with a sign or without")]
    Unlike {
        /// As written.
        from: String,
        /// As written.
        to: String,
    },
    /// The ends are the same.
    #[error("`--from {0}` and `--to {0}` are the same value: there is nothing to sweep over")]
    Equal(String),
    /// The first end lies behind the second.
    #[error("`--from {from}` is more than `--to {to}`; swap them")]
    Reversed {
        /// As written.
        from: String,
        /// As written.
        to: String,
    },
    /// A step of nothing.
    #[error("`--step {0}` leads nowhere; write a step above zero")]
    NoStep(String),
    /// Too many values.
    #[error("that is {0} values, and {MOST} are the most; write a larger step")]
    TooMany(u64),
    /// Fewer than two.
    #[error("`--steps {0}`: a sweep has at least 2 values")]
    TooFew(usize),
}

/// How far apart the values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing<'a> {
    /// About twenty, on round numbers.
    Usual,
    /// About so many, on round numbers.
    Steps(usize),
    /// Exactly so far.
    Step(&'a str),
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// As it would be written.
    pub text: String,
    /// On a number line.
    pub at: f64,
}

/// How values are written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// `2m`, counted in milliseconds.
    Duration,
    /// `3 of 5`
    Count { of: u32 },
    /// `+10%`: whether with a sign, what follows the digits, and the decimals that are counted.
    Quantity { signed: bool, suffix: String, decimals: u32 },
}

/// The values from `from` to `to`, both of them, in order; `current` among them when it lies
/// between.
///
/// # Errors
/// The ends or the step do not make a sweep.
pub fn values(
    from: &str,
    to: &str,
    spacing: Spacing<'_>,
    lasting: bool,
    current: Option<&str>,
) -> Result<Vec<Value>, GridError> {
    let (form, first, last) = ends(from, to, spacing, lasting, current)?;
    if first == last {
        return Err(GridError::Equal(from.to_owned()));
    }
    if first > last {
        return Err(GridError::Reversed { from: from.to_owned(), to: to.to_owned() });
    }
    let span = last - first;
    let step = match spacing {
        Spacing::Step(text) => form.step(text)?,
        Spacing::Steps(count) if count < 2 => return Err(GridError::TooFew(count)),
        Spacing::Steps(count) => form.round_step(span, count),
        Spacing::Usual => form.round_step(span, USUAL),
    };
    let count = u64::try_from(span / step).unwrap_or(u64::MAX).saturating_add(1);
    if count > MOST as u64 {
        return Err(GridError::TooMany(count));
    }
    let mut all: Vec<i64> = (0..).map_while(|n: i64| Some(first + n * step).filter(|value| *value < last)).collect();
    // Both ends were asked for: the last step may be shorter.
    all.push(last);
    // The grid is the one written; the value in force belongs on it wherever it lies.
    if let Some(current) = current.and_then(|text| form.read(text))
        && current > first
        && current < last
        && !all.contains(&current)
    {
        all.push(current);
        all.sort_unstable();
    }
    Ok(all.into_iter().map(|value| Value { text: form.write(value), at: form.number(value) }).collect())
}

/// Whether two spellings are the same value.
#[must_use]
pub fn is_same(one: &str, other: &str, lasting: bool) -> bool {
    if one.trim() == other.trim() {
        return true;
    }
    if lasting && let (Ok(one), Ok(other)) = (Duration::parse(one), Duration::parse(other)) {
        return one == other;
    }
    let read = |text: &str| {
        let literal = Literal::parse(text).ok()?;
        let (mantissa, decimals) = digits(text)?;
        Some((literal.suffix, literal.sign.is_some(), normal(mantissa, decimals)))
    };
    matches!((read(one), read(other)), (Some(one), Some(other)) if one == other)
}

/// `3 of 5`
fn count_of(text: &str) -> Option<(u32, u32)> {
    let (k, n) = text.split_once(" of ")?;
    Some((k.trim().parse().ok()?, n.trim().parse().ok()?))
}

fn ends(
    from: &str,
    to: &str,
    spacing: Spacing<'_>,
    lasting: bool,
    current: Option<&str>,
) -> Result<(Form, i64, i64), GridError> {
    let unlike = || GridError::Unlike { from: from.to_owned(), to: to.to_owned() };
    if lasting {
        match (count_of(from), count_of(to)) {
            (Some((first, of)), Some((last, n))) if of == n => {
                return Ok((Form::Count { of }, i64::from(first), i64::from(last)));
            }
            (None, None) => {}
            _ => return Err(unlike()),
        }
        let read = |text: &str| {
            Duration::parse(text)
                .map(Duration::as_millis)
                .map_err(|error| GridError::Value(format!("{error}; or as `3 of 5`")))
        };
        return Ok((Form::Duration, read(from)?, read(to)?));
    }
    let read = |text: &str| Literal::parse(text).map_err(|error| GridError::Value(error.to_string()));
    let (first, last) = (read(from)?, read(to)?);
    let alike = first.suffix == last.suffix && first.sign.is_some() == last.sign.is_some();
    let (Some((_, one)), Some((_, other))) = (digits(from), digits(to)) else { return Err(unlike()) };
    if !alike {
        return Err(unlike());
    }
    let written = one.max(other);
    let of_step = match spacing {
        Spacing::Step(text) => digits(text).map_or(0, |(_, decimals)| decimals),
        // Whole things are counted whole.
        _ if written == 0 && first.is_bare() => 0,
        // Room for steps finer than the ends are written.
        _ => written.saturating_add(2),
    };
    let of_current = current.and_then(digits).map_or(0, |(_, decimals)| decimals);
    let decimals = written.max(of_step).max(of_current);
    let form = Form::Quantity { signed: first.sign.is_some(), suffix: suffix(from).to_owned(), decimals };
    let ends = form.read(from).zip(form.read(to)).ok_or_else(|| GridError::Value(format!("`{from}` is too long")))?;
    Ok((form, ends.0, ends.1))
}

/// What follows the digits, as written.
fn suffix(text: &str) -> &str {
    let rest = text.trim().trim_start_matches(['+', '-']);
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(rest.len());
    rest.get(end..).unwrap_or("").trim()
}

/// The digits of a quantity as a whole number with its sign, and how many of them are decimals.
fn digits(text: &str) -> Option<(i64, u32)> {
    let text = text.trim();
    let (negative, rest) = (text.starts_with('-'), text.trim_start_matches(['+', '-']));
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(rest.len());
    let number: String = rest.get(..end)?.chars().filter(|c| *c != '_').collect();
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let mantissa: i64 = format!("{whole}{fraction}").parse().ok()?;
    Some((if negative { -mantissa } else { mantissa }, u32::try_from(fraction.len()).ok()?))
}

/// Without decimals that say nothing.
const fn normal(mut mantissa: i64, mut decimals: u32) -> (i64, u32) {
    while decimals > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        decimals -= 1;
    }
    (mantissa, decimals)
}

/// Durations that people think in, in seconds.
const ROUND_SECS: [i64; 21] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    2_592_000,
];

impl Form {
    /// A value on this grid; none when it is written otherwise.
    fn read(&self, text: &str) -> Option<i64> {
        match self {
            Form::Duration => Duration::parse(text).ok().map(Duration::as_millis),
            Form::Count { of } => count_of(text).filter(|(_, n)| n == of).map(|(k, _)| i64::from(k)),
            Form::Quantity { signed, suffix: unit, decimals } => {
                let literal = Literal::parse(text).ok().filter(|literal| literal.sign.is_some() == *signed)?;
                let same = Literal::parse(&format!("1{unit}")).is_ok_and(|one| one.suffix == literal.suffix);
                let (mantissa, has) = digits(text).filter(|_| same)?;
                mantissa.checked_mul(10_i64.checked_pow(decimals.checked_sub(has)?)?)
            }
        }
    }

    fn write(&self, value: i64) -> String {
        match self {
            Form::Duration => Duration::from_millis(value).to_string(),
            Form::Count { of } => format!("{value} of {of}"),
            Form::Quantity { signed, suffix, decimals } => {
                let (mantissa, decimals) = normal(value, *decimals);
                let digits = format!("{:0>width$}", mantissa.unsigned_abs(), width = decimals as usize + 1);
                let (whole, fraction) = digits.split_at(digits.len() - decimals as usize);
                let sign = match (value < 0, signed) {
                    (true, _) => "-",
                    (false, true) => "+",
                    (false, false) => "",
                };
                let point = if fraction.is_empty() { "" } else { "." };
                format!("{sign}{whole}{point}{fraction}{suffix}")
            }
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "it is where a point is drawn")]
    fn number(&self, value: i64) -> f64 {
        match self {
            Form::Quantity { decimals, .. } => value as f64 / 10_f64.powi(decimals.cast_signed()),
            Form::Duration | Form::Count { .. } => value as f64,
        }
    }

    fn step(&self, text: &str) -> Result<i64, GridError> {
        let step = match self {
            Form::Count { .. } => text.trim().parse().ok(),
            Form::Duration => self.read(text),
            Form::Quantity { suffix: unit, decimals, .. } => {
                let literal = Literal::parse(text).ok();
                let fits = literal.is_some_and(|literal| literal.suffix == Suffix::None || suffix(text) == unit);
                let scaled = digits(text).filter(|_| fits);
                scaled.and_then(|(mantissa, has)| mantissa.checked_mul(10_i64.checked_pow(decimals.checked_sub(has)?)?))
            }
        };
        let Some(step) = step else {
            let what = if *self == Form::Duration { "a duration, as 30s" } else { "in the unit of the ends" };
            return Err(GridError::Value(format!("`--step {text}` is not a step here; write it {what}")));
        };
        if step <= 0 { Err(GridError::NoStep(text.to_owned())) } else { Ok(step) }
    }

    /// The smallest round step that makes no more than `count` values of `span`.
    fn round_step(&self, span: i64, count: usize) -> i64 {
        let most = i64::try_from(count.clamp(2, MOST)).unwrap_or(2) - 1;
        let fits = |step: &i64| span / step <= most;
        match self {
            Form::Count { .. } => 1,
            Form::Duration => {
                let round = ROUND_SECS.into_iter().map(|secs| secs * 1000).find(|step| fits(step));
                round.unwrap_or_else(|| span / most + 1)
            }
            Form::Quantity { .. } => {
                let powers = (0..19).filter_map(|power| 10_i64.checked_pow(power));
                let steps = powers.flat_map(|power| [Some(power), power.checked_mul(2), power.checked_mul(5)]);
                steps.flatten().find(|step| fits(step)).unwrap_or(span)
            }
        }
    }
}

/// Whether a bound is written with a sign.
#[must_use]
pub fn is_signed(text: &str) -> bool {
    Literal::parse(text).is_ok_and(|literal| matches!(literal.sign, Some(Sign::Plus | Sign::Minus)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(from: &str, to: &str, spacing: Spacing<'_>, lasting: bool, current: Option<&str>) -> String {
        match values(from, to, spacing, lasting, current) {
            Ok(values) => values.into_iter().map(|value| value.text).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[rstest::rstest]
    #[case::percent("97%", "99%", Spacing::Step("0.5%"), "97% 97.5% 98% 98.5% 99%")]
    #[case::a_bare_step("97%", "99%", Spacing::Step("1"), "97% 98% 99%")]
    #[case::the_last_step_is_shorter("97%", "99%", Spacing::Step("0.8"), "97% 97.8% 98.6% 99%")]
    #[case::about_five("90%", "99%", Spacing::Steps(5), "90% 92% 94% 96% 98% 99%")]
    #[case::finer_than_written("1%", "2%", Spacing::Steps(6), "1% 1.2% 1.4% 1.6% 1.8% 2%")]
    #[case::signed("-5%", "+5%", Spacing::Step("5%"), "-5% +0% +5%")]
    #[case::points("+0.25pp", "+1pp", Spacing::Step("0.25pp"), "+0.25pp +0.5pp +0.75pp +1pp")]
    #[case::milliseconds("100ms", "300ms", Spacing::Steps(5), "100ms 150ms 200ms 250ms 300ms")]
    #[case::bare("0", "4", Spacing::Steps(9), "0 1 2 3 4")]
    fn quantities_stay_in_their_unit(
        #[case] from: &str,
        #[case] to: &str,
        #[case] spacing: Spacing<'_>,
        #[case] expected: &str,
    ) {
        assert_eq!(texts(from, to, spacing, false, None), expected);
    }

    #[rstest::rstest]
    #[case::usual("1m", "10m", Spacing::Steps(10), "1m 2m 3m 4m 5m 6m 7m 8m 9m 10m")]
    #[case::step("1m", "3m", Spacing::Step("30s"), "1m 1m30s 2m 2m30s 3m")]
    #[case::counts("1 of 5", "5 of 5", Spacing::Usual, "1 of 5 2 of 5 3 of 5 4 of 5 5 of 5")]
    fn durations_and_counts_are_swept_as_well(
        #[case] from: &str,
        #[case] to: &str,
        #[case] spacing: Spacing<'_>,
        #[case] expected: &str,
    ) {
        assert_eq!(texts(from, to, spacing, true, None), expected);
    }

    #[test]
    fn about_twenty_values_on_round_numbers() {
        let all = values("90%", "99%", Spacing::Usual, false, None).unwrap();
        assert_eq!((all.len(), all[1].text.as_str()), (19, "90.5%"));
    }

    #[test]
    fn the_value_in_force_is_on_the_grid_wherever_it_lies() {
        assert_eq!(texts("94%", "96%", Spacing::Step("1%"), false, Some("95.25%")), "94% 95% 95.25% 96%");
        assert_eq!(
            texts("94%", "96%", Spacing::Step("0.50%"), false, Some("95.25%")),
            "94% 94.5% 95% 95.25% 95.5% 96%"
        );
        assert_eq!(texts("94%", "96%", Spacing::Usual, false, Some("99%")).split(' ').count(), 11);
    }

    #[rstest::rstest]
    #[case::reversed("99%", "90%", Spacing::Usual, false, "`--from 99%` is more than `--to 90%`; swap them")]
    #[case::equal(
        "99%",
        "99.0%",
        Spacing::Usual,
        false,
        "`--from 99%` and `--to 99%` are the same value: there is nothing to sweep over"
    )]
    #[case::two_units(
        "90%",
        "95ms",
        Spacing::Usual,
        false,
        "`90%` and `95ms` are not written alike; write both in one unit, and both with a sign or without"
    )]
    #[case::one_sign(
        "+5%",
        "10%",
        Spacing::Usual,
        false,
        "`+5%` and `10%` are not written alike; write both in one unit, and both with a sign or without"
    )]
    #[case::no_number("low", "10%", Spacing::Usual, false, "`low` is not a quantity")]
    #[case::no_step("1%", "10%", Spacing::Step("0%"), false, "`--step 0%` leads nowhere; write a step above zero")]
    #[case::another_step(
        "1%",
        "10%",
        Spacing::Step("1ms"),
        false,
        "`--step 1ms` is not a step here; write it in the unit of the ends"
    )]
    #[case::too_many(
        "1%",
        "10%",
        Spacing::Step("0.01%"),
        false,
        "that is 901 values, and 200 are the most; write a larger step"
    )]
    #[case::one_value("1%", "10%", Spacing::Steps(1), false, "`--steps 1`: a sweep has at least 2 values")]
    fn what_makes_no_sweep_says_why(
        #[case] from: &str,
        #[case] to: &str,
        #[case] spacing: Spacing<'_>,
        #[case] lasting: bool,
        #[case] expected: &str,
    ) {
        assert_eq!(texts(from, to, spacing, lasting, None), expected);
    }

    #[rstest::rstest]
    #[case("95%", "95.0%", false, true)]
    #[case("120s", "2m", true, true)]
    #[case("95%", "95", false, false)]
    #[case("+10%", "10%", false, false)]
    #[case("3 of 5", "3 of 5", true, true)]
    fn spellings_of_one_value_are_the_same(
        #[case] one: &str,
        #[case] other: &str,
        #[case] lasting: bool,
        #[case] same: bool,
    ) {
        assert_eq!(is_same(one, other, lasting), same);
    }
}
