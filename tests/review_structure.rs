//! What an edit of a policy is told as: which part, in which direction, with which reading that shows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rollgate::model::ids::Environment;
use rollgate::policy::compiled::Policy;
use rollgate::policy::source::PolicySource;
use rollgate::review::change::{Bearing, Change, Direction, Proof};
use rollgate::review::gate;
use rollgate::review::outcome::Condition;
use rollgate::review::structure::{changes, changes_beside, together, without_overlay};
use rstest::rstest;

const POLICY: &str = r#"
schema   = 1
rollout  = "x"
features = ["a"]
[metrics]
score   = { unit = "percent", better = "higher", max_age = "90s", on_unknown = "hold", min_samples = 10 }
errors  = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
latency = { unit = "ms", better = "lower", max_age = "90s", on_unknown = "rollback" }
crashes = { unit = "count", better = "lower", max_age = "90s", on_unknown = "hold" }
[severities]
p0 = { then = "rollback", notify = ["pager"] }
p1 = { then = "hold" }
p2 = { then = "warn" }
[thresholds.score]
p0 = { below = "95%" }
p1 = { below = "99%", for = "2m" }
[thresholds.crashes]
p0 = { above = 2 }
[thresholds.latency]
p1 = { above = "+10%", than = "baseline", and_above = "+20ms", for = "3 of 5" }
p2 = { above = "300ms", and_above = "200ms", clear_after = "5m" }
[triggers]
flood = { in = ["full"], metric = "errors", above = "5%", for = "1m", target = "off" }
worse = { in = ["canary"], metric = "errors", above = "+0.5pp", than = "control", for = "5m", severity = "p1" }
odd   = { in = ["canary", "full"], script = "odd" }
[gates]
held = { metric = "score", at_least = "99.5%", for = "30m" }
calm = { metric = "errors", at_most = "1%" }
even = { script = "even" }
[params]
margin = "0.2%"
[baseline]
window = "24h"
[freeze]
windows = [{ days = ["sat"], from = "00:00", to = "24:00", zone = "UTC", note = "weekend" }]
[[stages]]
name = "off"
bake = "1h"
[[stages]]
name = "canary"
traffic = "10%"
audience = ["@x.org"]
bake = "2h"
max = "8h"
on_max = "hold"
gates = ["held", "even"]
approvals = { roles = ["sre"], people = 1 }
early_exit = { after = "1h", gates = ["calm"], samples = 1000 }
[[stages]]
name = "full"
traffic = "100%"
bake = "1h"
gates = ["calm"]
"#;

const RULES: &str = r#"
// Both at once.
fn odd() { if breached("score.p1") && metric("errors").value > param("margin") { breach() } else { ok() } }
fn even() { let e = metric("errors"); if e.treatment <= e.control + param("margin") { open() } else { closed() } }
"#;

fn source(policy: &str, rules: &str) -> PolicySource {
    let mut source = PolicySource::new("policies/x");
    source.insert("policy.toml", policy);
    source.insert("rules.rhai", rules);
    source
}

fn compiled(source: &PolicySource) -> BTreeMap<Environment, Arc<Policy>> {
    let checked = rollgate::policy::check(source);
    assert!(
        !checked.has_errors(),
        "{:#?}",
        checked
            .diagnostics
            .iter()
            .filter(|one| one.level == rollgate::policy::diagnostic::Level::Error)
            .map(|one| &one.message)
            .collect::<Vec<_>>()
    );
    checked.policies.into_iter().map(|(environment, policy)| (environment, Arc::new(policy))).collect()
}

/// The changes from one pair of texts to another.
fn between(before: (&str, &str), after: (&str, &str)) -> Vec<Change> {
    changes(&compiled(&source(before.0, before.1)), &compiled(&source(after.0, after.1)))
}

/// The changes that replacing `from` by `to` makes.
fn edited(from: &str, to: &str) -> Vec<Change> {
    assert!(POLICY.contains(from) || RULES.contains(from), "`{from}` is not there");
    between((POLICY, RULES), (&POLICY.replacen(from, to, 1), &RULES.replacen(from, to, 1)))
}

fn one(from: &str, to: &str) -> Change {
    let mut all = edited(from, to);
    assert_eq!(all.len(), 1, "{:#?}", all.iter().map(told).collect::<Vec<_>>());
    all.remove(0)
}

/// `score.p0 below 95% -> 94% looser: score 94.1% ...`
fn told(change: &Change) -> String {
    let value = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let example = change.counterexample.as_ref().map_or_else(String::new, |example| format!(": {example}"));
    let part = if change.part.is_empty() { String::new() } else { format!(" {}", change.part) };
    let (before, after) = (value(&change.before), value(&change.after));
    format!("{}{part} {before} -> {after} {}{example}", change.subject.name(), change.direction)
}

