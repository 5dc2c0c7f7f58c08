//! When a rollout can be done: bakes, early exits, gates that must have held, freezes, and what has no end.

use jiff::tz::TimeZone;
use rollgate::handbook::Handbook;
use rollgate::handbook::calendar::{least, most, walk};
use rollgate::model::time::{Duration, Time};
use rstest::rstest;

use super::policies::{example, one_stage, written};

const STAGES: &str = "[[stages]]\nname = \"all\"\ntraffic = \"100%\"\n";

/// A policy with these stages, gates and freezes.
fn plan(stages: &str, rest: &str) -> rollgate::policy::compiled::Policy {
    written(&one_stage().replace(STAGES, &format!("{stages}{rest}"))).1
}

const GATE: &str = "[gates]\nheld = { metric = \"error_rate\", at_most = \"1%\", for = \"3h\", group = \"all\" }\n";

#[rstest]
#[case::a_bake("bake = \"2h\"", 2, None)]
#[case::a_gate_that_must_have_held_for_longer("bake = \"2h\"\ngates = [\"held\"]", 3, None)]
#[case::a_gate_that_has_held_by_then("bake = \"4h\"\ngates = [\"held\"]", 4, None)]
#[case::an_early_exit("bake = \"8h\"\nearly_exit = { after = \"2h\" }\ngates = [\"held\"]", 8, Some(3))]
#[case::an_early_exit_behind_a_gate("bake = \"8h\"\nearly_exit = { after = \"2h\", gates = [\"held\"] }", 8, Some(3))]
fn a_stage_takes_at_least(#[case] stage: &str, #[case] full: i64, #[case] early: Option<i64>) {
    let policy = plan(&format!("[[stages]]\nname = \"off\"\n{stage}\n{STAGES}"), GATE);
    let least = least(&policy);
    assert_eq!(least[0].full, Duration::from_hours(full));
    assert_eq!(least[0].early, early.map(Duration::from_hours));
    assert!(!least[0].manual);
}

#[test]
fn a_latest_finish_needs_a_max_in_every_stage_that_must_be_left() {
    let ladder = |max: &str| format!("[[stages]]\nname = \"off\"\nbake = \"1h\"\n{max}\n{STAGES}");
    assert_eq!(most(&plan(&ladder("max = \"5h\""), "")), Ok(Duration::from_hours(5)));
    let open = most(&plan(&ladder(""), "")).unwrap_err();
    assert_eq!(open.len(), 1);
}

const NIGHTS: &str = "[freeze]\nwindows = [{ days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"], \
                      from = \"18:00\", to = \"08:00\", zone = \"UTC\" }]\n";

#[test]
fn a_walk_waits_for_the_end_of_a_freeze_and_bakes_through_it() {
    let policy = plan(&format!("[[stages]]\nname = \"off\"\nbake = \"2h\"\n{STAGES}bake = \"12h\"\n"), NIGHTS);
    let at = |text: &str| Time::parse(text).unwrap();
    let steps = walk(&policy, at("2026-11-30T17:00:00Z"), false);
    // Served at 19:00, in the freeze; the next 12 hours end at 20:00, in the next one.
    assert_eq!(steps[0].ready, at("2026-11-30T19:00:00Z"));
    assert_eq!(steps[0].left, Some(at("2026-12-01T08:00:00Z")));
    assert_eq!(steps[1].ready, at("2026-12-01T20:00:00Z"));
    assert_eq!(steps[1].left, Some(at("2026-12-02T08:00:00Z")));
}

#[test]
fn a_stage_whose_max_is_over_before_the_freeze_is_never_left_by_itself() {
    let ladder = |max: &str| format!("[[stages]]\nname = \"off\"\nbake = \"2h\"\n{max}\n{STAGES}");
    let at = |text: &str| Time::parse(text).unwrap();
    // Served at 19:00, frozen until 08:00: fifteen hours after the start.
    for (max, stuck) in [("max = \"15h\"", None), ("max = \"14h\"", Some(at("2026-12-01T07:00:00Z")))] {
        let (source, policy) = written(&one_stage().replace(STAGES, &format!("{}{NIGHTS}", ladder(max))));
        let start = at("2026-11-30T17:00:00Z");
        let steps = walk(&policy, start, false);
        assert_eq!((steps[0].stuck, steps[0].left.is_none()), (stuck, stuck.is_some()), "{max}");
        let page = Handbook::new(&policy, &source).plan(Some(start), &TimeZone::UTC);
        assert_eq!(page.contains("never by itself: past `max` on Tue 2026-12-01 07:00 UTC"), stuck.is_some(), "{page}");
        assert_eq!(page.contains("Never done by itself"), stuck.is_some(), "{page}");
        assert_eq!(page.contains("By itself it is done by"), stuck.is_none(), "{page}");
    }
}

