//! Verbs in: what a person may tell a rollout, with who and why. The handler only turns a body into a
//! [`Command`]; whether it may be done is the engine's to say, and a refusal is an answer like any other.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::app::{App, Caller};
use super::body::{self, Shape};
use super::problem::Problem;
use super::reads::by_digest;
use super::which::find;
use crate::control::{Ask, Command, Outcome, PolicyRecord};
use crate::daemon::tokens::Need;
use crate::daemon::wire::{ErrorBody, OrderBody, OutcomeBody};
use crate::ledger::hash::Key;
use crate::model::ids::{Actor, CheckId, Environment, Revision, Role, RolloutId, StageName};
use crate::model::operator::Verb;
use crate::model::time::{Duration, Time};
use crate::policy::suggest;
use crate::shell::{clock, operator};

/// Every verb, as paths spell them.
pub(super) const VERBS: [&str; 11] = [
    "start",
    "advance",
    "hold",
    "pause",
    "resume",
    "approve",
    "roll-back",
    "emergency-disable",
    "mute",
    "unmute",
    "adopt",
];
/// Nobody reads more than this at 3 a.m.
const LONGEST_TEXT: usize = 2000;
/// Keys that are remembered, to know one that comes again with another order.
const REMEMBERED: usize = 10_000;

/// `POST /v1/rollouts/{name}/{verb}`.
pub(super) async fn order(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((name, verb)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    if !VERBS.contains(&verb.as_str()) {
        let help = suggest::closest(&verb, VERBS).map(|near| format!("did you mean `{near}`?"));
        let problem = Problem::missing("unknown-verb", format!("there is no verb `{verb}`"));
        return Err(problem.help(help.unwrap_or_else(|| format!("there is {}", VERBS.join(", ")))));
    }
    // Before the body is read: a stranger must not make the server read megabytes.
    if !caller.may(Need::Read) {
        app.must(&caller, Need::Operate, &verb, None)?;
    }
    let (head, body) = request.into_parts();
    body::shape(&head.headers, &[Shape::Json])?;
    let most = if matches!(verb.as_str(), "start" | "adopt") { app.limits.large_body } else { app.limits.body };
    let text = body::read(&head.headers, body, most).await?;
    let order: OrderBody = body::json(&text)?;
    let key = match verb.as_str() {
        "start" => startable(&app, &name, &order),
        _ => find(&app, &name, order.environment.as_deref())?.standing.key.clone(),
    };
    let token = app.seen.token(&head.headers, &caller, head.uri.path(), &text)?;
    let ask = ask(&app, &caller, &key, &verb, &order).await?;
    let command = Command { actor: actor(&caller, &order)?, reason: reason(&order)?, ask, token };
    let outcome = app.ask(|reply| app.desk.command(&key, command, order.dry_run, reply)).await??;
    Ok(answer(outcome, &verb))
}

/// A verb that was refused, or whose plan could not be carried out, must not look like success to a script.
fn answer(outcome: Outcome, verb: &str) -> Response {
    let status = match (&outcome.refused, &outcome.applied) {
        (Some(_), _) => StatusCode::CONFLICT,
        (None, Some(Err(_))) => StatusCode::BAD_GATEWAY,
        _ => StatusCode::OK,
    };
    (status, Json(OutcomeBody::new(outcome, verb))).into_response()
}

#[derive(Serialize)]
struct All {
    orders: Vec<OutcomeBody>,
    failed: Vec<NotDone>,
}

#[derive(Serialize)]
struct NotDone {
    #[serde(flatten)]
    key: Key,
    why: String,
    error: ErrorBody,
}

/// `POST /v1/emergency-disable`: everything off, everywhere or in one environment. One that fails keeps no other exposed.
pub(super) async fn emergency(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    app.must(&caller, Need::Operate, "emergency-disable everything", None)?;
    let (head, body) = request.into_parts();
    body::shape(&head.headers, &[Shape::Json])?;
    let text = body::read(&head.headers, body, app.limits.body).await?;
    let order: OrderBody = body::json(&text)?;
    only(&order, "emergency-disable", &[])?;
    let token = app.seen.token(&head.headers, &caller, head.uri.path(), &text)?;
    let (actor, reason) = (actor(&caller, &order)?, reason(&order)?);
    let wanted = |key: &Key| order.environment.as_deref().is_none_or(|name| key.environment.as_str() == name);
    let keys: Vec<Key> = app.desk.views().iter().map(|view| view.standing.key.clone()).filter(wanted).collect();
    let asked = keys.into_iter().map(|key| {
        let (actor, reason, token) = (actor.clone(), reason.clone(), token.clone());
        let command = Command { actor, reason, ask: Ask::Order(Verb::Emergency), token };
        let app = Arc::clone(&app);
        async move {
            let answer = app.ask(|reply| app.desk.command(&key, command, order.dry_run, reply)).await;
            (key, answer)
        }
    });
    let mut all = All { orders: Vec::new(), failed: Vec::new() };
    let mut status = StatusCode::OK;
    for (key, answer) in futures_util::future::join_all(asked).await {
        let error = match answer {
            Ok(Ok(outcome)) => {
                if outcome.refused.is_some() || matches!(outcome.applied, Some(Err(_))) {
                    status = StatusCode::BAD_GATEWAY;
                }
                all.orders.push(OutcomeBody::new(outcome, "emergency-disable"));
                continue;
            }
            Ok(Err(error)) => (error.to_string(), ErrorBody::from(&error)),
            Err(_) => {
                let what = "the rollout's thread is gone".to_owned();
                (what.clone(), ErrorBody::Unavailable { what })
            }
        };
        status = StatusCode::BAD_GATEWAY;
        all.failed.push(NotDone { key, why: error.0, error: error.1 });
    }
    Ok((status, Json(all)).into_response())
}

/// A rollout need not be known to be started.
fn startable(app: &App, name: &str, order: &OrderBody) -> Key {
    let environment = order.environment.as_deref();
    match find(app, name, environment) {
        Ok(view) => view.standing.key.clone(),
        Err(_) => Key::new(RolloutId::new(name), Environment::new(environment.unwrap_or(crate::policy::PRODUCTION))),
    }
}

/// Turns a body into what is asked for, after making sure that the caller may.
async fn ask(app: &App, caller: &Caller, key: &Key, verb: &str, order: &OrderBody) -> Result<Ask, Problem> {
    let must = |need: Need| {
        // Nothing is written: looking is enough.
        let need = if order.dry_run { Need::Read } else { need };
        app.must(caller, need, verb, Some(key))
    };
    let needs = |field: &str| Problem::wrong("body", format!("`{field}` is missing")).field(format!("/{field}"));
    Ok(Ask::Order(match verb {
        "advance" => {
            must(Need::Administer)?;
            only(order, verb, &[]).map(|()| Verb::Advance)?
        }
        "hold" => {
            must(Need::Operate)?;
            only(order, verb, &["until", "for"])?;
            Verb::Hold { until: end(order)? }
        }
        "pause" => {
            must(Need::Operate)?;
            only(order, verb, &[]).map(|()| Verb::Pause)?
        }
        "resume" => {
            must(Need::Operate)?;
            only(order, verb, &[]).map(|()| Verb::Resume)?
        }
        "approve" => {
            must(Need::Operate)?;
            only(order, verb, &["role"])?;
            Verb::Approve { role: Role::new(name(order.role.as_deref(), "role")?.ok_or_else(|| needs("role"))?) }
        }
        "roll-back" => {
            must(Need::Operate)?;
            only(order, verb, &["to"])?;
            Verb::RollBack { to: name(order.to.as_deref(), "to")?.map(StageName::new) }
        }
        "emergency-disable" => {
            must(Need::Operate)?;
            only(order, verb, &[]).map(|()| Verb::Emergency)?
        }
        "mute" => {
            must(if order.force { Need::Administer } else { Need::Operate })?;
            only(order, verb, &["check", "until", "for", "force"])?;
            let check = CheckId::new(name(order.check.as_deref(), "check")?.ok_or_else(|| needs("check"))?);
            let until = end(order)?.ok_or_else(|| needs("for").help("a mute needs an end: `for`, or `until`"))?;
            Verb::Mute { check, until, force: order.force }
        }
        "unmute" => {
            must(Need::Operate)?;
            only(order, verb, &["check"])?;
            Verb::Unmute { check: CheckId::new(name(order.check.as_deref(), "check")?.ok_or_else(|| needs("check"))?) }
        }
        "start" => {
            only(order, verb, &["revision", "digest", "policy"])?;
            // A policy that nobody reviewed into the store changes what is judged.
            must(if order.policy.is_some() { Need::Administer } else { Need::Operate })?;
            let revision =
                Revision::new(name(order.revision.as_deref(), "revision")?.ok_or_else(|| needs("revision"))?);
            return Ok(Ask::Start { policy: Box::new(policy(app, key, order).await?), revision });
        }
        _ => {
            must(Need::Administer)?;
            only(order, verb, &["digest", "policy"])?;
            return Ok(Ask::Adopt { policy: Box::new(policy(app, key, order).await?) });
        }
    }))
}

/// The policy that a start or an adoption is about: the one sent along, the one named, else the one in the files.
async fn policy(app: &App, key: &Key, order: &OrderBody) -> Result<PolicyRecord, Problem> {
    let record = match (&order.policy, &order.digest) {
        (Some(_), Some(_)) => {
            return Err(Problem::wrong("body", "`policy` and `digest` both name one").field("/digest"));
        }
        (Some(text), None) => PolicyRecord::parse(text.get())
            .map_err(|why| Problem::wrong("policy", format!("the policy cannot be read: {why}")).field("/policy"))?,
        (None, Some(digest)) => by_digest(app, digest).await?,
        (None, None) => {
            let view = find(app, key.rollout.as_str(), Some(key.environment.as_str()))?;
            let digest = view.seen.files.digest.clone().or_else(|| view.standing.policy.clone());
            let Some(digest) = digest else {
                let problem = Problem::wrong("policy", format!("no policy of {key} was read yet"));
                return Err(problem.help("send `policy`, or `digest` of one in the store").field("/digest"));
            };
            by_digest(app, digest.as_str()).await?
        }
    };
    if (&record.rollout, &record.environment) == (&key.rollout, &key.environment) {
        return Ok(record);
    }
    let title = format!("the policy governs {} ({}), not {key}", record.rollout, record.environment);
    Err(Problem::wrong("policy", title).field("/policy"))
}

/// Refuses what says nothing to this verb: a typing error must not be an order.
fn only(order: &OrderBody, verb: &str, taken: &[&str]) -> Result<(), Problem> {
    let given = [
        ("until", order.until.is_some()),
        ("for", order.length.is_some()),
        ("role", order.role.is_some()),
        ("to", order.to.is_some()),
        ("check", order.check.is_some()),
        ("force", order.force),
        ("revision", order.revision.is_some()),
        ("digest", order.digest.is_some()),
        ("policy", order.policy.is_some()),
    ];
    match given.into_iter().find(|(field, given)| *given && !taken.contains(field)) {
        Some((field, _)) => {
            let problem = Problem::wrong("body", format!("`{field}` says nothing to `{verb}`"));
            Err(problem.field(format!("/{field}")).help("leave it out"))
        }
        None => Ok(()),
    }
}

/// When something that was ordered ends.
fn end(order: &OrderBody) -> Result<Option<Time>, Problem> {
    let now = clock::now();
    let (field, end) = match (&order.until, &order.length) {
        (Some(_), Some(_)) => return Err(Problem::wrong("body", "`until` and `for` both say when").field("/for")),
        (None, None) => return Ok(None),
        (Some(until), None) => ("/until", Time::parse(until)),
        // To the next whole second, as on the command line.
        (None, Some(length)) => (
            "/for",
            Duration::parse(length).map(|length| {
                let end = (now + length).as_millis();
                Time::from_millis(end.div_euclid(1000).saturating_add(1).saturating_mul(1000))
            }),
        ),
    };
    let end = end.map_err(|error| Problem::wrong("body", error.to_string()).field(field))?;
    if end <= now {
        let problem = Problem::wrong("body", format!("`{end}` is in the past")).field(field);
        return Err(problem.help(format!("it is {now}; \"for\": \"30m\" counts from now")));
    }
    Ok(Some(end))
}

fn reason(order: &OrderBody) -> Result<String, Problem> {
    let reason = text(&order.reason, "reason")?;
    if reason.is_empty() {
        return Err(Problem::wrong("body", "a reason is needed").field("/reason").help("why, in a few words"));
    }
    Ok(reason.to_owned())
}

/// Who gave the order: the token's owner, or whoever they say it comes from, with the token beside it.
fn actor(caller: &Caller, order: &OrderBody) -> Result<Actor, Problem> {
    let (field, named) = match (&order.triggered_by, &order.updated_by) {
        (Some(one), Some(other)) if one != other => {
            return Err(Problem::wrong("body", "`triggered_by` and `updated_by` name two people").field("/updated_by"));
        }
        (Some(named), _) => ("triggered_by", named),
        (None, Some(named)) => ("updated_by", named),
        (None, None) => return Ok(Actor::new(&caller.name)),
    };
    let named = name(Some(named), field)?.unwrap_or_default();
    // Whoever has the token of this machine could have written the store itself, under any name.
    Ok(if caller.local { Actor::new(named) } else { Actor::new(format!("{named} via {}", caller.name)) })
}

fn name<'a>(given: Option<&'a str>, field: &str) -> Result<Option<&'a str>, Problem> {
    let Some(given) = given else { return Ok(None) };
    let given = text(given, field)?;
    if given.is_empty() {
        return Err(Problem::wrong("body", format!("`{field}` is empty")).field(format!("/{field}")));
    }
    Ok(Some(given))
}

