//! The comment of `diff`: what an edit would have changed, for whoever has to approve it.

use crate::fixture::score::Quality;
use crate::model::decision::Decision;
use crate::model::finding::{Finding, FindingState};
use crate::model::time::Duration;
use crate::report::ci::of_review::{example, headline, since, subject};
use crate::report::layout::count;
use crate::review::change::{Change, Direction, Proof};
use crate::review::outcome::Review;
use crate::review::verdict::{Compared, Side, Standing, Tally};

use super::{Blocks, MOST_ROWS, Table, cell, code, details, fenced, marked, prose};

pub(crate) fn write(review: &Review) -> String {
    let changed = || review.compared.iter().filter(|one| one.standing == Standing::Decisions);
    let looks = changed().filter(|one| needs_a_look(one)).count();
    let look = match looks {
        0 => String::new(),
        1 => " (1 needs a look)".to_owned(),
        many => format!(" ({many} need a look)"),
    };
    let mut blocks = Blocks::default();
    blocks.head(format!("{}\n### rollgate: {}{look}", marked(None, &[rollout(review)]), headline(review)));
    for tripped in &review.tripped {
        let mark = if tripped.fails { "❌" } else { "⚠️" };
        blocks.body(format!("{mark} **{}**: {}", tripped.condition, prose(&tripped.why)));
    }
    let mut table = Table::new(&["", "recording", "before", "after", "first divergence"]);
    changed().for_each(|compared| table.row(recording(compared)));
    blocks.body(table.render("recording"));
    let mut table = Table::new(&["", "edit", "before", "after", "for example", "where"]);
    review.changes.iter().for_each(|change| table.row(edit(change, review)));
    blocks.body(table.render("edit"));
    if let Some((before, after)) = &review.tallies {
        blocks.body(tally(before, after));
    }
    for compared in changed().take(MOST_ROWS) {
        blocks.body(why(compared));
    }
    rest(review, &mut blocks);
    foot(review, &mut blocks);
    blocks.fit()
}

/// The rollout; the last folder of the policy when no recording tells.
fn rollout(review: &Review) -> String {
    let divergence = review.compared.iter().find_map(|compared| compared.divergence.as_ref());
    match divergence {
        Some(divergence) => divergence.after.rollout.to_string(),
        None => review.new.shown.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default().to_owned(),
    }
}

fn needs_a_look(compared: &Compared) -> bool {
    !compared.lost.is_empty() || compared.gained_false > 0
}

/// What becomes of a recording, in one sentence.
pub(crate) fn what(compared: &Compared) -> String {
    if !compared.lost.is_empty() {
        return format!("{} lost", count(compared.lost.len(), "roll back"));
    }
    if compared.gained_false > 0 {
        return format!("{} outside of any incident", count(compared.gained_false, "new roll back"));
    }
    if !compared.gained.is_empty() {
        return count(compared.gained.len(), "new roll back");
    }
    match compared.moved.first() {
        Some(moved) => format!("rolls back {}", shift(moved.later_by())),
        None if compared.before.ends_in != compared.after.ends_in => {
            format!("ends in {}, not in {}", compared.after.ends_in, compared.before.ends_in)
        }
        None => "other answers on the way to the same end".to_owned(),
    }
}

/// `5m earlier`.
fn shift(later_by: i64) -> String {
    let length = Duration::from_millis(later_by.abs());
    if later_by < 0 { format!("{length} earlier") } else { format!("{length} later") }
}

/// ` (good)`; empty when nobody said.
const fn labelled(compared: &Compared) -> &'static str {
    match compared.label {
        Some(Quality::Good) => " (good)",
        Some(Quality::Bad) => " (bad)",
        None => "",
    }
}

fn mark(compared: &Compared) -> &'static str {
    if needs_a_look(compared) {
        return "⚠️";
    }
    if !compared.gained.is_empty() {
        return "＋";
    }
    match compared.moved.first().map(|moved| moved.later_by()) {
        Some(later) if later < 0 => "↑",
        Some(_) => "↓",
        None => "~",
    }
}

fn recording(compared: &Compared) -> Vec<String> {
    let label = labelled(compared);
    let name = format!("{}{label}", code(&compared.name));
    let first = compared.divergence.as_ref().map_or_else(String::new, |divergence| {
        let stage = &divergence.after.stage;
        let at = format!("#{} {} in {stage}", divergence.snapshot, since(compared, divergence.at));
        let shift = compared.moved.first().map_or_else(String::new, |moved| format!(", {}", shift(moved.later_by())));
        cell(&format!("{at}{shift}: {}", divergence.after.verdict.headline()))
    });
    let after = format!("**{}**", side(&compared.after, compared));
    vec![mark(compared).to_owned(), name, side(&compared.before, compared), after, first]
}

/// `roll back +10h15m`, else where it ends.
fn side(side: &Side, compared: &Compared) -> String {
    let Some(first) = side.rollbacks.first() else { return cell(&format!("ends in {}", side.ends_in)) };
    let would = if first.would { "would " } else { "" };
    let more = match side.rollbacks.len() {
        1 => String::new(),
        many => format!(" and {} more", many - 1),
    };
    cell(&format!("{would}roll back {}{more}", since(compared, first.at)))
}

