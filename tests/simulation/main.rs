//! The machine, several controllers, a store, sources and people, in virtual time and under faults, all from a seed.
//!
//! What must hold is checked after every step (`oracle`, `watch`); a seed that breaks it says how to replay it:
//! `ROLLGATE_SEED=123 cargo test --test simulation replay -- --nocapture`.

#![expect(unreachable_pub, reason = "helpers shared by the files of one test binary")]
#![expect(clippy::disallowed_methods, reason = "a seed to replay, and how many to try, are given by the environment")]

mod disk;
mod faults;
mod line;
mod mischief;
mod mutants;
mod node;
mod oracle;
mod outside;
mod policies;
mod rng;
mod shelf;
mod sources;
mod watch;
mod world;

use faults::{Fault, Tally};
use mutants::Mutant;
use world::{Plan, Sim};

/// What came of a seed.
struct Played {
    violation: Option<String>,
    trace: Vec<String>,
    tally: Tally,
    ledger: Vec<String>,
    advanced: u64,
    taken_back: u64,
    steps: u64,
}

fn play(seed: u64, mutant: Option<Mutant>, traced: bool) -> Played {
    let sim = Sim::new(Plan { mutant, traced, ..Plan::of(seed) });
    sim.play();
    let mut world = sim.lock();
    let lines = world.disk.chains.values().flat_map(|chain| chain.entries.values()).map(|entry| entry.line().to_owned());
    Played {
        ledger: lines.collect(),
        violation: world.violation.take(),
        trace: std::mem::take(&mut world.trace),
        tally: world.tally.clone(),
        advanced: world.oracle.books.values().map(|book| book.advanced).sum(),
        taken_back: world.oracle.books.values().map(|book| book.taken_back).sum(),
        steps: world.steps,
    }
}

/// Plays seeds, and stops at the first that breaks a rule.
fn play_all(seeds: std::ops::Range<u64>) {
    let (mut tally, mut advanced, mut taken_back, mut steps) = (Tally::new(), 0, 0, 0);
    let count = seeds.end - seeds.start;
    let mut broken = std::collections::BTreeMap::<String, Vec<u64>>::new();
    for seed in seeds {
        let played = play(seed, None, false);
        if std::env::var("ROLLGATE_SURVEY").is_ok() {
            if let Some(violation) = played.violation {
                broken.entry(violation.chars().filter(|c| !c.is_ascii_digit()).take(70).collect()).or_default().push(seed);
            }
            tally.add(&played.tally);
            continue;
        }
        if let Some(violation) = played.violation {
            let trace = play(seed, None, true).trace;
            let last = trace.len().saturating_sub(60);
            panic!(
                "seed {seed}: {violation}\n\n{}\n\nthe whole of it:\n  ROLLGATE_SEED={seed} cargo test --test simulation replay -- --nocapture\n",
                trace[last..].join("\n")
            );
        }
        tally.add(&played.tally);
        advanced += played.advanced;
        taken_back += played.taken_back;
        steps += played.steps;
    }
    for (what, seeds) in broken {
        println!("{:>4} {what}: {:?}", seeds.len(), &seeds[..seeds.len().min(8)]);
    }
    println!("{count} seeds, {steps} steps, {advanced} advances, {taken_back} roll backs\n{tally}");
}

#[test]
fn replay() {
    let Some(seed) = std::env::var("ROLLGATE_SEED").ok().and_then(|seed| seed.parse().ok()) else { return };
    let played = play(seed, None, true);
    println!("{}\n", played.trace.join("\n"));
    println!("{}", played.tally);
    assert_eq!(played.violation, None, "seed {seed}");
}

#[test]
fn first() {
    play_all(0..100);
}
