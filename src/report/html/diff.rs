//! The page of a comparison: what was edited, what comes of it, and every recording whose decisions change with both
//! policies' runs above each other.

use askama::Template;

use crate::model::ids::{CheckId, Environment};
use crate::report::diff::Diffed;
use crate::report::layout::count;
use crate::report::svg::Node;
use crate::report::times::Times;
use crate::review::change::{Change, Direction};
use crate::review::drawn::Drawn;
use crate::review::outcome::{Review, SideName};
use crate::review::verdict::{Compared, Standing};

use super::{marks, verdict};

mod recording;
mod words;

/// What a page of a comparison is made of.
#[derive(Debug, Clone, Copy)]
pub struct DiffPage<'a> {
    /// What was compared.
    pub diffed: &'a Diffed,
    /// Runs over time of those recordings that somebody wants to look at, by name and environment; see [`draw`].
    ///
    /// [`draw`]: crate::review::drawn::draw
    pub drawn: &'a [(String, Environment, Drawn)],
    /// The zone that times are shown in.
    pub zone: &'a jiff::tz::TimeZone,
    /// The command that gives the same answers again.
    pub command: &'a str,
}

#[derive(Template)]
#[template(path = "diff.html")]
struct Page<'a> {
    title: String,
    about: String,
    /// Policies that are gone, as the old side names them.
    removed: &'a [String],
    parts: Vec<Part<'a>>,
    /// What became of the other policies, and how the sides were found.
    others: Vec<(&'static str, &'a [String])>,
    patterns: Node,
    engine: &'static str,
    command: &'a str,
}

/// One policy that was edited.
struct Part<'a> {
    id: String,
    old: Side,
    new: Side,
    verdict: verdict::Verdict,
    tripped: Vec<Tripped>,
    changes: Vec<Edit>,
    score: Vec<words::Scored>,
    changed: Vec<words::Row>,
    recordings: Vec<recording::Recording>,
    /// Decided alike, with other findings.
    worded: Vec<String>,
    same: Vec<String>,
    notes: &'a [String],
}

/// One of the two policies.
struct Side {
    shown: String,
    /// With the environment where there are several.
    digests: Vec<(String, String)>,
}

/// A condition of the merge.
struct Tripped {
    name: &'static str,
    why: String,
    fails: bool,
}

/// One edited thing.
struct Edit {
    class: &'static str,
    icon: &'static str,
    direction: &'static str,
    sampled: bool,
    severity: &'static str,
    level: String,
    kind: &'static str,
    name: String,
    part: String,
    before: String,
    after: String,
    words: Vec<String>,
    at: String,
    environments: String,
}

/// The whole page of a comparison.
///
/// # Panics
/// Never: text is written into memory.
#[must_use]
pub fn diff(page: &DiffPage<'_>) -> String {
    let diffed = page.diffed;
    let parts: Vec<Part<'_>> = diffed.reviews.iter().enumerate().map(|(at, review)| part(at, review, page)).collect();
    let gone = count(diffed.removed.len(), "policy");
    let about = match parts.as_slice() {
        [] if !diffed.removed.is_empty() => format!("{gone} removed"),
        [] => diffed.nothing(),
        [only] => format!("{} → {}", only.old.shown, only.new.shown),
        several => format!("{} policies were edited", several.len()),
    };
    let others: [(&str, &[String]); 3] = [
        ("the same on both sides", &diffed.unchanged),
        ("only on the new side", &diffed.added),
        ("how the sides were found", &diffed.notes),
    ];
    let page = Page {
        title: match parts.as_slice() {
            [only] => format!("{}: {about}", only.verdict.word),
            _ => format!("rollgate diff: {about}"),
        },
        about,
        removed: &diffed.removed,
        parts,
        others: others.into_iter().filter(|(_, names)| !names.is_empty()).collect(),
        patterns: marks::patterns(),
        engine: env!("CARGO_PKG_VERSION"),
        command: page.command,
    };
    page.render().expect("writing into memory does not fail")
}

