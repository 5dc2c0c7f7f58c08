//! What a policy means once compiled: order, words, defaults, overlays, digests.

#![allow(missing_docs, reason = "tests say what they are about by name")]

use rollgate::model::finding::{CheckKind, Side};
use rollgate::model::frame::Group;
use rollgate::model::ids::Environment;
use rollgate::model::severity::{Response, Severity};
use rollgate::model::time::Duration;
use rollgate::policy::codes;
use rollgate::policy::compiled::{
    Bound, BreachScope, Check, Condition, Floor, Freeze, Limit, OnMax, OnUnknown, Policy, StageIx, Than, Window,
};
use rollgate::policy::diagnostic::Code;
use rollgate::policy::source::PolicySource;
use rollgate::policy::{Checked, check, compile};
use rstest::rstest;

const BASE: &str = include_str!("policy_data/base.toml");
const FULL: &str = include_str!("policy_data/full.toml");
const RULES: &str = include_str!("policy_data/rules.rhai");

fn source(text: &str) -> PolicySource {
    let mut source = PolicySource::new("p");
    source.insert("policy.toml", text);
    // The two policies name their health checks differently.
    let health = if text.contains("unhealthy") { "unhealthy" } else { "deploy-failed" };
    source.insert("rules.rhai", RULES.replace("deploy-failed", health));
    source
}

fn compiled(source: &PolicySource, environment: &str) -> Policy {
    let compiled = compile(source, &Environment::new(environment));
    compiled.policy.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics))
}

fn production(text: &str) -> Policy {
    compiled(&source(text), "production")
}

fn with(old: &str, new: &str) -> String {
    assert!(BASE.contains(old), "{old}");
    BASE.replacen(old, new, 1)
}

fn found<'p>(policy: &'p Policy, id: &str) -> &'p Check {
    policy.check(policy.find_check(id).unwrap()).unwrap()
}

fn bound(check: &Check) -> Bound {
    match check.condition {
        Condition::Bound(bound) => bound,
        Condition::Script { .. } => panic!("{} is a script", check.id),
    }
}

fn codes_of(checked: &Checked) -> Vec<Code> {
    checked.diagnostics.iter().map(|found| found.code).collect()
}

#[test]
fn checks_are_listed_worst_first_and_gates_last() {
    let policy = production(BASE);
    let ids: Vec<&str> = policy.checks.iter().map(|check| check.id.as_str()).collect();
    let roll_back =
        ["isolation_score.p0", "error_rate.p0", "cascade_failures.p0", "canary-errors", "deploy-failed", "runaway"];
    let rest = ["isolation_score.p1", "error_rate.p1", "isolation_score.p2", "response_time_p95.p2", "score-held"];
    assert_eq!(ids, [roll_back.as_slice(), rest.as_slice()].concat());
}

#[test]
fn several_bounds_of_a_level_are_numbered_from_the_second() {
    let policy = production(FULL);
    assert_eq!(found(&policy, "score.p1").words.as_ref(), "below 99% for 2m");
    assert_eq!(found(&policy, "score.p1.2").words.as_ref(), "below 0.98 for 3 of 5");
    assert_eq!(found(&policy, "score.p1.2").window, Window::Of { k: 3, n: 5 });
    assert_eq!(found(&policy, "score.p1.2").clear, Window::For(Duration::from_mins(10)));
    assert!(found(&policy, "score.p1.2").shadow);
}

#[rstest]
#[case("isolation_score.p0", "below 95%")]
#[case("isolation_score.p1", "below 99% for 2m")]
#[case("response_time_p95.p2", "above +10% than baseline and above +20ms for 30m")]
#[case("cascade_failures.p0", "above 3")]
#[case("deploy-failed", "failed")]
#[case("runaway", "script runaway")]
#[case("score-held", "at least 99.5% for 30m")]
fn checks_say_their_condition_in_the_words_of_the_policy(#[case] id: &str, #[case] words: &str) {
    assert_eq!(found(&production(BASE), id).words.as_ref(), words);
}

