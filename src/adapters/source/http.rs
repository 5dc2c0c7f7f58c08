//! One HTTP question and its answer, within a deadline and a size. Redirects are not followed, so that a token goes to
//! the address that was named and to no other.

use std::io::Read as _;

use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Proxy, Url, redirect};

use crate::ports::source::SourceError;

use super::secret::Secret;
use super::shown::{cause, shown};
use crate::adapters::deadline::Deadline;

/// The most that is read of an answer.
pub(super) const MAX_BODY_BYTES: u64 = 4 * 1024 * 1024;

/// How a client is set up.
#[derive(Debug, Clone, Default)]
pub(super) struct Setup<'a> {
    /// Certificates of the authority to trust, in PEM; none means those of the system.
    pub(super) ca: Option<&'a [u8]>,
    /// Where to go through; the environment's proxy variables are not looked at.
    pub(super) proxy: Option<&'a str>,
    /// Sent with every question.
    pub(super) headers: &'a [(String, Secret)],
    /// Without TLS no certificate is needed, and a machine that has none can still ask.
    pub(super) plain: bool,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name)?.to_str().ok().map(shown)
    }
}

/// Reads an address that questions go to.
pub(super) fn address(url: &str) -> Result<Url, SourceError> {
    let refused = |why: &str| SourceError::Refused(format!("`{}` {why}", shown(url)));
    let parsed = Url::parse(url).map_err(|_| refused("is not an address; write it as http://host:9090"))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err(refused("is not an address of the web; write it as http://host:9090"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        // It would end up in messages and logs.
        let place = parsed.host_str().unwrap_or_default();
        return Err(SourceError::Refused(format!("the address at `{place}` carries a password; name it as a secret")));
    }
    Ok(parsed)
}

/// Refuses what no header can carry, such as the line break at the end of a file.
pub(super) fn sendable(secret: &str) -> Result<(), SourceError> {
    let why = "the token cannot be sent: there is a line break in it, or another control character";
    HeaderValue::try_from(secret).map(drop).map_err(|_| SourceError::Refused(why.to_owned()))
}

/// Builds a client.
pub(super) fn client(setup: &Setup<'_>) -> Result<Client, SourceError> {
    let refused = |what: &str, why: String| SourceError::Refused(format!("{what}: {why}"));
    let mut headers = HeaderMap::new();
    for (name, value) in setup.headers {
        let wrong = || SourceError::Refused(format!("`{}` cannot be sent as a header", shown(name)));
        let name = HeaderName::try_from(name.as_str()).map_err(|_| wrong())?;
        let mut value = HeaderValue::try_from(value.reveal()).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let mut builder = Client::builder()
        .user_agent(concat!("rollgate/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .default_headers(headers)
        .no_proxy();
    if let Some(pem) = setup.ca {
        let certificates = Certificate::from_pem_bundle(pem);
        let certificates = certificates.map_err(|error| refused("the certificate cannot be read", cause(&error)))?;
        if certificates.is_empty() {
            return Err(refused("the certificate cannot be read", "there is none in the file".to_owned()));
        }
        builder = builder.tls_certs_only(certificates);
    } else if setup.plain {
        builder = builder.tls_certs_only([]);
    }
    if let Some(proxy) = setup.proxy {
        let proxy =
            Proxy::all(proxy).map_err(|error| refused("the proxy cannot be used", cause(&error.without_url())))?;
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| refused("the connection cannot be set up", cause(&error)))
}

/// Asks, and reads the answer to its end.
///
/// # Errors
/// Nobody answers, or not in time, or with too much.
pub(super) fn ask(request: RequestBuilder, deadline: &Deadline) -> Result<Answer, SourceError> {
    let left = deadline.left().ok_or_else(|| too_late(deadline))?;
    // This covers the body as well: a server that sends a byte a second ends here, too.
    let mut response = request.timeout(left).send().map_err(|error| unreachable(error, deadline))?;
    let status = response.status().as_u16();
    if response.content_length().is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(too_long());
    }
    let headers = response.headers().clone();
    let mut body = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        if deadline.left().is_none() {
            return Err(too_late(deadline));
        }
        match response.read(&mut chunk) {
            Ok(0) => return Ok(Answer { status, headers, body }),
            Ok(count) => body.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) if deadline.left().is_none() || is_timeout(&error) => {
                return Err(SourceError::Unreachable(format!("{} ({})", too_late(deadline), cause(&error))));
            }
            Err(error) => {
                return Err(SourceError::Unreachable(format!("the answer broke off: {}", cause(&error))));
            }
        }
        if body.len() as u64 > MAX_BODY_BYTES {
            return Err(too_long());
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>());
    error.kind() == std::io::ErrorKind::TimedOut || inner.is_some_and(reqwest::Error::is_timeout)
}

fn too_late(deadline: &Deadline) -> SourceError {
    SourceError::Unreachable(format!("no answer within {}", deadline.limit()))
}

fn too_long() -> SourceError {
    SourceError::Malformed(format!(
        "the answer is longer than {} MiB; ask for one series",
        MAX_BODY_BYTES / 1024 / 1024
    ))
}

fn unreachable(error: reqwest::Error, deadline: &Deadline) -> SourceError {
    let error = error.without_url();
    if error.is_timeout() {
        return too_late(deadline);
    }
    let what = if error.is_connect() { "cannot connect" } else { "no answer" };
    SourceError::Unreachable(format!("{what}: {}", cause(&error)))
}
