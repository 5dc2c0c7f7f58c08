//! Where an edit was written: the line of the value in force, in the overlay that sets it or in the policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::finding::Origin;
use crate::model::ids::Environment;
use crate::policy::ValueOrigin;
use crate::policy::source::POLICY_FILE;

use super::change::{Change, Subject};

/// The values in force in each environment, and where each was written.
pub type Origins = BTreeMap<Environment, Vec<ValueOrigin>>;

/// Gives each change the place of the value that was edited, on both sides. What has no value of its own, as a script,
/// keeps the place that it has.
pub fn locate(changes: &mut [Change], before: &Origins, after: &Origins) {
    for change in changes {
        let was_at = found(change, before);
        let is_at = found(change, after);
        change.was_at = was_at.or_else(|| change.was_at.take());
        change.is_at = is_at.or_else(|| change.is_at.take());
    }
}

/// The place of the value on one side, in the first of the change's environments that has it.
fn found(change: &Change, origins: &Origins) -> Option<Origin> {
    if let (Subject::Policy(key), [environment]) = (&change.subject, change.environments.as_slice())
        && key == "environment"
        && origins.contains_key(environment.as_str())
    {
        return Some(origin(&format!("env/{environment}.toml"), 1));
    }
    let paths = paths(change);
    let places: Vec<Origin> = change
        .environments
        .iter()
        .filter_map(|environment| origins.get(environment.as_str()))
        .filter_map(|values| paths.iter().find_map(|path| of_path(values, path)))
        .map(|value| origin(&value.file, value.line))
        .collect();
    // Where all environments have it alike, it was written for all of them.
    places.iter().find(|place| &*place.file == POLICY_FILE).or_else(|| places.first()).cloned()
}

fn origin(file: &str, line: u32) -> Origin {
    Origin { file: Arc::from(file), line }
}

/// The value at `path`; of a table or a list, the first one in it.
fn of_path<'v>(values: &'v [ValueOrigin], path: &str) -> Option<&'v ValueOrigin> {
    let inside = |value: &&ValueOrigin| value.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
    values.iter().find(|value| value.path == path).or_else(|| values.iter().find(inside))
}

