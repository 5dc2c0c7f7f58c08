//! A written number, moved by one: its last written digit for a quantity, one evaluation step for a length of time.
//!
//! The spelling is kept: `"+0.5pp"` becomes `"+0.4pp"` and not `0.004`, so that what was tried reads like the policy.

use crate::model::time::{Duration, Time};

/// `"95%"` to `94%` and `96%`, `"+0.5pp"` to `+0.4pp` and `+0.6pp`, `1_000` to `999` and `1001`, `1e-3` to `0e-3` and
/// `2e-3`. Empty when it is no quantity.
#[must_use]
pub fn quantity(text: &str) -> Vec<String> {
    let text = text.trim();
    let (sign, rest) = match text.as_bytes().first() {
        Some(b'+') => (Some('+'), text.get(1..).unwrap_or("")),
        Some(b'-') => (Some('-'), text.get(1..).unwrap_or("")),
        _ => (None, text),
    };
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(rest.len());
    let (written, unit) = rest.split_at(end);
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let decimals = written.split_once('.').map_or(0, |(_, behind)| behind.chars().filter(char::is_ascii_digit).count());
    let Ok(amount) = digits.parse::<i128>() else { return Vec::new() };
    let value = if sign == Some('-') { -amount } else { amount };
    [value - 1, value + 1].iter().map(|value| format!("{}{unit}", spelled(*value, decimals, sign))).collect()
}

/// An amount of last digits with its point, and with the sign that was written; zero keeps it.
fn spelled(value: i128, decimals: usize, written: Option<char>) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let sign = match (value, written) {
        (0, Some(sign)) => sign.to_string(),
        (value, _) if value < 0 => "-".to_owned(),
        (_, Some(_)) => "+".to_owned(),
        (_, None) => String::new(),
    };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// `2m` to `1m` and `3m` at a step of a minute. A length of a step or less has no shorter neighbour: without it is
/// another mutant. Empty when it is no length of time.
#[must_use]
pub fn duration(text: &str, step: Duration) -> Vec<String> {
    let Ok(length) = Duration::parse(text) else { return Vec::new() };
    let shorter = (length > step).then(|| length.saturating_sub(step).to_string());
    shorter.into_iter().chain([(length + step).to_string()]).collect()
}

/// `3 of 5` to `2 of 5`, `4 of 5`, `3 of 4` and `3 of 6`; else as a length of time.
#[must_use]
pub fn window(text: &str, step: Duration) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [k, "of", n] = words.as_slice() else { return duration(text, step) };
    let (Ok(k), Ok(n)) = (k.parse::<i64>(), n.parse::<i64>()) else { return Vec::new() };
    [(k - 1, n), (k + 1, n), (k, n - 1), (k, n + 1)].iter().map(|(k, n)| format!("{k} of {n}")).collect()
}

/// A time of day, moved by `step` where that leaves it on its day: `16:00` to `15:59` and `16:01`, `00:00` only to
/// `00:01`, `24:00` only to `23:59`.
#[must_use]
pub fn clock(text: &str, step: Duration) -> Vec<String> {
    let Some((hours, minutes)) = text.split_once(':') else { return Vec::new() };
    let (Ok(hours), Ok(minutes)) = (hours.parse::<i64>(), minutes.parse::<i64>()) else { return Vec::new() };
    let (at, step) = (hours * 60 + minutes, (step.as_millis() / 60_000).max(1));
    let on_the_day = |at: &i64| (0..=24 * 60).contains(at);
    [at - step, at + step]
        .iter()
        .filter(|at| on_the_day(at))
        .map(|at| format!("{:02}:{:02}", at / 60, at % 60))
        .collect()
}

/// An instant, moved by `step`.
#[must_use]
pub fn instant(text: &str, step: Duration) -> Vec<String> {
    let Ok(at) = Time::parse(text) else { return Vec::new() };
    [at - step, at + step].iter().map(Time::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_moves_by_its_last_written_digit() {
        let cases: [(&str, &[&str]); 19] = [
            ("95%", &["94%", "96%"]),
            ("99.5%", &["99.4%", "99.6%"]),
            ("100%", &["99%", "101%"]),
            ("+10%", &["+9%", "+11%"]),
            ("-10%", &["-11%", "-9%"]),
            ("+0.5pp", &["+0.4pp", "+0.6pp"]),
            ("+0.10pp", &["+0.09pp", "+0.11pp"]),
            ("+1%", &["+0%", "+2%"]),
            ("20ms", &["19ms", "21ms"]),
            ("+20ms", &["+19ms", "+21ms"]),
            ("1.50 GB", &["1.49 GB", "1.51 GB"]),
            ("50/s", &["49/s", "51/s"]),
            ("0", &["-1", "1"]),
            ("0.1", &["0.0", "0.2"]),
            ("1_000_000", &["999999", "1000001"]),
            ("1e-3", &["0e-3", "2e-3"]),
            ("512MiB", &["511MiB", "513MiB"]),
            ("failed", &[]),
            ("", &[]),
        ];
        for (text, neighbours) in cases {
            assert_eq!(quantity(text), neighbours, "{text}");
        }
    }

    #[test]
    fn a_length_of_time_moves_by_one_evaluation() {
        let cases: [(&str, i64, &[&str]); 9] = [
            ("2m", 60, &["1m", "3m"]),
            ("1m", 60, &["2m"]),
            ("30s", 60, &["1m30s"]),
            ("150s", 60, &["1m30s", "3m30s"]),
            ("1h30m", 60, &["1h29m", "1h31m"]),
            ("48h", 60, &["47h59m", "48h1m"]),
            ("2d", 60, &["47h59m", "48h1m"]),
            ("2m", 15, &["1m45s", "2m15s"]),
            ("soon", 60, &[]),
        ];
        for (text, step, neighbours) in cases {
            assert_eq!(duration(text, Duration::from_secs(step)), neighbours, "{text}");
        }
    }

    #[test]
    fn counts_of_observations_move_by_one_in_each_number() {
        let step = Duration::from_mins(1);
        assert_eq!(window("3 of 5", step), ["2 of 5", "4 of 5", "3 of 4", "3 of 6"]);
        assert_eq!(window("10m", step), ["9m", "11m"]);
        assert_eq!(window("a of b", step), [""; 0]);
    }

    #[test]
    fn times_move_by_one_evaluation_and_stay_on_their_day() {
        let step = Duration::from_mins(1);
        assert_eq!(clock("16:00", step), ["15:59", "16:01"]);
        assert_eq!(clock("00:00", step), ["00:01"]);
        assert_eq!(clock("24:00", step), ["23:59"]);
        assert_eq!(clock("soon", step), [""; 0]);
        assert_eq!(instant("2027-01-04T08:00:00Z", step), ["2027-01-04T07:59:00Z", "2027-01-04T08:01:00Z"]);
    }
}
