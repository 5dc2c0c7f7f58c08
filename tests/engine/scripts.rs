//! "An ok or open from a script that read any unknown counts as unknown; a script that fails is unknown."

use rollgate::model::decision::Wait;
use rollgate::model::finding::FindingState;
use rstest::rstest;

use super::world::World;

const POLICY: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout"]
regions = ["eu", "us"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
latency = { unit = "ms", better = "lower", max_age = "90s", on_unknown = "SILENCE", unknown_after = "5m" }
deaths = { unit = "count", better = "lower", max_age = "24h", on_unknown = "hold", group = "all" }
[thresholds.error_rate]
p1 = { above = "1%", for = "2m", in = ["full"] }
[thresholds.deaths]
p0 = { above = 0 }
[params]
most = "5%"
slow = "300ms"
[KIND]
rule = { script = "rule" }
[[stages]]
name = "off"
bake = "5m"
[[stages]]
name = "canary"
traffic = "10%"
bake = "10m"
GATES
[[stages]]
name = "full"
traffic = "100%"
bake = "10m"
"#;

fn world(kind: &str, stage: &str, rules: &str) -> World {
    with_silence("hold", kind, stage, rules)
}

fn with_silence(silence: &str, kind: &str, stage: &str, rules: &str) -> World {
    let gates = if kind == "gates" { "gates = [\"rule\"]" } else { "" };
    let policy = POLICY.replace("KIND", kind).replace("GATES", gates).replace("SILENCE", silence);
    let mut world = World::with(stage, &policy, rules, |_| {});
    world.at_second(0, 0, "deaths.all@eu=0 deaths.all@us=0");
    world
}

const GOOD: &str = "error_rate@eu=0.1 latency@eu=100 error_rate@us=0.1 latency@us=100";
const EITHER: &str =
    r#"fn rule() { metric("error_rate").treatment > param("most") || metric("latency").treatment > param("slow") }"#;

/// "Scripts run once per region."
#[test]
fn a_script_is_asked_per_region() {
    let mut world = world("triggers", "canary", EITHER);
    world.minutes(5, "error_rate@eu=0.1 latency@eu=100 error_rate@us=0.1");
    assert_eq!(world.state_in("rule", "eu"), FindingState::Ok);
    assert_eq!(world.state_in("rule", "us"), FindingState::Unknown);
    world.minutes(1, "error_rate@us=9");
    assert!(world.is_latched(), "one dead metric cannot silence a breach beside it");
}

/// "Metrics of a stage are those its active checks and gates read", and unknown never advances: a branch that was not
/// taken does not make the metric behind it known.
#[rstest]
#[case::trigger("triggers", r#"fn rule() { if metric("error_rate").treatment > param("most") { metric("latency").treatment > param("slow") } else { ok() } }"#)]
#[case::gate("gates", r#"fn rule() { if metric("error_rate").treatment < param("most") { open() } else { metric("latency").treatment < param("slow") } }"#)]
fn a_metric_behind_an_untaken_branch_must_be_known(#[case] kind: &str, #[case] rule: &str) {
    let mut blind = world(kind, "canary", rule);
    blind.minutes(30, "error_rate@eu=0.1 error_rate@us=0.1");
    assert_eq!(blind.stage(), "canary");
    assert!(blind.waits().iter().any(|wait| matches!(wait, Wait::Unknown { .. })), "{:?}", blind.waits());
    let mut seeing = world(kind, "canary", rule);
    seeing.minutes(12, GOOD);
    assert_eq!(seeing.stage(), "full");
}

/// "`on_unknown` … rollback": a gate that is closed for another reason does not keep a lasting silence from counting.
#[test]
fn a_closed_gate_does_not_hide_that_a_metric_is_silent() {
    let rules = r#"fn rule() { metric("error_rate").treatment < param("most") && metric("latency").treatment < param("slow") }"#;
    let mut world = with_silence("rollback", "gates", "canary", rules);
    world.minutes(10, "error_rate@eu=9 error_rate@us=9");
    assert!(world.is_latched(), "{}", world.headline());
}

/// A check that is not active in the stage can be asked, but not be told about: unknown, never ok.
#[rstest]
#[case::breached(r#"fn rule() { breached("error_rate.p1") }"#)]
#[case::not_breached(r#"fn rule() { !(breached("error_rate.p1") || pending("error_rate.p1")) && metric("latency").treatment > param("slow") }"#)]
fn a_check_that_is_inactive_in_the_stage_is_unknown_to_a_script(#[case] rule: &str) {
    let mut world = world("triggers", "canary", rule);
    world.minutes(15, &GOOD.replace("latency@eu=100", "latency@eu=400"));
    assert_eq!(world.state_in("rule", "eu"), FindingState::Unknown);
    assert_eq!(world.stage(), "canary");
}

/// A group that is empty by design is no reading of the stage: unknown to the script, but its silence means nothing.
#[test]
fn control_at_full_is_unknown_to_a_script_and_not_a_silence() {
    let rules = r#"fn rule() { metric("latency").treatment > metric("latency").control }"#;
    let mut world = with_silence("rollback", "triggers", "full", rules);
    world.minutes(30, "error_rate@eu=0.1 latency@eu=100 error_rate@us=0.1 latency@us=100");
    assert!(!world.is_latched(), "nobody rolls back because there is no control at 100 %: {}", world.headline());
    assert_eq!(world.state_in("rule", "eu"), FindingState::Unknown);
    assert!(!world.machine.state().complete);
}

/// Readings of different ages: a breach that only the older-stamped one completes fires all the same.
#[test]
fn a_breach_that_an_older_stamped_reading_completes_fires() {
    let rules = r#"fn rule() { metric("error_rate").treatment > param("most") && metric("latency").treatment > param("slow") }"#;
    let mut world = world("triggers", "canary", rules);
    world.at_second(1, 0, "error_rate@eu=9").at_second(1, 5, "latency@eu=400~20");
    assert!(world.is_latched(), "{}", world.headline());
}
