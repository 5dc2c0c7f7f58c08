//! The fixtures of both sides together. A change that takes away the recording on which it fails must not pass: what
//! only the old side has is judged as well, and what became of each is told.

use std::path::PathBuf;

use crate::cli::console::Console;
use crate::fixture::directory::EXPECT_FILE;
use crate::fixture::score::{Label, Quality};
use crate::report::layout::count;
use crate::review::case::FixtureText;
use crate::review::compare::Reading;

use super::pairs::{Compiled, Pair};
use super::recordings::{self, Located};
use super::sides::{Holds, Sides};

/// The fixtures that a policy is judged on, and what became of them.
#[derive(Default)]
pub(super) struct Union {
    /// Those of the new side, then the old side's versions of those that were removed or whose data was edited.
    pub(super) fixtures: Vec<FixtureText>,
    pub(super) became: Became,
}

/// What became of the fixtures of a policy.
#[derive(Debug, Default)]
pub(super) struct Became {
    removed: Vec<String>,
    added: Vec<String>,
    relabelled: Vec<String>,
    /// Data, or how it is read and where it starts.
    edited: Vec<String>,
    expectations: Vec<String>,
}

impl Became {
    /// `fixtures: 1 removed, 0 added, 1 relabelled (x: bad became good)`; nothing when nothing became of them.
    pub(super) fn note(&self) -> Option<String> {
        let quiet = self.why().is_none() && self.added.is_empty() && self.expectations.is_empty();
        if quiet {
            return None;
        }
        let said = |word: &str, names: &[String]| match names {
            [] => format!("0 {word}"),
            names => format!("{} {word} ({})", names.len(), names.join(", ")),
        };
        let mut all =
            vec![said("removed", &self.removed), said("added", &self.added), said("relabelled", &self.relabelled)];
        for (word, names) in [("edited", &self.edited), ("with other expectations", &self.expectations)] {
            if !names.is_empty() {
                all.push(said(word, names));
            }
        }
        Some(format!("fixtures: {}", all.join(", ")))
    }

    /// Why that is not nothing: less is tried than before, or something else.
    pub(super) fn why(&self) -> Option<String> {
        let kinds = [("removed", &self.removed), ("relabelled", &self.relabelled), ("edited", &self.edited)];
        let some = kinds.into_iter().filter(|(_, names)| !names.is_empty());
        let all: Vec<String> = some.map(|(word, names)| format!("{} {word}", count(names.len(), "fixture"))).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

/// The fixtures of the new side, and where git knows both sides, those that only the old one has.
///
/// # Errors
/// A fixture cannot be read.
pub(super) fn of_pair(
    asked: &[PathBuf],
    sides: &Sides,
    pair: &Pair,
    (old, new): (&Compiled, &Compiled),
    console: &mut Console,
) -> anyhow::Result<Union> {
    let is_revision = matches!(sides.old.holds, Holds::Revision { .. });
    let moved_from = (is_revision && pair.old.path != pair.new.path).then_some(pair.old.path.as_str());
    let there = match &sides.new.holds {
        Holds::Revision { .. } if !asked.is_empty() => recordings::on_disk(asked, &pair.new, console)?,
        _ => recordings::of_side(asked, &sides.new, &pair.new, moved_from, console)?,
    };
    let is_known = !there.iter().any(|(path, _)| path.is_none());
    if !is_known || !is_revision {
        let fixtures = there.into_iter().map(|(_, fixture)| fixture).collect();
        return Ok(Union { fixtures, became: Became::default() });
    }
    let was = recordings::of_side(asked, &sides.old, &pair.old, None, console)?;
    Ok(united(was, there, (old, new)))
}

fn united(was: Located, there: Located, (old, new): (&Compiled, &Compiled)) -> Union {
    let mut union = Union::default();
    let name = |path: &Option<String>| {
        let path = path.as_deref().unwrap_or_default();
        path.strip_prefix("fixtures/").unwrap_or(path).to_owned()
    };
    let known = |path: &Option<String>| was.iter().any(|(was, _)| was == path);
    union.became.added = there.iter().filter(|(path, _)| !known(path)).map(|(path, _)| name(path)).collect();
    let mut before = Vec::new();
    for (path, fixture) in was {
        let Some((_, is)) = there.iter().find(|(there, _)| *there == path) else {
            union.became.removed.push(name(&path));
            before.push(fixture);
            continue;
        };
        let compiled = |fixture: &FixtureText| {
            let environment = fixture.head.environment.as_str();
            let policy = new.get(environment).or_else(|| old.get(environment))?;
            Reading::of_fixture(fixture, policy).ok()
        };
        let (read, reads) = (compiled(&fixture).map(untitled), compiled(is).map(untitled));
        let label = |reading: &Option<Reading>| reading.as_ref().and_then(|reading| reading.label.clone());
        let (labelled, labels) = (label(&read), label(&reads));
        if labelled != labels {
            let words = relabelled(labelled.as_ref(), labels.as_ref());
            union.became.relabelled.push(format!("{}: {words}", name(&path)));
        }
        let bare = |reading: Option<Reading>| reading.map(|reading| Reading { label: None, ..reading });
        let data = |fixture: &FixtureText| fixture.data.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>();
        let moved = fixture.head.environment != is.head.environment;
        if moved || data(&fixture) != data(is) || bare(read) != bare(reads) {
            union.became.edited.push(name(&path));
            before.push(fixture);
        } else if fixture.source.get(EXPECT_FILE) != is.source.get(EXPECT_FILE) {
            union.became.expectations.push(name(&path));
        }
    }
    union.fixtures = there.into_iter().map(|(_, fixture)| fixture).chain(before).collect();
    union
}

/// A title decides nothing.
fn untitled(mut reading: Reading) -> Reading {
    reading.scenario.name.clear();
    reading
}

fn relabelled(was: Option<&Label>, is: Option<&Label>) -> String {
    let word = |label: Option<&Label>| match label.map(|label| label.quality) {
        Some(Quality::Good) => "good",
        Some(Quality::Bad) => "bad",
        None => "no label",
    };
    match (word(was), word(is)) {
        (was, is) if was == is => "other incidents".to_owned(),
        (was, is) => format!("{was} became {is}"),
    }
}
