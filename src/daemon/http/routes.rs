//! Every route, in one table: what answers it, who may call it, and what its description says. The router and the
//! description are both made of this table, so neither can know a route that the other does not.

use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};

use super::app::App;
use super::problem::Problem;
use super::{events, foreign, guard, health, metrics, openapi, orders, pages, push, reads, recorded};
use crate::daemon::tokens::Need;

/// One route.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// The least that the caller must be allowed.
    pub(super) need: Need,
    pub(super) about: &'static str,
    pub(super) query: &'static [(&'static str, &'static str)],
    /// A body that is taken, word for word.
    pub(super) example: Option<&'static str>,
    /// How it answers when all is well, and what that is.
    pub(super) answer: (u16, &'static str, &'static str),
    /// Refusals beside those that every route knows.
    pub(super) refusals: &'static [(u16, &'static str)],
    handler: fn() -> MethodRouter<Arc<App>>,
}

const ENVIRONMENT: (&str, &str) = ("environment", "which environment; not needed while the rollout runs in one");
const FROM: (&str, &str) = ("from", "from that entry on");
const LAST: (&str, &str) = ("last", "instead of `from`: the last so many");
const LIMIT: (&str, &str) = ("limit", "entries at most, 1 to 1000 (default 100)");
const JSON: &str = "application/json";
const UNKNOWN: (u16, &str) = (404, "no such rollout is governed here");
const SEVERAL: (u16, &str) = (409, "the rollout runs in several environments");

/// What both routes for OTLP share.
const OTLP: Route = Route {
    method: "post",
    path: "",
    need: Need::Send,
    about: "",
    query: &[],
    example: None,
    answer: (200, JSON, "on disk, with `partialSuccess` where points could not be taken"),
    refusals: &[
        (400, "not OTLP metrics"),
        (404, "the settings name no such source"),
        (413, "too large"),
        (415, "another content type or packing"),
        (422, "of the future, or otherwise impossible"),
        (503, "it could not be written to disk: send it again"),
    ],
    handler: || post(foreign::otlp),
};

