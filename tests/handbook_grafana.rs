//! The dashboard: JSON that fits Grafana's published types, and lines exactly where the policy has its bounds.

#![expect(clippy::disallowed_methods, reason = "it reads a committed schema")]

#[path = "handbook/policies.rs"]
mod policies;

use std::collections::BTreeSet;
use std::path::Path;

use rollgate::handbook::Handbook;
use rollgate::handbook::grafana::{self, Queries};
use rollgate::model::finding::CheckKind;
use rollgate::model::time::Duration;
use rollgate::policy::compiled::{Condition, Limit, Policy, StageIx};
use rstest::rstest;
use serde_json::Value;

use policies::{every, example, written};

fn dashboard(source: &rollgate::policy::source::PolicySource, policy: &Policy, queries: &Queries) -> Value {
    serde_json::from_str(&Handbook::new(policy, source).grafana(queries)).unwrap()
}

/// Every timeseries panel, those in closed rows too.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let top = dashboard["panels"].as_array().unwrap();
    let inside = top.iter().filter_map(|panel| panel["panels"].as_array()).flatten();
    top.iter().filter(|panel| panel["type"] == "timeseries").chain(inside).collect()
}

fn panel<'d>(dashboard: &'d Value, title: &str) -> &'d Value {
    panels(dashboard).into_iter().find(|panel| panel["title"] == title).unwrap_or_else(|| panic!("no panel {title}"))
}

fn steps(panel: &Value) -> Vec<(Option<f64>, &str)> {
    let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().unwrap();
    steps.iter().map(|step| (step["value"].as_f64(), step["color"].as_str().unwrap())).collect()
}

fn expressions(panel: &Value) -> Vec<&str> {
    panel["targets"].as_array().unwrap().iter().map(|target| target["expr"].as_str().unwrap()).collect()
}

/// The closed schema made from Grafana's types; see tests/grafana/README.md.
fn problems(dashboard: &Value) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/grafana/dashboard.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    validator.iter_errors(dashboard).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_dashboard_fits_the_published_types() {
    for (name, source, policy) in &every() {
        assert_eq!(problems(&dashboard(source, policy, &Queries::new())), Vec::<String>::new(), "{name}");
    }
}

#[rstest]
#[case::unknown_field("/title", "titel")]
#[case::unknown_mode("/panels/1/fieldConfig/defaults/thresholds/mode", "absolut")]
#[case::unknown_style("/panels/1/fieldConfig/defaults/custom/thresholdsStyle/mode", "dotted")]
#[case::text_for_a_number("/schemaVersion", "forty-two")]
#[case::unknown_variable("/templating/list/0/type", "secret")]
fn the_schema_refuses_what_the_types_refuse(#[case] pointer: &str, #[case] wrong: &str) {
    let (source, policy) = example("web-service");
    let mut written = dashboard(&source, &policy, &Queries::new());
    if wrong == "titel" {
        written["titel"] = Value::from("x");
    } else {
        *written.pointer_mut(pointer).unwrap() = Value::from(wrong);
    }
    assert!(!problems(&written).is_empty(), "{pointer}");
}

#[test]
fn every_absolute_bound_of_every_stage_is_a_line() {
    let mut seen = 0;
    for (name, source, policy) in &every() {
        let dashboard = dashboard(source, policy, &Queries::new());
        for (at, stage) in policy.stages.iter().enumerate() {
            let ix = StageIx(u8::try_from(at).unwrap());
            for check in policy.checks.iter().filter(|check| check.stages.contains(ix)) {
                let Condition::Bound(bound) = &check.condition else { continue };
                let Limit::Absolute(level) = bound.limit else { continue };
                if stage.leaves_empty(bound.group) {
                    continue;
                }
                let title = grafana::panel_title(policy, ix, bound.metric);
                let drawn: Vec<f64> = steps(panel(&dashboard, &title)).iter().filter_map(|(at, _)| *at).collect();
                assert!(drawn.contains(&level), "{name}: {} at {level} is not among {drawn:?}", check.id);
                let words = panel(&dashboard, &title)["description"].as_str().unwrap().to_owned();
                assert!(words.contains(check.id.as_str()), "{name}: {words}");
                seen += 1;
            }
        }
    }
    assert!(seen > 60, "{seen}");
}

#[test]
fn steps_rise_and_begin_at_minus_infinity() {
    for (_, source, policy) in &every() {
        let dashboard = dashboard(source, policy, &Queries::new());
        for panel in panels(&dashboard) {
            let steps = steps(panel);
            assert_eq!(steps[0].0, None);
            assert!(steps[1..].is_sorted_by(|a, b| a.0 < b.0), "{steps:?}");
        }
    }
}

#[test]
fn colours_say_what_a_breach_does_in_that_stage() {
    let (source, policy) = example("request-isolation");
    let dashboard = dashboard(&source, &policy, &Queries::new());
    let of = |title: &str| steps(panel(&dashboard, title));
    assert_eq!(
        of("full: isolation_score"),
        [(None, "red"), (Some(95.0), "orange"), (Some(99.0), "yellow"), (Some(99.5), "green")]
    );
    // The team's stage forgives nothing: below 100% it rolls back, whatever the levels say.
    assert_eq!(of("internal: isolation_score").last(), Some(&(Some(100.0), "green")));
    assert!(of("internal: isolation_score").iter().rev().skip(1).all(|(_, colour)| *colour == "red"));
    assert_eq!(of("staged: resource_utilisation"), [(None, "green"), (Some(80.0), "blue"), (Some(90.0), "orange")]);
    assert_eq!(of("off: cascade_failures"), [(None, "green"), (Some(0.0), "red")]);
}

