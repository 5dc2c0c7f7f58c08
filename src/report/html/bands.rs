//! Stage over severity over decision, and known incidents: each stretch is a block with a word in it, and says from
//! when to when it lasted to whoever points at it.

use crate::fixture::tracks::{Standing, Tracks};
use crate::model::decision::Answer;
use crate::model::time::Time;
use crate::policy::compiled::Policy;
use crate::report::svg::node;
use crate::report::svg::plot::{block, drawing, hours};

use super::marks::{self, Mark};
use super::{Lane, Stretch, levels};

/// How high a band is.
const HEIGHT: f64 = 26.0;
/// How high the strip of triangles above the decisions is.
const TIPS: f64 = 16.0;

/// The three bands.
pub(super) fn bands(stretch: &Stretch<'_>, tracks: &Tracks, policy: &Policy, marks: &[Mark]) -> Vec<Lane> {
    vec![stages(stretch, tracks, policy, marks), severities(stretch, tracks), decisions(stretch, tracks, marks)]
}

fn stages(stretch: &Stretch<'_>, tracks: &Tracks, policy: &Policy, marks: &[Mark]) -> Lane {
    let mut said = Vec::new();
    let mut blocks = Vec::new();
    for (from, to, name) in tracks.stages.runs(tracks.last) {
        let ix = policy.find_stage(name.as_str());
        let traffic = ix.and_then(|ix| policy.stage(ix)).map_or(0.0, |stage| stage.traffic);
        let words = if traffic > 0.0 { format!("{name} {traffic}%") } else { name.to_string() };
        let hover = format!("stage {words}: {}", stretch.said(from, to));
        let class = format!("stage rung{}", rung(ix.map_or(0, |ix| usize::from(ix.0)), policy.stages.len()));
        blocks.push(block(&stretch.extent, (from, to), (1.0, HEIGHT - 2.0), &class, &words, &hover));
        said.push(hover);
    }
    let lines = marks::lines(stretch, marks, (0.0, HEIGHT));
    let drawing = drawing(HEIGHT, "stage over time", &said.join("; ")).children(blocks).children(lines);
    Lane { name: "stage".to_owned(), note: String::new(), drawing }
}

/// One of five shades, the darkest for the highest rung.
fn rung(at: usize, of: usize) -> usize {
    (at * 4 + of.saturating_sub(2)).checked_div(of.saturating_sub(1)).unwrap_or(0).min(4)
}

fn severities(stretch: &Stretch<'_>, tracks: &Tracks) -> Lane {
    let mut said = Vec::new();
    let mut blocks = vec![node("line").class("nothing").set("x1", "0").set("x2", "100%").at("y1", 13.0).at("y2", 13.0)];
    for (from, to, severity) in tracks.severity.runs(tracks.last) {
        let Some(severity) = severity else { continue };
        let hover = format!("{severity} firing: {}", stretch.said(from, to));
        let class = format!("severity {}", severity.key());
        blocks.push(block(&stretch.extent, (from, to), (1.0, HEIGHT - 2.0), &class, &severity.to_string(), &hover));
        said.push(hover);
    }
    let said = if said.is_empty() { "nothing fired".to_owned() } else { said.join("; ") };
    let drawing = drawing(HEIGHT, "worst severity firing over time", &said).children(blocks);
    Lane { name: "severity".to_owned(), note: String::new(), drawing }
}

fn decisions(stretch: &Stretch<'_>, tracks: &Tracks, marks: &[Mark]) -> Lane {
    let mut blocks = Vec::new();
    for (from, to, standing) in tracks.standing.runs(tracks.last) {
        let (class, words) = levels::of_standing(*standing);
        let hover = format!("{words}: {}", stretch.said(from, to));
        let inside = if *standing == Standing::Arrived { "hold: arrived" } else { words };
        let class = format!("standing {class}");
        blocks.push(block(&stretch.extent, (from, to), (TIPS, HEIGHT - 4.0), &class, inside, &hover));
    }
    // Its triangles lead somewhere, so this drawing is a group and not a picture.
    let height = TIPS + HEIGHT - 2.0;
    let drawing = node("svg").class("plot").at("height", height).set("role", "group");
    let drawing = drawing.set("aria-label", "decision over time; each triangle leads to its row below");
    let drawing = drawing.children(blocks).children(marks::lines(stretch, marks, (0.0, height)));
    let count = |answer: Answer| marks.iter().filter(|mark| mark.answer == answer).count();
    let note = match (count(Answer::Advance), count(Answer::RollBack)) {
        (0, 0) => "hold throughout".to_owned(),
        (0, _) => "▼ roll back".to_owned(),
        (_, 0) => "▲ advance".to_owned(),
        _ => "▲ advance ▼ roll back".to_owned(),
    };
    Lane { name: "decision".to_owned(), note, drawing: drawing.children(marks::triangles(stretch, marks, TIPS)) }
}

/// When the recording is known to have been bad, for a labelled one.
pub(super) fn incidents(stretch: &Stretch<'_>, incidents: &[(Time, Time)]) -> Option<Lane> {
    if incidents.is_empty() {
        return None;
    }
    let said = |(from, to): &(Time, Time)| format!("known incident: {}", stretch.said(*from, *to));
    let blocks = incidents
        .iter()
        .map(|incident| block(&stretch.extent, *incident, (1.0, 20.0), "incident", "known incident", &said(incident)));
    let all: Vec<String> = incidents.iter().map(said).collect();
    let lines = hours(&stretch.extent, &stretch.ticks, (0.0, 22.0));
    let drawing = drawing(22.0, "known incidents", &all.join("; ")).children(lines).children(blocks);
    Some(Lane { name: "label".to_owned(), note: "as recorded".to_owned(), drawing })
}
