//! What `diff` found, for other tools: policies that are gone, edits at their lines in the new policy, roll backs lost and
//! gained, and a case per recording, which fails when it loses a roll back or trips what was asked for.

use crate::fixture::score::Caught;
use crate::model::ids::CheckId;
use crate::model::time::{Duration, Time};
use crate::policy::source::POLICY_FILE;
use crate::report::diff::Diffed;
use crate::report::layout::count;
use crate::report::uncaught::uncaught;
use crate::review::change::{Bearing, Change, Direction, Proof, Subject};
use crate::review::outcome::{Condition, Review};
use crate::review::verdict::{Compared, Moved, Standing};

use super::case::{Case, Fault, Suite};
use super::item::{Item, Level, Place, Related, settle};
use super::{Report, markdown, rules};

/// What a diff says beside the edited policies.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// Sentences, each with the names it is about.
    pub(super) facts: Vec<(&'static str, Vec<String>)>,
    /// For when no policy was edited.
    pub(super) nothing: String,
    /// Policies that are gone, as the old side names them.
    pub(super) removed: Vec<String>,
    /// The command that gives the same answers again.
    pub(super) command: String,
}

/// A report of `diff` over every policy; `command` is the line that gives the same answers again.
#[must_use]
pub fn of_diff(diffed: &Diffed, command: &str) -> Report {
    let facts = [
        ("only on the new side", &diffed.added),
        ("the same on both sides", &diffed.unchanged),
        ("how the sides were found", &diffed.notes),
    ];
    let facts = facts.into_iter().filter(|(_, names)| !names.is_empty());
    let around = Around {
        facts: facts.map(|(word, names)| (word, names.clone())).collect(),
        nothing: nothing(diffed),
        removed: diffed.removed.clone(),
        command: command.to_owned(),
    };
    report(&diffed.reviews.iter().collect::<Vec<_>>(), &around)
}

/// A report of one edited policy; `command` is the line that gives the same answers again.
#[must_use]
pub fn of_review(review: &Review, command: &str) -> Report {
    report(&[review], &Around { command: command.to_owned(), ..Around::default() })
}

/// For when no policy was edited, the worst first.
fn nothing(diffed: &Diffed) -> String {
    match (diffed.removed.len(), diffed.unchanged.len()) {
        (0, _) => diffed.nothing(),
        (removed, 0) => format!("{} removed", count(removed, "policy")),
        (removed, same) => format!("{} removed, {same} unchanged", count(removed, "policy")),
    }
}

fn report(reviews: &[&Review], around: &Around) -> Report {
    let mut closing: Vec<String> =
        around.removed.iter().map(|root| format!("rollgate diff: {root}: removed")).collect();
    match reviews {
        [] => closing.push(format!("rollgate diff: {}", around.nothing)),
        reviews => closing.extend(reviews.iter().map(|review| self::closing(review))),
    }
    let gone = around.removed.iter().map(|root| removed(root));
    Report {
        command: "diff",
        items: settle(gone.chain(reviews.iter().flat_map(|review| items(review))).collect()),
        suites: removed_suite(around).into_iter().chain(reviews.iter().flat_map(|review| suites(review))).collect(),
        markdown: markdown::review::write(reviews, around),
        closing: closing.join("\n"),
    }
}

/// Where the policy was: the file is gone, but its path is what a pull request shows.
fn removed(root: &str) -> Item {
    let message = format!("`{root}` is removed: no policy decides on its rollout any more");
    let place = Place::line(file_in(root, POLICY_FILE), 1);
    let code = rules::REMOVED_POLICY;
    let mut item = Item::new(Level::Error, code, rules::title(code), message, Some(place));
    item.identity = without_revision(root).to_owned();
    item
}

fn removed_suite(around: &Around) -> Option<Suite> {
    let case = |root: &String| {
        let message = format!("`{root}` is removed");
        let details = format!("{message}: no policy decides on its rollout any more");
        let name = format!("{} is still there", without_revision(root));
        Case { failures: vec![Fault { message, details }], ..Case::new(name) }
    };
    let cases: Vec<Case> = around.removed.iter().map(case).collect();
    (!cases.is_empty()).then(|| Suite { name: "policies".to_owned(), cases, took: None })
}

