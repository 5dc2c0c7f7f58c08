//! A review made by hand in every format: the comment that a reviewer reads, and the lines it points at.

use std::collections::BTreeMap;
use std::sync::Arc;

use rollgate::fixture::run::{Counts, RolledBack};
use rollgate::fixture::score::{Quality, Score};
use rollgate::model::decision::{Cause, Decision, Reasons, Verdict, Wait};
use rollgate::model::finding::Origin;
use rollgate::model::frame::Group;
use rollgate::model::ids::{CheckId, Digest, Environment, Generation, MetricName, RolloutId, StageName};
use rollgate::model::severity::{Response, Severity};
use rollgate::model::time::{Duration, Time};
use rollgate::model::units::Unit;
use rollgate::report::ci::{Format, of_diff, of_review};
use rollgate::report::diff::Diffed;
use rollgate::review::change::{Change, Counterexample, Direction, Proof, Subject};
use rollgate::review::outcome::{Condition, Review, SideName, Tripped};
use rollgate::review::verdict::{Compared, Divergence, Moved, Side, Standing, Tally};

use super::readers;
use super::worlds::HOSTILE;

const CHECK: &str = "isolation_score.p0";

fn at(minutes: i64) -> Time {
    Time::from_millis(1_772_600_400_000 + minutes * 60_000)
}

fn origin(line: u32) -> Origin {
    Origin { file: Arc::from("policy.toml"), line }
}

fn looser() -> Change {
    Change {
        subject: Subject::Check(CheckId::new(CHECK)),
        part: "below".to_owned(),
        before: Some("95%".to_owned()),
        after: Some("94%".to_owned()),
        direction: Direction::Looser,
        proof: Proof::Exact,
        severity: Some(Severity::P0),
        response: Some(Response::Rollback),
        counterexample: Some(Counterexample {
            metric: MetricName::new("isolation_score"),
            group: Group::Treatment,
            value: 94.5,
            unit: Unit::Percent,
            before: "rolled back".to_owned(),
            after: "holds".to_owned(),
            given: "lasting 2m".to_owned(),
        }),
        words: String::new(),
        was_at: Some(origin(34)),
        is_at: Some(origin(36)),
        environments: vec![Environment::new("production")],
    }
}

fn tighter() -> Change {
    Change {
        subject: Subject::Check(CheckId::new("error_rate.p1")),
        part: "for".to_owned(),
        before: Some("5m".to_owned()),
        after: Some("2m".to_owned()),
        direction: Direction::Tighter,
        severity: Some(Severity::P1),
        response: Some(Response::Hold),
        counterexample: None,
        is_at: Some(origin(41)),
        ..looser()
    }
}

fn decision(verdict: Verdict) -> Decision {
    Decision {
        time: at(735),
        rollout: RolloutId::new("request-isolation"),
        environment: Environment::new("production"),
        policy: Digest::new("7c1e9f20000"),
        revision: None,
        stage: StageName::new("canary"),
        traffic: 10.0,
        time_in_stage: Duration::from_millis(0),
        bake: (Duration::from_millis(0), None),
        verdict,
        severity: None,
        shadow: false,
        findings: Vec::new(),
        wake_at: None,
        generation: Generation(0),
    }
}

fn rolls_back() -> Decision {
    let because = Cause::Check {
        check: CheckId::new(CHECK),
        severity: Severity::P0,
        note: "isolation_score 94.5% is below 95%".to_owned(),
    };
    decision(Verdict::RollBack { to: StageName::new("off"), region: None, because: Reasons::new(because, Vec::new()) })
}

fn holds() -> Decision {
    decision(Verdict::Hold { because: Reasons::new(Wait::Final, Vec::new()) })
}

fn rolled_back(minutes: i64) -> RolledBack {
    RolledBack {
        at: at(minutes),
        check: Some(CheckId::new(CHECK)),
        region: None,
        because: "isolation_score 94.5% is below 95%".to_owned(),
        would: false,
    }
}

fn side(rollbacks: Vec<RolledBack>) -> Side {
    Side {
        policy: Digest::new("7c1e9f20000"),
        rows: Vec::new(),
        rows_left_out: 0,
        ends_in: StageName::new(if rollbacks.is_empty() { "full" } else { "off" }),
        rollbacks,
        counts: Counts::default(),
        score: Some(Score::default()),
        lacking: Vec::new(),
    }
}

