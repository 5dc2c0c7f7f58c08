//! What other tools' files become: policies that compile, are clean, and do at the boundary what those tools did.

#![expect(clippy::disallowed_methods, reason = "it reads the files to import")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rollgate::fixture::run::{RunOptions, run};
use rollgate::fixture::scenario::read_tests;
use rollgate::fixture::{DataReport, InMemory};
use rollgate::import::{Imported, Input, Note, Outcome, Tool, import};
use rollgate::model::ids::Environment;
use rollgate::policy;
use rollgate::policy::compiled::Policy;
use rollgate::policy::source::PolicySource;
use rstest::rstest;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import_data")
}

fn of_text(text: &str) -> Imported {
    let input = Input { name: "in.yaml".to_owned(), text: text.to_owned() };
    import(&[input], None).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Compiled without a single diagnostic, and formatted.
fn clean(imported: &Imported) -> Vec<Arc<Policy>> {
    let compiled = imported.files.iter().map(|file| {
        let mut source = PolicySource::new("imported");
        source.insert("policy.toml", &file.text);
        let checked = policy::check(&source);
        assert!(checked.diagnostics.is_empty(), "{}: {:?}\n{}", file.path, checked.diagnostics, file.text);
        assert_eq!(policy::format::format(&file.text).unwrap(), file.text, "{}", file.path);
        let compiled = policy::compile(&source, &Environment::new("production"));
        Arc::new(compiled.policy.unwrap())
    });
    compiled.collect()
}

/// Runs a policy test and says what it did not do.
fn failures(policy: &Arc<Policy>, test: &str) -> Vec<String> {
    let (tests, problems) = read_tests("test.toml", test, policy);
    assert!(problems.is_empty(), "{problems:?}\n{test}");
    let [test] = tests.as_slice() else { panic!("one test: {test}") };
    let mut frames = InMemory::new(test.frames.clone(), DataReport::default());
    let run = run(&test.scenario, policy, &mut frames, &RunOptions::default(), &mut |_, _, _, _| {}).unwrap();
    run.failures.iter().map(|failure| format!("expected {}, got {}", failure.expected, failure.got)).collect()
}

fn template(condition: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata: {{name: t}}\nspec:\n  metrics:\n    - name: success-rate\n      \
         interval: 1m\n      {condition}\n      provider: {{prometheus: {{query: sum(a) / sum(b)}}}}\n"
    )
}

/// Rolls back at `at` and not before; or never.
fn expects(series: &str, rolls_back_at: Option<u32>) -> String {
    let head = format!("[[test]]\nname = \"t\"\nstage = \"canary\"\nseries = {{ success_rate = \"{series}\" }}\n");
    match rolls_back_at {
        None => format!("{head}never = [{{ decision = \"roll_back\" }}]\n"),
        Some(0) => format!("{head}expect = [{{ at = \"0m\", decision = \"roll_back\" }}]\n"),
        Some(minute) => format!(
            "{head}expect = [{{ at = \"{minute}m\", decision = \"roll_back\", severity = \"p0\", because = [\"success_rate.p0\"] }}]\n\
             never = [{{ until = \"{}m\", decision = \"roll_back\" }}]\n",
            minute - 1
        ),
    }
}

#[test]
fn every_file_becomes_policies_that_are_clean() {
    let mut seen = 0;
    for folder in ["argo", "flagger"] {
        for entry in fs::read_dir(data().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let input = Input { name, text: fs::read_to_string(&path).unwrap() };
            let imported = import(&[input], None).unwrap_or_else(|error| panic!("{error}"));
            clean(&imported);
            let words: Vec<&Note> = imported.report.iter().filter(|note| note.text.contains("policy.toml:")).collect();
            assert!(words.is_empty(), "{words:?}");
            assert!(imported.report.iter().all(|note| note.place.line > 0));
            seen += imported.files.len();
        }
    }
    assert!(seen >= 9, "{seen}");
}

