//! Every code of the policy language, triggered: what a person sees when a policy is wrong.

#![allow(missing_docs, reason = "tests say what they are about by name")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rollgate::model::ids::Environment;
use rollgate::policy::codes::{FoundBy, PAGES};
use rollgate::policy::diagnostic::{Code, Diagnostic};
use rollgate::policy::source::PolicySource;
use rollgate::policy::{self, check, tree_conflicts};

const BASE: &str = include_str!("policy_data/base.toml");
const RULES: &str = include_str!("policy_data/rules.rhai");

fn source(policy: &str) -> PolicySource {
    let mut source = PolicySource::new("policies/checkout");
    source.insert("policy.toml", policy);
    if policy.contains("script =") {
        source.insert("rules.rhai", RULES);
    }
    source
}

/// One diagnostic as text: level, code, place, message, labels, help, environments.
fn show(source: &PolicySource, diagnostic: &Diagnostic) -> String {
    let at = |place| {
        let (line, column) = source.position(place);
        format!("{}:{line}:{column}", place.file)
    };
    let level = format!("{:?}", diagnostic.level).to_lowercase();
    let mut text = format!("{level}[{}] {}\n", diagnostic.code, diagnostic.message);
    for label in std::iter::once(&diagnostic.primary).chain(&diagnostic.secondary) {
        let under = source.get(&label.place.file).and_then(|text| text.get(label.place.span.clone())).unwrap_or("");
        let under = under.lines().next().unwrap_or("");
        let _ = writeln!(text, "  {} `{under}` {}", at(&label.place), label.text);
    }
    for help in &diagnostic.help {
        let _ = writeln!(text, "  = {help}");
    }
    if !diagnostic.environments.is_empty() {
        let _ = writeln!(text, "  in: {}", diagnostic.environments.join(", "));
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
}

fn show_all(source: &PolicySource) -> String {
    check(source).diagnostics.iter().map(|diagnostic| show(source, diagnostic)).collect()
}

/// The base policy with one piece of text replaced.
fn with(old: &str, new: &str) -> PolicySource {
    assert!(BASE.contains(old), "the base policy has no {old}");
    source(&BASE.replacen(old, new, 1))
}

fn plus(text: &str) -> PolicySource {
    source(&format!("{BASE}\n{text}"))
}

fn overlay(text: &str) -> PolicySource {
    let mut source = source(BASE);
    source.insert("env/staging.toml", text);
    source
}

/// (code, what it is about, the policy that has it).
fn cases() -> Vec<(u16, &'static str, PolicySource)> {
    let mut large = source(BASE);
    large.insert("policy.toml", format!("{BASE}\n# {}", "x".repeat(300 * 1024)));
    let many_stages: String = (0..70).map(|n| format!("[[stages]]\nname = \"s{n}\"\n")).collect();
    vec![
        (1, "syntax errors are reported together", with("pin = false", "pin = = false\nmode = ")),
        (
            1,
            "values around a syntax error are checked too",
            with("owner = \"platform-sre\"", "owner = \nmood = \"live\""),
        ),
        (1, "a value that is missing", with("owner = \"platform-sre\"", "owner =")),
        (
            2,
            "what follows from a slip is not said again",
            with("[gates]", "slip = { metrc = \"errors\", abov = \"5%\" }\n\n[gates]"),
        ),
        (2, "unknown keys are reported all at once", with("traffic = \"10%\"\nbake", "trafic = \"10%\"\nbaake")),
        (2, "unknown table", plus("[treshholds]\na = 1")),
        (3, "a metric says what silence means", with(", on_unknown = \"hold\" } # errors", " } # errors")),
        (3, "a script or a metric", with("script = \"runaway\"", "for = \"2m\"")),
        (4, "features is a list", with("features = [\"request_isolation\"]", "features = \"request_isolation\"")),
        (5, "a key twice", with("pin = false", "pin = false\npin = true")),
        (5, "a stage twice", with("name = \"staged\"", "name = \"canary\"")),
        (6, "a schema of the future", with("schema = 1", "schema = 2")),
        (7, "no schema", with("schema = 1\n", "")),
        (7, "a schema of the past", with("schema = 1", "schema = 0")),
        (8, "a file over the limit", large),
        (11, "no policy at all", PolicySource::new("empty")),
        (12, "an overlay adds a threshold", overlay("[thresholds.eror_rate]\np0 = { above = \"1%\" }")),
        (12, "an overlay adds a stage", overlay("[[stages]]\nname = \"cannary\"\ntraffic = \"1%\"")),
        (
            12,
            "an overlay changes how many bounds a level has",
            overlay("[thresholds.error_rate]\np0 = [{ above = \"6%\" }, {}]"),
        ),
        (12, "an overlay renames the rollout", overlay("rollout = \"other\"")),
        (2, "an unknown key in an overlay", overlay("ownr = \"me\"")),
        (20, "a bare number", with("p0 = { above = \"5%\" }", "p0 = { above = 5 }")),
        (20, "a bare number in quotes", with("p0 = { above = \"5%\" }", "p0 = { above = \"5\" }")),
        (20, "a bare duration", with("max_age = \"90s\"", "max_age = 90")),
        (21, "above the range", with("p0 = { above = \"5%\" }", "p0 = { above = \"100%\" }")),
        (21, "below the range", with("p0 = { below = \"95%\" }", "p0 = { below = \"101%\" }")),
        (21, "a change in the good direction", with("above = \"+10%\"", "above = \"-10%\"")),
        (22, "milliseconds of a percentage", with("p0 = { above = \"5%\" }", "p0 = { above = \"250ms\" }")),
        (23, "words for a number", with("p0 = { above = \"5%\" }", "p0 = { above = \"five percent\" }")),
        (24, "words for a duration", with("bake = \"48h\"", "bake = \"two days\"")),
        (25, "more than there are", with("for = \"2m\" } # p1", "for = \"5 of 3\" } # p1")),
        (25, "none at all", with("for = \"2m\" } # p1", "for = \"0 of 3\" } # p1")),
        (25, "more than a ring holds", with("for = \"2m\" } # p1", "for = \"3 of 65\" } # p1")),
        (
            26,
            "no word for ignoring silence",
            with("on_unknown = \"hold\" } # errors", "on_unknown = \"hodl\" } # errors"),
        ),
        (27, "infinity", with("p0 = { above = \"5%\" }", "p0 = { above = inf }")),
        (27, "not a number", with("p0 = { above = \"5%\" }", "p0 = { above = nan }")),
        (
            28,
            "an unknown zone",
            plus("[freeze]\nwindows = [{ days = [\"fri\"], from = \"16:00\", to = \"23:59\", zone = \"Berlin\" }]"),
        ),
        (
            28,
            "a window that ends before it starts",
            plus("[freeze]\nwindows = [{ from = \"2026-12-27T00:00:00Z\", to = \"2026-12-24T00:00:00Z\" }]"),
        ),
        (29, "more than everybody", with("traffic = \"50%\"", "traffic = \"150%\"")),
        (
            29,
            "an empty range",
            with("cascade_failures = { unit = \"count\",", "cascade_failures = { unit = \"count\", range = [5, 5],"),
        ),
        (30, "a space in a name", with("name = \"canary\"", "name = \"canary 10%\"")),
        (31, "a misspelt metric", with("[thresholds.error_rate]", "[thresholds.eror_rate]")),
        (32, "a misspelt stage", with("in = [\"canary\"]", "in = [\"canry\"]")),
        (33, "a misspelt gate", with("gates = [\"score-held\"]", "gates = [\"score-hold\"]")),
        (33, "a trigger is not a gate", with("gates = [\"score-held\"]", "gates = [\"canary-errors\"]")),
        (34, "a gate named like a trigger", with("score-held = {", "canary-errors = {")),
        (35, "no bound", with("p0 = { above = \"5%\" }", "p0 = { for = \"2m\" }")),
        (35, "two bounds", with("p0 = { above = \"5%\" }", "p0 = { above = \"5%\", below = \"1%\" }")),
        (36, "a change against nothing", with("p0 = { above = \"5%\" }", "p0 = { above = \"+5%\" }")),
        (36, "a level against control", with("p0 = { above = \"5%\" }", "p0 = { above = \"5%\", than = \"control\" }")),
        (37, "a script with a bound", with("script = \"runaway\"", "script = \"runaway\", above = \"1%\"")),
        (37, "a floor on the other side", with("and_above", "and_below")),
        (38, "a bound on a state", with("is = \"failed\"", "above = 0")),
        (38, "a state of a percentage", with("p0 = { above = \"5%\" }", "p0 = { is = \"failed\" }")),
        (39, "no feature", with("features = [\"request_isolation\"]", "features = []")),
        (
            40,
            "a trigger before any severity",
            with("above = \"1%\", for = \"2m\" } # trigger", "above = \"0.5%\", for = \"2m\" } # trigger"),
        ),
        (
            41,
            "p1 looser than p0",
            with("p1 = { below = \"99%\", for = \"2m\" } # p1", "p1 = { below = \"90%\", for = \"2m\" } # p1"),
        ),
        (
            41,
            "relative bounds too",
            with(
                "p2 = { above = \"+10%\"",
                "p1 = { above = \"+8%\", than = \"baseline\", and_above = \"+20ms\", for = \"30m\" }\np2 = { above = \"+10%\"",
            ),
        ),
        (42, "an exposed stage without a way back", source(NO_WAY_BACK)),
        (43, "stages out of order", with("traffic = \"50%\"", "traffic = \"5%\"")),
        (44, "a bake shorter than a `for`", with("bake = \"48h\"", "bake = \"10m\"")),
        (45, "a metric nobody reads", with("[thresholds.cascade_failures]\np0 = { above = 3 }\n", "")),
        (46, "control where everybody has the change", with("than = \"baseline\"", "than = \"control\"")),
        (
            47,
            "no least number of samples",
            with("min_samples = 200, on_unknown = \"hold\" } # errors", "on_unknown = \"hold\" } # errors"),
        ),
        (47, "one reading breaks the bound", with("p0 = { above = \"5%\" }", "p0 = { above = \"1.2%\" }")),
        (48, "ten percent of nothing", with(", and_above = \"+20ms\"", "")),
        (49, "stale on arrival", with("max_age = \"90s\"", "max_age = \"1s\"")),
        (50, "an exit that is not early", with("bake = \"48h\"", "bake = \"48h\"\nearly_exit = { after = \"48h\" }")),
        (51, "a gate nobody asks", with("gates = [\"score-held\"]\n", "")),
        (52, "a stage that rolls back upwards", with("bake = \"48h\"", "bake = \"48h\"\nrollback_to = \"staged\"")),
        (
            52,
            "a check that rolls back to its own stage",
            with(
                "above = \"1%\", for = \"2m\" } # trigger",
                "above = \"1%\", for = \"2m\", target = \"canary\" } # trigger",
            ),
        ),
        (53, "an emergency that stops nothing", with("p0 = { then = \"rollback\"", "p0 = { then = \"warn\"")),
        (
            54,
            "an allow of nothing",
            with("p0 = { above = \"5%\" }", "p0 = { above = \"5%\", allow = { RG048 = \"absolute\" } }"),
        ),
        (55, "an allow without a reason", with(", and_above = \"+20ms\"", ", allow = { RG048 = \" \" }")),
        (
            56,
            "an allow of an error",
            with("p0 = { above = \"5%\" }", "p0 = { above = \"5%\", allow = { RG043 = \"we know\" } }"),
        ),
        (
            56,
            "an allow of no code",
            with("p0 = { above = \"5%\" }", "p0 = { above = \"5%\", allow = { RG4O = \"typo\" } }"),
        ),
        (58, "a stage that ends before its bake", with("bake = \"48h\"", "bake = \"48h\"\nmax = \"24h\"")),
        (59, "treatment before anybody is treated", with("in = [\"canary\"]", "in = [\"off\"]")),
        (90, "a fourth level", with("p2 = { below = \"99.5%\"", "p3 = { below = \"99.5%\"")),
        (91, "p2 does more than p1", with("p2 = { then = \"warn\"", "p2 = { then = \"rollback\"")),
        (93, "a baseline of five", with("min_points = 30", "min_points = 5")),
        (
            94,
            "gates on a stage that is never left",
            with("name = \"full\"", "name = \"full\"\ngates = [\"score-held\"]"),
        ),
        (95, "too many stages", source(&BASE.replacen("[triggers]", &format!("{many_stages}[triggers]"), 1))),
        (97, "no rung before exposure", with("[[stages]]\nname = \"off\"\nbake = \"2h\"\n", "")),
        (96, "a param for nobody", plus("[params]\nmargin = \"1%\"")),
        (98, "treatment before anybody has it", with("bake = \"2h\"\n", "bake = \"2h\"\ngates = [\"score-held\"]\n")),
        (98, "control when everybody has it", source(&control_gate_at_full())),
        (
            99,
            "two people and one role",
            with("bake = \"2h\"\n", "bake = \"2h\"\napprovals = { roles = [\"sre\"], people = 2 }\n"),
        ),
    ]
}

/// The last stage may be left early, when control is calm.
fn control_gate_at_full() -> String {
    let full = "name = \"full\"\ntraffic = \"100%\"\n";
    let left = format!("{full}bake = \"2h\"\nearly_exit = {{ after = \"1h\", gates = [\"calm\"] }}\n");
    let gate = "calm = { metric = \"isolation_score\", at_least = \"99%\", group = \"control\" }\n";
    assert!(BASE.contains(full) && BASE.ends_with("for = \"30m\" }\n"), "the base policy has changed");
    BASE.replacen(full, &left, 1) + gate
}

const NO_WAY_BACK: &str = r#"
schema = 1
rollout = "r"
features = ["f"]
[metrics]
errors = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
[thresholds.errors]
p1 = { above = "1%", for = "2m" }
[[stages]]
name = "off"
[[stages]]
name = "canary"
traffic = "10%"
bake = "2h"
"#;

#[test]
fn the_base_policy_is_clean_and_compiles() {
    let checked = check(&source(BASE));
    assert_eq!(show_all(&source(BASE)), "");
    assert_eq!(checked.policies.len(), 1);
}

#[test]
fn every_case_finds_its_code() {
    for (code, about, source) in cases() {
        let found = check(&source).diagnostics;
        assert!(found.iter().any(|diagnostic| diagnostic.code == Code(code)), "{about}:\n{}", show_all(&source));
    }
}

#[test]
fn every_code_that_the_text_alone_can_have_is_triggered() {
    let covered: BTreeSet<Code> = cases().iter().map(|(code, ..)| Code(*code)).collect();
    // RG014 is about what is asked for, not what is written; it has a test of its own.
    let elsewhere = [Code(14)];
    let missing: Vec<String> = PAGES
        .iter()
        .filter(|page| page.found_by == FoundBy::Policy && !elsewhere.contains(&page.code))
        .filter(|page| !covered.contains(&page.code))
        .map(|page| format!("{} {}", page.code, page.title))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn levels_are_those_of_the_pages() {
    for (_, about, source) in cases() {
        for diagnostic in check(&source).diagnostics {
            let page = policy::codes::page(diagnostic.code).expect("every code has a page");
            assert_eq!(diagnostic.level, page.level, "{about}: {}", diagnostic.code);
            assert!(!diagnostic.message.ends_with('.'), "{}", diagnostic.message);
        }
    }
}

#[test]
fn messages_read_well() {
    let mut text = String::new();
    for (code, about, source) in cases() {
        let _ = writeln!(text, "## {} {about}\n\n{}", Code(code), show_all(&source));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn problems_of_the_loader_are_handed_through() {
    let mut source = source(BASE);
    let place = policy::diagnostic::Place { file: "rules.rhai".into(), span: 0..0 };
    source.problems.push(Diagnostic::error(policy::codes::NOT_UTF8, "not UTF-8", place));
    let checked = check(&source);
    assert!(checked.has_errors());
    assert!(checked.policies.is_empty());
    assert_eq!(checked.diagnostics[0].code, policy::codes::NOT_UTF8);
}

#[test]
fn an_environment_without_an_overlay_is_unknown() {
    let compiled = policy::compile(&overlay(""), &Environment::new("stagin"));
    assert!(compiled.policy.is_none());
    assert_eq!(compiled.diagnostics[0].code, Code(14));
    assert_eq!(compiled.diagnostics[0].primary.text, "did you mean `staging`?");
}

#[test]
fn a_problem_of_one_environment_names_it() {
    let source = overlay("[thresholds.error_rate]\np0 = { above = 5 }");
    let checked = check(&source);
    assert_eq!(checked.diagnostics.len(), 1);
    assert_eq!(checked.diagnostics[0].environments, ["staging"]);
    assert_eq!(checked.policies.len(), 1, "production still compiles");
}

#[test]
fn an_allow_that_one_environment_needs_is_right_in_all() {
    let accepted =
        BASE.replacen("p0 = { above = \"5%\" }", "p0 = { above = \"5%\", allow = { RG047 = \"quiet\" } }", 1);
    let mut source = source(&accepted);
    source.insert("env/staging.toml", "[thresholds.error_rate]\np0 = { above = \"1.2%\" }");
    assert_eq!(show_all(&source), "");
}

#[test]
fn one_tree_has_one_owner_of_a_feature() {
    let mut other = PolicySource::new("policies/basket");
    other.insert("policy.toml", BASE.replace("rollout = \"request-isolation\"", "rollout = \"basket\""));
    let found = tree_conflicts(&[&source(BASE), &other]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code, policy::codes::FEATURE_TWICE);
    assert_eq!(&*found[0].primary.place.file, "policies/basket/policy.toml");
    let mut same = source(BASE);
    same.root = "policies/copy".to_owned();
    let codes: Vec<Code> = tree_conflicts(&[&source(BASE), &same]).iter().map(|found| found.code).collect();
    assert_eq!(codes, [policy::codes::ROLLOUT_TWICE, policy::codes::FEATURE_TWICE]);
}
