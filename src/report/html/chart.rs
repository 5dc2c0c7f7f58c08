//! One chart per metric: its readings, the bounds that were in force with the side that is a breach shaded, the
//! baseline they were worked out from, the stretches in which it was unknown, and the moves.

use crate::fixture::tracks::{CheckTrack, Lane as Track, Series, Tracks};
use crate::model::finding::{CheckKind, FindingState, Side};
use crate::model::frame::{Group, Metric, MetricIx};
use crate::model::ids::CheckId;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::{Check, Condition, Policy, Than};
use crate::report::svg::plot::{beyond, block, drawing, gauge, grid, hours, line, point, steps, stretched};
use crate::report::svg::scale::{Scale, brief};
use crate::report::svg::{Node, node};

use super::marks::{self, Mark};
use super::{ReplayPage, Stretch};

mod labels;
mod order;
mod spikes;

/// How high the chart of a metric is that decided something, and how high any other.
const HIGH: f64 = 190.0;
const LOW: f64 = 104.0;
/// More regions than this are a tangle; the worst are drawn.
const MOST_LINES: usize = 6;
/// A line of more points than this is drawn finer.
const DENSE: usize = 400;

/// One metric.
pub(super) struct Chart {
    /// Its name in parts, where a line may break after an underscore.
    pub(super) name: Vec<String>,
    /// `100% to 94%`.
    pub(super) range: String,
    pub(super) keys: Vec<Key>,
    /// Its round values, beside the drawing.
    pub(super) gauge: Node,
    pub(super) drawing: Node,
    /// The bounds' names beside the drawing, at the height of their lines.
    pub(super) labels: Node,
    /// The same, for where there is no room beside it.
    pub(super) legend: Vec<(&'static str, String)>,
}

/// What one line stands for.
pub(super) struct Key {
    pub(super) class: String,
    pub(super) word: String,
}

/// The bound of one check in one region.
struct Bound<'a> {
    check: &'a Check,
    side: Side,
    than: Option<Than>,
    track: &'a CheckTrack,
    /// Other regions have another one.
    regional: bool,
    /// Of the policy before the edit.
    was: bool,
}

/// What a chart is drawn from.
pub(super) struct Drawing<'a> {
    pub(super) stretch: &'a Stretch<'a>,
    pub(super) tracks: &'a Tracks,
    pub(super) policy: &'a Policy,
    pub(super) marks: &'a [Mark],
    /// It decided something.
    pub(super) loud: bool,
    /// Another policy's run, whose bounds are drawn where they are others.
    pub(super) was: Option<(&'a Tracks, &'a Policy)>,
    /// Drawn over everything else.
    pub(super) over: Vec<Node>,
}

/// The charts, those first that decided something, and the metrics that have none.
pub(super) fn charts(
    stretch: &Stretch<'_>,
    tracks: &Tracks,
    page: &ReplayPage<'_>,
    marks: &[Mark],
) -> (Vec<Chart>, Vec<String>) {
    let (mut charts, mut undrawn) = (Vec::new(), Vec::new());
    for (ix, loud) in order::order(tracks, page) {
        let drawing = Drawing { stretch, tracks, policy: page.policy, marks, loud, was: None, over: Vec::new() };
        match (chart(&drawing, ix), page.policy.catalogue.metric(ix)) {
            (Some(chart), _) => charts.push(chart),
            (None, Some(metric)) => undrawn.push(metric.name.to_string()),
            (None, None) => {}
        }
    }
    (charts, undrawn)
}

