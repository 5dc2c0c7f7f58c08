//! A review made by hand in every format: the comment that a reviewer reads, and the lines it points at.

use std::collections::BTreeMap;
use std::sync::Arc;

use rollgate::fixture::run::{Counts, RolledBack};
use rollgate::fixture::score::{Caught, Quality, Score};
use rollgate::model::decision::{Cause, Decision, Reasons, Verdict, Wait};
use rollgate::model::finding::{CheckKind, Finding, FindingState, Origin, Side as BreachSide};
use rollgate::model::frame::Group;
use rollgate::model::ids::{CheckId, Digest, Environment, Generation, MetricName, Region, RolloutId, StageName};
use rollgate::model::severity::{Response, Severity};
use rollgate::model::time::{Duration, Time};
use rollgate::model::units::Unit;
use rollgate::report::ci::{Format, of_diff, of_review};
use rollgate::report::diff::{self, Diffed};
use rollgate::report::html::{DiffPage, diff as page};
use rollgate::report::screen::Screen;
use rollgate::review::change::{Bearing, Change, Counterexample, Direction, Proof, Subject};
use rollgate::review::outcome::{Condition, Review, SideName, Tripped};
use rollgate::review::verdict::{Compared, Divergence, Moved, PerStep, Side, Standing, Step, Tally};
use rstest::rstest;

use super::readers;
use super::worlds::HOSTILE;

const CHECK: &str = "isolation_score.p0";
const COMMAND: &str = "rollgate diff main policies/isolation --history night.csv --per-step";

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
        bearing: Bearing::Acts,
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
        blind: Default::default(),
        data: Vec::new(),
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
        alarms_gone: Vec::new(),
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
        rollout: "request-isolation".to_owned(),
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
    let text = of_review(&usual(), COMMAND).write(Format::Markdown);
    readers::markdown(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn a_review_points_at_lines_of_the_new_policy() {
    let (commands, others) = readers::github(&of_review(&usual(), COMMAND).write(Format::Github));
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
fn a_recording_is_a_case_that_fails_for_what_is_lost_or_was_asked_for() {
    let text = of_review(&usual(), COMMAND).write(Format::Junit);
    let cases = readers::junit(&text);
    let shown: Vec<String> = cases
        .iter()
        .map(|case| format!("{}: {}", case.name, case.fault.as_ref().map_or("ok", |(_, message)| message)))
        .collect();
    assert_eq!(cases[0].suite, "main:policies/isolation .. policies/isolation");
    insta::assert_snapshot!(shown.join("\n"));
    // What passes although it differs says how.
    assert!(text.contains("<system-out>rolls back 5m earlier"), "{text}");
}

#[rstest]
#[case::nothing_asked(None, 0)]
#[case::of_another_kind(Some(Condition::LooserP0), 1)]
#[case::false_alarms(Some(Condition::FalseRollback), 2)]
#[case::anything(Some(Condition::Any), 4)]
fn a_changed_decision_fails_a_case_only_when_that_was_asked_for(
    #[case] asked: Option<Condition>,
    #[case] failing: usize,
) {
    let worded = Compared { standing: Standing::Findings, ..same("fixtures/worded") };
    let mut review = review(Vec::new(), vec![false_alarm("fixtures/a"), earlier("fixtures/b"), worded]);
    review.tripped =
        asked.map(|condition| Tripped { condition, why: "so".to_owned(), fails: true }).into_iter().collect();
    let cases = readers::junit(&of_review(&review, COMMAND).write(Format::Junit));
    assert_eq!(cases.iter().filter(|case| case.fault.is_some()).count(), failing, "{cases:?}");
}

#[test]
fn a_review_is_valid_sarif_and_the_looser_p0_that_fails_is_an_error() {
    let log = readers::sarif(&of_review(&usual(), COMMAND).write(Format::Sarif));
    let results = log["runs"][0]["results"].as_array().unwrap();
    let found: Vec<(&str, &str)> =
        results.iter().map(|one| (one["ruleId"].as_str().unwrap(), one["level"].as_str().unwrap())).collect();
    assert_eq!(
        found,
        [("looser", "error"), ("lost-rollback", "error"), ("false-rollback", "warning"), ("tighter", "note")]
    );
    for line in of_review(&usual(), COMMAND).write(Format::Rdjsonl).lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["location"]["path"], "policies/isolation/policy.toml");
    }
}

#[test]
fn an_edit_that_is_gone_stands_at_the_beginning_of_the_policy() {
    let gone = Change { after: None, is_at: None, part: String::new(), ..looser() };
    let report = of_review(&review(vec![gone], Vec::new()), COMMAND);
    let place = report.items[0].place.as_ref().unwrap();
    assert_eq!((place.file.as_str(), place.line), ("policies/isolation/policy.toml", 1));
}

