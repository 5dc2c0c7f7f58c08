//! A comparison in one fact per line, for screen readers and `grep`.

use crate::review::outcome::Review;
use crate::review::verdict::{Compared, Standing};

use super::{Diffed, Totals, words};

/// All of it.
#[must_use]
pub fn plain(diffed: &Diffed) -> String {
    let mut lines = Vec::new();
    for review in &diffed.reviews {
        one(review, &mut lines);
    }
    if diffed.reviews.is_empty() {
        lines.push(diffed.nothing());
    }
    lines.extend(diffed.unchanged.iter().map(|name| format!("policy {name}: unchanged")));
    lines.extend(diffed.added.iter().map(|name| format!("policy {name}: added")));
    lines.extend(diffed.removed.iter().map(|name| format!("policy {name}: removed")));
    lines.extend(diffed.notes.iter().map(|note| format!("note: {note}")));
    lines.join("\n") + "\n"
}

fn one(review: &Review, lines: &mut Vec<String>) {
    let totals = Totals::of(review);
    lines.push(format!("policy {} -> {}", review.old.shown, review.new.shown));
    for change in &review.changes {
        let severity = words::severity(change).map_or_else(String::new, |severity| format!("{severity} "));
        let place = words::place(change, review).map_or_else(String::new, |place| format!("{place}: "));
        let mut line =
            format!("{place}{}: {severity}{}: {}", change.direction, words::subject(change), words::edit(change, "->"));
        for remark in words::remarks(change, review) {
            line.push_str(&format!("; {remark}"));
        }
        lines.push(line);
    }
    lines.push(words::headline(&totals).to_lowercase());
    for compared in &review.compared {
        recording(compared, lines);
    }
    if let Some((before, after)) = &review.tallies {
        let (was, is) = (before, after);
        lines.push(format!("incidents caught: {} -> {} of {}", was.caught, is.caught, is.incidents));
        lines.push(format!("good releases stopped: {} -> {} of {}", was.stopped, is.stopped, is.good));
        if let (Some(was), Some(is)) = (was.median_to_stop, is.median_to_stop) {
            lines.push(format!("median time to stop: {was} -> {is}"));
        }
    }
    lines.extend(review.notes.iter().map(|note| format!("note: {note}")));
    for tripped in &review.tripped {
        let word = if tripped.fails { "fails" } else { "would fail if asked for" };
        lines.push(format!("{} {word}: {}", tripped.condition, tripped.why));
    }
    lines.push(words::roll_backs(&totals));
}

fn recording(compared: &Compared, lines: &mut Vec<String>) {
    told(compared, lines);
    let name = &compared.name;
    lines.extend(words::judged(compared).into_iter().map(|line| format!("{name}: {line}")));
}

fn told(compared: &Compared, lines: &mut Vec<String>) {
    let name = &compared.name;
    let environment = &compared.environment;
    match compared.standing {
        Standing::Same => return lines.push(format!("recording {name} ({environment}): unchanged")),
        Standing::Findings => {
            return lines.push(format!("recording {name} ({environment}): same decisions, golden timeline changes"));
        }
        Standing::Decisions => {}
    }
    lines.push(format!("recording {name} ({environment}): {}", words::verdict(compared)));
    if let Some(divergence) = &compared.divergence {
        lines.push(format!("{name}: first difference {}", words::when(divergence, compared)));
        for (word, decision) in [("old", &divergence.before), ("new", &divergence.after)] {
            let because = words::because(decision, divergence).join("; ");
            lines.push(format!("{name}: {word} {}: {because}", words::answer(decision, "->")));
        }
    }
    let backs = [
        ("roll back lost", &compared.lost),
        ("false alarm gone", &compared.alarms_gone),
        ("roll back new", &compared.gained),
    ];
    for (word, all) in backs {
        for back in all {
            lines.push(format!("{name}: {word} at {}: {}", words::at(back.at, compared), back.because));
        }
    }
    if let Some(per_step) = &compared.per_step {
        lines.push(format!(
            "{name}: {} of {} moments decided otherwise, {} would roll back now, {} did before",
            per_step.differ, per_step.judged, per_step.rolls_back_now, per_step.rolled_back_before
        ));
    }
}
