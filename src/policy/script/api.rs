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