/// What is replaced by what, so that the policy acts on less.
const LOOSER: &[(&str, &str, &str)] = &[
    ("below", "p0 = { below = \"95%\" }", "p0 = { below = \"94%\" }"),
    ("below on a finer grid", "p0 = { below = \"95%\" }", "p0 = { below = \"94.50%\" }"),
    ("above of whole things", "p0 = { above = 2 }", "p0 = { above = 4 }"),
    ("above by one", "p0 = { above = 2 }", "p0 = { above = 3 }"),
    ("relative", "above = \"+10%\"", "above = \"+15%\""),
    ("floor of a difference", "and_above = \"+20ms\"", "and_above = \"+30ms\""),
    ("longer", "below = \"99%\", for = \"2m\"", "below = \"99%\", for = \"5m\""),
    ("more often", "for = \"3 of 5\"", "for = \"4 of 5\""),
    ("of fewer", "for = \"3 of 5\"", "for = \"3 of 4\""),
    ("difference to control", "above = \"+0.5pp\"", "above = \"+0.6pp\""),
    ("fewer stages", "in = [\"canary\", \"full\"], script", "in = [\"canary\"], script"),
    ("in shadow", "p0 = { below = \"95%\" }", "p0 = { below = \"95%\", shadow = true }"),
    ("unless control", "p0 = { below = \"95%\" }", "p0 = { below = \"95%\", unless_control = true }"),
    ("target higher up", "target = \"off\"", "target = \"canary\""),
    ("clears sooner", "clear_after = \"5m\"", "clear_after = \"4m\""),
    ("gate lower", "at_least = \"99.5%\"", "at_least = \"99%\""),
    ("gate shorter", "for = \"30m\"", "for = \"20m\""),
    ("gate higher", "at_most = \"1%\"", "at_most = \"2%\""),
    ("milder", "p1 = { then = \"hold\" }", "p1 = { then = \"warn\" }"),
    (
        "trigger less severe",
        "above = \"+0.5pp\", than = \"control\", for = \"5m\", severity = \"p1\"",
        "above = \"+0.5pp\", than = \"control\", for = \"5m\", severity = \"p2\"",
    ),
    ("more traffic", "traffic = \"10%\"", "traffic = \"20%\""),
    ("more audience", "audience = [\"@x.org\"]", "audience = [\"@x.org\", \"@y.org\"]"),
    ("shorter bake", "bake = \"2h\"", "bake = \"90m\""),
    ("longer max", "max = \"8h\"", "max = \"9h\""),
    ("fewer gates", "gates = [\"held\", \"even\"]", "gates = [\"even\"]"),
    ("no approvals", "approvals = { roles = [\"sre\"], people = 1 }\n", ""),
    ("earlier exit", "after = \"1h\", gates", "after = \"30m\", gates"),
    ("fewer samples", "samples = 1000", "samples = 500"),
    ("exit with fewer gates", "after = \"1h\", gates = [\"calm\"]", "after = \"1h\", gates = []"),
    ("silence only holds", "max_age = \"90s\", on_unknown = \"rollback\"", "max_age = \"90s\", on_unknown = \"hold\""),
    ("silence told later", "on_unknown = \"rollback\"", "on_unknown = \"rollback\", unknown_after = \"1h\""),
    (
        "no freeze",
        "windows = [{ days = [\"sat\"], from = \"00:00\", to = \"24:00\", zone = \"UTC\", note = \"weekend\" }]",
        "windows = []",
    ),
    ("shadow policy", "features = [\"a\"]", "features = [\"a\"]\nmode = \"shadow\""),
];

#[test]
fn looser_one_way_is_tighter_the_other() {
    let mut text = String::new();
    for (name, from, to) in LOOSER {
        let (mut there, mut back) =
            (edited(from, to), between((&POLICY.replacen(from, to, 1), RULES), (POLICY, RULES)));
        // What follows for scripts has a test of its own.
        for all in [&mut there, &mut back] {
            all.retain(|change| !change.part.starts_with("reads"));
        }
        let lines: Vec<String> = there.iter().chain(&back).map(told).collect();
        assert_eq!((there.len(), back.len()), (1, 1), "{name}: {lines:#?}");
        assert_eq!(there[0].direction, Direction::Looser, "{name}: {lines:#?}");
        assert_eq!(back[0].direction, Direction::Tighter, "{name}: {lines:#?}");
        text.push_str(&format!("# {name}\n{}\n", lines.join("\n")));
    }
    insta::assert_snapshot!(text);
}

#[rstest]
#[case::another_side("p0 = { above = 2 }", "p0 = { below = 2 }", "side")]
#[case::another_comparison("above = \"+0.5pp\", than = \"control\"", "above = \"+0.5pp\", than = \"baseline\"", "than")]
#[case::percentage_and_amount("above = \"+10%\"", "above = \"+30ms\"", "above")]
#[case::level_and_difference("and_above = \"+20ms\"", "and_above = \"300ms\"", "and_above")]
#[case::time_and_count("for = \"3 of 5\"", "for = \"5m\"", "for")]
#[case::another_metric("metric = \"errors\", above = \"5%\"", "metric = \"score\", above = \"5%\"", "metric")]
#[case::other_stages("flood = { in = [\"full\"]", "flood = { in = [\"canary\"]", "in")]
#[case::more_samples("min_samples = 10", "min_samples = 20", "min_samples")]
#[case::older_readings("max_age = \"90s\"", "max_age = \"2m\"", "max_age")]
#[case::baseline_window("window = \"24h\"", "window = \"12h\"", "")]
#[case::notify("notify = [\"pager\"]", "notify = []", "notify")]
#[case::features("features = [\"a\"]", "features = [\"a\", \"b\"]", "")]
#[case::renamed("flood = {", "errors-flood = {", "id")]
#[case::a_floor_that_never_decides("and_above = \"200ms\"", "and_above = \"250ms\"", "and_above")]
fn what_cannot_be_ordered_is_different_and_says_why(#[case] from: &str, #[case] to: &str, #[case] part: &str) {
    let change = one(from, to);
    assert_eq!((change.direction, change.part.as_str()), (Direction::Different, part), "{}", told(&change));
    assert!(!change.words.is_empty() || part == "in", "{change:#?}");
}

/// Whether the condition `looser-p0` of a merge trips, and why.
fn tripped(changes: &[Change]) -> Option<String> {
    let asked = [Condition::LooserP0];
    rollgate::review::gate::tripped(changes, &[], &asked).into_iter().map(|one| one.why).next()
}

