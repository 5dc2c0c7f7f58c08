//! `status` of rollouts that a controller looks after: what a person reads at 3 a.m., at 80 columns and at 120, in ASCII,
//! in plain words and as JSON.

use std::sync::Arc;

use rollgate::control::seen::{PolicyFiles, Rejected, Seen, SourceHealth};
use rollgate::control::{Phase, Rollout, Standing};
use rollgate::ledger::hash::Key;
use rollgate::model::decision::{Decision, Reasons, Verdict, Wait};
use rollgate::model::finding::{CheckKind, Finding, FindingState, Origin, Side};
use rollgate::model::ids::{Digest, Generation, StageName};
use rollgate::model::reading::Unknown;
use rollgate::model::severity::{Response, Severity};
use rollgate::model::time::{Duration, Time};
use rollgate::model::units::Unit;
use rollgate::report::explain;
use rollgate::report::screen::Screen;
use rollgate::report::status::{self, Row, Shown};
use rollgate::report::times::Times;

const NARROW: Screen = Screen { width: 80, ascii: false };

fn now() -> Time {
    Time::parse("2026-11-05T03:15:00Z").unwrap()
}

fn secs(secs: i64) -> Duration {
    Duration::from_secs(secs)
}

fn finding(state: FindingState, value: f64, age: Duration) -> Finding {
    Finding {
        check: "error_rate.p0".into(),
        kind: CheckKind::Threshold,
        severity: Some(Severity::P0),
        response: Response::Rollback,
        state,
        region: "".into(),
        metric: Some("error_rate".into()),
        group: None,
        unit: Some(Unit::Percent),
        value: Some(value),
        unknown: None,
        side: Some(Side::Above),
        bound: Some(5.0),
        margin: Some(5.0 - value),
        comparison: None,
        progress: None,
        samples: None,
        age: Some(age),
        hidden_by: None,
        shadow: false,
        muted: false,
        control_too: false,
        facts: String::new(),
        condition: Arc::from("above 5%"),
        origin: Origin { file: Arc::from("policy.toml"), line: 8 },
    }
}

fn blind(why: Unknown, age: Option<Duration>) -> Finding {
    let unknown = Some(why);
    Finding { value: None, margin: None, unknown, age, ..finding(FindingState::Unknown, 0.0, Duration::ZERO) }
}

/// A rollout in its canary for three minutes, waiting for this because of that.
fn row(name: &str, phase: Phase, because: Wait, findings: Vec<Finding>) -> Row {
    let key = Key::new(name.into(), "production".into());
    let since = now() - secs(180);
    let standing = Standing {
        phase,
        revision: Some("r812".into()),
        stage: StageName::new("canary"),
        traffic: 10.0,
        since,
        lasted: secs(180),
        why: "bake 0s of 48h".to_owned(),
        bake: Some(Duration::from_hours(48)),
        policy: Some(Digest::new("a04d3b8c9f")),
        generation: Generation(2),
        last_entry: (7, since),
        ..Standing::of(&Rollout::unknown(&key), now())
    };
    let decision = Decision {
        time: now(),
        rollout: key.rollout.clone(),
        environment: key.environment,
        policy: Digest::new("a04d3b8c9f"),
        revision: standing.revision.clone(),
        stage: standing.stage.clone(),
        traffic: 10.0,
        time_in_stage: standing.lasted,
        bake: (secs(120), standing.bake),
        verdict: Verdict::Hold { because: Reasons::new(because, Vec::new()) },
        severity: None,
        shadow: false,
        findings,
        wake_at: None,
        generation: standing.generation,
    };
    let why = status::why(&standing, &decision).unwrap_or_else(|| standing.why.clone());
    let files = PolicyFiles {
        path: format!("policies/{name}"),
        digest: standing.policy.clone(),
        loaded_at: Some(now() - secs(7260)),
        ..PolicyFiles::default()
    };
    let seen = Seen {
        decision: Some(decision),
        data_at: Some(now() - secs(4)),
        rejected_snapshots: 0,
        wake_at: None,
        leads: true,
        leader: Some("node-7-1f00".into()),
        files,
        store_problem: None,
        spooled: 0,
        sources: vec![source("push", None)],
        at: now(),
    };
    Row { standing: Standing { why, ..standing }, seen: Some(seen) }
}

fn source(name: &str, problem: Option<&str>) -> SourceHealth {
    let (last, failures) = if problem.is_some() { (now() - secs(190), 12) } else { (now() - secs(4), 0) };
    let problem = problem.map(str::to_owned);
    SourceHealth { name: name.to_owned(), last_snapshot: Some(last), last_answer: Some(last), problem, failures }
}

fn bakes() -> Wait {
    Wait::Bake { served: secs(120), of: Duration::from_hours(48), until: None }
}

/// Taken back, and still broken.
fn taken_back() -> Row {
    let latched = Wait::Latched { since: now() - secs(180), note: "error_rate 9% is above 5%".to_owned() };
    let mut row = row("search-rerank", Phase::RolledBack, latched, vec![finding(FindingState::Firing, 9.0, secs(4))]);
    row.standing.stage = StageName::new("off");
    row.standing.traffic = 0.0;
    row.standing.why = "from canary: error_rate 9% is above 5%".to_owned();
    row
}

/// Everything around it is in trouble.
fn in_trouble() -> Row {
    let unknown = Wait::Unknown { what: "error_rate".into(), region: "".into(), why: Unknown::Stale };
    let mut row = row("checkout", Phase::Hold, unknown, vec![blind(Unknown::Stale, Some(secs(190)))]);
    let seen = row.seen.as_mut().unwrap();
    seen.sources.push(source("prom-eu", Some("cannot be reached: connection refused")));
    let why = vec!["`traffic` is at most 100%, and `canary` has 110%".to_owned()];
    seen.files.rejected = Some(Rejected { digest: Some(Digest::new("7c1e9f2d00")), at: now() - secs(300), why });
    seen.store_problem = Some("the store cannot be used: connection reset by peer".to_owned());
    seen.spooled = 2;
    row
}

