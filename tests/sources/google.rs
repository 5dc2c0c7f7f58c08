//! Google Cloud Monitoring and the metadata server, played as they behave: only `GET`, only with a token that is good,
//! errors in Google's own words, and points that come minutes late.

use std::sync::{Arc, Mutex};

use rollgate::adapters::source::prometheus::{Access, Config, Prometheus, Query};
use rollgate::model::frame::Group;
use rollgate::model::time::{Duration as Length, Time};
use rollgate::ports::source::Source;

use super::prometheus_support::http::{Reply, Request, Server};
use super::world::now;

const PATH: &str = "/v1/projects/shop/location/global/prometheus/api/v1/query";
const TOKEN_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

/// What the double knows and does.
struct State {
    /// Tokens given out so far; the last one is the good one.
    given: u32,
    /// Every token is refused.
    refuses: Option<Reply>,
    /// What the metadata server does instead of giving a token.
    metadata: Option<Reply>,
    /// The newest point.
    point: Time,
}

struct Google {
    state: Arc<Mutex<State>>,
    _metadata: Server,
    _api: Server,
    source: Prometheus,
}

fn google() -> Google {
    let state = Arc::new(Mutex::new(State { given: 0, refuses: None, metadata: None, point: now() }));
    let (at_metadata, at_api) = (Arc::clone(&state), Arc::clone(&state));
    let metadata = Server::start(move |request| metadata(&mut at_metadata.lock().unwrap(), request));
    let api = Server::start(move |request| api(&at_api.lock().unwrap(), request));
    let query = "sum(rate(run_googleapis_com:request_count{response_code_class=\"5xx\"}[5m]))";
    let config = Config::google("google", "shop", vec![Query::new("errors", Group::Treatment, query)]);
    assert_eq!(config.url, "https://monitoring.googleapis.com/v1/projects/shop/location/global/prometheus");
    let source = Prometheus::new(Config {
        url: config.url.replace("https://monitoring.googleapis.com", &api.url()),
        access: Access::Google { metadata_host: Some(metadata.address.to_string()) },
        deadline: Length::from_millis(700),
        ..config
    });
    Google { state, _metadata: metadata, _api: api, source: source.unwrap() }
}

