//! `kill -9` at every named point: the ledger verifies, the state is its fold, what was acknowledged is there, features
//! have not moved apart, and the next command finishes what was begun.

#![expect(clippy::disallowed_methods, reason = "tests put a store back to where it was")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use rollgate::control::keep;
use rollgate::ports::crash::{POINTS, STANDS_AT};
use rstest::rstest;

use super::bench::{Bench, key};

/// Runs a command until it stands at `point`, and kills it there. `false` when it never came there.
fn killed_at(bench: &Bench, words: &str, point: &str) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rollgate"))
        .current_dir(bench.folder.path())
        .args(words.split_whitespace())
        .args(if words == "status" { vec![] } else { vec!["--by", "ana", "--reason", "because"] })
        .env("ROLLGATE_CRASH_AT", point)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let stands = stderr.lines().any(|line| line.unwrap().starts_with(STANDS_AT));
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(stands, !status.success() && status.code().is_none(), "{words} at {point}: {status}");
    stands
}

/// Everything a store promises, after a crash.
fn assert_sound(bench: &Bench, acknowledged: usize, what: &str) {
    let store = bench.store();
    let checked = keep::check(&store, &key()).unwrap();
    assert_eq!(checked.problems, Vec::<String>::new(), "{what}");
    assert!(checked.chain.entries as usize >= acknowledged, "{what}: acknowledged entries are gone");
    drop(store);
    let rollout = bench.rollout();
    let mut shares = rollout.exposed.exposures.iter().map(|exposure| (exposure.traffic, exposure.stage.clone()));
    if let Some(first) = shares.next() {
        assert!(shares.all(|share| share == first), "{what}: features moved apart: {:?}", rollout.exposed);
        assert_eq!(rollout.exposed.generation, rollout.state.generation, "{what}");
        assert_eq!(first.1, rollout.state.stage, "{what}: what is exposed is another stage's");
    }
}

/// Points inside an append come twice in one order: when it is recorded, and when it is confirmed.
fn points() -> Vec<String> {
    let here: Vec<&&str> =
        POINTS.iter().filter(|point| point.starts_with("order.") || point.starts_with("store.append.")).collect();
    let twice = here.iter().filter(|point| point.starts_with("store.")).map(|point| format!("{point}:2"));
    here.iter().map(|point| (**point).to_owned()).chain(twice).collect()
}

#[rstest]
#[case::rollback("rollback", &[])]
#[case::resume("resume", &["rollback"])]
#[case::advance("advance", &["rollback", "resume", "approve --role security"])]
fn a_process_killed_at_any_point_loses_nothing(#[case] words: &str, #[case] first: &[&str]) {
    let bench = Bench::in_canary();
    first.iter().for_each(|words| bench.ok(words));
    let (acknowledged, generation) = (bench.entries().len(), bench.rollout().state.generation);
    let as_it_was = fs::read(bench.store_file()).unwrap();
    for point in points() {
        let what = format!("{words} at {point}");
        fs::write(bench.store_file(), &as_it_was).unwrap();
        assert!(killed_at(&bench, words, &point), "{what}: it never came there");
        assert_sound(&bench, acknowledged, &what);
        let late = ["store.append.committed", "order.appended", "order.applied", "order.confirmed"];
        let is_recorded = late.contains(&point.as_str()) || point.ends_with(":2");
        let moved = bench.rollout().state.generation > generation;
        assert_eq!(moved, is_recorded, "{what}: all of it or none of it");
        // The next command finishes what was begun.
        bench.ok("status");
        assert!(!bench.rollout().is_unconfirmed(), "{what}");
        assert_sound(&bench, acknowledged, &what);
    }
}

#[test]
fn a_first_start_killed_at_any_point_leaves_a_store_that_can_be_started() {
    for point in points() {
        let bench = Bench::new();
        assert!(killed_at(&bench, "start policies/checkout --revision r1", &point), "{point}");
        assert_sound(&bench, 0, &point);
        bench.ok("start policies/checkout --revision r1");
        assert_sound(&bench, 3, &point);
        assert!(!bench.rollout().is_unconfirmed(), "{point}");
    }
}

#[rstest]
#[case("spool.written")]
#[case("spool.synced")]
fn a_roll_back_killed_while_it_is_spooled_is_carried_out_or_was_never_acknowledged(#[case] point: &str) {
    let bench = Bench::in_canary();
    let held = bench.store();
    assert!(killed_at(&bench, "rollback checkout", point));
    drop(held);
    assert_sound(&bench, 0, point);
    bench.ok("status");
    // Both points come after the line was written, and the page cache outlives the process.
    assert!(bench.rollout().state.latch.is_some(), "{point}");
}

#[rstest]
#[case("spool.replayed")]
#[case("spool.cleared")]
#[case("store.append.committed")]
#[case("store.append.written")]
fn a_spool_replayed_over_a_crash_counts_once(#[case] point: &str) {
    let bench = Bench::in_canary();
    let held = bench.store();
    bench.command("rollback checkout").assert().code(1);
    drop(held);
    let before = bench.entries().len();
    assert!(killed_at(&bench, "status", point));
    assert_sound(&bench, before, point);
    bench.ok("status");
    bench.ok("status");
    assert_eq!(bench.entries().len(), before + 2, "{point}: one roll back, one confirmation");
    assert!(!bench.rollout().is_unconfirmed());
}