/// `errors` has a P0 and decides a roll back by silence, `latency` is compared with a baseline and rolls back.
fn grave() -> String {
    POLICY
        .replacen(
            "errors  = { unit = \"percent\", better = \"lower\", max_age = \"90s\", on_unknown = \"hold\"",
            ERRORS,
            1,
        )
        .replacen("[thresholds.crashes]", "[thresholds.errors]\np0 = { above = \"5%\" }\n[thresholds.crashes]", 1)
        .replacen("p1 = { then = \"hold\" }", "p1 = { then = \"rollback\" }", 1)
        .replacen("max = \"8h\"\non_max = \"hold\"", "max = \"8h\"\non_max = \"rollback\"", 1)
        .replacen("name = \"full\"\n", "name = \"full\"\nrollback_to = \"off\"\n", 1)
}

const ERRORS: &str = "errors = { unit = \"percent\", better = \"lower\", max_age = \"90s\", on_unknown = \"rollback\", \
                      unknown_after = \"10m\", min_samples = 10";

#[rstest]
#[case::more_samples("\"10m\", min_samples = 10", "\"10m\", min_samples = 9999", true)]
#[case::more_samples_in_one_stage(
    "bake = \"2h\"",
    "bake = \"2h\"\nmetrics = { errors = { min_samples = 9999 } }",
    true
)]
#[case::another_group("errors = {", "errors = { group = \"all\",", true)]
#[case::another_kind("errors = {", "errors = { kind = \"counter\",", true)]
#[case::younger_readings(
    "errors = { unit = \"percent\", better = \"lower\", max_age = \"90s\"",
    "errors = { unit = \"percent\", better = \"lower\", max_age = \"1s\"",
    true
)]
#[case::stuck_sooner("errors = {", "errors = { stuck_after = \"2m\",", true)]
#[case::a_narrower_range("errors = {", "errors = { range = [\"0%\", \"6%\"],", true)]
#[case::more_points_for_a_baseline("window = \"24h\"", "window = \"24h\"\nmin_points = 1000000", true)]
#[case::another_stretch_for_a_baseline("window = \"24h\"", "window = \"1h\"", true)]
#[case::fewer_points_for_a_baseline("window = \"24h\"", "window = \"24h\"\nmin_points = 1", false)]
#[case::silence_for_longer("unknown_after = \"10m\"", "unknown_after = \"240h\"", true)]
#[case::silence_for_shorter("unknown_after = \"10m\"", "unknown_after = \"5m\"", false)]
#[case::a_later_deadline("max = \"8h\"", "max = \"400h\"", true)]
#[case::an_earlier_deadline("max = \"8h\"", "max = \"7h\"", false)]
#[case::back_to_a_higher_stage("rollback_to = \"off\"", "rollback_to = \"canary\"", true)]
#[case::a_relaxed_metric_of_a_p0(
    "on_unknown = \"hold\", min_samples = 10",
    "on_unknown = \"hold\", min_samples = 1",
    false
)]
#[case::a_relaxed_metric_whose_silence_rolls_back("\"10m\", min_samples = 10", "\"10m\", min_samples = 1", true)]
fn what_silences_a_grave_check_trips_as_its_bound_would(#[case] from: &str, #[case] to: &str, #[case] trips: bool) {
    let grave = grave();
    assert!(grave.contains(from), "`{from}` is not there");
    let all = between((&grave, RULES), (&grave.replacen(from, to, 1), RULES));
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(tripped(&all).is_some(), trips, "{:#?}", all[0]);
}

#[test]
fn a_limit_of_what_only_holds_or_warns_does_not_trip() {
    let text = POLICY.replacen("p0 = { above = 2 }", "p2 = { above = 2 }", 1);
    let from = "crashes = { unit = \"count\",";
    let all = between((&text, RULES), (&text.replacen(from, &format!("{from} min_samples = 9999,"), 1), RULES));
    assert_eq!((all.len(), tripped(&all)), (1, None), "{all:#?}");
}

#[test]
fn an_overlay_that_silences_a_grave_check_trips_as_well() {
    let with = |samples: &str| {
        let mut source = source(POLICY, RULES);
        source.insert("env/staging.toml", format!("[metrics.crashes]\nmin_samples = {samples}\n"));
        compiled(&source)
    };
    let all = changes(&with("10"), &with("100000"));
    assert_eq!((all.len(), all[0].environments.len()), (1, 1));
    assert_eq!(tripped(&all).expect("it trips"), "metric crashes is another: min_samples 10 became 100000");
}

#[test]
fn a_floor_that_goes_leaves_a_zero_baseline_undefined() {
    let text = POLICY.replacen("p1 = { then = \"hold\" }", "p1 = { then = \"rollback\" }", 1);
    let all = between((&text, RULES), (&text.replacen(", and_above = \"+20ms\"", "", 1), RULES));
    assert_eq!(all.len(), 1);
    assert_eq!(
        told(&all[0]),
        "latency.p1 and_above +20ms -> - different: latency 21ms 3 times in a row with a baseline of 0ms \
         rolled back before, would hold now"
    );
    assert!(tripped(&all).is_some());
}

/// `POLICY` with a rung between canary and full, which the trigger `flood` watches from canary on.
fn laddered(second: &str, watched: &str) -> String {
    let rung =
        format!("[[stages]]\nname = \"{second}\"\ntraffic = \"50%\"\nbake = \"2h\"\n[[stages]]\nname = \"full\"");
    let text = POLICY.replacen("[[stages]]\nname = \"full\"", &rung, 1);
    text.replacen("flood = { in = [\"full\"]", &format!("flood = {{ in = [{watched}]"), 1)
}

#[test]
fn a_stage_under_another_name_is_the_same_rung_and_what_stops_watching_it_is_told() {
    let before = laddered("most", "\"canary\", \"most\"");
    let all = between((&before, RULES), (&laddered("half", "\"canary\""), RULES));
    let lines: Vec<String> = all.iter().map(told).collect();
    assert_eq!(
        lines,
        [
            "flood in canary, most -> canary looser: errors 6% in half lasting 1m rolled back before, would pass now",
            "half name most -> half different",
        ]
    );
    assert!(tripped(&all).is_some());
    let all = between((&before, RULES), (&laddered("half", "\"canary\", \"half\""), RULES));
    assert_eq!((all.len(), tripped(&all)), (1, None), "{all:#?}");
}