/// A text that can be shown on any terminal.
fn text<'a>(given: &'a str, field: &str) -> Result<&'a str, Problem> {
    let given = given.trim();
    if given.len() > LONGEST_TEXT || given.chars().any(char::is_control) {
        let title = format!("`{field}` is longer than {LONGEST_TEXT} bytes, or has control characters in it");
        return Err(Problem::wrong("body", title).field(format!("/{field}")));
    }
    Ok(given)
}

/// The idempotency keys of late: one that comes again must come with the same order.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    orders: HashMap<String, [u8; 32]>,
    /// The oldest first.
    keys: VecDeque<String>,
}

impl Seen {
    /// The name of a command: from its `idempotency-key`, else a new one.
    fn token(&self, headers: &HeaderMap, caller: &Caller, path: &str, body: &[u8]) -> Result<String, Problem> {
        let Some(value) = headers.get("idempotency-key") else { return Ok(operator::token()) };
        let fine = |text: &&str| {
            (1..=128).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
        };
        let Some(key) = value.to_str().ok().filter(fine) else {
            let problem =
                Problem::bad("idempotency-key", "the `idempotency-key` is not 1 to 128 letters, digits, -, _, . or :");
            return Err(problem.help("a random UUID does"));
        };
        // Our own client names its commands as the store does; a key of anybody else must not meet such a name.
        let is_ours = key.len() == 32 && key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let token = if is_ours { key.to_owned() } else { format!("api-{}-{key}", caller.name) };
        let print: [u8; 32] = Sha256::new().chain_update(path).chain_update([0]).chain_update(body).finalize().into();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Remembered { orders, keys } = &mut *seen;
        match orders.get(&token) {
            Some(known) if *known != print => {
                let problem =
                    Problem::wrong("idempotency-key", "this `idempotency-key` came with another order before");
                return Err(problem.help("a new order takes a new key"));
            }
            Some(_) => {}
            None => {
                if keys.len() >= REMEMBERED
                    && let Some(oldest) = keys.pop_front()
                {
                    orders.remove(&oldest);
                }
                keys.push_back(token.clone());
                orders.insert(token.clone(), print);
            }
        }
        Ok(token)
    }
}