fn edit(change: &Change, review: &Review) -> Vec<String> {
    let part = if change.part.is_empty() { String::new() } else { format!(" {}", cell(&change.part)) };
    let severity = change.severity.map_or_else(String::new, |severity| format!("{severity} "));
    let name = format!("{severity}{}{part}", code(&subject(&change.subject)));
    let word = match change.direction {
        Direction::Looser => "⚠️ looser",
        Direction::Tighter => "tighter",
        Direction::Different => "different",
    };
    let sampled = if change.proof == Proof::Sampled { " (sampled)" } else { "" };
    let shown = |text: &Option<String>| text.as_deref().map_or_else(|| "–".to_owned(), cell);
    let example = match &change.counterexample {
        Some(counterexample) => cell(&example(counterexample)),
        None => cell(&change.words),
    };
    let place = change.is_at.as_ref().or(change.was_at.as_ref()).map_or_else(String::new, |at| code(&at.to_string()));
    let only = if change.environments.len() < review.new.digests.len() {
        let names: Vec<String> = change.environments.iter().map(ToString::to_string).collect();
        format!(" {}", cell(&format!("only in {}", names.join(", "))))
    } else {
        String::new()
    };
    let after = format!("**{}**", shown(&change.after));
    vec![format!("{word}{sampled}"), name, shown(&change.before), after, example, format!("{place}{only}")]
}

fn tally(before: &Tally, after: &Tally) -> String {
    let bold = |old: String, new: String| if old == new { new } else { format!("{old} → **{new}**") };
    let of = |part: usize, whole: usize| format!("{part} of {whole}");
    let shown = |time: Option<Duration>| time.map_or_else(|| "–".to_owned(), |time| time.to_string());
    let caught = bold(of(before.caught, before.incidents), of(after.caught, after.incidents));
    let stopped = bold(of(before.stopped, before.good), of(after.stopped, after.good));
    let median = bold(shown(before.median_to_stop), shown(after.median_to_stop));
    format!("Incidents caught {caught} · good releases stopped {stopped} · median time to the roll back {median}")
}

/// The two decisions at the first divergence, with the checks that are not ok.
fn why(compared: &Compared) -> String {
    let summary = format!("{}: {}", compared.name, what(compared));
    let Some(divergence) = &compared.divergence else { return String::new() };
    let mut lines = vec![format!(
        "#{} {} ({}), stage {}",
        divergence.snapshot,
        divergence.at,
        since(compared, divergence.at),
        divergence.after.stage
    )];
    for (word, decision) in [("before", &divergence.before), ("after", &divergence.after)] {
        let verdict = &decision.verdict;
        lines.push(format!("{word:7}{}: {}", verdict.answer().shout(), verdict.headline()));
        lines.extend(rules(decision).map(|finding| format!("       {}", line_of(finding))));
    }
    let mut inside = fenced(&lines.join("\n"));
    if !compared.title.is_empty() {
        inside = format!("{}\n\n{inside}", prose(&compared.title));
    }
    details(&summary, &inside)
}

/// At most so many findings of one decision are listed.
const MOST_FINDINGS: usize = 8;

fn rules(decision: &Decision) -> impl Iterator<Item = &Finding> {
    let fine = |state| matches!(state, FindingState::Ok | FindingState::NotApplicable);
    decision.findings.iter().filter(move |finding| !fine(finding.state)).take(MOST_FINDINGS)
}

fn line_of(finding: &Finding) -> String {
    let severity = finding.severity.map_or_else(|| "--".to_owned(), |severity| severity.to_string());
    format!("{severity} {}  {finding}  {}  {}", finding.check, finding.word(), finding.origin)
}

/// What does not change, and what was left out.
fn rest(review: &Review, blocks: &mut Blocks) {
    for (standing, words) in [
        (Standing::Findings, "decided alike, but the golden timeline changes (`rollgate test --bless`)"),
        (Standing::Same, "unchanged"),
    ] {
        let names: Vec<&Compared> = review.compared.iter().filter(|one| one.standing == standing).collect();
        if names.is_empty() {
            continue;
        }
        let mut lines: Vec<String> = names.iter().take(10 * MOST_ROWS).map(|one| line(one)).collect();
        if names.len() > lines.len() {
            lines.push(format!("- and {} more", names.len() - lines.len()));
        }
        blocks.body(details(&format!("{} {words}", count(names.len(), "recording")), &lines.join("\n")));
    }
    if !review.notes.is_empty() {
        let lines: Vec<String> = review.notes.iter().map(|note| format!("- {}", prose(note))).collect();
        blocks.body(details(&count(review.notes.len(), "note"), &lines.join("\n")));
    }
}

fn line(compared: &Compared) -> String {
    let label = labelled(compared);
    format!("- {}{label}: {}", code(&compared.name), side(&compared.after, compared))
}

fn foot(review: &Review, blocks: &mut Blocks) {
    let digests: Vec<String> = review
        .new
        .digests
        .iter()
        .map(|(environment, digest)| {
            let before = review.old.digests.get(environment.as_str()).map_or("new", |digest| digest.short());
            format!("{} {} → {}", prose(environment.as_str()), code(before), code(digest.short()))
        })
        .collect();
    let reproduce = code(&format!("rollgate diff {} {}", quoted(&review.old.shown), quoted(&review.new.shown)));
    let engine = env!("CARGO_PKG_VERSION");
    let policy = if digests.is_empty() { String::new() } else { format!("Policy {} · ", digests.join(", ")) };
    blocks.foot(format!("{policy}rollgate {engine} · the same at home: {reproduce}"));
}

/// As a shell takes it.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@~^".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}
