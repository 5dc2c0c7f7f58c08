//! What `record` kept, and whether a replay of it decides what was decided.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::fixture::record::agree::Agreement;
use crate::model::time::{Duration, Time};

use super::layout::{count, hang, pad};
use super::screen::{ATTENTION, GOOD, Mark, PLACE, QUIET, Screen, paint};

/// What was kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recorded {
    /// The fixture's directory.
    pub path: String,
    /// Its beginning.
    pub from: Time,
    /// Its end.
    pub until: Time,
    /// The stage it begins in.
    pub stage: String,
    /// Good time served by then.
    pub bake: Duration,
    /// Orders in it.
    pub orders: usize,
    /// Snapshots in it.
    pub snapshots: u64,
    /// Readings in them.
    pub readings: u64,
    /// What was left out: metric, and how many readings.
    pub left_out: BTreeMap<String, u64>,
    /// Worth knowing.
    pub notes: Vec<String>,
    /// How a replay compares with the ledger; none where another policy judged it.
    pub replay: Option<Agreement>,
}

const LABELS: usize = 10;

/// For a terminal.
#[must_use]
pub fn pretty(recorded: &Recorded, screen: Screen) -> String {
    let mut text = format!("{} {}\n", paint(GOOD, format!("{} recorded", screen.icon(Mark::Good))), recorded.path);
    let mut line = |label: &str, words: &str| {
        text.push_str(&format!("  {}{}\n", paint(QUIET, pad(label, LABELS)), hang(words, screen.width, LABELS + 2)));
    };
    for (label, words) in facts(recorded) {
        line(label, &words);
    }
    match &recorded.replay {
        None => {}
        Some(Agreement { same, moves, differs: None }) => {
            line("replay", &format!("decides the same: {}, {}", count(*same, "change"), count(*moves, "move")));
        }
        Some(Agreement { same, differs: Some((ledger, replay)), .. }) => line(
            "replay",
            &format!(
                "{} after {}: the ledger says {ledger}, a replay {replay}",
                paint(ATTENTION, "differs"),
                count(*same, "change")
            ),
        ),
    }
    for note in &recorded.notes {
        line("note", note);
    }
    text.push_str(&format!(
        "next: {}, and say in expect.toml what must come of it\n",
        paint(PLACE, format!("rollgate test {} --bless", recorded.path))
    ));
    text
}

/// One fact per line.
#[must_use]
pub fn plain(recorded: &Recorded) -> String {
    let mut lines = vec![format!("recorded: {}", recorded.path)];
    lines.extend(facts(recorded).into_iter().map(|(label, words)| format!("{label}: {words}")));
    if let Some(agreement) = &recorded.replay {
        lines.push(match &agreement.differs {
            None => format!("replay: the same {} changes", agreement.same),
            Some((ledger, replay)) => {
                format!("replay: differs after {} changes, ledger {ledger}, replay {replay}", agreement.same)
            }
        });
    }
    lines.extend(recorded.notes.iter().map(|note| format!("note: {note}")));
    lines.join("\n") + "\n"
}

fn facts(recorded: &Recorded) -> Vec<(&'static str, String)> {
    let begins = match (recorded.stage.as_str(), recorded.bake) {
        ("", _) => String::new(),
        (stage, bake) if bake.is_zero() => format!(", from {stage}"),
        (stage, bake) => format!(", from {stage} with {bake} of bake served"),
    };
    let mut facts = vec![
        ("time", format!("{} to {}{begins}", recorded.from, recorded.until)),
        ("readings", {
            let snapshots = count(usize::try_from(recorded.snapshots).unwrap_or(usize::MAX), "snapshot");
            format!("{} in {snapshots}", recorded.readings)
        }),
    ];
    if recorded.orders > 0 {
        facts.push(("orders", recorded.orders.to_string()));
    }
    if !recorded.left_out.is_empty() {
        let left: Vec<String> = recorded.left_out.iter().map(|(metric, n)| format!("{metric} ({n})")).collect();
        facts.push(("left out", format!("{}: the policy does not ask for them", left.join(", "))));
    }
    facts
}
