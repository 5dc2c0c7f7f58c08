//! `[api]`: where it listens, who may call, and what makes an address unsafe.

use std::net::SocketAddr;

use crate::model::time::Time;
use crate::policy::codes as shared;
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::raw::fields::{At, Fields, wrong_type};
use crate::policy::tree::Value;

use super::super::values::{ApiLimits, ApiRole, ApiSettings, TlsSettings, TokenSettings};
use super::super::{address, codes};
use super::{Entry, Node, Reader};

pub(super) fn api(entry: &Entry, r: &mut Reader<'_>) -> ApiSettings {
    r.table(entry, "[api]", |fields, r| {
        let usual = ApiSettings::default();
        let listen = listen(fields, r);
        let before = r.sink.errors();
        let tls = fields.get("tls").and_then(|entry| r.table(entry, "[api.tls]", tls));
        let tls_read = r.sink.errors() == before;
        let listed = fields.get("tokens");
        let tokens = listed.map(|entry| tokens(entry, r)).unwrap_or_default();
        let hosts = fields.get("hosts").and_then(|entry| r.listed(entry, "hosts")).unwrap_or_default();
        let hosts = hosts.into_iter().map(|host| host.value).collect();
        let limits = fields.get("limits").map_or(usual.limits, |entry| r.table(entry, "[api.limits]", limits));
        if let Some(listen) = &listen {
            // A token or certificate that cannot be read is reported, and is not missing.
            reachable(listen, listed.is_some(), tls.is_some() || !tls_read, r);
        }
        ApiSettings { listen: listen.map_or(usual.listen, |listen| listen.value), tls, tokens, hosts, limits }
    })
}

