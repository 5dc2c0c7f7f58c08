//! What becomes of a reading: carried forward, late, twice, too thin, from the future.

use rollgate::model::decision::{Answer, Wait};
use rollgate::model::finding::FindingState;
use rollgate::model::reading::Unknown;
use rstest::rstest;

use super::world::{POLICY, World};

const GOOD: &str = "error_rate=0.1 latency=100";

fn unknown_of(world: &World, check: &str) -> Option<Unknown> {
    world.decision().findings.iter().find(|f| f.check.as_str() == check).unwrap().unknown
}

fn with_metric(extra: &str) -> String {
    POLICY.replacen("on_unknown = \"hold\" }", &format!("on_unknown = \"hold\", {extra} }}"), 1)
}

/// "A snapshot that does not mention a metric is no news; the last reading ages until `max_age`."
#[test]
fn a_reading_that_is_not_mentioned_ages_until_max_age() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, GOOD).at_second(1, 30, "latency=100");
    assert_eq!(unknown_of(&world, "error_rate.p0"), None, "90 s old");
    world.at_second(1, 31, "latency=100");
    assert_eq!(unknown_of(&world, "error_rate.p0"), Some(Unknown::Stale));
}

/// "An explicit null, an empty CSV value, NaN or a stated reason is unknown from that instant."
#[rstest]
#[case::null("null", Unknown::Absent)]
#[case::stated("error", Unknown::SourceError)]
#[case::nan("nan", Unknown::NotANumber)]
#[case::infinite("inf", Unknown::Infinite)]
#[case::minus_infinite("-inf", Unknown::Infinite)]
#[case::out_of_range("100.5", Unknown::OutOfRange)]
fn what_is_no_number_is_unknown_from_that_instant(#[case] value: &str, #[case] why: Unknown) {
    let mut world = World::at("canary", POLICY);
    world.minutes(5, GOOD).at_second(4, 10, &format!("error_rate={value}"));
    assert_eq!(unknown_of(&world, "error_rate.p0"), Some(why));
    world.minutes(30, &format!("error_rate={value} latency=100"));
    assert_eq!(world.stage(), "canary");
}

/// "Age is now minus the reading's own observed time, so a source repeating an old time goes stale."
#[test]
fn a_source_that_repeats_an_old_time_goes_stale() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, GOOD).minutes(1, "error_rate=0.1~60 latency=100").minutes(1, "error_rate=0.1~120 latency=100");
    assert_eq!(unknown_of(&world, "error_rate.p0"), Some(Unknown::Stale));
}

/// "Identical values are not suspicious unless the metric sets `stuck_after`."
#[rstest]
#[case::not_asked("max_age = \"90s\"", "full")]
#[case::asked("max_age = \"90s\", stuck_after = \"5m\"", "canary")]
fn identical_values_are_suspicious_only_where_asked(#[case] rules: &str, #[case] stage: &str) {
    let mut world = World::at("canary", &POLICY.replacen("max_age = \"90s\"", rules, 1));
    world.minutes(15, "error_rate=0.0 latency=100");
    assert_eq!(world.stage(), stage);
}

/// "Where a source gives none, a metric with `min_samples` is unknown (too-few-samples)."
#[rstest]
#[case::none_recorded("0.1", "canary")]
#[case::too_few("0.1@99", "canary")]
#[case::enough("0.1@100", "full")]
fn a_metric_with_min_samples_needs_them(#[case] reading: &str, #[case] stage: &str) {
    let mut world = World::at("canary", &with_metric("min_samples = 100"));
    world.minutes(15, &format!("error_rate={reading} latency=100"));
    assert_eq!(world.stage(), stage);
    let broken = reading.replace("0.1", "50");
    world = World::at("canary", &with_metric("min_samples = 100"));
    world.minutes(1, &format!("error_rate={broken} latency=100"));
    assert_eq!(world.is_latched(), stage == "full", "nor does it break a bound");
}

/// "Same (source, metric, group, region, time): equal is ignored; different, the worse wins."
#[test]
fn of_two_values_for_one_instant_the_worse_wins() {
    for (first, second) in [("0.1", "9"), ("9", "0.1")] {
        let mut world = World::at("canary", POLICY);
        world.minutes(1, GOOD).at_second(1, 0, &format!("error_rate={first} latency=100"));
        world.at_second(1, 0, &format!("error_rate={second} latency=100"));
        assert!(world.is_latched(), "{first}, then {second}");
    }
}

/// The same for a check that is a script: the first sample without `for` fires, also when it replaces a milder one.
#[test]
fn a_script_fires_on_the_worse_of_two_values_for_one_instant() {
    let policy = format!("{POLICY}\n[params]\nmost = \"3%\"\n[triggers]\nslow = {{ script = \"slow\" }}\n");
    let rules = r#"fn slow() { metric("error_rate").treatment > param("most") }"#;
    let mut world = World::with("canary", &policy, rules, |_| {});
    world.minutes(1, GOOD).at_second(1, 0, GOOD).at_second(1, 0, "error_rate=4");
    assert!(world.is_latched(), "{}", world.headline());
}