fn items(review: &Review) -> Vec<Item> {
    let mut items: Vec<Item> = review.changes.iter().map(|change| of_change(change, review)).collect();
    for compared in &review.compared {
        items.extend(lost(compared, review));
        items.extend(let_go(compared, review));
        items.extend(later(compared, review));
        items.extend(gained(compared, review));
    }
    items
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
    format!(
        "rollgate diff: {}: {}; {} looser, {} tighter",
        review.new.shown,
        headline(review),
        of(Direction::Looser),
        of(Direction::Tighter)
    )
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
        message.push_str(&format!("; {counterexample}"));
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
    let title = match change.bearing {
        Bearing::Acts | Bearing::NotFound => rules::title(code),
        Bearing::AsBefore | Bearing::Untouched => "alters no decision",
    };
    let mut item =
        Item::new(if fails { Level::Error } else { level }, code, title, message, Some(place(change, review)));
    let environments = review.new.digests.len();
    if change.environments.len() < environments {
        item.environments = change.environments.iter().map(ToString::to_string).collect();
    }
    item.identity = format!("{}.{}", subject(&change.subject), change.part);
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

/// A file of the new policy as a person can open it.
fn in_new(review: &Review, file: &str) -> String {
    file_in(&review.new.shown, file)
}

fn file_in(shown: &str, file: &str) -> String {
    match without_revision(shown).trim_end_matches('/') {
        "" | "." => file.to_owned(),
        root => format!("{root}/{file}"),
    }
}

/// `REVISION:PATH` names a path in a revision.
fn without_revision(shown: &str) -> &str {
    match shown.split_once(':') {
        Some((revision, path)) if revision.chars().count() > 1 => path,
        _ => shown,
    }
}

/// The edit that a roll back hangs on: that of its own check, else of the first looser one.
fn culprit<'a>(check: Option<&CheckId>, review: &'a Review, direction: Direction) -> Option<&'a Change> {
    let own = |change: &&Change| matches!(&change.subject, Subject::Check(id) if Some(id) == check);
    let changes = || review.changes.iter().filter(|change| change.is_at.is_some());
    changes()
        .find(own)
        .or_else(|| changes().find(|change| change.direction == direction))
        .or_else(|| review.changes.iter().find(|change| change.is_at.is_some()))
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

/// Known incidents that go on now, whatever else was rolled back around them.
fn let_go(compared: &Compared, review: &Review) -> Vec<Item> {
    let item = |caught: &Caught| {
        let message = format!(
            "{}: the incident that begins at {} ({}) is not caught any more: it was rolled back {} into it",
            compared.name,
            caught.from,
            since(compared, caught.from),
            caught.after
        );
        let check = compared.before.rollbacks.iter().find(|back| back.at == caught.at);
        let culprit = culprit(check.and_then(|back| back.check.as_ref()), review, Direction::Looser);
        let mut item = about(rules::LOST_INCIDENT, Level::Error, message, culprit, compared, review);
        item.identity = format!("{} {}", compared.name, caught.from);
        item
    };
    uncaught(compared).iter().map(item).collect()
}

/// A roll back that comes later than it did: an incident that goes on for so long more.
fn later(compared: &Compared, review: &Review) -> Vec<Item> {
    let item = |moved: &Moved| {
        let message = format!(
            "{}: rolls back {} later, at {} ({})",
            compared.name,
            Duration::from_millis(moved.later_by()),
            moved.after,
            since(compared, moved.after)
        );
        let culprit = culprit(moved.check.as_ref(), review, Direction::Looser);
        about(rules::LATER_ROLLBACK, Level::Warning, message, culprit, compared, review)
    };
    compared.moved.iter().filter(|moved| moved.later_by() > 0).map(item).collect()
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
pub(super) fn since(compared: &Compared, at: Time) -> String {
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
    item.identity = compared.name.clone();
    if compared.title.is_empty() {
        return item;
    }
    let file = Place::line(format!("{}/fixture.toml", compared.name), 1);
    item.related.push(Related { place: file, message: compared.title.clone() });
    item
}

fn suites(review: &Review) -> Vec<Suite> {
    let name = format!("{} .. {}", review.old.shown, review.new.shown);
    let cases = review.compared.iter().map(|compared| case(compared, review));
    let conditions = review.tripped.iter().filter(|tripped| tripped.fails).map(|tripped| Case {
        failures: vec![Fault { message: tripped.why.clone(), details: tripped.why.clone() }],
        ..Case::new(format!("no {}", tripped.condition))
    });
    vec![Suite { name, cases: cases.chain(conditions).collect(), took: None }]
}

/// A recording. That it decides otherwise is what many an edit is for; that is told, and fails nothing by itself.
fn case(compared: &Compared, review: &Review) -> Case {
    let mut case = Case::new(format!("{} in {}", compared.name, compared.environment));
    case.file = (!compared.title.is_empty()).then(|| format!("{}/fixture.toml", compared.name));
    match compared.standing {
        _ if fails(compared, review) => case.failures.push(fault(compared)),
        Standing::Decisions => case.said.push(fault(compared).details),
        Standing::Findings => case.said.push("the same decisions, but the golden timeline changes".to_owned()),
        Standing::Same => {}
    }
    case
}

/// An incident goes on now, or the recording is of what `--fail-on` asked for.
fn fails(compared: &Compared, review: &Review) -> bool {
    let asked = |condition| review.tripped.iter().any(|one| one.fails && one.condition == condition);
    !compared.lost.is_empty()
        || !uncaught(compared).is_empty()
        || (compared.gained_false > 0 && asked(Condition::FalseRollback))
        || (compared.standing != Standing::Same && asked(Condition::Any))
}

fn fault(compared: &Compared) -> Fault {
    if compared.standing == Standing::Findings {
        let message = "the same decisions, but the golden timeline changes".to_owned();
        return Fault { details: message.clone(), message };
    }
    let message = markdown::divergence::what(compared);
    let mut lines = vec![message.clone()];
    if let Some(divergence) = &compared.divergence {
        lines.push(format!("first at {} ({})", divergence.at, since(compared, divergence.at)));
        for (word, decision) in [("before", &divergence.before), ("after", &divergence.after)] {
            let (answer, why) = markdown::divergence::reason(decision, divergence);
            lines.push(format!("  {word:6}  {answer}: {why}"));
        }
    }
    Fault { message, details: lines.join("\n") }
}