#[test]
fn a_new_rung_that_a_grave_check_does_not_watch_trips() {
    let everywhere = POLICY.replacen("in = [\"full\"]", "in = [\"off\", \"canary\", \"full\"]", 1);
    let with = |watched: &str| between((&everywhere, RULES), (&laddered("most", watched), RULES));
    let all = with("\"off\", \"canary\", \"full\"");
    assert!(all.iter().any(|change| change.part == "in" && change.words.contains("does not watch most")), "{all:#?}");
    assert!(tripped(&all).is_some());
    assert_eq!(tripped(&with("\"off\", \"canary\", \"most\", \"full\"")), None);
}

#[rstest]
#[case::a_target_written_out(
    "p0 = { above = 2 }",
    "p0 = { above = 2, target = \"off\", in = [\"canary\"] }",
    "p0 = { above = 2, in = [\"canary\"] }"
)]
#[case::removed_in_shadow(
    "p0 = { above = 2 }",
    "p1 = { above = 9 }",
    "p1 = { above = 9 }\np0 = { above = 2, shadow = true }"
)]
#[case::loosened_in_shadow(
    "p0 = { above = 2 }",
    "p0 = { above = 3, shadow = true }",
    "p0 = { above = 2, shadow = true }"
)]
#[case::nobody_was_there("p0 = { above = 2 }", "p0 = { above = 2, in = [\"canary\", \"full\"] }", "p0 = { above = 2 }")]
#[case::who_is_told("notify = [\"pager\"]", "notify = []", "notify = [\"pager\"]")]
#[case::who_answers_for_it("schema   = 1", "schema = 1\nowner = \"others\"", "schema = 1")]
#[case::a_new_one_in_shadow(
    "p0 = { above = 2 }",
    "p0 = { above = 2 }\n[thresholds.errors]\np0 = { above = \"50%\", shadow = true }",
    "p0 = { above = 2 }"
)]
fn what_loosens_nothing_does_not_trip(#[case] from: &str, #[case] after: &str, #[case] before: &str) {
    let of = |to: &str| POLICY.replacen(from, to, 1);
    let all = between((&of(before), RULES), (&of(after), RULES));
    assert_eq!((all.len(), tripped(&all)), (1, None), "{all:#?}");
}

#[rstest]
#[case::mode("schema   = 1", "schema = 1\nmode = \"shadow\"", "mode is looser: live became shadow")]
#[case::one_region("on_breach = \"all\"", "on_breach = \"region\"", "on_breach is looser: all became region")]
#[case::p0_softened(
    "p0 = { then = \"rollback\"",
    "p0 = { then = \"hold\"",
    "severity P0 is looser: then roll back became hold"
)]
#[case::a_silence(
    "on_unknown = \"rollback\" }",
    "on_unknown = \"hold\" }",
    "metric latency is looser: on_unknown rollback became hold"
)]
#[case::a_deadline("on_max = \"rollback\"", "on_max = \"hold\"", "stage canary is looser: on_max rollback became hold")]
fn what_takes_back_less_than_before_trips_whatever_took_it_back(
    #[case] from: &str,
    #[case] to: &str,
    #[case] why: &str,
) {
    let before = POLICY.replacen("features =", "on_breach = \"all\"\nfeatures =", 1);
    let before = before.replacen("on_max = \"hold\"", "on_max = \"rollback\"", 1);
    assert!(before.contains(from), "`{from}` is not there");
    let after = before.replacen(from, to, 1);
    assert_eq!(tripped(&between((&before, RULES), (&after, RULES))).as_deref(), Some(why));
    assert_eq!(tripped(&between((&after, RULES), (&before, RULES))), None);
}

#[test]
fn a_script_in_shadow_may_be_edited_and_one_that_comes_out_of_it_explains_what_changes() {
    let shadow = POLICY.replacen("script = \"odd\" }", "script = \"odd\", shadow = true }", 1);
    let milder = RULES.replacen("{ breach() } else { ok() }", "{ ok() } else { ok() }", 1);
    assert!(tripped(&between((POLICY, RULES), (POLICY, &milder))).is_some());
    let all = between((&shadow, RULES), (&shadow, &milder));
    assert_eq!((all.len(), all[0].bearing, tripped(&all)), (1, Bearing::Untouched, None), "{all:#?}");
    // What a check in shadow says is asked for all the same.
    let of = |below: &str| POLICY.replacen("below = \"99%\"", &format!("below = \"{below}\", shadow = true"), 1);
    let all = between((&of("99%"), RULES), (&of("98%"), RULES));
    let bearings: Vec<(&str, Bearing)> = all.iter().map(|one| (one.part.as_str(), one.bearing)).collect();
    assert_eq!(bearings, [("reads score.p1", Bearing::Acts), ("below", Bearing::Untouched)]);
    let out = between((&shadow, RULES), (POLICY, RULES));
    assert_eq!((out[0].part.as_str(), out[0].bearing), ("shadow", Bearing::Acts));
}

/// A check that is gone from a ladder's rung says the same on the others to whoever asks about it.
#[test]
fn a_script_is_not_told_to_be_edited_by_what_acts_as_before() {
    let with = |rungs: &str, stages: &str| {
        POLICY
            .replacen(
                "p1 = { below = \"99%\", for = \"2m\" }",
                &format!("p1 = {{ below = \"99%\", in = [{stages}] }}"),
                1,
            )
            .replacen("[[stages]]\nname = \"full\"", &format!("{rungs}[[stages]]\nname = \"full\""), 1)
    };
    let rung = "[[stages]]\nname = \"half\"\ntraffic = \"50%\"\nbake = \"1h\"\n";
    let (before, after) = (with("", "\"canary\""), with(rung, "\"canary\", \"half\""));
    let all = between((&before, RULES), (&after, RULES));
    let of_check: Vec<(&str, Bearing)> =
        all.iter().filter(|one| one.subject.kind() == "check").map(|one| (one.part.as_str(), one.bearing)).collect();
    assert_eq!(of_check, [("in", Bearing::AsBefore)], "{all:#?}");
}

