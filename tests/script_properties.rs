//! Laws of scripts over random programs, readings and texts.

mod script_support;

use proptest::prelude::*;
use rollgate::model::finding::CheckKind;
use rollgate::model::frame::{Group, MetricIx};
use rollgate::model::reading::{Reading, Truth, Unknown};
use rollgate::policy::compiled::CheckIx;
use rollgate::policy::diagnostic::{Level, Place};
use rollgate::policy::script::{self, Facts, Wanted};
use rollgate::policy::source::PolicySource;
use script_support::{METRICS, catalogue, names};

/// Readings by metric and group (the fourth is the baseline), and three checks.
#[derive(Debug, Clone)]
struct Random {
    readings: Vec<Reading>,
    checks: [Truth; 3],
}

impl Facts for Random {
    fn reading(&self, metric: MetricIx, group: Group) -> Reading {
        self.readings[usize::from(metric.0) * 4 + group as usize]
    }
    fn baseline(&self, metric: MetricIx) -> Reading {
        self.readings[usize::from(metric.0) * 4 + 3]
    }
    fn breached(&self, check: CheckIx) -> Truth {
        self.checks[usize::from(check.0)]
    }
    fn pending(&self, check: CheckIx) -> Truth {
        self.breached(check).negate()
    }
}

fn reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        4 => prop::sample::select(vec![0.0, 0.5, 1.0, 1.5, 2.0, 100.0, 1000.0, -1.0, 1e300]).prop_map(Reading::Value),
        1 => Just(Reading::Value(f64::NAN)),
        1 => Just(Reading::Value(f64::INFINITY)),
        2 => prop::sample::select(Unknown::ALL.to_vec()).prop_map(Reading::Unknown),
    ]
}

fn truth() -> impl Strategy<Value = Truth> {
    prop_oneof![Just(Truth::Ok), Just(Truth::Breach), Just(Truth::Unknown(Unknown::Stale))]
}

fn facts() -> impl Strategy<Value = Random> {
    (prop::collection::vec(reading(), METRICS.len() * 4), [truth(), truth(), truth()])
        .prop_map(|(readings, checks)| Random { readings, checks })
}

/// Quantities whose kind the checker can see: errors are percent, p95 is ms.
fn quantity(metric: &'static str) -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec!["treatment", "control", "all", "baseline", "value"])
        .prop_map(move |group| format!("metric(\"{metric}\").{group}"));
    leaf.prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            (inner.clone(), inner.clone(), prop::sample::select(vec!["+", "-"]))
                .prop_map(|(a, b, op)| format!("({a} {op} {b})")),
            (
                inner.clone(),
                prop::sample::select(vec!["*", "/"]),
                prop::sample::select(vec!["param(\"factor\")", "0", "3", "1.5"])
            )
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (inner.clone(), inner.clone(), prop::sample::select(vec!["min", "max"]))
                .prop_map(|(a, b, f)| format!("{f}({a}, {b})")),
            inner.clone().prop_map(|a| format!("abs({a})")),
            inner.prop_map(|a| format!("-{a}")),
        ]
    })
}

fn fact() -> impl Strategy<Value = String> {
    let op = || prop::sample::select(vec![">", ">=", "<", "<=", "==", "!="]);
    let leaf = prop_oneof![
        3 => (quantity("errors"), op(), quantity("errors")).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        2 => (quantity("p95"), op(), quantity("p95")).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        2 => (quantity("errors"), op()).prop_map(|(a, op)| format!("{a} {op} param(\"limit\")")),
        1 => quantity("p95").prop_map(|a| format!("known({a})")),
        2 => prop::sample::select(vec!["yes", "no", "unknown"]).prop_map(|id| format!("breached(\"{id}\")")),
        1 => prop::sample::select(vec!["yes", "no", "unknown"]).prop_map(|id| format!("pending(\"{id}\")")),
        1 => prop::sample::select(vec!["true", "false", "one()", "two()", "beyond(metric(\"p95\").treatment, metric(\"p95\").control)"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(c, a, b)| format!("(if {c} {{ {a} }} else {{ {b} }})")),
        ]
    })
}

fn body() -> impl Strategy<Value = String> {
    let statements = prop::collection::vec(
        prop_oneof![
            fact().prop_map(|a| format!("if {a} {{ return breach(); }}")),
            fact().prop_map(|a| format!("if {a} {{ return ok(); }}")),
            fact().prop_map(|a| format!("{a};")),
            fact().prop_map(|a| format!("x = x || {a};")),
            fact().prop_map(|a| format!("if {a} {{ x = {a}; }} else {{ x = !x; }}")),
        ],
        0..4,
    );
    let last = prop_oneof![
        Just("if x { breach() } else { ok() }".to_owned()),
        Just("return x;".to_owned()),
        fact(),
        fact().prop_map(|a| format!("x || {a}")),
    ];
    (fact(), statements, last).prop_map(|(x, statements, last)| format!("let x = {x}; {} {last}", statements.join(" ")))
}

