//! One recording whose decisions change: both runs above each other over the metrics that make the difference, and why
//! each policy decided as it did where they part.

use std::collections::BTreeSet;

use crate::fixture::tracks::Tracks;
use crate::model::ids::CheckId;
use crate::model::time::Time;
use crate::policy::compiled::{Condition, Policy};
use crate::report::svg::Node;
use crate::report::svg::plot::{block, drawing, upright, words};
use crate::review::drawn::Drawn;
use crate::review::verdict::{Compared, PerStep};

use super::super::chart::{self, Chart, Drawing};
use super::super::rows::{Explanation, explanation};
use super::super::{Lane, Stretch, bands, marks};
use super::words::{Effect, row};

/// The section of one recording.
pub(super) struct Recording {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) title: String,
    pub(super) about: String,
    pub(super) effects: Vec<Effect>,
    pub(super) drawing: Option<Drawings>,
    pub(super) parting: Option<Parting>,
    pub(super) per_step: Option<Judged>,
    /// Metrics that a policy reads and the recording does not carry.
    pub(super) lacking: Vec<String>,
}

/// Both runs.
pub(super) struct Drawings {
    pub(super) zone: String,
    pub(super) axis: Node,
    pub(super) bands: Vec<Lane>,
    pub(super) charts: Vec<Chart>,
}

