//! What was played, with what, and what was taken for granted.

use super::ReplayPage;
use crate::report::layout::thousands;
use crate::report::svg::clock::lasted;

/// A word and its lines.
pub(super) struct Fact {
    pub(super) word: &'static str,
    pub(super) lines: Vec<String>,
}

/// A number and what it counts.
pub(super) struct Figure {
    pub(super) number: String,
    pub(super) word: &'static str,
}

/// The head's lines; nothing is said where there is nothing to say.
pub(super) fn facts(page: &ReplayPage<'_>) -> Vec<Fact> {
    let head = &page.replayed.head;
    let between = match (head.first, head.last) {
        (Some(first), Some(last)) => vec![format!("{} to {}", page.times.full(first), page.times.full(last))],
        _ => Vec::new(),
    };
    let policy = format!(
        "{} ({}){}",
        head.policy,
        head.environment,
        if head.shadow { ", in shadow: nothing is acted on" } else { "" }
    );
    let all = [
        ("policy", vec![policy]),
        ("data", head.data.clone()),
        ("from, to", between),
        ("changed", head.changed.clone()),
        ("assumed", head.assumed.clone()),
        ("label", page.replayed.score.clone()),
        ("note", head.notes.clone()),
    ];
    all.into_iter().filter(|(_, lines)| !lines.is_empty()).map(|(word, lines)| Fact { word, lines }).collect()
}

/// `110 snapshots every 1m, 09:00:00 to 10:49:00`.
pub(super) fn extent(page: &ReplayPage<'_>) -> String {
    let head = &page.replayed.head;
    let (Some(first), Some(last)) = (head.first, head.last) else { return head.extent.clone() };
    let snapshots = head.extent.split(", ").next().unwrap_or_default();
    let length = lasted(last.since(first));
    format!("{snapshots}, {} to {}, {length}", page.times.full(first), page.times.full(last))
}

/// The numbers at the end of a replay.
pub(super) fn figures(page: &ReplayPage<'_>) -> Vec<Figure> {
    let summary = &page.replayed.summary;
    let plural = |number: u64, one: &'static str, more: &'static str| if number == 1 { one } else { more };
    let all = [
        (summary.snapshots, plural(summary.snapshots, "snapshot", "snapshots"), true),
        (summary.evaluations, plural(summary.evaluations, "evaluation", "evaluations"), true),
        (summary.advances, plural(summary.advances, "advance", "advances"), true),
        (summary.roll_backs, plural(summary.roll_backs, "roll back", "roll backs"), true),
        (summary.would_roll_back, plural(summary.would_roll_back, "would-be roll back", "would-be roll backs"), false),
        (summary.unknown, plural(summary.unknown, "evaluation blind", "evaluations blind"), false),
    ];
    let shown = all.into_iter().filter(|(number, _, always)| *always || *number > 0);
    shown
        .map(|(number, word, _)| Figure { number: thousands(usize::try_from(number).unwrap_or(usize::MAX)), word })
        .collect()
}
