//! The page of a review: what was edited, and both policies' runs above each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use rollgate::fixture::run::RunOptions;
use rollgate::fixture::score::{Caught, Quality, Score};
use rollgate::model::ids::Environment;
use rollgate::model::time::Duration;
use rollgate::policy::compiled::Policy;
use rollgate::report::diff::Diffed;
use rollgate::report::html::{DiffPage, diff};
use rollgate::review::compare::{Case, CompareOptions, compare};
use rollgate::review::drawn::draw;
use rollgate::review::gate::tripped;
use rollgate::review::outcome::{Condition, Review, SideName};
use rollgate::review::structure::changes;
use rollgate::review::tally::tallies;
use rollgate::review::verdict::Standing;
use rollgate::shell::{files, fixture::load_fixture};

use crate::support::{elements, holds_what_every_page_must, read, root, text};

fn compiled(from: &str, to: &str) -> Arc<Policy> {
    let mut source = files::load_policy(&root().join("policies/request-isolation"));
    let before = source.get("policy.toml").unwrap().to_string();
    let after = before.replacen(from, to, 1);
    assert!(from == to || before != after, "`{from}` is not in the policy");
    source.insert("policy.toml", after);
    rollgate::policy::compile(&source, &Environment::new("production")).policy.map(Arc::new).expect("it compiles")
}

/// The page of `from` edited to `to`, over three fixtures.
fn page(from: &str, to: &str) -> String {
    page_with(from, to, |_| {})
}

/// The same of a comparison that was altered.
fn page_with(from: &str, to: &str, alter: impl FnOnce(&mut Diffed)) -> String {
    let environment = Environment::new("production");
    let (old, new) = (compiled(from, from), compiled(from, to));
    let (mut compared, mut drawn) = (Vec::new(), Vec::new());
    for name in ["isolation-leak-grows", "errors-step-in-treatment-only", "latency-creeps"] {
        let mut fixture = load_fixture(&root().join("fixtures").join(name)).unwrap();
        fixture.source.root = format!("fixtures/{name}");
        let case = Case::of_fixture(&fixture, &old, &new).unwrap();
        let one = compare(&case, &old, &new, &CompareOptions { per_step: true, ..CompareOptions::default() }).unwrap();
        if one.standing == Standing::Decisions {
            let both = draw(&case, &old, &new, &RunOptions::default()).unwrap();
            drawn.push((one.name.clone(), one.environment.clone(), both));
        }
        compared.push(one);
    }
    let by = |policy: &Arc<Policy>| BTreeMap::from([(environment.clone(), Arc::clone(policy))]);
    let changes = changes(&by(&old), &by(&new));
    let side = |shown: &str, policy: &Arc<Policy>| SideName {
        shown: shown.to_owned(),
        digests: BTreeMap::from([(environment.clone(), policy.digest.clone())]),
    };
    let review = Review {
        rollout: "request-isolation".to_owned(),
        old: side("main:policies/request-isolation", &old),
        new: side("policies/request-isolation", &new),
        tallies: tallies(&compared),
        tripped: tripped(&changes, &compared, &[Condition::LostRollback, Condition::LooserP0]),
        changes,
        compared,
        notes: vec!["`fixtures/old-one` does not fit the old policy: </li><script>alert(1)</script>".to_owned()],
    };
    let zone = jiff::tz::TimeZone::UTC;
    let command = "rollgate diff main:policies/request-isolation policies/request-isolation";
    let mut diffed = Diffed { reviews: vec![review], ..Diffed::default() };
    alter(&mut diffed);
    diff(&DiffPage { diffed: &diffed, drawn: &drawn, zone: &zone, command })
}

#[test]
fn a_page_of_a_review_needs_nothing_but_itself() {
    let page = page("below = \"95%\"", "below = \"97%\"");
    holds_what_every_page_must(&page);
    // For whoever looks at it: `ROLLGATE_PAGES=/tmp/pages cargo nextest run --test html`.
    if let Some(folder) = std::env::var_os("ROLLGATE_PAGES") {
        std::fs::write(std::path::Path::new(&folder).join("diff.html"), &page).unwrap();
    }
}

