//! A replay for a person at a terminal.

use crate::model::time::Time;
use crate::report::layout::{columns, count, hang, pad, thousands, wrap};
use crate::report::screen::{Mark, PLACE, QUIET, STRONG, Screen, of_answer, of_severity, paint};
use crate::report::times::Times;

use super::{Deciding, Head, Replayed, Row};

/// Columns for the words in front of the head's and the end's lines.
const LABELS: usize = 14;

/// The whole screen.
#[must_use]
pub fn pretty(replayed: &Replayed, screen: Screen, times: &Times) -> String {
    let mut text = head(&replayed.head, screen);
    if let Some(bands) =
        replayed.bands.as_ref().map(|bands| bands.draw(screen, times)).filter(|bands| !bands.is_empty())
    {
        text.push('\n');
        for line in bands {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text.push('\n');
    text.push_str(&table(replayed, screen, times));
    text.push('\n');
    text.push_str(&end(replayed, screen, times));
    text
}

fn head(head: &Head, screen: Screen) -> String {
    let shadow = if head.shadow { ", shadow: nothing is acted on" } else { "" };
    let mut text = format!(
        "{}  policy {} ({}){shadow}\n",
        paint(STRONG, &head.rollout),
        paint(PLACE, &head.policy),
        head.environment
    );
    let mut lines: Vec<(&str, String)> = vec![("data", head.data.join(", ")), ("", head.extent.clone())];
    if !head.changed.is_empty() {
        lines.push(("changed", head.changed.join("; ")));
    }
    if !head.assumed.is_empty() {
        lines.push(("assumed", head.assumed.join("; ")));
    }
    for note in &head.notes {
        lines.push(("note", note.clone()));
    }
    for (label, line) in lines {
        text.push_str(&labelled(label, &line, screen));
    }
    text
}

fn labelled(label: &str, line: &str, screen: Screen) -> String {
    format!("{}{}\n", paint(QUIET, pad(label, LABELS)), hang(line, screen.width, LABELS))
}

fn table(replayed: &Replayed, screen: Screen, times: &Times) -> String {
    let stages: Vec<String> = replayed.rows.iter().map(stage).collect();
    let longest = |words: &mut dyn Iterator<Item = usize>, least: usize| words.fold(least, usize::max);
    let when = longest(&mut replayed.rows.iter().map(|row| columns(&times.row(row.time))), 4) + 2;
    let stage_width = longest(&mut stages.iter().map(|text| columns(text)), 5) + 2;
    let answer_width = longest(&mut replayed.rows.iter().map(|row| columns(&row.shout()) + 2), 8) + 2;
    let room = screen.width.saturating_sub(when + stage_width + 5 + answer_width).max(24);
    let titles = ["when", "stage", "sev", "decision", "because"];
    let title: String =
        titles.iter().zip([when, stage_width, 5, answer_width, 0]).map(|(word, width)| pad(word, width)).collect();
    let mut text = format!("{}\n", paint(QUIET, title));
    let mut left_out = replayed.rows_left_out;
    for (row, stage) in replayed.rows.iter().zip(&stages) {
        let (mark, style) = of_answer(row.decision);
        let severity = row.severity.map_or_else(
            || paint(QUIET, pad("-", 5)),
            |severity| format!("{}{}", paint(of_severity(severity), severity), " ".repeat(3)),
        );
        let shout = paint(style, pad(&format!("{} {}", screen.icon(mark), row.shout()), answer_width));
        let because = match &row.check {
            Some(check) if !row.because.contains(check.as_str()) => format!("{} [{check}]", row.because),
            _ => row.because.clone(),
        };
        let mut lines = wrap(&because, room).into_iter();
        let first = lines.next().unwrap_or_default();
        let front = format!("{}{}{severity}{shout}", pad(&times.row(row.time), when), pad(stage, stage_width));
        text.push_str(&format!("{front}{first}\n"));
        for line in lines {
            text.push_str(&format!("{}{line}\n", " ".repeat(when + stage_width + 5 + answer_width)));
        }
        if left_out > 0 && row == replayed.rows.get(replayed.rows.len() / 2).unwrap_or(row) {
            text.push_str(&paint(
                QUIET,
                format!("  ({} not shown; --output jsonl has them all)\n", count(left_out, "row")),
            ));
            left_out = 0;
        }
    }
    text
}

fn stage(row: &Row) -> String {
    if row.traffic > 0.0 { format!("{} {}%", row.stage, row.traffic) } else { row.stage.to_string() }
}

fn end(replayed: &Replayed, screen: Screen, times: &Times) -> String {
    let mut text = String::new();
    if let Some(first) = &replayed.first_breach {
        let check = first.check.as_ref().map_or("", |check| check.as_str());
        let severity = first.severity.map(|severity| format!("{severity} ")).unwrap_or_default();
        let line = format!("{}  {severity}{check}: {}", times.row(first.time), first.because);
        text.push_str(&labelled("first breach", &line, screen));
    }
    let since = replayed.first_breach.as_ref().map(|row| row.time);
    for deciding in replayed.roll_backs.iter().take(SHOWN_ROLL_BACKS) {
        text.push_str(&roll_back(deciding, since, screen, times));
    }
    if replayed.roll_backs.len() > SHOWN_ROLL_BACKS {
        let more = format!("and {} more", replayed.roll_backs.len() - SHOWN_ROLL_BACKS);
        text.push_str(&labelled("", &more, screen));
    }
    for line in &replayed.score {
        text.push_str(&labelled("label", line, screen));
    }
    text.push_str(&summary(replayed, screen));
    text
}

/// After so many, a reader wants the table instead.
const SHOWN_ROLL_BACKS: usize = 3;

fn roll_back(deciding: &Deciding, first_breach: Option<Time>, screen: Screen, times: &Times) -> String {
    let label = if deciding.would { "would go back" } else { "rolled back" };
    let arrow = screen.arrow();
    let way = match &deciding.region {
        Some(region) => format!("{region} {arrow} 0%, the others stay in {}", deciding.from),
        None => format!("{} {arrow} {}", deciding.from, deciding.to),
    };
    let mut line = format!("{}  {way}", times.row(deciding.time));
    match first_breach {
        Some(first) if deciding.time > first => {
            line.push_str(&format!(", {} after the first breach", deciding.time.since(first)));
        }
        Some(first) if deciding.time == first => line.push_str(", at the first breach"),
        _ => {}
    }
    let mut text = labelled(label, &line, screen);
    let mut facts = Vec::new();
    if let Some(check) = &deciding.check {
        facts.push(check.to_string());
    }
    for (word, fact) in [("value", &deciding.value), ("bound", &deciding.bound), ("margin", &deciding.margin)] {
        if let Some(fact) = fact {
            facts.push(format!("{word} {fact}"));
        }
    }
    match &deciding.origin {
        Some(origin) => facts.push(format!("({origin})")),
        None => facts.push(deciding.because.clone()),
    }
    text.push_str(&labelled("", &facts.join("  "), screen));
    if !deciding.also.is_empty() {
        let also: Vec<&str> = deciding.also.iter().map(|check| check.as_str()).collect();
        text.push_str(&labelled("", &format!("also firing: {}", also.join(", ")), screen));
    }
    text
}

fn summary(replayed: &Replayed, screen: Screen) -> String {
    let summary = &replayed.summary;
    let mut acts = vec![count_of(summary.advances, "advance"), count_of(summary.roll_backs, "roll back")];
    if summary.would_roll_back > 0 {
        acts.push(count_of(summary.would_roll_back, "would-be roll back"));
    }
    if summary.unknown > 0 {
        acts.push(format!("{} with something unknown", count_of(summary.unknown, "evaluation")));
    }
    let numbers = format!(
        "{}, {}: {}",
        count_of(summary.snapshots, "snapshot"),
        count_of(summary.evaluations, "evaluation"),
        acts.join(", ")
    );
    let mut text = labelled("counted", &numbers, screen);
    let exposure = format!("{}%", summary.traffic);
    let (mark, style) = match (summary.latched, summary.ends_in) {
        (true, _) => (Mark::Down, of_answer(crate::model::decision::Answer::RollBack).1),
        (false, Some(answer)) => of_answer(answer),
        (false, None) => (Mark::Unknown, QUIET),
    };
    let word = match (summary.latched, summary.ends_in) {
        (true, _) => "ROLLED BACK",
        (false, Some(answer)) => answer.shout(),
        (false, None) => "NOTHING DECIDED",
    };
    let word = paint(style, format!("{} {word}", screen.icon(mark)));
    let place = format!("in stage {} at {exposure}: {}", summary.stage, summary.because);
    let indent = LABELS + columns(&word) + 1;
    let place = wrap(&place, screen.width.saturating_sub(indent).max(24)).join(&format!("\n{}", " ".repeat(LABELS)));
    text.push_str(&format!("{}{word} {place}\n", paint(QUIET, pad("ends", LABELS))));
    text
}

fn count_of(number: u64, word: &str) -> String {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    if number == usize::MAX { thousands(number) } else { count(number, word) }
}
