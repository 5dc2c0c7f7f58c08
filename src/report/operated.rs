//! What came of a command: what moved, what is now so, and where it is recorded.

use serde::Serialize;

use crate::control::{Ask, Command, Outcome};
use crate::ledger::hash::Key;
use crate::model::ids::{Generation, StageName};
use crate::model::operator::Verb;
use crate::model::plan::Plan;
use crate::model::state::RolloutState;
use crate::ports::store::{Exposed, Exposure};

use super::audit::sentence;
use super::layout::{columns, count, hang, pad};
use super::screen::{ATTENTION, BAD, GOOD, Mark, PLACE, QUIET, STRONG, Screen, paint};
use super::status::percent;

/// For people.
#[must_use]
pub fn pretty(outcome: &Outcome, command: &Command, screen: Screen) -> String {
    let mut text = match &outcome.refused {
        Some(why) => refused(outcome, command, why, screen),
        None => done(outcome, command, screen),
    };
    for note in &outcome.notes {
        text.push_str(&format!("{} {}\n", paint(ATTENTION, "note:"), hang(note, screen.width, 6)));
    }
    text
}

fn refused(outcome: &Outcome, command: &Command, why: &str, screen: Screen) -> String {
    let would = if outcome.dry_run { "would be refused" } else { "refused" };
    let icon = paint(BAD, screen.icon(Mark::Bad));
    let title = format!("{} {would} for {}", command.verb(), outcome.key);
    let mut text = format!("{icon} {}\n  {}\n", paint(STRONG, title), hang(why, screen.width, 2));
    for wait in outcome.waits.iter().filter(|wait| *wait != why) {
        text.push_str(&format!("  {} {}\n", paint(QUIET, "also:"), hang(wait, screen.width, 8)));
    }
    text.push_str(&recorded(outcome, command, screen));
    text
}

fn done(outcome: &Outcome, command: &Command, screen: Screen) -> String {
    if outcome.entries.is_empty() {
        return format!("{}: nothing changed\n", paint(STRONG, &outcome.key));
    }
    let (icon, style) = match command.takes_back() {
        true => (screen.icon(Mark::Down), BAD),
        false => (screen.icon(Mark::Good), GOOD),
    };
    let mut text = format!("{} {}\n", paint(style, icon), paint(STRONG, headline(outcome, command, screen)));
    if let Some(plan) = &outcome.plan {
        text.push_str(&moved(outcome, plan, screen));
    } else {
        for entry in &outcome.entries {
            text.push_str(&format!("  {}\n", hang(&sentence(&entry.record().what), screen.width, 2)));
        }
    }
    text.push_str(&recorded(outcome, command, screen));
    text
}

/// `request-isolation (production): canary -> off, ROLLED BACK`.
fn headline(outcome: &Outcome, command: &Command, screen: Screen) -> String {
    let (before, after) = (&outcome.before.stage, &outcome.after.stage);
    let way = match before == after || before.as_str().is_empty() {
        true => format!("in {after}"),
        false => format!("{before} {} {after}", screen.arrow()),
    };
    let word = match (command.takes_back(), outcome.dry_run, &outcome.applied) {
        (true, true, _) => ", would be rolled back".to_owned(),
        (true, false, Some(Ok(_))) => ", ROLLED BACK".to_owned(),
        (true, false, Some(Err(_))) => ", ROLL BACK FAILED".to_owned(),
        (true, false, None) => ", ROLLING BACK".to_owned(),
        (false, true, _) => format!(", would be {}", past(command)),
        (false, false, _) => format!(", {}", past(command)),
    };
    format!("{}: {way}{word}", outcome.key)
}

/// What was done, in one word.
const fn past(command: &Command) -> &'static str {
    match &command.ask {
        Ask::Start { .. } => "started",
        Ask::Adopt { .. } => "policy adopted",
        Ask::Order(verb) => match verb {
            Verb::Start { .. } => "started",
            Verb::Advance => "advanced",
            Verb::Hold { .. } => "held",
            Verb::Pause => "paused",
            Verb::Resume => "resumed",
            Verb::Approve { .. } => "approved",
            Verb::RollBack { .. } | Verb::Emergency => "rolled back",
            Verb::Mute { .. } => "muted",
            Verb::Unmute { .. } => "unmuted",
        },
    }
}

