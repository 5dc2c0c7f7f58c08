//! What `record` and the live `explain` refuse, with what mends it.

use super::controller::Place;
use super::support::screen_of;

fn said(place: &Place, words: &[&str]) -> String {
    screen_of(&mut place.command(words))
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let place = Place::new();
    let out = place.path().join("fixtures/mine");
    std::fs::create_dir_all(&out).unwrap();
    std::fs::write(out.join("notes.txt"), "keep me").unwrap();
    let said = said(&place, &["record", "--since", "1h", "--out", "fixtures/mine"]);
    assert!(said.contains("`fixtures/mine` is there already") && said.ends_with("exit 2\n"), "{said}");
    assert_eq!(place.read("fixtures/mine/notes.txt"), "keep me");
    assert_eq!(std::fs::read_dir(out).unwrap().count(), 1);
}

#[rstest::rstest]
#[case::no_window(&[], "--since")]
#[case::no_time(&["--since", "yesterday"], "neither a time nor a duration")]
#[case::backwards(&["--since", "1h", "--until", "2h"], "is not before")]
#[case::incident_without_label(&["--since", "1h", "--incident", "2026-03-05T03:05:00Z..2026-03-05T03:40:00Z"], "--label")]
#[case::incident_backwards(&["--since", "1h", "--label", "bad", "--incident", "2026-03-05T03:05:00Z..2026-03-05T02:40:00Z"], "is not before")]
#[case::two_into_one(&["--since", "1h", "--rename", "a"], "METRIC=NAME")]
fn what_cannot_be_meant_is_wrong_usage(#[case] words: &[&str], #[case] told: &str) {
    let place = Place::new();
    let said = said(&place, &[&["record", "--out", "fixtures/x"][..], words].concat());
    assert!(said.contains(told) && said.ends_with("exit 2\n"), "{said}");
    assert!(!place.path().join("fixtures").exists(), "nothing is left behind");
}

#[test]
fn a_rollout_that_was_never_started_has_nothing_to_record_or_explain() {
    let place = Place::running();
    let recorded = said(&place, &["record", "--since", "1h", "--out", "fixtures/x"]);
    assert!(recorded.contains("was not started") && recorded.ends_with("exit 5\n"), "{recorded}");
    assert!(!place.path().join("fixtures").exists());
    let strange = said(&place, &["explain", "no-such"]);
    assert!(
        strange.contains("no problem code, no rollout and no policy") && strange.ends_with("exit 2\n"),
        "{strange}"
    );
    let no_id = said(&place, &["explain", "checkout", "--id", "9999"]);
    assert!(no_id.contains("there is no decision `checkout/production/9999`"), "{no_id}");
}

#[test]
fn what_is_still_to_come_needs_somebody_who_takes_it_in() {
    let place = Place::new();
    place.ok(&["start", "policies/checkout", "--revision", "r1", "--reason", "weekly"]);
    let said = said(&place, &["record", "--for", "1h", "--out", "fixtures/x"]);
    assert!(said.contains("no controller runs") && said.ends_with("exit 1\n"), "{said}");
    assert!(!place.path().join("fixtures").exists());
}