#[test]
fn a_check_that_leaves_a_rung_out_just_when_somebody_comes_there_trips() {
    let after = POLICY.replacen("p0 = { above = 2 }", "p0 = { above = 2, in = [\"canary\", \"full\"] }", 1);
    let after = after.replacen("name = \"off\"\n", "name = \"off\"\ntraffic = \"5%\"\n", 1);
    assert!(tripped(&between((POLICY, RULES), (&after, RULES))).is_some());
}

#[test]
fn a_gate_is_shown_to_open_only_where_no_other_gate_stays_closed() {
    let after = POLICY.replacen(
        "held = { metric = \"score\", at_least = \"99.5%\"",
        "high = { metric = \"score\", at_least = \"99.8%\"",
        1,
    );
    let after = after.replacen("gates = [\"held\", \"even\"]", "gates = [\"high\", \"even\"]", 1);
    let all = between((POLICY, RULES), (&after, RULES));
    let gone = all.iter().find(|change| change.subject.name() == "held").expect("it is gone");
    assert_eq!(gone.counterexample, None);
    let came =
        all.iter().find(|change| change.subject.name() == "high").and_then(|change| change.counterexample.as_ref());
    assert_eq!(came.map(|example| example.value), Some(99.7), "{came:?}");
}

#[test]
fn a_policy_in_shadow_only_reports() {
    let shadow = POLICY.replacen("features = [\"a\"]", "features = [\"a\"]\nmode = \"shadow\"", 1);
    let all = between((&shadow, RULES), (&shadow.replacen("p0 = { above = 2 }", "p0 = { above = 4 }", 1), RULES));
    assert_eq!(
        told(&all[0]),
        "crashes.p0 above 2 -> 4 looser: crashes 3 only reported a roll back before, would pass now"
    );
}

#[test]
fn a_state_has_two_values_and_one_of_them_shows_a_longer_window() {
    let with = |lasting: &str| {
        let metric =
            "job = { unit = \"state\", better = \"lower\", max_age = \"90s\", on_unknown = \"hold\" }\n[severities]";
        let text = POLICY.replacen("[severities]", metric, 1);
        text.replacen(
            "[triggers]",
            &format!("[triggers]\nbroken = {{ metric = \"job\", is = \"failed\"{lasting}, in = [\"canary\"] }}"),
            1,
        )
    };
    let all = between((&with(""), RULES), (&with(", for = \"1h\""), RULES));
    assert_eq!(
        told(&all[0]),
        "broken for at once -> 1h looser: job failed rolled back before, would hold now until 1h"
    );
}

#[test]
fn the_last_stage_has_no_bake_and_waits_for_nobody() {
    let text = POLICY.replacen("traffic = \"100%\"\nbake = \"1h\"", "traffic = \"100%\"", 1);
    let all = between((POLICY, RULES), (&text, RULES));
    assert_eq!(told(&all[0]), "full bake 1h -> none, it is the last stage tighter");
}

#[test]
fn layout_comments_and_notes_are_no_edit() {
    for (from, to) in [
        ("// Both at once.\n", "\n\n// Two at a time.\n"),
        ("if breached(\"score.p1\") && ", "if breached( \"score.p1\" )\n  && "),
        ("p0 = { below = \"95%\" }", "p0 = { below = \"95.0%\" } # exactly"),
        ("note = \"weekend\"", "note = \"nobody is there\""),
    ] {
        let all = edited(from, to);
        assert!(all.is_empty(), "{:#?}", all.iter().map(told).collect::<Vec<_>>());
    }
}

#[test]
fn a_check_that_comes_or_goes_is_one_edit() {
    let gone = one("[thresholds.crashes]\np0 = { above = 2 }\n", "");
    assert_eq!(
        told(&gone),
        "crashes.p0 crashes above 2, rolls back -> - looser: crashes 3 rolled back before, would pass now"
    );
    let added = one("p0 = { above = 2 }", "p0 = { above = 2 }\np2 = { above = 0 }");
    assert_eq!(told(&added), "crashes.p2 - -> crashes above 0, warns tighter: crashes 1 passed before, would warn now");
}

#[test]
fn the_first_of_a_list_may_go_without_the_others_looking_edited() {
    let two = POLICY.replacen("p0 = { above = 2 }", "p0 = [{ above = 2 }, { above = 9, for = \"1m\" }]", 1);
    let second = POLICY.replacen("p0 = { above = 2 }", "p0 = { above = 9, for = \"1m\" }", 1);
    let all = between((&two, RULES), (&second, RULES));
    let mut lines: Vec<String> =
        all.iter().map(|change| format!("{} {}", change.subject.name(), change.part)).collect();
    lines.sort();
    assert_eq!(lines, ["crashes.p0 ", "crashes.p0 id"]);
    assert!(all.iter().any(|change| change.after.is_none() && change.direction == Direction::Looser));
}

#[test]
fn a_bound_that_moves_to_another_level_is_renamed_and_goes_with_what_it_does() {
    let all = edited("[thresholds.crashes]\np0 = { above = 2 }", "[thresholds.crashes]\np1 = { above = 2 }");
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(
        told(&all[0]),
        "crashes.p1 id crashes.p0 -> crashes.p1 looser: crashes 3 rolled back (crashes.p0) before, would hold now"
    );
}

