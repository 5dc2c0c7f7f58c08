//! The part of the schema about sources.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::SecretName;

/// One source; which keys it takes depends on its kind.
#[derive(JsonSchema)]
#[schemars(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Source {
    /// The HTTP API of Prometheus, or of what speaks like it.
    Prometheus(Prometheus),
    /// PromQL of Google Cloud Monitoring.
    Google(Google),
    /// A stream of Redis with a consumer group.
    RedisStream(RedisStream),
    /// A growing file of snapshots, one a line.
    Ndjson(Ndjson),
    /// OTLP metrics pushed to the API.
    Otlp(Otlp),
    /// Webhooks of Alertmanager pushed to the API.
    Alertmanager(Alertmanager),
}

/// One, or several.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

macro_rules! source {
    ($(#[$doc:meta])* $name:ident { $($fields:tt)* }) => {
        $(#[$doc])*
        #[derive(JsonSchema)]
        #[schemars(deny_unknown_fields)]
        pub(super) struct $name {
            /// Its name in logs, metrics and `status`.
            name: String,
            /// The rollouts it feeds (default: all).
            rollout: Option<OneOrMore>,
            /// The region all its readings are of.
            region: Option<String>,
            /// How often it is asked (default: `"15s"`).
            every: Option<String>,
            /// When a call is given up (default: `"5s"`).
            deadline: Option<String>,
            $($fields)*
        }
    };
}

source! {
    /// The HTTP API of Prometheus, or of what speaks like it.
    Prometheus {
        /// Where it is, or a reference to a secret.
        url: String,
        /// Sent as `Authorization: Bearer`.
        bearer: Option<SecretName>,
        /// Sent as `Authorization: Basic`, with `password`.
        username: Option<String>,
        /// That user's password.
        password: Option<SecretName>,
        /// PEM file of who signed its certificate.
        ca: Option<String>,
        /// Sent with every question; a name that tells of a secret takes a reference.
        headers: Option<BTreeMap<String, String>>,
        /// A proxy to go through.
        proxy: Option<String>,
        /// PromQL for the share of traffic that has the change, in percent.
        exposure: Option<String>,
        /// What `$group` stands for.
        groups: Option<GroupWords>,
        /// A metric of the policy, and the query that gives it.
        queries: BTreeMap<String, Query>,
    }
}

source! {
    /// PromQL of Google Cloud Monitoring.
    Google {
        /// The project whose metrics are asked for.
        project: String,
        /// An access token; without it the machine's metadata server gives one.
        token: Option<SecretName>,
        /// Another address than Google's.
        url: Option<String>,
        /// PromQL for the share of traffic that has the change, in percent.
        exposure: Option<String>,
        /// What `$group` stands for.
        groups: Option<GroupWords>,
        /// A metric of the policy, and the query that gives it.
        queries: BTreeMap<String, Query>,
    }
}

source! {
    /// A stream of Redis with a consumer group.
    RedisStream {
        /// One Redis, `rediss://` over TLS, or a reference to a secret.
        url: Option<String>,
        /// `host:port` of each sentinel; with `master`.
        sentinels: Option<Vec<String>>,
        /// What the sentinels call the primary.
        master: Option<String>,
        /// Which database behind the sentinels (default: 0).
        database: Option<u32>,
        /// The user of the sentinels' own access list.
        sentinel_username: Option<String>,
        /// That user's password.
        sentinel_password: Option<SecretName>,
        /// `host:port` of some nodes of a cluster.
        cluster: Option<Vec<String>>,
        /// The user of Redis' access list.
        username: Option<String>,
        /// That user's password.
        password: Option<SecretName>,
        /// Encrypt the connections to sentinels, nodes and servers (default: as `url` says).
        tls: Option<bool>,
        /// PEM file of whoever signs the servers' certificates (default: whoever this machine trusts).
        ca: Option<String>,
        /// The key of the stream.
        stream: String,
        /// The consumer group (default: one of this controller's own, `rollgate-CONSUMER`).
        group: Option<String>,
        /// This controller's name (default: the machine's).
        consumer: Option<String>,
    }
}

source! {
    /// A growing file of snapshots, one a line.
    Ndjson {
        /// The file.
        path: String,
        /// Where to begin when it was never read before (default: end).
        start: Option<Start>,
    }
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Start {
    /// Behind what is there: the past is no news.
    End,
    /// At its first line.
    Beginning,
}

source! {
    /// OTLP metrics pushed to the API.
    Otlp {
        /// A metric of the policy, and the instrument that gives it.
        metrics: BTreeMap<String, OtlpMetric>,
        /// The group that all of it is of (default: treatment).
        group: Option<Group>,
        /// The attribute that names the group.
        group_attribute: Option<String>,
        /// The attribute that names the region.
        region_attribute: Option<String>,
        /// What the groups are called (default: treatment, control and all).
        groups: Option<GroupWords>,
    }
}

/// The instrument's name; with what is taken of it.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum OtlpMetric {
    /// The value of a gauge or a sum.
    Text(String),
    /// With what is taken of it.
    Table(OtlpTable),
}

/// One series.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct OtlpTable {
    /// The instrument's name: `http.server.request.duration`.
    from: String,
    /// `value` (default), `count`, `sum`, or a percentile of a histogram: `p95`.
    #[schemars(regex(pattern = r"^(value|count|sum|p[0-9]+(\.[0-9]+)?)$"))]
    take: Option<String>,
    /// Factor from the unit there to the policy's: 1000 from seconds to milliseconds.
    factor: Option<f64>,
    /// Attributes that a point must carry.
    r#where: Option<BTreeMap<String, OneOrMore>>,
}

source! {
    /// Webhooks of Alertmanager pushed to the API.
    Alertmanager {
        /// A state metric of the policy, and the alert that gives it.
        alerts: BTreeMap<String, Alert>,
        /// The group that all of it is of (default: treatment).
        group: Option<Group>,
        /// The label that names the group.
        group_label: Option<String>,
        /// The label that names the region.
        region_label: Option<String>,
        /// What the groups are called (default: treatment, control and all).
        groups: Option<GroupWords>,
    }
}

/// The alert's name; with other labels that it must carry.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Alert {
    /// Failed while it fires.
    Text(String),
    /// With what else is asked of it.
    Table(AlertTable),
}

/// One alert.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct AlertTable {
    /// Its name.
    alert: String,
    /// Other labels that it must carry.
    r#where: Option<BTreeMap<String, OneOrMore>>,
    /// What firing means (default: failed).
    fires_when: Option<FiresWhen>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum FiresWhen {
    /// Something is broken.
    Failed,
    /// The alerting is alive.
    Ok,
}

/// What the groups are called by whoever measures.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct GroupWords {
    /// Those who have the change.
    treatment: Option<String>,
    /// Those who have not, at the same time.
    control: Option<String>,
    /// Everybody.
    all: Option<String>,
}

/// A query; `$group` in it stands for the group's word.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Query {
    /// PromQL.
    Text(String),
    /// With how many samples it rests on.
    Table(QueryTable),
}

/// One query with what belongs to it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct QueryTable {
    /// PromQL.
    query: String,
    /// PromQL for how many samples the value rests on.
    samples: Option<String>,
    /// PromQL for how old the value is, in seconds.
    age: Option<String>,
    /// The groups it is asked for.
    groups: Option<Vec<Group>>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Group {
    Treatment,
    Control,
    All,
}
