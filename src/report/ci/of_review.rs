//! What `diff` found, for other tools: edits at their lines in the new policy, roll backs lost and gained, and a case per
//! recording that fails when its decisions change.

use crate::model::ids::CheckId;
use crate::policy::source::POLICY_FILE;
use crate::report::layout::count;
use crate::review::change::{Change, Counterexample, Direction, Proof, Subject};
use crate::review::outcome::{Condition, Review};
use crate::review::verdict::{Compared, Standing};

use super::case::{Case, Fault, Suite};
use super::item::{Item, Level, Place, Related, settle};
use super::{Report, markdown, rules};

/// A report of `diff`.
#[must_use]
pub fn of_review(review: &Review) -> Report {
    let mut items: Vec<Item> = review.changes.iter().map(|change| of_change(change, review)).collect();
    for compared in &review.compared {
        items.extend(lost(compared, review));
        items.extend(gained(compared, review));
    }
    Report {
        command: "diff",
        items: settle(items),
        suites: suites(review),
        markdown: markdown::review::write(review),
        closing: closing(review),
    }
}

/// `decisions change on 2 of 24 recordings`.
pub(super) fn headline(review: &Review) -> String {
    let differ = review.compared.iter().filter(|one| one.standing == Standing::Decisions).count();
    let all = count(review.compared.len(), "recording");
    match (review.compared.is_empty(), review.changes.is_empty(), differ) {
        (true, true, _) => "nothing changes".to_owned(),
        (true, false, _) => format!("{}, no recording to try it on", count(review.changes.len(), "edit")),
        (false, true, 0) => format!("nothing changes, and {all} decided alike"),
        (false, _, 0) => format!("no decision changes on {all}"),
        (false, _, _) => format!("decisions change on {differ} of {all}"),
    }
}

fn closing(review: &Review) -> String {
    let of = |direction| review.changes.iter().filter(|change| change.direction == direction).count();
    format!("rollgate diff: {}; {} looser, {} tighter", headline(review), of(Direction::Looser), of(Direction::Tighter))
}

/// `check isolation_score.p0`, `stage canary`.
pub(super) fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Check(check) => check.to_string(),
        Subject::Stage(stage) => format!("stage {stage}"),
        Subject::Metric(metric) => format!("metric {metric}"),
        Subject::Severity(severity) => format!("severity {severity}"),
        Subject::Script(function) => format!("script {function}"),
        Subject::Policy(key) => key.clone(),
    }
}

/// `94.7% rolled back, now holds (lasting 2m)`.
pub(super) fn example(example: &Counterexample) -> String {
    let given = if example.given.is_empty() { String::new() } else { format!(" ({})", example.given) };
    let shown = example.unit.show(example.value);
    format!("{} {shown}: {} before, {} now{given}", example.metric, example.before, example.after)
}

/// `was below 95%, is below 94%`; added and removed say so.
fn edit(change: &Change) -> String {
    let part = if change.part.is_empty() { String::new() } else { format!(" `{}`", change.part) };
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{part} was {before}, is {after}"),
        (None, Some(after)) => format!("{part} is new: {after}"),
        (Some(before), None) => format!("{part} is gone; it was {before}"),
        (None, None) => part,
    }
}

fn of_change(change: &Change, review: &Review) -> Item {
    let (code, level) = match change.direction {
        Direction::Looser => (rules::LOOSER, Level::Warning),
        Direction::Tighter => (rules::TIGHTER, Level::Note),
        Direction::Different => (rules::DIFFERENT, Level::Note),
    };
    let mut message = format!("`{}` is {code}:{}", subject(&change.subject), edit(change));
    if !change.words.is_empty() {
        message.push_str(&format!("; {}", change.words));
    }
    if let Some(counterexample) = &change.counterexample {
        message.push_str(&format!("; {}", example(counterexample)));
    }
    if change.proof == Proof::Sampled {
        message.push_str(" (sampled, not proved)");
    }
    // An edit that trips what `--fail-on` asked for fails the run, and must look like it.
    let fails = change.direction == Direction::Looser
        && review
            .tripped
            .iter()
            .any(|one| one.fails && one.condition == Condition::LooserP0 && is_named(change, &one.why));
    let mut item = Item::new(
        if fails { Level::Error } else { level },
        code,
        rules::title(code),
        message,
        Some(place(change, review)),
    );
    let environments = review.new.digests.len();
    if change.environments.len() < environments {
        item.environments = change.environments.iter().map(ToString::to_string).collect();
    }
    item.quoted = format!("{}.{}", subject(&change.subject), change.part);
    item
}

/// A condition's sentence names the thing that trips it.
fn is_named(change: &Change, why: &str) -> bool {
    why.contains(&subject(&change.subject))
}

/// The line in the new policy; what is gone has none, and stands at the policy's beginning.
fn place(change: &Change, review: &Review) -> Place {
    match &change.is_at {
        Some(at) => Place::line(in_new(review, &at.file), usize::try_from(at.line).unwrap_or(1)),
        None => start_of(review),
    }
}

