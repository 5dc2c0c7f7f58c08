//! Its own metrics, for Prometheus: how rollouts stand, from what they publish, followed by what was counted since the
//! start. A name never changes its meaning; `docs/api.md` lists them.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use prometheus_client::encoding::text::{encode, encode_registry};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::app::{App, Caller};
use super::problem::Problem;
use crate::daemon::desk::View;
use crate::daemon::tokens::Need;
use crate::model::finding::{Finding, FindingState};
use crate::model::time::Time;
use crate::shell::clock;

type Labels = Vec<(&'static str, String)>;

const STATES: [(FindingState, &str); 6] = [
    (FindingState::Ok, "ok"),
    (FindingState::Pending, "pending"),
    (FindingState::Firing, "firing"),
    (FindingState::Clearing, "clearing"),
    (FindingState::Unknown, "unknown"),
    (FindingState::NotApplicable, "not_applicable"),
];
const DECISIONS: [&str; 3] = ["advance", "hold", "roll_back"];

/// `GET /metrics`.
pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.must(&caller, Need::Read, "read metrics", None)?;
    let registry = standing(&app.desk.views(), app.desk.unready().is_empty(), clock::now());
    let mut text = String::new();
    // Writing to a String cannot fail.
    let written = encode_registry(&mut text, &registry).and_then(|()| encode(&mut text, app.telemetry.registry()));
    written.map_err(|error| Problem::failed(error.to_string()))?;
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (shape, text) = if accepts.contains("application/openmetrics-text") {
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", text)
    } else {
        ("text/plain; version=0.0.4; charset=utf-8", older(&text))
    };
    Ok(([(header::CONTENT_TYPE, shape)], text).into_response())
}

/// The same in the older text format, in which a counter is described under its full name, nothing marks the end, and
/// there are no exemplars.
fn older(text: &str) -> String {
    let counters: HashSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let lines = text.lines().filter(|line| *line != "# EOF").map(|line| {
        let described = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE "));
        match described.and_then(|rest| rest.split_once(' ')) {
            Some((name, rest)) if counters.contains(name) => {
                let start = line.get(..7).unwrap_or_default();
                format!("{start}{name}_total {rest}\n")
            }
            _ => format!("{}\n", without_exemplar(line)),
        }
    });
    lines.collect()
}

