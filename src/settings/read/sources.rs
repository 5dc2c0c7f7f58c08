//! `[[sources]]`: which kind, which rollouts, how often; each kind has keys of its own.

use std::path::PathBuf;

use crate::model::ids::{Region, RolloutId};
use crate::model::time::Duration;
use crate::policy::codes as shared;
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::raw::fields::{At, Fields, wrong_type};
use crate::policy::tree::Value;

use super::super::codes;
use super::super::hide::is_telling;
use super::super::secret::{Open, SecretRef};
use super::super::sources::{
    Access, FileSettings, GoogleSettings, PrometheusSettings, SourceKind, SourceSettings, StreamSettings,
};
use super::queries::{groups, queries};
use super::{Entry, Node, Reader, pushed, store};

pub(super) const HTTP: [&str; 2] = ["http", "https"];
/// How often a source is asked unless it says so.
const EVERY: Duration = Duration::from_millis(15_000);
/// When a call is given up unless it says so.
const DEADLINE: Duration = Duration::from_millis(5_000);

#[derive(Clone, Copy)]
enum Kind {
    Prometheus,
    Google,
    RedisStream,
    Ndjson,
    Otlp,
    Alertmanager,
}

const KINDS: [(&str, Kind); 6] = [
    ("prometheus", Kind::Prometheus),
    ("google", Kind::Google),
    ("redis-stream", Kind::RedisStream),
    ("ndjson", Kind::Ndjson),
    ("otlp", Kind::Otlp),
    ("alertmanager", Kind::Alertmanager),
];

pub(super) fn sources(entry: &Entry, r: &mut Reader<'_>) -> Vec<SourceSettings> {
    let mut known: Vec<At<String>> = Vec::new();
    let nodes = r.tables(entry, "sources");
    nodes.into_iter().filter_map(|node| source(node, &entry.key_place, &mut known, r)).collect()
}

fn source(node: &Node, place: &Place, known: &mut Vec<At<String>>, r: &mut Reader<'_>) -> Option<SourceSettings> {
    let place = if node.place.span.is_empty() { place } else { &node.place };
    let mut fields = Fields::of(node, place, "a source", r.sink)?;
    let kind = fields.word("kind", &KINDS, r.sink);
    let name = fields.text("name", r.sink);
    let words = KINDS.map(|(word, _)| word).join(", ");
    let has_kind = fields.required("kind", &format!("say what it is: {words}"), r.sink);
    let has_name = fields.required("name", "name it, as `status` will show: name = \"prometheus-eu\"", r.sink);
    if let Some(name) = &name {
        unique(name, known, r);
    }
    let rollouts = fields.get("rollout").map(|entry| rollouts(entry, r)).unwrap_or_default();
    let region = r.filled(&mut fields, "region").map(|region| Region::new(region.value));
    let (every, deadline) = times(&mut fields, r);
    // Without a kind, which keys are due is not known.
    let kind = of_kind(kind?.value, &mut fields, place, r);
    fields.finish(r.sink);
    has_kind.and(has_name)?;
    Some(SourceSettings { name: r.name(name?, "name")?, rollouts, region, every, deadline, kind: kind? })
}

fn unique(name: &At<String>, known: &mut Vec<At<String>>, r: &mut Reader<'_>) {
    if let Some(first) = known.iter().find(|other| other.value == name.value) {
        let message = format!("two sources are called `{}`", name.value);
        let twice = Diagnostic::error(shared::DUPLICATE, message, name.place.clone());
        r.sink.push(twice.also(first.place.clone(), "also here"));
    }
    known.push(name.clone());
}

/// One rollout, or a list of them.
fn rollouts(entry: &Entry, r: &mut Reader<'_>) -> Vec<RolloutId> {
    let listed = match &entry.node.value {
        Value::Text(one) => vec![At::new(one.clone(), entry.node.place.clone())],
        Value::List(_) => r.listed(entry, "rollout").unwrap_or_default(),
        other => {
            wrong_type(r.sink, &entry.node.place, "rollout", "a rollout, or a list of them", other);
            return Vec::new();
        }
    };
    if listed.is_empty() {
        let message = "`rollout` is empty: nothing would be fed";
        r.sink.push(
            Diagnostic::error(shared::EMPTY, message, entry.node.place.clone())
                .help("leave it out to feed every rollout"),
        );
    }
    listed.into_iter().filter_map(|name| r.not_empty(name, "rollout")).map(|name| RolloutId::new(name.value)).collect()
}

