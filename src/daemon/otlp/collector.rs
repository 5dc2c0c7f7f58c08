//! One call to the collector, and what its answer means. What may be sent again, and when, is the specification's: 429,
//! 502, 503 and 504, and whatever did not arrive. Redirects are not followed: a token goes to the address that was named.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use reqwest::Certificate;
use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use crate::daemon::stores;
use crate::settings::values::TelemetrySettings;
use crate::shell::clock::Stopwatch;
use crate::shell::files;

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// And the last ones, when the controller closes.
const LAST_DEADLINE: Duration = Duration::from_secs(1);
/// How many seconds it waits before it looks secrets up once more that were not taken.
const AGAIN: f64 = 10.0;
/// The most that is read of an answer.
const MOST: u64 = 64 << 10;

/// What came of a call.
pub(super) enum Outcome {
    /// It has it, but for so many, and why.
    Sent {
        /// How many it does not want, and why.
        refused: Option<(u64, String)>,
    },
    /// Not now; after this long, when it says so.
    Later(String, Option<Duration>),
    /// It will not be taken, however often it is sent.
    Never(String),
}

/// Where a collector is, and what it is shown.
pub(super) struct Collector {
    settings: TelemetrySettings,
    client: Client,
    url: String,
    looked_up: Option<Stopwatch>,
}

impl Collector {
    /// Sets it up; nothing is sent yet.
    ///
    /// # Errors
    /// A secret cannot be had, or cannot be sent.
    pub(super) fn new(settings: &TelemetrySettings) -> Result<Collector, String> {
        let (client, url) = set_up(settings)?;
        Ok(Collector { settings: settings.clone(), client, url, looked_up: None })
    }

    /// Sends a body, and once more when another token is to be had.
    pub(super) fn send(&mut self, path: &str, body: &[u8], last: bool) -> Outcome {
        let deadline = if last { LAST_DEADLINE } else { DEADLINE };
        let mut answer = self.call(path, body, deadline);
        if answer.as_ref().is_ok_and(is_denied) && self.looks_up() {
            answer = self.call(path, body, deadline);
        }
        match answer {
            Ok(answer) => read(answer),
            Err(why) => Outcome::Later(why, None),
        }
    }

    fn call(&self, path: &str, body: &[u8], deadline: Duration) -> Result<Response, String> {
        let request = self.client.post(format!("{}/{path}", self.url)).timeout(deadline);
        let request = request.header(CONTENT_TYPE, "application/x-protobuf").body(body.to_vec());
        request.send().map_err(cause)
    }

    /// A token that was rotated is where the old one was.
    fn looks_up(&mut self) -> bool {
        if self.looked_up.is_some_and(|before| before.seconds() < AGAIN) {
            return false;
        }
        self.looked_up = Some(Stopwatch::start());
        match set_up(&self.settings) {
            Ok((client, url)) => {
                (self.client, self.url) = (client, url);
                true
            }
            Err(why) => {
                tracing::warn!(why, "no other secret is to be had for the collector");
                false
            }
        }
    }
}

fn set_up(settings: &TelemetrySettings) -> Result<(Client, String), String> {
    let url = stores::plain(&settings.otlp)?.trim_end_matches('/').to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in &settings.headers {
        let wrong = || format!("the header `{name}` cannot be sent: there is a control character in it");
        let mut value = HeaderValue::try_from(stores::plain(value)?).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::try_from(name.as_str()).map_err(|_| wrong())?, value);
    }
    let mut builder = Client::builder()
        .user_agent(concat!("rollgate/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .default_headers(headers)
        .no_proxy();
    if let Some(path) = &settings.ca {
        builder = builder.tls_certs_only(authority(path)?);
    } else if url.starts_with("http://") {
        // Without TLS no certificate is needed, and a machine that has none can still send.
        builder = builder.tls_certs_only([]);
    }
    Ok((builder.build().map_err(cause)?, url))
}

/// Whoever signs the collector's certificate.
fn authority(path: &Path) -> Result<Vec<Certificate>, String> {
    let shown = files::shown(path);
    let text = files::read_text(path).map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    let found =
        Certificate::from_pem_bundle(text.as_bytes()).map_err(|error| format!("`{shown}`: {}", cause(error)))?;
    if found.is_empty() {
        return Err(format!("`{shown}`: there is no certificate in it"));
    }
    Ok(found)
}

fn is_denied(answer: &Response) -> bool {
    matches!(answer.status().as_u16(), 401 | 403)
}

fn read(answer: Response) -> Outcome {
    let status = answer.status().as_u16();
    let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let why = format!("it answers {status}");
    match status {
        200..=299 => Outcome::Sent { refused: refused(answer) },
        401 | 403 | 429 | 502 | 503 | 504 => Outcome::Later(why, after.map(Duration::from_secs)),
        _ => Outcome::Never(why),
    }
}

/// How many it does not want. Traces and logs are answered alike; what cannot be read says nothing.
fn refused(answer: Response) -> Option<(u64, String)> {
    let mut body = Vec::new();
    answer.take(MOST).read_to_end(&mut body).ok()?;
    let partial = ExportTraceServiceResponse::decode(body.as_slice()).ok()?.partial_success?;
    let refused = u64::try_from(partial.rejected_spans).ok().filter(|refused| *refused > 0)?;
    Some((refused, partial.error_message.chars().filter(|c| !c.is_control()).take(300).collect()))
}

/// The deepest cause, which is the one that says something; without the address, which may be a secret.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut deepest: &dyn std::error::Error = &error;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    deepest.to_string()
}
