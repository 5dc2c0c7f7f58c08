//! Entries of a ledger: one sentence each, and one in full.

use crate::ledger::Entry;
use crate::ledger::entry::Change;
use crate::model::event::What;
use crate::model::ids::Region;
use crate::model::time::Time;

use super::layout::{columns, cut, hang, pad};
use super::screen::{BAD, GOOD, PLACE, QUIET, STRONG, Screen, paint};
use super::times::Times;

/// What happened, as a person would say it; who and why stand beside it.
#[must_use]
pub fn sentence(what: &What) -> String {
    let place = |region: &Region| match region.as_str() {
        "" => String::new(),
        name => format!(" in {name}"),
    };
    match what {
        What::Started { revision, stage, .. } => format!("started {revision} in {stage}"),
        What::StageEntered { from, to, generation, because } => {
            format!("advanced from {from} to {to} (generation {generation}): {because}")
        }
        What::Completed { because } => format!("complete: {because}"),
        What::RolledBack { from, to, generation, emergency, because, .. } => {
            let word = if *emergency { "EMERGENCY" } else { "ROLLED BACK" };
            format!("{word} from {from} to {to} (generation {generation}): {because}")
        }
        What::RegionRolledBack { region, stage, generation, because, .. } => {
            format!("ROLLED BACK {region} out of {stage} (generation {generation}): {because}")
        }
        What::WouldRollBack { because, .. } => format!("would roll back (only watching): {because}"),
        What::Applied { generation } => format!("generation {generation} is applied"),
        What::BaselineFrozen { baselines } => format!("froze {} comparison values", baselines.len()),
        What::FindingChanged { check, region, from, to, note } => {
            format!("{check}{}: {from} to {to}: {note}", place(region))
        }
        What::DecisionChanged { decision, because } => format!("decision: {}: {because}", decision.replace('_', " ")),
        What::PastMax { stage, max } => format!("longer in {stage} than {max}"),
        What::UnknownTooLong { metric, region, since } => format!("{metric}{} unknown since {since}", place(region)),
        What::Ordered { verb, until, .. } => {
            until.map_or_else(|| format!("{verb} ordered"), |until| format!("{verb} ordered until {until}"))
        }
        What::Refused { verb, why, .. } => format!("{verb} REFUSED: {why}"),
        What::Approved { role, .. } => format!("approved as {role}"),
        What::Muted { check, until, .. } => format!("muted {check} until {until}"),
        What::Unmuted { check, by: Some(_) } => format!("unmuted {check}"),
        What::Unmuted { check, by: None } => format!("the mute of {check} ended"),
        What::PolicyChanged { old: Some(old), new } => format!("policy {} replaces {}", new.short(), old.short()),
        What::PolicyChanged { old: None, new } => format!("policy {} in force", new.short()),
        What::PolicyRejected { digest, why } => format!("policy {} REJECTED: {why}", digest.short()),
        What::Heartbeat { bake } => format!("bake {bake} served"),
    }
}

/// The word for the kind of an event, as `--kind` takes it.
#[must_use]
pub fn kind(what: &What) -> String {
    let value = serde_json::to_value(what).unwrap_or_default();
    value.get("event").and_then(|event| event.as_str()).unwrap_or_default().to_owned()
}

/// Every kind there is.
pub const KINDS: &[&str] = &[
    "started",
    "stage-entered",
    "completed",
    "rolled-back",
    "region-rolled-back",
    "would-roll-back",
    "applied",
    "baseline-frozen",
    "finding-changed",
    "decision-changed",
    "past-max",
    "unknown-too-long",
    "ordered",
    "refused",
    "approved",
    "muted",
    "unmuted",
    "policy-changed",
    "policy-rejected",
    "heartbeat",
];

/// A person's words behind the sentence, unless the sentence has them already.
fn told(entry: &Entry) -> String {
    let (record, sentence) = (entry.record(), sentence(&entry.record().what));
    if record.reason.is_empty() || sentence.contains(&record.reason) {
        return sentence;
    }
    format!("{sentence} (\"{}\")", record.reason)
}

