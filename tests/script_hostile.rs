//! Hostile scripts: each ends in a message at check, or in unknown or breach when run, within the limits.
//!
//! One test in one binary: the allocator counts for the whole process.

mod script_support;

use peak_alloc::PeakAlloc;
use rollgate::model::finding::CheckKind;
use rollgate::model::frame::{Group, MetricIx};
use rollgate::model::reading::{Reading, Truth, Unknown};
use rollgate::policy::compiled::CheckIx;
use rollgate::policy::diagnostic::Level;
use rollgate::policy::script::{Facts, ScriptSet};
use script_support::Case;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MAX_BYTES: usize = 32 * 1024 * 1024;
/// The limit, and the one that trips it.
const MAX_OPERATIONS: u32 = 50_001;

/// Nothing is known.
struct Dark;

impl Facts for Dark {
    fn reading(&self, _: MetricIx, _: Group) -> Reading {
        Reading::Unknown(Unknown::Absent)
    }
    fn baseline(&self, _: MetricIx) -> Reading {
        Reading::Unknown(Unknown::NoBaseline)
    }
    fn breached(&self, _: CheckIx) -> Truth {
        Truth::Unknown(Unknown::Stale)
    }
    fn pending(&self, _: CheckIx) -> Truth {
        Truth::Unknown(Unknown::Stale)
    }
}

fn corpus() -> Vec<(String, String)> {
    let text = include_str!("hostile/corpus.txt");
    let mut all: Vec<(String, String)> = text
        .split("\n=== ")
        .skip(1)
        .filter_map(|section| section.split_once('\n'))
        .map(|(name, script)| match name.strip_prefix("file: ") {
            Some(name) => (name.to_owned(), script.to_owned()),
            None => (name.to_owned(), format!("fn wanted() {{ {script} }}")),
        })
        .collect();
    all.extend(made());
    all
}

/// Those too long to be written down.
fn made() -> Vec<(String, String)> {
    let unknown = "breached(\"unknown\")";
    let many = |count: usize, open: &str, close: &str| {
        format!("fn wanted() {{ {}{unknown}{} }}", open.repeat(count), close.repeat(count))
    };
    let body = |text: String| format!("fn wanted() {{ {text} }}");
    [
        ("deep brackets", many(20_000, "(", ")")),
        ("deep brackets within the size", many(1_500, "(", ")")),
        ("deep lists", many(1_500, "[", "]")),
        ("deep negation", many(3_000, "!", "")),
        ("deep minus", many(3_000, "-", "")),
        ("deep blocks", many(1_500, "{", "}")),
        ("deep calls", many(1_000, "known(", ")")),
        ("brackets just within the depth", many(12, "(", ")")),
        (
            "20,000 else ifs",
            body(format!(
                "if {unknown} {{ ok() }} {} else {{ ok() }}",
                format!("else if {unknown} {{ ok() }} ").repeat(20_000)
            )),
        ),
        (
            "300 else ifs",
            body(format!(
                "if {unknown} {{ ok() }} {} else {{ ok() }}",
                format!("else if {unknown} {{ ok() }} ").repeat(300)
            )),
        ),
        ("300 ifs", body(format!("{} ok()", format!("if {unknown} {{ return ok(); }} ").repeat(300)))),
        (
            "300 ifs that breach",
            body(format!("{} breach()", format!("if {unknown} {{ return breach(); }} ").repeat(300))),
        ),
        ("a long sum", body(format!("metric(\"gone\").treatment > {} 1", "1 + ".repeat(1_900)))),
        ("a long and", body(format!("{} {unknown}", format!("{unknown} && ").repeat(700)))),
        ("a very long sum", body(format!("metric(\"gone\").treatment > {} 1", "1 + ".repeat(30_000)))),
        ("a megabyte of text", body(format!("\"{}\" > metric(\"gone\").treatment", "x".repeat(1_000_000)))),
        ("a megabyte of comment", body(format!("/* {} */ ok()", "x".repeat(1_000_000)))),
        ("a megabyte of a number", body(format!("{} > metric(\"gone\").treatment", "9".repeat(60_000)))),
        ("a name of 60,000 letters", body(format!("let {} = {unknown}; ok()", "x".repeat(60_000)))),
        ("a text of 60,000 letters", body(format!("metric(\"{}\").treatment > 1", "x".repeat(60_000)))),
        (
            "1,000 variables",
            body(format!("{} {unknown}", (0..700).map(|n| format!("let v{n} = 1; ")).collect::<String>())),
        ),
        (
            "1,000 functions",
            (0..1_000).map(|n| format!("fn f{n}() {{ {unknown} }}\n")).collect::<String>()
                + body(unknown.to_owned()).as_str(),
        ),
        ("60,000 lines", format!("fn wanted() {{ {} {unknown} }}", "\n".repeat(60_000))),
        ("nested comments", format!("fn wanted() {{ {}{unknown} }}", "/*".repeat(30_000))),
        ("only brackets", "{".repeat(60_000)),
        ("only closing brackets", "}".repeat(60_000)),
        ("only functions", "fn ".repeat(20_000)),
        ("only imports", "import \"parity\" as p;\n".repeat(3_000)),
    ]
    .map(|(name, script)| (name.to_owned(), script))
    .to_vec()
}

#[test]
fn every_hostile_script_is_refused_or_ends_without_an_ok() {
    let corpus = corpus();
    assert!(corpus.len() >= 200, "{} scripts", corpus.len());
    let (mut refused, mut ran) = (0, 0);
    for (name, script) in &corpus {
        for kind in [CheckKind::Trigger, CheckKind::Gate] {
            let case = Case::rules(kind, script).with_shared("parity", "fn held() { metric(\"gone\").treatment > 1 }");
            let before = ALLOCATOR.current_usage();
            ALLOCATOR.reset_peak_usage();
            let compiled = case.compile();
            if compiled.diagnostics.iter().any(|problem| problem.level == Level::Error) {
                refused += 1;
            } else {
                ran += 1;
                let index = compiled.functions[0].index;
                for answer in [compiled.set.call(index, &Dark), compiled.set.call_interpreted(index, &Dark)] {
                    assert_ne!(answer.truth, Truth::Ok, "{name}: {script:.200}");
                    assert!(ScriptSet::last_operations() <= MAX_OPERATIONS, "{name}");
                }
            }
            let used = ALLOCATOR.peak_usage().saturating_sub(before);
            assert!(used < MAX_BYTES, "{name}: {used} bytes");
        }
    }
    println!("{} scripts: {refused} refusals, {ran} runs", corpus.len());
    assert!(ran >= 60, "only {ran} ran: the corpus must reach the interpreter");
}
