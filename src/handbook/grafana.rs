//! A Grafana dashboard that draws what the policy compares: a row per stage, a panel per metric of it, every absolute
//! bound as a line, every relative one as a query of its own.
//!
//! The JSON follows the dashboard types that Grafana publishes (`@grafana/schema`); `tests/handbook_grafana.rs` holds it
//! to them. Prometheus is asked for each metric under its own name with the labels `group` and `region`.

mod bounds;
mod panel;
mod query;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::model::frame::MetricIx;
use crate::policy::compiled::{Policy, StageIx};

use super::Handbook;

/// The version of the dashboard format, as `@grafana/schema` 13.2 has it.
const SCHEMA_VERSION: u32 = 42;
/// Grafana's own annotations.
const OWN_ANNOTATIONS: &str = "-- Grafana --";

/// PromQL for metrics that are not in Prometheus under their own names; `$group` stands for the group.
pub type Queries = BTreeMap<MetricIx, String>;

/// The title of the dashboard.
#[must_use]
pub fn title(policy: &Policy) -> String {
    format!("{} ({})", policy.rollout, policy.environment)
}

/// The dashboard's identity: the same for every edit of the policy, so that importing it again replaces it.
#[must_use]
pub fn uid(policy: &Policy) -> String {
    let hash = Sha256::digest(format!("{}\0{}", policy.rollout, policy.environment));
    let short: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    // Grafana takes 40 characters: letters, digits, `-` and `_`.
    let usable = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == '_';
    let name: String = policy.rollout.as_str().chars().filter(usable).take(28).collect();
    format!("rg-{short}-{name}")
}

/// The title of a stage's row.
#[must_use]
pub fn row_title(policy: &Policy, ix: StageIx) -> String {
    policy.stage(ix).map_or_else(String::new, |stage| format!("stage {}: {}", stage.name, super::stages::share(stage)))
}

/// The title of the panel that draws `metric` in a stage.
#[must_use]
pub fn panel_title(policy: &Policy, ix: StageIx, metric: MetricIx) -> String {
    let stage = policy.stage(ix).map_or("", |stage| stage.name.as_str());
    let metric = policy.catalogue.metric(metric).map_or("", |metric| metric.name.as_str());
    format!("{stage}: {metric}")
}

impl Handbook<'_> {
    /// The dashboard as JSON, ending in a line break. `queries` replaces what is asked for a metric.
    #[must_use]
    pub fn grafana(&self, queries: &Queries) -> String {
        let text = serde_json::to_string_pretty(&self.dashboard(queries)).unwrap_or_default();
        text + "\n"
    }

    fn dashboard(&self, queries: &Queries) -> Value {
        let policy = self.policy;
        let tags = ["rollgate".to_owned(), format!("rollout:{}", policy.rollout)];
        json!({
            "uid": uid(policy),
            "title": title(policy),
            "description": format!(
                "Drawn from {}/policy.toml (environment {}, policy {}) by `{}`. A bound is the edge of its colour: red rolls \
                 back, orange holds, yellow warns, blue keeps a gate closed. Bounds are strict: exactly at the line is not \
                 beyond it.",
                self.root, policy.environment, policy.digest.short(), super::commands::docs(self, "grafana")
            ),
            "tags": tags,
            "schemaVersion": SCHEMA_VERSION,
            "editable": true,
            "graphTooltip": 1,
            "refresh": "1m",
            "time": { "from": "now-6h", "to": "now" },
            "timezone": "utc",
            "templating": { "list": self.variables() },
            "annotations": { "list": annotations() },
            "links": [{
                "asDropdown": true,
                "icon": "external link",
                "includeVars": false,
                "keepTime": true,
                "tags": ["rollgate"],
                "targetBlank": false,
                "title": "other rollouts",
                "tooltip": "Every dashboard that rollgate wrote",
                "type": "dashboards",
            }],
            "panels": self.rows(queries),
        })
    }

    fn variables(&self) -> Value {
        let mut list = vec![json!({
            "name": "datasource",
            "label": "Data source",
            "description": "The Prometheus that holds the metrics",
            "type": "datasource",
            "query": "prometheus",
            "refresh": 1,
        })];
        let regions: Vec<&str> = self.policy.catalogue.regions().iter().map(|region| region.as_str()).collect();
        if regions.iter().any(|region| !region.is_empty()) {
            list.push(json!({
                "name": "region",
                "label": "Region",
                "type": "custom",
                "query": regions.join(","),
                "includeAll": true,
                "multi": true,
                "current": { "text": ["All"], "value": ["$__all"] },
            }));
        }
        if !self.baselines().is_empty() {
            list.push(json!({
                "name": "exposed_at",
                "label": "First exposure (Unix seconds)",
                "description": "When the first stage that exposes anybody was entered: `date +%s` at that moment. Bounds \
                                relative to the baseline are drawn from it; 0 draws none.",
                "type": "textbox",
                "query": "0",
                "current": { "text": "0", "value": "0" },
            }));
        }
        Value::Array(list)
    }

    /// A row per stage; the first that exposes anybody is open, the others cost nothing until they are.
    fn rows(&self, queries: &Queries) -> Value {
        let open = self.first_exposed().unwrap_or(StageIx(0));
        let mut id = 0;
        let mut next_id = || {
            id += 1;
            id
        };
        let mut y = 0;
        let mut list = Vec::new();
        for (ix, _) in self.ladder() {
            let row = next_id();
            let metrics: std::collections::BTreeSet<MetricIx> =
                self.series_of(ix).into_iter().map(|(metric, _)| metric).collect();
            let panels: Vec<Value> = metrics
                .into_iter()
                .enumerate()
                .map(|(nth, metric)| panel::panel(self, ix, metric, next_id(), panel::place(nth, y + 1), queries))
                .collect();
            if panels.is_empty() {
                continue;
            }
            let height = panel::height(panels.len());
            list.push(json!({
                "id": row,
                "type": "row",
                "title": row_title(self.policy, ix),
                "collapsed": ix != open,
                "gridPos": { "x": 0, "y": y, "w": 24, "h": 1 },
                "panels": if ix == open { Vec::new() } else { panels.clone() },
            }));
            y += 1;
            if ix == open {
                list.extend(panels);
                y += height;
            }
        }
        Value::Array(list)
    }
}

/// The marks that people and tools set on this dashboard.
fn annotations() -> Value {
    json!([{
        "builtIn": 1,
        "datasource": { "type": "grafana", "uid": OWN_ANNOTATIONS },
        "enable": true,
        "iconColor": "purple",
        "name": "Annotations & Alerts",
        "type": "dashboard",
    }])
}
