//! Every refusal: `application/problem+json` that says what was wrong, where, and how to mend it. It never repeats a
//! token, and a caller's own words only in backticks.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::control::OperateError;
use crate::daemon::desk::NotAccepted;
use crate::daemon::wire::ErrorBody;
use crate::ports::store::StoreError;

/// Why a call was refused.
#[derive(Debug)]
pub(super) struct Problem(Box<Told>);

#[derive(Debug, Serialize)]
struct Told {
    #[serde(serialize_with = "number")]
    status: StatusCode,
    /// A word for programs; stable.
    code: &'static str,
    /// What was wrong: lower-case, no full stop.
    title: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    /// Where in the body, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// Which field, as a JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The same for the client of this very program.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, title: impl Into<String>) -> Problem {
        let title = title.into();
        let told = Told { status, code, title, help: None, line: None, field: None, error: None, headers: Vec::new() };
        Problem(Box::new(told))
    }

    pub(super) fn bad(code: &'static str, title: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, code, title)
    }

    pub(super) fn wrong(code: &'static str, title: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, title)
    }

    pub(super) fn missing(code: &'static str, title: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, code, title)
    }

    pub(super) fn conflict(code: &'static str, title: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, code, title)
    }

    /// A bug, or a thread that is gone.
    pub(super) fn failed(title: impl Into<String>) -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", title)
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Problem {
        self.0.help = Some(help.into());
        self
    }

    pub(super) fn line(mut self, line: usize) -> Problem {
        self.0.line = Some(line);
        self
    }

    pub(super) fn field(mut self, field: impl Into<String>) -> Problem {
        self.0.field = Some(field.into());
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.0.headers.push((name, value));
        self
    }

    /// What was wrong, for whoever reads it elsewhere.
    pub(super) fn title(&self) -> &str {
        &self.0.title
    }

    pub(super) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The same under another status, for callers that understand only that one.
    pub(super) fn with_status(mut self, status: StatusCode) -> Problem {
        self.0.status = status;
        self
    }

    /// Says when to come back.
    pub(super) fn retry_after(self, seconds: u64) -> Problem {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let headers = std::mem::take(&mut self.0.headers);
        let mut response = (self.0.status, Json(self.0)).into_response();
        let shape = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, shape);
        response.headers_mut().extend(headers);
        response
    }
}

impl From<NotAccepted> for Problem {
    fn from(why: NotAccepted) -> Problem {
        let title = why.to_string();
        match why {
            NotAccepted::Unknown(_) => {
                Problem::missing("unknown-rollout", title).help("`rollout` and `environment` name one that runs here")
            }
            NotAccepted::Ambiguous(_) => {
                Problem::conflict("ambiguous", title).help("say which with `rollout` and `environment`")
            }
            NotAccepted::Impossible(_) => {
                Problem::wrong("impossible", title).help("check the sender's clock and what it measures")
            }
            NotAccepted::Busy(_) => Problem::new(StatusCode::TOO_MANY_REQUESTS, "busy", title)
                .help("send it again after the time in `retry-after`")
                .retry_after(1),
            NotAccepted::NotKept(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-kept", title)
                .help("nothing of it was kept: send it again")
                .retry_after(5),
        }
    }
}

impl From<OperateError> for Problem {
    fn from(error: OperateError) -> Problem {
        let title = error.to_string();
        let mut problem = match &error {
            OperateError::Unknown(_) => {
                Problem::missing("never-started", title).help("begin with: POST /v1/rollouts/{name}/start")
            }
            OperateError::Policy(_) => Problem::wrong("policy", title).help("see all of it with: rollgate check"),
            OperateError::Unwritable(_) => Problem::failed(title),
            OperateError::Denied(_) => Problem::new(StatusCode::FORBIDDEN, "role", title),
            OperateError::Store(error) => {
                let (status, code) = match error {
                    StoreError::Conflict(_) | StoreError::StaleGeneration { .. } => (StatusCode::CONFLICT, "overtaken"),
                    StoreError::NotLeader { .. } => (StatusCode::SERVICE_UNAVAILABLE, "not-leader"),
                    StoreError::Unavailable(_) | StoreError::Refused(_) | StoreError::Missing(_) => {
                        (StatusCode::SERVICE_UNAVAILABLE, "store-unavailable")
                    }
                    StoreError::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "store-busy"),
                    StoreError::Full(_) => (StatusCode::INSUFFICIENT_STORAGE, "store-full"),
                    StoreError::OtherVersion { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "store-version"),
                    StoreError::Corrupt { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "store-damaged"),
                };
                Problem::new(status, code, title).help(error.help())
            }
        };
        problem.0.error = Some(ErrorBody::from(&error));
        problem
    }
}