#[rstest]
#[case::at_least_passes_at_the_bound("successCondition: result[0] >= 0.95", "0.95 for 30m", None)]
#[case::at_least_fails_below("successCondition: result[0] >= 0.95", "0.9499 for 1m", Some(0))]
#[case::more_than_is_looser_by_the_bound_alone("successCondition: result[0] > 0.95", "0.95 for 30m", None)]
#[case::more_than_fails_below("successCondition: result[0] > 0.95", "0.9499 for 1m", Some(0))]
#[case::less_than("successCondition: result < 0.5", "0.4 for 5m, 0.51 for 1m", Some(5))]
#[case::at_most_passes_at_the_bound("successCondition: result <= 0.5", "0.5 for 30m", None)]
#[case::failure_above("failureCondition: result[0] > 0.05", "0.05 for 5m, 0.06 for 1m", Some(5))]
#[case::failure_at_least("failureCondition: result[0] >= 0.05", "0.05 for 30m", None)]
#[case::failure_below("failureCondition: result[0] < 0.9", "0.95 for 3m, 0.89 for 1m", Some(3))]
#[case::four_failures("successCondition: result[0] >= 0.95\n      failureLimit: 3", "0.9 for 10m", Some(3))]
#[case::three_are_forgiven(
    "successCondition: result[0] >= 0.95\n      failureLimit: 3",
    "0.9 for 3m, 0.99 for 30m",
    None
)]
#[case::not_in_a_row(
    "successCondition: result[0] >= 0.95\n      failureLimit: 3",
    "0.9 for 1m, 0.99 for 2m, 0.9 for 2m, 0.99 for 5m, 0.9 for 2m",
    Some(10)
)]
#[case::unlimited_failures_only_report(
    "successCondition: result[0] >= 0.95\n      failureLimit: -1",
    "0.1 for 30m",
    None
)]
#[case::no_data_holds("successCondition: len(result) == 0 || result[0] >= 0.95", "_ for 30m", None)]
fn an_argo_metric_rolls_back_where_argo_aborts(#[case] condition: &str, #[case] series: &str, #[case] at: Option<u32>) {
    let text = template(condition);
    // A metric that only reports needs something else to roll back, or the policy would not be one.
    let imported = of_text(&text);
    let policies = clean(&imported);
    let found = failures(&policies[0], &expects(series, at));
    assert!(found.is_empty(), "{found:?}\n{}", imported.files[0].text);
}

#[rstest]
#[case::the_minimum_passes("99 for 30m", None)]
#[case::five_failures("98.9 for 10m", Some(4))]
#[case::four_are_forgiven("98.9 for 4m, 99.5 for 30m", None)]
fn a_flagger_range_rolls_back_where_flagger_does(#[case] series: &str, #[case] at: Option<u32>) {
    let text = "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: podinfo}\nspec:\n  analysis:\n    interval: 1m\n    threshold: 5\n    \
                iterations: 1\n    metrics:\n      - name: request-success-rate\n        thresholdRange: {min: 99}\n";
    let policies = clean(&of_text(text));
    let test =
        expects(series, at).replace("success_rate", "request_success_rate").replace("\"canary\"", "\"synthetic\"");
    let found = failures(&policies[0], &test);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn between_success_and_failure_the_rollout_holds() {
    let text = template("successCondition: result[0] >= 0.95\n      failureCondition: result[0] < 0.9");
    let policies = clean(&of_text(&text));
    let test = "[[test]]\nname = \"t\"\nstage = \"canary\"\nseries = { success_rate = \"0.92 for 2h\" }\n\
                expect = [{ from = \"0s\", decision = \"hold\", because = [\"success_rate.p1\"], severity = \"p1\" }]\n\
                never = [{ decision = \"roll_back\" }, { decision = \"advance\" }]\n";
    assert_eq!(failures(&policies[0], test), Vec::<String>::new());
}

#[rstest]
#[case::strictness("successCondition: result > 0.95", Outcome::Approximated, "exactly 0.95")]
#[case::nan_by_name(
    "failureCondition: result[0] >= 500 || isNaN(result[0])",
    Outcome::Approximated,
    "counts NaN as a failure in Argo; here it is unknown, and holds"
)]
#[case::nan_by_name_in_a_success(
    "successCondition: result[0] < 500 && !isNaN(result[0])",
    Outcome::Approximated,
    "counts NaN as a failure in Argo; here it is unknown, and holds"
)]
#[case::fail_open("successCondition: isNaN(result) || result >= 0.9", Outcome::Approximated, "lets NaN pass")]
#[case::fail_open_empty(
    "successCondition: len(result) == 0 || result[0] > 0.9",
    Outcome::Approximated,
    "lets no data pass"
)]
#[case::a_guess("successCondition: result > 0.9", Outcome::Approximated, "taken to be `ratio`")]
#[case::errors("successCondition: result > 0.9", Outcome::Approximated, "error in a row abort")]
#[case::hole("successCondition: result < 0.1 || result > 0.5", Outcome::Dropped, "between 0.1 and 0.5")]
#[case::not_understood("successCondition: sum(result) > 1", Outcome::Dropped, "`sum()` is not known")]
#[case::yaml_comment("successCondition: all(result, # < 1)", Outcome::Dropped, "due at the end")]
#[case::argument("successCondition: result > {{args.x}}", Outcome::Dropped, "argument `x` has no value")]
#[case::never_exceeded(
    "count: 3\n      failureLimit: 3\n      successCondition: result > 1",
    Outcome::Approximated,
    "never be exceeded"
)]
#[case::way_back("successCondition: sum(result) > 1", Outcome::Dropped, "`deployment_health` stands in its place")]
fn what_is_not_the_same_is_told(#[case] condition: &str, #[case] level: Outcome, #[case] words: &str) {
    let imported = of_text(&template(condition));
    clean(&imported);
    let told = imported.report.iter().any(|note| note.level == level && note.text.contains(words));
    assert!(told, "{:#?}", imported.report);
}