fn listen(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> Option<At<SocketAddr>> {
    let found = fields.text("listen", r.sink)?;
    if let Some(address) = address::listen(&found.value) {
        return Some(At::new(address, found.place));
    }
    let message = format!("`listen` cannot be `{}`", found.value);
    r.sink.push(
        Diagnostic::error(codes::ADDRESS, message, found.place)
            .help("write an address and a port: \"127.0.0.1:7878\", or \"0.0.0.0:7878\" for every interface"),
    );
    None
}

/// Whoever can reach the address can move traffic.
fn reachable(listen: &At<SocketAddr>, has_tokens: bool, has_tls: bool, r: &mut Reader<'_>) {
    if listen.value.ip().is_loopback() {
        return;
    }
    if !has_tokens {
        let message = format!("`{}` can be reached from other machines, and nobody has to show a token", listen.value);
        r.sink.push(
            Diagnostic::error(codes::OPEN_DOOR, message, listen.place.clone())
                .help("add an [[api.tokens]], or listen on 127.0.0.1"),
        );
    }
    if !has_tls {
        let message = format!("`{}` can be reached from other machines, and tokens travel in the clear", listen.value);
        r.sink.push(
            Diagnostic::warning(codes::PLAIN_HTTP, message, listen.place.clone())
                .help("add [api.tls] with `cert` and `key`, unless something in front of it speaks TLS"),
        );
    }
}

fn tls(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> Option<TlsSettings> {
    let (cert, key) = (r.path(fields, "cert"), r.path(fields, "key"));
    let has_cert = fields.required("cert", "name the PEM file of the certificate: cert = \"tls.crt\"", r.sink);
    let has_key = fields.required("key", "name the PEM file of the key: key = \"tls.key\"", r.sink);
    has_cert.and(has_key)?;
    Some(TlsSettings { cert: cert?, key: key? })
}

fn limits(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> ApiLimits {
    let usual = ApiLimits::default();
    let size = |key, fields: &mut Fields<'_>, r: &mut Reader<'_>| {
        amount(fields, r, key, address::bytes, "a size", "write it as \"64KiB\" or \"1MiB\"")
    };
    let rate = |key, fields: &mut Fields<'_>, r: &mut Reader<'_>| {
        amount(fields, r, key, address::rate, "a rate", "write it as \"100/s\" or \"30/m\"")
    };
    ApiLimits {
        body: size("body", fields, r).unwrap_or(usual.body),
        large_body: size("large_body", fields, r).unwrap_or(usual.large_body),
        connections: r.count(fields, "connections", 65_536).filter(|n| *n > 0).unwrap_or(usual.connections),
        calls: rate("calls", fields, r).unwrap_or(usual.calls),
        pushes: rate("pushes", fields, r).unwrap_or(usual.pushes),
        head: r.duration(fields, "head", "100ms", "1m").unwrap_or(usual.head),
        call: r.duration(fields, "call", "1s", "10m").unwrap_or(usual.call),
    }
}

fn amount<T>(
    fields: &mut Fields<'_>,
    r: &mut Reader<'_>,
    key: &'static str,
    parse: fn(&str) -> Option<T>,
    what: &str,
    help: &str,
) -> Option<T> {
    let entry = fields.get(key)?;
    if let Value::Integer(_) | Value::Float(_) = entry.node.value {
        let message = format!("`{key}` is a number without a unit");
        r.sink.push(Diagnostic::error(shared::UNIT_MISSING, message, entry.node.place.clone()).help(help));
        return None;
    }
    let found = fields.text(key, r.sink)?;
    let value = parse(&found.value);
    if value.is_none() {
        let message = format!("`{}` is not {what}", found.value);
        r.sink.push(Diagnostic::error(codes::AMOUNT, message, found.place).help(help));
    }
    value
}

fn tokens(entry: &Entry, r: &mut Reader<'_>) -> Vec<TokenSettings> {
    let nodes = r.tables(entry, "api.tokens");
    if nodes.is_empty() {
        let message = "`tokens` is empty: nobody could call";
        r.sink.push(Diagnostic::error(shared::EMPTY, message, entry.node.place.clone()));
    }
    let mut known = Known::default();
    nodes.into_iter().filter_map(|node| token(node, &entry.key_place, &mut known, r)).collect()
}

/// What the tokens before this one have.
#[derive(Default)]
struct Known {
    names: Vec<At<String>>,
}

fn unique(found: &At<String>, what: &str, known: &mut Vec<At<String>>, r: &mut Reader<'_>) {
    if let Some(first) = known.iter().find(|other| other.value == found.value) {
        let message = format!("two tokens {what} `{}`", found.value);
        let twice = Diagnostic::error(shared::DUPLICATE, message, found.place.clone());
        r.sink.push(twice.also(first.place.clone(), "also here"));
    }
    known.push(found.clone());
}

fn token(node: &Node, place: &Place, known: &mut Known, r: &mut Reader<'_>) -> Option<TokenSettings> {
    let place = if node.place.span.is_empty() { place } else { &node.place };
    let mut fields = Fields::of(node, place, "a token", r.sink)?;
    let name = fields.text("name", r.sink);
    let roles = [
        ("sender", ApiRole::Sender),
        ("viewer", ApiRole::Viewer),
        ("operator", ApiRole::Operator),
        ("admin", ApiRole::Admin),
    ];
    let role = fields.word("role", &roles, r.sink);
    let expires = fields.get("expires").and_then(|entry| expiry(entry, r));
    let has_name = fields.required("name", "name who holds it, as the ledger will show: name = \"ci\"", r.sink);
    let has_role = fields.required("role", "sender, viewer, operator or admin", r.sink);
    let help = "as `rollgate token new` printed it; by hand: printf %s \"$TOKEN\" | sha256sum";
    let sha256 = fields.required("sha256", help, r.sink).and_then(|entry| hash(entry, r));
    fields.finish(r.sink);
    name.iter().for_each(|name| unique(name, "are called", &mut known.names, r));
    has_name.and(has_role)?;
    Some(TokenSettings { name: r.name(name?, "name")?, role: role?.value, sha256: sha256?, expires })
}

/// 64 hex digits. Anything else may be the token itself, and is not shown.
fn hash(entry: &Entry, r: &mut Reader<'_>) -> Option<[u8; 32]> {
    let Value::Text(text) = &entry.node.value else {
        r.hidden.value(&entry.node);
        wrong_type(r.sink, &entry.node.place, "sha256", "a text of 64 hex digits", &entry.node.value);
        return None;
    };
    let bytes = unhex(text);
    if bytes.is_none() {
        r.hidden.value(&entry.node);
        r.sink.push(
            Diagnostic::error(codes::TOKEN_HASH, "`sha256` is not 64 hex digits", entry.node.place.clone())
                .label("not shown here")
                .help("hash the token: printf %s \"$TOKEN\" | sha256sum"),
        );
    }
    bytes
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// A time, as a text or as TOML writes one.
fn expiry(entry: &Entry, r: &mut Reader<'_>) -> Option<Time> {
    let written = match &entry.node.value {
        Value::Text(text) | Value::Date(text) => text,
        other => {
            wrong_type(r.sink, &entry.node.place, "expires", "a time", other);
            return None;
        }
    };
    let time = Time::parse(written).ok();
    if time.is_none() {
        let message = format!("`{written}` is not a time");
        r.sink.push(
            Diagnostic::error(shared::BAD_TIME, message, entry.node.place.clone())
                .help("write it with its zone: 2027-01-31T00:00:00Z"),
        );
    }
    time
}
