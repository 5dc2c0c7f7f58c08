//! What a push costs: single snapshots over HTTP, each on disk before it is acknowledged, at a fixed rate for a minute,
//! beside a bare write and fsync of as many bytes on the same disk in the same run.
//!
//! `cargo bench --bench push -- [SECONDS [PER_SECOND [CONNECTIONS]]]`; 60 seconds, 5,000 a second over 64 connections
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

use rollgate::adapters::journal::{FileJournal, Options as JournalOptions};
use rollgate::control::{Command, OperateError, Outcome, PolicyRecord};
use rollgate::daemon::desk::{Accepted, Denial, Desk, NotAccepted, Notice, Reply, View};
use rollgate::daemon::http::{Options, start};
use rollgate::daemon::telemetry::Telemetry;
use rollgate::ledger::Entry;
use rollgate::ledger::hash::Key;
use rollgate::model::ids::Digest;
use rollgate::model::snapshot::Snapshot;
use rollgate::ports::journal::Journal as _;
use rollgate::shell::clock;

/// A desk that keeps what is pushed, and nothing else.
struct Keeper {
    key: Key,
    journal: FileJournal,
}

impl Desk for Keeper {
    fn views(&self) -> Vec<Arc<View>> {
        Vec::new()
    }

    fn push(&self, _: &str, snapshots: Vec<Snapshot>, reply: Reply<Result<Accepted, NotAccepted>>) {
        let accepted = Accepted { snapshots: snapshots.len(), unmapped: 0 };
        let answer = move |kept: Result<(), _>| match kept {
            Ok(()) => reply(Ok(accepted)),
            Err(error) => reply(Err(NotAccepted::NotKept(ToString::to_string(&error)))),
        };
        self.journal.keep_then(&self.key, clock::now(), &snapshots, Box::new(answer));
    }

    fn command(&self, key: &Key, _: Command, _: bool, reply: Reply<Result<Outcome, OperateError>>) {
        reply(Err(OperateError::Unknown(key.clone())));
    }

    fn history(&self, _: &Key, _: u64, _: usize) -> Result<Vec<Entry>, OperateError> {
        Ok(Vec::new())
    }

    fn decision(&self, _: &str) -> Result<Option<String>, OperateError> {
        Ok(None)
    }

    fn policies(&self) -> Result<Vec<Digest>, OperateError> {
        Ok(Vec::new())
    }

    fn policy(&self, _: &Digest) -> Result<Option<PolicyRecord>, OperateError> {
        Ok(None)
    }

    fn denied(&self, _: Denial) {}

    fn listen(&self, _: Box<dyn FnMut(&Notice) -> bool + Send>) {}

    fn unready(&self) -> Vec<String> {
        Vec::new()
    }
}

fn snapshot() -> String {
    let now = clock::now();
    format!(
        r#"{{"time":"{now}","rollout":"checkout","environment":"production","groups":{{"treatment":{{"error_rate":{{"value":0.21,"samples":1840}},"response_time_p95":{{"value":212.5,"samples":1840}},"isolation_score":99.8}},"control":{{"error_rate":{{"value":0.19,"samples":16320}},"response_time_p95":211.0}}}}}}"#
    )
}

fn main() {
    // Cargo says `--bench`; what is a number is ours.
    let mut numbers = std::env::args().filter_map(|word| word.parse::<u64>().ok());
    let seconds = numbers.next().unwrap_or(60);
    let rate = numbers.next().unwrap_or(5000);
    let connections = numbers.next().unwrap_or(64);
    let folder = tempfile::tempdir_in(".").expect("a folder on the disk under test");
    let journal = FileJournal::open(&folder.path().join("journal"), JournalOptions::default()).expect("a journal");
    let keeper = Arc::new(Keeper { key: Key::new("checkout".into(), "production".into()), journal });
    let desk: Arc<dyn Desk> = Arc::clone(&keeper) as Arc<dyn Desk>;
    let options = Options::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = start(options, desk, Arc::new(Telemetry::new())).expect("a server");
    let address = server.address();
    let (next, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let total = rate * seconds;
    let begun = Instant::now();
    let (mut acknowledged, mut bare) = std::thread::scope(|scope| {
        let bare = scope.spawn(|| fsyncs(&folder.path().join("bare"), &over));
        let callers: Vec<_> =
            (0..connections).map(|_| scope.spawn(|| call(address, &next, total, rate, begun))).collect();
        let acknowledged: Vec<Duration> =
            callers.into_iter().flat_map(|caller| caller.join().expect("a caller")).collect();
        over.store(true, Ordering::Relaxed);
        (acknowledged, bare.join().expect("the bare writer"))
    });
    let took = begun.elapsed();
    server.stop();
    let kept = keeper.journal.tally();
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let (per_second, per_flush) =
        (acknowledged.len() as f64 / took.as_secs_f64(), kept.snapshots as f64 / kept.batches.max(1) as f64);
    println!(
        "{} pushes in {took:.1?}: {per_second:.0} a second over {connections} connections, {per_flush:.1} a flush",
        acknowledged.len()
    );
    assert_eq!(kept.snapshots, total, "what was acknowledged is not what was kept");
    let ack = tell("acknowledged after", &mut acknowledged);
    let fsync = tell("bare write + fsync", &mut bare);
    let bound = fsync * 2 + Duration::from_millis(10);
    let verdict = if ack <= bound { "held" } else { "MISSED" };
    println!("bound on p99: 2 x {fsync:.2?} + 10ms = {bound:.2?}: {verdict}");
}

/// One connection: takes the next place in the timetable until it is over; how long each call took from when it was due.
fn call(address: SocketAddr, next: &AtomicU64, total: u64, rate: u64, begun: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let (mut times, mut answer) = (Vec::new(), [0_u8; 4096]);
    loop {
        let place = next.fetch_add(1, Ordering::Relaxed);
        if place >= total {
            return times;
        }
        let due = begun + Duration::from_nanos(place * 1_000_000_000 / rate);
        if let Some(early) = due.checked_duration_since(Instant::now()) {
            std::thread::sleep(early);
        }
        let body = snapshot();
        let request = format!(
            "POST /v1/snapshots HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("it is sent");
        let length = stream.read(&mut answer).expect("it is answered");
        assert!(answer.starts_with(b"HTTP/1.1 202"), "{}", String::from_utf8_lossy(&answer[..length]));
        times.push(due.elapsed());
    }
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