#[test]
fn the_rollouts_arguments_reach_query_and_condition() {
    let text = fs::read_to_string(data().join("argo/background.yaml")).unwrap();
    let text = text.replace(
        "          - name: service\n",
        "          - name: floor\n            value: \"0.99\"\n          - name: service\n",
    );
    let file = &of_text(&text).files[0];
    assert!(file.text.contains("below = \"0.99\""), "{}", file.text);
    assert!(file.text.contains("service=\"checkout-canary\""), "{}", file.text);
}

#[test]
fn a_tool_that_was_asked_for_must_be_there() {
    let input = Input { name: "in.yaml".to_owned(), text: template("successCondition: result > 1") };
    let error = import(&[input], Some(Tool::Flagger)).unwrap_err();
    assert!(error.message.contains("Argo Rollouts's") || error.message.contains("is Argo Rollouts"), "{error}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever numbers a template carries, what comes out is a policy without a warning.
    #[test]
    fn numbers_never_break_the_policy(
        bound in proptest::prop_oneof![-1e6..1e6f64, 0.0..1.0f64, 1.0..100.0f64],
        sign in 0usize..6,
        limit in -1i64..80,
        count in 0u32..200,
        name in "[a-zA-Z0-9 ._-]{0,80}",
    ) {
        let sign = ["<", "<=", ">", ">=", "==", "!="][sign];
        let text = template(&format!(
            "failureLimit: {limit}\n      count: {count}\n      successCondition: result[0] {sign} {bound}"
        ));
        clean(&of_text(&text.replace("name: success-rate", &format!("name: \"{name}\""))));
    }
}

#[test]
fn a_bound_that_leaves_nan_out_says_so_beside_it() {
    let imported = of_text(&template("failureCondition: result[0] >= 500 || isNaN(result[0])"));
    let text = &imported.files[0].text;
    assert!(text.replace("\n# ", " ").contains("NaN, a failure in Argo, is unknown here, and holds"), "{text}");
}

/// A Rollout whose canary has this analysis.
fn rollout(analysis: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {{name: guestbook}}\nspec:\n  strategy:\n    \
         canary:\n{analysis}      steps: [{{setWeight: 20}}, {{pause: {{duration: 10m}}}}]\n"
    )
}

#[rstest]
#[case::no_analysis("", "asks no analysis", "asks an analysis")]
#[case::a_template_that_is_not_there(
    "      analysis: {templates: [{templateName: success-rate}]}\n",
    "asks an analysis, and none of the templates it names is among the files",
    "asks no analysis"
)]
fn what_a_rollout_asks_is_told_as_it_is(#[case] analysis: &str, #[case] says: &str, #[case] not: &str) {
    let imported = of_text(&rollout(analysis));
    let said: Vec<&str> = imported.report.iter().map(|note| note.text.as_str()).collect();
    assert!(said.iter().any(|text| text.contains(says)), "{said:?}");
    assert!(!said.iter().any(|text| text.contains(not)), "{said:?}");
}
