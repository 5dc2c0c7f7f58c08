//! Every threshold of the example policies is pinned, and one whose tests are taken away is named.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rollgate::model::ids::Environment;
use rollgate::policy;
use rollgate::policy::source::PolicySource;
use rollgate::review::case::FixtureText;
use rollgate::review::mutate::cases::{Case, Played};
use rollgate::review::mutate::judge::{Options, judge};
use rollgate::review::mutate::sites::{Found, sites};
use rollgate::review::mutate::{Assay, Fate, Judged, Tally};
use rollgate::shell::files::{absolute, find_fixtures, load_policy};
use rollgate::shell::fixture::load_fixture;

/// Sketches are enough here: what is written for survivors has tests of its own.
const QUICK: Options = Options { workers: 2, all_killers: false, search: false };
const EVERY_KILLER: Options = Options { all_killers: true, ..QUICK };
/// Tests of at most so many readings are enough to pin every check, and leave nobody waiting.
const SHORT: usize = 90;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn example(name: &str) -> PolicySource {
    load_policy(&root().join("policies").join(name))
}

fn fixtures_of(name: &str) -> Vec<FixtureText> {
    let own =
        |text: &FixtureText| absolute(&root().join(&text.head.policy)) == absolute(&root().join("policies").join(name));
    let read = |path: &Path| load_fixture(path).unwrap();
    find_fixtures(&root().join("fixtures")).unwrap().iter().map(|path| read(path)).filter(own).collect()
}

fn survivors(assay: &Assay) -> Vec<String> {
    let survived = assay.mutants.iter().filter(|mutant| matches!(mutant.fate, Fate::Survived { .. }));
    survived
        .map(|mutant| format!("{}:{} {} {}", mutant.site.file, mutant.site.line, mutant.site.name(), mutant.tried))
        .collect()
}

fn scores_100(name: &str, at_least: usize) {
    let (source, fixtures) = (example(name), fixtures_of(name));
    assert!(!fixtures.is_empty());
    let played = Played::new(&source, &fixtures, None).unwrap();
    let assay = judge(&played, &sites(&source, played.step), QUICK, &|_| {});
    assert_eq!(survivors(&assay), [""; 0]);
    let tally = Tally::of(&assay.mutants);
    assert_eq!(tally.score(), Some(100.0));
    assert!(tally.killed >= at_least, "{tally:?}");
    // What the compiler refuses pins nothing: it must stay the exception.
    assert!(tally.refused * 20 < tally.killed * 2, "{tally:?}");
}

#[test]
fn every_threshold_of_request_isolation_is_pinned() {
    scores_100("request-isolation", 400);
}

#[test]
fn every_threshold_of_web_service_is_pinned() {
    scores_100("web-service", 60);
}

/// The policy with only those of its tests that `keep` wants; files without any are gone.
fn with_tests(source: &PolicySource, keep: &dyn Fn(&str) -> bool) -> PolicySource {
    let mut copy = PolicySource::new(source.root.clone());
    for (file, text) in source.iter() {
        if !file.starts_with("tests/") {
            copy.insert(file, text);
            continue;
        }
        let mut document: toml_edit::DocumentMut = text.parse().unwrap();
        let tests = document["test"].as_array_of_tables_mut().unwrap();
        tests.retain(|test| keep(&format!("{file}: {}", test["name"].as_str().unwrap())));
        if !tests.is_empty() {
            copy.insert(file, document.to_string());
        }
    }
    copy
}

fn in_production(source: &PolicySource) -> Played<'_> {
    Played::new(source, &[], Some(&Environment::new(policy::PRODUCTION))).unwrap()
}

/// The check left out, and its bound moved: the rest of it is pinned by the same tests, and takes as long again.
fn of(played: &Played<'_>, id: &str) -> Vec<Found> {
    let mut found = sites(played.source, played.step);
    found.retain(|found| found.site.environment.is_none() && found.site.subject == id);
    found.retain(|found| ["", "above", "below", "at_least", "at_most", "is"].contains(&found.site.part.as_str()));
    found
}

/// For each check: with all cases that pin it removed, it is named. Judged by the short tests that move the check or ask
/// about it, and by a few that do not.
fn names_what_loses_its_tests(name: &str) {
    let whole = example(name);
    let all = in_production(&whole);
    let suite = &all.suites[0];
    assert!(suite.policy.checks.len() >= 5);
    for check in &suite.policy.checks {
        let check = check.id.as_str();
        let (mut near, far): (Vec<&Case>, Vec<&Case>) =
            suite.cases.iter().partition(|case| case.touches.contains(check));
        near.sort_by_key(|case| case.frames.len());
        // A gate that looks back for half a day has no short test.
        let short = near.iter().filter(|case| case.frames.len() <= SHORT).count();
        near.truncate(short.max(3));
        let kept: BTreeSet<&str> = near.iter().chain(far.iter().take(3)).map(|case| case.name.as_str()).collect();
        let source = with_tests(&whole, &|case| kept.contains(case));
        let played = in_production(&source);
        let before = judge(&played, &of(&played, check), EVERY_KILLER, &|_| {});
        let by = |mutant: &Judged| match &mutant.fate {
            Fate::Killed { by } => by.clone(),
            _ => Vec::new(),
        };
        let killers: BTreeSet<String> = before.mutants.iter().flat_map(by).collect();
        assert!(!killers.is_empty(), "no test pins {check}");
        let stripped = with_tests(&source, &|case| !killers.contains(case));
        let played = in_production(&stripped);
        let after = judge(&played, &of(&played, check), QUICK, &|_| {});
        let named = survivors(&after);
        assert!(named.iter().any(|line| line.contains(check)), "{check} is not named: {named:?}");
        assert_eq!(Tally::of(&after.mutants).killed, 0, "{check}: {named:?}");
    }
}

#[test]
fn each_check_of_web_service_is_named_when_its_tests_are_gone() {
    names_what_loses_its_tests("web-service");
}

#[test]
fn each_check_of_request_isolation_is_named_when_its_tests_are_gone() {
    names_what_loses_its_tests("request-isolation");
}
