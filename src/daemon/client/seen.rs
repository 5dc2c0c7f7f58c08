//! What only a controller knows: how rollouts stand at this moment, the readings it still has, and what happens.

use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use reqwest::blocking::Response;
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::{Client, LOOK, PAGE, refusal};
use crate::control::OperateError;
use crate::daemon::desk::View;
use crate::daemon::wire::{CheckBody, EntriesBody, RecordedLine};
use crate::ledger::hash::Key;
use crate::model::decision::Decision;
use crate::model::snapshot::Snapshot;
use crate::model::time::Time;
use crate::ports::store::StoreError;
use crate::report::status::Row;

/// A stream ends when it ends.
const FOREVER: Duration = Duration::from_secs(365 * 86_400);

#[derive(Deserialize)]
struct Rollouts {
    rollouts: Vec<View>,
}

/// Something that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Somebody listens from now on.
    Begun,
    /// Something happened to a rollout.
    News,
    /// Nothing did, and the connection is alive.
    Still,
}

impl Client {
    /// Every rollout as its controller sees it, worst first.
    ///
    /// # Errors
    /// The controller's.
    pub fn views(&self) -> Result<Vec<View>, OperateError> {
        let mut all: Rollouts = self.get_within(LOOK, &["v1", "rollouts"], &[])?;
        all.rollouts.sort_by(|one, other| one.standing.worst_first(&other.standing));
        Ok(all.rollouts)
    }

    /// The same for screens, under the names that they have for it.
    ///
    /// # Errors
    /// The controller's.
    pub fn rows(&self) -> Result<Vec<Row>, OperateError> {
        Ok(self.views()?.into_iter().map(|view| Row { standing: view.standing, seen: Some(view.seen) }).collect())
    }

    /// What the controller finds when it looks at everything its store says about a rollout. That is its own word.
    ///
    /// # Errors
    /// The controller's.
    pub fn check(&self, key: &Key) -> Result<CheckBody, OperateError> {
        let path = ["v1", "rollouts", key.rollout.as_str(), "check"];
        self.get(&path, &[("environment", key.environment.as_str())])
    }

    /// A page of a ledger from entry `from` on, as the lines that were sent, nothing checked; and where the next one
    /// begins. What was changed on the way is for the reader to find.
    ///
    /// # Errors
    /// The controller's.
    pub fn lines(&self, key: &Key, from: u64) -> Result<(Vec<String>, Option<u64>), OperateError> {
        let path = ["v1", "rollouts", key.rollout.as_str(), "ledger"];
        let (first, limit) = (from.to_string(), PAGE.to_string());
        let query = [("environment", key.environment.as_str()), ("from", first.as_str()), ("limit", limit.as_str())];
        let page: EntriesBody = self.get(&path, &query)?;
        let next = page.next.filter(|next| *next > from && !page.entries.is_empty());
        Ok((page.entries.iter().map(|line| line.get().to_owned()).collect(), next))
    }

    /// A decision record by its id.
    ///
    /// # Errors
    /// The controller's.
    pub fn decision(&self, id: &str) -> Result<Option<Decision>, OperateError> {
        let answer = self.request(Method::GET, &["v1", "decisions", id]).send().map_err(|error| self.lost(&error))?;
        let (status, text) = self.read(answer)?;
        match status {
            StatusCode::OK => serde_json::from_str(&text).map(Some).map_err(|error| self.strange(&error.to_string())),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refusal(status, &text, None)),
        }
    }

    /// Hands the snapshots that came in from `since` on to `each`, until it answers that it is enough; counts those that
    /// the controller cannot read any more.
    ///
    /// # Errors
    /// The controller's; an answer that was cut off is one.
    pub fn snapshots(
        &self,
        key: &Key,
        since: Time,
        each: &mut dyn FnMut(Time, Snapshot) -> bool,
    ) -> Result<u64, OperateError> {
        let path = ["v1", "rollouts", key.rollout.as_str(), "snapshots"];
        let mut request = self.request(Method::GET, &path).query(&[("environment", key.environment.as_str())]);
        if since != Time::NEVER {
            request = request.query(&[("since", since.to_string())]);
        }
        let answer = self.open(request.timeout(FOREVER))?;
        for line in BufReader::new(answer).lines() {
            let line = line.map_err(|_| self.cut_off())?;
            match serde_json::from_str(&line).map_err(|error| self.strange(&error.to_string()))? {
                RecordedLine::Snapshot { at, snapshot } => {
                    if !each(at, snapshot) {
                        return Ok(0);
                    }
                }
                RecordedLine::End(end) => {
                    return match end.problem {
                        None => Ok(end.damaged),
                        Some(problem) => Err(StoreError::Unavailable(problem).into()),
                    };
                }
            }
        }
        Err(self.cut_off())
    }

    /// Tells `each` whenever something happens, until it answers that it is enough, or the connection ends.
    ///
    /// # Errors
    /// Nobody lets this process listen.
    pub fn listen(&self, each: &mut dyn FnMut(Heard) -> bool) -> Result<(), OperateError> {
        let request = self.request(Method::GET, &["v1", "events"]).timeout(FOREVER);
        let answer = self.open(request)?;
        if !each(Heard::Begun) {
            return Ok(());
        }
        for line in BufReader::new(answer).lines() {
            // A connection that ends is no fault: whoever listens asks again.
            let Ok(line) = line else { return Ok(()) };
            let heard = match line.split_once(':') {
                Some(("event", _)) => Heard::News,
                Some(("", _)) => Heard::Still,
                _ => continue,
            };
            if !each(heard) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn open(&self, request: reqwest::blocking::RequestBuilder) -> Result<Response, OperateError> {
        let answer = request.send().map_err(|error| self.lost(&error))?;
        if answer.status() == StatusCode::OK {
            return Ok(answer);
        }
        let (status, text) = self.read(answer)?;
        Err(refusal(status, &text, None))
    }

    fn cut_off(&self) -> OperateError {
        StoreError::Unavailable(format!("the controller at {} went away before it had sent all", self.url())).into()
    }
}