#[rstest]
#[case::half_of_it_dropped_fires_on_more_and_no_longer_holds_while_that_half_is_unknown(
    "if breached(\"score.p1\") && metric",
    "if metric",
    Direction::Different
)]
#[case::one_more("{ breach() } else { ok() } }\nfn even", "{ ok() } else { ok() } }\nfn even", Direction::Looser)]
#[case::gate_always_open("{ open() } else { closed() }", "{ open() } else { open() }", Direction::Looser)]
fn scripts_are_sampled(#[case] from: &str, #[case] to: &str, #[case] direction: Direction) {
    let all = edited(from, to);
    let change = all.iter().find(|change| change.proof == Proof::Sampled).expect("a script changed");
    assert_eq!(change.direction, direction, "{change:#?}");
    assert!(change.words.contains("sampled, not proved") && change.words.contains(" points"), "{}", change.words);
}

#[test]
fn a_script_written_otherwise_says_how_much_was_tried() {
    let all = edited(
        "if breached(\"score.p1\") && metric(\"errors\").value > param(\"margin\")",
        "if metric(\"errors\").value > param(\"margin\") && breached(\"score.p1\")",
    );
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].direction, Direction::Different);
    assert!(all[0].words.contains("no difference at"), "{}", all[0].words);
}

#[rstest]
#[case::longer("below = \"99%\", for = \"2m\"", "below = \"99%\", for = \"5m\"", Direction::Looser, "for 2m -> for 5m")]
#[case::sooner(
    "below = \"99%\", for = \"2m\"",
    "below = \"99%\", for = \"1m\"",
    Direction::Tighter,
    "for 2m -> for 1m"
)]
#[case::lower("below = \"99%\"", "below = \"98%\"", Direction::Looser, "below 99% -> below 98%")]
fn a_script_goes_the_way_of_the_checks_it_asks_about(
    #[case] from: &str,
    #[case] to: &str,
    #[case] direction: Direction,
    #[case] values: &str,
) {
    let all = edited(from, to);
    let change = all.iter().find(|change| change.subject.name() == "odd").expect("it asks about score.p1");
    assert_eq!(told(change), format!("odd reads score.p1 {values} {direction}"));
    assert_eq!(change.words, format!("reads score.p1: {direction} too"));
    assert_eq!((change.proof, all.len()), (Proof::Sampled, 2));
    let tripped = gate::tripped(&all, &[], &[]);
    assert_eq!(tripped.iter().any(|one| one.condition == Condition::LooserP0), direction == Direction::Looser);
}

#[test]
fn a_script_that_asks_for_the_opposite_goes_the_other_way() {
    let inverted = RULES.replacen("if breached(\"score.p1\") &&", "if !breached(\"score.p1\") &&", 1);
    let looser = POLICY.replacen("below = \"99%\"", "below = \"98%\"", 1);
    let all = between((POLICY, &inverted), (&looser, &inverted));
    let change = all.iter().find(|change| change.subject.name() == "odd").expect("it asks about score.p1");
    assert_eq!(change.direction, Direction::Tighter, "{}", change.words);
}

#[test]
fn what_a_script_does_not_ask_about_is_no_edit_of_it() {
    let all = edited("p0 = { below = \"95%\" }", "p0 = { below = \"94%\" }");
    assert_eq!(all.len(), 1);
}

#[test]
fn a_rename_and_a_refactored_script_trip_nothing() {
    let looser = |all: &[Change]| gate::tripped(all, &[], &[]).into_iter().map(|one| one.why).collect::<Vec<_>>();
    assert_eq!(looser(&edited("flood = {", "errors-flood = {")), [""; 0]);
    let refactored = edited(
        "if breached(\"score.p1\") && metric(\"errors\").value > param(\"margin\")",
        "if metric(\"errors\").value > param(\"margin\") && breached(\"score.p1\")",
    );
    assert_eq!(looser(&refactored), [""; 0]);
    let milder = edited("{ breach() } else { ok() } }\nfn even", "{ ok() } else { ok() } }\nfn even");
    assert!(looser(&milder)[0].starts_with("function odd is looser: differs at "), "{:?}", looser(&milder));
}

#[test]
fn a_state_is_told_in_its_own_words() {
    let health = "errors  = { unit = \"percent\"";
    let with = POLICY.replacen(
        health,
        &format!(
            "health = {{ unit = \"state\", better = \"lower\", max_age = \"90s\", on_unknown = \"hold\" }}\n{health}"
        ),
        1,
    );
    let with = with.replacen("flood = {", "down = { metric = \"health\", is = \"failed\" }\nflood = {", 1);
    let all = between((&with, RULES), (&with.replacen("is = \"failed\"", "is = \"ok\"", 1), RULES));
    assert_eq!(all.len(), 1);
    let expected = "down is failed -> ok different: health failed rolled back before, would pass now";
    assert_eq!(told(&all[0]), expected);
}

#[test]
fn another_comparison_is_told_without_saying_than_twice() {
    let change = one("above = \"+0.5pp\", than = \"control\"", "above = \"+0.5pp\", than = \"baseline\"");
    assert!(told(&change).starts_with("worse than control -> baseline different"), "{}", told(&change));
    let both = one("above = \"+0.5pp\", than = \"control\"", "above = \"+1pp\", than = \"baseline\"");
    assert!(
        told(&both).starts_with("worse above +0.5pp than control -> +1pp than baseline different"),
        "{}",
        told(&both)
    );
}

#[test]
fn another_unit_is_told_once_and_first() {
    let all = edited("latency = { unit = \"ms\"", "latency = { unit = \"s\"");
    assert_eq!(all.iter().map(told).collect::<Vec<_>>(), ["latency unit ms -> s different"]);
    assert!(all[0].severity.is_some() && all[0].response.is_some());
}