#[test]
fn a_tighter_bound_is_shown_with_what_it_moves() {
    let page = page("below = \"95%\"", "below = \"97%\"");
    read(&page, |document| {
        let verdict = elements(document, "section").find(|section| section.attribute("aria-label") == Some("verdict"));
        let said = text(verdict.unwrap());
        assert!(said.contains("Decisions change on 1 of 3 recordings"), "{said}");
        assert!(said.contains("1 earlier"), "{said}");
        let edits = elements(document, "table").find(|table| table.attribute("class") == Some("edits")).unwrap();
        let said = text(edits);
        for part in ["▲ tighter", "P0", "isolation_score.p0", "95%", "97%"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let section = elements(document, "section").find(|section| section.attribute("class") == Some("recording"));
        let said = text(section.unwrap());
        for part in [
            "roll back 20m earlier",
            "First difference: Tue 2026-11-10 10:00:00 UTC",
            "was P0 isolation_score.p0",
            "open loop",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        // Both policies' bands, one above the other, and both bounds in the chart.
        let names: Vec<String> = section
            .unwrap()
            .descendants()
            .filter(|node| node.attribute("class") == Some("name"))
            .map(text)
            .filter(|name| name.starts_with("decision"))
            .collect();
        assert_eq!(names, ["decision before", "decision after"]);
        for class in ["bound p0", "bound was", "open-loop", "parting"] {
            assert!(document.descendants().any(|node| node.attribute("class") == Some(class)), "{class}");
        }
    });
}

#[test]
fn a_lost_roll_back_is_the_first_thing_said() {
    let page = page("below = \"95%\"", "below = \"60%\"");
    holds_what_every_page_must(&page);
    read(&page, |document| {
        let verdict = elements(document, "section").find(|section| section.attribute("aria-label") == Some("verdict"));
        assert_eq!(verdict.unwrap().attribute("class"), Some("verdict back"));
        assert!(text(verdict.unwrap()).contains("1 lost"), "{}", text(verdict.unwrap()));
        let tripped = elements(document, "ul").find(|list| list.attribute("class") == Some("tripped")).unwrap();
        let said = text(tripped);
        assert!(said.contains("✖ fails lost-rollback") && said.contains("✖ fails looser-p0"), "{said}");
    });
}

#[test]
fn an_edit_that_changes_nothing_says_so() {
    let page = page("owner   = \"platform-sre\"", "owner   = \"platform-sre\"");
    holds_what_every_page_must(&page);
    assert!(page.contains("No decision changes on 3 recordings"), "{page}");
    assert!(page.contains("Nothing that can alter a decision"), "{page}");
}

/// The class of the verdict, and of the effect whose words contain `part`.
fn tone(page: &str, part: &str) -> (String, String) {
    read(page, |document| {
        let class = |node: roxmltree::Node<'_, '_>| node.attribute("class").unwrap_or_default().to_owned();
        let verdict = elements(document, "section").find(|section| section.attribute("aria-label") == Some("verdict"));
        let effects = || elements(document, "p").filter(|p| class(*p).starts_with("effect"));
        let effect = effects().find(|effect| text(*effect).contains(part));
        let all: Vec<String> = effects().map(text).collect();
        (class(verdict.unwrap()), class(effect.unwrap_or_else(|| panic!("{part}: {all:?}"))))
    })
}

#[test]
fn a_roll_back_before_the_incident_is_red_and_no_gain_in_time() {
    let page = page_with("below = \"95%\"", "below = \"97%\"", |diffed| {
        let review = &mut diffed.reviews[0];
        let one = review.compared.iter_mut().find(|one| one.standing == Standing::Decisions).unwrap();
        let moved = one.moved[0].clone();
        one.label = Some(Quality::Bad);
        let caught = Caught { from: moved.before, at: moved.before, after: Duration::from_mins(6000) };
        one.before.score = Some(Score { caught: vec![caught], ..Score::default() });
        let missed = vec![(moved.before, moved.before)];
        one.after.score = Some(Score { missed, false_alarms: vec![moved.after], ..Score::default() });
        review.tallies = tallies(&review.compared);
    });
    holds_what_every_page_must(&page);
    assert_eq!(tone(&page, "is not caught any more"), ("verdict back".to_owned(), "effect looser".to_owned()));
    assert_eq!(tone(&page, "20m earlier").1, "effect looser");
    assert!(page.contains("1 incident not caught any more"), "{page}");
    read(&page, |document| {
        let lines = elements(document, "tr").filter(|line| text(*line).starts_with("median time"));
        let classes: Vec<_> = lines.map(|line| line.attribute("class").unwrap_or_default()).collect();
        assert_eq!(classes, [""]);
    });
}

#[test]
fn a_new_roll_back_without_a_label_is_neither_good_nor_bad() {
    let page = page_with("below = \"95%\"", "below = \"97%\"", |diffed| {
        for one in &mut diffed.reviews[0].compared {
            (one.label, one.before.score, one.after.score) = (None, None, None);
            one.gained = one.moved.drain(..).filter_map(|_| one.after.rollbacks.first().cloned()).collect();
        }
    });
    assert_eq!(tone(&page, "new roll back").1, "effect different");
}

#[test]
fn a_removed_policy_is_the_first_thing_said() {
    let page = page_with("below = \"95%\"", "below = \"97%\"", |diffed| {
        diffed.removed = vec!["main:policies/checkout".to_owned()];
    });
    holds_what_every_page_must(&page);
    let (gone, verdict) =
        (page.find("Removed: main:policies/checkout").unwrap(), page.find("Decisions change").unwrap());
    let title = page.find("</title>").unwrap();
    assert!(gone > title && (verdict < title || gone < verdict), "{page}");
}

#[test]
fn the_first_difference_is_named_beside_the_stages_not_over_them() {
    let page = page("below = \"95%\"", "below = \"97%\"");
    read(&page, |document| {
        let word = elements_of(document, "parting-word");
        assert_eq!(word.len(), 1);
        let drawing = word[0].ancestors().find(|node| node.attribute("class") == Some("plot")).unwrap();
        assert!(!drawing.descendants().any(|node| node.attribute("class").is_some_and(|class| class.contains("rung"))));
    });
}

fn elements_of<'a, 'i>(document: &'a roxmltree::Document<'i>, class: &str) -> Vec<roxmltree::Node<'a, 'i>> {
    document.descendants().filter(|node| node.attribute("class") == Some(class)).collect()
}
