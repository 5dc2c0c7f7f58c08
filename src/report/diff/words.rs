//! Sentences that every shape of the report shares.

use crate::fixture::run::RolledBack;
use crate::fixture::score::Quality;
use crate::model::decision::{Decision, Verdict};
use crate::model::finding::FindingState;
use crate::model::severity::Severity;
use crate::model::time::{Duration, Time};
use crate::review::change::{Change, Proof, Subject};
use crate::review::outcome::Review;
use crate::review::verdict::{Compared, Divergence, Side, Standing};

use super::super::advanced::advanced;
use super::super::layout::count;
use super::Totals;

/// `isolation_score.p0`, `stage canary`, `P1`.
pub(super) fn subject(change: &Change) -> String {
    match &change.subject {
        Subject::Stage(name) => format!("stage {name}"),
        Subject::Metric(name) => format!("metric {name}"),
        Subject::Severity(severity) => format!("severity {severity}"),
        Subject::Script(name) => format!("script {name}"),
        other => other.name(),
    }
}

/// The severity to say in front of a subject; a severity's own name says it.
pub(crate) fn severity(change: &Change) -> Option<Severity> {
    change.severity.filter(|_| !matches!(change.subject, Subject::Severity(_)))
}

/// `below 95% -> 94%`, `added: error_rate above 5%, rolls back`.
pub(super) fn edit(change: &Change, arrow: &str) -> String {
    let part = if change.part.is_empty() { String::new() } else { format!("{} ", change.part) };
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{part}{before} {arrow} {after}"),
        (None, Some(after)) => format!("{part}added: {after}"),
        (Some(before), None) => format!("{part}removed: {before}"),
        (None, None) => format!("{part}edited"),
    }
}

/// `only in staging`, where the edit is not in every environment that both sides have.
pub(super) fn environments(change: &Change, review: &Review) -> Option<String> {
    let both = review.old.digests.keys().filter(|name| review.new.digests.contains_key(name.as_str())).count();
    if change.environments.len() >= both {
        return None;
    }
    let names: Vec<String> = change.environments.iter().map(ToString::to_string).collect();
    Some(format!("only in {}", names.join(", ")))
}

/// What else there is to say about an edit: a reading that shows it, why, how it is known.
pub(super) fn remarks(change: &Change, review: &Review) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(example) = &change.counterexample {
        remarks.push(example.to_string());
    }
    if !change.words.is_empty() {
        remarks.push(change.words.clone());
    }
    if change.proof == Proof::Sampled && !change.words.contains("sampled") {
        remarks.push("sampled, not proved".to_owned());
    }
    remarks.extend(environments(change, review));
    remarks
}

/// `policies/x/policy.toml:44` in the new policy, else in the old one.
pub(super) fn place(change: &Change, review: &Review) -> Option<String> {
    let (side, at) = match (&change.is_at, &change.was_at) {
        (Some(at), _) => (&review.new.shown, at),
        (None, Some(at)) => (&review.old.shown, at),
        (None, None) => return None,
    };
    Some(match side.as_str() {
        "." => at.to_string(),
        root if root.ends_with(':') => format!("{root}{at}"),
        root => format!("{root}/{at}"),
    })
}

/// `DECISIONS CHANGE ON 2 OF 24 RECORDINGS`.
pub(super) fn headline(totals: &Totals) -> String {
    let all = count(totals.recordings, "recording");
    match (totals.recordings, totals.decisions, totals.findings) {
        (0, ..) => "no recording was compared".to_owned(),
        (played, 0, _) if totals.blind == played => format!("NOTHING COULD BE JUDGED ON {}", all.to_uppercase()),
        (_, 0, 0) => format!("NO DECISION CHANGES ON {}", all.to_uppercase()),
        (_, 0, _) => format!("NO DECISION CHANGES ON {}, GOLDEN TIMELINES DO", all.to_uppercase()),
        (_, changed, _) => format!("DECISIONS CHANGE ON {changed} OF {}", all.to_uppercase()),
    }
}

/// What becomes of a recording: `ROLL BACK LOST`, `rolls back 8m LATER`.
pub(super) fn verdict(compared: &Compared) -> String {
    let mut said = Vec::new();
    if compared.is_abandoned() {
        said.push("no policy decides any more".to_owned());
    }
    if !compared.lost.is_empty() {
        said.push(format!("{} LOST", many(&compared.lost)));
    }
    if !compared.alarms_gone.is_empty() {
        said.push(gone(compared.alarms_gone.len()));
    }
    if compared.gained_false > 0 {
        let label = match compared.label {
            Some(Quality::Good) => "the label says this release was good",
            _ => "outside of any incident",
        };
        said.push(format!("NEW {}, {label}", many(&compared.gained)));
    } else if !compared.gained.is_empty() {
        said.push(format!("NEW {}", many(&compared.gained)));
    }
    for moved in &compared.moved {
        let by = Duration::from_millis(moved.later_by().saturating_abs());
        match moved.later_by() {
            0 => {}
            later if later > 0 => said.push(format!("rolls back {by} LATER")),
            _ => said.push(format!("rolls back {by} EARLIER")),
        }
    }
    said.extend(advanced(compared, str::to_uppercase).into_iter().map(|(_, words)| words));
    let (was, is) = (&compared.before.ends_in, &compared.after.ends_in);
    if was != is {
        said.push(format!("ends in {is} instead of {was}"));
    }
    match (said.is_empty(), compared.standing) {
        (true, Standing::Decisions) => "decides at other times".to_owned(),
        (true, _) => "same decisions".to_owned(),
        (false, _) => said.join("; "),
    }
}

