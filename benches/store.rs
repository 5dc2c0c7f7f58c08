//! What an order costs: appending one entry to the embedded store, on disk, beside a bare write and fsync of as many
//! bytes on the same disk in the same run, the two interleaved so that a busy disk hurts both. And appending it to a
//! Redis whose append-only file is on that disk, beside a bare SET of as many bytes.
//!
//! `cargo bench --bench store`, or with `--profile dev`: the disk decides, not the compiler.

#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a bench reads clocks and prints figures")]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::{Duration, Instant};

use rollgate::adapters::store::{Embedded, Options};
use rollgate::engine;
use rollgate::ledger::hash::Key;
use rollgate::ledger::{Draft, Head};
use rollgate::model::event::{Event, What};
use rollgate::model::ids::Actor;
use rollgate::model::state::RolloutState;
use rollgate::model::time::{Duration as Length, Time};
use rollgate::ports::store::{Authority, Batch, Store};

const ROUNDS: u32 = 500;

fn main() {
    let folder = tempfile::tempdir_in(".").expect("a folder on the disk under test");
    let now = Time::from_millis(1_800_000_000_000);
    let options = Options { create: true, ..Options::default() };
    let store = Embedded::open(&folder.path().join("s.redb"), options, Box::new(move || now)).expect("a store");
    let mut bare = OpenOptions::new().create(true).append(true).open(folder.path().join("bare")).expect("a file");
    let (appends, fsyncs) = measure(&store, |line| {
        bare.write_all(line.as_bytes()).and_then(|()| bare.sync_data()).expect("it is on disk");
    });
    tell("append, one entry", appends);
    tell("bare write + fsync", fsyncs);
    #[cfg(feature = "live")]
    on_redis(folder.path());
}

/// How long appends to a store take, and `bare` for as many bytes.
fn measure(store: &dyn Store, mut bare: impl FnMut(&str)) -> (Vec<Duration>, Vec<Duration>) {
    let now = Time::from_millis(1_800_000_000_000);
    let key = Key::new("checkout".into(), "production".into());
    let (mut head, mut state) = (Head::genesis(&key), RolloutState::at_stage("off".into(), now));
    let actor = Actor::new("rollgate");
    let (mut appends, mut bares) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let what = What::Heartbeat { bake: Length::from_secs(i64::from(round) + 1) };
        let after = engine::fold(state.clone(), &Event { time: now, what: what.clone() });
        let started = Instant::now();
        let draft = Draft { actor: &actor, reason: "", at: now, what, states: (&state, &after) };
        let entry = draft.seal(&key, &head).expect("an entry");
        let (expected, line) = (head, format!("{}\n", entry.line()));
        head = Head::at(&entry);
        let batch = Batch {
            key: key.clone(),
            expected,
            authority: Authority::Unled,
            token: format!("t{round}"),
            entries: vec![entry],
            exposed: None,
            policies: Vec::new(),
            decisions: Vec::new(),
            checkpoint: None,
        };
        store.append(&batch).expect("it is appended");
        appends.push(started.elapsed());
        state = after;
        let started = Instant::now();
        bare(&line);
        bares.push(started.elapsed());
    }
    (appends, bares)
}

/// The same on a redis-server that writes its file after every command, and on one that does so once a second.
#[cfg(feature = "live")]
fn on_redis(folder: &std::path::Path) {
    use redis_support::Server;
    use rollgate::adapters::store::redis::{Options, Redis};
    for fsync in ["always", "everysec"] {
        let folder = folder.to_str().expect("a folder with a plain name");
        let file = format!("{fsync}.aof");
        let settings = ["--appendonly", "yes", "--appendfsync", fsync, "--dir", folder, "--appendfilename", &file];
        let server = Server::with(&settings);
        let options: Options = server.url().parse().expect("an address");
        let store = Redis::open(Options { create: true, deadline: Length::from_secs(5), ..options }).expect("a store");
        let mut conn = server.conn();
        let (appends, sets) = measure(&store, |line| {
            redis::cmd("SET").arg("bare").arg(line).exec(&mut conn).expect("it is set");
        });
        tell(&format!("redis append ({fsync})"), appends);
        tell(&format!("bare SET ({fsync})"), sets);
    }
}

#[cfg(feature = "live")]
#[path = "../tests/redis_support/mod.rs"]
mod redis_support;

fn tell(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!("{name:<24} median {:>9.2?}  p99 {:>9.2?}  worst {:>9.2?}", at(50), at(99), at(100));
}
