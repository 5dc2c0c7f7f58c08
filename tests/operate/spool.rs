//! A store that refuses keeps nobody from taking a change back.

#![expect(clippy::disallowed_methods, reason = "tests hold and damage the files that the binary is run on")]

use std::fs;

use super::bench::Bench;

#[test]
fn a_roll_back_waits_while_the_store_is_in_use_and_is_carried_out_next() {
    let bench = Bench::in_canary();
    let before = bench.entries().len();
    let held = bench.store();
    let screen = bench.screen("rollback checkout");
    assert!(screen.contains("NOT ROLLED BACK YET") && screen.contains("rollgate.redb.spool"), "{screen}");
    assert!(screen.contains(&std::process::id().to_string()), "says who has it: {screen}");
    assert!(screen.ends_with("exit 1\n"), "{screen}");
    // Anything else just does not happen.
    let other = bench.screen("pause checkout");
    assert!(other.contains("the store is in use") && !other.contains("NOT ROLLED BACK"), "{other}");
    drop(held);
    assert_eq!(bench.entries().len(), before);
    let screen = bench.screen("status");
    assert!(screen.contains("ROLLED BACK") && screen.contains("carried out"), "{screen}");
    let rollout = bench.rollout();
    assert!(rollout.state.latch.is_some() && rollout.state.applied_at.is_some());
    let count = bench.entries().len();
    bench.ok("status");
    assert_eq!(bench.entries().len(), count, "it is carried out once");
}

#[test]
fn a_damaged_store_keeps_the_order_until_a_backup_is_restored() {
    let bench = Bench::in_canary();
    let backup = bench.command("store export").output().unwrap().stdout;
    fs::write(bench.folder.path().join("backup.jsonl"), backup).unwrap();
    fs::write(bench.store_file(), "this is no store").unwrap();
    let screen = bench.screen("emergency-disable checkout");
    assert!(screen.contains("damaged") && screen.contains("NOT ROLLED BACK YET"), "{screen}");
    fs::remove_file(bench.store_file()).unwrap();
    bench.ok("store import backup.jsonl");
    let check = bench.screen("store check");
    assert!(check.contains("waiting: emergency-disable by ana"), "{check}");
    bench.ok("status");
    assert_eq!(bench.rollout().state.stage.as_str(), "off");
}

#[test]
fn without_a_name_nothing_can_be_kept_and_that_is_said() {
    let bench = Bench::in_canary();
    fs::write(bench.store_file(), "this is no store").unwrap();
    let screen = bench.screen("rollback");
    assert!(screen.contains("which rollout?"), "{screen}");
    assert!(!bench.folder.path().join("rollgate.redb.spool").exists());
}

#[test]
fn a_dry_run_spools_nothing() {
    let bench = Bench::in_canary();
    fs::write(bench.store_file(), "this is no store").unwrap();
    bench.command("rollback checkout --dry-run").assert().code(1);
    assert!(!bench.folder.path().join("rollgate.redb.spool").exists());
}

#[test]
fn an_emergency_for_everything_waits_for_every_rollout_everywhere() {
    let bench = Bench::in_canary();
    let overlays = bench.folder.path().join("policies/checkout/env");
    fs::create_dir(&overlays).unwrap();
    fs::write(overlays.join("staging.toml"), "").unwrap();
    bench.ok("start policies/checkout --revision r1 -e staging");
    let held = bench.store();
    let screen = bench.screen("emergency-disable --all");
    assert!(screen.contains("every rollout in every environment waits in"), "{screen}");
    drop(held);
    let screen = bench.screen("status --plain");
    assert_eq!(screen.matches("rolled back in off").count(), 2, "{screen}");
}

#[test]
fn an_order_for_a_rollout_that_is_not_there_blocks_nobody() {
    let bench = Bench::in_canary();
    let held = bench.store();
    bench.command("rollback other").assert().code(1);
    bench.command("rollback checkout -e staging").assert().code(1);
    drop(held);
    let screen = bench.screen("status");
    assert_eq!(screen.matches("passed over").count(), 2, "{screen}");
    assert!(bench.rollout().state.latch.is_none());
    assert!(!bench.screen("status").contains("passed over"), "said once");
}
