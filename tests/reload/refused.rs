//! What may not come into force, and what is said about it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use rollgate::daemon::reload::{News, Rejection};
use rollgate::model::time::Duration as Length;
use rstest::rstest;

use crate::support::{TESTS, Tree, Watching, candidates, policy, put, rejections, save};

/// A tree whose policy is good at first, then changed by `edit` into something that is refused.
fn refused(edit: impl FnOnce(&Tree)) -> (Tree, Watching, Rejection) {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    assert_eq!(candidates(&watching.first).len(), 1);
    edit(&tree);
    let rejection = watching.rejection();
    assert_eq!(rejection.key.as_ref().unwrap().to_string(), "checkout (production)");
    (tree, watching, rejection)
}

#[rstest]
#[case::limit(256 * 1024, true)]
#[case::one_more(256 * 1024 + 1, false)]
fn a_file_over_the_limit_is_refused(#[case] length: usize, #[case] fits: bool) {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    let text = policy("checkout", "6%") + "#";
    put(&tree.checkout(), format!("{text}{}", "x".repeat(length - text.len())));
    match watching.next() {
        News::Candidate(_) => assert!(fits),
        News::Rejected(rejection) => {
            assert!(!fits);
            assert_eq!(rejection.why, ["policy.toml: `policy.toml` is 257 KiB, at most 256 KiB [RG008]"]);
        }
    }
}

#[rstest]
#[case::limit(63, true)]
#[case::one_more(64, false)]
fn more_files_than_people_read_are_refused(#[case] tests: usize, #[case] fits: bool) {
    let tree = Tree::new();
    for nth in 0..tests {
        put(&tree.at(&format!("policies/checkout/tests/t{nth:03}.toml")), TESTS);
    }
    put(&tree.checkout(), policy("checkout", "5%"));
    let watching = tree.watch();
    assert_eq!(candidates(&watching.first).len(), usize::from(fits));
    if !fits {
        let why = &rejections(&watching.first)[0].why;
        assert_eq!(*why, ["tests/t063.toml: more than 64 files, `tests/t063.toml` is not read [RG015]"]);
    }
}

#[test]
fn a_link_that_leaves_the_tree_is_refused() {
    let (_tree, _watching, rejection) = refused(|tree| {
        put(&tree.at("elsewhere.toml"), policy("checkout", "50%"));
        symlink(tree.at("elsewhere.toml"), tree.at("policies/checkout/link")).unwrap();
        fs::rename(tree.at("policies/checkout/link"), tree.checkout()).unwrap();
    });
    assert!(rejection.why[0].ends_with("leads out of the policy's directory [RG010]"), "{:?}", rejection.why);
}

