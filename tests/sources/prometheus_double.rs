//! A server that answers as Prometheus does, and has every fault that the real one cannot be made to have.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rollgate::adapters::source::prometheus::{Access, Config, Method, Prometheus, Query};
use rollgate::adapters::source::{About, Secret};
use rollgate::model::frame::Group;
use rollgate::model::reading::Unknown;
use rollgate::model::time::{Duration as Length, Time};
use rollgate::ports::source::Source;

use super::prometheus_support::http::{Reply, Request, Server};
use super::world::{METRIC, Say, World, now};

/// What the double says.
struct Voice {
    say: Say,
    observed: Time,
    /// Its clock is this much ahead of ours, in milliseconds.
    clock: i64,
    hangs: bool,
}

pub struct Double {
    voice: Arc<Mutex<Voice>>,
    server: Option<Server>,
    address: SocketAddr,
    source: Prometheus,
}

const DEADLINE: Length = Length::from_millis(700);

pub fn world() -> Double {
    let voice = Arc::new(Mutex::new(Voice { say: Say::Nothing, observed: now(), clock: 0, hangs: false }));
    let server = Server::start(handler(&voice));
    let address = server.address;
    let source = source(&server.url());
    Double { voice, server: Some(server), address, source }
}

fn source(url: &str) -> Prometheus {
    let query = Query::new(METRIC, Group::Treatment, METRIC);
    Prometheus::new(Config { deadline: DEADLINE, ..Config::new("double", url, vec![query]) }).unwrap()
}