/// The same under both.
fn same(name: &str) -> Compared {
    Compared {
        name: name.to_owned(),
        title: "a quiet week".to_owned(),
        environment: Environment::new("production"),
        label: Some(Quality::Good),
        snapshots: 900,
        begins: at(0),
        standing: Standing::Same,
        before: side(Vec::new()),
        after: side(Vec::new()),
        divergence: None,
        lost: Vec::new(),
        gained: Vec::new(),
        gained_false: 0,
        lost_false: 0,
        moved: Vec::new(),
        per_step: None,
    }
}

fn lost(name: &str) -> Compared {
    Compared {
        title: "sessions leak at night".to_owned(),
        label: Some(Quality::Bad),
        standing: Standing::Decisions,
        before: side(vec![rolled_back(735)]),
        divergence: Some(Divergence {
            at: at(735),
            snapshot: 147,
            before: rolls_back(),
            after: holds(),
            check: Some(CheckId::new(CHECK)),
        }),
        lost: vec![rolled_back(735)],
        ..same(name)
    }
}

fn earlier(name: &str) -> Compared {
    let moved = Moved { before: at(735), after: at(730), check: Some(CheckId::new(CHECK)), region: None };
    Compared {
        lost: Vec::new(),
        after: side(vec![rolled_back(730)]),
        moved: vec![moved],
        divergence: Some(Divergence {
            at: at(730),
            snapshot: 146,
            before: holds(),
            after: rolls_back(),
            check: Some(CheckId::new(CHECK)),
        }),
        ..lost(name)
    }
}

fn false_alarm(name: &str) -> Compared {
    let mut after = side(vec![rolled_back(400)]);
    after.score = Some(Score { false_alarms: vec![at(400)], ..Score::default() });
    Compared {
        standing: Standing::Decisions,
        after,
        gained: vec![rolled_back(400)],
        gained_false: 1,
        lost_false: 0,
        divergence: Some(Divergence {
            at: at(400),
            snapshot: 80,
            before: holds(),
            after: rolls_back(),
            check: Some(CheckId::new(CHECK)),
        }),
        ..same(name)
    }
}

fn named(shown: &str, digest: &str) -> SideName {
    let digests = BTreeMap::from([(Environment::new("production"), Digest::new(digest))]);
    SideName { shown: shown.to_owned(), digests }
}

fn review(changes: Vec<Change>, compared: Vec<Compared>) -> Review {
    Review {
        old: named("main:policies/isolation", "7c1e9f2000000000"),
        new: named("policies/isolation", "a04d3b8000000000"),
        changes,
        compared,
        tallies: Some((
            Tally {
                incidents: 7,
                caught: 7,
                good: 17,
                stopped: 0,
                median_to_stop: Some(Duration::from_millis(900_000)),
            },
            Tally {
                incidents: 7,
                caught: 6,
                good: 17,
                stopped: 1,
                median_to_stop: Some(Duration::from_millis(600_000)),
            },
        )),
        tripped: vec![Tripped {
            condition: Condition::LooserP0,
            why: "isolation_score.p0 is looser: below 95% became below 94%".to_owned(),
            fails: true,
        }],
        notes: vec!["fixtures/old-form does not fit the old policy".to_owned()],
    }
}

fn usual() -> Review {
    review(
        vec![looser(), tighter()],
        vec![
            lost("fixtures/night-leak"),
            false_alarm("fixtures/noisy-week"),
            earlier("fixtures/slow-leak"),
            Compared { standing: Standing::Findings, ..same("fixtures/worded") },
            same("fixtures/quiet-week"),
        ],
    )
}

