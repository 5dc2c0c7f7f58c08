//! Snapshots in: durable before they are acknowledged.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::app::{App, Caller};
use super::body::{self, Shape};
use super::problem::Problem;
use super::snapshots;
use crate::daemon::desk::{Accepted, Heard, NotAccepted};
use crate::daemon::tokens::Need;
use crate::model::snapshot::Snapshot;
use crate::shell::clock::Stopwatch;

/// `POST /v1/snapshots`.
pub(super) async fn push(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    app.must(&caller, Need::Send, "push snapshots", None)?;
    let (head, body) = request.into_parts();
    let snapshots = match unpacked(&app, &head.headers, body).await {
        Ok(snapshots) => snapshots,
        Err(problem) => {
            unread(&app, &caller, &app.source, &problem);
            return Err(problem);
        }
    };
    let accepted = hand_in(&app, &app.source, snapshots).await?;
    Ok((StatusCode::ACCEPTED, Json(accepted)).into_response())
}

async fn unpacked(app: &App, headers: &HeaderMap, body: Body) -> Result<Vec<Snapshot>, Problem> {
    let shape = body::shape(headers, &[Shape::Json, Shape::JsonLines])?;
    let text = body::read(headers, body, app.limits.body).await?;
    snapshots::read(&text, shape)
}

/// A push that could not be read is told where the source's health is shown, and names its sender: which rollout it was
/// for is not known.
pub(super) fn unread(app: &App, caller: &Caller, source: &str, problem: &Problem) {
    let is_too_large = problem.status() == StatusCode::PAYLOAD_TOO_LARGE;
    app.telemetry.received(if is_too_large { "too_large" } else { "malformed" }, 1);
    let why = format!("a push of {} was turned away: {}", caller.name, problem.title());
    app.desk.heard(source, None, &Heard::Refused(&why));
}

/// Hands snapshots in; they are on disk when this returns.
pub(super) async fn hand_in(app: &App, source: &str, snapshots: Vec<Snapshot>) -> Result<Accepted, Problem> {
    let started = Stopwatch::start();
    let count = snapshots.len() as u64;
    let answer = app.ask(|reply| app.desk.push(source, snapshots, reply)).await?;
    let result = match &answer {
        Ok(_) => "accepted",
        Err(NotAccepted::Unknown(_)) => "unknown",
        Err(NotAccepted::Ambiguous(_)) => "ambiguous",
        Err(NotAccepted::Impossible(_)) => "impossible",
        Err(NotAccepted::Busy(_)) => "busy",
        Err(NotAccepted::NotKept(_)) => "not_kept",
    };
    app.telemetry.received(result, count);
    if answer.is_ok() {
        app.telemetry.kept(started.seconds());
    }
    Ok(answer?)
}
