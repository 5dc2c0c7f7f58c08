//! Where readings come from, as settings; the daemon makes sources of them.

use std::path::PathBuf;

use crate::model::frame::Group;
use crate::model::ids::{MetricName, Region, RolloutId};
use crate::model::time::Duration;

use super::secret::{Open, SecretRef};
use super::values::RedisSettings;

/// One source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceSettings {
    /// Its name in logs, metrics and `status`.
    pub name: String,
    /// The rollouts it feeds; all of them when empty.
    pub rollouts: Vec<RolloutId>,
    /// The region all its readings are of; none when they say it themselves, or where there is only one.
    pub region: Option<Region>,
    /// How often it is asked; it says nothing to one that is pushed to.
    pub every: Duration,
    /// When a call is given up.
    pub deadline: Duration,
    /// What it is.
    pub kind: SourceKind,
}

/// What a source is.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceKind {
    /// The HTTP API of Prometheus, or of what speaks like it.
    Prometheus(PrometheusSettings),
    /// PromQL of Google Cloud Monitoring.
    Google(GoogleSettings),
    /// A stream of Redis with a consumer group.
    RedisStream(StreamSettings),
    /// A growing file of snapshots, one a line.
    Ndjson(FileSettings),
    /// OTLP metrics pushed to the API.
    Otlp(OtlpSettings),
    /// Webhooks of Alertmanager pushed to the API.
    Alertmanager(AlertmanagerSettings),
}

impl SourceKind {
    /// The word of the settings.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            SourceKind::Prometheus(_) => "prometheus",
            SourceKind::Google(_) => "google",
            SourceKind::RedisStream(_) => "redis-stream",
            SourceKind::Ndjson(_) => "ndjson",
            SourceKind::Otlp(_) => "otlp",
            SourceKind::Alertmanager(_) => "alertmanager",
        }
    }
}

/// One metric asked for by a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuerySettings {
    /// Which metric of the policy it gives.
    pub metric: MetricName,
    /// PromQL; `$group` stands for the group's own word.
    pub query: String,
    /// PromQL for how many samples the value rests on.
    pub samples: Option<String>,
    /// PromQL for how old the value is, in seconds; as old as the newest sample of its series when none.
    pub age: Option<String>,
    /// The groups it is asked for: those that have a word, or all together where the query has no `$group`.
    pub groups: Option<Vec<Group>>,
}

/// What a group is called by whoever measures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupWords {
    /// What `$group` stands for when the treatment is asked for.
    pub treatment: Option<String>,
    /// And when control is.
    pub control: Option<String>,
    /// And when everybody is.
    pub all: Option<String>,
}

/// How Prometheus is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct PrometheusSettings {
    /// Where it is: `http://prometheus:9090`.
    pub url: Open,
    /// What proves who asks.
    pub access: Access,
    /// PEM file of who signed its certificate, where that is nobody the system knows.
    pub ca: Option<PathBuf>,
    /// Sent with every question, such as a tenant: `X-Scope-OrgID`.
    pub headers: Vec<(String, Open)>,
    /// A proxy to go through.
    pub proxy: Option<Open>,
    /// PromQL for the share of traffic that has the change, in percent.
    pub exposure: Option<String>,
    /// What `$group` stands for.
    pub groups: GroupWords,
    /// What is asked, in order of metric.
    pub queries: Vec<QuerySettings>,
}

/// What proves who asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// Nothing is asked for.
    #[default]
    Open,
    /// `Authorization: Bearer`.
    Bearer(SecretRef),
    /// `Authorization: Basic`.
    Basic {
        /// The user.
        username: String,
        /// That user's password.
        password: SecretRef,
    },
}

/// How Google Cloud Monitoring is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct GoogleSettings {
    /// The project whose metrics are asked for.
    pub project: String,
    /// An access token; without it the metadata server of the machine gives one.
    pub token: Option<SecretRef>,
    /// Another address than Google's.
    pub url: Option<Open>,
    /// PromQL for the share of traffic that has the change, in percent.
    pub exposure: Option<String>,
    /// What `$group` stands for.
    pub groups: GroupWords,
    /// What is asked, in order of metric.
    pub queries: Vec<QuerySettings>,
}