fn part<'a>(number: usize, review: &'a Review, page: &DiffPage<'a>) -> Part<'a> {
    let several = review.new.digests.len() > 1;
    let differing = || review.compared.iter().enumerate().filter(|(_, one)| one.standing == Standing::Decisions);
    let named = |standing: Standing| {
        review.compared.iter().filter(move |one| one.standing == standing).map(words::name).collect()
    };
    let id = |at: usize| format!("r{number}-{at}");
    let recordings = differing().map(|(at, one)| {
        let is_of = |(name, environment, _): &&(String, Environment, Drawn)| {
            *name == one.name && *environment == one.environment
        };
        let drawn = page.drawn.iter().find(is_of).map(|(.., drawn)| drawn);
        recording::recording(id(at), one, drawn, &edited(review, one), page.zone)
    });
    Part {
        id: format!("p{number}"),
        old: side(&review.old),
        new: side(&review.new),
        verdict: words::verdict(review),
        tripped: tripped(review),
        changes: review.changes.iter().map(|change| edit(change, several)).collect(),
        score: words::scores(review),
        changed: differing().map(|(at, one)| words::row(id(at), one, &times_of(one, page.zone))).collect(),
        recordings: recordings.collect(),
        worded: named(Standing::Findings),
        same: named(Standing::Same),
        notes: &review.notes,
    }
}

/// The checks that were edited in the environment of a recording.
fn edited(review: &Review, one: &Compared) -> Vec<CheckId> {
    let here = review.changes.iter().filter(|change| change.environments.contains(&one.environment));
    let check = |change: &Change| match &change.subject {
        crate::review::change::Subject::Check(id) => Some(id.clone()),
        _ => None,
    };
    here.filter_map(check).collect()
}

/// How the times of a recording are shown.
fn times_of(one: &Compared, zone: &jiff::tz::TimeZone) -> Times {
    let rows = || one.before.rows.iter().chain(&one.after.rows).map(|row| row.time);
    Times::between(zone.clone(), one.begins, rows().max().unwrap_or(one.begins))
}

fn side(side: &SideName) -> Side {
    let mut digests: Vec<(String, String)> = Vec::new();
    for (environment, digest) in &side.digests {
        match digests.iter_mut().find(|(_, known)| known == digest.as_str()) {
            Some((environments, _)) => environments.push_str(&format!(", {environment}")),
            None => digests.push((environment.to_string(), digest.as_str().to_owned())),
        }
    }
    Side { shown: side.shown.clone(), digests }
}

fn tripped(review: &Review) -> Vec<Tripped> {
    let one = |tripped: &crate::review::outcome::Tripped| Tripped {
        name: tripped.condition.name(),
        why: tripped.why.clone(),
        fails: tripped.fails,
    };
    review.tripped.iter().map(one).collect()
}

fn edit(change: &Change, several: bool) -> Edit {
    let (class, icon) = match change.direction {
        Direction::Tighter => ("tighter", "▲"),
        Direction::Looser => ("looser", "▼"),
        Direction::Different => ("different", "◆"),
    };
    let absent = |word: &str| if change.part.is_empty() { word.to_owned() } else { "–".to_owned() };
    let mut words: Vec<String> = Vec::new();
    words.extend(change.counterexample.as_ref().map(ToString::to_string));
    if !change.words.is_empty() {
        words.push(change.words.clone());
    }
    let environments: Vec<&str> = change.environments.iter().map(|environment| environment.as_str()).collect();
    Edit {
        class,
        icon,
        direction: change.direction.name(),
        sampled: change.proof == crate::review::change::Proof::Sampled,
        severity: super::levels::of_severity(change.severity),
        level: change.severity.map_or_else(String::new, |severity| severity.to_string()),
        kind: change.subject.kind(),
        name: change.subject.name(),
        part: change.part.clone(),
        before: change.before.clone().unwrap_or_else(|| absent("was not there")),
        after: change.after.clone().unwrap_or_else(|| absent("removed")),
        words,
        at: change.is_at.as_ref().or(change.was_at.as_ref()).map(ToString::to_string).unwrap_or_default(),
        environments: if several { environments.join(", ") } else { String::new() },
    }
}