#[test]
fn nothing_changed_is_said_in_every_format() {
    let mut nothing = review(Vec::new(), Vec::new());
    (nothing.tripped, nothing.notes, nothing.tallies) = (Vec::new(), Vec::new(), None);
    let report = of_review(&nothing, COMMAND);
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
    let report = of_diff(&diffed, COMMAND);
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
    let report = of_diff(&diffed, COMMAND);
    let read = readers::markdown(&report.write(Format::Markdown));
    assert!(read.contains("rollgate: nothing changes: policies/a is the same on both sides"), "{read}");
    assert_eq!(readers::github(&report.write(Format::Github)).0, []);
}

#[test]
fn a_roll_back_that_comes_later_needs_a_look() {
    let mut later = earlier("fixtures/slow-leak");
    later.moved[0].after = at(775);
    let report = of_review(&review(vec![looser()], vec![later]), COMMAND);
    let read = readers::markdown(&report.write(Format::Markdown));
    assert!(read.contains("(1 needs a look)") && read.contains("40m later"), "{read}");
    let found = report.items.iter().find(|item| item.code == "later-rollback").unwrap();
    assert!(found.message.starts_with("fixtures/slow-leak: rolls back 40m later"), "{found:?}");
    assert_eq!(found.place.as_ref().unwrap().line, 36);
}

#[test]
fn a_removed_policy_is_red_everywhere() {
    let diffed = Diffed {
        unchanged: vec!["policies/my-rollout".to_owned()],
        removed: vec!["main:policies/isolation".to_owned()],
        ..Diffed::default()
    };
    let report = of_diff(&diffed, COMMAND);
    let read = readers::markdown(&report.write(Format::Markdown));
    assert!(read.contains("rollgate: 1 policy removed, 1 unchanged"), "{read}");
    assert!(read.contains("❌ removed: main:policies/isolation"), "{read}");
    let (commands, others) = readers::github(&report.write(Format::Github));
    let command = &commands[0];
    assert_eq!((command.name.as_str(), command.get("file").unwrap()), ("error", "policies/isolation/policy.toml"));
    assert!(others[0].contains("main:policies/isolation: removed"), "{others:?}");
    let log = readers::sarif(&report.write(Format::Sarif));
    assert_eq!(log["runs"][0]["results"][0]["level"], "error");
    let cases = readers::junit(&report.write(Format::Junit));
    assert!(cases[0].fault.is_some(), "{cases:?}");
    // Beside an edited policy, it is said first as well.
    let both = Diffed { reviews: vec![usual()], ..diffed };
    let read = readers::markdown(&of_diff(&both, COMMAND).write(Format::Markdown));
    assert!(read.contains("rollgate: 1 policy removed; decisions change on 3 of 5 recordings"), "{read}");
}

/// The old policy rolled back a good release, and the new one does not.
fn alarm_gone(name: &str) -> Compared {
    let alarm = false_alarm(name);
    let parted = alarm.divergence.unwrap();
    Compared {
        before: alarm.after,
        after: alarm.before,
        gained: Vec::new(),
        gained_false: 0,
        alarms_gone: alarm.gained,
        divergence: Some(Divergence { before: parted.after, after: parted.before, ..parted }),
        ..same(name)
    }
}