/// A frame may carry two observations of one series: that the second is fine does not hide that the first was not.
#[test]
fn the_milder_of_two_observations_in_one_frame_does_not_hide_the_other() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, GOOD).minutes(1, "error_rate=9~20 error_rate=0.1 latency=100");
    assert!(world.is_latched());
}

/// "Late ones may start or extend a breach, never clear one or complete a bake."
#[test]
fn late_samples_start_a_breach_and_never_clear_one() {
    let mut world = World::at("canary", POLICY);
    world.minutes(3, GOOD).at_second(2, 30, "error_rate=9~60");
    assert!(world.is_latched());

    let mut world = World::at("canary", POLICY);
    world.minutes(3, "error_rate=1.5 latency=100");
    assert_eq!(world.state_of("error_rate.p1"), FindingState::Firing);
    for age in 1..20 {
        world.at_second(2, 30, &format!("error_rate=0.1~{}", 30 + age));
    }
    assert_eq!(world.state_of("error_rate.p1"), FindingState::Firing);
}

/// "An ok reading ends the run": a late breach from before it does not belong to the run after it.
#[test]
fn a_late_breach_does_not_reach_across_an_ok_reading() {
    let mut world = World::at("canary", POLICY);
    world.minutes(2, GOOD).minutes(2, "error_rate=1.5 latency=100");
    world.at_second(3, 10, "error_rate=1.5~100");
    assert_eq!(world.state_of("error_rate.p1"), FindingState::Pending);
}

/// "k of n" counts a late breach after an unknown as an observation of its own.
#[test]
fn a_late_breach_after_an_unknown_is_one_more_of_n() {
    let mut world = World::at("canary", POLICY);
    let slow = "error_rate=0.1 latency=600";
    world.minutes(2, slow).minutes(1, "error_rate=0.1 latency=null").at_second(2, 30, "latency=600~60");
    assert_eq!(world.state_of("latency.p1"), FindingState::Firing, "at 0, 1 and 1:30");
}

/// "Late … never … complete a bake"; the next tick may, for time is no evidence.
#[test]
fn late_evidence_completes_no_bake() {
    let mut world = World::at("canary", POLICY);
    world.minutes(10, GOOD);
    world.feed(
        super::world::minute(10),
        rollgate::engine::Input::Frame(&world.frame(super::world::minute(10), "error_rate=0.1~90")),
    );
    assert_eq!(world.answer(), Answer::Hold);
    let wake = world.output.wake_at.unwrap();
    world.feed(wake, rollgate::engine::Input::Tick);
    assert_eq!(world.stage(), "full", "at {wake}: {}", world.headline());
}

/// Late evidence that is bad stops the clock like any other.
#[test]
fn late_evidence_that_blocks_stops_the_bake() {
    let served = |late: &str| {
        let mut world = World::at("canary", POLICY);
        world.minutes(5, GOOD).at_second(4, 30, late).minutes(1, GOOD);
        world.decision().bake.0
    };
    assert!(served("latency=600~30") < served("latency=100~30"));
}

/// "More than 30 s in the future is rejected": it would stay fresh long after its source died.
#[test]
fn readings_from_the_future_do_not_stay_fresh() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, GOOD).minutes(1, "error_rate=0.1~-3600 latency=0.1~-3600").silence(30);
    assert_eq!(unknown_of(&world, "error_rate.p0"), Some(Unknown::Stale));
    assert_eq!(world.stage(), "canary");
    world.minutes(1, "error_rate=9~-30 latency=100");
    assert!(world.is_latched(), "thirty seconds are allowed");
}

/// "A fall is a reset (the value itself is the increase); after a gap over `max_age` the first sample is unknown."
#[test]
fn a_counter_reads_as_its_increase() {
    let policy = POLICY.replace(
        "latency = { unit = \"ms\"",
        "panics = { unit = \"count\", better = \"lower\", max_age = \"90s\", on_unknown = \"hold\", kind = \"counter\" }\nlatency = { unit = \"ms\"",
    ) + "\n[thresholds.panics]\np0 = { above = \"3\" }\n".replace("\"3\"", "3").as_str();
    let panics = |world: &mut World, total: &str| {
        world.minutes(1, &format!("{GOOD} panics={total}"));
    };
    let mut world = World::at("canary", &policy);
    panics(&mut world, "500");
    assert!(matches!(&world.waits()[0], Wait::Unknown { what, .. } if what.as_str() == "panics"));
    for total in ["503", "2", "5", "nan", "8"] {
        panics(&mut world, total);
        assert!(!world.is_latched(), "{total}");
    }
    world.silence(3);
    panics(&mut world, "900");
    assert_eq!(unknown_of(&world, "panics.p0"), Some(Unknown::Absent), "after a gap");
    panics(&mut world, "904");
    assert!(world.is_latched());
}

/// "`all` is its own series, never the sum or the fallback of the others."
#[test]
fn all_is_no_fallback() {
    let mut world = World::at("canary", POLICY);
    world.minutes(15, "error_rate.all=0.1 error_rate.control=0.1 latency=100");
    assert_eq!(unknown_of(&world, "error_rate.p0"), Some(Unknown::Absent));
    assert_eq!(world.stage(), "canary");
}
