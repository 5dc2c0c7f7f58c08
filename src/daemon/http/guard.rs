//! What every call passes before a handler sees it: the right host, a rate, a token, a deadline; and whatever happens in
//! a handler, an answer.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;

use super::app::{App, Caller, From_};
use super::limits::Kind;
use super::problem::Problem;
use crate::daemon::traces::{self, Context, Span};
use crate::shell::clock::{self, Stopwatch};

/// The last part of the path of the one verb that is never limited.
pub(super) const EMERGENCY: &str = "/emergency-disable";

/// Passes a call on, or answers it.
pub(super) async fn pass(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let started = Stopwatch::start();
    let method = request.method().as_str().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let mut span = begun(&app, &method, &route, &request);
    let response = match admit(&app, &request) {
        Err(problem) => problem.into_response(),
        Ok(caller) => {
            span.set("rollgate.caller", &*caller.name);
            request.extensions_mut().insert(caller);
            let limit = app.limits.call;
            // A handler that panics has answered nothing yet, and shares nothing that it could have left half done.
            let answered = span.around(AssertUnwindSafe(next.run(request)).catch_unwind());
            match tokio::time::timeout(limit, answered).await {
                Ok(Ok(response)) => response,
                Ok(Err(_)) => Problem::failed("a bug in rollgate: this call could not be answered").into_response(),
                Err(_) => too_late().into_response(),
            }
        }
    };
    let status = response.status();
    ended(span, status);
    if status.is_server_error() {
        tracing::warn!(method, route, status = status.as_u16(), "call failed");
    }
    app.telemetry.answered(&method, &route, status.as_u16(), started.seconds());
    response
}

/// The span of a call, part of the caller's trace where it tells of one. Those who look whether all is well look often,
/// and are no part of what happens.
fn begun(app: &App, method: &str, route: &str, request: &Request) -> Span {
    let tracer = app.telemetry.tracer();
    if !tracer.is_on() || !route.starts_with("/v1/") {
        return Span::none();
    }
    let parent = request.headers().get("traceparent").and_then(|value| value.to_str().ok()).and_then(Context::parse);
    let mut span = tracer.begin_under(parent, format!("{method} {route}"), traces::Kind::Server);
    span.set("http.request.method", method);
    span.set("http.route", route);
    if request.method() != Method::GET && !super::routes::is_push(route) {
        // An order, whatever share of the pushes is told.
        span.keep();
    }
    span
}

fn ended(mut span: Span, status: StatusCode) {
    span.set("http.response.status_code", u64::from(status.as_u16()));
    if status.is_server_error() {
        span.fail(status.to_string());
    }
}

fn too_late() -> Problem {
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "too-late", "the call took too long")
        .help("an order may still be carried out: repeat it with the same `idempotency-key`")
}

fn admit(app: &App, request: &Request) -> Result<Caller, Problem> {
    let peer = request.extensions().get::<From_>().map_or(IpAddr::from([0, 0, 0, 0]), |from| from.0);
    let anonymous = Caller::without_token(app.trusts_loopback && peer.to_canonical().is_loopback(), peer);
    if let Some(hosts) = &app.hosts
        && let Err((code, problem)) = right_host(request.headers(), request.uri().host(), hosts)
    {
        app.stranger(peer)?;
        app.denied(&anonymous, request.uri().path(), None, "called under another name".to_owned(), code);
        return Err(problem);
    }
    let caller = match bearer(request.headers())? {
        None => anonymous,
        Some(text) => match app.tokens.check(text, clock::now()) {
            Ok(token) => Caller::of(token, token.sha256 == app.local, peer),
            Err(why) => {
                app.stranger(peer)?;
                let code = if why == crate::daemon::tokens::NotTaken::Expired { "expired" } else { "unknown" };
                app.denied(&anonymous, request.uri().path(), None, why.to_string(), code);
                let problem = Problem::new(StatusCode::UNAUTHORIZED, "token", why.to_string());
                let challenge = header::HeaderValue::from_static("Bearer error=\"invalid_token\"");
                return Err(problem
                    .help("`rollgate token new` makes one; its hash goes into the settings")
                    .header(header::WWW_AUTHENTICATE, challenge));
            }
        },
    };
    if !request.uri().path().ends_with(EMERGENCY) {
        app.spend(&caller, if super::routes::is_push(request.uri().path()) { Kind::Push } else { Kind::Call })?;
    }
    Ok(caller)
}

/// The token of a call, if it carries one.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|text| text.split_once(' '));
    match token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(Problem::new(StatusCode::UNAUTHORIZED, "token", "the `authorization` header is no bearer token")
            .help("send it as `Authorization: Bearer TOKEN`")
            .header(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"))),
    }
}

/// A server that trusts its own machine must be called by that machine's name, or any page in a browser could call it
/// under a name that resolves here.
fn right_host(headers: &HeaderMap, in_target: Option<&str>, hosts: &[String]) -> Result<(), (&'static str, Problem)> {
    let host = in_target.or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    if !host.is_some_and(|host| is_here(host, hosts)) {
        let problem = Problem::new(StatusCode::MISDIRECTED_REQUEST, "host", "called under a name that is not its own");
        return Err(("host", problem.help("call it as localhost, or name the host under `hosts` in the settings")));
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    if origin.is_some_and(|host| is_here(host, hosts)) {
        return Ok(());
    }
    Err(("origin", Problem::new(StatusCode::FORBIDDEN, "origin", "a page of another site may not call this server")))
}

/// Whether a host, with or without a port, is this machine or one of the names set.
fn is_here(host: &str, hosts: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_loopback = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback || name.eq_ignore_ascii_case("localhost") || hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("localhost", true)]
    #[case("localhost:8080", true)]
    #[case("LOCALHOST", true)]
    #[case("127.0.0.1:8080", true)]
    #[case("127.9.9.9", true)]
    #[case("[::1]:8080", true)]
    #[case("rollgate.internal:443", true)]
    #[case("evil.example", false)]
    #[case("localhost.evil.example", false)]
    #[case("127.0.0.1.evil.example:80", false)]
    #[case("10.0.0.1", false)]
    #[case("", false)]
    #[case("[", false)]
    fn a_host_is_this_machine_or_one_of_the_names_set(#[case] host: &str, #[case] here: bool) {
        assert_eq!(is_here(host, &["rollgate.internal".to_owned()]), here);
    }
}
