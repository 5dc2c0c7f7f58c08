//! A server with its desk, and a way to call it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder, Response};
use rollgate::daemon::http::{Options, Running, start};
use rollgate::daemon::telemetry::Telemetry;
use rollgate::daemon::tokens::{NewToken, Role};
use serde_json::Value;

use super::desk::Double;

/// One snapshot that says which rollout it is about.
pub const SNAPSHOT: &str =
    r#"{"time":"2026-11-01T00:00:00Z","rollout":"checkout","groups":{"treatment":{"error_rate":0.2}}}"#;

pub struct World {
    pub desk: Arc<Double>,
    pub server: Option<Running>,
    pub client: Client,
    address: SocketAddr,
    tokens: Vec<(Role, String)>,
}

pub fn options() -> Options {
    Options::new(SocketAddr::from(([127, 0, 0, 1], 0)))
}

impl World {
    /// With a token of each role.
    pub fn new() -> World {
        World::with(options())
    }

    /// With these options and a token of each role.
    pub fn with(mut options: Options) -> World {
        let roles = [Role::Sender, Role::Viewer, Role::Operator, Role::Admin];
        let new = roles.map(|role| NewToken::generate(role.name(), role).unwrap());
        options.tokens.extend(new.iter().map(|new| new.token.clone()));
        let mut world = World::bare(options);
        world.tokens = new.into_iter().map(|new| (new.token.role, new.text)).collect();
        world
    }

    /// With these options and nothing else.
    pub fn bare(options: Options) -> World {
        let desk = Double::new();
        let server = start(options, desk.clone(), Arc::new(Telemetry::new())).unwrap();
        let client = Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        World { desk, address: server.address(), server: Some(server), client, tokens: Vec::new() }
    }

    pub fn token(&self, role: Role) -> &str {
        &self.tokens.iter().find(|(own, _)| *own == role).unwrap().1
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn get(&self, role: Role, path: &str) -> Answer {
        Answer::of(self.client.get(self.url(path)).bearer_auth(self.token(role)))
    }

    pub fn post(&self, role: Role, path: &str, body: &str) -> Answer {
        Answer::of(self.posting(path, body).bearer_auth(self.token(role)))
    }

    /// A call with a body of JSON and no token.
    pub fn posting(&self, path: &str, body: &str) -> RequestBuilder {
        self.client.post(self.url(path)).header("content-type", "application/json").body(body.to_owned())
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn of(request: RequestBuilder) -> Answer {
        Answer::read(request.send().unwrap())
    }

    fn read(response: Response) -> Answer {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, text: response.text().unwrap() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The word for programs of a refusal, after making sure that it is one.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let body = self.json();
        assert_eq!(body["status"], status);
        assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()), "{body}");
        body["code"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
