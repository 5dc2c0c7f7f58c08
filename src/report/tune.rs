//! The screens of `tune`: a table of values, a small plot, and what the evidence supports in words.

use serde::Serialize;

use crate::model::ids::{CheckId, Environment};
use crate::model::time::Duration;
use crate::review::sweep::{Outcome, Point};

use super::layout::{columns, count, hang, pad, wrap};
use super::screen::{ATTENTION, BAD, GOOD, Mark, PLACE, QUIET, STRONG, Screen, paint};

pub mod drawing;
mod plot;
mod words;

/// A sweep with everything around it.
#[derive(Debug, Clone, Serialize)]
pub struct Tuned {
    /// Which check.
    pub check: CheckId,
    /// The scripts that ask about it: they decide through it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked_by: Vec<CheckId>,
    /// Which of its keys.
    pub key: String,
    /// The value in force; none when the key is not set.
    pub current: Option<String>,
    /// The policy, as the user named it.
    pub policy: String,
    /// The environments of the recordings.
    pub environments: Vec<Environment>,
    /// Labelled recordings of bad releases, of good ones, and recordings without a label.
    pub recordings: Recordings,
    /// A rolled back rollout starts again after so much calm.
    pub rearm: Option<Duration>,
    /// Every value.
    pub values: Vec<Point>,
    /// What the values support, in sentences.
    pub says: Vec<String>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// How many recordings of which kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Recordings {
    /// Of bad releases.
    pub bad: usize,
    /// Incidents in them.
    pub incidents: usize,
    /// Of good releases.
    pub good: usize,
    /// Nobody said.
    pub unlabelled: usize,
}

impl Tuned {
    /// With its sentences.
    #[must_use]
    pub fn new(mut self) -> Tuned {
        self.says = words::says(&self);
        self
    }

    fn head(&self) -> String {
        let ends = (self.values.first(), self.values.last());
        let (from, to) = match ends {
            (Some(first), Some(last)) => (first.value.as_str(), last.value.as_str()),
            _ => ("", ""),
        };
        format!("{}: {} {from} to {to}", self.check, self.key)
    }

    fn evidence(&self) -> String {
        let Recordings { bad, incidents, good, unlabelled } = self.recordings;
        let in_recordings = match (incidents, bad) {
            (0, _) => "no bad release".to_owned(),
            (incidents, bad) => format!("{} in {}", count(incidents, "incident"), count(bad, "bad release")),
        };
        let mut text = format!("{in_recordings}, {}", count(good, "good release"));
        if unlabelled > 0 {
            text.push_str(&format!(", {} without a label", count(unlabelled, "recording")));
        }
        text
    }
}

/// For people.
#[must_use]
pub fn pretty(tuned: &Tuned, screen: Screen) -> String {
    let mut text = format!("{}\n", paint(STRONG, tuned.head()));
    text.push_str(&format!("{}\n\n", paint(QUIET, tuned.evidence())));
    text.push_str(&table(tuned, screen));
    text.push_str(&legend(tuned, screen));
    text.push_str(&plot::plot(tuned, screen));
    text.push('\n');
    for sentence in &tuned.says {
        text.push_str(&format!("{}\n", hang(&format!("{} {sentence}", screen.arrow()), screen.width, 2)));
    }
    for note in &tuned.notes {
        let line = hang(&format!("note: {note}"), screen.width, 2);
        text.push_str(&format!("{}\n", paint(QUIET, line)));
    }
    text
}

const HEADS: [&str; 7] = ["", "caught", "stopped", "false alarms", "median", "worst", "decided"];

/// What the heads of the columns mean.
fn legend(tuned: &Tuned, screen: Screen) -> String {
    let mut lines = vec![
        "stopped: good releases that were rolled back".to_owned(),
        "false alarms: roll backs outside of any incident, on any release".to_owned(),
        "median, worst: how long caught incidents went on before the roll back".to_owned(),
        format!("decided: roll backs that {} itself decided", tuned.check),
    ];
    if tuned.recordings.unlabelled > 0 {
        lines.push("unlabelled: roll backs on recordings of which nobody said what was right".to_owned());
    }
    let line = |text: &String| format!("  {}\n", paint(QUIET, hang(text, screen.width.saturating_sub(2), 4)));
    format!("\n{}", lines.iter().map(line).collect::<String>())
}

/// Neighbours on the grid that are refused in the same words, told once.
fn folded(points: &[Point]) -> Vec<&[Point]> {
    let runs = points.chunk_by(|one, next| one.refused.is_some() && one.refused == next.refused);
    runs.collect()
}

/// `100%`, `100% to 120%`.
fn span(points: &[Point]) -> String {
    match points {
        [first, .., last] => format!("{} to {}", first.value, last.value),
        [only] => only.value.clone(),
        [] => String::new(),
    }
}

