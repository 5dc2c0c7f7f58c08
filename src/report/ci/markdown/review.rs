//! The comment of `diff`: what an edit would have changed, for whoever has to approve it.

use crate::fixture::score::Quality;
use crate::model::time::Duration;
use crate::report::advanced::advanced;
use crate::report::ci::of_review::{Around, headline, since, subject};
use crate::report::diff::words::severity;
use crate::report::layout::count;
use crate::review::change::{Change, Direction, Proof};
use crate::review::outcome::{Condition, Review};
use crate::review::verdict::{Compared, Side, Standing, Tally};

use super::divergence::{first, needs_a_look, shift, why};
use super::per_step;
use super::{Blocks, MOST_ROWS, Table, cell, code, details, marked, prose};

pub(crate) fn write(reviews: &[&Review], around: &Around) -> String {
    let names: Vec<String> = reviews.iter().map(|review| review.rollout.clone()).collect();
    let marker = marked(None, &names);
    let mut blocks = Blocks::default();
    let gone = match around.removed.len() {
        0 => String::new(),
        number => format!("{} removed; ", count(number, "policy")),
    };
    match reviews {
        [] => blocks.head(format!("{marker}\n### rollgate: {}", prose(&around.nothing))),
        [review] => {
            blocks.head(format!("{marker}\n### rollgate: {gone}{}{}", headline(review), look(review)));
        }
        many => {
            let differ = many.iter().filter(|review| changed(review).next().is_some()).count();
            let all = count(many.len(), "edited policy");
            blocks.head(format!("{marker}\n### rollgate: {gone}decisions change under {differ} of {all}"));
        }
    }
    for root in around.removed.iter().take(MOST_ROWS) {
        blocks.body(format!("❌ **removed**: {}: no policy decides on its rollout any more", code(root)));
    }
    if let Some(more) = around.removed.len().checked_sub(MOST_ROWS).filter(|more| *more > 0) {
        blocks.body(format!("❌ and {} removed", count(more, "more policy")));
    }
    for review in reviews {
        if reviews.len() > 1 {
            let name = code(&review.new.shown);
            blocks.body(format!("#### {name}: {}{}", headline(review), look(review)));
        }
        fill(review, &mut blocks);
    }
    for (word, names) in &around.facts {
        let lines: Vec<String> = names.iter().map(|name| format!("- {}", prose(name))).collect();
        let summary = match *word {
            "how the sides were found" => (*word).to_owned(),
            word => format!("{} {word}", count(names.len(), "policy")),
        };
        blocks.body(details(&summary, &lines.join("\n")));
    }
    for review in reviews.iter().take(MOST_ROWS) {
        digests(review, &mut blocks);
    }
    let same = if around.command.is_empty() {
        String::new()
    } else {
        format!(" · the same at home: {}", code(&around.command))
    };
    blocks.foot(format!("rollgate {}{same}", env!("CARGO_PKG_VERSION")));
    blocks.fit()
}

fn changed(review: &Review) -> impl Iterator<Item = &Compared> {
    review.compared.iter().filter(|one| one.standing == Standing::Decisions)
}

/// ` (1 needs a look)`.
fn look(review: &Review) -> String {
    match changed(review).filter(|one| needs_a_look(one)).count() {
        0 => String::new(),
        1 => " (1 needs a look)".to_owned(),
        many => format!(" ({many} need a look)"),
    }
}

fn fill(review: &Review, blocks: &mut Blocks) {
    // That anything differs is what the heading says.
    let tripped = review.tripped.iter().filter(|tripped| tripped.fails || tripped.condition != Condition::Any);
    for tripped in tripped {
        let mark = if tripped.fails { "❌" } else { "⚠️" };
        blocks.body(format!("{mark} **{}**: {}", tripped.condition, prose(&tripped.why)));
    }
    let mut table = Table::new(&["", "recording", "before", "after", "first divergence"]);
    changed(review).for_each(|compared| table.row(recording(compared)));
    blocks.body(table.render("recording"));
    let mut table = Table::new(&["", "edit", "before", "after", "for example", "where"]);
    review.changes.iter().for_each(|change| table.row(edit(change, review)));
    blocks.body(table.render("edit"));
    if let Some((before, after)) = &review.tallies {
        blocks.body(tally(before, after));
    }
    for compared in changed(review).take(MOST_ROWS) {
        blocks.body(why(compared));
    }
    blocks.body(per_step::write(&review.compared));
    rest(review, blocks);
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
    if compared.moved.is_empty() { "~" } else { "↑" }
}

fn recording(compared: &Compared) -> Vec<String> {
    let name = format!("{}{}", code(&compared.name), labelled(compared));
    let moved = compared.moved.first().map_or_else(String::new, |moved| format!(", {}", shift(moved.later_by())));
    // Of the roll backs the cell says enough; without one, what is left sooner or later is what changes.
    let advances = if compared.moved.is_empty() { advanced(compared, str::to_owned) } else { Vec::new() };
    let leaves: String = advances.iter().map(|(_, words)| format!(", {}", cell(words))).collect();
    let gone = match compared.alarms_gone.len() {
        0 => String::new(),
        alarms => format!(", {} gone", count(alarms, "false alarm")),
    };
    let after = format!("**{}**{moved}{gone}{leaves}", side(&compared.after, compared));
    vec![mark(compared).to_owned(), name, side(&compared.before, compared), after, cell(&first(compared))]
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
    let severity = severity(change).map_or_else(String::new, |severity| format!("{severity} "));
    let name = format!("{severity}{}{part}", code(&subject(&change.subject)));
    let word = match change.direction {
        Direction::Looser => "⚠️ looser",
        Direction::Tighter => "tighter",
        Direction::Different => "different",
    };
    let sampled = if change.proof == Proof::Sampled { " (sampled)" } else { "" };
    let shown = |text: &Option<String>| text.as_deref().map_or_else(|| "–".to_owned(), cell);
    let example = match &change.counterexample {
        Some(counterexample) => cell(&counterexample.to_string()),
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
    let mut parts = Vec::new();
    if after.incidents > 0 {
        let mark = if after.caught < before.caught { "⚠️ " } else { "" };
        parts.push(format!(
            "{mark}Incidents caught {}",
            bold(of(before.caught, before.incidents), of(after.caught, after.incidents))
        ));
        // Of fewer incidents a median is no better for being shorter.
        let median = if after.caught < before.caught {
            format!("{} → {}, of fewer incidents", shown(before.median_to_stop), shown(after.median_to_stop))
        } else {
            bold(shown(before.median_to_stop), shown(after.median_to_stop))
        };
        parts.push(format!("median time to the roll back {median}"));
    }
    if after.good > 0 {
        let stopped = bold(of(before.stopped, before.good), of(after.stopped, after.good));
        parts.push(format!("good releases stopped {stopped}"));
    }
    parts.join(" · ")
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

fn digests(review: &Review, blocks: &mut Blocks) {
    let digests: Vec<String> = review
        .new
        .digests
        .iter()
        .map(|(environment, digest)| {
            let before = review.old.digests.get(environment.as_str()).map_or("new", |digest| digest.short());
            format!("{} {} → {}", prose(environment.as_str()), code(before), code(digest.short()))
        })
        .collect();
    if !digests.is_empty() {
        blocks.foot(format!("{}: {}", code(&review.new.shown), digests.join(", ")));
    }
}
