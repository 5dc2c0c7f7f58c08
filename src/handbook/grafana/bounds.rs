//! Absolute bounds as Grafana's threshold steps: between two bounds the colour says what is broken there.

use serde_json::{Value, json};

use crate::model::finding::{CheckKind, Side};
use crate::model::units::Range;
use crate::policy::compiled::{Bound, Check, Floor, Limit};

use super::super::effects::Effect;

/// What a breach does, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Colour {
    Fine,
    GateClosed,
    Warns,
    Holds,
    RollsBack,
}

impl Colour {
    /// The colour of an effect in a stage; shadow checks are drawn as warnings, since they only tell.
    pub(super) fn of(effect: Effect, check: &Check) -> Option<Colour> {
        Some(match effect {
            Effect::Inactive | Effect::NotApplicable => return None,
            Effect::Gate | Effect::EarlyGate => Colour::GateClosed,
            _ if check.shadow => Colour::Warns,
            Effect::RollBack(_) | Effect::Latch => Colour::RollsBack,
            Effect::Hold => Colour::Holds,
            Effect::Warn => Colour::Warns,
        })
    }

    /// As Grafana names it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Colour::Fine => "green",
            Colour::GateClosed => "blue",
            Colour::Warns => "yellow",
            Colour::Holds => "orange",
            Colour::RollsBack => "red",
        }
    }
}

/// A level that a reading must not pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Level {
    pub(super) at: f64,
    pub(super) side: Side,
    pub(super) colour: Colour,
}

/// The level of an absolute bound. A level with a floor is broken where both are.
pub(super) fn level(bound: &Bound, colour: Colour) -> Option<Level> {
    let Limit::Absolute(at) = bound.limit else { return None };
    let at = match (bound.floor, bound.side) {
        (Some(Floor::Level(floor)), Side::Above) => at.max(floor),
        (Some(Floor::Level(floor)), Side::Below) => at.min(floor),
        _ => at,
    };
    Some(Level { at, side: bound.side, colour })
}

/// Grafana's steps: a colour from minus infinity, then one from each bound up.
pub(super) fn steps(levels: &[Level]) -> Value {
    let mut edges: Vec<f64> = levels.iter().map(|level| level.at).collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    let worst = |broken: &dyn Fn(&Level) -> bool| {
        levels.iter().filter(|level| broken(level)).map(|level| level.colour).max().unwrap_or(Colour::Fine).name()
    };
    let lowest = edges.first().copied().unwrap_or(f64::INFINITY);
    let mut steps = vec![json!({
        "value": null,
        "color": worst(&|level| level.side == Side::Below && level.at >= lowest),
    })];
    for edge in edges {
        // Just above this edge: broken are the bounds above which that lies, and those below which it still lies.
        let colour = worst(&|level| match level.side {
            Side::Above => level.at <= edge,
            Side::Below => level.at > edge,
        });
        steps.push(json!({ "value": edge, "color": colour }));
    }
    Value::Array(steps)
}

/// How far the axis reaches at least, so that every line can be seen: a twentieth beyond the outermost bounds, inside
/// what the metric can read.
pub(super) fn axis(levels: &[Level], range: Option<Range>) -> Option<(f64, f64)> {
    let (lo, hi) =
        levels.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), level| (lo.min(level.at), hi.max(level.at)));
    if !(lo.is_finite() && hi.is_finite()) {
        return None;
    }
    let room = ((hi - lo) / 4.0).max(lo.abs().max(hi.abs()) / 20.0).max(1e-3);
    let range = range.unwrap_or(Range { lo: f64::NEG_INFINITY, hi: f64::INFINITY });
    let tidy = |value: f64| (value * 1000.0).round() / 1000.0;
    Some((tidy((lo - room).max(range.lo)), tidy((hi + room).min(range.hi))))
}

/// Whether a bound is about `check`'s leaving and not its staying.
pub(super) fn is_gate(check: &Check) -> bool {
    check.kind == CheckKind::Gate
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(levels: &[(f64, Side, Colour)]) -> Vec<(Option<f64>, String)> {
        let levels: Vec<Level> =
            levels.iter().map(|(at, side, colour)| Level { at: *at, side: *side, colour: *colour }).collect();
        let steps = steps(&levels);
        steps
            .as_array()
            .unwrap()
            .iter()
            .map(|step| (step["value"].as_f64(), step["color"].as_str().unwrap().to_owned()))
            .collect()
    }

    fn expected(steps: &[(Option<f64>, &str)]) -> Vec<(Option<f64>, String)> {
        steps.iter().map(|(at, colour)| (*at, (*colour).to_owned())).collect()
    }

    #[test]
    fn a_ladder_below_goes_from_red_up_to_green() {
        let levels = [
            (95.0, Side::Below, Colour::RollsBack),
            (99.5, Side::Below, Colour::Warns),
            (99.0, Side::Below, Colour::Holds),
        ];
        let steps = [(None, "red"), (Some(95.0), "orange"), (Some(99.0), "yellow"), (Some(99.5), "green")];
        assert_eq!(drawn(&levels), expected(&steps));
    }

    #[test]
    fn a_ladder_above_goes_from_green_up_to_red() {
        let levels = [(1.0, Side::Above, Colour::Holds), (5.0, Side::Above, Colour::RollsBack)];
        assert_eq!(drawn(&levels), expected(&[(None, "green"), (Some(1.0), "orange"), (Some(5.0), "red")]));
    }

    #[test]
    fn a_milder_bound_behind_a_worse_one_keeps_its_line() {
        let levels = [(1.0, Side::Above, Colour::RollsBack), (5.0, Side::Above, Colour::Warns)];
        assert_eq!(drawn(&levels), expected(&[(None, "green"), (Some(1.0), "red"), (Some(5.0), "red")]));
    }

    #[test]
    fn a_corridor_is_green_in_the_middle() {
        let levels = [(10.0, Side::Below, Colour::Holds), (90.0, Side::Above, Colour::RollsBack)];
        assert_eq!(drawn(&levels), expected(&[(None, "orange"), (Some(10.0), "green"), (Some(90.0), "red")]));
    }

    #[test]
    fn without_a_bound_everything_is_green() {
        assert_eq!(drawn(&[]), expected(&[(None, "green")]));
    }
}
