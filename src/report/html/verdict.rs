//! What happened, in one sentence that is enough on its own.

use crate::model::decision::Answer;
use crate::report::replay::{Deciding, Replayed, Summary};
use crate::report::svg::clock::lasted;
use crate::report::times::Times;

/// The sentence, in parts.
pub(super) struct Verdict {
    /// Its class of the style.
    pub(super) class: &'static str,
    /// Its shape.
    pub(super) icon: &'static str,
    /// `Rolled back from staged (50%) to off`.
    pub(super) word: String,
    /// `Tue 2026-11-10 10:20:00 UTC`; empty when there is no one moment.
    pub(super) when: String,
    /// Why.
    pub(super) because: String,
    /// `value`, `94.9%`: what it was measured against.
    pub(super) measures: Vec<(&'static str, String)>,
}

/// Of a whole replay: the last roll back when there is one, else how it ends.
pub(super) fn of_replay(replayed: &Replayed, times: &Times) -> Verdict {
    let acted = replayed.roll_backs.iter().rev().find(|deciding| !deciding.would);
    // A roll back after which the rollout began anew is history.
    let stands = replayed.summary.latched || acted.is_some_and(|deciding| deciding.region.is_some());
    match (acted.filter(|_| stands), replayed.roll_backs.last()) {
        (Some(deciding), _) => rolled_back(deciding, replayed, times),
        (None, Some(deciding)) if deciding.would => rolled_back(deciding, replayed, times),
        _ => how_it_ends(&replayed.summary),
    }
}

fn rolled_back(deciding: &Deciding, replayed: &Replayed, times: &Times) -> Verdict {
    let verb = if deciding.would { "Would have rolled back" } else { "Rolled back" };
    let share = |stage: &str| {
        let traffic = replayed.rows.iter().find(|row| row.stage.as_str() == stage && row.traffic > 0.0);
        traffic.map_or_else(|| stage.to_owned(), |row| format!("{stage} ({}%)", row.traffic))
    };
    let word = match &deciding.region {
        Some(region) => format!("{verb} {region}; the other regions stay in {}", share(deciding.from.as_str())),
        None => format!("{verb} from {} to {}", share(deciding.from.as_str()), deciding.to),
    };
    let mut because = deciding.because.clone();
    if let Some(first) = &replayed.first_breach
        && deciding.time > first.time
    {
        because.push_str(&format!(", {} after the first breach", lasted(deciding.time.since(first.time))));
    }
    let measures = [
        ("value", deciding.value.clone()),
        ("bound", deciding.bound.clone()),
        ("margin", deciding.margin.clone()),
        ("check", deciding.check.as_ref().map(ToString::to_string)),
        ("written in", deciding.origin.as_ref().map(ToString::to_string)),
    ];
    Verdict {
        class: "back",
        icon: "▼",
        word,
        when: times.full(deciding.time),
        because,
        measures: measures.into_iter().filter_map(|(word, value)| Some((word, value?))).collect(),
    }
}

fn how_it_ends(summary: &Summary) -> Verdict {
    let stage = match summary.traffic {
        traffic if traffic > 0.0 => format!("{} ({traffic}%)", summary.stage),
        _ => summary.stage.clone(),
    };
    let (class, icon, word) = match summary.ends_in {
        None => ("blind", "?", "Nothing was decided".to_owned()),
        Some(Answer::RollBack) => ("back", "▼", format!("Rolls back from {stage}")),
        Some(_) if summary.arrived => ("go", "✔", format!("Arrived in {stage}")),
        Some(Answer::Advance) => ("go", "▲", format!("Advances to {stage}")),
        Some(Answer::Hold) if summary.ends_unknown => ("blind", "?", format!("Holds in {stage}: it cannot be told")),
        Some(Answer::Hold) => ("stay", "■", format!("Holds in {stage}")),
    };
    let mut because = summary.because.clone();
    if summary.arrived {
        let back = if summary.roll_backs == 0 {
            "no roll back".to_owned()
        } else {
            format!("{} roll backs", summary.roll_backs)
        };
        because = format!("{because}: {} advances, {back}", summary.advances);
    }
    Verdict { class, icon, word, when: String::new(), because, measures: Vec::new() }
}
