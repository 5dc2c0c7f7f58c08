//! The JSON Schema of rollgate.toml, for completion and hovers in editors: `#:schema schemas/settings.schema.json`.
//!
//! It mirrors what `read` reads. What values mean together is checked by `rollgate check rollgate.toml` alone. The
//! structs are never filled; their comments are the hovers.
#![allow(dead_code, reason = "the structs exist for their schema")]

mod sources;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use sources::Source;

/// The schema of rollgate.toml (draft 07, which editors' TOML plugins read).
#[must_use]
pub fn settings_schema() -> Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<SettingsFile>().to_value()
}

/// The controller's settings. Every key may be left out.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "rollgate settings")]
struct SettingsFile {
    /// Which overlay of the policies is in force (default: production).
    environment: Option<String>,
    /// Policies, or trees of them, from this file's directory (default: `policies`).
    policies: Option<Vec<String>>,
    /// Where ledgers and exposures are kept: a file, or Redis.
    store: Option<Store>,
    /// Where readings are kept until they are decided on.
    journal: Option<Journal>,
    /// How the controller is talked to.
    api: Option<Api>,
    /// How one of several controllers is elected.
    lease: Option<Lease>,
    /// Who notices when this controller dies.
    heartbeat: Option<Heartbeat>,
    /// What is logged.
    log: Option<Log>,
    /// Where traces go: an OpenTelemetry collector.
    telemetry: Option<Telemetry>,
    /// How edits of policies are taken over.
    reload: Option<Reload>,
    /// Where readings come from, besides pushes.
    sources: Option<Vec<Source>>,
}

/// A reference to a secret: `env:NAME`, `file:/path` or `gsm:projects/p/secrets/s/versions/7`.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct SecretName(
    #[schemars(regex(
        pattern = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|gsm:projects/.+/secrets/.+/versions/([0-9]+|latest))$"
    ))]
    String,
);

/// Where ledgers and exposures are kept.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Store {
    /// A file of this machine (default: `rollgate.redb`).
    path: Option<String>,
    /// How long entries are kept: `"30d"` (default).
    retention: Option<String>,
    /// Make the store when there is none (default: true). With false, a store that lost its data is not taken for a new one.
    create: Option<bool>,
    /// One Redis: `redis://host:6379/0`, `rediss://` over TLS, or a reference to a secret.
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
    /// What every key begins with (default: `rollgate`).
    prefix: Option<String>,
    /// How many replicas must have a write before it counts (default: 0).
    replicas_to_wait: Option<u32>,
    /// When a call is given up (default: `"500ms"`).
    deadline: Option<String>,
    /// Encrypt the connections to sentinels, nodes and servers (default: as `url` says).
    tls: Option<bool>,
    /// PEM file of whoever signs the servers' certificates (default: whoever this machine trusts).
    ca: Option<String>,
}

/// Where readings are kept until they are decided on.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Journal {
    /// A directory (default: `rollgate.journal`).
    path: Option<String>,
    /// How far back a restart can look (default: `"2h"`).
    keep: Option<String>,
}

/// How the controller is talked to.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Api {
    /// Address and port (default: `127.0.0.1:7878`).
    listen: Option<String>,
    /// Certificate and key; without them it speaks plain HTTP.
    tls: Option<Tls>,
    /// Who may call. Required on an address that other machines reach.
    tokens: Option<Vec<Token>>,
    /// Names it may be called by beside `localhost`, while there are no tokens.
    hosts: Option<Vec<String>>,
    /// The most it takes.
    limits: Option<Limits>,
}

/// What the API proves itself with.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Tls {
    /// PEM file of the certificate and what it is signed by.
    cert: String,
    /// PEM file of the key.
    key: String,
}

/// One caller.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Token {
    /// The name that ledgers and logs show.
    name: String,
    /// What it may do.
    role: Role,
    /// SHA-256 of the token, as 64 hex digits.
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    sha256: String,
    /// From when on it is not taken: `2027-01-31T00:00:00Z`.
    expires: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Role {
    /// Pushes readings, and nothing else.
    Sender,
    /// Looks.
    Viewer,
    /// Starts, holds, resumes, approves, rolls back and disables too.
    Operator,
    /// Everything: pushes, advances and puts policies in force too.
    Admin,
}

/// The most the API takes.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Limits {
    /// Size of a body (default: `"1MiB"`).
    body: Option<String>,
    /// Size of a body of OTLP metrics, or of a policy (default: `"4MiB"`).
    large_body: Option<String>,
    /// Connections at once (default: 1024).
    connections: Option<u32>,
    /// Reads and orders of one caller (default: `"100/s"`); emergency-disable is exempt.
    calls: Option<String>,
    /// Pushes of one caller (default: `"20000/s"`).
    pushes: Option<String>,
    /// How long the head of a request may take (default: `"5s"`).
    head: Option<String>,
    /// How long a whole call may take (default: `"30s"`).
    call: Option<String>,
}

/// How one of several controllers is elected.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Lease {
    /// How long a leader that says nothing stays leader (default: `"4s"`).
    term: Option<String>,
    /// How often it says something (default: `"1200ms"`).
    renew: Option<String>,
    /// When it stops leading because nobody heard it (default: `"2800ms"`).
    step_down: Option<String>,
}

/// Who notices when this controller dies.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Heartbeat {
    /// Called while all is well.
    url: SecretName,
    /// How often (default: `"30s"`).
    every: Option<String>,
}

/// What is logged.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Log {
    /// For people or for programs (default: text).
    format: Option<LogFormat>,
    /// The least that is logged (default: info).
    level: Option<LogLevel>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum LogFormat {
    Text,
    Json,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Where traces go: an OpenTelemetry collector. Takes a rollgate built with the feature `otel`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Telemetry {
    /// Where it takes OTLP over HTTP, without `/v1/traces`, or a reference to a secret.
    otlp: String,
    /// PEM file of whoever signs its certificate (default: whoever this machine trusts).
    ca: Option<String>,
    /// Sent with every call; a name that tells of a secret takes a reference.
    headers: Option<BTreeMap<String, String>>,
    /// What this service is called there (default: `rollgate`).
    service: Option<String>,
    /// What else describes it, by name.
    attributes: Option<BTreeMap<String, String>>,
    /// The share of traces that are told although nothing came of them (default: `"100%"`).
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)? *%$"))]
    sample: Option<String>,
    /// Log lines go there too (default: false).
    logs: Option<bool>,
}

/// How edits of policies are taken over.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Reload {
    /// How long files must rest (default: `"50ms"`).
    debounce: Option<String>,
    /// How often to look where the system does not tell of changes (default: `"500ms"`).
    poll: Option<String>,
    /// How long a policy's own tests may take (default: `"2s"`).
    tests_budget: Option<String>,
}
