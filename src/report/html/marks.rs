//! Moves as vertical marks through every drawing, and the patterns that stand beside colours.

use crate::fixture::tracks::{MoveKind, Tracks};
use crate::model::decision::Answer;
use crate::model::time::Time;
use crate::report::svg::plot::upright;
use crate::report::svg::{Node, node};

use super::rows::Decision;
use super::{Stretch, levels};

/// One move of the rollout.
pub(super) struct Mark {
    pub(super) at: Time,
    pub(super) answer: Answer,
    /// `rolled back to off`.
    pub(super) words: String,
    /// The row of the table that tells of it.
    pub(super) row: Option<String>,
    /// Only said, not done.
    would: bool,
}

/// The moves, with the rows of the table that tell of them.
pub(super) fn marks(tracks: &Tracks, decisions: &[Decision]) -> Vec<Mark> {
    let mark = |moved: &crate::fixture::tracks::Move| {
        let (answer, words) = match &moved.kind {
            MoveKind::Advanced(to) => (Answer::Advance, format!("advanced to {to}")),
            MoveKind::Completed => (Answer::Advance, "complete".to_owned()),
            MoveKind::RolledBack(to) => (Answer::RollBack, format!("rolled back to {to}")),
            MoveKind::RegionBack(region) => (Answer::RollBack, format!("{region} rolled back")),
            MoveKind::WouldRollBack => (Answer::RollBack, "would roll back".to_owned()),
        };
        let row = decisions.iter().find(|row| row.at == moved.at && row.answer == answer).map(|row| row.id.clone());
        Mark { at: moved.at, answer, words, row, would: moved.kind == MoveKind::WouldRollBack }
    };
    tracks.moves.iter().map(mark).collect()
}

/// Vertical lines at every move, for a drawing from `top` to `bottom`.
pub(super) fn lines(stretch: &Stretch<'_>, marks: &[Mark], (top, bottom): (f64, f64)) -> Vec<Node> {
    let done = marks.iter().filter(|mark| !mark.would);
    let line = |mark: &Mark| {
        let class = format!("move {}", levels::of_answer(mark.answer).0);
        upright(&stretch.extent, mark.at, (top, bottom), &class, "")
    };
    done.map(line).collect()
}

/// Triangles at every move, each leading to its row of the table: up for an advance, down for a roll back.
pub(super) fn triangles(stretch: &Stretch<'_>, marks: &[Mark], height: f64) -> Vec<Node> {
    let triangle = |mark: &Mark| {
        let (class, _) = levels::of_answer(mark.answer);
        let path = if mark.answer == Answer::Advance { "M0 -7L7 6L-7 6Z" } else { "M0 7L7 -6L-7 -6Z" };
        let class = if mark.would { format!("tip {class} would") } else { format!("tip {class}") };
        let place = node("svg").share("x", stretch.extent.x(mark.at)).at("y", height / 2.0).set("overflow", "visible");
        let drawn = place.set("width", 1).set("height", 1).child(node("path").class(&class).set("d", path));
        let hover = format!("{}: {}", stretch.times.row(mark.at), mark.words);
        match &mark.row {
            Some(row) => {
                node("a").set("href", format_args!("#{row}")).set("aria-label", &hover).title(&hover).child(drawn)
            }
            None => node("g").title(&hover).child(drawn),
        }
    };
    marks.iter().map(triangle).collect()
}

/// The patterns, once on a page: whatever is told apart by its colour is also told apart by its hatching.
pub(super) fn patterns() -> Node {
    let hatch = |id: &str, class: &str, size: f64, path: &str| {
        let pattern = node("pattern").set("id", id).set("patternUnits", "userSpaceOnUse");
        let pattern = pattern.at("width", size).at("height", size);
        let ground = node("rect").class(&format!("{class} ground")).at("width", size).at("height", size);
        pattern.child(ground).child(node("path").class(&format!("{class} stroke")).set("d", path))
    };
    let definitions = node("defs").children([
        hatch("hatch-p0", "p0", 6.0, "M-1 1L1 -1M0 6L6 0M5 7L7 5"),
        hatch("hatch-p1", "p1", 6.0, "M-1 5L1 7M0 0L6 6M5 -1L7 1"),
        hatch("hatch-p2", "p2", 6.0, "M0 3L6 3"),
        hatch("hatch-none", "quiet", 8.0, "M0 8L8 0"),
        hatch("hatch-unknown", "unknown", 7.0, "M0 0L7 7M7 0L0 7"),
        hatch("hatch-loop", "loop", 9.0, "M0 9L9 0"),
        hatch("hatch-open", "open", 9.0, "M0 9L9 0"),
    ]);
    node("svg").class("patterns").set("aria-hidden", "true").set("width", 0).set("height", 0).child(definitions)
}
