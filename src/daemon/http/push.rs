//! Snapshots in: durable before they are acknowledged.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::app::{App, Caller};
use super::body::{self, Shape};
use super::problem::Problem;
use super::snapshots;
use crate::daemon::desk::{Accepted, NotAccepted};
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
    let shape = body::shape(&head.headers, &[Shape::Json, Shape::JsonLines])?;
    let text = body::read(&head.headers, body, app.limits.body).await?;
    let snapshots = match snapshots::read(&text, shape) {
        Ok(snapshots) => snapshots,
        Err(problem) => {
            app.telemetry.received("malformed", 1);
            return Err(problem);
        }
    };
    let accepted = hand_in(&app, &app.source, snapshots).await?;
    Ok((StatusCode::ACCEPTED, Json(accepted)).into_response())
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
