//! What a metric's numbers probably mean, from its name, its query and its bounds. A guess is never silent: it comes
//! with its reason, which the policy carries as a comment.

use crate::model::units::Unit;

/// A unit and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guess {
    /// What the numbers are taken for.
    pub unit: Unit,
    /// Why, as the end of a sentence.
    pub why: &'static str,
}

const fn guess(unit: Unit, why: &'static str) -> Guess {
    Guess { unit, why }
}

/// The words of a name or a query, in lower case.
fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// Guesses the unit of a metric.
#[must_use]
pub fn unit(name: &str, query: &str, bounds: &[f64]) -> Guess {
    let (name, query) = (name.to_lowercase(), query.to_lowercase());
    let within = |lo: f64, hi: f64| !bounds.is_empty() && bounds.iter().all(|bound| *bound >= lo && *bound <= hi);
    // There is a ratio in every duration.
    let shares = name.replace("duration", "");
    let share_like =
        has(&shares, &["rate", "ratio", "percent", "error", "success", "avail", "score", "util", "saturation", "fail"]);
    let time_like =
        has(&name, &["latency", "duration", "response_time", "response-time", "p50", "p90", "p95", "p99", "time"])
            || query.contains("histogram_quantile");
    let divides = query.contains('/') && !query.contains("://");
    if has(&name, &["percent", "pct"])
        || (within(0.0, 100.0) && has(&query, &["* 100", "*100", "100 *", "100*"]) && !time_like)
    {
        return guess(Unit::Percent, "it says percent, or its query multiplies by 100");
    }
    if time_like && !share_like {
        return time(&query, bounds);
    }
    if within(0.0, 1.0) && (share_like || divides) {
        return guess(Unit::Ratio, "its bounds lie between 0 and 1 and it reads like a share");
    }
    if share_like && within(1.0, 100.0) && bounds.iter().any(|bound| *bound > 50.0) {
        return guess(Unit::Percent, "its bounds lie between 50 and 100 and it reads like a share");
    }
    if has(&name, &["bytes", "memory"]) || has(&query, &["_bytes"]) {
        return guess(Unit::Bytes, "its name or query speaks of bytes");
    }
    guess(Unit::Number, "nothing tells what it is")
}

fn time(query: &str, bounds: &[f64]) -> Guess {
    let largest = bounds.iter().copied().fold(0.0, f64::max);
    if has(query, &["_milliseconds", "_ms", "* 1000", "*1000", "1000 *"]) {
        guess(Unit::Ms, "it reads like a duration and its query is in milliseconds")
    } else if has(query, &["_seconds"]) {
        guess(Unit::S, "it reads like a duration and its query is in seconds")
    } else if largest >= 20.0 {
        guess(Unit::Ms, "it reads like a duration and its bound is too large for seconds")
    } else {
        guess(Unit::S, "it reads like a duration and its bound is too small for milliseconds")
    }
}

/// A bound as a policy writes it: `"95%"`, `"250ms"`, `"0.95"`; none when it cannot be written in this unit.
#[must_use]
pub fn written(unit: Unit, value: f64) -> Option<String> {
    let digits = digits(value);
    if value < 0.0 && !matches!(unit, Unit::Number | Unit::Count) {
        return None;
    }
    Some(match unit {
        Unit::Percent => format!("\"{digits}%\""),
        Unit::Ms => format!("\"{digits}ms\""),
        Unit::S => format!("\"{digits}s\""),
        Unit::PerSecond => format!("\"{digits}/s\""),
        Unit::Bytes => format!("\"{digits}B\""),
        Unit::Ratio => format!("\"{digits}\""),
        Unit::Count | Unit::Number => digits,
        Unit::State => return None,
    })
}

/// The shortest decimal that is this number; a hair left by dividing is taken off.
fn digits(value: f64) -> String {
    let shortest = value.to_string();
    if shortest.len() < 17 {
        return shortest;
    }
    let rounded = format!("{value:.12}");
    let trimmed = rounded.trim_end_matches('0').trim_end_matches('.');
    let close = trimmed.parse::<f64>().is_ok_and(|near| (near - value).abs() <= value.abs() * 1e-12);
    if close { trimmed.to_owned() } else { shortest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_guessed_from_name_query_and_bounds() {
        let table: [(&str, &str, &[f64], Unit); 12] = [
            ("success-rate", "sum(a) / sum(b)", &[0.95], Unit::Ratio),
            ("error-rate", "sum(a) / sum(b) * 100", &[1.0], Unit::Percent),
            ("request-success-rate", "", &[99.0], Unit::Percent),
            ("p99", "histogram_quantile(0.99, x_seconds_bucket)", &[0.5], Unit::S),
            ("latency", "histogram_quantile(0.99, x_milliseconds_bucket)", &[500.0], Unit::Ms),
            ("request-duration", "", &[500.0], Unit::Ms),
            ("latency", "", &[0.5], Unit::S),
            ("restarts", "sum(kube_pod_container_status_restarts_total)", &[3.0], Unit::Number),
            ("heap", "jvm_memory_used_bytes", &[1e9], Unit::Bytes),
            ("http-500", "sum(a{code=\"500\"}) / sum(a)", &[0.05], Unit::Ratio),
            ("queue", "", &[], Unit::Number),
            ("temperature-percent", "", &[300.0], Unit::Percent),
        ];
        for (name, query, bounds, unit) in table {
            assert_eq!(super::unit(name, query, bounds).unit, unit, "{name} {query} {bounds:?}");
        }
    }

    #[test]
    fn bounds_are_written_with_their_unit() {
        assert_eq!(written(Unit::Ratio, 0.95).unwrap(), "\"0.95\"");
        assert_eq!(written(Unit::Percent, 99.0).unwrap(), "\"99%\"");
        assert_eq!(written(Unit::Ms, 0.1 + 0.2).unwrap(), "\"0.3ms\"");
        assert_eq!(written(Unit::Number, -3.0).unwrap(), "-3");
        assert_eq!(written(Unit::Percent, -3.0), None);
        assert_eq!(written(Unit::Number, 1e21).unwrap(), "1000000000000000000000");
    }
}
