//! One lane per check that was ever anything but ok; the others are named.

use crate::fixture::tracks::{CheckTrack, Stand, Tracks};
use crate::model::finding::{CheckKind, FindingState};
use crate::policy::compiled::{Check, Policy};
use crate::report::svg::plot::{block, drawing};
use crate::report::svg::{Node, node};

use super::{Stretch, levels};

/// How high a lane is.
const HEIGHT: f64 = 18.0;
/// More lanes than this are nobody's reading; the worst come first.
const MOST: usize = 40;

/// The lane of one check.
pub(super) struct CheckLane {
    pub(super) id: String,
    pub(super) region: String,
    pub(super) severity: &'static str,
    pub(super) level: String,
    /// `below 95%: roll back`.
    pub(super) words: String,
    pub(super) origin: String,
    pub(super) drawing: Node,
}

/// The lanes, in the order of the policy, and the checks that need none.
pub(super) fn lanes(stretch: &Stretch<'_>, tracks: &Tracks, policy: &Policy) -> (Vec<CheckLane>, Vec<String>) {
    let (mut lanes, mut quiet) = (Vec::new(), Vec::new());
    for check in &policy.checks {
        let regions: Vec<&CheckTrack> = tracks.checks.iter().filter(|track| track.check == check.id).collect();
        let loud: Vec<&&CheckTrack> = regions.iter().filter(|track| !is_quiet(track)).collect();
        if loud.is_empty() && !regions.is_empty() {
            quiet.push(check.id.to_string());
        }
        lanes.extend(loud.into_iter().map(|track| lane(stretch, tracks, check, track)));
    }
    if lanes.len() > MOST {
        quiet.extend(lanes.drain(MOST..).map(|lane| format!("{} {} (not drawn)", lane.id, lane.region)));
    }
    (lanes, quiet)
}

fn is_quiet(track: &CheckTrack) -> bool {
    let fine = |stand: &Stand| matches!(stand.state, None | Some(FindingState::Ok | FindingState::NotApplicable));
    track.stands.values().all(fine)
}

fn lane(stretch: &Stretch<'_>, tracks: &Tracks, check: &Check, track: &CheckTrack) -> CheckLane {
    let mut blocks = Vec::new();
    let mut said = Vec::new();
    for (from, to, stand) in track.stands.runs(tracks.last) {
        let Some((class, word)) = levels::of_stand(*stand, check.kind) else { continue };
        let why = stand.unknown.map(|why| format!(" ({why})")).unwrap_or_default();
        let hover = format!("{} {word}{why}: {}", check.id, stretch.said(from, to));
        let (x, width) = (stretch.extent.x(from), stretch.extent.x(to) - stretch.extent.x(from));
        if class == "ok" {
            let line = node("rect").class("fine").share("x", x).at("y", 8.0).share("width", width).at("height", 2.0);
            blocks.push(node("g").title(&hover).child(line));
            continue;
        }
        said.push(format!("{word}{why} {}", stretch.said(from, to)));
        let class = match check.kind {
            CheckKind::Gate => format!("state gate {class}"),
            _ => format!("state {class} {}", levels::of_severity(Some(check.severity))),
        };
        let words = format!("{word}{why}");
        blocks.push(block(&stretch.extent, (from, to), (1.0, HEIGHT - 2.0), &class, &words, &hover));
    }
    let shadow = if check.shadow { ", only watched" } else { "" };
    let title = format!("{} over time", check.id);
    CheckLane {
        id: check.id.to_string(),
        region: track.region.to_string(),
        severity: if check.kind == CheckKind::Gate { "gate" } else { levels::of_severity(Some(check.severity)) },
        level: if check.kind == CheckKind::Gate { "gate".to_owned() } else { check.severity.to_string() },
        words: match check.kind {
            CheckKind::Gate => check.words.to_string(),
            _ => format!("{}: {}{shadow}", check.words, levels::obliges(check.response)),
        },
        origin: check.origin.to_string(),
        drawing: drawing(HEIGHT, &title, &said.join("; ")).children(blocks),
    }
}
