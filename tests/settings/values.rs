//! What a file means, and what no file means.

use std::path::Path;

use rollgate::model::frame::Group;
use rollgate::model::time::Time;
use rollgate::settings::Settings;
use rollgate::settings::secret::{Open, SecretRef};
use rollgate::settings::sources::{Access, FileSettings, GroupBy, GroupWords, Matching, OtlpTake, SourceKind};
use rollgate::settings::values::{ApiRole, LogFormat, LogLevel, RedisServers, RedisSettings, RedisTls, StorePlace};
use rstest::rstest;

use crate::{FULL, sound};

#[rstest]
#[case::empty("")]
#[case::only_comments("# nothing\n")]
#[case::empty_tables("[store]\n[api]\n[lease]\n[log]\n[reload]\n[journal]\n")]
#[case::the_defaults_written_out(
    "environment = \"production\"\npolicies = [\"policies\"]\n\
     store = { path = \"rollgate.redb\", retention = \"30d\", create = true }\n\
     journal = { path = \"rollgate.journal\", keep = \"2h\" }\n\
     lease = { term = \"4s\", renew = \"1200ms\", step_down = \"2800ms\" }\n\
     log = { format = \"text\", level = \"info\" }\n\
     reload = { debounce = \"50ms\", poll = \"500ms\", tests_budget = \"2s\" }\n\
     [api]\nlisten = \"127.0.0.1:7878\"\nlimits = { body = \"1MiB\", calls = \"100/s\", pushes = \"20000/s\", head = \"5s\" }\n"
)]
fn everything_has_a_default(#[case] text: &str) {
    assert_eq!(sound(text), Settings::default());
}

#[test]
fn the_default_is_safe_and_needs_nothing() {
    let settings = Settings::default();
    assert!(settings.api.listen.ip().is_loopback());
    assert_eq!(settings.store.place, StorePlace::File("rollgate.redb".into()));
    assert_eq!(settings.secrets(), []);
    assert!(settings.heartbeat.is_none() && settings.sources.is_empty());
}

#[test]
fn every_key_is_read() {
    let settings = sound(FULL);
    assert_eq!(settings.environment.as_str(), "staging");
    let StorePlace::Redis(redis) = &settings.store.place else { panic!("{:?}", settings.store) };
    let RedisServers::Sentinel { sentinels, master, database } = &redis.servers else { panic!("{redis:?}") };
    assert_eq!((sentinels.len(), master.as_str(), *database), (3, "rollgate", 2));
    assert_eq!(redis.sentinel_username.as_deref(), Some("watcher"));
    assert_eq!(redis.sentinel_password, Some(SecretRef::File("/run/secrets/sentinel".into())));
    assert_eq!(redis.password, Some(SecretRef::Env("REDIS_PASSWORD".into())));
    assert_eq!((redis.prefix.as_str(), redis.replicas_to_wait), ("rg", 1));
    assert_eq!(redis.deadline.as_millis(), 800);
    assert_eq!(settings.store.retention.as_millis(), 90 * 86_400_000);
    assert!(!settings.store.create);
    assert_eq!(settings.journal.keep.as_millis(), 6 * 3_600_000);
    assert_eq!(settings.api.listen.to_string(), "0.0.0.0:7878");
    assert_eq!(settings.api.limits.body, 2 * 1024 * 1024);
    assert!((settings.api.limits.calls - 5.0).abs() < 1e-9 && (settings.api.limits.pushes - 50.0).abs() < 1e-9);
    assert_eq!((settings.api.limits.connections, settings.api.limits.large_body), (64, 8 << 20));
    assert_eq!((settings.api.limits.head.as_millis(), settings.api.limits.call.as_millis()), (2000, 10_000));
    assert_eq!(settings.api.hosts, ["rollgate.example"]);
    let [viewer, ci] = settings.api.tokens.as_slice() else { panic!("{:?}", settings.api.tokens) };
    assert_eq!((viewer.role, ci.role), (ApiRole::Viewer, ApiRole::Operator));
    assert_eq!((viewer.sha256[0], viewer.sha256[31], ci.sha256[2]), (0x9f, 0x08, 0x3a));
    assert_eq!(ci.expires, Time::parse("2027-01-31T00:00:00Z").ok());
    assert_eq!(settings.lease.step_down.as_millis(), 7000);
    assert_eq!(settings.heartbeat.as_ref().unwrap().every.as_millis(), 60_000);
    assert_eq!((settings.log.format, settings.log.level), (LogFormat::Json, LogLevel::Debug));
    assert_eq!(settings.reload.tests_budget.as_millis(), 5000);
    assert_eq!(settings.sources.len(), 6);
}

#[test]
fn every_source_is_read() {
    let sources = sound(FULL).sources;
    let words: Vec<&str> = sources.iter().map(|source| source.kind.word()).collect();
    assert_eq!(words, ["prometheus", "google", "redis-stream", "ndjson", "otlp", "alertmanager"]);
    let SourceKind::Prometheus(prometheus) = &sources[0].kind else { panic!() };
    assert!(matches!(&prometheus.access, Access::Basic { username, .. } if username == "rollgate"));
    let metrics: Vec<&str> = prometheus.queries.iter().map(|query| query.metric.as_str()).collect();
    assert_eq!(metrics, ["error_rate", "latency_p95", "saturation"]);
    assert_eq!(prometheus.queries[1].groups, Some(vec![Group::Treatment, Group::Control]));
    assert_eq!((sources[0].every.as_millis(), sources[0].deadline.as_millis()), (30_000, 10_000));
    assert_eq!(sources[0].rollouts.len(), 2);
    assert_eq!((sources[1].rollouts.len(), sources[3].rollouts.len()), (1, 0));
    let SourceKind::RedisStream(stream) = &sources[2].kind else { panic!() };
    assert_eq!(stream.redis.servers, RedisServers::One(Open::Plain("redis://redis:6379/1".into())));
    assert_eq!(prometheus.headers[0], ("X-Scope-OrgID".to_owned(), Open::Plain("shop".into())));
    assert!(prometheus.headers[1..].iter().all(|(_, value)| matches!(value, Open::Secret(_))));
    assert_eq!(prometheus.exposure.as_deref(), Some("100 * canary:share"));
    assert_eq!(prometheus.queries[1].age.as_deref(), Some("7"));
}

