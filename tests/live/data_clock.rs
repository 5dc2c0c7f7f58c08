//! `run --clock data` decides what `replay` decides, byte for byte: there is one code path.

use std::path::Path;
use std::process::Command;

fn rollgate(arguments: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rollgate"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", text(output.stderr));
    (text(output.stdout), text(output.stderr))
}

#[rstest::rstest]
#[case::a_week_without_incident("policies/request-isolation", "fixtures/seven-days-clean")]
#[case::a_leak_that_grows("policies/request-isolation", "fixtures/isolation-leak-grows")]
#[case::silence("policies/request-isolation", "fixtures/cohort-falls-silent")]
#[case::a_source_that_dies("policies/request-isolation", "fixtures/metrics-source-dies")]
#[case::errors_that_come_and_go("policies/request-isolation", "fixtures/errors-come-and-go-every-five-minutes")]
fn run_on_the_data_s_clock_decides_what_replay_decides(#[case] policy: &str, #[case] fixture: &str) {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("data.redb");
    let store = store.to_str().unwrap();
    let (lived, _) = rollgate(&["run", policy, "--clock", "data", "--data", fixture, "--store", store]);
    let (replayed, _) = rollgate(&["replay", policy, fixture, "--output", "jsonl"]);
    assert!(replayed.lines().count() > 1, "{replayed}");
    assert_eq!(lived, replayed);
    assert!(Path::new(store).exists());
    let (checked, _) = rollgate(&["store", "check", "--store", store]);
    assert!(checked.contains("entries"), "{checked}");
}