/// A call that outlasts the interval would make every reading late.
fn times(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> (Duration, Duration) {
    let every = r.duration(fields, "every", "100ms", "1h").unwrap_or(EVERY);
    let written = fields.get("deadline").map(|entry| entry.node.place.clone());
    let deadline = r.duration(fields, "deadline", "10ms", "10m");
    if let (Some(deadline), Some(place)) = (deadline, written)
        && deadline > every
    {
        let message = format!("`deadline` is {deadline}, longer than the {every} between two calls");
        r.sink.push(Diagnostic::error(codes::TIMES, message, place).help("give up before the next call is due"));
    }
    (every, deadline.unwrap_or(DEADLINE.min(every)))
}

fn of_kind(kind: Kind, fields: &mut Fields<'_>, place: &Place, r: &mut Reader<'_>) -> Option<SourceKind> {
    match kind {
        Kind::Prometheus => prometheus(fields, place, r).map(SourceKind::Prometheus),
        Kind::Google => google(fields, place, r).map(SourceKind::Google),
        Kind::RedisStream => stream(fields, place, r).map(SourceKind::RedisStream),
        Kind::Ndjson => file(fields, r).map(SourceKind::Ndjson),
        Kind::Otlp => pushed::otlp(fields, place, r).map(SourceKind::Otlp),
        Kind::Alertmanager => pushed::alertmanager(fields, place, r).map(SourceKind::Alertmanager),
    }
}

fn file(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> Option<FileSettings> {
    let path = r.path(fields, "path");
    let start = fields.word("start", &[("end", false), ("beginning", true)], r.sink);
    fields.required("path", "name the file that grows: path = \"snapshots.ndjson\"", r.sink)?;
    Some(FileSettings { path: path?, from_beginning: start.is_some_and(|start| start.value) })
}

fn prometheus(fields: &mut Fields<'_>, place: &Place, r: &mut Reader<'_>) -> Option<PrometheusSettings> {
    let url = fields.required("url", "say where it is: url = \"http://prometheus:9090\"", r.sink);
    let url = url.and_then(|entry| r.url(entry, "url", &HTTP));
    let access = access(fields, r);
    let ca: Option<PathBuf> = r.path(fields, "ca");
    let headers = fields.get("headers").map(|entry| headers(entry, r)).unwrap_or_default();
    let proxy = fields.get("proxy").map(|entry| r.url(entry, "proxy", &HTTP));
    let exposure = r.filled(fields, "exposure").map(|exposure| exposure.value);
    let groups = groups(fields, r);
    let queries = queries(fields, place, &groups, r);
    Some(PrometheusSettings {
        url: url?,
        access: access?,
        ca,
        headers,
        proxy: proxy.map_or(Some(None), |proxy| proxy.map(Some))?,
        exposure,
        groups,
        queries: queries?,
    })
}

/// A value is plain (a tenant), or kept elsewhere (a key); one under a name that tells of a secret is kept elsewhere.
pub(super) fn headers(entry: &Entry, r: &mut Reader<'_>) -> Vec<(String, Open)> {
    let Value::Table(table) = &entry.node.value else {
        wrong_type(r.sink, &entry.node.place, "headers", "a table of names to values", &entry.node.value);
        return Vec::new();
    };
    let each = table.entries.iter().filter_map(|entry| {
        let key = entry.key.as_str();
        let letters = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if key.is_empty() || !key.chars().all(letters) {
            let message = format!("`{key}` is no name of a header");
            r.sink.push(Diagnostic::error(shared::BAD_NAME, message, entry.key_place.clone()));
            return None;
        }
        if is_telling(key) {
            return r.secret(entry, key).map(|value| (key.to_owned(), Open::Secret(value)));
        }
        let value = crate::policy::raw::fields::text(&entry.node, key, r.sink)?;
        Some((key.to_owned(), SecretRef::parse(&value.value).map_or(Open::Plain(value.value), Open::Secret)))
    });
    each.collect()
}

/// A token, or a user with a password, or nothing.
fn access(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> Option<Access> {
    let bearer = fields.get("bearer").map(|entry| (entry, r.secret(entry, "bearer")));
    let username = r.filled(fields, "username");
    let password = fields.get("password").map(|entry| r.secret(entry, "password"));
    match (bearer, username, password) {
        (None, None, None) => Some(Access::Open),
        (Some((_, bearer)), None, None) => bearer.map(Access::Bearer),
        (None, Some(username), Some(password)) => {
            password.map(|password| Access::Basic { username: username.value, password })
        }
        (Some((entry, _)), ..) => {
            let message = "`bearer` and `password` are two ways to prove who asks";
            r.sink.push(Diagnostic::error(codes::EXCLUSIVE, message, entry.key_place.clone()).help("keep one of them"));
            None
        }
        (None, username, _) => {
            let missing = if username.is_some() { "password" } else { "username" };
            fields.required(missing, "a user and a password go together", r.sink);
            None
        }
    }
}

fn google(fields: &mut Fields<'_>, place: &Place, r: &mut Reader<'_>) -> Option<GoogleSettings> {
    let project = r.filled(fields, "project").and_then(|project| r.name(project, "project"));
    let has_project = fields.required("project", "name the project: project = \"my-project\"", r.sink);
    let token = fields.get("token").map(|entry| r.secret(entry, "token"));
    let url: Option<Option<Open>> = fields.get("url").map(|entry| r.url(entry, "url", &HTTP));
    let exposure = r.filled(fields, "exposure").map(|exposure| exposure.value);
    let groups = groups(fields, r);
    let queries = queries(fields, place, &groups, r);
    has_project?;
    Some(GoogleSettings {
        project: project?,
        token: token.map_or(Some(None), |token| token.map(Some))?,
        url: url.map_or(Some(None), |url| url.map(Some))?,
        exposure,
        groups,
        queries: queries?,
    })
}

fn stream(fields: &mut Fields<'_>, place: &Place, r: &mut Reader<'_>) -> Option<StreamSettings> {
    let before = r.sink.errors();
    let redis = store::redis(fields, r);
    if redis.settings.is_none() && r.sink.errors() == before {
        let message = "a source of kind `redis-stream` says nothing about which Redis";
        r.sink.push(
            Diagnostic::error(shared::MISSING_KEY, message, place.clone())
                .help("add `url`, `sentinels` with `master`, or `cluster`"),
        );
    }
    let stream = r.filled(fields, "stream");
    let group = r.filled(fields, "group").map(|group| group.value);
    let consumer = r.filled(fields, "consumer").map(|consumer| consumer.value);
    let help = "name the key of the stream: stream = \"rollgate:snapshots\"";
    fields.required("stream", help, r.sink)?;
    Some(StreamSettings { redis: redis.settings?, stream: stream?.value, group, consumer })
}
