//! A whole run on a few lines: stage over severity over decision over one sparkline per metric, on one time axis.
//!
//! A run may have millions of instants, so they are gathered into a fixed number of bins as they come; when the run
//! outgrows them, neighbours are merged. A bin keeps the *worst* of what fell into it: a spike of one second in a week
//! must be seen.

use crate::model::decision::Answer;
use crate::model::severity::Severity;
use crate::model::time::{Duration, Time};
use crate::model::units::{Better, Unit};

use super::layout::{cut, pad};
use super::screen::{Mark, QUIET, Screen, of_answer, of_severity, paint};
use super::times::Times;

/// More than any screen is wide, so that merging is never visible.
const BINS: usize = 512;
/// Columns for the names in front.
const NAMES: usize = 18;
/// Narrower than this, the bands say less than they cost.
pub const NARROWEST: usize = 80;

/// One metric's line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The metric's name.
    pub name: String,
    /// How its values print.
    pub unit: Unit,
    /// Which value of a bin is the worse one.
    pub better: Better,
}

/// One instant of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment<'a> {
    /// When.
    pub at: Time,
    /// Position of the stage in the ladder.
    pub stage: usize,
    /// The worst severity firing.
    pub severity: Option<Severity>,
    /// The answer; while latched after a roll back, the hold that it is.
    pub answer: Answer,
    /// One value per line; NaN where there is none.
    pub values: &'a [f64],
}

/// A run gathered into bins.
#[derive(Debug, Clone)]
pub struct Bands {
    stages: Vec<String>,
    lines: Vec<Line>,
    bins: Vec<Option<Bin>>,
    start: Time,
    width: Duration,
    end: Time,
    moments: usize,
}

#[derive(Debug, Clone)]
struct Bin {
    stage: usize,
    severity: Option<Severity>,
    answer: Answer,
    values: Vec<f64>,
}

impl Bands {
    /// For a run through `stages` (as they are to be labelled) with `lines` below.
    #[must_use]
    pub fn new(stages: Vec<String>, lines: Vec<Line>) -> Bands {
        let width = Duration::from_millis(1);
        Bands { stages, lines, bins: vec![None; BINS], start: Time::NEVER, width, end: Time::NEVER, moments: 0 }
    }

    /// Adds one instant; instants come in order.
    pub fn add(&mut self, moment: &Moment<'_>) {
        if self.moments == 0 {
            self.start = moment.at;
        }
        self.moments += 1;
        self.end = moment.at;
        while self.bin_of(moment.at) >= BINS {
            self.merge_neighbours();
        }
        let bin = Bin {
            stage: moment.stage,
            severity: moment.severity,
            answer: moment.answer,
            values: moment.values.to_vec(),
        };
        let at = self.bin_of(moment.at);
        if let Some(slot) = self.bins.get_mut(at) {
            *slot = worse(&self.lines, slot.take(), Some(bin));
        }
    }

    fn bin_of(&self, at: Time) -> usize {
        usize::try_from(at.since(self.start).as_millis() / self.width.as_millis().max(1)).unwrap_or(usize::MAX)
    }

    fn merge_neighbours(&mut self) {
        let mut old = std::mem::replace(&mut self.bins, Vec::with_capacity(BINS)).into_iter();
        while let Some(first) = old.next() {
            let second = old.next().flatten();
            self.bins.push(worse(&self.lines, first, second));
        }
        self.bins.resize(BINS, None);
        self.width = self.width + self.width;
    }

    /// The lines of text; none for a run of one instant or a screen too narrow for it.
    #[must_use]
    pub fn draw(&self, screen: Screen, times: &Times) -> Vec<String> {
        if self.moments < 2 || screen.width < NARROWEST {
            return Vec::new();
        }
        let room = screen.width - NAMES - VALUES;
        let columns = self.columns(room.min(self.moments).max(2));
        let name = |name: &str| paint(QUIET, pad(&cut(name, NAMES - 1, screen.ellipsis()), NAMES));
        let mut text = vec![
            format!("{}{}", " ".repeat(NAMES), paint(QUIET, self.axis(columns.len(), times))),
            format!("{}{}", name("stage"), self.stage_band(&columns)),
            format!("{}{}", name("severity"), severity_band(&columns)),
            format!("{}{}", name("decision"), answer_band(&columns, screen)),
        ];
        for (at, line) in self.lines.iter().enumerate() {
            let values: Vec<Option<f64>> = columns
                .iter()
                .map(|bin| bin.as_ref().and_then(|bin| bin.values.get(at).copied()).filter(|value| !value.is_nan()))
                .collect();
            text.push(format!("{}{}", name(&line.name), sparkline(&values, line, screen)));
        }
        text
    }

    /// The bins gathered into `count` columns; a column in which nothing was observed stays empty.
    fn columns(&self, count: usize) -> Vec<Option<Bin>> {
        let used = self.bin_of(self.end) + 1;
        let column = |at: usize| {
            let (from, to) = (at * used / count, ((at + 1) * used / count).max(at * used / count + 1));
            self.bins.iter().take(to).skip(from).cloned().fold(None, |all, bin| worse(&self.lines, all, bin))
        };
        let mut columns: Vec<Option<Bin>> = (0..count).map(column).collect();
        // With about one instant per column, rounding leaves a column empty here and there; a hole in the data is
        // wider than one column.
        for at in 1..count.saturating_sub(1) {
            if columns[at].is_none() && columns[at - 1].is_some() && columns[at + 1].is_some() {
                // What is carried over is the standing of things, not the act.
                columns[at] = columns[at - 1].clone().map(|bin| Bin { answer: Answer::Hold, ..bin });
            }
        }
        columns
    }

