//! The token of the machine's own service account, from Google's metadata server.

use reqwest::blocking::Client;
use serde::Deserialize;

use crate::adapters::deadline::Deadline;
use crate::adapters::source::http::{self, Setup};
use crate::adapters::source::secret::Secret;
use crate::adapters::source::shown::shown;
use crate::model::time::{Duration, Time};
use crate::ports::source::SourceError;

/// Where every machine of Google's finds it.
pub(super) const METADATA_HOST: &str = "metadata.google.internal";
const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
/// A new token is asked for this long before the old one ends; the server has one by then.
const EARLY: Duration = Duration::from_secs(60);

/// Keeps a token and renews it.
pub(super) struct Tokens {
    client: Client,
    url: String,
    held: Option<Held>,
}

struct Held {
    token: Secret,
    ends: Time,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: i64,
}

impl Tokens {
    /// Asks `host`, as `GCE_METADATA_HOST` names it.
    pub(super) fn new(host: &str) -> Result<Tokens, SourceError> {
        let url = format!("http://{host}{PATH}");
        http::address(&url)?;
        Ok(Tokens { client: http::client(&Setup { plain: true, ..Setup::default() })?, url, held: None })
    }

    /// A token that is good at `now`.
    pub(super) fn get(&mut self, now: Time, deadline: &Deadline) -> Result<Secret, SourceError> {
        if let Some(held) = &self.held
            && now + EARLY < held.ends
        {
            return Ok(held.token.clone());
        }
        match self.ask(deadline) {
            Ok(granted) => {
                let token = Secret::new(granted.access_token);
                self.held = Some(Held { token: token.clone(), ends: now + Duration::from_secs(granted.expires_in) });
                Ok(token)
            }
            // It was early; the old one is good for some seconds yet.
            Err(error) => match &self.held {
                Some(held) if now < held.ends => Ok(held.token.clone()),
                _ => Err(error),
            },
        }
    }

    /// The token was not taken: the next one is a new one.
    pub(super) fn forget(&mut self) {
        self.held = None;
    }

    fn ask(&self, deadline: &Deadline) -> Result<Granted, SourceError> {
        let told = |error: SourceError| match error {
            SourceError::Unreachable(why) => SourceError::Unreachable(format!("the metadata server: {why}")),
            other => other,
        };
        let request = self.client.get(&self.url).header("Metadata-Flavor", "Google");
        let answer = http::ask(request, deadline).map_err(told)?;
        // Anybody may listen at that name on a machine that is not Google's.
        if answer.header("metadata-flavor").as_deref() != Some("Google") {
            return Err(SourceError::Malformed("what answers at the metadata server's address is none".to_owned()));
        }
        match answer.status {
            200 => {}
            403 | 404 => {
                let said = shown(&String::from_utf8_lossy(&answer.body));
                let status = answer.status;
                let why = format!(
                    "the metadata server has no token ({status}): {said}; does the machine have a service account?"
                );
                return Err(SourceError::Denied(why));
            }
            status => return Err(SourceError::Unreachable(format!("the metadata server answers {status}"))),
        }
        // The body is a secret: an error must not quote it.
        let granted: Granted = serde_json::from_slice(&answer.body)
            .map_err(|_| SourceError::Malformed("the metadata server's token cannot be read".to_owned()))?;
        match granted.expires_in > 0 && !granted.access_token.is_empty() {
            true => Ok(granted),
            false => Err(SourceError::Malformed("the metadata server's token is over already".to_owned())),
        }
    }
}
