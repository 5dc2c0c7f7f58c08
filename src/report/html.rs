//! Pages that a person attaches to a pull request or an incident and opens in five years: one file, drawn without a
//! script, nothing fetched from anywhere, light and dark, on paper and on a phone.
//!
//! The markup is in `templates/`; whatever is text is escaped there by its type, and only a [`svg::Node`], which
//! escapes what is put into it, goes in as it is. Nothing here decides, and nothing here knows what time it is.

use askama::Template;

use crate::fixture::tracks::Tracks;
use crate::model::time::Time;
use crate::policy::compiled::Policy;

use super::replay::Replayed;
use super::svg::clock::{Tick, ticks};
use super::svg::scale::Extent;
use super::svg::{self, Node};
use super::times::Times;

mod bands;
mod chart;
mod checks;
mod diff;
mod facts;
mod levels;
mod marks;
mod rows;
mod verdict;

pub use diff::{DiffPage, diff};

impl askama::filters::HtmlSafe for Node {}

/// As many marks as fit over the widest page.
const MOST_TICKS: usize = 10;

/// What a page of a replay is made of.
#[derive(Debug, Clone, Copy)]
pub struct ReplayPage<'a> {
    /// What came of it.
    pub replayed: &'a Replayed,
    /// The run over time; none when nothing was played.
    pub tracks: Option<&'a Tracks>,
    /// The policy that was played.
    pub policy: &'a Policy,
    /// How times are shown.
    pub times: &'a Times,
    /// The command that gives the same answers again.
    pub command: &'a str,
    /// When the recording is known to have been bad.
    pub incidents: &'a [(Time, Time)],
}

/// The axis that all drawings of one run share.
struct Stretch<'a> {
    extent: Extent,
    ticks: Vec<Tick>,
    times: &'a Times,
}

impl<'a> Stretch<'a> {
    fn new(first: Time, last: Time, times: &'a Times) -> Stretch<'a> {
        let extent = Extent::new(first, last);
        Stretch { ticks: ticks(&extent, times.zone(), MOST_TICKS), extent, times }
    }

    /// `10:20:00 to 10:42:00, 22m`.
    fn said(&self, from: Time, to: Time) -> String {
        let length = svg::clock::lasted(to.since(from));
        format!("{} to {}, {length}", self.times.row(from), self.times.row(to))
    }

    /// The time axis as a drawing.
    fn axis(&self) -> Node {
        let title = format!("time axis, {}", self.said(self.extent.first(), self.extent.last()));
        svg::plot::drawing(30.0, &title, "").children(svg::plot::axis(&self.extent, &self.ticks))
    }
}

/// A name at the left, a drawing, and what is said beside it.
struct Lane {
    name: String,
    note: String,
    drawing: Node,
}

#[derive(Template)]
#[template(path = "replay.html")]
struct Page<'a> {
    title: String,
    rollout: &'a str,
    environment: &'a str,
    about: String,
    notes: usize,
    verdict: verdict::Verdict,
    facts: Vec<facts::Fact>,
    numbers: Vec<facts::Figure>,
    patterns: Node,
    timeline: Option<Timeline>,
    decisions: Vec<rows::Decision>,
    left_out: usize,
    engine: &'static str,
    digest: &'a str,
    command: &'a str,
}

/// Everything that is drawn over the shared axis.
struct Timeline {
    zone: String,
    axis: Node,
    bands: Vec<Lane>,
    charts: Vec<chart::Chart>,
    undrawn: Vec<String>,
    checks: Vec<checks::CheckLane>,
    quiet: Vec<String>,
}

/// The whole page of a replay.
///
/// # Panics
/// Never: text is written into memory.
#[must_use]
pub fn replay(page: &ReplayPage<'_>) -> String {
    let replayed = page.replayed;
    let decisions = rows::decisions(page);
    let timeline = page.tracks.map(|tracks| timeline(page, tracks, &decisions));
    let verdict = verdict::of_replay(replayed, page.times);
    let page = Page {
        title: format!("{}: {}", replayed.head.rollout, verdict.word),
        rollout: &replayed.head.rollout,
        environment: &replayed.head.environment,
        about: format!("policy {}; {}", replayed.head.policy, facts::extent(page)),
        notes: replayed.head.notes.len(),
        verdict,
        facts: facts::facts(page),
        numbers: facts::figures(page),
        patterns: marks::patterns(),
        timeline,
        decisions,
        left_out: replayed.rows_left_out,
        engine: env!("CARGO_PKG_VERSION"),
        digest: page.policy.digest.as_str(),
        command: page.command,
    };
    page.render().expect("writing into memory does not fail")
}

fn timeline(page: &ReplayPage<'_>, tracks: &Tracks, decisions: &[rows::Decision]) -> Timeline {
    let stretch = Stretch::new(tracks.first, tracks.last, page.times);
    let marks = marks::marks(tracks, decisions);
    let mut bands = bands::bands(&stretch, tracks, page.policy, &marks);
    bands.extend(bands::incidents(&stretch, page.incidents));
    let (charts, undrawn) = chart::charts(&stretch, tracks, page, &marks);
    let (checks, quiet) = checks::lanes(&stretch, tracks, page.policy);
    Timeline { zone: page.times.zone_name(), axis: stretch.axis(), bands, charts, undrawn, checks, quiet }
}