/// All of them.
pub(super) static ROUTES: &[Route] = &[
    Route {
        method: "post",
        path: "/v1/snapshots",
        need: Need::Send,
        about: "Push snapshots: one, an array, or one per line. They are on disk when the answer comes.",
        query: &[],
        example: Some(
            r#"{"time":"2026-11-01T00:00:00Z","rollout":"checkout","groups":{"treatment":{"error_rate":{"value":0.2,"samples":1200}},"control":{"error_rate":0.1}}}"#,
        ),
        answer: (202, JSON, "on disk: how many, and how many readings no policy asks for"),
        refusals: &[
            (400, "not JSON"),
            (404, "no such rollout is governed here"),
            (409, "several rollouts are governed here, and it does not say which it is about"),
            (413, "too large, or packed too well"),
            (415, "another content type or packing"),
            (422, "JSON, but no snapshot; or of the future"),
            (503, "it could not be written to disk: send it again"),
        ],
        handler: || post(push::push),
    },
    Route {
        method: "post",
        path: "/v1/otlp/v1/metrics",
        about: "Push OTLP metrics, as protobuf or JSON. The sources of the kind `otlp` in the settings say what is read of them.",
        ..OTLP
    },
    Route { method: "post", path: "/v1/metrics", about: "The same, where exporters post by themselves.", ..OTLP },
    Route {
        method: "post",
        path: "/v1/alertmanager",
        need: Need::Send,
        about: "Alertmanager's webhook. The sources of the kind `alertmanager` in the settings say which alerts are read.",
        query: &[],
        example: None,
        answer: (200, JSON, "on disk, with what could not be taken"),
        refusals: &[
            (400, "not a webhook of version 4"),
            (404, "the settings name no such source"),
            (413, "too large"),
            (415, "another content type or packing"),
            (422, "of the future, or otherwise impossible"),
            (503, "send it again"),
        ],
        handler: || post(foreign::alertmanager),
    },
    Route {
        method: "get",
        path: "/v1/rollouts",
        need: Need::Read,
        about: "Every rollout as it stands after its last input, in order of name.",
        query: &[],
        example: None,
        answer: (200, JSON, "the rollouts"),
        refusals: &[],
        handler: || get(reads::rollouts),
    },
    Route {
        method: "get",
        path: "/v1/rollouts/{name}",
        need: Need::Read,
        about: "One rollout as it stands after its last input.",
        query: &[ENVIRONMENT],
        example: None,
        answer: (200, JSON, "the rollout"),
        refusals: &[UNKNOWN, SEVERAL],
        handler: || get(reads::rollout),
    },
    Route {
        method: "get",
        path: "/v1/rollouts/{name}/explain",
        need: Need::Read,
        about: "The last decision in full: every finding with its value, bound and margin.",
        query: &[ENVIRONMENT],
        example: None,
        answer: (200, JSON, "the decision record, as `replay --output json` writes it"),
        refusals: &[UNKNOWN, SEVERAL],
        handler: || get(reads::explain),
    },
    Route {
        method: "get",
        path: "/v1/rollouts/{name}/decisions",
        need: Need::Read,
        about: "Entries of the ledger in which an answer changed or was acted on.",
        query: &[ENVIRONMENT, FROM, LAST, LIMIT],
        example: None,
        answer: (200, JSON, "a page of entries, and where the next one begins"),
        refusals: &[(400, "the query cannot be read"), UNKNOWN, SEVERAL],
        handler: || get(pages::decisions),
    },
    Route {
        method: "get",
        path: "/v1/rollouts/{name}/ledger",
        need: Need::Read,
        about: "Entries of the ledger, byte for byte: `rollgate audit verify` reads them.",
        query: &[ENVIRONMENT, FROM, LAST, LIMIT],
        example: None,
        answer: (200, JSON, "a page of entries, and where the next one begins"),
        refusals: &[(400, "the query cannot be read"), UNKNOWN, SEVERAL],
        handler: || get(pages::ledger),
    },
    Route {
        method: "get",
        path: "/v1/rollouts/{name}/check",
        need: Need::Read,
        about: "Looks at everything the store says about a rollout: the chain, checkpoints against the fold, exposure, policies. \
                Says where the chain begins and ends, so that whoever reads the ledger can verify all of it.",
        query: &[ENVIRONMENT],
        example: None,
        answer: (200, JSON, "what was looked at, and what is wrong with it; nothing is when `problems` is empty"),
        refusals: &[UNKNOWN, SEVERAL, (503, "the store cannot be used")],
        handler: || get(reads::check),
    },
    Route {
        method: "get",
        path: "/v1/rollouts/{name}/policy",
        need: Need::Read,
        about: "The policy in force, what was last read from its files, and why a version was turned away.",
        query: &[ENVIRONMENT],
        example: None,
        answer: (200, JSON, "the policy"),
        refusals: &[UNKNOWN, SEVERAL],
        handler: || get(reads::policy_of),
    },
    Route {
        method: "post",
        path: "/v1/rollouts/{name}/{verb}",
        need: Need::Operate,
        about: "Give an order: start, advance, hold, pause, resume, approve, roll-back, emergency-disable, mute, unmute or adopt. \
                An `idempotency-key` header names it: given twice, it is carried out once. advance, adopt, mute with `force` and \
                start with a `policy` take the role admin; with `dry_run` viewer is enough.",
        query: &[],
        example: Some(r#"{"reason":"error budget is spent","triggered_by":"ana","dry_run":true}"#),
        answer: (200, JSON, "it was carried out: entries, plan, state before and after"),
        refusals: &[
            (400, "not JSON"),
            (404, "no such rollout or verb"),
            (409, "it was refused, and the body says why; or the rollout runs in several environments"),
            (413, "too large"),
            (415, "another content type"),
            (422, "a field is missing, wrong, or says nothing to this verb"),
            (502, "recorded, but the plan could not be carried out yet"),
            (503, "the store cannot be used"),
            (507, "the store has no room"),
        ],
        handler: || post(orders::order),
    },
    Route {
        method: "post",
        path: "/v1/emergency-disable",
        need: Need::Operate,
        about: "Everything off, now: every rollout, or every one of an environment. Never rate limited.",
        query: &[],
        example: Some(r#"{"reason":"customers see each other's data","dry_run":true}"#),
        answer: (200, JSON, "all of them are off"),
        refusals: &[
            (400, "not JSON"),
            (413, "too large"),
            (415, "another content type"),
            (422, "a field is missing or wrong"),
            (502, "not all of them: `failed` names the others"),
        ],
        handler: || post(orders::emergency),
    },
    Route {
        method: "get",
        path: "/v1/rollouts/{name}/snapshots",
        need: Need::Read,
        about: "The readings of the last hours as they came in, one per line, oldest first; the last line says that there \
                are no more.",
        query: &[ENVIRONMENT, ("since", "only those that came in from then on")],
        example: None,
        answer: (200, "application/x-ndjson", "the snapshots, each with when it came in"),
        refusals: &[(400, "`since` is no time"), UNKNOWN, SEVERAL],
        handler: || get(recorded::recorded),
    },
    Route {
        method: "get",
        path: "/v1/decisions/{id}",
        need: Need::Read,
        about: "A decision record by its id.",
        query: &[],
        example: None,
        answer: (200, JSON, "the record, as it was put"),
        refusals: &[(404, "there is no such decision")],
        handler: || get(reads::decision),
    },
    Route {
        method: "get",
        path: "/v1/policies",
        need: Need::Read,
        about: "The digests of all policies that the store has.",
        query: &[],
        example: None,
        answer: (200, JSON, "the digests"),
        refusals: &[],
        handler: || get(reads::policies),
    },
    Route {
        method: "get",
        path: "/v1/policies/{digest}",
        need: Need::Read,
        about: "A policy with its text, by its digest or a beginning of it.",
        query: &[],
        example: None,
        answer: (200, JSON, "the policy"),
        refusals: &[(404, "the store has no such policy"), (409, "several begin so")],
        handler: || get(reads::policy),
    },
    Route {
        method: "get",
        path: "/v1/events",
        need: Need::Read,
        about: "What happens, as it happens: `entry`, `decision`, `policy-rejected`. A listener that does not keep up gets \
                `cut` and is cut off; what it missed is in the ledger.",
        query: &[("rollout", "only of this rollout"), ("environment", "only of this environment")],
        example: None,
        answer: (200, "text/event-stream", "the events"),
        refusals: &[(503, "too many listen already")],
        handler: || get(events::events),
    },
    Route {
        method: "get",
        path: "/livez",
        need: Need::Nothing,
        about: "Whether the controller lives.",
        query: &[],
        example: None,
        answer: (200, "text/plain", "it does"),
        refusals: &[],
        handler: || get(health::alive),
    },
    Route {
        method: "get",
        path: "/readyz",
        need: Need::Nothing,
        about: "Whether it can do its work, and what is missing.",
        query: &[],
        example: None,
        answer: (200, JSON, "it can"),
        refusals: &[(503, "it cannot, and the body says why")],
        handler: || get(health::ready),
    },
    Route {
        method: "get",
        path: "/metrics",
        need: Need::Read,
        about: "Its own metrics, for Prometheus.",
        query: &[],
        example: None,
        answer: (200, "text/plain", "OpenMetrics text"),
        refusals: &[],
        handler: || get(metrics::metrics),
    },
    Route {
        method: "get",
        path: "/openapi.json",
        need: Need::Nothing,
        about: "This description.",
        query: &[],
        example: None,
        answer: (200, JSON, "OpenAPI 3"),
        refusals: &[],
        handler: || get(openapi::description),
    },
];

/// Whether calls of this path come out of the budget for pushes.
pub(super) fn is_push(path: &str) -> bool {
    ROUTES.iter().any(|route| route.need == Need::Send && route.path == path)
}

/// Every route with its method, and the least role it takes: for documents and tests.
#[must_use]
pub fn described() -> Vec<(&'static str, &'static str, &'static str)> {
    ROUTES.iter().map(|route| (route.method, route.path, route.need.least())).collect()
}

/// What answers calls.
pub(super) fn router(app: &Arc<App>) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
    routes
        .fallback(nowhere)
        .method_not_allowed_fallback(other_method)
        .layer(from_fn_with_state(Arc::clone(app), guard::pass))
        .with_state(Arc::clone(app))
}

async fn nowhere(uri: Uri) -> Result<Response, Problem> {
    Err(Problem::missing("no-route", format!("there is nothing at `{}`", uri.path())).help("see GET /openapi.json"))
}

async fn other_method(uri: Uri) -> Result<Response, Problem> {
    let title = format!("`{}` is called with another method", uri.path());
    let problem = Problem::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "method", title);
    Err(problem.help("see the `allow` header, and GET /openapi.json"))
}
