//! What a script may call, written down once: the lint checks calls against this table, and the reference page and
//! the editor's definitions are printed from it.

/// A function, or a property of what one returns, as scripts see it.
#[derive(Debug, Clone, Copy)]
pub struct HostItem {
    /// Its name.
    pub name: &'static str,
    /// Parameters as `name: type`; none for a property.
    pub params: Option<&'static [(&'static str, &'static str)]>,
    /// What it gives.
    pub returns: &'static str,
    /// What it means.
    pub text: &'static str,
    /// A use of it.
    pub example: &'static str,
}

const fn function(
    name: &'static str,
    params: &'static [(&'static str, &'static str)],
    returns: &'static str,
    text: &'static str,
    example: &'static str,
) -> HostItem {
    HostItem { name, params: Some(params), returns, text, example }
}

const fn property(name: &'static str, text: &'static str, example: &'static str) -> HostItem {
    HostItem { name, params: None, returns: "Reading", text, example }
}

/// The functions.
pub const FUNCTIONS: [HostItem; 12] = [
    function(
        "metric",
        &[("name", "string")],
        "Metric",
        "A metric of `[metrics]`; the name must be written out. By itself it stands for `.value`.",
        "metric(\"error_rate\").treatment > param(\"limit\")",
    ),
    function(
        "param",
        &[("name", "string")],
        "Reading",
        "A number of `[params]` with its unit; the name must be written out.",
        "param(\"margin\")",
    ),
    function(
        "breached",
        &[("id", "string")],
        "Fact",
        "Holds when the TOML check of that id is firing, after its `for`. Scripts cannot be asked about.",
        "breached(\"error_rate.p1\")",
    ),
    function(
        "pending",
        &[("id", "string")],
        "Fact",
        "Holds when the TOML check of that id is broken, but not yet for as long as it asks.",
        "pending(\"error_rate.p1\")",
    ),
    function("breach", &[], "Verdict", "What a trigger returns to fire.", "if worse { breach() } else { ok() }"),
    function(
        "ok",
        &[],
        "Verdict",
        "What a trigger returns not to fire. After an unknown reading it counts as unknown.",
        "ok()",
    ),
    function(
        "open",
        &[],
        "Verdict",
        "What a gate returns to let the rollout advance. After an unknown reading it counts as unknown.",
        "open()",
    ),
    function(
        "closed",
        &[],
        "Verdict",
        "What a gate returns to hold the rollout.",
        "if worse { closed() } else { open() }",
    ),
    function(
        "known",
        &[("reading", "Reading")],
        "Fact",
        "Whether there is a value. It does not make a missing one harmless: an ok or open after it still counts as unknown.",
        "known(metric(\"queue_depth\"))",
    ),
    function("abs", &[("reading", "Reading")], "Reading", "Without its sign.", "abs(metric(\"drift\").treatment)"),
    function(
        "min",
        &[("a", "Reading"), ("b", "Reading")],
        "Reading",
        "The smaller of two quantities of one kind; unknown when either is.",
        "min(metric(\"p95\").control, param(\"ceiling\"))",
    ),
    function(
        "max",
        &[("a", "Reading"), ("b", "Reading")],
        "Reading",
        "The larger of two quantities of one kind; unknown when either is.",
        "max(metric(\"p95\").control, param(\"floor\"))",
    ),
];

/// The properties of `metric(..)`.
pub const PROPERTIES: [HostItem; 5] = [
    property("treatment", "The reading of those who have the change.", "metric(\"error_rate\").treatment"),
    property("control", "The reading of those who have not, at the same time.", "metric(\"error_rate\").control"),
    property("all", "The reading of everybody: a series of its own.", "metric(\"deploy_health\").all"),
    property("baseline", "The median frozen before the rollout.", "metric(\"response_time_p95\").baseline"),
    property("value", "The reading of the metric's own group.", "metric(\"error_rate\").value"),
];

/// The types that the table speaks of.
const TYPES: [(&str, &str); 4] = [
    ("Metric", "a metric: ask for one of its readings"),
    ("Reading", "a quantity with its unit, or unknown"),
    ("Fact", "holds, does not hold, or unknown"),
    ("Verdict", "what a function answers: `breach()` or `ok()`, `open()` or `closed()`"),
];

/// The function of that name.
#[must_use]
pub(super) fn find(name: &str) -> Option<&'static HostItem> {
    FUNCTIONS.iter().find(|item| item.name == name)
}

impl HostItem {
    /// `min(a, b)`, or `.treatment` for a property.
    #[must_use]
    pub fn signature(&self) -> String {
        self.params.map_or(format!(".{}", self.name), |params| {
            let names: Vec<&str> = params.iter().map(|(name, _)| *name).collect();
            format!("{}({})", self.name, names.join(", "))
        })
    }
}

