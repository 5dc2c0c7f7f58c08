//! The values at which something is a breach, as bounds: what lies below one value, what lies above another.

use super::condition::{Answer, Stuck};

/// Which way a breach lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Values under the bound.
    Below,
    /// Values over the bound.
    Above,
}

/// One end of a breach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// Which way.
    pub side: Side,
    /// From where.
    pub at: f64,
    /// Whether exactly there is a breach too; rollgate's bounds are strict, so it is not.
    pub inclusive: bool,
}

/// Where a breach lies.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Region {
    /// What bounds can say.
    pub edges: Vec<Edge>,
    /// Breaches between two values, from and to: one bound cannot say them.
    pub between: Vec<(f64, f64)>,
    /// Every value is a breach.
    pub always: bool,
}

/// The region in which `breach` holds, given the values at which its answer may change.
///
/// # Errors
/// What the question could not answer.
pub fn region(points: &[f64], mut breach: impl FnMut(Answer) -> Result<bool, Stuck>) -> Result<Region, Stuck> {
    let mut ask = |value: f64| breach(Answer::Value(value));
    let Some((first, last)) = points.first().zip(points.last()) else {
        return Ok(Region { always: ask(0.5)?, ..Region::default() });
    };
    // Gap, point, gap, point, ..., gap: each with the value it begins and ends at.
    let mut cells: Vec<(f64, f64, bool)> = vec![(f64::NEG_INFINITY, *first, ask(first - step(*first))?)];
    for (at, point) in points.iter().enumerate() {
        cells.push((*point, *point, ask(*point)?));
        match points.get(at + 1) {
            Some(next) => cells.push((*point, *next, ask(point.midpoint(*next))?)),
            None => cells.push((*last, f64::INFINITY, ask(last + step(*last))?)),
        }
    }
    let mut runs: Vec<(f64, f64, bool, bool)> = Vec::new();
    let mut open: Option<(f64, f64, bool, bool)> = None;
    for (from, to, broken) in cells {
        let point = from == to;
        open = match (open, broken) {
            (Some((start, _, closed, _)), true) => Some((start, to, closed, point)),
            (None, true) => Some((from, to, point, point)),
            (Some(run), false) => {
                runs.push(run);
                None
            }
            (None, false) => None,
        };
    }
    runs.extend(open);
    let mut region = Region::default();
    for (from, to, from_closed, to_closed) in runs {
        match (from == f64::NEG_INFINITY, to == f64::INFINITY) {
            (true, true) => region.always = true,
            (true, false) => region.edges.push(Edge { side: Side::Below, at: to, inclusive: to_closed }),
            (false, true) => region.edges.push(Edge { side: Side::Above, at: from, inclusive: from_closed }),
            (false, false) => region.between.push((from, to)),
        }
    }
    Ok(region)
}

/// Far enough to be another number, whatever the magnitude.
fn step(value: f64) -> f64 {
    value.abs().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::condition::Condition;

    /// `below 0.95`, `at or above 5`, `between 1 and 5`, `always`, `never`.
    fn said(success: &str) -> String {
        let condition = Condition::parse(success).unwrap_or_else(|why| panic!("{success}: {why}"));
        let points = condition.breakpoints().unwrap();
        let region = region(&points, |answer| condition.holds(answer).map(|holds| !holds)).unwrap();
        let mut words: Vec<String> = region
            .edges
            .iter()
            .map(|edge| {
                let or = if edge.inclusive { "at or " } else { "" };
                let side = if edge.side == Side::Below { "below" } else { "above" };
                format!("{or}{side} {}", edge.at)
            })
            .collect();
        words.extend(region.between.iter().map(|(from, to)| format!("between {from} and {to}")));
        words.extend(region.always.then(|| "always".to_owned()));
        if words.is_empty() { "never".to_owned() } else { words.join(", ") }
    }

    #[test]
    fn the_breach_is_what_success_leaves_out() {
        let table = [
            ("result[0] >= 0.95", "below 0.95"),
            ("result[0] > 0.95", "at or below 0.95"),
            ("result < 0.5", "at or above 0.5"),
            ("result <= 0.5", "above 0.5"),
            ("0.95 <= result[0]", "below 0.95"),
            ("!(result[0] < 0.95)", "below 0.95"),
            ("not (result[0] < 0.95)", "below 0.95"),
            ("len(result) == 0 || result[0] > 0.9", "at or below 0.9"),
            ("isNaN(result[0]) || result[0] >= 0.9", "below 0.9"),
            ("default(result, 0) < 5", "at or above 5"),
            ("(result ?? 0) < 5", "at or above 5"),
            ("all(result, # < 1)", "at or above 1"),
            ("all(result, {# <= 1})", "above 1"),
            ("any(result, # >= 2)", "below 2"),
            ("result[0] >= 1 && result[0] <= 5", "below 1, above 5"),
            ("result[0] >= 1 and result[0] <= 5 and result[0] >= 2", "below 2, above 5"),
            ("result[0] < 1 || result[0] > 5", "between 1 and 5"),
            ("result[0] == 1", "below 1, above 1"),
            ("result[0] != 1", "between 1 and 1"),
            ("result[0] * 100 >= 95", "below 0.95"),
            ("1 - result[0] < 0.05", "at or below 0.95"),
            ("result[0] / 1000 <= 2.5", "above 2500"),
            ("asFloat(result.successPercent) >= 95", "below 95"),
            ("result[0] >= -3", "below -3"),
            ("result[0] > 1e3", "at or below 1000"),
            ("len(result) > 0 ? result[0] > 2 : true", "at or below 2"),
            ("result != nil && result > 2", "at or below 2"),
            ("true", "never"),
            ("false", "always"),
        ];
        for (success, breach) in table {
            assert_eq!(said(success), breach, "{success}");
        }
    }

    #[test]
    fn no_data_and_nan_are_told_as_argo_takes_them() {
        let nothing = |text: &str| Condition::parse(text).unwrap().holds(Answer::Nothing);
        let nan = |text: &str| Condition::parse(text).unwrap().holds(Answer::Value(f64::NAN));
        assert_eq!(nothing("result[0] >= 0.95"), Err(Stuck::Missing));
        assert_eq!(nothing("len(result) == 0 || result[0] > 0.9"), Ok(true));
        assert_eq!(nothing("default(result, 0) < 5"), Ok(true));
        assert_eq!(nothing("all(result, # < 1)"), Ok(true));
        assert_eq!(nothing("len(result) > 0 && result[0] < 1"), Ok(false));
        assert_eq!(nan("result[0] >= 0.95"), Ok(false));
        assert_eq!(nan("isNaN(result[0]) || result[0] >= 0.95"), Ok(true));
        assert_eq!(nan("result[0] != result[0] || result[0] > 1"), Ok(true));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let table = [
            ("result[1] > 0.9", "series 1"),
            ("result == 'ok'", "text"),
            ("count(result, # > 1) < 3", "count()"),
            ("result.a > 1 && result.b < 2", "2 fields"),
            ("result[0] * result[0] > 2", "multiple"),
            ("result[0] >", "end"),
            ("result[0] >= {{args.limit}}", "`{`"),
            ("", "empty"),
            ("result", "yes or no"),
            ("latency < 3", "`latency`"),
            ("result[0] > 1 ] ", "`]`"),
            ("result[0] ; 1", "`;`"),
        ];
        for (text, word) in table {
            let why = Condition::parse(text).unwrap_err();
            assert!(why.contains(word), "{text:?}: {why}");
        }
        assert!(Condition::parse(&"(".repeat(100_000)).is_err());
        assert!(Condition::parse(&"!".repeat(100_000)).is_err());
    }
}