fn metadata(state: &mut State, request: &Request) -> Reply {
    let google = || vec![("Metadata-Flavor", "Google".to_owned())];
    if request.path != TOKEN_PATH || request.headers.get("metadata-flavor").is_none_or(|flavor| flavor != "Google") {
        return Reply::Say(403, google(), b"Missing required header".to_vec());
    }
    if let Some(reply) = &state.metadata {
        return reply.clone();
    }
    state.given += 1;
    let body = format!(r#"{{"access_token":"ya29.{}","expires_in":3599,"token_type":"Bearer"}}"#, state.given);
    Reply::Say(200, google(), body.into_bytes())
}

fn api(state: &State, request: &Request) -> Reply {
    let error = |code: u16, status: &str| {
        Reply::status(code, &format!(r#"{{"error":{{"code":{code},"message":"in words","status":"{status}"}}}}"#))
    };
    if request.method != "GET" || request.path != PATH {
        return error(404, "NOT_FOUND");
    }
    if let Some(reply) = &state.refuses {
        return reply.clone();
    }
    if request.headers.get("authorization").is_none_or(|token| *token != format!("Bearer ya29.{}", state.given)) {
        return error(401, "UNAUTHENTICATED");
    }
    let clock = now().as_millis() as f64 / 1000.0;
    let at = request.fields.get("time").cloned().unwrap_or_else(|| clock.to_string());
    let point = state.point.as_millis() as f64 / 1000.0;
    let (kind, result) = match request.fields["query"].as_str() {
        "time()" => ("scalar", format!(r#"[{at},"{at}"]"#)),
        query if query.starts_with("max(timestamp(run_googleapis_com:request_count{") => {
            ("vector", format!(r#"[{{"metric":{{}},"value":[{at},"{point}"]}}]"#))
        }
        _ => ("vector", format!(r#"[{{"metric":{{}},"value":[{at},"0.25"]}}]"#)),
    };
    Reply::json(format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#))
}

impl Google {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn value(&mut self, at: Time) -> f64 {
        self.source.poll(at).unwrap()[0].groups["treatment"]["errors"].value
    }
}

#[test]
fn a_token_is_fetched_once_and_renewed_before_it_ends() {
    let mut google = google();
    let start = now();
    for (seconds, given) in [(0, 1), (15, 1), (3538, 1), (3540, 2), (3600, 2), (7078, 2), (7200, 3)] {
        assert_eq!(google.value(start + Length::from_secs(seconds)), 0.25);
        assert_eq!(google.state().given, given, "after {seconds} s");
    }
}

#[test]
fn points_that_come_late_are_as_old_as_they_are() {
    let mut google = google();
    let point = now() - Length::from_mins(4);
    google.state().point = point;
    let snapshots = google.source.poll(now()).unwrap();
    assert_eq!(snapshots[0].groups["treatment"]["errors"].observed, Some(point));
}

#[test]
fn a_token_that_is_not_taken_is_renewed_once() {
    let mut google = google();
    assert_eq!(google.value(now()), 0.25);
    // The one in hand is revoked: only the next one is good.
    google.state().given = 7;
    assert_eq!(google.value(now()), 0.25);
    assert_eq!(google.state().given, 8);
}

#[test]
fn when_no_token_is_taken_it_says_so_and_does_not_try_for_ever() {
    let mut google = google();
    google.state().refuses = Some(Reply::status(401, r#"{"error":{"status":"UNAUTHENTICATED","message":"no"}}"#));
    let error = google.source.poll(now()).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), ("denied", "it answers 401: UNAUTHENTICATED: no"));
    assert_eq!(google.state().given, 2);
    google.state().refuses = None;
    assert_eq!(google.value(now()), 0.25);
}

#[test]
fn what_google_refuses_is_told_in_its_words() {
    for (status, name, kind) in [
        (403, "PERMISSION_DENIED", "denied"),
        (429, "RESOURCE_EXHAUSTED", "refused"),
        (400, "INVALID_ARGUMENT", "refused"),
        (503, "UNAVAILABLE", "refused"),
    ] {
        let mut google = google();
        let body = format!(r#"{{"error":{{"code":{status},"message":"in words","status":"{name}"}}}}"#);
        google.state().refuses = Some(Reply::status(status, &body));
        let error = google.source.poll(now()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().starts_with(&format!("it answers {status}: {name}: in words")), "{error}");
    }
}

#[test]
fn what_is_wrong_with_the_metadata_server_is_told_and_mends_itself() {
    let flavoured = |status, body: &str| {
        Reply::Say(status, vec![("Metadata-Flavor", "Google".to_owned())], body.as_bytes().to_vec())
    };
    for (reply, kind, words) in [
        (flavoured(404, "not found"), "denied", "does the machine have a service account?"),
        (flavoured(403, "scopes"), "denied", "has no token (403): scopes"),
        (flavoured(503, ""), "unreachable", "the metadata server answers 503"),
        (flavoured(200, "very-secret"), "malformed", "token cannot be read"),
        (flavoured(200, r#"{"access_token":"very-secret","expires_in":0}"#), "malformed", "is over already"),
        (Reply::status(200, "{}"), "malformed", "is none"),
        (Reply::Hang, "unreachable", "the metadata server: no answer within 700ms"),
        (Reply::Cut, "unreachable", "the metadata server: "),
    ] {
        let mut google = google();
        google.state().metadata = Some(reply);
        let error = google.source.poll(now()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains("very-secret"), "{error}");
        google.state().metadata = None;
        assert_eq!(google.value(now()), 0.25);
    }
}

#[test]
fn while_no_new_token_is_to_be_had_the_old_one_is_used_to_its_end() {
    let mut google = google();
    let start = now();
    assert_eq!(google.value(start), 0.25);
    google.state().metadata = Some(Reply::status(500, ""));
    assert_eq!(google.value(start + Length::from_secs(3598)), 0.25);
    assert!(google.source.poll(start + Length::from_secs(3600)).is_err());
}