/// Broken when it was entered.
fn older() -> Row {
    let early = finding(FindingState::Pending, 9.0, secs(183));
    let check = Wait::Check { check: early.check.clone(), note: early.to_string() };
    row("billing-v3", Phase::Hold, check, vec![early])
}

/// All is well.
fn quiet() -> Row {
    row("accounts", Phase::Hold, bakes(), vec![finding(FindingState::Ok, 0.2, secs(4))])
}

fn all() -> Vec<Row> {
    vec![taken_back(), in_trouble(), older(), quiet()]
}

fn screen(rows: &[Row], screen: Screen) -> String {
    let url = "http://127.0.0.1:8080";
    let foot = status::foot(rows, "rollgate.redb", Some(url), screen);
    let text = format!("{}{foot}", status::table(rows, screen));
    anstream::adapter::strip_str(&text).to_string()
}

#[test]
fn troubles_stand_below_their_row_at_80_columns() {
    let text = screen(&all(), NARROW);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn the_reason_stands_beside_it_where_there_is_room() {
    let text = screen(&all(), Screen { width: 120, ascii: true });
    assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 120), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_controller_that_follows_says_who_leads() {
    let mut rows = vec![quiet()];
    rows[0].seen.as_mut().unwrap().leads = false;
    let text = screen(&rows, NARROW);
    assert!(text.contains("it only follows, and may take back: node-7-1f00 leads"), "{text}");
    rows[0].seen.as_mut().unwrap().leader = None;
    assert!(screen(&rows, NARROW).contains("knows of nobody who does"));
}

#[test]
fn in_detail_everything_is_shown() {
    let text = status::detailed(&[in_trouble(), older()], NARROW);
    let text = anstream::adapter::strip_str(&text).to_string();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn in_plain_words_each_fact_has_a_line() {
    let lines: Vec<String> =
        all().iter().flat_map(|row| std::iter::once(status::plain(row)).chain(status::facts(row))).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn json_keeps_what_it_had_and_gains_what_a_controller_knows() {
    let row = in_trouble();
    let json = |row: &Row| serde_json::to_value(Shown::new(row)).unwrap();
    let (watched, alone) = (json(&row), json(&Row::of_ledger(row.standing.clone())));
    assert_eq!(alone, serde_json::to_value(&row.standing).unwrap());
    for (name, value) in alone.as_object().unwrap() {
        assert_eq!(&watched[name], value, "{name}");
    }
    assert_eq!((&watched["data_age"], &watched["data_stale"]), (&"3m10s".into(), &true.into()));
    assert_eq!(watched["troubles"].as_array().unwrap().len(), 4, "{watched:#}");
    assert_eq!(watched["files"]["rejected"]["digest"], "7c1e9f2d00");
    let broken = json(&older());
    assert_eq!((&broken["severity"], &broken["severity_state"]), (&"p0".into(), &"pending".into()));
}

#[test]
fn a_change_is_a_reason_and_not_a_value() {
    let same = |one: &Row, other: &Row| status::signature(one) == status::signature(other);
    let mut later = quiet();
    let seen = later.seen.as_mut().unwrap();
    (seen.data_at, seen.at) = (Some(now() - secs(60)), now() + secs(480));
    let decision = seen.decision.as_mut().unwrap();
    decision.verdict = Verdict::Hold {
        because: Reasons::new(Wait::Bake { served: secs(600), of: Duration::from_hours(48), until: None }, Vec::new()),
    };
    later.standing.lasted = secs(660);
    assert!(same(&quiet(), &later), "more bake and older data is no news");
    later.seen.as_mut().unwrap().spooled = 1;
    assert!(!same(&quiet(), &later), "a roll back that waits is");
    assert!(!same(&older(), &row("billing-v3", Phase::Hold, bakes(), Vec::new())));
}

#[test]
fn explain_before_the_first_start_says_how_to_begin() {
    let mut row = row("checkout", Phase::NotStarted, Wait::NotStarted, vec![blind(Unknown::Absent, None)]);
    let mut decision = row.seen.take().unwrap().decision.unwrap();
    (decision.stage, decision.revision, decision.traffic) = (StageName::new(""), None, 0.0);
    let times = Times::between(jiff::tz::TimeZone::UTC, now(), now());
    let text = explain::pretty(&decision, &[], None, NARROW, &times);
    insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
}

#[test]
fn explain_says_that_a_reading_is_older_than_the_stage() {
    let decision = older().seen.unwrap().decision.unwrap();
    let times = Times::between(jiff::tz::TimeZone::UTC, now(), now());
    let text = explain::pretty(&decision, &[], None, NARROW, &times);
    insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
}

/// One observed in the stage counts by itself; one of the instant of entry does not.
#[rstest::rstest]
#[case::after_the_entry(179, FindingState::Pending, false)]
#[case::at_the_entry(180, FindingState::Pending, true)]
#[case::before_the_entry(181, FindingState::Pending, true)]
#[case::fires_all_the_same(181, FindingState::Firing, false)]
fn what_is_observed_in_the_stage_is_not_older(#[case] age: i64, #[case] state: FindingState, #[case] older: bool) {
    let finding = finding(state, 9.0, secs(age));
    let check = Wait::Check { check: finding.check.clone(), note: finding.to_string() };
    let row = row("checkout", Phase::Hold, check, vec![finding]);
    assert_eq!(row.standing.why.contains("older than this stage"), older, "{}", row.standing.why);
}