/// The chart of a metric; none when it was never observed.
pub(super) fn chart(from: &Drawing<'_>, ix: MetricIx) -> Option<Chart> {
    let Drawing { stretch, tracks, policy, marks, .. } = *from;
    let metric = policy.catalogue.metric(ix)?;
    let series = &order::drawn(tracks, policy, ix, metric.better);
    if series.is_empty() {
        return None;
    }
    let bounds = all_bounds(from, ix, metric);
    // High enough for the names of its bounds.
    let names = bounds.len() as f64 * labels::APART + 6.0;
    let height = if from.loud { HIGH } else { LOW.max(names).min(HIGH) };
    let (low, high) = order::domain(metric.unit, series, &bounds);
    let scale = Scale::new(metric.unit, low, high, 6.0, height - 6.0);
    let patience = policy.metrics.get(usize::from(ix.0)).map_or(Duration::ZERO, |rules| rules.max_age);
    let mut back = Vec::new();
    let mut front = Vec::new();
    let mut dots = Vec::new();
    for class in ["p2", "p1", "p0", "none"] {
        let mut shades = Vec::new();
        for bound in bounds.iter().filter(|bound| labels::class(bound) == class && !bound.was) {
            draw_bound(stretch, tracks.last, &scale, bound, &mut shades, &mut front);
        }
        // Shaded as one: two bounds at one place are not twice as bad.
        back.push(node("g").class(&format!("beyond {class}")).children(shades));
    }
    for bound in bounds.iter().filter(|bound| bound.was) {
        // The side that was a breach is not shaded: it is none any more.
        draw_bound(stretch, tracks.last, &scale, bound, &mut Vec::new(), &mut front);
    }
    let regions = order::regions(series);
    for one in series {
        let class = class_of(one, &regions);
        for stroke in one.track.strokes(patience) {
            if let [only] = stroke.as_slice() {
                dots.push(point(&stretch.extent, &scale, *only, &format!("dot {class}"), ""));
            } else {
                let dense = if stroke.len() > DENSE { "dense " } else { "" };
                front.push(line(&stretch.extent, &scale, &stroke, &format!("{dense}series {class}")));
            }
        }
    }
    let said = describe(metric, series, &bounds);
    let title = format!("{} over time", metric.name);
    let drawing = drawing(height, &title, &said.join("; "))
        .children(hours(&stretch.extent, &stretch.ticks, (0.0, height)))
        .child(stretched(height, back))
        .children(unknown(stretch, tracks, &bounds, height))
        .children(grid(&scale))
        .children(marks::lines(stretch, marks, (0.0, height)))
        .child(stretched(height, front))
        .children(dots)
        .children(spikes::arrows(stretch, &scale, metric.unit, series))
        .children(from.over.iter().cloned());
    Some(Chart {
        name: metric.name.as_str().split('_').map(str::to_owned).collect(),
        range: order::range_of(metric, series),
        keys: keys(series, &regions, &bounds),
        gauge: gauge(&scale, height),
        drawing,
        labels: labels::beside(&bounds, &scale, metric.unit, height),
        legend: labels::legend(&bounds, &scale),
    })
}

/// The bounds in force, and those of the other policy that are not among them.
fn all_bounds<'a>(from: &Drawing<'a>, ix: MetricIx, metric: &Metric) -> Vec<Bound<'a>> {
    let mut all = bounds(from.tracks, from.policy, ix);
    if let Some((tracks, policy)) = from.was
        && let Some(ix) = policy.catalogue.find(metric.name.as_str())
    {
        for old in bounds(tracks, policy, ix) {
            let level = labels::level(&old);
            let same = |new: &Bound<'_>| {
                new.check.id == old.check.id && labels::level(new) == level && new.check.severity == old.check.severity
            };
            if !all.iter().any(|new| !new.was && same(new)) {
                all.push(Bound { was: true, ..old });
            }
        }
    }
    all
}

/// The bounds that were in force on a metric; of a gate only where there is no other.
fn bounds<'a>(tracks: &'a Tracks, policy: &'a Policy, ix: MetricIx) -> Vec<Bound<'a>> {
    let on_metric = |check: &'a Check| match &check.condition {
        Condition::Bound(bound) if bound.metric == ix => Some((check, bound)),
        _ => None,
    };
    let all: Vec<_> = policy.checks.iter().filter_map(on_metric).collect();
    let gates = all.iter().all(|(check, _)| check.kind == CheckKind::Gate);
    let mut found: Vec<Bound<'a>> = Vec::new();
    for (check, bound) in all.into_iter().filter(|(check, _)| gates || check.kind != CheckKind::Gate) {
        for track in tracks.checks.iter().filter(|track| track.check == check.id) {
            // Regions that share a bound share its line.
            let same =
                |known: &Bound<'_>| known.check.id == check.id && known.track.bounds.values().eq(track.bounds.values());
            if track.bounds.values().any(Option::is_some) && !found.iter().any(same) {
                let than = bound.limit.than();
                found.push(Bound { check, side: bound.side, than, track, regional: false, was: false });
            }
        }
    }
    let several = |id: &CheckId| found.iter().filter(|bound| bound.check.id == *id).count() > 1;
    let regional: Vec<bool> = found.iter().map(|bound| several(&bound.check.id)).collect();
    for (bound, regional) in found.iter_mut().zip(regional) {
        bound.regional = regional;
    }
    found
}