#[test]
fn the_comment_of_a_review_says_what_changes_first() {
    let text = of_review(&usual()).write(Format::Markdown);
    readers::markdown(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn a_review_points_at_lines_of_the_new_policy() {
    let (commands, others) = readers::github(&of_review(&usual()).write(Format::Github));
    let shown: Vec<String> = commands
        .iter()
        .map(|command| {
            let place = format!("{}:{}", command.get("file").unwrap(), command.get("line").unwrap());
            format!("{} {place} {}: {}", command.name, command.get("title").unwrap(), command.message)
        })
        .collect();
    insta::assert_snapshot!([shown, others].concat().join("\n"));
}

#[test]
fn a_recording_is_a_case_that_fails_when_its_decisions_change() {
    let cases = readers::junit(&of_review(&usual()).write(Format::Junit));
    let shown: Vec<String> = cases
        .iter()
        .map(|case| format!("{}: {}", case.name, case.fault.as_ref().map_or("ok", |(_, message)| message)))
        .collect();
    assert_eq!(cases[0].suite, "main:policies/isolation .. policies/isolation");
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_review_is_valid_sarif_and_the_looser_p0_that_fails_is_an_error() {
    let log = readers::sarif(&of_review(&usual()).write(Format::Sarif));
    let results = log["runs"][0]["results"].as_array().unwrap();
    let found: Vec<(&str, &str)> =
        results.iter().map(|one| (one["ruleId"].as_str().unwrap(), one["level"].as_str().unwrap())).collect();
    assert_eq!(
        found,
        [("looser", "error"), ("lost-rollback", "error"), ("false-rollback", "warning"), ("tighter", "note")]
    );
    for line in of_review(&usual()).write(Format::Rdjsonl).lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["location"]["path"], "policies/isolation/policy.toml");
    }
}

#[test]
fn an_edit_that_is_gone_stands_at_the_beginning_of_the_policy() {
    let gone = Change { after: None, is_at: None, part: String::new(), ..looser() };
    let report = of_review(&review(vec![gone], Vec::new()));
    let place = report.items[0].place.as_ref().unwrap();
    assert_eq!((place.file.as_str(), place.line), ("policies/isolation/policy.toml", 1));
}

#[test]
fn nothing_changed_is_said_in_every_format() {
    let mut nothing = review(Vec::new(), Vec::new());
    (nothing.tripped, nothing.notes, nothing.tallies) = (Vec::new(), Vec::new(), None);
    let report = of_review(&nothing);
    assert!(readers::markdown(&report.write(Format::Markdown)).contains("rollgate: nothing changes"));
    readers::sarif(&report.write(Format::Sarif));
    assert_eq!(readers::junit(&report.write(Format::Junit)), []);
    assert_eq!(readers::github(&report.write(Format::Github)).0, []);
}

#[test]
fn several_edited_policies_share_one_comment() {
    let mut other = review(vec![tighter()], vec![same("fixtures/quiet-week")]);
    other.new.shown = "policies/web-service".to_owned();
    let diffed = Diffed {
        reviews: vec![usual(), other],
        unchanged: vec!["policies/my-rollout".to_owned()],
        added: vec!["policies/new-one".to_owned()],
        ..Diffed::default()
    };
    let report = of_diff(&diffed);
    let text = report.write(Format::Markdown);
    let read = readers::markdown(&text);
    assert!(
        text.starts_with("<!-- rollgate:all -->\n### rollgate: decisions change under 1 of 2 edited policies\n"),
        "{text}"
    );
    assert!(read.contains("policies/web-service: no decision changes on 1 recording"), "{read}");
    assert!(read.contains("policies/new-one"));
    assert_eq!(readers::junit(&report.write(Format::Junit)).len(), 8);
    readers::sarif(&report.write(Format::Sarif));
}

#[test]
fn no_edited_policy_is_a_comment_too() {
    let diffed = Diffed { unchanged: vec!["policies/a".to_owned()], ..Diffed::default() };
    let report = of_diff(&diffed);
    let read = readers::markdown(&report.write(Format::Markdown));
    assert!(read.contains("rollgate: nothing changes: policies/a is the same on both sides"), "{read}");
    assert_eq!(readers::github(&report.write(Format::Github)).0, []);
}

#[test]
fn a_roll_back_that_comes_later_needs_a_look() {
    let mut later = earlier("fixtures/slow-leak");
    later.moved[0].after = at(775);
    let report = of_review(&review(vec![looser()], vec![later]));
    let read = readers::markdown(&report.write(Format::Markdown));
    assert!(read.contains("(1 needs a look)") && read.contains("40m later"), "{read}");
    let found = report.items.iter().find(|item| item.code == "later-rollback").unwrap();
    assert!(found.message.starts_with("fixtures/slow-leak: rolls back 40m later"), "{found:?}");
    assert_eq!(found.place.as_ref().unwrap().line, 36);
}

#[test]
fn hostile_names_stay_in_their_cells_and_many_rows_are_counted() {
    let mut edit = looser();
    (edit.before, edit.words) = (Some(HOSTILE.to_owned()), HOSTILE.to_owned());
    let mut recording = lost(HOSTILE);
    recording.title = HOSTILE.to_owned();
    let mut review = review(vec![edit; 60], vec![recording; 60]);
    review.new.shown = format!("policies/{HOSTILE}");
    review.notes = vec![HOSTILE.to_owned(); 30];
    review.tripped = vec![Tripped { condition: Condition::Any, why: HOSTILE.to_owned(), fails: false }];
    let report = of_review(&review);
    let read = readers::markdown(&report.write(Format::Markdown));
    assert!(read.contains("… and 40 more recordings") && read.contains("… and 40 more edits"), "{read}");
    assert!(!read.contains("@ops"));
    readers::sarif(&report.write(Format::Sarif));
    assert_eq!(readers::junit(&report.write(Format::Junit)).len(), 60);
    readers::github(&report.write(Format::Github));
}
