//! The controller's own counters and histograms: what happened, told by whoever did it. How things stand (stages, values,
//! ages) is not kept here; it is read from the rollouts' views when somebody asks for metrics.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::{CounterWithExemplar, HistogramWithExemplars};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::ledger::hash::Key;

use super::traces::{Context, Tracer};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rollout {
    rollout: String,
    environment: String,
}

impl Rollout {
    fn of(key: &Key) -> Rollout {
        Rollout { rollout: key.rollout.to_string(), environment: key.environment.to_string() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    rollout: String,
    environment: String,
    decision: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExportLabels {
    kind: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    rollout: String,
    environment: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActionLabels {
    kind: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    source: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DenialLabels {
    why: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;
/// What an exemplar points to: the trace, or the record of a decision.
type Exemplar = Vec<(&'static str, String)>;
type Pointing = HistogramWithExemplars<Exemplar>;
type PointingHistograms<L> = Family<L, Pointing, fn() -> Pointing>;

/// What happened since the controller started. Cheap to call, from any thread.
#[derive(Debug)]
pub struct Telemetry {
    registry: Registry,
    reloads: Family<ReloadLabels, Counter>,
    actions: PointingHistograms<ActionLabels>,
    evaluations: PointingHistograms<Rollout>,
    decisions: Family<DecisionLabels, CounterWithExemplar<Exemplar>>,
    evaluation_errors: Family<Rollout, Counter>,
    snapshots: Family<Outcome, Counter>,
    kept: Histogram,
    polls: Family<SourceLabels, Counter>,
    poll_seconds: Histograms<Rollout>,
    http: Family<HttpLabels, Counter>,
    http_seconds: Histogram,
    denials: Family<DenialLabels, Counter>,
    lease_changes: Family<Outcome, Counter>,
    heartbeats: Family<Outcome, Counter>,
    events_cut: Counter,
    exported: Family<ExportLabels, Counter>,
    tracer: Tracer,
}

/// The most characters of an exemplar's names and values together, as OpenMetrics has it.
const MOST_EXEMPLAR: usize = 128;

/// 10 us to 10 s: a flush to disk, a request, an evaluation.
fn short() -> Histogram {
    Histogram::new(brief())
}

/// 1 ms to 100 s: something that was done to the world.
fn long() -> Histogram {
    Histogram::new(lasting())
}

fn brief() -> impl Iterator<Item = f64> {
    exponential_buckets(0.000_01, 3.162_277_66, 13)
}

fn lasting() -> impl Iterator<Item = f64> {
    exponential_buckets(0.001, 3.162_277_66, 11)
}

fn exemplar(context: Option<Context>) -> Option<Exemplar> {
    context.map(|context| vec![("trace_id", context.trace_id())])
}

impl Default for Telemetry {
    fn default() -> Telemetry {
        Telemetry::new()
    }
}

impl Telemetry {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new() -> Telemetry {
        let mut telemetry = Telemetry {
            registry: Registry::with_prefix("rollgate"),
            reloads: Family::default(),
            actions: Family::new_with_constructor(|| Pointing::new(lasting())),
            evaluations: Family::new_with_constructor(|| Pointing::new(brief())),
            decisions: Family::default(),
            evaluation_errors: Family::default(),
            snapshots: Family::default(),
            kept: short(),
            polls: Family::default(),
            poll_seconds: Family::new_with_constructor(long),
            http: Family::default(),
            http_seconds: short(),
            denials: Family::default(),
            lease_changes: Family::default(),
            heartbeats: Family::default(),
            events_cut: Counter::default(),
            exported: Family::default(),
            tracer: Tracer::default(),
        };
        telemetry.register();
        telemetry
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("policy_reload", "Policies read again, and what came of it", self.reloads.clone());
        registry.register("action_seconds", "How long carrying out a plan took", self.actions.clone());
        registry.register("evaluation_seconds", "How long one evaluation took", self.evaluations.clone());
        registry.register("decisions", "Decisions that were recorded, by their answer", self.decisions.clone());
        registry.register(
            "evaluation_errors",
            "Evaluations in which a script or a fact failed",
            self.evaluation_errors.clone(),
        );
        registry.register("snapshots", "Snapshots that came in, and what came of them", self.snapshots.clone());
        registry.register("snapshot_kept_seconds", "From a snapshot's arrival until it was on disk", self.kept.clone());
        registry.register("source_polls", "How often a source was asked, and how it answered", self.polls.clone());
        registry.register("source_poll_seconds", "How long asking the sources took", self.poll_seconds.clone());
        registry.register("http_requests", "Calls of the API, by how they ended", self.http.clone());
        registry.register("http_request_seconds", "How long calls of the API took", self.http_seconds.clone());
        registry.register("denials", "Calls of the API that were denied, and why", self.denials.clone());
        registry.register("lease_changes", "Leases taken, lost and given back", self.lease_changes.clone());
        registry.register("heartbeat_pings", "Pings of the outside heartbeat", self.heartbeats.clone());
        registry.register("events_cut", "Listeners cut off because they were too slow", self.events_cut.clone());
        registry.register(
            "exported",
            "Spans and log lines for a collector, and what came of them",
            self.exported.clone(),
        );
    }

    /// A policy's files were read again, and are `good` or `rejected`.
    pub fn reloaded(&self, key: &Key, result: &'static str) {
        let Rollout { rollout, environment } = Rollout::of(key);
        self.reloads.get_or_create(&ReloadLabels { rollout, environment, result }).inc();
    }

    /// A plan was carried out: `emergency` or `exposure`; `ok` or `failed`.
    pub fn acted(&self, kind: &'static str, result: &'static str, seconds: f64) {
        self.actions.get_or_create(&ActionLabels { kind, result }).observe(seconds, exemplar(Context::current()), None);
    }

    /// A decision was recorded under `id`, in this trace.
    pub fn decided(&self, key: &Key, decision: &'static str, id: &str, trace: Option<&str>) {
        let Rollout { rollout, environment } = Rollout::of(key);
        let mut points_to = vec![("decision_id", id.to_owned())];
        points_to.extend(trace.map(|trace| ("trace_id", trace.to_owned())));
        // OpenMetrics allows no more; a longer one would cost the whole page.
        let length = points_to.iter().map(|(name, value)| name.len() + value.chars().count()).sum::<usize>();
        let counted = self.decisions.get_or_create(&DecisionLabels { rollout, environment, decision });
        counted.inc_by(1, (length <= MOST_EXEMPLAR).then_some(points_to), None);
    }

    /// A rollout was evaluated, in the span `context`; `errors` of its scripts or facts failed.
    pub fn evaluated(&self, key: &Key, seconds: f64, errors: u64, context: Option<Context>) {
        let labels = Rollout::of(key);
        self.evaluations.get_or_create(&labels).observe(seconds, exemplar(context), None);
        self.evaluation_errors.get_or_create(&labels).inc_by(errors);
    }

    /// Snapshots came in and were `accepted`, or why they were not: `unknown`, `ambiguous`, `impossible`, `busy`,
    /// `not_kept`, `malformed`, `too_large`.
    pub fn received(&self, result: &'static str, snapshots: u64) {
        self.snapshots.get_or_create(&Outcome { result }).inc_by(snapshots);
    }

    /// Snapshots were on disk that long after they had come in.
    pub fn kept(&self, seconds: f64) {
        self.kept.observe(seconds);
    }

    /// A source of a rollout was asked; `ok`, `empty`, `not_taken` or [`crate::ports::source::SourceError::kind`].
    pub fn polled(&self, key: &Key, source: &str, result: &'static str, seconds: f64) {
        self.polls.get_or_create(&SourceLabels { source: source.to_owned(), result }).inc();
        self.poll_seconds.get_or_create(&Rollout::of(key)).observe(seconds);
    }

    /// A call of the API ended.
    pub fn answered(&self, method: &str, route: &str, status: u16, seconds: f64) {
        let labels = HttpLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.http.get_or_create(&labels).inc();
        self.http_seconds.observe(seconds);
    }

    /// A call of the API was denied: `unknown`, `expired`, `missing`, `role`, `host`, `origin`, `rate`.
    pub fn denied(&self, why: &'static str) {
        self.denials.get_or_create(&DenialLabels { why }).inc();
    }

    /// The lease was `taken` or `lost`.
    pub fn lease(&self, result: &'static str) {
        self.lease_changes.get_or_create(&Outcome { result }).inc();
    }

    /// The outside heartbeat was `sent`, has `failed`, or was `withheld` because not all is well.
    pub fn heartbeat(&self, result: &'static str) {
        self.heartbeats.get_or_create(&Outcome { result }).inc();
    }

    /// A listener to events was too slow and was cut off.
    pub fn event_cut(&self) {
        self.events_cut.inc();
    }

    /// Spans (`span`) or log lines (`log`) were `sent` to the collector, `dropped` because it was too slow, or `failed`
    /// because it could not be reached or did not take them.
    pub fn exported(&self, kind: &'static str, result: &'static str, count: u64) {
        self.exported.get_or_create(&ExportLabels { kind, result }).inc_by(count);
    }

    /// Begins spans.
    #[must_use]
    pub const fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// What was counted, for [`prometheus_client::encoding::text`].
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }
}