#[test]
fn literals_become_limits_in_the_unit_of_the_metric() {
    let policy = production(FULL);
    assert_eq!(bound(found(&policy, "score.p0")).limit, Limit::Absolute(0.95));
    assert_eq!(bound(found(&policy, "errors.p1")).limit, Limit::Difference { than: Than::Control, delta: 0.5 });
    assert_eq!(bound(found(&policy, "errors.p1")).floor, Some(Floor::Level(1.0)));
    let latency = bound(found(&policy, "latency.p2"));
    assert_eq!(latency.limit, Limit::Relative { than: Than::Baseline, fraction: 0.1 });
    assert_eq!(latency.floor, Some(Floor::Difference(0.02)));
    assert_eq!(bound(found(&policy, "memory.p0")).limit, Limit::Absolute(1.5 * 1024.0 * 1024.0 * 1024.0));
    assert_eq!(bound(found(&policy, "drift.p1")).limit, Limit::Absolute(-3.0));
}

#[test]
fn a_gate_is_the_strict_opposite_of_what_must_hold() {
    let policy = production(FULL);
    let held = found(&policy, "held");
    assert_eq!((held.kind, held.response, held.severity), (CheckKind::Gate, Response::Hold, Severity::P2));
    assert_eq!(bound(held).side, Side::Below);
    assert_eq!((held.window, held.clear), (Window::First, Window::For(Duration::from_mins(30))));
    assert_eq!(bound(found(&policy, "enough")).side, Side::Above);
    assert_eq!(found(&policy, "enough").clear, Window::Of { k: 1, n: 1 });
    // `is = "ok"` must hold, so failed (1) is the breach.
    assert_eq!(
        (bound(found(&policy, "healthy")).side, bound(found(&policy, "healthy")).limit),
        (Side::Above, Limit::Absolute(0.5))
    );
    let canary = policy.find_stage("canary").unwrap();
    assert!(held.stages.contains(canary) && !held.stages.contains(StageIx(0)), "a gate is active where it is named");
    assert_eq!(policy.stage(canary).unwrap().gates.len(), 2);
    assert_eq!(policy.stage(canary).unwrap().early_exit.as_ref().unwrap().gates.len(), 1);
}

#[test]
fn triggers_roll_back_whatever_their_severity() {
    let policy = production(FULL);
    let restarts = found(&policy, "restarts");
    assert_eq!((restarts.severity, restarts.response), (Severity::P1, Response::Rollback));
    assert_eq!(bound(restarts).group, Group::All, "the metric's own group");
    assert!(!restarts.stages.contains(StageIx(0)));
    assert_eq!(found(&policy, "unhealthy").severity, Severity::P0);
    assert_eq!(found(&policy, "runaway").target, Some(StageIx(0)));
}

#[test]
fn stages_and_settings_take_what_is_written() {
    let policy = production(FULL);
    assert!(policy.shadow && policy.pin);
    assert_eq!(policy.on_breach, BreachScope::Region);
    assert!((policy.exposure_tolerance - 1.5).abs() < f64::EPSILON);
    assert_eq!(policy.catalogue.regions().len(), 2);
    let canary = policy.stage(StageIx(2)).unwrap();
    assert_eq!((canary.traffic, canary.bake), (10.0, Some(Duration::from_hours(48))));
    assert_eq!((canary.max, canary.on_max), (Some(Duration::from_hours(96)), OnMax::Rollback));
    assert_eq!(canary.rollback_to, StageIx(1));
    assert_eq!((canary.limits[1].min_samples, canary.limits[1].max_age), (20, Duration::from_mins(5)));
    assert_eq!(policy.stage(StageIx(1)).unwrap().approvals.as_ref().unwrap().people, 2);
    assert_eq!(policy.metrics[0].on_unknown, OnUnknown::Rollback);
    assert_eq!(policy.metrics[0].unknown_after, Duration::from_mins(10));
    assert_eq!(policy.baseline.min_points, 60);
    assert!((policy.baseline.drift - 0.2).abs() < 1e-12);
    assert_eq!(policy.freezes.len(), 2);
    assert!(matches!(&policy.freezes[1], Freeze::Weekly { days, .. } if days[4] && days[5] && !days[0]));
}

