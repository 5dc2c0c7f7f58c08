//! What every handler has at hand, and who is calling.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use tokio::sync::{oneshot, watch};

use super::events::Hub;
use super::limits::{Budgets, Kind, Limits, Peer, Rate, Whose};
use super::orders::Seen;
use super::problem::Problem;
use crate::control::OperateError;
use crate::daemon::desk::{Denial, Desk, Reply};
use crate::daemon::telemetry::Telemetry;
use crate::daemon::tokens::{Need, Role, Token, Tokens};
use crate::ledger::hash::Key;
use crate::model::ids::Actor;
use crate::settings::sources::SourceSettings;
use crate::shell::clock;

/// What every handler has at hand.
pub(super) struct App {
    pub(super) desk: Arc<dyn Desk>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) limits: Limits,
    /// The tokens of the settings, and the one of this machine.
    pub(super) tokens: Tokens,
    /// The hash of the token of this machine.
    pub(super) local: [u8; 32],
    /// No tokens are set: whoever calls from this machine may read and push.
    pub(super) trusts_loopback: bool,
    /// Names under which this server may be called, beside those of this machine; none checks nothing.
    pub(super) hosts: Option<Vec<String>>,
    /// What the source of pushed snapshots is called.
    pub(super) source: String,
    /// Sources that push in formats of their own.
    pub(super) sources: Vec<SourceSettings>,
    pub(super) budgets: Budgets,
    pub(super) hub: Arc<Hub>,
    pub(super) seen: Seen,
    /// Turns true when the server stops.
    pub(super) stopping: watch::Receiver<bool>,
}

/// Returns when the server stops.
pub(super) async fn stopped(mut stopping: watch::Receiver<bool>) {
    // A sender that is gone stops nothing any more: the server is.
    drop(stopping.wait_for(|stopping| *stopping).await);
}

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct From_(pub(super) IpAddr);

/// Who is calling.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The token's owner, or where the call came from.
    pub(super) name: Arc<str>,
    pub(super) role: Option<Role>,
    /// From this machine, while no tokens are set.
    pub(super) trusted: bool,
    /// With the token of this machine: it vouches for whoever can read it.
    pub(super) local: bool,
    pub(super) peer: IpAddr,
}

impl Caller {
    pub(super) fn of(token: &Token, local: bool, peer: IpAddr) -> Caller {
        Caller { name: Arc::clone(&token.name), role: Some(token.role), trusted: false, local, peer }
    }

    pub(super) fn without_token(trusted: bool, peer: IpAddr) -> Caller {
        Caller { name: Arc::from(peer.to_string()), role: None, trusted, local: false, peer }
    }

    pub(super) fn may(&self, need: Need) -> bool {
        let by_place = self.trusted && matches!(need, Need::Send | Need::Read);
        need == Need::Nothing || by_place || self.role.is_some_and(|role| role.allows(need))
    }

    fn whose(&self) -> Whose {
        if self.role.is_some() { Whose::Token(Arc::clone(&self.name)) } else { Whose::Peer(Peer::from(self.peer)) }
    }
}

impl App {
    /// Lets the caller through, or writes down that it was refused.
    pub(super) fn must(&self, caller: &Caller, need: Need, what: &str, key: Option<&Key>) -> Result<(), Problem> {
        if caller.may(need) {
            return Ok(());
        }
        let least = need.least();
        let (why, code, problem) = match caller.role {
            Some(role) => {
                let why = format!("the role {} is not enough: it takes {least}", role.name());
                let problem = Problem::new(StatusCode::FORBIDDEN, "role", why.clone());
                (why, "role", problem.help(format!("use a token of the role {least}")))
            }
            None => {
                // Guessing without a token costs as much as guessing with one.
                self.stranger(caller.peer)?;
                let problem = Problem::new(StatusCode::UNAUTHORIZED, "no-token", "this takes a token");
                let problem = problem
                    .help("send it as `Authorization: Bearer TOKEN`; `rollgate token new` makes one")
                    .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                ("no token".to_owned(), "missing", problem)
            }
        };
        self.denied(caller, what, key, why, code);
        Err(problem)
    }

    /// Writes down that somebody was refused.
    pub(super) fn denied(&self, caller: &Caller, what: &str, key: Option<&Key>, why: String, code: &'static str) {
        self.telemetry.denied(code);
        let by = Actor::new(&caller.name);
        self.desk.denied(Denial { by, what: what.to_owned(), key: key.cloned(), why, at: clock::now() });
    }

    /// Takes a call out of the caller's budget.
    pub(super) fn spend(&self, caller: &Caller, kind: Kind) -> Result<(), Problem> {
        let rate = match kind {
            Kind::Push => self.limits.pushes,
            _ => self.limits.calls,
        };
        self.take(kind, caller.whose(), rate)
    }

    /// Takes a call out of the budget of an address that has shown no token that is taken.
    pub(super) fn stranger(&self, peer: IpAddr) -> Result<(), Problem> {
        self.take(Kind::Stranger, Whose::Peer(Peer::from(peer)), self.limits.strangers)
    }

    fn take(&self, kind: Kind, whose: Whose, rate: Rate) -> Result<(), Problem> {
        self.budgets.take(kind, whose, rate).map_err(|seconds| {
            self.telemetry.denied("rate");
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate", "too many calls")
                .help("call again after the time in `retry-after`; emergency-disable is never limited")
                .retry_after(seconds)
        })
    }

    /// Asks the desk something that it answers later.
    pub(super) async fn ask<T: Send + 'static>(&self, question: impl FnOnce(Reply<T>)) -> Result<T, Problem> {
        let (sender, answer) = oneshot::channel();
        question(Box::new(move |value| {
            // Whoever asked may have gone away meanwhile.
            drop(sender.send(value));
        }));
        answer.await.map_err(|_| Problem::failed("whoever should have answered is gone"))
    }

    /// Asks the desk something that waits for the store, on a thread that may wait.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Desk) -> Result<T, OperateError> + Send + 'static,
    ) -> Result<T, Problem> {
        let desk = Arc::clone(&self.desk);
        let asked = tokio::task::spawn_blocking(move || question(desk.as_ref())).await;
        Ok(asked.map_err(|_| Problem::failed("looking it up failed"))??)
    }
}
