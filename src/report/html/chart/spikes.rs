//! A few readings far away from all others press everything else to one line: the chart stays with the others, and an
//! arrow at its edge says how far the spike went.

use crate::fixture::tracks::Series;
use crate::model::time::{Duration, Time};
use crate::model::units::Unit;
use crate::report::svg::plot::words;
use crate::report::svg::scale::{Scale, brief};
use crate::report::svg::{Node, node};

use super::Stretch;

/// How much wider than usual readings and the nearest bound together all readings must be to be cut.
const WIDER: f64 = 6.0;
/// One in so many readings may be a spike.
const RARE: usize = 50;
/// More arrows than this hide the line; the farthest are kept.
const MOST: usize = 6;

/// The readings without the rarest at either end.
pub(super) fn usual(series: &[&Series]) -> Option<(f64, f64)> {
    let mut values: Vec<f64> = readings(series).map(|(_, value)| value).collect();
    values.sort_by(f64::total_cmp);
    let rare = values.len() / RARE;
    let (low, high) = (values.get(rare)?, values.get(values.len().checked_sub(rare + 1)?)?);
    Some((*low, *high))
}

/// Whether the readings from `all.0` to `all.1` are to be cut to `core`, the usual ones with the nearest bound. A share is
/// never cut: it cannot go far.
pub(super) fn are_cut(unit: Unit, all: (f64, f64), core: (f64, f64)) -> bool {
    let width = |(low, high): (f64, f64)| high - low;
    unit.default_range().is_none() && width(core) > 0.0 && width(all) > width(core) * WIDER
}

fn readings<'a>(series: &'a [&Series]) -> impl Iterator<Item = (Time, f64)> + 'a {
    series.iter().flat_map(|one| one.track.strokes(Duration::ZERO)).flatten()
}

/// Arrows at the edge where readings are beyond it, each with the value that was farthest.
pub(super) fn arrows(stretch: &Stretch<'_>, scale: &Scale, unit: Unit, series: &[&Series]) -> Vec<Node> {
    let mut outside: Vec<(Time, f64)> = readings(series).filter(|(_, value)| !scale.shows(*value)).collect();
    outside.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    let mut kept: Vec<(Time, f64)> = Vec::new();
    for (at, value) in outside {
        // What is close to an arrow is said by it.
        let near = |known: &(Time, f64)| (stretch.extent.x(known.0) - stretch.extent.x(at)).abs() < 6.0;
        if kept.len() < MOST && !kept.iter().any(near) {
            kept.push((at, value));
        }
    }
    kept.into_iter().map(|(at, value)| arrow(stretch, scale, unit, (at, value))).collect()
}

fn arrow(stretch: &Stretch<'_>, scale: &Scale, unit: Unit, (at, value): (Time, f64)) -> Node {
    let above = scale.y(value) <= scale.top();
    let (y, path) = if above { (scale.top(), "M0 -5L6 5L-6 5Z") } else { (scale.bottom(), "M0 5L6 -5L-6 -5Z") };
    let said = brief(unit, value);
    let place = node("svg").share("x", stretch.extent.x(at)).at("y", y).set("overflow", "visible");
    let tip = place.set("width", 1).set("height", 1).child(node("path").class("spike").set("d", path));
    let text = words(&stretch.extent, at, if above { y + 15.0 } else { y - 8.0 }, "spike-word", &said);
    let hover = format!("{}: {said}, outside of the chart", stretch.times.row(at));
    node("g").title(&hover).children([tip, text])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::a_spike(Unit::Ms, (180.0, 52_000.0), (180.0, 400.0), true)]
    #[case::an_incident(Unit::Ms, (180.0, 900.0), (180.0, 400.0), false)]
    #[case::a_share_cannot_go_far(Unit::Percent, (0.0, 100.0), (99.0, 100.0), false)]
    #[case::flat(Unit::Ms, (5.0, 900.0), (5.0, 5.0), false)]
    fn only_what_presses_the_rest_flat_is_cut(
        #[case] unit: Unit,
        #[case] all: (f64, f64),
        #[case] core: (f64, f64),
        #[case] cut: bool,
    ) {
        assert_eq!(are_cut(unit, all, core), cut);
    }
}