#[test]
fn what_is_pushed_is_mapped() {
    let sources = sound(FULL).sources;
    let SourceKind::Otlp(otlp) = &sources[4].kind else { panic!() };
    let words = GroupWords { treatment: Some("canary".into()), ..GroupWords::default() };
    assert_eq!(otlp.place.group, GroupBy::Label { label: "variant".into(), words });
    assert_eq!(otlp.place.region_label.as_deref(), Some("region"));
    let latency = &otlp.metrics[1];
    assert_eq!((latency.take, latency.factor), (OtlpTake::Quantile(0.95), 1000.0));
    assert_eq!(latency.matching, [Matching { label: "service".into(), one_of: vec!["a".into(), "b".into()] }]);
    assert_eq!((otlp.metrics[0].take, otlp.metrics[0].factor), (OtlpTake::Value, 1.0));
    let SourceKind::Alertmanager(alerts) = &sources[5].kind else { panic!() };
    assert_eq!(alerts.place.group, GroupBy::Always(Group::All));
    assert_eq!((alerts.alerts[0].alert.as_str(), alerts.alerts[0].fires_when_ok), ("CheckoutDown", false));
    assert_eq!((alerts.alerts[1].metric.as_str(), alerts.alerts[1].fires_when_ok), ("watchdog", true));
}

#[test]
fn paths_are_taken_from_where_the_file_stands() {
    let settings = sound(FULL).below(Path::new("/etc/rollgate"));
    assert_eq!(settings.policies, [Path::new("/etc/rollgate/policies"), Path::new("/srv/more")]);
    assert_eq!(settings.journal.path, Path::new("/var/lib/rollgate/journal"));
    assert_eq!(settings.api.tls.as_ref().unwrap().key, Path::new("/etc/rollgate/tls.key"));
    let path = "/etc/rollgate/snapshots.ndjson".into();
    assert_eq!(settings.sources[3].kind, SourceKind::Ndjson(FileSettings { path, from_beginning: true }));
    let StorePlace::Redis(redis) = &settings.store.place else { panic!() };
    assert_eq!(redis.tls, Some(RedisTls { ca: Some("/etc/rollgate/redis-ca.pem".into()) }));
    let SourceKind::Prometheus(prometheus) = &settings.sources[0].kind else { panic!() };
    assert_eq!(prometheus.ca.as_deref(), Some(Path::new("/etc/rollgate/ca.pem")));
    assert_eq!(settings.telemetry.unwrap().ca.as_deref(), Some(Path::new("/etc/rollgate/otel-ca.pem")));
    let secrets = sound("heartbeat = { url = \"file:beat\" }").below(Path::new("/etc/rollgate")).secrets();
    assert_eq!(secrets, [SecretRef::File("/etc/rollgate/beat".into())]);
}

#[test]
fn every_secret_that_is_named_can_be_asked_for() {
    let mut names: Vec<String> = sound(FULL).secrets().iter().map(ToString::to_string).collect();
    names.sort();
    let mut due: Vec<String> = FULL
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|text| ["env:", "file:", "gsm:"].iter().any(|prefix| text.starts_with(prefix)))
        .map(str::to_owned)
        .collect();
    due.sort();
    assert_eq!(names, due);
}

#[rstest]
#[case::a_url("store = { url = \"redis://redis:6379/3\" }", RedisServers::One(Open::Plain("redis://redis:6379/3".into())))]
#[case::a_secret_url("store = { url = \"env:REDIS_URL\" }", RedisServers::One(Open::Secret(SecretRef::Env("REDIS_URL".into()))))]
#[case::cluster("store = { cluster = [\"a:6379\", \"b:1\"] }", RedisServers::Cluster(vec!["a:6379".into(), "b:1".into()]))]
fn redis_is_reached_as_it_is_named(#[case] text: &str, #[case] servers: RedisServers) {
    let settings = sound(text);
    let due = StorePlace::Redis(Box::new(RedisSettings::new(servers)));
    assert_eq!(settings.store.place, due, "everything else has a default");
}

#[rstest]
#[case::by_the_address("url = \"rediss://r\"", Some(None))]
#[case::said_twice("url = \"rediss://r\"\ntls = true", Some(None))]
#[case::not_at_all("url = \"redis://r\"\ntls = false", None)]
#[case::a_cluster("cluster = [\"a:1\"]\ntls = true\nca = \"ca.pem\"", Some(Some("ca.pem")))]
#[case::a_secret_address_says_it_itself("url = \"env:URL\"", None)]
#[case::a_secret_address_with_an_authority("url = \"env:URL\"\nca = \"ca.pem\"", Some(Some("ca.pem")))]
fn redis_is_encrypted_when_anything_says_so(#[case] text: &str, #[case] due: Option<Option<&str>>) {
    let settings = sound(&format!("[store]\n{text}\n"));
    let StorePlace::Redis(redis) = &settings.store.place else { panic!() };
    assert_eq!(redis.tls, due.map(|ca| RedisTls { ca: ca.map(Into::into) }));
}
