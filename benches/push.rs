//! What a push costs: single snapshots over HTTP to a controller as `rollgate run` opens it, each on disk before it is
//! acknowledged and then judged, at a fixed rate for a minute; beside a bare write and fsync of as many bytes on the same
//! disk in the same run.
//!
//! `cargo bench --bench push -- [SECONDS [PER_SECOND [CONNECTIONS]]]`; 60 seconds, 5,000 a second over 128 connections
//! when nothing is said. Callers keep to a timetable: one that is late is measured from when it was due, so a server that
//! stalls cannot hide it. What the host of a virtual machine took of its processors meanwhile is printed as well: no bound
//! of a disk holds on a machine that stands still.

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
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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
    let total = rate * seconds;
    let timetable =
        Timetable { address, token: here.token, total, rate, next: AtomicU64::new(0), begun: Instant::now() };
    let over = AtomicBool::new(false);
    let (since, begun, stolen) = (clock::now(), timetable.begun, Stolen::now());
    let (mut acknowledged, mut bare) = std::thread::scope(|scope| {
        let bare = scope.spawn(|| fsyncs(&folder.path().join("bare"), &over));
        let acknowledged = call(Arc::new(timetable), connections);
        over.store(true, Ordering::Relaxed);
        (acknowledged, bare.join().expect("the bare writer"))
    });
    let (took, stolen) = (begun.elapsed(), stolen.map(Stolen::share));
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
    if let Some(stolen) = stolen {
        println!("the host took {stolen:.1} % of the processors meanwhile");
    }
}

/// What Linux knows of the time a host took from this machine, in ticks since the start.
struct Stolen {
    stolen: f64,
    all: f64,
}

impl Stolen {
    /// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; proc_stat(5).
    fn now() -> Option<Stolen> {
        let text = std::fs::read_to_string("/proc/stat").ok()?;
        let ticks: Vec<f64> = text.lines().next()?.split_whitespace().filter_map(|tick| tick.parse().ok()).collect();
        Some(Stolen { stolen: *ticks.get(7)?, all: ticks.iter().take(8).sum() })
    }

    /// Percent since then.
    fn share(self) -> f64 {
        let now = Stolen::now().expect("it was there before");
        100.0 * (now.stolen - self.stolen) / (now.all - self.all)
    }
}

/// Begins the rollout and takes it into its canary, where every check is judged.
fn into_canary(open: &Open, address: SocketAddr, token: &str) {
    while !open.desk().unready().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    for (verb, body) in [("start", r#"{"revision":"v1","reason":"bench"}"#), ("advance", r#"{"reason":"bench"}"#)] {
        let mut stream = TcpStream::connect(address).expect("a connection");
        let request = request(&format!("/v1/rollouts/my-rollout/{verb}"), token, body);
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut answer = [0_u8; 4096];
        let length = stream.read(&mut answer).expect("it is answered");
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..length]));
    }
}

/// When what is due.
struct Timetable {
    address: SocketAddr,
    token: String,
    total: u64,
    rate: u64,
    next: AtomicU64,
    begun: Instant,
}

/// All callers, on one thread: a hundred of them would fight with the server for two cores.
fn call(timetable: Arc<Timetable>, connections: u64) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let callers: Vec<_> = (0..connections).map(|_| tokio::spawn(caller(Arc::clone(&timetable)))).collect();
        let mut times = Vec::new();
        for caller in callers {
            times.append(&mut caller.await.expect("a caller"));
        }
        times
    })
}

/// One connection: takes the next place in the timetable until it is over; how long each call took from when it was due.
async fn caller(timetable: Arc<Timetable>) -> Vec<Duration> {
    let mut stream = tokio::net::TcpStream::connect(timetable.address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let (mut times, mut answer) = (Vec::new(), [0_u8; 4096]);
    loop {
        let place = timetable.next.fetch_add(1, Ordering::Relaxed);
        if place >= timetable.total {
            return times;
        }
        let due = timetable.begun + Duration::from_nanos(place * 1_000_000_000 / timetable.rate);
        tokio::time::sleep_until(due.into()).await;
        let request = request("/v1/snapshots", &timetable.token, &snapshot());
        stream.write_all(request.as_bytes()).await.expect("it is sent");
        // It is small, and comes in one piece.
        let length = stream.read(&mut answer).await.expect("it is answered");
        assert!(answer.starts_with(b"HTTP/1.1 202"), "{}", String::from_utf8_lossy(&answer[..length]));
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

fn request(path: &str, token: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
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
