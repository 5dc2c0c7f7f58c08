//! Sentences of the semantics about scripts, each quoted by the test that pins it.

mod script_support;

use rollgate::model::finding::CheckKind::{Gate, Trigger};
use rollgate::model::reading::{Truth, Unknown};
use rstest::rstest;
use script_support::{Case, breach, codes, ok, unknown, value};

/// "breach or unknown = breach; ok and unknown = ok; not unknown = unknown", and an ok that read an unknown is unknown.
#[rstest]
#[case::breach_or_unknown("breached(\"yes\") || breached(\"unknown\")", breach())]
#[case::unknown_or_breach("breached(\"unknown\") || breached(\"yes\")", breach())]
#[case::breach_and_unknown("breached(\"yes\") && breached(\"unknown\")", unknown(Unknown::Stale))]
#[case::unknown_and_breach("breached(\"unknown\") && breached(\"yes\")", unknown(Unknown::Stale))]
#[case::ok_or_unknown("breached(\"no\") || breached(\"unknown\")", unknown(Unknown::Stale))]
#[case::ok_and_unknown("breached(\"no\") && breached(\"unknown\")", unknown(Unknown::Stale))]
#[case::not_of_ok_and_unknown("!(breached(\"no\") && breached(\"unknown\"))", breach())]
#[case::not_unknown("!breached(\"unknown\")", unknown(Unknown::Stale))]
#[case::not_not_unknown("!!breached(\"unknown\")", unknown(Unknown::Stale))]
#[case::breach_stands("breached(\"yes\")", breach())]
#[case::ok_stands("breached(\"no\")", ok())]
#[case::pending_is_its_own_question("pending(\"no\")", breach())]
fn facts_combine_by_kleenes_rules(#[case] expression: &str, #[case] truth: Truth) {
    Case::trigger(expression).answers(truth);
}

/// "comparisons return a verdict type": with an unknown on either side there is no answer, for all six.
#[rstest]
fn a_comparison_with_an_unknown_is_unknown(#[values(">", ">=", "<", "<=", "==", "!=")] op: &str) {
    let gone = "metric(\"gone\").treatment";
    for (a, b) in [(gone, "param(\"limit\")"), ("param(\"limit\")", gone), (gone, gone)] {
        Case::trigger(&format!("{a} {op} {b}")).answers(unknown(Unknown::Absent));
        Case::trigger(&format!("!({a} {op} {b})")).answers(unknown(Unknown::Absent));
        Case::gate(&format!("{a} {op} {b}")).answers(unknown(Unknown::Absent));
    }
}

/// "A trigger script's breach stands whatever else it read; an ok or open from a script that read any unknown counts
/// as unknown".
#[rstest]
#[case(Trigger, "let a = metric(\"gone\").treatment; breach()", breach())]
#[case(Trigger, "let a = metric(\"gone\").treatment; ok()", unknown(Unknown::Absent))]
#[case(Gate, "let a = metric(\"gone\").treatment; open()", unknown(Unknown::Absent))]
#[case(Gate, "let a = metric(\"gone\").treatment; closed()", breach())]
#[case(Trigger, "if breached(\"unknown\") { ok() } else { ok() }", unknown(Unknown::Stale))]
#[case(Gate, "if breached(\"unknown\") { open() } else { open() }", unknown(Unknown::Stale))]
#[case(Trigger, "if breached(\"unknown\") { breach() } else { ok() }", unknown(Unknown::Stale))]
#[case(Trigger, "if breached(\"unknown\") { breach() } else { breach() }", breach())]
#[case(Trigger, "if known(metric(\"gone\").treatment) { breach() } else { ok() }", unknown(Unknown::Absent))]
#[case(Trigger, "!known(metric(\"gone\").treatment)", breach())]
#[case(Trigger, "known(metric(\"gone\").treatment)", unknown(Unknown::Absent))]
#[case(Trigger, "known(metric(\"errors\").treatment) && false", ok())]
fn an_unknown_never_ends_in_ok(
    #[case] kind: rollgate::model::finding::CheckKind,
    #[case] body: &str,
    #[case] truth: Truth,
) {
    Case::new(kind, body).answers(truth);
}

