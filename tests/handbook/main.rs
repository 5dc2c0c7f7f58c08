//! Plan, runbook and matrix are right for any policy: all sections, every check and stage, commands that exist, tables
//! that stay tables.

#![expect(clippy::disallowed_methods, reason = "it compares with committed files, and writes them when asked to")]

mod commands;
mod current;
mod markdown;
mod plan;
mod policies;

use rollgate::handbook::Handbook;
use rstest::rstest;

use policies::{every, example, written};

const SECTIONS: [&str; 6] = [
    "1. Pre-deployment checklist",
    "2. Step-by-step commands",
    "3. Dashboards and metrics",
    "4. Troubleshooting",
    "5. Escalation",
    "6. Post-deployment",
];

/// Every page of every policy.
fn pages() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for (name, source, policy) in &every() {
        let book = Handbook::new(policy, source);
        let start = rollgate::model::time::Time::parse("2026-11-27T12:00:00Z").unwrap();
        pages.push((format!("runbook of {name}"), book.runbook()));
        pages.push((format!("plan of {name}"), book.plan(None, &jiff::tz::TimeZone::UTC)));
        pages.push((format!("dated plan of {name}"), book.plan(Some(start), &jiff::tz::TimeZone::UTC)));
        pages.push((format!("matrix of {name}"), book.matrix()));
    }
    pages
}

#[test]
fn a_runbook_has_its_six_sections_and_no_other() {
    for (name, source, policy) in &every() {
        let headings = markdown::headings(&Handbook::new(policy, source).runbook(), 2);
        assert_eq!(headings, SECTIONS, "{name}");
    }
}

#[test]
fn no_section_is_empty() {
    for (name, source, policy) in &every() {
        let runbook = Handbook::new(policy, source).runbook();
        for section in runbook.split("\n## ").skip(1) {
            let words = section.split_whitespace().count();
            assert!(words > 30, "{name}: {section}");
        }
    }
}

#[test]
fn nothing_is_left_for_somebody_to_fill_in() {
    let gaps =
        ["TODO", "TBD", "FIXME", "XXX", "lorem", "placeholder", "fill in", "your-", "example.com", "{}", "NaN", "`?`"];
    for (name, page) in pages() {
        for gap in gaps {
            assert!(!page.contains(gap), "{name} says {gap:?}:\n{page}");
        }
    }
}

#[test]
fn every_check_and_every_stage_is_on_every_page() {
    for (name, source, policy) in &every() {
        let book = Handbook::new(policy, source);
        for page in [book.runbook(), book.plan(None, &jiff::tz::TimeZone::UTC), book.matrix(), book.matrix_screen(80)] {
            for check in &policy.checks {
                assert!(page.contains(check.id.as_str()), "{name}: {} is missing:\n{page}", check.id);
            }
            for stage in &policy.stages {
                assert!(page.contains(stage.name.as_str()), "{name}: {} is missing:\n{page}", stage.name);
            }
        }
    }
}

#[test]
fn troubleshooting_has_a_part_per_check_and_the_comments_beside_it() {
    let (source, policy) = example("request-isolation");
    let runbook = Handbook::new(&policy, &source).runbook();
    let parts = markdown::headings(&runbook, 3);
    for check in &policy.checks {
        assert!(parts.iter().any(|part| part.starts_with(&format!("{} (", check.id))), "{}", check.id);
    }
    for note in [
        "> The team's stage forgives nothing: one contaminated request among colleagues",
        "> Gate. The A/B comparison: those who have the change fare as well",
    ] {
        assert!(runbook.contains(note), "{note}");
    }
}