fn handler(voice: &Arc<Mutex<Voice>>) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    let voice = Arc::clone(voice);
    move |request| {
        let voice = voice.lock().unwrap();
        if voice.hangs {
            return Reply::Hang;
        }
        let clock = Time::from_millis(now().as_millis() + voice.clock);
        let at = request.fields.get("time").map_or_else(|| seconds(clock), Clone::clone);
        let vector = |value: &str| format!(r#"[{{"metric":{{}},"value":[{at},"{value}"]}}]"#);
        let (kind, result) = match (request.fields["query"].as_str(), voice.say) {
            ("time()", _) => ("scalar", format!(r#"[{at},"{at}"]"#)),
            (_, Say::Nothing) => ("vector", "[]".to_owned()),
            (METRIC, Say::NotANumber) => ("vector", vector("NaN")),
            (METRIC, Say::Number(value) | Say::Behind(value) | Say::Ahead(value)) => {
                ("vector", vector(&value.to_string()))
            }
            (METRIC, Say::Partial) => ("vector", vector("1")),
            ("max(timestamp(error_rate))", _) => ("vector", vector(&seconds(voice.observed))),
            (other, _) => return bad_data(other),
        };
        let warnings = if voice.say == Say::Partial { r#","warnings":["one store did not answer"]"# } else { "" };
        success(kind, &result, warnings)
    }
}

fn success(kind: &str, result: &str, more: &str) -> Reply {
    Reply::json(format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}{more}}}"#))
}

fn bad_data(query: &str) -> Reply {
    Reply::status(400, &format!(r#"{{"status":"error","errorType":"bad_data","error":"no {query} here"}}"#))
}

fn seconds(time: Time) -> String {
    format!("{}.{:03}", time.as_millis() / 1000, time.as_millis() % 1000)
}

impl World for Double {
    fn source(&mut self) -> &mut dyn Source {
        &mut self.source
    }

    fn deadline(&self) -> Duration {
        Duration::from_millis(700)
    }

    fn say(&mut self, what: Say) -> Time {
        let mut voice = self.voice.lock().unwrap();
        let hour = Length::from_hours(1).as_millis();
        voice.clock = match what {
            Say::Behind(_) => -hour,
            Say::Ahead(_) => hour,
            _ => 0,
        };
        voice.say = what;
        voice.observed = Time::from_millis(now().as_millis() + voice.clock);
        voice.observed
    }

    fn hang(&mut self) {
        self.voice.lock().unwrap().hangs = true;
    }

    fn die(&mut self) {
        self.server = None;
    }

    fn recover(&mut self) {
        self.voice.lock().unwrap().hangs = false;
        self.server = None;
        self.server = Some(Server::start_at(self.address, Arc::new(handler(&self.voice))));
    }

    fn restart(&mut self) {
        self.source = source(&format!("http://{}", self.address));
    }
}

/// A source whose `time()` is answered, and all else by `reply`.
fn answering(reply: impl Fn(&Request) -> Reply + Send + Sync + 'static, queries: Vec<Query>) -> (Server, Prometheus) {
    let server = Server::start(move |request| match request.fields["query"].as_str() {
        "time()" => scalar("1000"),
        _ => reply(request),
    });
    let source = Prometheus::new(Config { deadline: DEADLINE, ..Config::new("double", &server.url(), queries) });
    (server, source.unwrap())
}

fn scalar(value: &str) -> Reply {
    success("scalar", &format!(r#"[1000.5,"{value}"]"#), "")
}

/// Answered without any series, so that nothing but the value is asked.
fn query(metric: &str) -> Query {
    Query::new(metric, Group::Treatment, &format!("vector({})", metric.len()))
}

#[test]
fn a_drip_an_endless_answer_and_a_cut_line_end_the_call() {
    for (reply, kind) in [
        (Reply::Drip, "unreachable"),
        (Reply::Hang, "unreachable"),
        (Reply::Cut, "unreachable"),
        (Reply::Endless, "malformed"),
        (Reply::Say(200, vec![], vec![b' '; 5 << 20]), "malformed"),
    ] {
        let said = format!("{reply:?}").chars().take(20).collect::<String>();
        let (_server, mut source) = answering(move |_| reply.clone(), vec![query("a"), query("bb")]);
        let started = Instant::now();
        let error = source.poll(now()).unwrap_err();
        assert!(started.elapsed() < Duration::from_millis(2700), "{said}");
        assert_eq!(error.kind(), kind, "{said}: {error}");
        assert!(error.to_string().ends_with("; one more query fails"), "{said}: {error}");
    }
}

#[test]
fn the_deadline_is_for_all_queries_together() {
    let queries: Vec<Query> = (1..60).map(|length| query(&"m".repeat(length))).collect();
    let (_server, mut source) = answering(|_| Reply::Hang, queries);
    let started = Instant::now();
    assert!(source.poll(now()).is_err());
    assert!(started.elapsed() < Duration::from_millis(2700), "{:?}", started.elapsed());
}

#[test]
fn one_query_that_fails_costs_only_its_own_reading() {
    let reply = |request: &Request| match request.fields["query"].as_str() {
        "vector(1)" => scalar("5"),
        "vector(2)" => Reply::status(422, r#"{"status":"error","errorType":"execution","error":"many-to-many"}"#),
        "vector(3)" => Reply::Hang,
        "vector(4)" => Reply::json("<html>"),
        _ => {
            success("vector", r#"[{"metric":{"pod":"a"},"value":[1,"1"]},{"metric":{"pod":"b"},"value":[1,"1"]}]"#, "")
        }
    };
    let (_server, mut source) = answering(reply, ["a", "bb", "ccc", "dddd", "eeeee"].map(query).to_vec());
    let snapshots = source.poll(now()).unwrap();
    let [snapshot] = snapshots.as_slice() else { panic!("{snapshots:?}") };
    let readings = &snapshot.groups["treatment"];
    assert_eq!((readings["a"].value, readings["a"].unknown), (5.0, None));
    for metric in ["bb", "ccc", "dddd", "eeeee"] {
        assert_eq!(readings[metric].unknown, Some(Unknown::SourceError), "{metric}");
    }
    let problems = source.problems();
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert_eq!(problems[0], "`bb` of treatment: it answers 422: execution: many-to-many");
    assert_eq!(problems[1], "`ccc` of treatment: no answer within 700ms");
    assert!(problems[2].starts_with("`dddd` of treatment: the answer cannot be read"), "{problems:?}");
    assert!(problems[3].contains(r#"2 series came back and one is expected ({pod="a"}, {pod="b"})"#), "{problems:?}");
    // And the next answer is a clean slate.
    assert_eq!(source.poll(now()).unwrap().len(), 1);
    assert_eq!(source.problems().len(), 4);
}

#[test]
fn a_refused_server_is_a_failure_of_its_kind() {
    for (status, kind) in
        [(401, "denied"), (403, "denied"), (429, "refused"), (500, "refused"), (503, "refused"), (301, "refused")]
    {
        let server = Server::start(move |_| Reply::status(status, ""));
        let mut source = source(&server.url());
        let error = source.poll(now()).unwrap_err();
        assert_eq!(error.kind(), kind, "{status}: {error}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
}

#[test]
fn a_redirect_is_not_followed_with_the_token() {
    let elsewhere = Server::start(|_| panic!("it was followed"));
    let place = format!("{}/api/v1/query", elsewhere.url());
    let server = Server::start(move |_| Reply::Say(307, vec![("location", place.clone())], Vec::new()));
    let mut source = Prometheus::new(Config {
        access: Access::Bearer(Secret::new("very-secret")),
        ..Config::new("double", &server.url(), vec![query("a")])
    });
    let error = source.as_mut().unwrap().poll(now()).unwrap_err();
    assert!(error.to_string().contains(&elsewhere.url()), "{error}");
}

#[test]
fn what_it_shows_goes_out_and_never_into_a_message() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let server = Server::start(move |request| {
        kept.lock().unwrap().push(request.clone());
        Reply::status(401, "")
    });
    for (access, header) in [
        (Access::Bearer(Secret::new("very-secret")), "Bearer very-secret"),
        (Access::Basic { user: "ana".to_owned(), password: Secret::new("very-secret") }, "Basic YW5hOnZlcnktc2VjcmV0"),
    ] {
        let config = Config {
            access,
            headers: vec![("X-Scope-OrgID".to_owned(), Secret::new("very-secret-tenant"))],
            ..Config::new("double", &server.url(), vec![query("a")])
        };
        let mut source = Prometheus::new(config).unwrap();
        let error = source.poll(now()).unwrap_err();
        let request = seen.lock().unwrap().pop().unwrap();
        assert_eq!(request.headers["authorization"], header);
        assert_eq!(request.headers["x-scope-orgid"], "very-secret-tenant");
        let told = format!("{error} {error:?} {source:?}");
        assert!(!told.contains("very-secret"), "{told}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_before_anything_is_asked() {
    let config = |url: &str| Config::new("double", url, vec![query("a")]);
    let twice = vec![query("a"), query("a")];
    for (config, words) in [
        (config("prometheus:9090"), "is not an address of the web"),
        (config("9090"), "is not an address"),
        (config("ftp://prometheus"), "is not an address of the web"),
        (config("http://ana:very-secret@prometheus:9090"), "the address at `prometheus` carries a password"),
        (Config { ca: Some(b"rubbish".to_vec()), ..config("https://p") }, "the certificate cannot be read"),
        (Config { proxy: Some("::".to_owned()), ..config("https://p") }, "the proxy cannot be used"),
        (Config { headers: vec![("a b".to_owned(), Secret::new("c"))], ..config("http://p") }, "`a b` cannot be sent"),
        (Config { access: Access::Bearer(Secret::new("very-secret\n")), ..config("http://p") }, "line break"),
        (Config::new("double", "http://p", vec![]), "it has no queries"),
        (Config::new("double", "http://p", twice), "two queries give `a` of treatment; which one is it?"),
    ] {
        let error = Prometheus::new(config).expect_err(words);
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains("very-secret"), "{error}");
    }
}

#[test]
fn queries_go_out_as_a_form_or_in_the_address_with_the_time_left() {
    for (method, word) in [(Method::Post, "POST"), (Method::Get, "GET")] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let server = Server::start(move |request| {
            kept.lock().unwrap().push(request.clone());
            scalar("1")
        });
        let url = format!("{}/prefix/", server.url());
        let mut source = Prometheus::new(Config { method, ..Config::new("double", &url, vec![query("a")]) }).unwrap();
        source.poll(now()).unwrap();
        let seen = seen.lock().unwrap();
        let [time, value] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!((time.method.as_str(), time.path.as_str()), (word, "/prefix/api/v1/query"));
        assert_eq!(value.fields["query"], "vector(1)");
        assert_eq!(value.fields["time"], "1000.500");
        let left: u64 = value.fields["timeout"].strip_suffix("ms").unwrap().parse().unwrap();
        assert!((1..=10_000).contains(&left), "{left}");
        assert!(!time.fields.contains_key("time"));
    }
}

#[test]
fn counts_ages_and_exposure_go_with_the_readings_of_their_region() {
    let reply = |request: &Request| match request.fields["query"].as_str() {
        "vector(1)" => scalar("5"),
        "count" => scalar("1200.7"),
        "age" => scalar("90.25"),
        "share" => scalar("10"),
        other => bad_data(other),
    };
    let base = query("a");
    let counted = Query { samples: Some("count".to_owned()), age: Some("age".to_owned()), ..base.clone() };
    let elsewhere = Query { region: Some("us".to_owned()), samples: Some("nothing".to_owned()), ..base };
    let server = Server::start(move |request| match request.fields["query"].as_str() {
        "time()" => scalar("1000"),
        _ => reply(request),
    });
    let mut source = Prometheus::new(Config {
        region: "eu".to_owned(),
        about: About { rollout: Some("checkout".to_owned()), environment: Some("production".to_owned()) },
        exposure: Some("share".to_owned()),
        ..Config::new("double", &server.url(), vec![counted, elsewhere])
    })
    .unwrap();
    let snapshots = source.poll(now()).unwrap();
    let [eu, us] = snapshots.as_slice() else { panic!("{snapshots:?}") };
    assert_eq!((eu.region.as_str(), eu.exposure), ("eu", Some(10.0)));
    assert_eq!((us.region.as_str(), us.exposure), ("us", None));
    let reading = eu.groups["treatment"]["a"];
    assert_eq!((reading.value, reading.samples), (5.0, Some(1200)));
    assert_eq!((eu.time, reading.observed), (Time::from_millis(1_000_500), Some(Time::from_millis(910_250))));
    let reading = us.groups["treatment"]["a"];
    assert_eq!((reading.value, reading.samples, reading.observed), (5.0, None, None));
    assert_eq!((eu.rollout.as_deref(), eu.environment.as_deref()), (Some("checkout"), Some("production")));
    assert_eq!(source.problems().len(), 1);
    assert!(source.problems()[0].starts_with("`a` of treatment in `us`: its samples cannot be told"));
}

#[test]
fn a_value_without_a_fresh_sample_under_it_is_stale_and_one_of_unknown_age_unknown() {
    for (age, why) in [
        (success("vector", "[]", ""), Unknown::Stale),
        (scalar("NaN"), Unknown::SourceError),
        (scalar("-5"), Unknown::SourceError),
        (Reply::status(503, ""), Unknown::SourceError),
    ] {
        let reply = move |request: &Request| match request.fields["query"].as_str() {
            "age" => age.clone(),
            _ => scalar("5"),
        };
        let aged = Query { age: Some("age".to_owned()), ..query("a") };
        let (_server, mut source) = answering(reply, vec![aged]);
        let snapshots = source.poll(now()).unwrap();
        assert_eq!(snapshots[0].groups["treatment"]["a"].unknown, Some(why));
        assert_eq!(source.problems().len(), 1);
    }
}
