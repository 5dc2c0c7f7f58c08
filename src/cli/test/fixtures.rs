//! Fixtures against their policies: what must come of them, and the golden timeline that reviewers see move.

use std::path::Path;

use anyhow::Context as _;

use crate::cli::console::Console;
use crate::cli::policies;
use crate::cli::run::fixture::Folder;
use crate::fixture::data::open::open_all;
use crate::fixture::directory::{EXPECT_FILE, FIXTURE_FILE};
use crate::fixture::run::{Run, RunOptions, run as play};
use crate::fixture::timeline::render;
use crate::report::outcomes::{At, Failure, Outcome, Outcomes, Suite};
use crate::shell::{files, write};

use super::compile::compile;
use super::{Fired, Wanted, passed, suite};

/// Runs one fixture; errors of its policy are shown before this fails.
pub(crate) fn run(
    path: &Path,
    wanted: &Wanted<'_>,
    all: &mut Outcomes,
    fired: &mut Fired,
    console: &mut Console,
) -> anyhow::Result<()> {
    let folder = Folder::read(path, console)?;
    if !wanted.has(&folder.head.title, all) {
        return Ok(());
    }
    let source = policies::load_one(&folder.policy_folder())
        .with_context(|| format!("fixture `{}` names the policy `{}`", folder.source.root, folder.head.policy))?;
    let policy = compile(&source, &folder.head.environment, all, console)?;
    fired.begin(&policy, true);
    let (fixture, diagnostics) = folder.examine(&policy);
    let mut suite = Suite {
        path: folder.source.root.clone(),
        about: format!("fixture, {} {} ({})", folder.head.environment, policy.rollout, policy.digest.short()),
        rollout: policy.rollout.to_string(),
        tests: Vec::new(),
    };
    if let Some(outcome) = suite::unreadable("the fixture", &diagnostics, &folder.source) {
        suite.tests.push(outcome);
        all.suites.push(suite);
        return Ok(());
    }
    let catalogue = std::sync::Arc::new(policy.catalogue.clone());
    let mut frames = open_all(folder.recordings()?, &catalogue, &Folder::reading(&fixture, &policy))?;
    let options = RunOptions::default();
    let run = play(&fixture.scenario, &policy, &mut *frames, &options, &mut |machine, _, output, _| {
        fired.look(machine, output);
    })?;
    for (metric, seen) in policy.catalogue.metrics().iter().zip(&run.report.seen) {
        if seen.known > 0 {
            fired.carried(&policy, metric.name.as_str());
        }
    }
    let mut outcome = passed(folder.head.title.clone(), At::file(format!("{}/{FIXTURE_FILE}", folder.source.root)));
    outcome.failures.extend(empty(&folder, &run, wanted.bless));
    outcome.failures.extend(run.failures.iter().cloned().map(|failure| suite::worded(failure, &folder.source)));
    suite.tests.push(outcome);
    if let Some(golden) = golden(&folder, &run, wanted, all)? {
        suite.tests.push(golden);
    }
    all.suites.push(suite);
    Ok(())
}

/// A fixture without readings, or without anything that must come of it, cannot fail.
fn empty(folder: &Folder, run: &Run, bless: bool) -> Option<Failure> {
    let fails = |file: &str, expected: &str, got: &str| Failure {
        place: At::file(format!("{}/{file}", folder.source.root)),
        expected: expected.to_owned(),
        got: got.to_owned(),
        more: Vec::new(),
    };
    if run.played.frames == 0 {
        return Some(fails(FIXTURE_FILE, "recorded readings", "the data holds none"));
    }
    // Blessing writes the timeline.
    let is_there = bless || folder.source.get(EXPECT_FILE).is_some() || folder.timeline().exists();
    (!is_there).then(|| fails(EXPECT_FILE, "something that must come of it", "neither expect.toml nor timeline.txt"))
}

/// Compares with the golden timeline, or writes it.
fn golden(folder: &Folder, run: &Run, wanted: &Wanted<'_>, all: &mut Outcomes) -> anyhow::Result<Option<Outcome>> {
    let path = folder.timeline();
    let is = render(&run.rows, run.begins);
    let was = files::read_text(&path).ok();
    if wanted.bless {
        if was.as_deref() != Some(is.as_str()) {
            write::put(&path, is.as_bytes()).with_context(|| format!("cannot write `{}`", files::shown(&path)))?;
            all.notes.push(format!("wrote {}", files::shown(&path)));
        }
        return Ok(None);
    }
    let Some(was) = was else { return Ok(None) };
    let mut outcome = passed("goes as in timeline.txt".to_owned(), At::file(files::shown(&path)));
    if let Some((line, expected, got)) = first_difference(&was, &is) {
        outcome.failures.push(Failure {
            place: At::line(files::shown(&path), line),
            expected,
            got,
            more: vec!["if this is what you want: rollgate test --bless".to_owned()],
        });
    }
    Ok(Some(outcome))
}

/// The first line that differs, from one.
fn first_difference(was: &str, is: &str) -> Option<(usize, String, String)> {
    let (mut old, mut new) = (was.lines(), is.lines());
    let line = |text: Option<&str>| text.map_or_else(|| "nothing more".to_owned(), words);
    for number in 1.. {
        match (old.next(), new.next()) {
            (None, None) => return None,
            // Columns are as wide as their contents: a change elsewhere moves blanks and means nothing here.
            (was, is) if was.map(words) == is.map(words) => {}
            (was, is) => return Some((number, line(was), line(is))),
        }
    }
    None
}

fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