/// Where they part.
pub(super) struct Parting {
    pub(super) when: String,
    pub(super) snapshot: u64,
    pub(super) check: String,
    /// The word, the answer and why, of the old policy and of the new one.
    pub(super) sides: Vec<(&'static str, String, Explanation)>,
}

/// Every recorded moment judged under both.
pub(super) struct Judged {
    pub(super) said: String,
    /// When, the stage, before, after.
    pub(super) first: Vec<(String, String, String, String)>,
}

/// The section of `one`, found by the anchor `id`; `edited` are the checks whose bounds were changed.
pub(super) fn recording(
    id: String,
    one: &Compared,
    drawn: Option<&Drawn>,
    edited: &[CheckId],
    zone: &jiff::tz::TimeZone,
) -> Recording {
    let times = super::times_of(one, zone);
    let row = row(id, one, &times);
    let said = |side: &crate::review::verdict::Side, word: &str| {
        side.lacking
            .iter()
            .map(|(metric, number)| format!("{metric} ({word} policy: {number} evaluations)"))
            .collect::<Vec<_>>()
    };
    let label = if row.label.is_empty() { String::new() } else { format!(", labelled {}", row.label) };
    Recording {
        id: row.id,
        name: row.name,
        title: one.title.clone(),
        about: format!("{} snapshots from {}{label}", one.snapshots, times.full(one.begins)),
        effects: row.effects,
        drawing: drawn.and_then(|drawn| drawings(one, drawn, edited, &times)),
        parting: one.divergence.as_ref().map(|parted| Parting {
            when: times.full(parted.at),
            snapshot: parted.snapshot,
            check: parted.check.as_ref().map(ToString::to_string).unwrap_or_default(),
            sides: [("before", &parted.before), ("after", &parted.after)]
                .map(|(word, decision)| {
                    let (_, icon) = super::super::levels::of_answer(decision.verdict.answer());
                    let said = format!("{icon} {}: {}", decision.verdict.answer().shout(), decision.verdict.headline());
                    (word, said, explanation(decision))
                })
                .into(),
        }),
        per_step: one.per_step.as_ref().map(|judged| per_step(judged, &times)),
        lacking: [said(&one.before, "old"), said(&one.after, "new")].concat(),
    }
}

fn per_step(judged: &PerStep, times: &crate::report::times::Times) -> Judged {
    let said = format!(
        "judged moment by moment, from where the old policy stood: {} of {} differ, {} roll back now, {} rolled back before",
        judged.differ, judged.judged, judged.rolls_back_now, judged.rolled_back_before
    );
    let step = |step: &crate::review::verdict::Step| {
        (times.row(step.at), step.stage.to_string(), step.before.clone(), step.after.clone())
    };
    Judged { said, first: judged.first.iter().map(step).collect() }
}

fn drawings(
    one: &Compared,
    drawn: &Drawn,
    edited: &[CheckId],
    times: &crate::report::times::Times,
) -> Option<Drawings> {
    let (before, after) = (drawn.before.as_ref()?, drawn.after.as_ref()?);
    let stretch = Stretch::new(before.first.min(after.first), before.last.max(after.last), times);
    let parted = one.divergence.as_ref().map(|parted| parted.at);
    let mut bands = both(&stretch, (before, &drawn.old), (after, &drawn.new), parted);
    bands.extend(bands::incidents(&stretch, &drawn.incidents));
    let mut charts = Vec::new();
    for metric in metrics(one, drawn, edited) {
        let Some(ix) = drawn.new.catalogue.find(&metric) else { continue };
        let marks = marks::marks(after, &[]);
        let drawing = Drawing {
            stretch: &stretch,
            tracks: after,
            policy: &drawn.new,
            marks: &marks,
            loud: true,
            was: Some((before, &drawn.old)),
            over: overlay(&stretch, parted),
        };
        charts.extend(chart::chart(&drawing, ix));
    }
    Some(Drawings { zone: times.zone_name(), axis: stretch.axis(), bands, charts })
}

/// The metrics that make the difference: of the check at the first difference, of the deciding checks, of those edited.
fn metrics(one: &Compared, drawn: &Drawn, edited: &[CheckId]) -> BTreeSet<String> {
    let parted = one.divergence.as_ref();
    let deciding = parted.into_iter().flat_map(|parted| {
        let decisions = [&parted.before, &parted.after].into_iter();
        decisions.filter_map(|decision| decision.verdict.deciding_check()).chain(&parted.check)
    });
    let moved = one.moved.iter().filter_map(|moved| moved.check.as_ref());
    let backs = one.lost.iter().chain(&one.alarms_gone).chain(&one.gained).filter_map(|back| back.check.as_ref());
    let checks: BTreeSet<&CheckId> = deciding.chain(moved).chain(backs).chain(edited).collect();
    let of_check = |policy: &Policy, id: &CheckId| -> Vec<String> {
        let Some(check) = policy.checks.iter().find(|check| check.id == *id) else { return Vec::new() };
        let name = |ix| policy.catalogue.metric(ix).map(|metric| metric.name.to_string());
        match &check.condition {
            Condition::Bound(bound) => name(bound.metric).into_iter().collect(),
            Condition::Script { reads, asks, .. } => {
                let asked = asks.iter().filter_map(|ix| match policy.check(*ix).map(|check| &check.condition) {
                    Some(Condition::Bound(bound)) => Some(bound.metric),
                    _ => None,
                });
                reads.iter().map(|(ix, _)| *ix).chain(asked).filter_map(name).collect()
            }
        }
    };
    checks.into_iter().flat_map(|id| [of_check(&drawn.old, id), of_check(&drawn.new, id)].concat()).collect()
}

/// The bands of both, old above new, with the part after the first difference marked.
fn both(
    stretch: &Stretch<'_>,
    (before, old): (&Tracks, &Policy),
    (after, new): (&Tracks, &Policy),
    parted: Option<Time>,
) -> Vec<Lane> {
    let was = bands::bands(stretch, before, old, &marks::marks(before, &[]));
    let is = bands::bands(stretch, after, new, &marks::marks(after, &[]));
    let pair = |(was, is): (Lane, Lane)| {
        // The old policy's run is what was recorded; only the new one's is open loop.
        let old = Lane { note: "before".to_owned(), ..over(was, parting(stretch, parted)) };
        let new = Lane { note: "after".to_owned(), ..over(is, overlay(stretch, parted)) };
        [old, new]
    };
    let lanes = was.into_iter().zip(is).flat_map(pair);
    named(stretch, parted).into_iter().chain(lanes).collect()
}

fn over(lane: Lane, overlay: impl IntoIterator<Item = Node>) -> Lane {
    Lane { drawing: lane.drawing.children(overlay), ..lane }
}

/// Hatching over what is open loop, and the line where the decisions part.
fn overlay(stretch: &Stretch<'_>, parted: Option<Time>) -> Vec<Node> {
    let Some(at) = parted else { return Vec::new() };
    let hover = format!("open loop after {}: recorded where the old policy had led", stretch.times.row(at));
    let hatched = block(&stretch.extent, (at, stretch.extent.last()), (0.0, 400.0), "open-loop", "", &hover);
    std::iter::once(hatched).chain(parting(stretch, parted)).collect()
}

/// What the line is where the decisions part, in a strip of its own: over the stages it would hide their names.
fn named(stretch: &Stretch<'_>, parted: Option<Time>) -> Option<Lane> {
    let at = parted?;
    let title = format!("first difference at {}", stretch.times.row(at));
    let said = words(&stretch.extent, at, 11.0, "parting-word", " first difference ");
    let drawing = drawing(15.0, &title, "").children(parting(stretch, parted)).child(said);
    Some(Lane { name: String::new(), note: String::new(), drawing })
}

/// A line where the decisions part.
fn parting(stretch: &Stretch<'_>, parted: Option<Time>) -> Option<Node> {
    let at = parted?;
    Some(upright(&stretch.extent, at, (0.0, 400.0), "parting", "first difference"))
}
