//! `[store]`: a file, or one of the three ways of running Redis.

use crate::policy::codes as shared;
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::raw::fields::Fields;
use crate::policy::tree::Value;

use super::super::codes;
use super::super::hide::has_password;
use super::super::secret::Open;
use super::super::values::{RedisServers, RedisSettings, StorePlace, StoreSettings};
use super::{Entry, Reader};

/// Keys that say which servers.
const SERVERS: [&str; 3] = ["url", "sentinels", "cluster"];
/// Keys that make sense for Redis only.
const OF_REDIS: [&str; 9] = [
    "master",
    "database",
    "sentinel_username",
    "sentinel_password",
    "username",
    "password",
    "prefix",
    "replicas_to_wait",
    "deadline",
];

pub(super) fn store(entry: &Entry, r: &mut Reader<'_>) -> StoreSettings {
    r.table(entry, "[store]", |fields, r| {
        let usual = StoreSettings::default();
        let retention = r.duration(fields, "retention", "1h", "3650d").unwrap_or(usual.retention);
        let path_at = fields.get("path").map(|entry| entry.key_place.clone());
        let path = r.path(fields, "path");
        let redis = redis(fields, r);
        let place = match (path_at, path, redis) {
            (Some(_), _, Found { first: Some((key, place)), .. }) => {
                exclude(r, "path", key, place);
                usual.place
            }
            (Some(_), Some(path), _) => StorePlace::File(path),
            (_, _, Found { settings: Some(redis), .. }) => StorePlace::Redis(Box::new(redis)),
            _ => usual.place,
        };
        StoreSettings { place, retention }
    })
}

/// What a table says about Redis.
pub(super) struct Found {
    pub(super) settings: Option<RedisSettings>,
    /// The first key that is about Redis.
    first: Option<(&'static str, Place)>,
}

/// Reads the keys that say how Redis is reached, of `[store]` and of a stream.
pub(super) fn redis(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> Found {
    let mut named: Vec<(&'static str, Place)> = Vec::new();
    for key in SERVERS {
        named.extend(fields.get(key).map(|entry| (key, entry.key_place.clone())));
    }
    let mut others: Vec<(&'static str, Place)> = Vec::new();
    for key in OF_REDIS {
        others.extend(fields.get(key).map(|entry| (key, entry.key_place.clone())));
    }
    let servers = servers(fields, r, &named);
    let options = options(fields, r);
    if named.is_empty()
        && let Some((key, place)) = others.first()
    {
        let message = format!("`{key}` is about Redis, and no Redis is named");
        r.sink.push(
            Diagnostic::error(shared::MISSING_KEY, message, place.clone())
                .help("add `url`, `sentinels` with `master`, or `cluster`"),
        );
    }
    let first = named.into_iter().chain(others).next();
    let settings = servers.map(|servers| RedisSettings { servers, ..options });
    Found { settings, first }
}

fn servers(fields: &mut Fields<'_>, r: &mut Reader<'_>, named: &[(&'static str, Place)]) -> Option<RedisServers> {
    if let [(first, _), (second, place), ..] = named {
        exclude(r, first, second, place.clone());
        return None;
    }
    let master = r.filled(fields, "master").map(|master| master.value);
    let database = r.count(fields, "database", 1 << 16).unwrap_or_default();
    if let Some(entry) = fields.get("url") {
        return redis_url(entry, r).map(RedisServers::One);
    }
    if let Some(entry) = fields.get("cluster") {
        return r.hosts(entry, "cluster").map(RedisServers::Cluster);
    }
    let entry = fields.get("sentinels")?;
    let sentinels = r.hosts(entry, "sentinels");
    let help = "name the primary as the sentinels do: master = \"mymaster\"";
    fields.required("master", help, r.sink)?;
    Some(RedisServers::Sentinel { sentinels: sentinels?, master: master?, database })
}

/// Encryption to Redis is not built in, and one that is asked for and not there would be worse than none.
fn redis_url(entry: &Entry, r: &mut Reader<'_>) -> Option<Open> {
    if let Value::Text(text) = &entry.node.value
        && text.starts_with("rediss://")
        && !has_password(text)
    {
        let message = "`url` asks for TLS to Redis, which is not built in";
        r.sink.push(
            Diagnostic::error(codes::ADDRESS, message, entry.node.place.clone())
                .help("put a tunnel in between (stunnel, a mesh), and name its end: redis://127.0.0.1:6379"),
        );
        return None;
    }
    r.url(entry, "url", &["redis"])
}

fn options(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> RedisSettings {
    let usual = RedisSettings::new(RedisServers::Cluster(Vec::new()));
    RedisSettings {
        username: r.filled(fields, "username").map(|name| name.value),
        password: fields.get("password").and_then(|entry| r.secret(entry, "password")),
        sentinel_username: r.filled(fields, "sentinel_username").map(|name| name.value),
        sentinel_password: fields.get("sentinel_password").and_then(|entry| r.secret(entry, "sentinel_password")),
        prefix: prefix(fields, r).unwrap_or(usual.prefix),
        replicas_to_wait: r.count(fields, "replicas_to_wait", 16).unwrap_or(usual.replicas_to_wait),
        deadline: r.duration(fields, "deadline", "10ms", "30s").unwrap_or(usual.deadline),
        servers: usual.servers,
    }
}

/// Keys are `PREFIX:{rollout}:...`: braces in front of those would put every key into one slot of a cluster.
fn prefix(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> Option<String> {
    let found = r.filled(fields, "prefix")?;
    if found.value.contains(['{', '}']) || found.value.chars().any(char::is_whitespace) {
        let message = format!("`prefix` cannot be `{}`", found.value);
        r.sink.push(Diagnostic::error(shared::BAD_NAME, message, found.place).help("leave out braces and spaces"));
        return None;
    }
    Some(found.value)
}

fn exclude(r: &mut Reader<'_>, first: &str, second: &str, place: Place) {
    let message = format!("`{first}` and `{second}` name two stores");
    r.sink.push(Diagnostic::error(codes::EXCLUSIVE, message, place).help("keep one of them"));
}
