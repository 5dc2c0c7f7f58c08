//! The readings of the last hours, as they came in: a recording is made of them. Sent as they are read, so that neither
//! end holds all of them.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::app::{App, Caller};
use super::problem::Problem;
use super::reads::{Asked, asked};
use super::which::find;
use crate::daemon::tokens::Need;
use crate::daemon::wire::{RecordedEnd, RecordedLine};
use crate::model::time::Time;

/// How much is put together before it is sent.
const AT_ONCE: usize = 64 << 10;
/// How many of those may wait for a reader that is slow.
const WAITING: usize = 4;

/// From when on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From_ {
    environment: Option<String>,
    since: Option<String>,
}

/// `GET /v1/rollouts/{name}/snapshots`.
pub(super) async fn recorded(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    query: Asked<From_>,
) -> Result<Response, Problem> {
    app.must(&caller, Need::Read, "read snapshots", None)?;
    let asked = asked(query)?;
    let view = find(&app, &name, asked.environment.as_deref())?;
    let since = match asked.since.as_deref().map(Time::parse) {
        None => Time::NEVER,
        Some(Ok(since)) => since,
        Some(Err(error)) => return Err(Problem::bad("query", error.to_string()).field("since")),
    };
    let (desk, key) = (Arc::clone(&app.desk), view.standing.key.clone());
    let (sender, receiver) = mpsc::channel::<Bytes>(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut text: Vec<u8> = Vec::with_capacity(AT_ONCE);
        // Whoever hung up needs nothing more; reading on is cheaper than a way to stop.
        let send = |text: &mut Vec<u8>| sender.blocking_send(Bytes::from(std::mem::take(text))).is_ok();
        let mut listens = true;
        let read = desk.snapshots(&key, since, &mut |at, snapshot| {
            if !listens {
                return;
            }
            put(&mut text, &RecordedLine::Snapshot { at, snapshot });
            if text.len() >= AT_ONCE {
                listens = send(&mut text);
            }
        });
        // The last line says that there are no more: a stream that was cut off has none.
        let end = match read {
            Ok(damaged) => RecordedEnd { damaged, problem: None },
            Err(error) => RecordedEnd { damaged: 0, problem: Some(error.to_string()) },
        };
        put(&mut text, &RecordedLine::End(end));
        send(&mut text)
    });
    let body = stream::unfold(receiver, |mut receiver| async move {
        let chunk = receiver.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(chunk), receiver))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response())
}

fn put(text: &mut Vec<u8>, line: &RecordedLine) {
    // Plain data: there is nothing in it that JSON cannot say.
    if serde_json::to_writer(&mut *text, line).is_ok() {
        text.push(b'\n');
    }
}
