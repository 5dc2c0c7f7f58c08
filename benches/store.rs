//! What an order costs: appending one entry to the embedded store, on disk, beside a bare write and fsync of as many
//! bytes on the same disk in the same run, the two interleaved so that a busy disk hurts both.
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
use rollgate::ports::store::{Authority, Batch, Store as _};

const ROUNDS: u32 = 500;

fn main() {
    let folder = tempfile::tempdir_in(".").expect("a folder on the disk under test");
    let now = Time::from_millis(1_800_000_000_000);
    let options = Options { create: true, max_bytes: None };
    let store = Embedded::open(&folder.path().join("s.redb"), options, Box::new(move || now)).expect("a store");
    let mut bare = OpenOptions::new().create(true).append(true).open(folder.path().join("bare")).expect("a file");
    let key = Key::new("checkout".into(), "production".into());
    let (mut head, mut state) = (Head::genesis(&key), RolloutState::at_stage("off".into(), now));
    let actor = Actor::new("rollgate");
    let (mut appends, mut fsyncs) = (Vec::new(), Vec::new());
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
        bare.write_all(line.as_bytes()).and_then(|()| bare.sync_data()).expect("it is on disk");
        fsyncs.push(started.elapsed());
    }
    tell("append, one entry", &mut appends);
    tell("bare write + fsync", &mut fsyncs);
}

fn tell(name: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!("{name:<20} median {:>9.2?}  p99 {:>9.2?}  worst {:>9.2?}", at(50), at(99), at(100));
}