/// Stand-ins for the types that scripts see; the interpreter itself has facts in their place.
mod shown {
    #[derive(Clone)]
    pub(super) struct Metric;
    #[derive(Clone)]
    pub(super) struct Reading;
    #[derive(Clone)]
    pub(super) struct Fact;
    #[derive(Clone)]
    pub(super) struct Verdict;
}

/// `docs/rhai/rollgate.d.rhai`: the definitions that editors complete scripts with.
#[must_use]
pub fn definitions() -> String {
    use shown::{Fact, Metric, Reading, Verdict};
    let mut engine = rhai::Engine::new_raw();
    engine
        .register_type_with_name::<Metric>("Metric")
        .register_type_with_name::<Reading>("Reading")
        .register_type_with_name::<Fact>("Fact")
        .register_type_with_name::<Verdict>("Verdict");
    for item in FUNCTIONS {
        let comments: Vec<String> = item.documentation().lines().map(|line| format!("/// {line}")).collect();
        let params = item.params.unwrap_or(&[]);
        let info = params.iter().map(|(name, kind)| format!("{name}: {kind}")).chain([item.returns.to_owned()]);
        let function = rhai::FuncRegistration::new(item.name).with_comments(comments).with_params_info(info);
        match (item.returns, params) {
            ("Metric", _) => function.register_into_engine(&mut engine, |_: &str| Metric),
            ("Reading", [(_, "string")]) => function.register_into_engine(&mut engine, |_: &str| Reading),
            ("Reading", [_]) => function.register_into_engine(&mut engine, |_: Reading| Reading),
            ("Reading", _) => function.register_into_engine(&mut engine, |_: Reading, _: Reading| Reading),
            ("Fact", [(_, "string")]) => function.register_into_engine(&mut engine, |_: &str| Fact),
            ("Fact", _) => function.register_into_engine(&mut engine, |_: Reading| Fact),
            _ => function.register_into_engine(&mut engine, || Verdict),
        };
    }
    for item in PROPERTIES {
        rhai::FuncRegistration::new_getter(item.name)
            .with_comments(item.documentation().lines().map(|line| format!("/// {line}")))
            .with_params_info(["metric: Metric", item.returns])
            .register_into_engine(&mut engine, |_: &mut Metric| Reading);
    }
    let text = engine.definitions().include_standard_packages(false).single_file();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_end())
}

/// `docs/rhai/reference.md`: the page about what a script may call.
#[must_use]
pub fn reference() -> String {
    use std::fmt::Write;

    let mut page = String::from(
        "# What a policy script may call\n\n\
         Printed from `src/policy/script/api.rs`; a test keeps it current.\n\n\
         Names of metrics, params and checks are written out as texts, so that what a script reads is seen without running it. \
         A fact is three-valued: it holds, it does not, or it is unknown. `&&`, `||` and `!` combine facts by Kleene's rules and \
         always consider both sides; an `if` on an unknown is tried both ways. A fact that holds is a breach of a trigger, and opens \
         a gate. An ok or open after any unknown reading counts as unknown; a breach stands.\n\n## Functions\n\n",
    );
    let _ = writeln!(page, "| call | gives | meaning | example |\n|---|---|---|---|");
    for item in FUNCTIONS {
        let _ = writeln!(page, "{}", item.row());
    }
    page.push_str("\n## Readings of a metric\n\n| property | gives | meaning | example |\n|---|---|---|---|\n");
    for item in PROPERTIES {
        let _ = writeln!(page, "{}", item.row());
    }
    page.push_str("\n## Types\n\n| type | meaning |\n|---|---|\n");
    for (name, text) in TYPES {
        let _ = writeln!(page, "| `{name}` | {text} |");
    }
    page.push_str(
        "\n## Operators\n\n\
         | operators | on | give |\n|---|---|---|\n\
         | `>` `>=` `<` `<=` `==` `!=` | readings of one kind | a fact |\n\
         | `+` `-` `*` `/` and `-x` | readings | a reading |\n\
         | `&&` `\\|\\|` `!` | facts and verdicts | a fact |\n\n\
         Milliseconds go with seconds and percent with ratios. A reading times a percentage is that share of it; a quotient of two \
         readings of one kind is a ratio. Numbers that differ by less than a billionth of themselves are equal. What does not go \
         together is an error at `check`, or unknown.\n\n## Not available\n\n\
         Loops, `switch`, `try`, `throw`, `eval`, closures, function pointers, texts, lists, maps, global variables, recursion, \
         and imports other than `import \"name\" as n;` of a shared module.\n",
    );
    page
}

impl HostItem {
    fn documentation(&self) -> String {
        format!("{}\n\n    {}", self.text, self.example)
    }

    fn row(&self) -> String {
        format!("| `{}` | {} | {} | `{}` |", self.signature(), self.returns, self.text, self.example)
    }
}