/// Where the value may stand, the nearest first: a key that is gone leaves its table behind.
fn paths(change: &Change) -> Vec<String> {
    let part = change.part.as_str();
    let of = |table: String| match part {
        "" => vec![table],
        part => vec![format!("{table}.{part}"), table],
    };
    match &change.subject {
        // The table of a check is known already; its keys may stand in an overlay.
        Subject::Check(id) if !part.is_empty() => {
            ["thresholds", "triggers", "gates"].iter().map(|kind| format!("{kind}.{id}.{part}")).collect()
        }
        Subject::Check(_) | Subject::Script(_) => Vec::new(),
        Subject::Stage(name) if part.is_empty() => vec![format!("stages.{name}.name")],
        Subject::Stage(name) => vec![format!("stages.{name}.{part}"), format!("stages.{name}.name")],
        Subject::Metric(name) => of(format!("metrics.{name}")),
        Subject::Severity(severity) => of(format!("severities.{}", severity.key())),
        Subject::Policy(key) => match key.split_once('.') {
            Some((table, _)) => vec![key.clone(), table.to_owned()],
            None => vec![key.clone()],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::{CheckId, MetricName, StageName};
    use crate::model::severity::Severity;
    use crate::policy::source::PolicySource;
    use crate::review::change::{Bearing, Direction, Proof};

    const POLICY: &str = r#"schema = 1
rollout = "x"
[metrics]
score = { unit = "percent", better = "higher", max_age = "90s", on_unknown = "hold" }
[metrics.errors]
unit = "percent"
better = "lower"
max_age = "90s"
on_unknown = "hold"
[severities]
p0 = { then = "rollback", notify = ["pager"] }
[thresholds.score]
p0 = { below = "95%" }
[gates.held]
metric = "score"
at_least = "99%"
[baseline]
min_points = 30
[[stages]]
name = "off"
bake = "1h"
[[stages]]
name = "full"
traffic = "100%"
"#;

    const OVERLAY: &str = r#"# staging
[metrics]
errors = { max_age = "5m" }
[severities]
p0 = { notify = [] }
[thresholds.score]
p0 = { below = "90%" }
[baseline]
min_points = 3
[[stages]]
name = "off"
bake = "1m"
"#;

    fn origins() -> Origins {
        let mut source = PolicySource::new("p");
        source.insert("policy.toml", POLICY);
        source.insert("env/staging.toml", OVERLAY);
        source.insert("env/production.toml", "");
        crate::policy::check(&source).origins
    }

    fn change(subject: Subject, part: &str, environments: &[&str]) -> Change {
        Change {
            subject,
            part: part.to_owned(),
            before: None,
            after: None,
            direction: Direction::Different,
            proof: Proof::Exact,
            bearing: Bearing::Acts,
            severity: None,
            response: None,
            counterexample: None,
            words: String::new(),
            was_at: None,
            is_at: Some(origin("policy.toml", 99)),
            environments: environments.iter().map(|name| Environment::new(*name)).collect(),
        }
    }

    fn metric(name: &str) -> Subject {
        Subject::Metric(MetricName::new(name))
    }

    #[rstest::rstest]
    #[case::a_check_of_the_overlay(Subject::Check(CheckId::new("score.p0")), "below", "env/staging.toml", 7)]
    #[case::a_key_that_the_overlay_leaves(Subject::Check(CheckId::new("held")), "at_least", "policy.toml", 16)]
    #[case::a_whole_check(Subject::Check(CheckId::new("score.p0")), "", "policy.toml", 99)]
    #[case::a_script(Subject::Script("odd".to_owned()), "", "policy.toml", 99)]
    #[case::a_stage(Subject::Stage(StageName::new("off")), "bake", "env/staging.toml", 12)]
    #[case::a_key_that_is_gone_from_a_stage(Subject::Stage(StageName::new("full")), "max", "policy.toml", 23)]
    #[case::a_metric(metric("errors"), "max_age", "env/staging.toml", 3)]
    #[case::a_key_that_is_gone_from_a_metric(metric("errors"), "unknown_after", "policy.toml", 6)]
    #[case::a_whole_metric(metric("score"), "", "policy.toml", 4)]
    #[case::a_severity(Subject::Severity(Severity::P0), "notify", "env/staging.toml", 5)]
    #[case::a_severity_of_the_policy(Subject::Severity(Severity::P0), "then", "policy.toml", 11)]
    #[case::a_baseline(Subject::Policy("baseline.min_points".to_owned()), "", "env/staging.toml", 9)]
    #[case::a_default(Subject::Policy("baseline.drift".to_owned()), "", "env/staging.toml", 9)]
    #[case::a_key_of_the_policy(Subject::Policy("rollout".to_owned()), "", "policy.toml", 2)]
    #[case::nowhere(Subject::Policy("mode".to_owned()), "", "policy.toml", 99)]
    #[case::an_environment(Subject::Policy("environment".to_owned()), "", "env/staging.toml", 1)]
    fn an_edit_stands_where_its_value_was_written(
        #[case] subject: Subject,
        #[case] part: &str,
        #[case] file: &str,
        #[case] line: u32,
    ) {
        let mut changes = [change(subject, part, &["staging"])];
        locate(&mut changes, &Origins::new(), &origins());
        assert_eq!(changes[0].is_at, Some(origin(file, line)));
        assert_eq!(changes[0].was_at, None, "the old side has no such environment");
    }

    #[test]
    fn what_is_so_everywhere_stands_in_the_policy() {
        let mut changes = [change(metric("errors"), "max_age", &["production", "staging"])];
        locate(&mut changes, &origins(), &origins());
        assert_eq!((&changes[0].is_at, &changes[0].was_at), (&Some(origin("policy.toml", 8)), &changes[0].is_at));
    }
}