#[test]
fn what_is_not_written_has_the_documented_default() {
    let policy = production(BASE);
    assert!(!policy.shadow && !policy.pin);
    assert!((policy.exposure_tolerance - 2.0).abs() < f64::EPSILON);
    assert_eq!(policy.on_breach, BreachScope::All);
    assert_eq!(policy.metrics[0].unknown_after, Duration::from_secs(270), "three times max_age");
    assert_eq!(found(&policy, "isolation_score.p0").clear, Window::Of { k: 5, n: 5 });
    assert_eq!(policy.stage(StageIx(3)).unwrap().bake, None, "never left by itself");
    assert_eq!(policy.stage(StageIx(2)).unwrap().rollback_to, StageIx(0));
    assert_eq!(policy.baseline.max_age, None);
}

#[test]
fn an_overlay_changes_values_and_keeps_the_rest() {
    let mut source = source(BASE);
    source.insert(
        "env/staging.toml",
        "mode = \"shadow\"\n[thresholds.isolation_score]\np1 = { below = \"98%\" }\n[[stages]]\nname = \"canary\"\nbake = \"1h\"\n",
    );
    assert_eq!(check(&source).diagnostics, []);
    let (staging, production) = (compiled(&source, "staging"), compiled(&source, "production"));
    assert!(staging.shadow && !production.shadow);
    assert_eq!(found(&staging, "isolation_score.p1").words.as_ref(), "below 98% for 2m", "`for` is the policy's");
    assert_eq!(staging.stage(StageIx(1)).unwrap().bake, Some(Duration::from_hours(1)));
    assert_eq!(staging.stage(StageIx(1)).unwrap().traffic, 10.0);
    assert_eq!(production.stage(StageIx(1)).unwrap().bake, Some(Duration::from_hours(48)));
    let ids = |policy: &Policy| policy.checks.iter().map(|check| check.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&staging), ids(&production));
}

#[test]
fn every_value_in_force_knows_where_it_was_written() {
    let mut source = source(BASE);
    source.insert("env/staging.toml", "\n[thresholds.isolation_score]\np1 = { below = \"98%\" }\n");
    let checked = check(&source);
    let origins = &checked.origins[&Environment::new("staging")];
    let at = |path: &str| {
        let origin = origins.iter().find(|origin| origin.path == path).unwrap();
        (origin.value.as_str(), origin.file.as_str(), origin.line)
    };
    assert_eq!(at("thresholds.isolation_score.p1.below"), ("\"98%\"", "env/staging.toml", 3));
    assert_eq!(at("thresholds.isolation_score.p1.for"), ("\"2m\"", "policy.toml", 21));
    assert_eq!(at("stages.canary.traffic"), ("\"10%\"", "policy.toml", 44));
    assert_eq!(at("features"), ("[\"request_isolation\"]", "policy.toml", 4));
}

#[test]
fn the_digest_covers_what_can_alter_a_decision_and_nothing_else() {
    let digest = |edit: &dyn Fn(&mut PolicySource), environment: &str| {
        let mut source = source(BASE);
        source.insert("rules.rhai", IMPORTING);
        source.insert("@shared/common.rhai", "fn quiet() { ok() }");
        source.insert("@shared/other.rhai", "fn unused() { ok() }");
        source.insert("env/staging.toml", "");
        edit(&mut source);
        rollgate::policy::digest_of(&source, &Environment::new(environment))
    };
    let base = digest(&|_| {}, "production");
    assert_eq!(base.as_str().len(), 64);
    assert_eq!(base, digest(&|source| source.insert("tests/a.toml", "x"), "production"));
    assert_eq!(base, digest(&|source| source.root = "elsewhere".into(), "production"));
    assert_eq!(base, digest(&|source| source.insert("@shared/other.rhai", "// not imported"), "production"));
    assert_eq!(base, digest(&|source| source.insert("env/staging.toml", "pin = true"), "production"));
    assert_ne!(base, digest(&|source| source.insert("policy.toml", format!("{BASE}\n")), "production"));
    assert_ne!(base, digest(&|source| source.insert("rules.rhai", format!("{IMPORTING}\n")), "production"));
    assert_ne!(base, digest(&|source| source.insert("@shared/common.rhai", "fn quiet() { breach() }"), "production"));
    assert_ne!(base, digest(&|_| {}, "staging"));
}

const IMPORTING: &str =
    "import \"common\" as common;\nfn runaway() { if breached(\"error_rate.p1\") { breach() } else { ok() } }\n";