/// "one dead metric cannot silence a breach beside it", written as a person writes it.
#[test]
fn an_undecided_if_goes_both_ways() {
    let body = |first: &str, second: &str| {
        format!("if {first} {{ return breach(); }} if {second} {{ return breach(); }} ok()")
    };
    let (yes, no, dead) = ("breached(\"yes\")", "breached(\"no\")", "breached(\"unknown\")");
    Case::trigger(&body(dead, yes)).answers(breach());
    Case::trigger(&body(yes, dead)).answers(breach());
    Case::trigger(&body(dead, no)).answers(unknown(Unknown::Stale));
    Case::trigger(&body(no, dead)).answers(unknown(Unknown::Stale));
    Case::trigger(&body(dead, dead)).answers(unknown(Unknown::Stale));
    Case::trigger(&body(no, no)).answers(ok());
}

/// "A trigger function returns breach or ok, a gate function open or closed; anything else is unknown."
#[rstest]
#[case(Trigger, "breach()", breach())]
#[case(Trigger, "ok()", ok())]
#[case(Gate, "open()", ok())]
#[case(Gate, "closed()", breach())]
#[case(Trigger, "metric(\"errors\").treatment > param(\"limit\")", breach())]
#[case(Gate, "metric(\"errors\").treatment > param(\"limit\")", ok())]
#[case(Gate, "metric(\"errors\").treatment < param(\"limit\")", breach())]
#[case(Trigger, "false", ok())]
fn a_trigger_says_breach_or_ok_and_a_gate_open_or_closed(
    #[case] kind: rollgate::model::finding::CheckKind,
    #[case] body: &str,
    #[case] truth: Truth,
) {
    Case::new(kind, body).answers(truth);
}

#[rstest]
#[case(Trigger, "open()")]
#[case(Gate, "breach()")]
#[case(Gate, "!breach()")]
#[case(Trigger, "metric(\"errors\").treatment")]
#[case(Trigger, "")]
#[case(Trigger, "if breached(\"yes\") { breach() }")]
#[case(Gate, "if breached(\"yes\") { return; } open()")]
fn a_wrong_outcome_is_an_error_at_check(#[case] kind: rollgate::model::finding::CheckKind, #[case] body: &str) {
    assert_eq!(codes(kind, body), [70], "{body}");
}

/// "`breached(id)` is firing after its `for`, `pending(id)` the rest, of TOML checks only."
#[test]
fn a_script_cannot_be_asked_about() {
    assert_eq!(codes(Trigger, "breached(\"script-one\")"), [72]);
    assert_eq!(codes(Trigger, "pending(\"script-one\") || breached(\"nobody\")"), [64, 72]);
}

/// "Comparing readings with `param("x")` or each other is the way; comparing with a literal is a lint warning."
#[test]
fn a_number_in_a_script_is_a_warning() {
    assert_eq!(codes(Trigger, "metric(\"errors\").treatment > 5"), [68]);
    Case::trigger("metric(\"errors\").treatment > 1").answers(breach());
    Case::trigger("metric(\"errors\").treatment > 2").answers(ok());
}

/// "`switch`, loops, `try`, `eval`, `import` from outside, closures over unknowns, chained comparisons: errors at `check`."
#[rstest]
#[case("switch 1 { _ => ok() }", 65)]
#[case("while true {} ok()", 65)]
#[case("loop {} ok()", 65)]
#[case("for x in y {} ok()", 65)]
#[case("do {} until true; ok()", 65)]
#[case("try { breach() } catch { ok() }", 65)]
#[case("eval(\"ok()\")", 65)]
#[case("let f = |x| x; ok()", 65)]
#[case("let f = || ok(); ok()", 65)]
#[case("param(\"limit\") < metric(\"errors\").treatment < param(\"limit\")", 65)]
fn constructs_that_cannot_treat_an_unknown_are_errors(#[case] body: &str, #[case] code: u16) {
    let found = codes(Trigger, body);
    assert!(found.contains(&code), "{body}: {found:?}");
}

/// 3 / 200 is not zero, and what is no number is unknown.
#[rstest]
#[case("3 / 200 > 0.01", breach())]
#[case("99 / 100 < 1", breach())]
#[case("metric(\"errors\").treatment / metric(\"zero\").treatment > param(\"factor\")", unknown(Unknown::Infinite))]
#[case("metric(\"zero\").treatment / metric(\"zero\").treatment > param(\"factor\")", unknown(Unknown::NotANumber))]
#[case(
    "metric(\"errors\").treatment * param(\"huge\") * param(\"huge\") > param(\"limit\")",
    unknown(Unknown::Infinite)
)]
#[case("9223372036854775807 + 9223372036854775807 > 0", breach())]
fn arithmetic_is_that_of_quantities(#[case] expression: &str, #[case] truth: Truth) {
    Case::trigger(expression).answers(truth);
}