#[test]
fn a_rung_that_goes_makes_the_step_larger() {
    let full = "[[stages]]\nname = \"full\"";
    let half = format!("[[stages]]\nname = \"half\"\ntraffic = \"50%\"\nbake = \"1h\"\n{full}");
    let with = POLICY.replacen(full, &half, 1);
    let gone = between((&with, RULES), (POLICY, RULES));
    let gone = gone.iter().find(|change| change.subject.name() == "half").expect("the stage");
    assert_eq!(gone.direction, Direction::Looser);
    assert!(gone.words.ends_with("exposure goes from 10% to 100% in one step"), "{}", gone.words);
    let back = between((POLICY, RULES), (&with, RULES));
    let back = back.iter().find(|change| change.subject.name() == "half").expect("the stage");
    assert_eq!(back.direction, Direction::Tighter, "{}", back.words);
}

#[test]
fn a_new_environment_is_compared_with_the_policy_without_its_overlay() {
    let old = source(POLICY, RULES);
    let mut new = old.clone();
    new.insert("env/canada.toml", "[thresholds.score]\np0 = { below = \"90%\" }\n");
    let beside =
        |of_old: bool, environment: &Environment| without_overlay(if of_old { &old } else { &new }, environment);
    for (before, after, direction) in [(&old, &new, Direction::Looser), (&new, &old, Direction::Tighter)] {
        let beside = |of_old: bool, environment: &Environment| beside(of_old == (before == &old), environment);
        let all = changes_beside(&compiled(before), &compiled(after), &beside);
        let bound = all.iter().find(|change| change.subject.name() == "score.p0").expect("the overlay's bound");
        assert_eq!((bound.direction, &bound.environments[..]), (direction, &[Environment::new("canada")][..]));
        assert!(all.iter().any(|change| change.subject.name() == "environment"));
        let trips = gate::tripped(&all, &[], &[]).iter().any(|one| one.condition == Condition::LooserP0);
        assert_eq!(trips, direction == Direction::Looser);
    }
}

#[test]
fn an_example_stands_where_the_edit_shows_and_says_in_which_stage() {
    // In the first two stages another trigger decides on the same readings.
    let strict = "strict = { in = [\"off\", \"canary\"], metric = \"score\", below = \"100%\" }\nflood = {";
    let only = POLICY.replacen("flood = {", strict, 1);
    let all = between((&only, RULES), (&only.replacen("below = \"99%\"", "below = \"98%\"", 1), RULES));
    let change = all.iter().find(|change| change.subject.name() == "score.p1").expect("the bound");
    let example = change.counterexample.as_ref().expect("a looser bound has an example").to_string();
    assert!(example.contains("in full ") && !example.contains("strict"), "{example}");
}

#[test]
fn a_counter_has_examples_and_what_is_left_still_says_what_it_does() {
    let counter =
        POLICY.replacen("crashes = { unit = \"count\"", "crashes = { kind = \"counter\", unit = \"count\"", 1);
    let twice = counter.replacen("flood = {", "crash = { metric = \"crashes\", above = 2 }\nflood = {", 1);
    let all = between((&twice, RULES), (&counter, RULES));
    assert_eq!(all.len(), 1);
    let example = all[0].counterexample.as_ref().expect("an example").to_string();
    assert_eq!(example, "crashes 3 rolled back (crashes.p0) before, would still roll back now (crashes.p0)");
    let severity = one("for = \"5m\", severity = \"p1\"", "for = \"5m\", severity = \"p2\"");
    assert!(!severity.words.is_empty(), "{severity:#?}");
}

#[test]
fn a_param_names_the_scripts_that_read_it() {
    let change = one("margin = \"0.2%\"", "margin = \"0.3%\"");
    assert_eq!((change.subject.name(), change.proof), ("params.margin".to_owned(), Proof::Sampled));
    // A trigger above it fires on less, a gate below it opens on more.
    assert_eq!(change.direction, Direction::Looser, "{}", change.words);
    assert!(change.words.starts_with("read by odd, even"), "{}", change.words);
}

#[test]
fn an_edit_of_one_environment_says_which() {
    let with = |bake: &str| {
        let mut source = source(POLICY, RULES);
        source.insert("env/staging.toml", format!("[[stages]]\nname = \"canary\"\nbake = \"{bake}\"\n"));
        compiled(&source)
    };
    let all = changes(&with("30m"), &with("20m"));
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].environments, [Environment::new("staging")]);
    let everywhere = |text: &str| {
        let mut source = source(text, RULES);
        source.insert("env/staging.toml", "[[stages]]\nname = \"canary\"\nbake = \"30m\"\n");
        compiled(&source)
    };
    let all = changes(&everywhere(POLICY), &everywhere(&POLICY.replacen("below = \"95%\"", "below = \"94%\"", 1)));
    assert_eq!(all[0].environments, ["production", "staging"].map(Environment::new));
}

#[test]
fn roll_backs_come_first_and_the_worst_severity_before_the_others() {
    let text = POLICY.replacen("below = \"99%\"", "below = \"98%\"", 1).replacen("above = 2", "above = 3", 1);
    let text = text.replacen("traffic = \"10%\"", "traffic = \"5%\"", 1);
    let all = between((POLICY, RULES), (&text, RULES));
    let names: Vec<String> = all.iter().map(|change| change.subject.name()).collect();
    assert_eq!(names, ["crashes.p0", "odd", "score.p1", "canary"]);
    assert_eq!(together(&all), Direction::Different);
    assert_eq!(together(&all[..2]), Direction::Looser);
}

mod laws {
    use super::*;
    use proptest::prelude::*;

    /// A bound as numbers: its side, its level in tenths.
    fn absolute() -> impl Strategy<Value = (bool, u32)> {
        (any::<bool>(), 850..989_u32)
    }