fn table(tuned: &Tuned, screen: Screen) -> String {
    let unlabelled = tuned.recordings.unlabelled > 0;
    let cells = |point: &Point| -> Vec<String> {
        let Some(outcome) = &point.outcome else { return Vec::new() };
        let tally = &outcome.tally;
        let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
        let mut cells = vec![
            format!("{} of {}", tally.caught, tally.incidents),
            format!("{} of {}", tally.stopped, tally.good),
            outcome.false_alarms.to_string(),
            time(tally.median_to_stop),
            time(outcome.worst_to_stop),
            outcome.decided.to_string(),
        ];
        if unlabelled {
            cells.push(outcome.unlabelled.to_string());
        }
        cells
    };
    let mut heads: Vec<String> = HEADS.iter().map(|head| (*head).to_owned()).collect();
    if let Some(first) = heads.first_mut() {
        tuned.key.clone_into(first);
    }
    if unlabelled {
        heads.push("unlabelled".to_owned());
    }
    let runs = folded(&tuned.values);
    let row = |run: &&[Point]| std::iter::once(span(run)).chain(run.first().map(cells).unwrap_or_default()).collect();
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    let width = |column: usize| {
        let all = std::iter::once(&heads).chain(&rows).filter_map(|row| row.get(column));
        all.map(|cell| columns(cell)).max().unwrap_or(0)
    };
    let line = |row: &[String]| {
        let each = row.iter().enumerate().map(|(column, cell)| pad(cell, width(column)));
        each.collect::<Vec<_>>().join("  ")
    };
    let mut text = format!("  {}\n", paint(QUIET, line(&heads).trim_end()));
    for (run, row) in runs.iter().zip(&rows) {
        let Some(point) = run.first() else { continue };
        let mark = if run.iter().any(|point| point.current) {
            paint(PLACE, if screen.ascii { ">" } else { "▸" })
        } else {
            " ".to_owned()
        };
        match (&point.outcome, &point.refused) {
            (Some(outcome), _) => {
                let mut tail = String::new();
                if point.current {
                    tail.push_str(&format!("  {}", paint(PLACE, "in force")));
                }
                if !point.warns.is_empty() {
                    tail.push_str(&format!("  {}", paint(ATTENTION, format!("! {}", point.warns.join(" ")))));
                }
                let row = line(row);
                let row = if tail.is_empty() { row.trim_end().to_owned() } else { row };
                text.push_str(&format!("{mark} {}{tail}\n", painted(&row, outcome)));
            }
            (None, why) => {
                let why = why.as_deref().unwrap_or("does not compile");
                let value = format!("{}  {}", pad(&span(run), width(0)), screen.icon(Mark::Bad));
                let indent = columns(&value) + 3;
                let lines = wrap(why, screen.width.saturating_sub(indent).max(20));
                let words = format!("{value} {}", lines.join(&format!("\n{}", " ".repeat(indent))));
                text.push_str(&format!("{mark} {}\n", paint(BAD, words)));
            }
        }
    }
    text
}

/// A row that stops nobody and misses nothing stands out.
fn painted(row: &str, outcome: &Outcome) -> String {
    let tally = &outcome.tally;
    let perfect = tally.caught == tally.incidents && tally.stopped == 0 && outcome.false_alarms == 0;
    if perfect && tally.incidents > 0 { paint(GOOD, row) } else { row.to_owned() }
}

/// One fact per line.
#[must_use]
pub fn plain(tuned: &Tuned) -> String {
    let mut text = format!("tune {}; {}\n", tuned.head(), tuned.evidence());
    for point in &tuned.values {
        let force = if point.current { "; in force" } else { "" };
        let Some(outcome) = &point.outcome else {
            let why = point.refused.as_deref().unwrap_or("");
            text.push_str(&format!("{} {}: does not compile: {why}{force}\n", tuned.key, point.value));
            continue;
        };
        let tally = &outcome.tally;
        let time = |time: Option<Duration>| time.map_or_else(|| "none".to_owned(), |time| time.to_string());
        text.push_str(&format!(
            "{} {}: caught {} of {}; stopped {} of {}; {}; median to stop {}; worst {}; decided by it {}",
            tuned.key,
            point.value,
            tally.caught,
            tally.incidents,
            tally.stopped,
            tally.good,
            count(outcome.false_alarms, "false alarm"),
            time(tally.median_to_stop),
            time(outcome.worst_to_stop),
            outcome.decided,
        ));
        if tuned.recordings.unlabelled > 0 {
            text.push_str(&format!("; unlabelled roll backs {}", outcome.unlabelled));
        }
        if !point.warns.is_empty() {
            text.push_str(&format!("; warns {}", point.warns.join(" ")));
        }
        text.push_str(force);
        text.push('\n');
    }
    for sentence in &tuned.says {
        text.push_str(&format!("says: {sentence}\n"));
    }
    for note in &tuned.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text
}
