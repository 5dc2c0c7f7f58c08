//! Which metrics come first, which of their series are drawn, and over which values.

use crate::fixture::tracks::{Series, Tracks};
use crate::model::finding::FindingState;
use crate::model::frame::{Group, Metric, MetricIx};
use crate::model::ids::CheckId;
use crate::model::units::{Better, Unit};
use crate::policy::compiled::{Condition, Policy};
use crate::report::svg::scale::brief;

use super::super::ReplayPage;
use super::{Bound, MOST_LINES, labels, spikes};

/// The metrics that a check reads or that were observed; those first that rolled back, then those with a breach. The
/// second value says whether there was one.
pub(super) fn order(tracks: &Tracks, page: &ReplayPage<'_>) -> Vec<(MetricIx, bool)> {
    let decided: Vec<&CheckId> = page.replayed.roll_backs.iter().filter_map(|back| back.check.as_ref()).collect();
    let rank = |ix: MetricIx| {
        let on_metric =
            |id: &CheckId| page.policy.checks.iter().any(|check| check.id == *id && reads(&check.condition, ix));
        if decided.iter().any(|id| on_metric(id)) {
            return 0;
        }
        let broken = |state| matches!(state, Some(FindingState::Firing | FindingState::Pending));
        let loud = tracks.checks.iter().filter(|track| track.stands.values().any(|stand| broken(stand.state)));
        let counts = |id: &CheckId| {
            let check = page.policy.checks.iter().find(|check| check.id == *id);
            check.is_some_and(|check| check.kind != crate::model::finding::CheckKind::Gate)
        };
        if loud.filter(|track| counts(&track.check)).any(|track| on_metric(&track.check)) { 1 } else { 2 }
    };
    let count = u16::try_from(page.policy.catalogue.metrics().len()).unwrap_or(u16::MAX);
    let mut ranked: Vec<(u8, MetricIx)> = (0..count).map(MetricIx).map(|ix| (rank(ix), ix)).collect();
    ranked.sort();
    ranked.into_iter().map(|(rank, ix)| (ix, rank < 2)).collect()
}

fn reads(condition: &Condition, metric: MetricIx) -> bool {
    match condition {
        Condition::Bound(bound) => bound.metric == metric,
        Condition::Script { reads, .. } => reads.iter().any(|(read, _)| *read == metric),
    }
}

/// The series of a metric worth drawing: of the group its checks read, and of control beside it; the worst regions
/// when there are many.
pub(super) fn drawn<'a>(tracks: &'a Tracks, policy: &Policy, ix: MetricIx, better: Better) -> Vec<&'a Series> {
    let of_metric = || tracks.series.iter().filter(move |series| series.metric == ix && series.track.range().is_some());
    let main = policy.metrics.get(usize::from(ix.0)).map_or(Group::Treatment, |rules| rules.group);
    let has_main = of_metric().any(|series| series.group == main);
    let wanted = |series: &&Series| !has_main || series.group == main || series.group == Group::Control;
    let mut series: Vec<&Series> = of_metric().filter(wanted).collect();
    let worst = |series: &Series| series.track.range().map_or(0.0, |(low, high)| better.worse(low, high));
    let mut regions: Vec<(&str, f64)> = Vec::new();
    for one in series.iter().filter(|series| series.group != Group::Control) {
        regions.push((one.region.as_str(), worst(one)));
    }
    if regions.len() > MOST_LINES {
        regions.sort_by(|a, b| match better {
            Better::Higher => a.1.total_cmp(&b.1),
            Better::Lower => b.1.total_cmp(&a.1),
        });
        regions.truncate(MOST_LINES);
        series.retain(|one| regions.iter().any(|(region, _)| *region == one.region.as_str()));
    }
    // Several regions with control each are twice as many lines and half as clear.
    if regions.len() > 2 {
        series.retain(|one| one.group != Group::Control);
    }
    series.sort_by_key(|one| one.group != Group::Control);
    series
}

/// The regions of the series, in order.
pub(super) fn regions<'a>(series: &[&'a Series]) -> Vec<&'a str> {
    let mut regions: Vec<&str> = series.iter().map(|series| series.region.as_str()).collect();
    regions.sort_unstable();
    regions.dedup();
    regions
}

/// How much farther than the nearest bound another may lie before it is left out, so that it does not press the
/// readings flat.
const FARTHEST: f64 = 4.0;

/// The values to be shown: every reading but a spike that would press the others flat, the nearest bound, and those others that do not press the readings flat.
pub(super) fn domain(unit: Unit, series: &[&Series], bounds: &[Bound<'_>]) -> (f64, f64) {
    let ranges = || series.iter().filter_map(|series| series.track.range());
    let all = (
        ranges().map(|range| range.0).fold(f64::INFINITY, f64::min),
        ranges().map(|range| range.1).fold(f64::NEG_INFINITY, f64::max),
    );
    let with = |(low, high): (f64, f64), level: f64| (low.min(level), high.max(level));
    let mut levels: Vec<f64> = bounds.iter().filter_map(labels::level).collect();
    let usual = spikes::usual(series).unwrap_or(all);
    let apart = |level: f64| with(usual, level).1 - with(usual, level).0;
    let nearest = levels.iter().copied().reduce(|a, b| if apart(b) < apart(a) { b } else { a });
    let core = nearest.map_or(usual, |level| with(usual, level));
    let data = if spikes::are_cut(unit, all, core) { usual } else { all };
    let wide = |level: f64| with(data, level).1 - with(data, level).0;
    levels.sort_by(|a, b| wide(*a).total_cmp(&wide(*b)));
    let Some(nearest) = levels.first() else { return data };
    let limit = wide(*nearest) * FARTHEST;
    levels.iter().filter(|level| wide(**level) <= limit).fold(data, |domain, level| with(domain, *level))
}

/// `100% to 94%`: the first and the worst reading of what the checks read.
pub(super) fn range_of(metric: &Metric, series: &[&Series]) -> String {
    let alone = series.iter().all(|series| series.group == Group::Control);
    let main = || series.iter().filter(|series| alone || series.group != Group::Control);
    let first = main().find_map(|series| series.track.ends()).map(|(first, _)| first);
    let worst = main().filter_map(|series| series.track.range());
    let worst = worst.map(|(low, high)| metric.better.worse(low, high)).reduce(|a, b| metric.better.worse(a, b));
    let (Some(first), Some(worst)) = (first, worst) else { return String::new() };
    let (first, worst) = (brief(metric.unit, first), brief(metric.unit, worst));
    if first == worst { first } else { format!("{first}, worst {worst}") }
}