#[rstest]
#[case::who_is_told(
    "p0 = { then = \"rollback\", notify = [\"pagerduty\", \"slack\", \"email\"] }",
    "p0 = { then = \"rollback\" }",
    true
)]
#[case::a_comment("# p1", "# stricter some day", true)]
#[case::another_check("p0 = { above = \"5%\" }", "p0 = { above = \"6%\" }", true)]
#[case::its_bound("p1 = { below = \"99%\"", "p1 = { below = \"98%\"", false)]
#[case::its_window("for = \"2m\" } # p1", "for = \"3m\" } # p1", false)]
#[case::its_clearing("for = \"2m\" } # p1", "for = \"2m\", clear_after = \"9 of 9\" } # p1", false)]
#[case::its_group("for = \"2m\" } # p1", "for = \"2m\", group = \"all\" } # p1", false)]
fn runs_are_kept_over_a_reload_when_a_check_means_the_same(#[case] old: &str, #[case] new: &str, #[case] same: bool) {
    let before = found(&production(BASE), "isolation_score.p1").fingerprint;
    let after = found(&production(&with(old, new)), "isolation_score.p1").fingerprint;
    assert_eq!(before == after, same);
}

/// P0 is below 95%, at once, unless the case says otherwise.
#[rstest]
#[case::stricter("{ below = \"95%\" }", "{ below = \"99%\", for = \"2m\" }", false)]
#[case::equal_and_as_quick("{ below = \"95%\" }", "{ below = \"95%\" }", true)]
#[case::just_stricter("{ below = \"95%\" }", "{ below = \"95.1%\" }", false)]
#[case::just_looser("{ below = \"95%\" }", "{ below = \"94.9%\" }", true)]
#[case::looser_but_quicker("{ below = \"95%\", for = \"5m\" }", "{ below = \"94%\", for = \"1m\" }", false)]
#[case::looser_and_slower("{ below = \"95%\", for = \"1m\" }", "{ below = \"94%\", for = \"5m\" }", true)]
#[case::counts_that_cannot_be_ordered(
    "{ below = \"95%\", for = \"3 of 5\" }",
    "{ below = \"94%\", for = \"5m\" }",
    false
)]
#[case::more_of_the_same_ring("{ below = \"95%\", for = \"3 of 5\" }", "{ below = \"94%\", for = \"4 of 5\" }", true)]
#[case::another_stage("{ below = \"95%\", in = [\"canary\"] }", "{ below = \"94%\" }", false)]
#[case::another_group("{ below = \"95%\" }", "{ below = \"94%\", group = \"all\" }", false)]
#[case::a_shadow_does_not_count("{ below = \"95%\", shadow = true }", "{ below = \"94%\" }", false)]
fn a_milder_level_must_be_able_to_fire_first(#[case] p0: &str, #[case] p1: &str, #[case] refused: bool) {
    let text = with("p0 = { below = \"95%\" }", &format!("p0 = {p0}"));
    let text = text.replacen("p1 = { below = \"99%\", for = \"2m\" } # p1", &format!("p1 = {p1}"), 1);
    let text = text.replacen("p2 = { below = \"99.5%\", for = \"5m\" }\n", "", 1);
    assert_eq!(codes_of(&check(&source(&text))).contains(&codes::LOOSER), refused);
}

#[rstest]
#[case::same_as_p1("above = \"1%\", for = \"2m\"", false)]
#[case::looser_than_p1("above = \"2%\", for = \"2m\"", false)]
#[case::stricter_than_all("above = \"0.9%\", for = \"2m\"", true)]
#[case::quicker_than_all("above = \"1%\", for = \"1m\"", true)]
#[case::other_side("below = \"1%\"", false)]
#[case::accepted("above = \"0.9%\", for = \"2m\", allow = { RG040 = \"zero tolerance\" }", false)]
fn a_trigger_before_any_severity_is_said(#[case] bound: &str, #[case] said: bool) {
    let text = with("above = \"1%\", for = \"2m\" } # trigger", &format!("{bound} }}"));
    assert_eq!(codes_of(&check(&source(&text))).contains(&codes::TWO_ANSWERS), said);
}