#[test]
fn relative_bounds_are_series_of_their_own() {
    let (source, policy) = example("request-isolation");
    let dashboard = dashboard(&source, &policy, &Queries::new());
    let canary = panel(&dashboard, "canary: error_rate");
    assert_eq!(
        expressions(canary),
        [
            "error_rate{group=\"treatment\"}",
            "error_rate{group=\"control\"}",
            "max (quantile_over_time(0.5, error_rate{group=\"control\"}[15m])) + 0.5",
        ]
    );
    let staged = expressions(panel(&dashboard, "staged: response_time_p95"));
    let bound = staged.last().unwrap();
    for part in ["* 1.1", "+ 20", ">=", "[24h] @ ${exposed_at}", "group=\"all\"", "or max (quantile"] {
        assert!(bound.contains(part), "{part}: {bound}");
    }
}

#[test]
fn regions_become_a_variable_and_a_label() {
    let (source, _) = example("web-service");
    let (source, policy) = policies::compile(source, "two-regions");
    let dashboard = dashboard(&source, &policy, &Queries::new());
    let variables: Vec<&str> =
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["datasource", "region", "exposed_at"]);
    let shown = panel(&dashboard, "canary: error_rate");
    assert_eq!(expressions(shown)[0], "error_rate{group=\"treatment\", region=~\"$region\"}");
    assert_eq!(shown["targets"][0]["legendFormat"], "treatment {{region}}");
}

#[test]
fn a_query_of_ones_own_takes_the_place_of_the_name() {
    let (source, policy) = example("request-isolation");
    let metric = policy.catalogue.find("error_rate").unwrap();
    let queries = Queries::from([(metric, "100 * errors{v=\"$group\"}".to_owned())]);
    let dashboard = dashboard(&source, &policy, &queries);
    assert_eq!(
        expressions(panel(&dashboard, "canary: error_rate")),
        [
            "100 * errors{v=\"treatment\"}",
            "100 * errors{v=\"control\"}",
            "max (quantile_over_time(0.5, (100 * errors{v=\"control\"})[15m:1m])) + 0.5",
        ]
    );
}

#[test]
fn a_name_that_promql_would_compute_with_is_asked_by_its_label() {
    let (source, policy) = written(&policies::one_stage().replace("error_rate", "error-rate"));
    let dashboard = dashboard(&source, &policy, &Queries::new());
    let asked = expressions(panel(&dashboard, "all: error-rate"));
    assert_eq!(asked, ["{__name__=\"error-rate\", group=\"treatment\"}"]);
}

#[test]
fn ids_are_unique_and_the_uid_is_one_grafana_takes() {
    let mut uids = BTreeSet::new();
    for (name, source, policy) in &every() {
        let dashboard = dashboard(source, policy, &Queries::new());
        let mut ids: Vec<u64> = panels(&dashboard).iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        ids.extend(
            dashboard["panels"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|p| p["type"] == "row")
                .map(|p| p["id"].as_u64().unwrap()),
        );
        let unique: BTreeSet<u64> = ids.iter().copied().collect();
        assert_eq!(unique.len(), ids.len(), "{name}");
        let uid = dashboard["uid"].as_str().unwrap();
        assert!(
            (8..=40).contains(&uid.len()) && uid.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'),
            "{uid}"
        );
        uids.insert(uid.to_owned());
    }
    // The small policies share one name, and so one dashboard.
    assert_eq!(uids.len(), 3, "{uids:?}");
}

#[test]
fn an_edited_bound_keeps_the_uid_and_moves_the_line() {
    let text = policies::one_stage();
    let (source, policy) = written(&text);
    let (edited_source, edited) = written(&text.replace("5%", "7%"));
    let (before, after) =
        (dashboard(&source, &policy, &Queries::new()), dashboard(&edited_source, &edited, &Queries::new()));
    assert_eq!(before["uid"], after["uid"]);
    assert_eq!(steps(panels(&before)[0])[1].0, Some(5.0));
    assert_eq!(steps(panels(&after)[0])[1].0, Some(7.0));
}

#[test]
fn panels_do_not_overlap_and_open_rows_come_first() {
    for (name, source, policy) in &every() {
        let dashboard = dashboard(source, policy, &Queries::new());
        let mut taken = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            for y in at("y")..at("y") + at("h") {
                for x in at("x")..at("x") + at("w") {
                    assert!(x < 24 && taken.insert((x, y)), "{name}: {}", panel["title"]);
                }
            }
        }
    }
}

#[test]
fn a_gate_is_drawn_only_where_a_stage_asks_for_it() {
    let (source, policy) = example("request-isolation");
    let dashboard = dashboard(&source, &policy, &Queries::new());
    let gates: Vec<&str> =
        policy.checks.iter().filter(|check| check.kind == CheckKind::Gate).map(|check| check.id.as_str()).collect();
    let words = panel(&dashboard, "full: isolation_score")["description"].as_str().unwrap();
    assert!(gates.iter().all(|gate| !words.contains(&format!("{gate} (gate)"))), "{words}");
    assert_eq!(policy.baseline.window, Duration::from_hours(24));
}