#[test]
fn a_false_alarm_that_is_gone_is_no_loss_in_any_output() {
    let mut one = Compared { standing: Standing::Decisions, ..alarm_gone("fixtures/noisy-week") };
    one.after.ends_in = StageName::new("full");
    let mut review = review(vec![looser()], vec![one]);
    (review.tripped, review.tallies, review.notes) = (Vec::new(), None, Vec::new());
    let report = of_review(&review, COMMAND);
    assert!(report.items.iter().all(|item| item.code != "lost-rollback"), "{:?}", report.items);
    assert!(readers::junit(&report.write(Format::Junit)).iter().all(|case| case.fault.is_none()));
    let read = readers::markdown(&report.write(Format::Markdown));
    assert!(read.contains("1 false alarm gone") && !read.contains("needs a look"), "{read}");
    let diffed = Diffed { reviews: vec![review], ..Diffed::default() };
    let zone = jiff::tz::TimeZone::UTC;
    let page = page(&DiffPage { diffed: &diffed, drawn: &[], zone: &zone, command: COMMAND });
    assert!(page.contains("false alarm gone: the one at") && !page.contains("roll back lost"), "{page}");
    let screens = [diff::plain(&diffed), diff::pretty(&diffed, Screen::STANDARD)];
    for text in screens {
        assert!(text.contains("false alarm gone") && text.contains("0 lost"), "{text}");
        assert!(text.contains("1 false alarm gone") && !text.contains("LOST"), "{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&diff::json(&diffed).unwrap()).unwrap();
    let recording = &json["policies"][0]["recordings"][0];
    assert_eq!(recording["lost"], serde_json::json!([]));
    assert_eq!(recording["alarms_gone"][0]["check"], CHECK);
    assert_eq!(json["policies"][0]["totals"]["alarms_gone"], 1);
}

/// The new policy rolls back before the incident begins, and not in it.
fn let_go(name: &str) -> Compared {
    let mut one = earlier(name);
    let caught = Caught { from: at(732), at: at(735), after: Duration::from_mins(3) };
    one.before.score = Some(Score { caught: vec![caught], ..Score::default() });
    let (missed, false_alarms) = (vec![(at(732), at(800))], vec![at(730)]);
    one.after.score = Some(Score { missed, false_alarms, ..Score::default() });
    one
}

#[test]
fn an_incident_that_is_not_caught_any_more_is_red_everywhere() {
    let report = of_review(&review(vec![tighter()], vec![let_go("fixtures/slow-leak")]), COMMAND);
    let read = readers::markdown(&report.write(Format::Markdown));
    assert!(read.contains("(1 needs a look)"), "{read}");
    let text = report.write(Format::Markdown);
    assert!(text.contains("<summary>fixtures/slow-leak: 1 incident not caught any more</summary>"), "{text}");
    assert!(read.contains("median time to the roll back 15m → 10m, of fewer incidents"), "{read}");
    let (commands, _) = readers::github(&report.write(Format::Github));
    assert_eq!(commands[0].name, "error");
    assert!(commands[0].message.contains("not caught any more: it was rolled back 3m into it"), "{commands:?}");
    assert_eq!(readers::sarif(&report.write(Format::Sarif))["runs"][0]["results"][0]["ruleId"], "lost-incident");
    let cases = readers::junit(&report.write(Format::Junit));
    assert_eq!(cases[0].fault.as_ref().unwrap().1, "1 incident not caught any more");
}

/// What the new policy's bound says of the reading on which the two part.
fn not_below() -> Finding {
    Finding {
        check: CheckId::new(CHECK),
        region: Region::new(""),
        group: Some(Group::Treatment),
        kind: CheckKind::Threshold,
        metric: Some(MetricName::new("isolation_score")),
        severity: Some(Severity::P0),
        response: Response::Rollback,
        state: FindingState::Ok,
        unknown: None,
        unit: Some(Unit::Percent),
        side: Some(BreachSide::Below),
        value: Some(94.5),
        bound: Some(94.0),
        margin: Some(0.5),
        comparison: None,
        progress: None,
        samples: None,
        age: None,
        hidden_by: None,
        shadow: false,
        muted: false,
        control_too: false,
        facts: String::new(),
        condition: Arc::from("below 94%"),
        origin: origin(36),
    }
}

#[test]
fn where_two_policies_part_each_says_its_own_reason_and_stage() {
    let mut one = lost("fixtures/night-leak");
    let divergence = one.divergence.as_mut().unwrap();
    divergence.after.stage = StageName::new("staged");
    divergence.after.findings = vec![not_below()];
    let read = readers::markdown(&of_review(&review(vec![looser()], vec![one]), COMMAND).write(Format::Markdown));
    assert!(
        read.contains(
            "in canary before and staged after: before ROLL BACK (isolation_score 94.5% is below 95%), \
             after HOLD (isolation_score 94.5% is not below 94%)"
        ),
        "{read}"
    );
}

#[test]
fn moments_judged_by_themselves_are_told_with_the_first_of_them() {
    let step = Step {
        at: at(740),
        stage: StageName::new("canary"),
        before: "ROLL BACK: isolation_score 94.5% is below 95%".to_owned(),
        after: "HOLD: baking".to_owned(),
    };
    let steps = PerStep { judged: 1440, differ: 3, rolls_back_now: 0, rolled_back_before: 3, first: vec![step] };
    let one = Compared { per_step: Some(steps), ..lost("fixtures/night-leak") };
    let text = of_review(&review(vec![looser()], vec![one]), COMMAND).write(Format::Markdown);
    assert!(text.contains("<summary>judged moment by moment: 3 of 1,440 moments differ</summary>"), "{text}");
    let read = readers::markdown(&text);
    assert!(read.contains("+12h20m") && read.contains("HOLD: baking"), "{read}");
}

#[test]
fn the_comment_says_the_whole_command_that_gives_it_again() {
    let text = of_review(&usual(), COMMAND).write(Format::Markdown);
    assert!(text.trim_end().ends_with(&format!("the same at home: `{COMMAND}`")), "{text}");
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
    let report = of_review(&review, COMMAND);
    let read = readers::markdown(&report.write(Format::Markdown));
    assert!(read.contains("… and 40 more recordings") && read.contains("… and 40 more edits"), "{read}");
    assert!(!read.contains("@ops"));
    readers::sarif(&report.write(Format::Sarif));
    assert_eq!(readers::junit(&report.write(Format::Junit)).len(), 60);
    readers::github(&report.write(Format::Github));
}
