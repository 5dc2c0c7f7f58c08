//! What happens, as it happens, to whoever listens. Each listener has a bounded backlog; one that does not keep up is
//! told so and cut off, and nobody else notices. What was missed is in the ledger.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::app::{App, Caller, stopped};
use super::problem::Problem;
use super::reads::{Asked, asked};
use crate::daemon::desk::Notice;
use crate::daemon::telemetry::Telemetry;
use crate::daemon::tokens::Need;
use crate::ledger::hash::Key;

/// A line now and then, so that neither end takes a quiet connection for a dead one.
const STILL_HERE: Duration = Duration::from_secs(15);

/// One thing that happened, written once for all listeners.
#[derive(Debug, Clone)]
struct Told {
    kind: &'static str,
    /// Where in a ledger whoever comes back goes on reading: `checkout/production/17`.
    id: Option<Arc<str>>,
    text: Arc<str>,
}

struct Listener {
    rollout: Option<String>,
    environment: Option<String>,
    sender: mpsc::Sender<Told>,
}

/// Everybody who listens.
pub(super) struct Hub {
    listeners: Mutex<Vec<Listener>>,
    telemetry: Arc<Telemetry>,
}

impl Hub {
    pub(super) fn new(telemetry: Arc<Telemetry>) -> Hub {
        Hub { listeners: Mutex::default(), telemetry }
    }

    /// Tells whoever wants to know. Never blocks.
    pub(super) fn tell(&self, notice: &Notice) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if listeners.is_empty() {
            return;
        }
        let (kind, key, id) = match notice {
            Notice::Entry { key, seq, .. } => {
                ("entry", key, Some(format!("{}/{}/{seq}", key.rollout, key.environment)))
            }
            Notice::Decision { key, id, .. } => ("decision", key, id.clone()),
            Notice::PolicyRejected { key, .. } => ("policy-rejected", key, None),
        };
        // A line of its own in the stream.
        let id = id.filter(|id| !id.contains(char::is_control)).map(Arc::from);
        let told = Told { kind, id, text: Arc::from(serde_json::to_string(notice).unwrap_or_default()) };
        listeners.retain(|listener| {
            if !listener.wants(key) {
                return !listener.sender.is_closed();
            }
            match listener.sender.try_send(told.clone()) {
                Ok(()) => true,
                // Dropping the sender ends the stream behind what waits in it, and its end says why.
                Err(TrySendError::Full(_)) => {
                    self.telemetry.event_cut();
                    false
                }
                Err(TrySendError::Closed(_)) => false,
            }
        });
    }

    fn listen(&self, wanted: Wanted, most: usize, backlog: usize) -> Option<mpsc::Receiver<Told>> {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| !listener.sender.is_closed());
        if listeners.len() >= most {
            return None;
        }
        let (sender, receiver) = mpsc::channel(backlog);
        listeners.push(Listener { rollout: wanted.rollout, environment: wanted.environment, sender });
        Some(receiver)
    }
}

impl Listener {
    fn wants(&self, key: &Key) -> bool {
        self.rollout.as_ref().is_none_or(|name| key.rollout.as_str() == name)
            && self.environment.as_ref().is_none_or(|name| key.environment.as_str() == name)
    }
}

/// What a listener wants to hear of.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    rollout: Option<String>,
    environment: Option<String>,
}

enum End {
    TooSlow,
    Stopping,
}

/// `GET /v1/events`.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Asked<Wanted>,
) -> Result<Response, Problem> {
    app.must(&caller, Need::Read, "listen to events", None)?;
    let limits = &app.limits;
    let Some(receiver) = app.hub.listen(asked(query)?, limits.listeners, limits.backlog) else {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "listeners", "too many listen already");
        return Err(problem.help("listen to one stream and pass it on").retry_after(30));
    };
    let stopping = app.stopping.clone();
    let events = stream::unfold(Some((receiver, stopping)), |state| async move {
        let (mut receiver, stopping) = state?;
        let told = tokio::select! {
            biased;
            () = stopped(stopping.clone()) => Err(End::Stopping),
            told = receiver.recv() => told.ok_or(End::TooSlow),
        };
        let end = match told {
            Ok(told) => {
                let event = Event::default().event(told.kind);
                let event = match told.id {
                    Some(id) => event.id(id),
                    None => event,
                };
                return Some((Ok::<_, Infallible>(event.data(&*told.text)), Some((receiver, stopping))));
            }
            Err(end) => end,
        };
        let why = match end {
            End::TooSlow => {
                r#"{"why":"this listener was too slow and has missed events: read the ledger, then listen again"}"#
            }
            End::Stopping => r#"{"why":"the controller stops"}"#,
        };
        Some((Ok(Event::default().event("cut").data(why)), None))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(STILL_HERE)).into_response())
}
