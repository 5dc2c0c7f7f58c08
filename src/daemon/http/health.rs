//! Alive, and ready. Both answer without a token: a probe has none.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::app::App;

#[derive(Serialize)]
struct Ready {
    ready: bool,
    /// What is missing, one sentence each.
    reasons: Vec<String>,
}

/// `GET /livez`: the server answers, so it lives.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// `GET /readyz`.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let mut reasons = app.desk.unready();
    if *app.stopping.borrow() {
        reasons.push("the controller stops".to_owned());
    }
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready: reasons.is_empty(), reasons })).into_response()
}