/// A table: place, time, who, what.
#[must_use]
pub fn list(entries: &[Entry], screen: Screen) -> String {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return String::new() };
    let times = Times::between(jiff::tz::TimeZone::UTC, first.record().at, last.record().at);
    let when = |entry: &Entry| times.row(entry.record().at);
    let widest = |of: &dyn Fn(&Entry) -> usize, least: usize| entries.iter().map(of).max().unwrap_or(0).max(least);
    let seq = widest(&|entry| entry.record().seq.to_string().len(), 3);
    let time = widest(&|entry| columns(&when(entry)), 4);
    let who = widest(&|entry| columns(entry.record().actor.as_str()).min(14), 3);
    let indent = seq + time + who + 6;
    let mut text = paint(QUIET, format!("{:>seq$}  {}  {}  WHAT", "SEQ", pad("TIME", time), pad("WHO", who))) + "\n";
    for entry in entries {
        let record = entry.record();
        let actor = pad(&cut(record.actor.as_str(), 14, screen.ellipsis()), who);
        let style = match record.what {
            What::RolledBack { .. } | What::RegionRolledBack { .. } | What::Refused { .. } => BAD,
            What::PolicyRejected { .. } => BAD,
            What::StageEntered { .. } | What::Completed { .. } => GOOD,
            What::Applied { .. } | What::Heartbeat { .. } => QUIET,
            _ => anstyle::Style::new(),
        };
        let what: Vec<String> =
            hang(&told(entry), screen.width, indent).lines().map(|line| paint(style, line.trim_start())).collect();
        let what = what.join(&format!("\n{}", " ".repeat(indent)));
        text.push_str(&format!("{:>seq$}  {}  {actor}  {what}\n", record.seq, pad(&when(entry), time)));
    }
    text
}

/// One line each.
#[must_use]
pub fn plain(entry: &Entry) -> String {
    let record = entry.record();
    let line = format!(
        "{} {} {} {} {}: {}",
        record.seq,
        record.at,
        record.rollout,
        record.environment,
        record.actor,
        told(entry)
    );
    line.replace('\n', " ")
}

/// One entry in full.
#[must_use]
pub fn full(entry: &Entry, screen: Screen) -> String {
    let record = entry.record();
    let when = Times::between(jiff::tz::TimeZone::UTC, record.at, record.at).full(record.at);
    let mut text = format!("{}  {}\n", paint(STRONG, format!("entry {}", record.seq)), when);
    let mut row = |name: &str, value: &str| {
        text.push_str(&format!("  {}  {}\n", paint(QUIET, pad(name, 8)), hang(value, screen.width, 12)));
    };
    row("rollout", &record.key().to_string());
    row("what", &sentence(&record.what));
    row("kind", &kind(&record.what));
    row("who", record.actor.as_str());
    if !record.reason.is_empty() {
        row("why", &record.reason);
    }
    if let Some(policy) = &record.policy {
        row("policy", policy.as_str());
    }
    row("hash", entry.hash().as_str());
    row("follows", record.prev.as_str());
    if !record.changed.is_empty() {
        text.push_str(&paint(QUIET, "  changed\n"));
        let widest = record.changed.keys().map(|name| columns(name)).max().unwrap_or(0);
        for (name, Change { old, new }) in &record.changed {
            let change = format!("{} {} {}", short(old), screen.arrow(), short(new));
            text.push_str(&format!(
                "    {}  {}\n",
                paint(PLACE, pad(name, widest)),
                hang(&change, screen.width, widest + 6)
            ));
        }
    }
    text
}

/// A JSON value as people read it: text without quotes, `none` for null.
fn short(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "none".to_owned(),
        serde_json::Value::String(text) if text.is_empty() => "none".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Object(fields) => {
            // A latch or a note is known by its words, a set of approvals or mutes by its names.
            let words = ["because", "reason"].iter().find_map(|name| fields.get(*name));
            match words.or_else(|| fields.get("note")) {
                Some(words) => short(words),
                None if fields.is_empty() => "none".to_owned(),
                None => fields.keys().cloned().collect::<Vec<_>>().join(", "),
            }
        }
        other => other.to_string(),
    }
}

/// Whether an entry passes the filters of `audit list`.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Not before.
    pub since: Option<Time>,
    /// Only theirs.
    pub actor: Option<String>,
    /// Only these kinds; all when empty.
    pub kinds: Vec<String>,
}

impl Filter {
    /// Whether `entry` is wanted.
    #[must_use]
    pub fn wants(&self, entry: &Entry) -> bool {
        let record = entry.record();
        self.since.is_none_or(|since| record.at >= since)
            && self.actor.as_ref().is_none_or(|actor| record.actor.as_str() == actor)
            && (self.kinds.is_empty() || self.kinds.contains(&kind(&record.what)))
    }
}