/// `false alarm gone`, `2 false alarms gone`.
fn gone(alarms: usize) -> String {
    if alarms == 1 { "false alarm gone".to_owned() } else { format!("{} gone", count(alarms, "false alarm")) }
}

fn many(all: &[RolledBack]) -> String {
    if all.len() == 1 { "ROLL BACK".to_owned() } else { format!("{} ROLL BACKS", all.len()) }
}

/// `#81, 2026-11-10 10:20:00 UTC (+1h20m), in staged`.
pub(super) fn when(divergence: &Divergence, compared: &Compared) -> String {
    format!("#{}, {}, in {}", divergence.snapshot, at(divergence.at, compared), divergence.before.stage)
}

/// `2026-11-10 10:20:00 (+1h20m)`.
pub(super) fn at(time: Time, compared: &Compared) -> String {
    let stamp = time.to_string().replacen('T', " ", 1).trim_end_matches('Z').to_owned();
    format!("{stamp} UTC (+{})", time.since(compared.begins))
}

/// `ROLL BACK -> off`, `HOLD`.
pub(super) fn answer(decision: &Decision, arrow: &str) -> String {
    let shout = decision.verdict.answer().shout();
    let would = if decision.shadow && shout != "HOLD" { "WOULD " } else { "" };
    match &decision.verdict {
        Verdict::RollBack { region: Some(region), .. } => format!("{would}{shout} {region}"),
        Verdict::RollBack { to, .. } | Verdict::Advance { to: Some(to), .. } => {
            format!("{would}{shout} {arrow} {to}")
        }
        _ => format!("{would}{shout}"),
    }
}

/// What the check on which they differ says, and what decided when that was something else.
pub(super) fn because(decision: &Decision, divergence: &Divergence) -> Vec<String> {
    let finding = divergence
        .check
        .as_ref()
        .and_then(|check| decision.findings.iter().find(|finding| finding.check == *check))
        .filter(|finding| finding.state != FindingState::NotApplicable)
        .map(|finding| format!("{finding}  [{}]", finding.check));
    let by = decision.verdict.deciding_check();
    let decided = match by {
        Some(check) => format!("{}  [{check}]", decision.verdict.headline()),
        None => decision.verdict.headline(),
    };
    let same = by.is_some() && by == divergence.check.as_ref();
    finding.filter(|_| !same).into_iter().chain([decided]).collect()
}

/// `1 earlier, 0 later, 0 new, 1 LOST`.
pub(super) fn roll_backs(totals: &Totals) -> String {
    let lost = if totals.lost > 0 { "LOST" } else { "lost" };
    let advances = match (totals.advances_earlier, totals.advances_later) {
        (0, 0) => String::new(),
        (earlier, later) => format!("; advances: {earlier} earlier, {later} later"),
    };
    let alarms = match totals.alarms_gone {
        0 => String::new(),
        alarms => format!("; {} gone", count(alarms, "false alarm")),
    };
    format!(
        "roll backs: {} {lost}, {} new, {} earlier, {} later{alarms}{advances}",
        totals.lost, totals.gained, totals.earlier, totals.later
    )
}

/// `2 looser, 1 tighter`.
pub(super) fn directions(totals: &Totals) -> String {
    let all = [(totals.looser, "looser"), (totals.tighter, "tighter"), (totals.different, "different")];
    let some: Vec<String> = all.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if some.is_empty() { "none".to_owned() } else { some.join(", ") }
}

/// How the command ends.
pub(super) fn exit(review: &Review) -> String {
    let failing: Vec<&str> = review.tripped.iter().filter(|one| one.fails).map(|one| one.condition.name()).collect();
    if failing.is_empty() { String::new() } else { format!("fails on {}: exit 4", failing.join(", ")) }
}

/// `judged 0 of 30 evaluations: error_rate too few samples, response_time_p95 absent`, where something was unknown;
/// both policies where they differ in it, and what was met in the data.
pub(super) fn judged(compared: &Compared) -> Vec<String> {
    let one = |side: &Side| {
        let why = side.blind.because.iter().map(|((metric, why), times)| {
            let always = if *times == side.counts.decided { String::new() } else { format!(" at {times}") };
            format!("{metric} {}{always}", why.name().replace('-', " "))
        });
        let why: Vec<String> = why.collect();
        if side.counts.decided == 0 {
            return "judged nothing: no reading in it is of a metric of the policy".to_owned();
        }
        let why = if why.is_empty() { String::new() } else { format!(": {}", why.join(", ")) };
        format!("judged {} of {} evaluations{why}", side.judged(), side.counts.decided)
    };
    let (was, is) = (one(&compared.before), one(&compared.after));
    let quiet = [&compared.before, &compared.after].iter().all(|side| side.blind.because.is_empty());
    let mut lines = Vec::new();
    if compared.is_abandoned() || (quiet && !compared.is_blind()) {
    } else if was == is {
        lines.push(is);
    } else {
        lines.extend([format!("old: {was}"), format!("new: {is}")]);
    }
    if compared.is_history() {
        lines.extend(compared.after.data.iter().cloned());
        lines.extend(compared.before.data.iter().filter(|line| !compared.after.data.contains(line)).cloned());
    }
    lines
}

/// Whether an unchanged recording says little: most of it could not be judged, or a person gave it and parts could not.
pub(super) fn says_little(compared: &Compared) -> bool {
    let side = &compared.after;
    side.judged().saturating_mul(2) < side.counts.decided.max(1)
        || (compared.is_history() && (!side.blind.because.is_empty() || !side.data.is_empty()))
}

/// Remarks that hold whenever decisions differ.
pub(super) const OPEN_LOOP: &str =
    "what comes after a first difference was recorded in the old policy's world: open loop";
