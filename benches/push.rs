//! What a push costs: single snapshots over HTTP to a controller as `rollgate run` opens it, each on disk before it is
//! acknowledged and then judged, at a fixed rate for a minute; beside a bare write and fsync of as many bytes on the same
//! disk in the same run.
//!
//! `cargo bench --bench push -- [SECONDS [PER_SECOND [CONNECTIONS]]]`; 60 seconds, 5,000 a second over 128 connections
//! when nothing is said. Callers keep to a timetable: one that is late is measured from when it was due, so a server that
//! stalls cannot hide it.

#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a bench reads clocks and prints figures")]

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rollgate::daemon::local;
use rollgate::daemon::start::{self, Open};
use rollgate::daemon::stores::Begin;
use rollgate::daemon::telemetry::Telemetry;
use rollgate::ledger::hash::Key;
use rollgate::settings::Settings;
use rollgate::settings::values::StorePlace;
use rollgate::shell::clock;

const POLICY: &str = include_str!("../src/cli/init/canary/policy.toml");

/// A controller as `rollgate run` opens it, with one policy that every snapshot is judged by.
fn settings(folder: &Path) -> Settings {
    let policy = folder.join("policies/my-rollout");
    std::fs::create_dir_all(&policy).expect("a folder");
    std::fs::write(policy.join("policy.toml"), POLICY).expect("a file");
    let mut settings = Settings { policies: vec![folder.join("policies")], ..Settings::default() };
    settings.store.place = StorePlace::File(folder.join("store.redb"));
    settings.journal.path = folder.join("journal");
    settings.api.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    settings
}

/// Nobody is hurt: a breach would end the rollout and with it most of the work.
fn snapshot() -> String {
    let now = clock::now();
    format!(
        r#"{{"time":"{now}","rollout":"my-rollout","environment":"production","groups":{{"treatment":{{"error_rate":{{"value":0.21,"samples":1840}},"latency_p95":{{"value":212.5,"samples":1840}}}},"control":{{"error_rate":{{"value":0.19,"samples":16320}},"latency_p95":{{"value":211.0,"samples":16320}}}}}}}}"#
    )
}

fn main() {
    // Cargo says `--bench`; what is a number is ours.
    let mut numbers = std::env::args().filter_map(|word| word.parse::<u64>().ok());
    let seconds = numbers.next().unwrap_or(60);
    let rate = numbers.next().unwrap_or(5000);
    let connections = numbers.next().unwrap_or(128);
    let folder = tempfile::tempdir_in(".").expect("a folder on the disk under test");
    let telemetry = Arc::new(Telemetry::new());
    let open = start::open(&settings(folder.path()), Begin::GoOn, &telemetry).expect("a controller");
    let address = open.url().trim_start_matches("http://").parse().expect("an address");
    let here = local::find(&local::beside(&folder.path().join("store.redb"))).expect("the controller says where it is");
    into_canary(&open, address, &here.token);
    let (next, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let total = rate * seconds;
    let (since, begun) = (clock::now(), Instant::now());
    let (mut acknowledged, mut bare) = std::thread::scope(|scope| {
        let bare = scope.spawn(|| fsyncs(&folder.path().join("bare"), &over));
        let callers: Vec<_> =
            (0..connections).map(|_| scope.spawn(|| call(address, &here.token, &next, total, rate, begun))).collect();
        let acknowledged: Vec<Duration> =
            callers.into_iter().flat_map(|caller| caller.join().expect("a caller")).collect();
        over.store(true, Ordering::Relaxed);
        (acknowledged, bare.join().expect("the bare writer"))
    });
    let took = begun.elapsed();
    let mut kept = 0_u64;
    let key = Key::new("my-rollout".into(), "production".into());
    open.desk().snapshots(&key, since, &mut |_, _| kept += 1).expect("the journal");
    open.close();
    let judged = evaluations(&telemetry);
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let per_second = acknowledged.len() as f64 / took.as_secs_f64();
    println!(
        "{} pushes in {took:.1?}: {per_second:.0} a second over {connections} connections; {judged} judged",
        acknowledged.len()
    );
    assert_eq!(kept, total, "what was acknowledged is not what was kept");
    let ack = tell("acknowledged after", &mut acknowledged);
    let fsync = tell("bare write + fsync", &mut bare);
    let bound = fsync * 2 + Duration::from_millis(10);
    let verdict = if ack <= bound { "held" } else { "MISSED" };
    println!("bound on p99: 2 x {fsync:.2?} + 10ms = {bound:.2?}: {verdict}");
}

/// Begins the rollout and takes it into its canary, where every check is judged.
fn into_canary(open: &Open, address: SocketAddr, token: &str) {
    while !open.desk().unready().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    for (verb, body) in [("start", r#"{"revision":"v1","reason":"bench"}"#), ("advance", r#"{"reason":"bench"}"#)] {
        let mut stream = TcpStream::connect(address).expect("a connection");
        let answer = ask(&mut stream, &format!("/v1/rollouts/my-rollout/{verb}"), token, body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

/// One connection: takes the next place in the timetable until it is over; how long each call took from when it was due.
fn call(address: SocketAddr, token: &str, next: &AtomicU64, total: u64, rate: u64, begun: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut times = Vec::new();
    loop {
        let place = next.fetch_add(1, Ordering::Relaxed);
        if place >= total {
            return times;
        }
        let due = begun + Duration::from_nanos(place * 1_000_000_000 / rate);
        if let Some(early) = due.checked_duration_since(Instant::now()) {
            std::thread::sleep(early);
        }
        let answer = ask(&mut stream, "/v1/snapshots", token, &snapshot());
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
        times.push(due.elapsed());
    }
}

/// How often the rollout was evaluated, as `/metrics` says it.
fn evaluations(telemetry: &Telemetry) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, telemetry.registry()).expect("text");
    let line = text.lines().find(|line| line.starts_with("rollgate_evaluation_seconds_count"));
    line.and_then(|line| line.rsplit(' ').next()).unwrap_or("none").to_owned()
}

/// One call; its answer is small, and comes in one piece.
fn ask(stream: &mut TcpStream, path: &str, token: &str, body: &str) -> String {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).expect("it is sent");
    let mut answer = [0_u8; 4096];
    let length = stream.read(&mut answer).expect("it is answered");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// Writes and flushes as much as a push does, now and then, while the others are at it.
fn fsyncs(path: &Path, over: &AtomicBool) -> Vec<Duration> {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    let line = snapshot() + "\n";
    let mut times = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let started = Instant::now();
        file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).expect("it is on disk");
        times.push(started.elapsed());
        std::thread::sleep(Duration::from_millis(10));
    }
    times
}

fn tell(name: &str, times: &mut [Duration]) -> Duration {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 1000).min(times.len() - 1)];
    println!(
        "{name:<20} median {:>9.2?}  p99 {:>9.2?}  p99.9 {:>9.2?}  worst {:>9.2?}",
        at(500),
        at(990),
        at(999),
        at(1000)
    );
    at(990)
}