#[rstest]
#[case::audience_after_nobody("", "audience = [\"@a\"]", true)]
#[case::nobody_after_nobody("", "", false)]
#[case::same_audience("audience = [\"@a\"]", "audience = [\"@b\"]", false)]
#[case::wider_audience("audience = [\"@a\"]", "audience = [\"@a\", \"@b\"]", true)]
#[case::traffic_after_audience("audience = [\"@a\"]", "traffic = \"1%\"", true)]
#[case::equal_traffic("traffic = \"1%\"", "traffic = \"1%\"", false)]
#[case::less_traffic("traffic = \"2%\"", "traffic = \"1%\"", false)]
fn exposure_grows_from_rung_to_rung(#[case] lower: &str, #[case] upper: &str, #[case] fine: bool) {
    let start = with(
        "name = \"off\"\nbake = \"2h\"",
        "name = \"off\"\nbake = \"2h\"\n\n[[stages]]\nname = \"a\"\nLOWER\n\n[[stages]]\nname = \"b\"\nUPPER",
    );
    let start =
        if lower.is_empty() { start.replacen("[[stages]]\nname = \"off\"\nbake = \"2h\"\n\n", "", 1) } else { start };
    let text = start.replacen("LOWER", lower, 1).replacen("UPPER", upper, 1);
    let growing = !codes_of(&check(&source(&text))).contains(&codes::NOT_GROWING);
    assert_eq!(growing, fine);
}

#[rstest]
#[case::enough("300", "above = \"1%\"", false)]
#[case::one_short("299", "above = \"1%\"", true)]
#[case::long_enough_a_run("200", "above = \"1%\", for = \"2m\"", false)]
#[case::short_run("200", "above = \"1%\", for = \"1m\"", true)]
#[case::two_of_three("200", "above = \"1%\", for = \"2 of 3\"", false)]
#[case::wide_bound("60", "above = \"5%\"", false)]
fn an_error_bound_needs_three_over_bound_samples(#[case] samples: &str, #[case] bound: &str, #[case] said: bool) {
    let text = with(
        "min_samples = 200, on_unknown = \"hold\" } # errors",
        &format!("min_samples = {samples}, on_unknown = \"hold\" }}"),
    );
    let text = text.replacen(
        "[thresholds.error_rate]\np0 = { above = \"5%\" }\np1 = { above = \"1%\", for = \"2m\" }",
        &format!("[thresholds.error_rate]\np0 = {{ {bound} }}"),
        1,
    );
    assert_eq!(codes_of(&check(&source(&text))).contains(&codes::FEW_SAMPLES), said);
}

#[test]
fn policies_may_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&production(BASE));
}

#[test]
fn a_script_becomes_a_condition_with_what_it_reads_and_asks() {
    let mut source = source(&format!("{BASE}\n[params]\nlimit = \"2%\"\n"));
    source.insert(
        "rules.rhai",
        "fn runaway() { if metric(\"error_rate\").treatment > param(\"limit\") || breached(\"deploy-failed\") { breach() } else { ok() } }",
    );
    let policy = compiled(&source, "production");
    let Condition::Script { reads, asks, .. } = &found(&policy, "runaway").condition else { panic!("not a script") };
    assert_eq!(reads, &[(policy.catalogue.find("error_rate").unwrap(), Group::Treatment)]);
    assert_eq!(asks, &[policy.find_check("deploy-failed").unwrap()]);
}

#[test]
fn problems_of_toml_and_rhai_are_reported_together() {
    let mut source = source(&with("p0 = { above = \"5%\" }", "p0 = { above = 5 }"));
    source.insert("rules.rhai", "fn runaway() { if breached(\"deploy-faild\") { breach() } else { ok() } }");
    assert_eq!(codes_of(&check(&source)), [codes::UNIT_MISSING, codes::SCRIPT_CHECK]);
}

#[test]
fn a_warning_in_a_script_is_accepted_beside_a_check_that_uses_it() {
    let rules = "fn runaway() { if metric(\"error_rate\").treatment > 5 || breached(\"deploy-failed\") { breach() } else { ok() } }";
    let mut warned = source(BASE);
    warned.insert("rules.rhai", rules);
    assert_eq!(codes_of(&check(&warned)), [codes::SCRIPT_NUMBER]);
    let mut accepted = source(&with("script = \"runaway\"", "script = \"runaway\", allow = { RG068 = \"a drill\" }"));
    accepted.insert("rules.rhai", rules);
    assert_eq!(codes_of(&check(&accepted)), []);
}