#[test]
fn silence_that_rolls_back_is_among_the_ways_back_on_every_page() {
    let (source, policy) = example("request-isolation");
    let book = Handbook::new(&policy, &source);
    let plan = book.plan(None, &TimeZone::UTC);
    assert!(plan.contains("`deploy_health`: unknown for 30m"), "{plan}");
    assert!(book.matrix().contains("`deploy_health` unknown for 30m: back to `off`"), "{}", book.matrix());
    let runbook = book.runbook();
    assert!(runbook.contains("when this cannot be read: `deploy_health` for 30m"), "{runbook}");
}

#[test]
fn a_freeze_without_an_end_is_said_and_not_waited_for() {
    let (source, policy) = written(&super::policies::hostile_names());
    let start = Time::parse("2026-11-30T08:00:00Z").unwrap();
    let page = Handbook::new(&policy, &source).plan(Some(start), &TimeZone::UTC);
    assert!(page.contains("never: frozen") && page.contains("Never done"), "{page}");
}

#[test]
fn the_seven_day_plan_takes_seven_days_by_the_calendar() {
    let (source, policy) = example("request-isolation");
    let book = Handbook::new(&policy, &source);
    let page = book.plan(None, &TimeZone::UTC);
    for sentence in [
        "Earliest finish: 75h (3 days 3h) after the start, when `canary` and `staged` are left by the early exit; 123h (5 days \
         3h) when none is.",
        "Latest finish: none, because stages `off` and `full` have no `max`.",
        "Plus the time approvals take",
        "These are durations without freezes.",
    ] {
        assert!(page.contains(sentence), "{sentence}\n{page}");
    }
    // The recording of the same week: Monday 08:00 to the next Monday 09:00.
    let start = Time::parse("2026-11-02T08:00:00Z").unwrap();
    let page = book.plan(Some(start), &TimeZone::get("Europe/Berlin").unwrap());
    for sentence in [
        "| `staged` | Thu 2026-11-05 11:00 CET | Sat 2026-11-07 11:00 CET | Mon 2026-11-09 09:00 CET (frozen until then) |",
        "Done at the earliest Mon 2026-11-09 10:00 CET; with every early exit taken, Thu 2026-11-05 12:00 CET.",
    ] {
        assert!(page.contains(sentence), "{sentence}\n{page}");
    }
    assert!(!page.contains("These are durations without freezes"));
}

#[test]
fn every_bound_is_written_out_with_what_spares_and_what_clears_it() {
    let text = "[triggers]\nflood = { metric = \"error_rate\", above = \"8%\", for = \"2m\", unless_control = true, clear_after = \"7m\", \
                group = \"treatment\" }\n";
    let (source, policy) = written(&format!("{}{text}", one_stage()));
    let plan = Handbook::new(&policy, &source).plan(None, &TimeZone::UTC);
    let checks = plan.split("## Checks").nth(1).unwrap();
    let row = checks.lines().find(|line| line.contains("`flood`")).unwrap();
    assert!(row.contains("while control breaks the same bound it holds and does not roll back"), "{row}");
    assert!(row.contains("good readings for 7m without interruption clear it"), "{row}");
}

#[rstest]
#[case::utc("UTC", "--start 2026-11-30T08:00:00Z`.")]
#[case::another_zone("Europe/Berlin", "--start 2026-11-30T08:00:00Z --tz Europe/Berlin`.")]
fn a_dated_plan_names_the_command_that_writes_it_again(#[case] zone: &str, #[case] ends: &str) {
    let (source, policy) = example("request-isolation");
    let start = Time::parse("2026-11-30T08:00:00Z").unwrap();
    let plan = Handbook::new(&policy, &source).plan(Some(start), &TimeZone::get(zone).unwrap());
    assert!(plan.lines().take(3).any(|line| line.contains(ends)), "{plan}");
}