    fn of_score(above: bool, tenths: u32) -> String {
        let word = if above { "above" } else { "below" };
        POLICY.replacen(
            "p0 = { below = \"95%\" }",
            &format!("p0 = {{ {word} = \"{}.{}%\" }}", tenths / 10, tenths % 10),
            1,
        )
    }

    fn breaks(above: bool, tenths: u32, value: f64) -> bool {
        let level = f64::from(tenths) / 10.0;
        if above { value > level + 1e-6 } else { value < level - 1e-6 }
    }

    fn expected(acts: impl Iterator<Item = (bool, bool)>) -> Option<Direction> {
        let (mut more, mut less) = (false, false);
        for (was, is) in acts {
            (more, less) = (more || (is && !was), less || (was && !is));
        }
        match (more, less) {
            (true, false) => Some(Direction::Tighter),
            (false, true) => Some(Direction::Looser),
            (true, true) => Some(Direction::Different),
            (false, false) => None,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_tag_of_a_level_agrees_with_every_reading((above, was) in absolute(), is in 850..989_u32) {
            // Above 99 of p1 is broken anyway; only p0's own direction is looked at.
            let readings = (0..=20_000).map(|step| f64::from(step) * 0.005);
            let truth = expected(readings.map(|value| (breaks(above, was, value), breaks(above, is, value))));
            let all = between((&of_score(above, was), RULES), (&of_score(above, is), RULES));
            let change = all.iter().find(|change| change.subject.name() == "score.p0");
            prop_assert_eq!(change.map(|change| change.direction), truth);
            if let Some(change) = change {
                let example = change.counterexample.as_ref().expect("a level has an example");
                let (old, new) = (breaks(above, was, example.value), breaks(above, is, example.value));
                prop_assert_eq!((old, new), (change.direction == Direction::Looser, change.direction == Direction::Tighter));
            }
        }

        #[test]
        fn the_tag_of_a_floor_that_comes_or_goes_agrees_with_every_reading(
            (percent, was, is) in (1..60_u32, 0..60_u32, 0..60_u32),
            level in any::<bool>(),
        ) {
            // No floor is zero.
            let text = |floor: u32| {
                let floor_text = match floor {
                    0 => String::new(),
                    floor if level => format!(", and_above = \"{floor}ms\""),
                    floor => format!(", and_above = \"+{floor}ms\""),
                };
                let new = format!("above = \"+{percent}%\", than = \"baseline\"{floor_text}");
                POLICY.replacen("above = \"+10%\", than = \"baseline\", and_above = \"+20ms\"", &new, 1)
            };
            let limit = |floor: u32, base: f64| match floor {
                0 if base <= 0.0 => f64::INFINITY,
                0 => base * (1.0 + f64::from(percent) / 100.0),
                floor => (base * (1.0 + f64::from(percent) / 100.0)).max(if level { 0.0 } else { base } + f64::from(floor)),
            };
            let bases = [0.0, 0.5, 1.0, 10.0, 100.0, 1e3, 1e4];
            let acts = bases.iter().flat_map(|base| (0..2_000).map(move |half| (*base, base + f64::from(half) * 0.05)));
            let truth = expected(acts.map(|(base, value)| {
                (value > limit(was, base) + 1e-6, value > limit(is, base) + 1e-6)
            }));
            let all = between((&text(was), RULES), (&text(is), RULES));
            let own: Vec<&Change> = all.iter().filter(|change| change.subject.name() == "latency.p1").collect();
            prop_assert_eq!((!own.is_empty()).then(|| together(own.iter().copied())), truth);
            if truth == Some(Direction::Different) && is == 0 {
                let example = own[0].counterexample.as_ref().expect("a zero baseline shows it").to_string();
                prop_assert!(example.contains("with a baseline of 0ms"), "{}", example);
            }
        }

        #[test]
        fn the_tag_of_a_relative_bound_agrees_with_every_reading(
            (was, is) in (1..60_u32, 1..60_u32),
            (was_floor, is_floor) in (1..60_u32, 1..60_u32),
        ) {
            let text = |percent: u32, floor: u32| {
                let new = format!("above = \"+{percent}%\", than = \"baseline\", and_above = \"+{floor}ms\"");
                POLICY.replacen("above = \"+10%\", than = \"baseline\", and_above = \"+20ms\"", &new, 1)
            };
            let limit = |percent: u32, floor: u32, base: f64| {
                (base * (1.0 + f64::from(percent) / 100.0)).max(base + f64::from(floor))
            };
            // Bases small enough that each floor decides, and large enough that each percentage does.
            let bases = [0.0, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5];
            let acts = bases.iter().flat_map(|base| {
                let (old, new) = (limit(was, was_floor, *base), limit(is, is_floor, *base));
                let between = (old + new) / 2.0;
                [(between > old + 1e-6, between > new + 1e-6)]
            });
            let truth = expected(acts);
            let all = between((&text(was, was_floor), RULES), (&text(is, is_floor), RULES));
            let own: Vec<&Change> = all.iter().filter(|change| change.subject.name() == "latency.p1").collect();
            match truth {
                Some(truth) => prop_assert_eq!(together(own.iter().copied()), truth),
                None => prop_assert!(own.is_empty(), "{:?}", own),
            }
            for example in own.iter().filter_map(|change| Some((change.direction, change.counterexample.as_ref()?))) {
                let (direction, example) = example;
                let base = example.given.split("baseline of ").nth(1).and_then(|rest| rest.strip_suffix("ms"));
                let base: f64 = base.expect("it says the baseline").parse().expect("a number");
                let old = example.value > limit(was, was_floor, base) + 1e-6;
                let new = example.value > limit(is, is_floor, base) + 1e-6;
                prop_assert!(old != new, "{example}");
                prop_assert!(direction == Direction::Different || (direction == Direction::Looser) == old, "{example}");
            }
        }
    }
}