fn source(body: &str) -> PolicySource {
    let mut source = PolicySource::new("test");
    source.insert(
        "rules.rhai",
        format!(
            "fn beyond(a, b) {{ a > b }}\n\
             fn one() {{ metric(\"errors\").treatment > param(\"limit\") }}\n\
             fn two() {{ if one() {{ return true; }} breached(\"no\") }}\n\
             fn wanted() {{ {body} }}"
        ),
    );
    source
}

fn compiled(body: &str, kind: CheckKind) -> script::ScriptsCompiled {
    let catalogue = catalogue();
    let place = Place { file: "policy.toml".into(), span: 0..0 };
    script::compile(&source(body), &names(&catalogue), &[Wanted { function: "wanted".to_owned(), kind, place }])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    /// The lowered tree and the interpreter give the same answer, reason included.
    #[test]
    fn lowered_and_interpreted_agree(body in body(), worlds in prop::collection::vec(facts(), 4)) {
        let compiled = compiled(&body, CheckKind::Trigger);
        let errors: Vec<_> = compiled.diagnostics.iter().filter(|problem| problem.level == Level::Error).collect();
        prop_assert!(errors.is_empty(), "{body}: {errors:?}");
        let index = compiled.functions[0].index;
        for facts in worlds {
            let (a, b) = (compiled.set.call(index, &facts), compiled.set.call_interpreted(index, &facts));
            prop_assert_eq!(a.truth, b.truth, "{} / {:?}", body, b.fault);
            prop_assert_eq!(a.fault.is_some(), b.fault.is_some());
        }
    }

    /// "replacing any reading by unknown never turns hold or roll back into advance": an ok needs every reading it
    /// touched, so hiding readings never makes an ok out of a breach or an unknown.
    #[test]
    fn hiding_readings_never_makes_an_ok(body in body(), facts in facts(), hidden in prop::collection::vec(any::<bool>(), 24)) {
        let mut darker = facts.clone();
        for (reading, hide) in darker.readings.iter_mut().zip(&hidden) {
            if *hide {
                *reading = Reading::Unknown(Unknown::Absent);
            }
        }
        for kind in [CheckKind::Trigger, CheckKind::Gate] {
            // A gate of trigger's verdicts is refused at check; nothing to run then.
            let compiled = compiled(&body, kind);
            let index = compiled.functions[0].index;
            let (light, dark) = (compiled.set.call(index, &facts).truth, compiled.set.call(index, &darker).truth);
            prop_assert!(dark != Truth::Ok || light == Truth::Ok, "{}: {:?} became ok", body, light);
        }
    }

    /// "Any text into `check` ends in a message, never a panic."
    #[test]
    fn any_text_compiles_to_a_message(text in any::<String>()) {
        for text in [text.clone(), format!("fn wanted() {{ {text} }}"), format!("fn wanted() {{ metric(\"{text}\") > {text} }}")] {
            let mut source = PolicySource::new("test");
            source.insert("rules.rhai", &text);
            source.insert("@shared/a.rhai", &text);
            check(&source);
        }
    }

    /// The same with words that scripts are made of.
    #[test]
    fn any_words_compile_to_a_message(words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..60)) {
        let mut source = PolicySource::new("test");
        let text = words.join(" ");
        source.insert("rules.rhai", &text);
        check(&source);
        source.insert("rules.rhai", format!("fn wanted() {{ {text} }}"));
        check(&source);
    }
}

const WORDS: [&str; 58] = [
    "fn",
    "wanted",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "#{",
    "let",
    "const",
    "if",
    "else",
    "return",
    "while",
    "loop",
    "for",
    "in",
    "switch",
    "try",
    "catch",
    "import",
    "as",
    "\"a\"",
    "\"errors\"",
    "\"yes\"",
    "metric",
    "param",
    "breached",
    ".",
    ".treatment",
    "::",
    "a",
    "x",
    ";",
    ",",
    "=",
    "==",
    ">",
    "<",
    "&&",
    "||",
    "|",
    "!",
    "-",
    "+",
    "*",
    "/",
    "1",
    "0.5",
    "1e3",
    "true",
    "ok()",
    "breach()",
    "known(",
    "\n",
    "é",
    "/*",
];

/// Every span lies in its file, on character borders, so that it can be drawn.
fn check(source: &PolicySource) {
    let catalogue = catalogue();
    let place = Place { file: "policy.toml".into(), span: 0..0 };
    let wanted = Wanted { function: "wanted".to_owned(), kind: CheckKind::Trigger, place };
    let compiled = script::compile(source, &names(&catalogue), &[wanted]);
    for problem in &compiled.diagnostics {
        let place = &problem.primary.place;
        if let Some(text) = source.get(&place.file) {
            assert!(text.get(place.span.clone()).is_some(), "{problem:?}");
        }
    }
    for function in &compiled.functions {
        let _ = compiled.set.call(function.index, &script_support::World);
        let _ = compiled.set.call_interpreted(function.index, &script_support::World);
    }
}
