//! Commands over a controller's API. What comes back is what the same command straight on the store would have said.
//!
//! A command carries its name as `idempotency-key`, so one whose answer was lost is asked again and still counts once.

use std::path::Path;
use std::time::Duration;

use reqwest::blocking::{Client as Http, RequestBuilder, Response};
use reqwest::{Certificate, Method, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

mod seen;

pub use seen::Heard;

use super::local;
use super::wire::{EntriesBody, ErrorBody, OrderBody, OutcomeBody, path_of};
use crate::control::{Ask, Command, Operate, OperateError, Outcome, PolicyRecord, Standing};
use crate::ledger::hash::Key;
use crate::ledger::{BadLine, Entry};
use crate::model::ids::Digest;
use crate::model::operator::Verb;
use crate::model::time::Time;
use crate::ports::store::StoreError;
use crate::shell::clock::Deadline;

/// However late it is, one that is well can answer in this time.
const LEAST: Duration = Duration::from_millis(500);
/// How long until somebody must answer the door.
const DOOR: Duration = Duration::from_secs(2);
/// How long a call may take: longer than the server gives itself.
const CALL: Duration = Duration::from_secs(35);
/// How long it may take to say how things stand: nobody is waited for there.
const LOOK: Duration = Duration::from_secs(5);
/// How long a roll back may take before another way is tried.
const TAKE_BACK: Duration = Duration::from_secs(5);
/// How often an order is asked for again when its answer was lost.
const ATTEMPTS: u32 = 3;
/// Entries asked for at once.
const PAGE: usize = 1000;
/// More than any answer of ours: somebody else answers.
const LARGEST: u64 = 256 << 20;

/// A controller, over its API.
#[derive(Clone)]
pub struct Client {
    http: Http,
    base: Url,
    token: Option<String>,
    deadline: Option<Deadline>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.base)
    }
}