fn start_of(review: &Review) -> Place {
    Place::line(in_new(review, POLICY_FILE), 1)
}

/// A file of the new policy as a person can open it. `REVISION:PATH` names a path in a revision.
fn in_new(review: &Review, file: &str) -> String {
    let shown = review.new.shown.as_str();
    let root = match shown.split_once(':') {
        Some((revision, path)) if revision.chars().count() > 1 => path,
        _ => shown,
    };
    match root.trim_end_matches('/') {
        "" | "." => file.to_owned(),
        root => format!("{root}/{file}"),
    }
}

/// The edit that a roll back hangs on: that of its own check, else of the first looser one.
fn culprit<'a>(check: Option<&CheckId>, review: &'a Review, direction: Direction) -> Option<&'a Change> {
    let own = |change: &&Change| matches!(&change.subject, Subject::Check(id) if Some(id) == check);
    let changes = || review.changes.iter().filter(|change| change.is_at.is_some());
    changes().find(own).or_else(|| changes().find(|change| change.direction == direction))
}

fn lost(compared: &Compared, review: &Review) -> Vec<Item> {
    let item = |lost: &crate::fixture::run::RolledBack| {
        let message = format!(
            "{}: the roll back at {} ({}) is lost: {}",
            compared.name,
            lost.at,
            since(compared, lost.at),
            lost.because
        );
        let culprit = culprit(lost.check.as_ref(), review, Direction::Looser);
        about(rules::LOST_ROLLBACK, Level::Error, message, culprit, compared, review)
    };
    compared.lost.iter().map(item).collect()
}

/// False alarms that are new. A roll back gained inside of an incident is what tightening is for.
fn gained(compared: &Compared, review: &Review) -> Vec<Item> {
    if compared.gained_false == 0 {
        return Vec::new();
    }
    let fails = review.tripped.iter().any(|one| one.fails && one.condition == Condition::FalseRollback);
    let first = compared.gained.iter().find(|gained| is_false(compared, gained));
    let Some(first) = first else { return Vec::new() };
    let message = format!(
        "{}: rolls back at {} ({}) outside of any incident: {}",
        compared.name,
        first.at,
        since(compared, first.at),
        first.because
    );
    let culprit = culprit(first.check.as_ref(), review, Direction::Tighter);
    let level = if fails { Level::Error } else { Level::Warning };
    vec![about(rules::FALSE_ROLLBACK, level, message, culprit, compared, review)]
}

fn is_false(compared: &Compared, gained: &crate::fixture::run::RolledBack) -> bool {
    compared.after.score.as_ref().is_none_or(|score| score.false_alarms.contains(&gained.at))
}

/// `+10h15m`.
pub(super) fn since(compared: &Compared, at: crate::model::time::Time) -> String {
    format!("+{}", at.since(compared.begins))
}

fn about(
    code: &str,
    level: Level,
    message: String,
    culprit: Option<&Change>,
    compared: &Compared,
    review: &Review,
) -> Item {
    let place = culprit.map_or_else(|| start_of(review), |change| place(change, review));
    let mut item = Item::new(level, code, rules::title(code), message, Some(place));
    // The message has the time in it, which an edit moves; the recording and the kind do not move.
    item.quoted = compared.name.clone();
    if compared.title.is_empty() {
        return item;
    }
    let file = Place::line(format!("{}/fixture.toml", compared.name), 1);
    item.related.push(Related { place: file, message: compared.title.clone() });
    item
}

fn suites(review: &Review) -> Vec<Suite> {
    let name = format!("{} .. {}", review.old.shown, review.new.shown);
    let cases = review.compared.iter().map(|compared| {
        let environment = &compared.environment;
        Case {
            file: (!compared.title.is_empty()).then(|| format!("{}/fixture.toml", compared.name)),
            failures: if compared.standing == Standing::Decisions { vec![fault(compared)] } else { Vec::new() },
            said: if compared.standing == Standing::Findings {
                vec!["the same decisions, but the golden timeline changes".to_owned()]
            } else {
                Vec::new()
            },
            ..Case::new(format!("{} decides the same in {environment}", compared.name))
        }
    });
    let edits = review.tripped.iter().filter(|tripped| tripped.fails).map(|tripped| Case {
        failures: vec![Fault { message: tripped.why.clone(), details: tripped.why.clone() }],
        ..Case::new(format!("no {}", tripped.condition))
    });
    vec![Suite { name, cases: cases.chain(edits).collect(), took: None }]
}

fn fault(compared: &Compared) -> Fault {
    let message = markdown::review::what(compared);
    let mut lines = vec![message.clone()];
    if let Some(divergence) = &compared.divergence {
        lines.push(format!("first at {} ({})", divergence.at, since(compared, divergence.at)));
        for (word, decision) in [("before", &divergence.before), ("after", &divergence.after)] {
            let verdict = &decision.verdict;
            lines.push(format!("  {word:6}  {}: {}", verdict.answer().shout(), verdict.headline()));
        }
    }
    Fault { message, details: lines.join("\n") }
}
