//! `[store]`: a file, or one of the three ways of running Redis.

use crate::policy::codes as shared;
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::raw::fields::Fields;
use crate::policy::tree::Value;

use super::super::codes;
use super::super::values::{RedisServers, RedisSettings, RedisTls, StorePlace, StoreSettings};
use super::{Entry, Reader};

/// Keys that say which servers.
const SERVERS: [&str; 3] = ["url", "sentinels", "cluster"];
/// Keys that make sense for Redis only.
const OF_REDIS: [&str; 11] = [
    "master",
    "database",
    "sentinel_username",
    "sentinel_password",
    "username",
    "password",
    "prefix",
    "replicas_to_wait",
    "deadline",
    "tls",
    "ca",
];

pub(super) fn store(entry: &Entry, r: &mut Reader<'_>) -> StoreSettings {
    r.table(entry, "[store]", |fields, r| {
        let usual = StoreSettings::default();
        let retention = r.duration(fields, "retention", "1h", "3650d").unwrap_or(usual.retention);
        let create = fields.flag("create", r.sink).map_or(usual.create, |create| create.value);
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
        StoreSettings { place, retention, create }
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
        return r.url(entry, "url", &["redis", "rediss"]).map(RedisServers::One);
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

/// Whether connections are encrypted. What an address that is a secret asks for is seen when it is looked up.
fn tls(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> Option<RedisTls> {
    let url = fields.get("url").and_then(|entry| match &entry.node.value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    });
    let wanted = fields.flag("tls", r.sink);
    let at = fields.get("ca").map(|entry| entry.key_place.clone());
    let ca = r.path(fields, "ca");
    let plain = url.as_ref().is_some_and(|url| url.starts_with("redis://"));
    let encrypted = url.as_ref().is_some_and(|url| url.starts_with("rediss://"));
    if let Some(wanted) = &wanted
        && ((wanted.value && plain) || (!wanted.value && encrypted))
    {
        let message = format!("`tls` is {}, and `url` says otherwise", wanted.value);
        let help = "write rediss:// for an encrypted connection, redis:// for a plain one, and leave `tls` out";
        r.sink.push(Diagnostic::error(codes::EXCLUSIVE, message, wanted.place.clone()).help(help));
    }
    let wanted = wanted.map_or(encrypted, |wanted| wanted.value);
    let secret = url.is_some() && !plain && !encrypted;
    if let Some(at) = at
        && !wanted
        && !secret
    {
        let message = "`ca` vouches for nobody: the connection is not encrypted";
        let help = "ask for it: tls = true, or an address that begins with rediss://";
        r.sink.push(Diagnostic::error(codes::EXCLUSIVE, message, at).help(help));
    }
    (wanted || (secret && ca.is_some())).then_some(RedisTls { ca })
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
        tls: tls(fields, r),
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