/// How a stream is read.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamSettings {
    /// Which Redis.
    pub redis: RedisSettings,
    /// The key of the stream.
    pub stream: String,
    /// The consumer group; controllers that share it share the entries. One of this controller's own when none: whoever
    /// may have to decide has to hear everything.
    pub group: Option<String>,
    /// This controller's name; the machine's when none.
    pub consumer: Option<String>,
}

/// Which file, and where to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSettings {
    /// The file.
    pub path: PathBuf,
    /// When it was never read before, what is in it already is read too.
    pub from_beginning: bool,
}

/// What of OTLP metrics is read.
#[derive(Debug, Clone, PartialEq)]
pub struct OtlpSettings {
    /// In order of the policy's metrics.
    pub metrics: Vec<OtlpMetric>,
    /// Group and region, by attributes.
    pub place: PlaceSettings,
}

/// A series of OTLP, and the metric that it gives.
#[derive(Debug, Clone, PartialEq)]
pub struct OtlpMetric {
    /// In the policy.
    pub metric: MetricName,
    /// The instrument's name: `http.server.request.duration`.
    pub from: String,
    /// What is taken of a point.
    pub take: OtlpTake,
    /// Factor from the unit there to the policy's: 1000 from seconds to milliseconds.
    pub factor: f64,
    /// Attributes that a point must carry.
    pub matching: Vec<Matching>,
}

/// What is taken of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OtlpTake {
    /// The number of a gauge or a sum.
    Value,
    /// How many measurements are in a histogram.
    Count,
    /// What they add up to.
    Sum,
    /// The value below which this share of them lies.
    Quantile(f64),
}

/// What a label or an attribute must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching {
    /// Its name.
    pub label: String,
    /// Any one of these.
    pub one_of: Vec<String>,
}

/// Which group and region a reading belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceSettings {
    /// Who was measured.
    pub group: GroupBy,
    /// The label that names the region; none where the source's own `region` says it.
    pub region_label: Option<String>,
}

/// Where the group comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// Always this one.
    Always(Group),
    /// From a label.
    Label {
        /// Its name.
        label: String,
        /// Its values; `treatment`, `control` and `all` themselves where none is named.
        words: GroupWords,
    },
}

/// What of an alert is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertmanagerSettings {
    /// In order of the policy's metrics.
    pub alerts: Vec<AlertSettings>,
    /// Group and region, by labels.
    pub place: PlaceSettings,
}

/// An alert, and the state that it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertSettings {
    /// In the policy, of unit `state`.
    pub metric: MetricName,
    /// The alert's name.
    pub alert: String,
    /// Other labels that it must carry.
    pub matching: Vec<Matching>,
    /// Firing means that all is well, as of a watchdog.
    pub fires_when_ok: bool,
}

impl SourceSettings {
    pub(crate) fn paths_mut(&mut self, each: &mut dyn FnMut(&mut PathBuf)) {
        match &mut self.kind {
            SourceKind::Ndjson(file) => each(&mut file.path),
            SourceKind::Prometheus(prometheus) => prometheus.ca.iter_mut().for_each(each),
            SourceKind::RedisStream(stream) => stream.redis.paths_mut(each),
            SourceKind::Google(_) | SourceKind::Otlp(_) | SourceKind::Alertmanager(_) => {}
        }
    }

    pub(crate) fn secrets_mut(&mut self, each: &mut dyn FnMut(&mut SecretRef)) {
        match &mut self.kind {
            SourceKind::Prometheus(prometheus) => {
                if let Open::Secret(url) = &mut prometheus.url {
                    each(url);
                }
                prometheus.headers.iter_mut().for_each(|(_, value)| {
                    if let Open::Secret(value) = value {
                        each(value);
                    }
                });
                if let Some(Open::Secret(proxy)) = &mut prometheus.proxy {
                    each(proxy);
                }
                match &mut prometheus.access {
                    Access::Open => {}
                    Access::Bearer(secret) | Access::Basic { password: secret, .. } => each(secret),
                }
            }
            SourceKind::Google(google) => {
                if let Some(Open::Secret(url)) = &mut google.url {
                    each(url);
                }
                google.token.iter_mut().for_each(each);
            }
            SourceKind::RedisStream(stream) => stream.redis.secrets_mut(each),
            SourceKind::Ndjson(_) | SourceKind::Otlp(_) | SourceKind::Alertmanager(_) => {}
        }
    }
}
