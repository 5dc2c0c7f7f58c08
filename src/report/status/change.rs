//! One line per change: what `status --watch` prints where nothing can be drawn over, and what a wait says meanwhile.

use super::row::{Data, Row};
use super::{brief, percent, rough};
use crate::model::decision::{Decision, Verdict};
use crate::model::time::Time;

/// What makes a row worth telling again. Values and ages go on changing; a reason does so only when it is another one.
#[must_use]
pub fn signature(row: &Row) -> String {
    let standing = &row.standing;
    let worst = row.worst().map(|worst| (worst.severity, worst.fires()));
    let stale = match row.data() {
        Some(Data::None) => "none",
        Some(Data::Stale(_)) => "stale",
        Some(Data::Fresh(_)) => "fresh",
        None => "",
    };
    let decided = row.seen.as_ref().and_then(|seen| seen.decision.as_ref());
    // Where the ledger gives the reason, the reason itself does not move.
    let why = decided.map_or_else(String::new, |decision| reason(decision).to_string());
    let about: Vec<String> = row.troubles().into_iter().map(|trouble| trouble.about).collect();
    let leads = row.seen.as_ref().map(|seen| seen.leads);
    let policy = standing.policy.as_ref().map(|policy| policy.short().to_owned());
    format!(
        "{:?} {} {} {:?} {policy:?} {worst:?} {stale} {why} {about:?} {leads:?} {:?}",
        standing.phase, standing.stage, standing.generation, standing.revision, standing.policy_problem
    )
}

/// The first reason without its values: what kind it is, and which check or metric it is about.
fn reason(decision: &Decision) -> serde_json::Value {
    let first = match &decision.verdict {
        Verdict::Advance { because, .. } => serde_json::to_value(because.first()),
        Verdict::Hold { because } => serde_json::to_value(because.first()),
        Verdict::RollBack { because, .. } => serde_json::to_value(because.first()),
    };
    let first = first.unwrap_or_default();
    let named = ["reason", "check", "what", "metric", "region", "why"];
    named.iter().filter_map(|name| first.get(*name)).cloned().collect()
}

/// One line each.
#[must_use]
pub fn plain(row: &Row) -> String {
    let standing = &row.standing;
    format!(
        "{} {}: {} in {} at {}% for {}: {}",
        standing.key.rollout,
        standing.key.environment,
        standing.phase.shout().to_lowercase(),
        if standing.stage.as_str().is_empty() { "no stage" } else { standing.stage.as_str() },
        percent(standing.traffic),
        brief(standing.lasted),
        standing.why
    )
}

/// What a controller adds, one fact per line.
#[must_use]
pub fn facts(row: &Row) -> Vec<String> {
    let name = format!("{} {}", row.standing.key.rollout, row.standing.key.environment);
    let mut facts = Vec::new();
    facts.extend(row.worst().map(|worst| format!("{name}: severity: {} {}", worst.severity, worst.state)));
    facts.extend(row.data().map(|data| format!("{name}: data: {}", in_words(data))));
    facts.extend(
        super::table::follows(std::slice::from_ref(row)).map(|follows| format!("{name}: controller: {follows}")),
    );
    facts.extend(row.troubles().into_iter().map(|trouble| format!("{name}: {}: {}", trouble.about, trouble.what)));
    facts
}

/// All of it in one line, with the time.
#[must_use]
pub fn line(row: &Row, at: Time) -> String {
    let mut line = format!("{at} {}", plain(row));
    if let Some(worst) = row.worst() {
        line.push_str(&format!("; {} {}", worst.severity, worst.state));
    }
    if let Some(data @ (Data::Stale(_) | Data::None)) = row.data() {
        line.push_str(&format!("; data {}", in_words(data)));
    }
    for trouble in row.troubles() {
        line.push_str(&format!("; {}: {}", trouble.about, trouble.what));
    }
    line.replace('\n', " ")
}

fn in_words(data: Data) -> String {
    match data {
        Data::None => "none".to_owned(),
        Data::Fresh(age) => format!("{} old", rough(age)),
        Data::Stale(age) => format!("{} old, STALE", rough(age)),
    }
}
