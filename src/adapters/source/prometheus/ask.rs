//! Instant queries, a few at a time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::blocking::Client;

use crate::adapters::deadline::Deadline;
use crate::adapters::source::http;
use crate::adapters::source::secret::Secret;
use crate::model::time::Time;
use crate::ports::source::SourceError;

use super::api::{self, Told};
use super::config::{Access, Config, Method};

/// How many queries are under way at once: enough to hide the way there and back, too few to be a burden.
const AT_ONCE: usize = 8;

/// An expression, at an instant by the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked<'a> {
    pub(super) promql: &'a str,
    pub(super) at: Time,
}

/// A server during one poll.
#[derive(Clone, Copy)]
pub(super) struct Server<'a> {
    pub(super) client: &'a Client,
    pub(super) config: &'a Config,
    pub(super) token: Option<&'a Secret>,
    pub(super) deadline: &'a Deadline,
}

impl Server<'_> {
    /// Asks everything; the answers are in the order of the questions.
    pub(super) fn ask_all(&self, asked: &[Asked<'_>]) -> Vec<Result<Told, SourceError>> {
        let next = AtomicUsize::new(0);
        let answers: Vec<OnceLock<Result<Told, SourceError>>> = asked.iter().map(|_| OnceLock::new()).collect();
        let work = || {
            while let Some((asked, answer)) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                asked.get(at).zip(answers.get(at))
            } {
                // Nobody else has this number, so the place is empty.
                drop(answer.set(self.ask(asked.promql, Some(asked.at))));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..asked.len().min(AT_ONCE) {
                // Where no thread is to be had, this one does all of it.
                drop(std::thread::Builder::new().name("query".to_owned()).spawn_scoped(scope, work));
            }
            work();
        });
        let unasked = || Err(SourceError::Unreachable("it was not asked".to_owned()));
        answers.into_iter().map(|answer| answer.into_inner().unwrap_or_else(unasked)).collect()
    }

    /// Asks one thing; without an instant, at the server's now.
    pub(super) fn ask(&self, promql: &str, at: Option<Time>) -> Result<Told, SourceError> {
        let url = format!("{}/api/v1/query", self.config.url.trim_end_matches('/'));
        let mut fields = vec![("query", promql.to_owned())];
        if let Some(at) = at {
            let millis = at.as_millis();
            fields.push(("time", format!("{}.{:03}", millis / 1000, millis % 1000)));
        }
        if let Some(left) = self.deadline.left() {
            // So that it does not go on working for nobody.
            fields.push(("timeout", format!("{}ms", left.as_millis().max(1))));
        }
        let request = match self.config.method {
            Method::Post => self.client.post(url).form(&fields),
            Method::Get => self.client.get(url).query(&fields),
        };
        let request = match (&self.config.access, self.token) {
            (_, Some(token)) | (Access::Bearer(token), None) => request.bearer_auth(token.reveal()),
            (Access::Basic { user, password }, None) => request.basic_auth(user, Some(password.reveal())),
            (Access::Open | Access::Google { .. }, None) => request,
        };
        api::read(&http::ask(request, self.deadline)?)
    }
}