#[rstest]
#[case::floor("both bounds must be broken: by itself, less than +20ms from the baseline is noise")]
#[case::control("While control breaks the same bound it holds instead of rolling back")]
#[case::hidden("any of these fires too, this one is listed as hidden by it: `isolation_score.p0`")]
#[case::asked("`runaway` asks whether it fires")]
#[case::silence("Silence acts by itself: `deploy_health` rolls back after 30m.")]
#[case::stage_limits("2m30s; in `internal` 15m")]
#[case::before_exposure("Stops the rollout in `off`, before anybody is exposed")]
#[case::not_applicable("Is not applicable in `off`, where nobody is in the group it reads")]
#[case::early("Must be open to leave `canary` and `staged` early, and stands in no other way")]
#[case::pages("`isolation_score` unknown for 7m30s: P1 tells `pagerduty` and `slack`.")]
#[case::past_max("Stage `canary` past 120h: it holds, and P1 tells `pagerduty` and `slack`.")]
#[case::objective("Objective `uptime`: 99.9%. It is measured, and met.")]
#[case::baseline("at least 60 readings in the 24h before the first exposure")]
fn the_runbook_says(#[case] sentence: &str) {
    let (source, policy) = example("request-isolation");
    let runbook = Handbook::new(&policy, &source).runbook();
    assert!(runbook.contains(sentence), "{sentence}");
}

#[rstest]
#[case::nobody_told(policies::one_stage(), "P0 tells nobody in `production`: somebody has to look.")]
#[case::no_owner(policies::one_stage(), "The policy names no owner: agree on one before the start.")]
#[case::nowhere_to_go(policies::one_stage(), "there is no lower stage, so its exposure stays")]
#[case::no_bottom(policies::one_stage(), "(No stage of this policy is at 0%; that is the way out all the same.)")]
#[case::no_check(policies::no_checks(), "The policy has no check.")]
#[case::ongoing(policies::one_stage(), "is ongoing and has no bake: nothing declares the rollout complete")]
#[case::script(policies::scripts_only(), "The script `doomed` in `rules.rhai` answers *breach*.")]
#[case::region(policies::regions_in_shadow(), "Only the region where it happened goes back; the others hold.")]
#[case::shadow(policies::regions_in_shadow(), "**Shadow mode**: every check is evaluated and reported")]
#[case::by_hand(policies::regions_in_shadow(), "It has no bake: it is left when a person orders it")]
#[case::max_rolls_back(policies::regions_in_shadow(), "Stage `full` past 2h: it rolls back to `off`.")]
#[case::quoted_path(policies::one_stage(), r"rollgate test 'policies/it'\''s mine'")]
fn the_runbook_of_a_small_policy_says(#[case] policy: String, #[case] sentence: &str) {
    let (source, policy) = written(&policy);
    let runbook = Handbook::new(&policy, &source).runbook();
    assert!(runbook.contains(sentence), "{sentence}\n\n{runbook}");
}

#[test]
fn the_matrix_fits_a_screen_of_eighty_columns() {
    for (name, source, policy) in &every() {
        let screen = Handbook::new(policy, source).matrix_screen(80);
        for line in screen.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
}

#[test]
fn the_matrix_reads_well_on_a_screen() {
    let (source, policy) = example("request-isolation");
    insta::assert_snapshot!(
        Handbook::new(&policy, &source).matrix_screen(80).replace(policy.digest.short(), "[digest]")
    );
}

#[test]
fn a_matrix_of_many_stages_goes_on_below() {
    let stages: String =
        (1..12).map(|n| format!("[[stages]]\nname = \"step-{n:02}\"\ntraffic = \"{n}%\"\nbake = \"1h\"\n")).collect();
    let text = policies::one_stage().replace("[[stages]]\nname = \"all\"\ntraffic = \"100%\"\n", &stages);
    let (source, policy) = written(&text);
    let screen = Handbook::new(&policy, &source).matrix_screen(60);
    assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    assert_eq!(screen.matches("error_rate.p0").count(), 3, "{screen}");
    for n in 1..12 {
        assert_eq!(screen.matches(&format!("step-{n:02}")).count(), 1, "{screen}");
    }
}