/// Units: what fits is converted, what does not fit is an error at check.
#[rstest]
#[case("metric(\"p95\").treatment > param(\"second\")", ok())]
#[case("metric(\"p95\").treatment < param(\"second\")", breach())]
#[case("metric(\"ratio\").treatment > param(\"limit\")", breach())]
#[case("metric(\"ratio\").treatment > param(\"half\")", ok())]
#[case("metric(\"p95\").treatment > metric(\"p95\").control * param(\"factor\")", ok())]
#[case("metric(\"p95\").treatment > metric(\"p95\").control + metric(\"p95\").control * param(\"limit\")", breach())]
#[case("metric(\"p95\").treatment > metric(\"p95\").baseline", breach())]
#[case("metric(\"errors\").treatment / metric(\"errors\").control > param(\"half\")", breach())]
#[case("max(metric(\"p95\").treatment, param(\"second\")) >= param(\"second\")", breach())]
#[case("abs(metric(\"p95\").control - metric(\"p95\").treatment) > param(\"second\")", ok())]
#[case("metric(\"errors\") > param(\"limit\")", breach())]
#[case("metric(\"errors\").value > param(\"limit\")", breach())]
fn quantities_are_compared_in_one_unit(#[case] expression: &str, #[case] truth: Truth) {
    Case::trigger(expression).answers(truth);
}

#[rstest]
#[case("metric(\"p95\").treatment > param(\"limit\")")]
#[case("metric(\"p95\").treatment + metric(\"errors\").treatment > param(\"limit\")")]
#[case("metric(\"errors\").treatment > param(\"factor\")")]
#[case("metric(\"p95\").treatment && breached(\"yes\")")]
#[case("breached(\"yes\") + param(\"limit\") > param(\"limit\")")]
fn quantities_that_do_not_fit_are_an_error(#[case] expression: &str) {
    assert_eq!(codes(Trigger, expression), [74], "{expression}");
}

/// A variable may hold a metric; only the readings asked of it are read.
#[test]
fn a_variable_may_hold_a_metric() {
    let case = Case::trigger("let m = metric(\"p95\"); m.treatment > m.control");
    case.answers(breach());
    assert_eq!(case.compile().functions[0].reads.len(), 2);
    Case::trigger("let m = metric(\"gone\"); breached(\"no\")").answers(ok());
    Case::trigger("let m = metric(\"errors\"); m > param(\"limit\")").answers(breach());
}

/// Helpers with arguments, calls between functions and shared modules mean what they say.
#[test]
fn functions_call_each_other() {
    let rules = r#"
        import "parity" as p;
        fn beyond(a, b) { a > b }
        fn bad() { beyond(metric("errors").treatment, param("limit")) }
        fn wanted() { bad() && p::slower(metric("p95").treatment, metric("p95").control) }
    "#;
    let shared = "fn helper(a, b) { a > b } fn slower(a, b) { if helper(a, b) { true } else { false } }";
    let case = Case::rules(Trigger, rules).with_shared("parity", shared);
    case.answers(breach());
    let info = &case.compile().functions[0];
    assert_eq!(info.files, ["@shared/parity.rhai", "rules.rhai"]);
    assert_eq!((info.reads.len(), info.params.as_slice()), (3, &["limit".to_owned()][..]));
}

/// "Scripts run once per region": nothing is kept from one call to the next.
#[test]
fn nothing_is_kept_between_calls() {
    let case = Case::trigger("let a = metric(\"gone\").treatment; if breached(\"yes\") { breach() } else { ok() }");
    let compiled = case.compile();
    for _ in 0..3 {
        assert_eq!(compiled.set.call(compiled.functions[0].index, &value()).truth, breach());
    }
}

/// The stated cost rests on it: rules as people write them are trees, not interpreted.
#[rstest]
#[case("metric(\"errors\").treatment > param(\"limit\") && metric(\"p95\").treatment > metric(\"p95\").control")]
#[case("if breached(\"yes\") { return breach(); } if breached(\"no\") { breach() } else { ok() }")]
#[case("let m = metric(\"p95\"); let worse = m.treatment > m.control * param(\"factor\"); worse || breached(\"yes\")")]
fn rules_as_people_write_them_are_lowered(#[case] body: &str) {
    let compiled = Case::trigger(body).compile();
    assert!(compiled.set.is_lowered(compiled.functions[0].index), "{:?}", compiled.diagnostics);
}