#[rstest]
#[case::others_write(0o646, false)]
#[case::group_writes(0o664, true)]
fn a_file_that_anybody_may_change_is_refused(#[case] mode: u32, #[case] fits: bool) {
    let tree = Tree::with_checkout();
    fs::set_permissions(tree.checkout(), fs::Permissions::from_mode(mode)).unwrap();
    let watching = tree.watch();
    assert_eq!(candidates(&watching.first).len(), usize::from(fits));
    if !fits {
        let why = &rejections(&watching.first)[0].why;
        assert_eq!(*why, ["policy.toml: `policy.toml` may be changed by every user of the machine [RG016]"]);
        fs::set_permissions(tree.checkout(), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(watching.candidate().key.rollout.as_str(), "checkout", "taking the right away is enough");
    }
}

#[test]
fn a_pipe_is_no_policy_and_hangs_nobody() {
    let (_tree, _watching, rejection) = refused(|tree| {
        let pipe = tree.at("policies/checkout/rules.rhai");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    });
    assert_eq!(rejection.why, ["rules.rhai: `rules.rhai` cannot be read: it is no regular file [RG013]"]);
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let (_tree, _watching, rejection) = refused(|tree| put(&tree.checkout(), b"rollout = \"caf\xe9\"\n"));
    assert!(rejection.why[0].contains("is not UTF-8: line 1"), "{:?}", rejection.why);
}

#[test]
fn every_problem_is_told_with_its_line() {
    let (_tree, _watching, rejection) = refused(|tree| {
        let text = policy("checkout", "five").replace("traffic = \"10%\"", "trafic = \"10%\"");
        save(&tree.checkout(), &text);
    });
    assert!(rejection.why.len() >= 2, "{:?}", rejection.why);
    assert_eq!(rejection.diagnostics.len(), rejection.why.len());
    assert!(rejection.why.iter().all(|why| why.starts_with("policy.toml:")), "{:?}", rejection.why);
    assert!(rejection.digest.is_some());
}

#[test]
fn a_policy_that_its_own_tests_contradict_is_refused() {
    let (tree, watching, rejection) = refused(|tree| {
        put(&tree.at("policies/checkout/tests/errors.toml"), TESTS);
        // 5.1 % rolled back; now nothing does.
        save(&tree.checkout(), &policy("checkout", "50%"));
    });
    assert!(rejection.why[0].starts_with("test `errors over 5% roll back at once`: expected"), "{:?}", rejection.why);
    assert!(rejection.digest.is_some());
    save(&tree.checkout(), &policy("checkout", "5%"));
    assert_eq!(watching.candidate().tests, TESTS.matches("[[test]]").count());
}

#[test]
fn tests_that_cannot_be_read_are_no_tests_that_hold() {
    let (_tree, _watching, rejection) = refused(|tree| {
        put(&tree.at("policies/checkout/tests/errors.toml"), TESTS.replace("decision", "decison"));
        save(&tree.checkout(), &policy("checkout", "6%"));
    });
    assert!(rejection.why[0].starts_with("tests/errors.toml:"), "{:?}", rejection.why);
}

#[test]
fn tests_that_outlast_their_budget_are_ended_and_tried_again_at_the_next_look() {
    let tree = Tree::new();
    put(&tree.checkout(), policy("checkout", "5%"));
    put(&tree.at("policies/checkout/tests/errors.toml"), long_test());
    let watching = tree.watch_as(|watched| watched.reload.tests_budget = Length::from_millis(1));
    let first = rejections(&watching.first);
    assert_eq!(first[0].why, ["its tests took longer than 1 ms, their budget (reload.tests_budget)"]);
    assert!(first[0].late);
    watching.watcher.look();
    assert!(watching.rejection().late, "time that ran out is no verdict on the text");
}

/// A day in samples of a second: far more than a millisecond's work.
fn long_test() -> String {
    let lines = [
        "[[test]]",
        "name = \"a long day\"",
        "stage = \"canary\"",
        "step = \"1s\"",
        "assume_samples = 1000",
        "[test.series]",
        "error_rate = \"0.1 for 24h\"",
        "latency_p95 = \"200 for 24h\"",
        "\"latency_p95.control\" = \"200 for 24h\"",
        "[[test.never]]",
        "decision = \"roll_back\"",
    ];
    lines.join("\n")
}

#[test]
fn one_broken_policy_keeps_no_other_from_changing() {
    let tree = Tree::with_checkout();
    put(&tree.at("policies/broken/policy.toml"), "rollout = ");
    let watching = tree.watch();
    assert_eq!((candidates(&watching.first).len(), rejections(&watching.first).len()), (1, 1));
    save(&tree.checkout(), &policy("checkout", "6%"));
    watching.until("checkout", 6.0);
}

#[test]
fn a_second_policy_for_one_rollout_is_refused_and_the_first_stays() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    put(&tree.at("policies/a-copy/policy.toml"), policy("checkout", "50%"));
    let rejection = watching.rejection();
    assert_eq!(rejection.key, None, "the rollout is the other directory's");
    assert!(rejection.path.ends_with("policies/a-copy"), "{}", rejection.path);
    assert!(rejection.why[0].contains("two policies govern the rollout `checkout`"), "{:?}", rejection.why);
    save(&tree.checkout(), &policy("checkout", "6%"));
    watching.until("checkout", 6.0);
}

#[test]
fn a_broken_copy_is_not_held_against_the_rollout_it_was_copied_from() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    put(&tree.at("policies/a-copy/policy.toml"), policy("checkout", "five"));
    assert_eq!(watching.rejection().key, None);
}
