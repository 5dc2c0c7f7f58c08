//! Every problem of every script file in one run, each under its own words.

mod script_support;

use rollgate::model::finding::CheckKind;
use rollgate::policy::diagnostic::{Diagnostic, Place};
use rollgate::policy::script::{self, ScriptsCompiled, Wanted};
use rollgate::policy::source::PolicySource;
use rstest::rstest;
use script_support::{catalogue, names};

fn compile(files: &[(&str, &str)], wanted: &[(&str, CheckKind)]) -> (PolicySource, ScriptsCompiled) {
    let mut source = PolicySource::new("test");
    for (path, text) in files {
        source.insert(path, text);
    }
    let wanted: Vec<Wanted> = wanted
        .iter()
        .enumerate()
        .map(|(nth, (function, kind))| Wanted {
            function: (*function).to_owned(),
            kind: *kind,
            place: Place { file: "policy.toml".into(), span: nth..nth + 1 },
        })
        .collect();
    let catalogue = catalogue();
    let compiled = script::compile(&source, &names(&catalogue), &wanted);
    (source, compiled)
}

/// `RG062 errrors: there is no metric`, with the text under the underline.
fn shown(source: &PolicySource, problem: &Diagnostic) -> String {
    let place = &problem.primary.place;
    let text = source.get(&place.file).map_or("", |text| &text[place.span.clone()]);
    format!("{} {text}", problem.code)
}

/// "ALL of them are reported in one run": a syntax error in one function hides nothing in the others.
#[test]
fn all_problems_are_reported_in_one_run() {
    let rules = r#"
        import "parrity" as p;
        import "held" as h;
        fn one() { metric("errrors").treatment > param("limt") }
        fn two() { brached("yes") || breached("yess") }
        fn three() { metric("errors").treatment > }
        fn four() { for x in y { } threshold > param("limit") }
        fn five() { metric("errors").treatmnet > param("limit") && one(1) }
        fn six() { h::missing() || g::held() }
        fn unused() { breached("yes") }
    "#;
    let held = "fn held() { metric(\"nowhere\").treatment > 1 }\nlet x = 1;";
    let wanted: Vec<(&str, CheckKind)> =
        ["one", "two", "three", "four", "five", "six", "sven"].iter().map(|name| (*name, CheckKind::Trigger)).collect();
    let (source, compiled) = compile(&[("rules.rhai", rules), ("@shared/held.rhai", held)], &wanted);
    let found: Vec<String> = compiled.diagnostics.iter().map(|problem| shown(&source, problem)).collect();
    let expected = [
        "RG062 \"nowhere\"",
        "RG068 1",
        "RG065 let x = 1;",
        "RG069 ",
        "RG066 \"parrity\"",
        "RG062 \"errrors\"",
        "RG063 \"limt\"",
        "RG061 brached",
        "RG064 \"yess\"",
        "RG060 }",
        "RG065 for",
        "RG062 treatmnet",
        "RG061 one",
        "RG068 1",
        "RG061 missing",
        "RG066 g",
        "RG073 unused",
    ];
    assert_eq!(found, expected, "{:#?}", compiled.diagnostics);
    let help: Vec<&String> = compiled.diagnostics.iter().flat_map(|problem| &problem.help).collect();
    for near in ["`errors`", "`limit`", "`breached`", "`yes`", "`.treatment`", "`seven`"] {
        let is_near = help.iter().any(|help| help.contains(near));
        assert_eq!(is_near, near != "`seven`", "{near}: {help:?}");
    }
}

#[rstest]
#[case::syntax("fn wanted() { breached(\"yes\") breached(\"no\") }", "RG060 breached")]
#[case::unfinished("fn wanted() { breached(\"yes\") ", "RG060 fn wanted")]
#[case::swallowed("fn wanted() { if breached(\"yes\") { ok() \n fn other() { ok() }", "RG060 fn wanted")]
#[case::argument("fn wanted() { abs(1, 2) > 1 }", "RG061 abs")]
#[case::variable("fn wanted() { let limit = param(\"limit\"); metric(\"errors\").value > limti }", "RG071 limti")]
#[case::shadowed("fn wanted() { let a = true; let a = false; a }", "RG065 a")]
#[case::method("fn wanted() { param(\"limit\").max(param(\"limit\")) > param(\"limit\") }", "RG065 max")]
#[case::dynamic("fn wanted() { let m = \"errors\"; metric(m) > param(\"limit\") }", "RG065 \"errors\"")]
#[case::chained("fn wanted() { param(\"limit\") < metric(\"errors\").value < param(\"half\") }", "RG065 <")]
#[case::recursion("fn wanted() { wanted() }", "RG065 wanted")]
#[case::outcome("fn wanted() { param(\"limit\") }", "RG070 wanted")]
#[case::units("fn wanted() { metric(\"p95\").value > param(\"limit\") }", "RG074 >")]
#[case::global("const X = 1;\nfn wanted() { ok() }", "RG065 const X = 1;")]
#[case::unicode("fn wanted() { /* é */ metric(\"é\").value > param(\"limit\") }", "RG062 \"é\"")]
#[case::second_line("fn wanted() {\n    let é = 1;\n    ok()\n}", "RG060 é")]
fn the_place_is_the_word_at_fault(#[case] rules: &str, #[case] first: &str) {
    let (source, compiled) = compile(&[("rules.rhai", rules)], &[("wanted", CheckKind::Trigger)]);
    let found: Vec<String> = compiled.diagnostics.iter().map(|problem| shown(&source, problem)).collect();
    assert!(found.iter().any(|found| found == first), "{found:?}: {:#?}", compiled.diagnostics);
}

#[test]
fn a_function_that_the_policy_names_takes_no_arguments() {
    let rules = "fn wanted(a) { a > param(\"limit\") }";
    let (_, compiled) = compile(&[("rules.rhai", rules)], &[("wanted", CheckKind::Trigger)]);
    let [problem] = compiled.diagnostics.as_slice() else { panic!("{:#?}", compiled.diagnostics) };
    assert_eq!((problem.code.0, &*problem.primary.place.file, problem.secondary.len()), (69, "policy.toml", 1));
}

#[test]
fn a_policy_without_rules_cannot_name_a_function() {
    let (_, compiled) = compile(&[], &[("wanted", CheckKind::Gate)]);
    assert_eq!(compiled.diagnostics[0].code.0, 69);
    let (_, compiled) = compile(&[], &[]);
    assert!(compiled.diagnostics.is_empty());
}

#[test]
fn a_script_that_is_too_large_is_refused_before_it_is_read() {
    let rules = format!("fn wanted() {{ ok() }} // {}", "x".repeat(70_000));
    let (_, compiled) = compile(&[("rules.rhai", &rules)], &[]);
    assert_eq!(compiled.diagnostics[0].code.0, 67);
}

/// Only the meaning counts: layout and comments leave the fingerprint alone, a param's value does not.
#[test]
fn the_fingerprint_is_that_of_the_meaning() {
    let print = |rules: &str| {
        let (_, compiled) = compile(&[("rules.rhai", rules)], &[("wanted", CheckKind::Trigger)]);
        compiled.functions[0].fingerprint
    };
    let first = print("fn wanted() { a() } fn a() { metric(\"errors\").value > param(\"limit\") }");
    assert_eq!(first, print("/* new */ fn a() { metric(\"errors\").value > param(\"limit\") }\nfn wanted() {\n a() }"));
    assert_ne!(first, print("fn wanted() { a() } fn a() { metric(\"errors\").value > param(\"half\") }"));
}