/// A sample without what it points to. That stands behind the value; in a label the same characters are a name.
fn without_exemplar(line: &str) -> &str {
    match line.rsplit_once(" # {") {
        Some((sample, _)) if is_number(sample.rsplit(' ').next().unwrap_or_default()) => sample,
        _ => line,
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

/// A gauge with labels.
#[derive(Clone, Default)]
struct Of(Family<Labels, Gauge<f64, AtomicU64>>);

impl Of {
    fn set(&self, labels: &[(&'static str, &str)], value: f64) {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.0.get_or_create(&labels).set(value);
    }

    /// One of several is so: 1 for it, 0 for the others.
    fn one_of<'a>(
        &self,
        labels: &[(&'static str, &str)],
        name: &'static str,
        all: impl Iterator<Item = &'a str>,
        is: &str,
    ) {
        for each in all {
            let with: Vec<_> = labels.iter().copied().chain([(name, each)]).collect();
            self.set(&with, f64::from(u8::from(each == is)));
        }
    }
}

#[derive(Default)]
struct Gauges {
    decision: Of,
    value: Of,
    threshold: Of,
    state: Of,
    age: Of,
    policy: Of,
    rejected: Of,
    phase: Of,
    exposure: Of,
    generation: Of,
    leads: Of,
    spooled: Of,
    store_problem: Of,
    refused: Of,
    source_up: Of,
    source_failures: Of,
    source_age: Of,
    ready: Gauge<f64, AtomicU64>,
    build: Of,
}

impl Gauges {
    fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("rollgate");
        let mut add = |name: &str, help: &str, of: &Of| registry.register(name, help, of.0.clone());
        add("decision", "The last decision of a rollout: 1 for the one that holds", &self.decision);
        add("rule_value", "The value that a check last saw, in the unit of its metric", &self.value);
        add("rule_threshold", "The bound that a check compared it with", &self.threshold);
        add("rule_state", "Where a check stands: 1 for the one that holds", &self.state);
        add("snapshot_age_seconds", "How long ago the newest reading was observed", &self.age);
        add("policy_info", "The policy in force, by its digest", &self.policy);
        add("policy_rejected", "1 while the newest version of a policy's files is turned away", &self.rejected);
        add("phase", "What a rollout is doing: 1 for the one that holds", &self.phase);
        add("exposure_percent", "The most of any feature that anybody sees", &self.exposure);
        add("generation", "The change of exposure in force", &self.generation);
        add("leader", "1 while this controller holds the lease", &self.leads);
        add("spool_waiting", "Roll backs that wait for the store", &self.spooled);
        add("store_problem", "1 while something cannot be recorded", &self.store_problem);
        add("rejected_snapshots", "Snapshots turned away since the start", &self.refused);
        add("source_up", "1 while a source answers", &self.source_up);
        add("source_failures", "Failures of a source since it last answered", &self.source_failures);
        add("source_age_seconds", "How long ago a source last gave something", &self.source_age);
        add("build_info", "This rollgate", &self.build);
        registry.register("ready", "1 while /readyz says so", self.ready.clone());
        registry
    }

    fn rollout(&self, view: &View, now: Time) {
        let standing = &view.standing;
        let rollout = [("rollout", standing.key.rollout.as_str()), ("environment", standing.key.environment.as_str())];
        let flag = |yes: bool| f64::from(u8::from(yes));
        if let Some(data_at) = view.seen.data_at {
            self.age.set(&rollout, seconds(now, data_at));
        }
        if let Some(policy) = &standing.policy {
            self.policy.set(&with(&rollout, &[("hash", policy.as_str())]), 1.0);
        }
        self.rejected.set(&rollout, flag(view.seen.files.rejected.is_some()));
        let phase = standing.phase.shout().to_lowercase().replace(' ', "_");
        self.phase.set(&with(&rollout, &[("phase", &phase)]), 1.0);
        self.exposure.set(&rollout, standing.traffic);
        #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^53 here")]
        {
            self.generation.set(&rollout, standing.generation.0 as f64);
            self.spooled.set(&rollout, view.seen.spooled as f64);
            self.refused.set(&rollout, view.seen.rejected_snapshots as f64);
        }
        self.leads.set(&rollout, flag(view.seen.leads));
        self.store_problem.set(&rollout, flag(view.seen.store_problem.is_some()));
        for source in &view.seen.sources {
            let labels = with(&rollout, &[("source", &source.name)]);
            self.source_up.set(&labels, flag(source.problem.is_none()));
            #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^53 here")]
            self.source_failures.set(&labels, source.failures as f64);
            if let Some(last) = source.last_snapshot {
                self.source_age.set(&labels, seconds(now, last));
            }
        }
        if let Some(decision) = &view.seen.decision {
            let labels = with(&rollout, &[("stage", decision.stage.as_str())]);
            self.decision.one_of(&labels, "decision", DECISIONS.into_iter(), decision.verdict.answer().name());
            decision.findings.iter().for_each(|finding| self.finding(&rollout, finding));
        }
    }

    fn finding(&self, rollout: &[(&'static str, &str)], finding: &Finding) {
        let labels = with(rollout, &[("rule", finding.check.as_str()), ("region", finding.region.as_str())]);
        if let (Some(value), None) = (finding.value, finding.unknown) {
            self.value.set(&labels, value);
        }
        if let Some(bound) = finding.bound {
            self.threshold.set(&labels, bound);
        }
        let is = STATES.iter().find(|(state, _)| *state == finding.state).map_or("unknown", |(_, name)| *name);
        self.state.one_of(&labels, "state", STATES.iter().map(|(_, name)| *name), is);
    }
}

/// How rollouts stand at `now`.
fn standing(views: &[Arc<View>], is_ready: bool, now: Time) -> Registry {
    let gauges = Gauges::default();
    gauges.build.set(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    gauges.ready.set(f64::from(u8::from(is_ready)));
    views.iter().for_each(|view| gauges.rollout(view, now));
    gauges.registry()
}

fn with<'a>(labels: &[(&'static str, &'a str)], more: &[(&'static str, &'a str)]) -> Vec<(&'static str, &'a str)> {
    labels.iter().chain(more).copied().collect()
}

fn seconds(now: Time, then: Time) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a century are exact")]
    let millis = now.since(then).as_millis() as f64;
    millis / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::telemetry::Telemetry;
    use crate::ledger::hash::Key;

    #[rstest::rstest]
    #[case::with_one("a_total{b=\"c\"} 1 # {trace_id=\"x\"} 1.0", "a_total{b=\"c\"} 1")]
    #[case::without("a_total{b=\"c\"} 1", "a_total{b=\"c\"} 1")]
    #[case::in_a_label("a_total{b=\"c # {d\"} 1", "a_total{b=\"c # {d\"} 1")]
    #[case::a_comment("# HELP a b", "# HELP a b")]
    fn the_older_format_has_no_exemplars(#[case] line: &str, #[case] due: &str) {
        assert_eq!(without_exemplar(line), due);
    }

    #[test]
    fn a_decision_points_to_its_record_and_to_its_trace() {
        let telemetry = Telemetry::new();
        let key = Key::new("shop".into(), "production".into());
        telemetry.decided(&key, "roll_back", "shop/production/7", Some("4bf9"));
        telemetry.decided(&key, "hold", &"x".repeat(200), None);
        let mut text = String::new();
        encode(&mut text, telemetry.registry()).unwrap();
        let sample = "rollgate_decisions_total{rollout=\"shop\",environment=\"production\",decision=\"roll_back\"} 1";
        let points_to = " # {decision_id=\"shop/production/7\",trace_id=\"4bf9\"} 1";
        assert!(text.contains(&format!("{sample}{points_to}")), "{text}");
        assert!(text.contains("decision=\"hold\"} 1\n"), "too long to point to: {text}");
        assert!(older(&text).lines().any(|line| line == sample), "{}", older(&text));
    }
}
