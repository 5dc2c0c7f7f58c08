//! A replay as sentences, one per line: for screen readers and `grep`. Times in full, nothing drawn.

use crate::report::layout::count;

use super::{Deciding, Replayed, Row};

/// The whole report.
#[must_use]
pub fn plain(replayed: &Replayed) -> String {
    let head = &replayed.head;
    let mut lines = vec![
        format!("rollout {}, policy {}, environment {}", head.rollout, head.policy, head.environment),
        format!("data: {}; {}", head.data.join(", "), head.extent),
    ];
    lines.extend(head.changed.iter().map(|change| format!("changed: {change}")));
    lines.extend(head.assumed.iter().map(|assumption| format!("assumed: {assumption}")));
    lines.extend(head.notes.iter().map(|note| format!("note: {note}")));
    if head.shadow {
        lines.push("shadow: nothing is acted on".to_owned());
    }
    lines.extend(replayed.rows.iter().map(row));
    if let Some(first) = &replayed.first_breach {
        lines.push(format!("first breach: {}", row(first)));
    }
    lines.extend(replayed.roll_backs.iter().map(deciding));
    lines.extend(replayed.score.iter().map(|line| format!("label: {line}")));
    let summary = &replayed.summary;
    let number = |number: u64, word: &str| count(usize::try_from(number).unwrap_or(usize::MAX), word);
    lines.push(format!(
        "{}, {}, {}, {}",
        number(summary.snapshots, "snapshot"),
        number(summary.evaluations, "evaluation"),
        number(summary.advances, "advance"),
        number(summary.roll_backs, "roll back")
    ));
    let latched = if summary.latched { "rolled back, " } else { "" };
    lines.push(format!("ends: {latched}stage {} at {}%: {}", summary.stage, summary.traffic, summary.because));
    lines.join("\n") + "\n"
}

fn row(row: &Row) -> String {
    let severity = row.severity.map(|severity| format!(", {severity}")).unwrap_or_default();
    let check = row.check.as_ref().map(|check| format!(", check {check}")).unwrap_or_default();
    let origin = row.origin.as_ref().map(|origin| format!(" at {origin}")).unwrap_or_default();
    let to = row.to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
    format!(
        "{}, stage {} at {}%: {}{to}{severity}, {}{check}{origin}",
        row.time,
        row.stage,
        row.traffic,
        row.shout().to_lowercase(),
        row.because
    )
}

fn deciding(deciding: &Deciding) -> String {
    let facts = [("value", &deciding.value), ("bound", &deciding.bound), ("margin", &deciding.margin)];
    let facts: String = facts.iter().filter_map(|(word, fact)| Some(format!(", {word} {}", fact.as_ref()?))).collect();
    let check = deciding.check.as_ref().map(|check| format!(" by check {check}")).unwrap_or_default();
    let done = if deciding.would { "would roll back" } else { "rolled back" };
    format!("{done} at {} from {} to {}{check}{facts}", deciding.time, deciding.from, deciding.to)
}