    fn axis(&self, columns: usize, times: &Times) -> String {
        let mut axis = String::new();
        let span = self.end.since(self.start).as_millis();
        let apart = 12;
        let mut column = 0;
        while column + 6 <= columns {
            let share = i64::try_from(column).unwrap_or(0) * span / i64::try_from(columns.max(1)).unwrap_or(1);
            axis = pad(&axis, column);
            axis.push_str(&times.tick(self.start + Duration::from_millis(share)));
            column += apart;
        }
        axis
    }

    /// `off|internal.....|canary 10%.....`
    fn stage_band(&self, columns: &[Option<Bin>]) -> String {
        let mut band = String::new();
        let mut stage = None;
        let mut at = 0;
        while at < columns.len() {
            let here = columns[at].as_ref().map(|bin| bin.stage).or(stage);
            let same =
                columns[at..].iter().take_while(|bin| bin.as_ref().is_none_or(|bin| Some(bin.stage) == here)).count();
            let length = same.max(1);
            let label = here.and_then(|stage| self.stages.get(stage)).map_or("", String::as_str);
            let mark = if at == 0 { String::new() } else { "|".to_owned() };
            let text: String = format!("{mark}{label}").chars().take(length).collect();
            band.push_str(&text);
            band.push_str(&".".repeat(length - text.chars().count()));
            stage = here;
            at += length;
        }
        band
    }
}

/// Columns behind a sparkline for its first and its worst value.
const VALUES: usize = 20;

/// The worst of both, except the stage, of which the later one is kept.
fn worse(lines: &[Line], first: Option<Bin>, second: Option<Bin>) -> Option<Bin> {
    let (mut first, second) = match (first, second) {
        (Some(first), Some(second)) => (first, second),
        (only, None) | (None, only) => return only,
    };
    first.stage = second.stage;
    first.severity = first.severity.max(second.severity);
    first.answer = match (first.answer, second.answer) {
        (Answer::RollBack, _) | (_, Answer::RollBack) => Answer::RollBack,
        // An advance is one instant among thousands of holds: it is what happened in this bin.
        (Answer::Advance, _) | (_, Answer::Advance) => Answer::Advance,
        (Answer::Hold, Answer::Hold) => Answer::Hold,
    };
    for ((mine, theirs), line) in first.values.iter_mut().zip(&second.values).zip(lines) {
        *mine = match (mine.is_nan(), theirs.is_nan()) {
            (true, _) => *theirs,
            (_, true) => *mine,
            _ => line.better.worse(*mine, *theirs),
        };
    }
    Some(first)
}

fn severity_band(columns: &[Option<Bin>]) -> String {
    let column = |bin: &Option<Bin>| match bin.as_ref().map(|bin| bin.severity) {
        None => " ".to_owned(),
        Some(None) => paint(QUIET, "-"),
        Some(Some(severity)) => paint(of_severity(severity), severity.index()),
    };
    columns.iter().map(column).collect()
}

fn answer_band(columns: &[Option<Bin>], screen: Screen) -> String {
    let column = |bin: &Option<Bin>| match bin.as_ref().map(|bin| of_answer(bin.answer)) {
        None => " ".to_owned(),
        Some((Mark::Stay, _)) => paint(QUIET, if screen.ascii { "." } else { "·" }),
        Some((mark, style)) => paint(style, screen.icon(mark)),
    };
    columns.iter().map(column).collect()
}

/// One character per value between the smallest and the largest, and behind it the first and the worst value.
#[must_use]
pub fn sparkline(values: &[Option<f64>], line: &Line, screen: Screen) -> String {
    let known = || values.iter().flatten().copied();
    let (lo, hi) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    let heights = screen.heights();
    let bar = |value: &Option<f64>| match value {
        None => ' ',
        Some(value) if hi > lo => heights[(((value - lo) / (hi - lo) * 7.0).round() as usize).min(7)],
        // A flat line: good is high for a score, low for errors.
        Some(_) => heights[if line.better == Better::Higher { 7 } else { 0 }],
    };
    let bars: String = values.iter().map(bar).collect();
    let Some(first) = known().next() else { return format!("{bars}  no data") };
    let worst = known().fold(first, |worst, value| line.better.worse(worst, value));
    let range = if (worst - first).abs() < f64::EPSILON {
        brief(line.unit, first)
    } else {
        format!("{} {} {}", brief(line.unit, first), screen.arrow(), brief(line.unit, worst))
    };
    format!("{bars}  {range}")
}

/// A value with three digits at most, for where room is scarce.
fn brief(unit: Unit, value: f64) -> String {
    let digits = if value.abs() >= 1.0 { 3 - value.abs().log10().floor().clamp(0.0, 3.0) as i32 - 1 } else { 3 };
    let scale = 10_f64.powi(digits.max(1));
    unit.show((value * scale).round() / scale).to_string()
}

#[cfg(test)]
mod tests;