/// Each feature that moves, from where to where.
fn moved(outcome: &Outcome, plan: &Plan, screen: Screen) -> String {
    let now = crate::control::exposure::exposed(plan);
    let name = |exposure: &Exposure| match &exposure.region {
        Some(region) => format!("{} in {region}", exposure.feature),
        None => exposure.feature.to_string(),
    };
    let was = |exposure: &Exposure| before(&outcome.was, exposure).map_or_else(|| "0 %".to_owned(), share);
    let (stay, go): (Vec<&Exposure>, Vec<&Exposure>) =
        now.exposures.iter().partition(|exposure| was(exposure) == share(exposure));
    let widest = go.iter().map(|exposure| columns(&name(exposure))).max().unwrap_or(0);
    let mut text = String::new();
    for exposure in go {
        let way = format!("{} {} {}", was(exposure), screen.arrow(), share(exposure));
        text.push_str(&format!("  {}  {way}\n", paint(PLACE, pad(&name(exposure), widest))));
    }
    if let Some(first) = stay.first() {
        let same = stay.iter().all(|exposure| share(exposure) == share(first));
        let at = if same { format!(" at {}", share(first)) } else { " as they are".to_owned() };
        let verb = if stay.len() == 1 { "stays" } else { "stay" };
        text.push_str(&format!("  {} {verb}{at}\n", count(stay.len(), "feature")));
    }
    let generation = plan.generation;
    text.push_str(&match (&outcome.applied, outcome.dry_run) {
        (_, true) => format!("  generation {generation}\n"),
        (Some(Ok(_)), _) => format!("  generation {generation}, applied\n"),
        (Some(Err(why)), _) => {
            let text = format!("generation {generation} is recorded and NOT applied: {why}");
            format!("  {}\n", paint(BAD, hang(&text, screen.width, 2)))
        }
        (None, _) => format!("  generation {generation}, not applied yet\n"),
    });
    text
}

/// What the same feature had before, in that region or everywhere.
fn before<'a>(was: &'a Exposed, now: &Exposure) -> Option<&'a Exposure> {
    let same = |exposure: &&Exposure| exposure.feature == now.feature;
    was.exposures.iter().filter(same).find(|exposure| exposure.region == now.region).or_else(|| {
        was.exposures.iter().filter(same).find(|exposure| exposure.region.is_none() || now.region.is_none())
    })
}

fn share(exposure: &Exposure) -> String {
    let audience =
        if exposure.audience.is_empty() { String::new() } else { format!(" and {}", exposure.audience.join(", ")) };
    format!("{} %{audience}", percent(exposure.traffic))
}

fn recorded(outcome: &Outcome, command: &Command, screen: Screen) -> String {
    let by = format!("by {}: {}", command.actor, command.reason);
    let (Some(first), Some(last)) = (outcome.entries.first(), outcome.entries.last()) else { return String::new() };
    let text = match (outcome.dry_run, first.record().seq, last.record().seq) {
        (true, ..) => format!("dry run: nothing was written, {by}"),
        (false, first, last) if first == last => format!("recorded as entry {first}, {by}"),
        (false, first, last) => format!("recorded as entries {first} to {last}, {by}"),
    };
    format!("  {}\n", paint(QUIET, hang(&text, screen.width, 2)))
}

/// One fact per line.
#[must_use]
pub fn plain(outcome: &Outcome, command: &Command) -> String {
    let key = format!("{} {}", outcome.key.rollout, outcome.key.environment);
    let mut text = match &outcome.refused {
        Some(why) => format!("{key}: {} refused: {why}\n", command.verb()),
        None => String::new(),
    };
    for wait in &outcome.waits {
        text.push_str(&format!("{key}: waits: {wait}\n"));
    }
    for entry in &outcome.entries {
        let dry = if outcome.dry_run { "would be " } else { "" };
        text.push_str(&format!("{key}: {dry}entry {}: {}\n", entry.record().seq, sentence(&entry.record().what)));
    }
    for line in outcome.applied.iter().flatten().flatten() {
        text.push_str(&format!("{key}: applied: {line}\n"));
    }
    for note in &outcome.notes {
        text.push_str(&format!("{key}: note: {note}\n"));
    }
    text
}

/// For programs.
#[derive(Debug, Serialize)]
pub struct Operated<'a> {
    #[serde(flatten)]
    key: &'a Key,
    verb: &'a str,
    dry_run: bool,
    refused: Option<&'a str>,
    waits: &'a [String],
    from: &'a StageName,
    to: &'a StageName,
    generation: Generation,
    applied: bool,
    apply_error: Option<&'a str>,
    plan: Option<&'a Plan>,
    state: &'a RolloutState,
    entries: Vec<serde_json::Value>,
    notes: &'a [String],
}

impl<'a> Operated<'a> {
    /// Of an outcome.
    #[must_use]
    pub fn new(outcome: &'a Outcome, command: &'a Command) -> Operated<'a> {
        let entries = outcome.entries.iter().filter_map(|entry| serde_json::from_str(entry.line()).ok());
        Operated {
            key: &outcome.key,
            verb: command.verb(),
            dry_run: outcome.dry_run,
            refused: outcome.refused.as_deref(),
            waits: &outcome.waits,
            from: &outcome.before.stage,
            to: &outcome.after.stage,
            generation: outcome.after.generation,
            applied: matches!(outcome.applied, Some(Ok(_))),
            apply_error: outcome.applied.as_ref().and_then(|applied| applied.as_ref().err()).map(String::as_str),
            plan: outcome.plan.as_ref(),
            state: &outcome.after,
            entries: entries.collect(),
            notes: &outcome.notes,
        }
    }
}
