//! Policies that a page must get right: the examples, and small ones that have next to nothing, or names that fight back.

use std::path::Path;

use rollgate::model::ids::Environment;
use rollgate::policy;
use rollgate::policy::compiled::Policy;
use rollgate::policy::source::PolicySource;
use rollgate::shell::files;

/// A policy of the tree, compiled for production.
pub(crate) fn example(name: &str) -> (PolicySource, Policy) {
    let mut source = files::load_policy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies").join(name));
    // As it is named by somebody who stands in the tree.
    source.root = format!("policies/{name}");
    compile(source, "production")
}

pub(crate) fn compile(source: PolicySource, environment: &str) -> (PolicySource, Policy) {
    let compiled = policy::compile(&source, &Environment::new(environment));
    let problems: Vec<String> = compiled
        .diagnostics
        .iter()
        .filter(|found| found.level == policy::diagnostic::Level::Error)
        .map(|found| format!("{} {}", found.code, found.message))
        .collect();
    let policy = compiled.policy.unwrap_or_else(|| panic!("{problems:#?}"));
    (source, policy)
}

/// A policy from text.
pub(crate) fn written(text: &str) -> (PolicySource, Policy) {
    let mut source = PolicySource::new("policies/it's mine");
    source.insert("policy.toml", text);
    if text.contains("script = ") {
        source.insert("rules.rhai", RULES);
    }
    compile(source, "production")
}

const RULES: &str = "\
// Trigger | with a pipe and `ticks`.
fn doomed() { if metric(\"error_rate\").treatment > param(\"limit\") { breach() } else { ok() } }
fn fair() { if metric(\"error_rate\").treatment <= metric(\"error_rate\").control { open() } else { closed() } }
";

const METRICS: &str = "\
[metrics]
error_rate = { unit = \"percent\", better = \"lower\", max_age = \"90s\", min_samples = 300, on_unknown = \"hold\" }
";

fn head() -> String {
    format!("schema = 1\nrollout = \"small\"\nfeatures = [\"one\"]\n{METRICS}")
}

/// One exposed stage that nothing leads to or from.
pub(crate) fn one_stage() -> String {
    format!(
        "{}[thresholds.error_rate]\np0 = {{ above = \"5%\" }}\n[[stages]]\nname = \"all\"\ntraffic = \"100%\"\n",
        head()
    )
}

/// Nobody ever sees it, and nothing is checked.
pub(crate) fn no_checks() -> String {
    format!("{}[[stages]]\nname = \"off\"\n", head())
}

/// Every check is a script.
pub(crate) fn scripts_only() -> String {
    format!(
        "{}[params]\nlimit = \"5%\"\n[triggers]\ndoom = {{ script = \"doomed\" }}\n[gates]\nfair = {{ script = \"fair\" }}\n\
         [[stages]]\nname = \"off\"\nbake = \"1h\"\n[[stages]]\nname = \"half\"\ntraffic = \"50%\"\nbake = \"1h\"\n\
         gates = [\"fair\"]\n[[stages]]\nname = \"full\"\ntraffic = \"100%\"\nbake = \"1h\"\n",
        head()
    )
}

/// No gate, no trigger, nobody to approve, no bake in the middle, regions apart, in shadow.
pub(crate) fn regions_in_shadow() -> String {
    format!(
        "mode = \"shadow\"\nregions = [\"eu\", \"us\"]\non_breach = \"region\"\n{}[thresholds.error_rate]\n\
         p0 = {{ above = \"5%\" }}\np1 = {{ above = \"+1pp\", than = \"control\", and_above = \"2%\", in = [\"some\"] }}\n\
         [[stages]]\nname = \"off\"\nbake = \"1h\"\n[[stages]]\nname = \"some\"\ntraffic = \"10%\"\n\
         [[stages]]\nname = \"full\"\ntraffic = \"100%\"\nmax = \"2h\"\non_max = \"rollback\"\n",
        head()
    )
}

/// Everything that people may write freely, written by somebody who wants to break a table.
pub(crate) fn hostile_names() -> String {
    format!(
        "owner = \"a|b`c\\n| x |\"\n{}[severities]\np0 = {{ then = \"rollback\", notify = [\"#on|call\", \"`tick\", \"<b>\"] }}\n\
         # Why? | `code` *bold* [x](y)\n# # not a heading\n[thresholds.error_rate]\np0 = {{ above = \"5%\" }}\n\
         [[stages]]\nname = \"off\"\nbake = \"1h\"\napprovals = {{ roles = [\"on|call\", \"`x`\"], people = 2 }}\n\
         [[stages]]\nname = \"some\"\ntraffic = \"10%\"\naudience = [\"group:a|b\", \"*\"]\nbake = \"1h\"\n\
         [freeze]\nwindows = [\n{{ days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"], from = \"00:00\", to = \
         \"24:00\", zone = \"Europe/Berlin\", note = \"for | ever `\" }},\n{{ days = [\"sun\"], from = \"22:00\", to = \
         \"06:00\", zone = \"UTC\" }} ]\n[objectives]\n\"up|time\" = \"99% | more\\n## 7. Heading\"\nempty = \"\"\n",
        head()
    )
}

/// Every policy here, by name.
pub(crate) fn every() -> Vec<(&'static str, PolicySource, Policy)> {
    let small = [
        ("one stage", one_stage()),
        ("no checks", no_checks()),
        ("scripts only", scripts_only()),
        ("regions in shadow", regions_in_shadow()),
        ("hostile names", hostile_names()),
    ];
    let small = small.map(|(name, text)| (name, written(&text)));
    let examples = ["request-isolation", "web-service"].map(|name| (name, example(name)));
    examples.into_iter().chain(small).map(|(name, (source, policy))| (name, source, policy)).collect()
}
