//! What others push in their own formats: OTLP metrics, and Alertmanager's webhook. The settings say which of their
//! names are which metrics; every source of that kind takes what is its own out of a push.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::app::{App, Caller};
use super::body::{self, Shape};
use super::mapped;
use super::problem::Problem;
use super::push::{self, hand_in};
use crate::adapters::source::push::{Decoded, alertmanager, otlp};
use crate::daemon::desk::Heard;
use crate::daemon::tokens::Need;
use crate::ledger::hash::Key;
use crate::model::time::Time;
use crate::ports::source::SourceError;
use crate::settings::sources::{SourceKind, SourceSettings};
use crate::shell::clock;

/// `POST /v1/otlp/v1/metrics`, and `/v1/metrics`, where exporters post by themselves.
pub(super) async fn otlp(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    app.must(&caller, Need::Send, "push OTLP metrics", None)?;
    let is_otlp = |source: &&SourceSettings| matches!(source.kind, SourceKind::Otlp(_));
    let push = Push { app: &app, caller: &caller, kind: "otlp", wanted: &is_otlp };
    let (head, body) = request.into_parts();
    let (shapes, most) = ([Shape::Protobuf, Shape::Json], app.limits.large_body);
    let body = push.read(unpacked(&head.headers, body, &shapes, most).await)?;
    let said = content_type(&head.headers);
    let all = take(&push, |source, key, at| match &source.kind {
        SourceKind::Otlp(own) => {
            otlp::decode(&body, said, &mapped::otlp(source, own, key, |metric| app.desk.kind(key, metric)), at)
        }
        _ => Ok(Decoded::default()),
    })
    .await?;
    let (shape, answer) = otlp::answer(&all, said).map_err(unread)?;
    Ok(([(header::CONTENT_TYPE, shape)], answer).into_response())
}

#[derive(Serialize)]
struct Taken {
    rejected: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// `POST /v1/alertmanager`. Alertmanager sends again only what was answered with a 5xx, so whatever may be mended by
/// sending again is one.
pub(super) async fn alertmanager(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    app.must(&caller, Need::Send, "push alerts", None)?;
    let is_own = |source: &&SourceSettings| matches!(source.kind, SourceKind::Alertmanager(_));
    let push = Push { app: &app, caller: &caller, kind: "alertmanager", wanted: &is_own };
    let (head, body) = request.into_parts();
    let body = push.read(unpacked(&head.headers, body, &[Shape::Json], app.limits.body).await)?;
    let said = content_type(&head.headers);
    let taken = take(&push, |source, key, at| match &source.kind {
        SourceKind::Alertmanager(own) => alertmanager::decode(&body, said, &mapped::alertmanager(source, own, key), at),
        _ => Ok(Decoded::default()),
    });
    let all = taken.await.map_err(|problem| match problem.status() {
        StatusCode::TOO_MANY_REQUESTS => problem.with_status(StatusCode::SERVICE_UNAVAILABLE),
        _ => problem,
    })?;
    Ok(Json(Taken { rejected: all.rejected, message: all.message }).into_response())
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn unpacked(headers: &HeaderMap, body: Body, shapes: &[Shape], most: usize) -> Result<Bytes, Problem> {
    let shape = body::shape(headers, shapes)?;
    let body = body::read(headers, body, most).await?;
    if shape == Shape::Json {
        body::shallow(&body)?;
    }
    Ok(body)
}

/// A push for the sources of one kind.
struct Push<'a> {
    app: &'a App,
    caller: &'a Caller,
    kind: &'static str,
    wanted: &'a (dyn Fn(&&SourceSettings) -> bool + Sync),
}

impl Push<'_> {
    fn sources(&self) -> impl Iterator<Item = &SourceSettings> {
        self.app.sources.iter().filter(self.wanted)
    }

    /// What could not be read is told of every source that it may have been for.
    fn read<T>(&self, outcome: Result<T, Problem>) -> Result<T, Problem> {
        if let Err(problem) = &outcome {
            self.sources().for_each(|source| push::unread(self.app, self.caller, &source.name, problem));
        }
        outcome
    }
}

/// Lets every source of a kind take what is its own, for each rollout that it feeds; what was taken is on disk.
async fn take(
    push: &Push<'_>,
    decode: impl Fn(&SourceSettings, &Key, Time) -> Result<Decoded, SourceError>,
) -> Result<Decoded, Problem> {
    let (at, app, kind) = (clock::now(), push.app, push.kind);
    let keys: Vec<Key> = app.desk.views().iter().map(|view| view.standing.key.clone()).collect();
    let mut all = Decoded::default();
    let mut sources = 0_usize;
    for source in push.sources() {
        sources = sources.saturating_add(1);
        let fed = |key: &&Key| source.rollouts.is_empty() || source.rollouts.contains(&key.rollout);
        for (at_key, key) in keys.iter().filter(fed).enumerate() {
            let decoded = push.read(decode(source, key, at).map_err(unread))?;
            if !decoded.snapshots.is_empty() {
                hand_in(app, &source.name, decoded.snapshots).await?;
            }
            app.desk.heard(&source.name, Some(key), &Heard::Read(decoded.message.as_deref()));
            // The same points are rejected for every rollout; they are one sender's one fault.
            if at_key == 0 {
                all.rejected = all.rejected.saturating_add(decoded.rejected);
                all.unmapped = all.unmapped.saturating_add(decoded.unmapped);
                all.message = all.message.or(decoded.message);
            }
        }
    }
    if sources == 0 {
        let problem = Problem::missing("no-source", format!("the settings name no source of the kind {kind}"));
        return Err(problem.help(format!("add one: [[sources]] with kind = \"{kind}\" and what its names stand for")));
    }
    Ok(all)
}

fn unread(error: SourceError) -> Problem {
    match error {
        SourceError::Refused(why) => {
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", why).help("see docs/api.md")
        }
        other => Problem::bad("malformed", other.to_string()).help("send it as its specification says"),
    }
}