/// Stretches in which a value stood, with the instant each ends: between them there was none.
fn pieces(lane: &Track<Option<f64>>, end: Time) -> Vec<(Vec<(Time, f64)>, Time)> {
    let mut pieces: Vec<(Vec<(Time, f64)>, Time)> = Vec::new();
    for (from, to, value) in lane.runs(end) {
        let Some(value) = value else { continue };
        match pieces.last_mut() {
            Some((piece, ends)) if *ends == from => {
                piece.push((from, *value));
                *ends = to;
            }
            _ => pieces.push((vec![(from, *value)], to)),
        }
    }
    pieces
}

fn draw_bound(
    stretch: &Stretch<'_>,
    end: Time,
    scale: &Scale,
    bound: &Bound<'_>,
    back: &mut Vec<Node>,
    front: &mut Vec<Node>,
) {
    let class = if bound.was { "was" } else { labels::class(bound) };
    for (piece, until) in pieces(&bound.track.bounds, end) {
        let above = bound.side == Side::Above;
        if piece.iter().any(|(_, value)| scale.shows(*value)) {
            back.extend(beyond(&stretch.extent, scale, &piece, until, above, "shade"));
            front.push(steps(&stretch.extent, scale, &piece, until, &format!("bound {class}")));
        }
    }
    if bound.than == Some(Than::Baseline) {
        for (piece, until) in pieces(&bound.track.comparisons, end) {
            front.push(steps(&stretch.extent, scale, &piece, until, "baseline"));
        }
    }
}

/// Hatched where a check on the metric could not be told.
fn unknown(stretch: &Stretch<'_>, tracks: &Tracks, bounds: &[Bound<'_>], height: f64) -> Vec<Node> {
    let mut drawn: Vec<(Time, Time)> = Vec::new();
    let mut blocks = Vec::new();
    for bound in bounds {
        for (from, to, stand) in bound.track.stands.runs(tracks.last) {
            if stand.state != Some(FindingState::Unknown) || drawn.contains(&(from, to)) {
                continue;
            }
            drawn.push((from, to));
            let why = stand.unknown.map_or_else(|| "unknown".to_owned(), |why| format!("unknown: {why}"));
            let region = &bound.track.region;
            let place = if region.as_str().is_empty() { String::new() } else { format!(" in {region}") };
            let hover = format!("{why}{place}, {}", stretch.said(from, to));
            blocks.push(block(&stretch.extent, (from, to), (0.0, height), "hole", "", &hover));
            let x = stretch.extent.x(from);
            if stretch.extent.x(to) - x > 6.0 {
                let words = node("text").class("hole-word").share("x", x + 0.5).at("y", 14.0);
                blocks.push(words.text(&why));
            }
        }
    }
    blocks
}

/// The class of a series: control and all are told apart from the regions by their strokes.
fn class_of(series: &Series, regions: &[&str]) -> String {
    let at = regions.iter().position(|region| *region == series.region.as_str()).unwrap_or(0) % MOST_LINES;
    match series.group {
        Group::Control => format!("control r{at}"),
        _ => format!("r{at}"),
    }
}

fn keys(series: &[&Series], regions: &[&str], bounds: &[Bound<'_>]) -> Vec<Key> {
    let word = |one: &Series| match (one.region.as_str(), one.group) {
        ("", group) => group.to_string(),
        (region, Group::Control) => format!("{region}, control"),
        (region, _) => region.to_owned(),
    };
    let mut keys: Vec<Key> =
        series.iter().rev().map(|one| Key { class: class_of(one, regions), word: word(one) }).collect();
    if bounds.iter().any(|bound| bound.than == Some(Than::Baseline)) {
        keys.push(Key { class: "baseline".to_owned(), word: "baseline".to_owned() });
    }
    keys
}

/// What a screen reader says of a chart.
fn describe(metric: &Metric, series: &[&Series], bounds: &[Bound<'_>]) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for one in series {
        let (Some((low, high)), Some((first, last))) = (one.track.range(), one.track.ends()) else { continue };
        let place = if one.region.as_str().is_empty() { String::new() } else { format!(" in {}", one.region) };
        let show = |value: f64| brief(metric.unit, value);
        said.push(format!(
            "{}{place} from {} to {}, lowest {}, highest {}",
            one.group,
            show(first),
            show(last),
            show(low),
            show(high)
        ));
    }
    said.extend(bounds.iter().map(|bound| format!("bound {}: {}", bound.check.id, bound.check.words)));
    said
}
