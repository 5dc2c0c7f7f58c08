//! How things stand: read from what rollouts publish, without waiting for any of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use super::app::{App, Caller};
use super::problem::Problem;
use super::which::find;
use crate::control::PolicyRecord;
use crate::daemon::desk::{PolicyFiles, View};
use crate::daemon::tokens::Need;
use crate::daemon::wire::CheckBody;
use crate::ledger::hash::Key;
use crate::model::decision::Decision;
use crate::model::ids::Digest;
use crate::report::json::Envelope;
use crate::report::status::why;
use crate::shell::clock;

type Answer = Result<Response, Problem>;

/// Which environment is meant.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Where {
    pub(super) environment: Option<String>,
}

/// What a query string says.
pub(super) type Asked<T> = Result<Query<T>, axum::extract::rejection::QueryRejection>;

/// Reads a query string.
pub(super) fn asked<T>(query: Asked<T>) -> Result<T, Problem> {
    query.map(|Query(asked)| asked).map_err(|error| {
        let text = error.body_text();
        let why = text.rsplit(": ").next().unwrap_or_default().to_owned();
        Problem::bad("query", format!("the query cannot be read: {why}"))
            .help("GET /openapi.json describes every query")
    })
}

#[derive(Serialize)]
struct Rollouts {
    rollouts: Vec<View>,
}

/// `GET /v1/rollouts`.
pub(super) async fn rollouts(State(app): State<Arc<App>>, Extension(caller): Extension<Caller>) -> Answer {
    app.must(&caller, Need::Read, "list rollouts", None)?;
    let rollouts = app.desk.views().iter().map(|view| of_now(view)).collect();
    Ok(Json(Envelope::new("rollouts", Rollouts { rollouts })).into_response())
}

/// `GET /v1/rollouts/{name}`.
pub(super) async fn rollout(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    query: Asked<Where>,
) -> Answer {
    app.must(&caller, Need::Read, "read a rollout", None)?;
    let view = find(&app, &name, asked(query)?.environment.as_deref())?;
    Ok(Json(Envelope::new("rollout", of_now(&view))).into_response())
}

/// As published, but for how long it has been so; and why, as the last decision has it.
fn of_now(view: &View) -> View {
    let mut view = view.clone();
    view.standing.lasted = clock::now().since(view.standing.since);
    if let Some(why) = view.seen.decision.as_ref().and_then(|decision| why(&view.standing, decision)) {
        view.standing.why = why;
    }
    view
}

/// `GET /v1/rollouts/{name}/check`: everything the store says about a rollout, looked at by whoever has the store.
pub(super) async fn check(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    query: Asked<Where>,
) -> Answer {
    app.must(&caller, Need::Read, "check a ledger", None)?;
    let view = find(&app, &name, asked(query)?.environment.as_deref())?;
    let key = view.standing.key.clone();
    let checked = app.look(move |desk| desk.check(&key)).await?;
    Ok(Json(Envelope::new("check", CheckBody::new(&checked))).into_response())
}

/// `GET /v1/rollouts/{name}/explain`.
pub(super) async fn explain(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    query: Asked<Where>,
) -> Answer {
    app.must(&caller, Need::Read, "explain a decision", None)?;
    let view = find(&app, &name, asked(query)?.environment.as_deref())?;
    match &view.seen.decision {
        Some(decision) => Ok(Json::<&Decision>(decision).into_response()),
        None => {
            let title = format!("{} was not evaluated yet", view.standing.key);
            Err(Problem::missing("no-decision", title).help("it is after `start`, with the first snapshot"))
        }
    }
}

/// `GET /v1/decisions/{id}`: the record as it was put.
pub(super) async fn decision(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    app.must(&caller, Need::Read, "read a decision", None)?;
    let wanted = id.clone();
    match app.look(move |desk| desk.decision(&wanted)).await? {
        Some(record) => Ok(([(header::CONTENT_TYPE, "application/json")], record).into_response()),
        None => Err(Problem::missing("no-decision", format!("there is no decision `{id}`"))
            .help("GET /v1/rollouts/{name}/decisions lists them")),
    }
}

#[derive(Serialize)]
struct Governing<'a> {
    #[serde(flatten)]
    key: &'a Key,
    in_force: Option<&'a Digest>,
    problem: Option<&'a str>,
    files: &'a PolicyFiles,
    policy: Option<PolicyRecord>,
}

/// `GET /v1/rollouts/{name}/policy`.
pub(super) async fn policy_of(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    query: Asked<Where>,
) -> Answer {
    app.must(&caller, Need::Read, "read a policy", None)?;
    let view = find(&app, &name, asked(query)?.environment.as_deref())?;
    let standing = &view.standing;
    let policy = match standing.policy.clone() {
        Some(digest) => app.look(move |desk| desk.policy(&digest)).await?,
        None => None,
    };
    let governing = Governing {
        key: &standing.key,
        in_force: standing.policy.as_ref(),
        problem: standing.policy_problem.as_deref(),
        files: &view.seen.files,
        policy,
    };
    Ok(Json(Envelope::new("policy", governing)).into_response())
}

#[derive(Serialize)]
struct Policies {
    policies: Vec<Digest>,
}

/// `GET /v1/policies`.
pub(super) async fn policies(State(app): State<Arc<App>>, Extension(caller): Extension<Caller>) -> Answer {
    app.must(&caller, Need::Read, "list policies", None)?;
    let policies = app.look(|desk| desk.policies()).await?;
    Ok(Json(Envelope::new("policies", Policies { policies })).into_response())
}

/// `GET /v1/policies/{digest}`: the record, by its digest or a beginning of it that only one has.
pub(super) async fn policy(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(digest): Path<String>,
) -> Answer {
    app.must(&caller, Need::Read, "read a policy", None)?;
    Ok(Json(by_digest(&app, &digest).await?).into_response())
}

/// The policy with that digest, or with the only one that begins so.
pub(super) async fn by_digest(app: &App, digest: &str) -> Result<PolicyRecord, Problem> {
    let wanted = digest.to_ascii_lowercase();
    let found = app
        .look(move |desk| {
            let mut all = desk.policies()?.into_iter().filter(|known| known.as_str().starts_with(&wanted));
            match (all.next(), all.next()) {
                (Some(only), None) => desk.policy(&only).map(|record| record.ok_or(false)),
                (several, _) => Ok(Err(several.is_some())),
            }
        })
        .await?;
    found.map_err(|several| {
        if several {
            return Problem::conflict("ambiguous", format!("several policies begin with `{digest}`"))
                .help("give more of it");
        }
        Problem::missing("no-policy", format!("the store has no policy `{digest}`")).help("GET /v1/policies lists them")
    })
}