impl Client {
    /// The controller at `url`; `authority` is a certificate in PEM that vouches for it, beside those of the system.
    ///
    /// # Errors
    /// The URL or the certificate cannot be used, in words.
    pub fn new(url: &str, token: Option<String>, authority: Option<&str>) -> Result<Client, String> {
        let base = Url::parse(url).map_err(|error| format!("`{url}` is no address of an API: {error}"))?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(format!("`{url}` is no address of an API: it begins with http:// or https://"));
        }
        let mut builder = Http::builder().connect_timeout(DOOR).redirect(reqwest::redirect::Policy::none());
        if is_here(&base) {
            // A proxy for the outside knows nothing of this machine.
            builder = builder.no_proxy();
        }
        if let Some(pem) = authority {
            let certificates = Certificate::from_pem_bundle(pem.as_bytes());
            builder =
                builder.tls_certs_merge(certificates.map_err(|error| format!("not a certificate in PEM: {error}"))?);
        }
        let http = builder.build().map_err(|error| format!("no calls can be made from here: {error}"))?;
        Ok(Client { http, base, token, deadline: None })
    }

    /// No call goes on after this.
    #[must_use]
    pub fn by(self, deadline: Option<Deadline>) -> Client {
        Client { deadline, ..self }
    }

    /// How long a call may take that usually may take this long.
    fn within(&self, usual: Duration) -> Duration {
        let left = self.deadline.map(|deadline| Duration::from_millis(deadline.left().as_millis().unsigned_abs()));
        left.map_or(usual, |left| left.max(LEAST).min(usual))
    }

    /// The controller that runs on this machine on the store at `store`, if one says so and answers.
    #[must_use]
    pub fn beside(store: &Path, deadline: Option<Deadline>) -> Option<Client> {
        let found = local::find(&local::beside(store))?;
        let client = Client::new(&found.url, Some(found.token), None).ok()?.by(deadline);
        client.answers().then_some(client)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Whether a controller answers there.
    #[must_use]
    pub fn answers(&self) -> bool {
        let alive = self.request(Method::GET, &["livez"]).timeout(self.within(DOOR)).send();
        alive.is_ok_and(|answer| answer.status() == StatusCode::OK)
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let request = self.http.request(method, url).timeout(self.within(CALL));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, OperateError> {
        self.get_within(CALL, path, query)
    }

    fn get_within<T: DeserializeOwned>(
        &self,
        limit: Duration,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, OperateError> {
        let request = self.request(Method::GET, path).query(query).timeout(self.within(limit));
        let answer = request.send().map_err(|error| self.lost(&error))?;
        let (status, text) = self.read(answer)?;
        if status != StatusCode::OK {
            return Err(refusal(status, &text, None));
        }
        serde_json::from_str(&text).map_err(|error| self.strange(&error.to_string()))
    }

    fn read(&self, answer: Response) -> Result<(StatusCode, String), OperateError> {
        use std::io::Read as _;
        let status = answer.status();
        let mut text = String::new();
        answer.take(LARGEST).read_to_string(&mut text).map_err(|error| self.strange(&error.to_string()))?;
        Ok((status, text))
    }

    fn lost(&self, error: &reqwest::Error) -> OperateError {
        let why = if error.is_connect() {
            format!("no controller answers at {}", self.url())
        } else if error.is_timeout() {
            format!("the controller at {} did not answer in time", self.url())
        } else {
            format!("the controller at {} went away before it answered", self.url())
        };
        StoreError::Unavailable(why).into()
    }

    fn strange(&self, why: &str) -> OperateError {
        let what = format!("what {} answers is not of this rollgate's API: {why}", self.url());
        StoreError::Unavailable(what).into()
    }

    fn order(&self, key: &Key, command: &Command, dry_run: bool) -> Result<Outcome, OperateError> {
        let body = body(key, command, dry_run)?;
        let path = ["v1", "rollouts", key.rollout.as_str(), path_of(command)];
        let limit = if command.takes_back() { TAKE_BACK } else { CALL };
        let request = self.request(Method::POST, &path).timeout(limit);
        let answer = request.header("idempotency-key", &command.token).json(&body).send();
        let (status, text) = self.read(answer.map_err(|error| self.lost(&error))?)?;
        if is_outcome(&text) {
            let body: OutcomeBody = serde_json::from_str(&text).map_err(|error| self.strange(&error.to_string()))?;
            return Ok(body.outcome()?);
        }
        Err(refusal(status, &text, Some(key)))
    }
}

/// Whether a URL is of this machine.
fn is_here(url: &Url) -> bool {
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_outcome(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    serde_json::from_str::<Kind>(text).is_ok_and(|body| body.kind == "order")
}

/// What a refusal says, as the store itself would have said it where it can.
fn refusal(status: StatusCode, text: &str, key: Option<&Key>) -> OperateError {
    #[derive(Deserialize)]
    struct Problem {
        title: String,
        code: String,
        help: Option<String>,
        error: Option<ErrorBody>,
    }
    let Ok(problem) = serde_json::from_str::<Problem>(text) else {
        return StoreError::Unavailable(format!("the controller answers {status}")).into();
    };
    match (problem.error, key) {
        (Some(error), _) => return error.into(),
        (None, Some(key)) if problem.code == "unknown-rollout" => return OperateError::Unknown(key.clone()),
        _ => {}
    }
    let said = match problem.help {
        Some(help) => format!("{} ({help})", problem.title),
        None => problem.title,
    };
    if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
        return OperateError::Denied(said);
    }
    StoreError::Unavailable(said).into()
}

fn body(key: &Key, command: &Command, dry_run: bool) -> Result<OrderBody, OperateError> {
    let mut body = OrderBody {
        reason: command.reason.clone(),
        environment: Some(key.environment.to_string()),
        triggered_by: Some(command.actor.to_string()),
        dry_run,
        ..OrderBody::default()
    };
    let record = |policy: &PolicyRecord| {
        RawValue::from_string(policy.text()).map_err(|error| BadLine::NotAnEntry(error.to_string()))
    };
    match &command.ask {
        Ask::Start { policy, revision } => {
            body.revision = Some(revision.to_string());
            body.policy = Some(record(policy)?);
        }
        Ask::Adopt { policy } => body.policy = Some(record(policy)?),
        Ask::Order(verb) => match verb {
            Verb::Start { revision } => body.revision = Some(revision.to_string()),
            Verb::Hold { until } => body.until = until.map(|until| until.to_string()),
            Verb::Approve { role } => body.role = Some(role.to_string()),
            Verb::RollBack { to } => body.to = to.as_ref().map(ToString::to_string),
            Verb::Mute { check, until, force } => {
                body.check = Some(check.to_string());
                body.until = Some(until.to_string());
                body.force = *force;
            }
            Verb::Unmute { check } => body.check = Some(check.to_string()),
            Verb::Advance | Verb::Pause | Verb::Resume | Verb::Emergency => {}
        },
    }
    Ok(body)
}

#[derive(Deserialize)]
struct Rollouts {
    rollouts: Vec<Standing>,
}

#[derive(Deserialize)]
struct Policies {
    policies: Vec<Digest>,
}

impl Operate for Client {
    fn rollouts(&self) -> Result<Vec<Key>, OperateError> {
        let all: Rollouts = self.get_within(LOOK, &["v1", "rollouts"], &[])?;
        Ok(all.rollouts.into_iter().map(|standing| standing.key).collect())
    }

    /// The controller's clock counts, not the caller's.
    fn carry_out(&self, key: &Key, command: &Command, _: Time, dry_run: bool) -> Result<Outcome, OperateError> {
        let mut last = self.order(key, command, dry_run);
        for _ in 1..ATTEMPTS {
            match &last {
                // Somebody who waits to take back tries another way instead.
                Err(OperateError::Store(StoreError::Unavailable(_))) if !command.takes_back() && self.answers() => {
                    last = self.order(key, command, dry_run);
                }
                _ => break,
            }
        }
        last
    }

    fn standings(&self, _: Time) -> Result<Vec<Standing>, OperateError> {
        let mut all: Rollouts = self.get_within(LOOK, &["v1", "rollouts"], &[])?;
        all.rollouts.sort_by(Standing::worst_first);
        Ok(all.rollouts)
    }

    fn history(&self, key: &Key, from: u64, limit: usize) -> Result<Vec<Entry>, OperateError> {
        let path = ["v1", "rollouts", key.rollout.as_str(), "ledger"];
        let (mut found, mut at) = (Vec::new(), from);
        while found.len() < limit {
            let (from, most) = (at.to_string(), limit.saturating_sub(found.len()).min(PAGE).to_string());
            let query = [("environment", key.environment.as_str()), ("from", &from), ("limit", &most)];
            let page: EntriesBody = self.get(&path, &query)?;
            for line in &page.entries {
                let sent =
                    |why: BadLine| StoreError::Corrupt { what: format!("an entry that {} sent: {why}", self.url()) };
                found.push(Entry::parse(line.get()).map_err(sent)?);
            }
            match page.next {
                Some(next) if next > at && !page.entries.is_empty() => at = next,
                _ => break,
            }
        }
        Ok(found)
    }

    fn policies(&self) -> Result<Vec<Digest>, OperateError> {
        let all: Policies = self.get(&["v1", "policies"], &[])?;
        Ok(all.policies)
    }

    fn policy(&self, digest: &Digest) -> Result<Option<PolicyRecord>, OperateError> {
        if !self.policies()?.contains(digest) {
            return Ok(None);
        }
        self.get(&["v1", "policies", digest.as_str()], &[]).map(Some)
    }
}
