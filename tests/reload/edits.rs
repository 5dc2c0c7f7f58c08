//! Saving a policy, in all the ways in which things are saved.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;

use rollgate::model::time::Duration as Length;
use rollgate::policy::PRODUCTION;

use crate::support::{TESTS, Tree, candidates, p0, policy, put, rejections, save};

#[test]
fn what_is_there_at_the_start_is_handed_back() {
    let tree = Tree::with_checkout();
    put(&tree.at("policies/checkout/tests/errors.toml"), TESTS);
    let watching = tree.watch();
    let first = candidates(&watching.first);
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].key.to_string(), "checkout (production)");
    assert_eq!(first[0].tests, TESTS.matches("[[test]]").count());
    assert_eq!(first[0].record.digest, first[0].policy.digest);
    assert!(first[0].record.is_intact());
    assert_eq!(first[0].policy.environment.as_str(), PRODUCTION);
}

#[test]
fn a_save_in_place_becomes_a_candidate() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    put(&tree.checkout(), policy("checkout", "6%"));
    let news = watching.until("checkout", 6.0);
    assert_ne!(candidates(&news).last().unwrap().policy.digest, candidates(&watching.first)[0].policy.digest);
}

#[test]
fn a_save_by_rename_becomes_a_candidate_every_time() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    for percent in [6.0, 7.0, 8.0] {
        save(&tree.checkout(), &policy("checkout", &format!("{percent}%")));
        assert_eq!(p0(&watching.candidate()), percent);
    }
}

#[test]
fn the_same_text_saved_again_is_no_news() {
    let tree = Tree::with_checkout();
    // On a busy machine a file that is written in place stands empty for longer than usual.
    let watching = tree.watch_as(|watched| watched.reload.debounce = Length::from_millis(500));
    save(&tree.checkout(), &policy("checkout", "5%"));
    put(&tree.checkout(), policy("checkout", "5%"));
    assert_eq!(watching.before_a_fence(&tree).len(), 0);
}

#[test]
fn what_alters_no_decision_is_no_news() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    put(&tree.at("policies/checkout/env/staging.toml"), "[thresholds.error_rate]\np0 = { above = \"50%\" }\n");
    put(&tree.at("policies/checkout/README.md"), "a note");
    put(&tree.at("policies/checkout/tests/errors.toml"), TESTS);
    assert_eq!(watching.before_a_fence(&tree).len(), 0);
}

#[test]
fn an_overlay_of_the_environment_in_force_is_news() {
    let tree = Tree::with_checkout();
    let overlay = tree.at("policies/checkout/env/staging.toml");
    put(&overlay, "");
    let watching = tree.watch_as(|watched| watched.environment = "staging".into());
    assert_eq!(candidates(&watching.first).len(), 1);
    put(&overlay, "[thresholds.error_rate]\np0 = { above = \"50%\" }\n");
    let candidate = watching.candidate();
    assert_eq!(candidate.key.environment.as_str(), "staging");
    assert!(candidate.record.files.contains_key("env/staging.toml"));
}

#[test]
fn a_burst_of_writes_is_one_candidate() {
    let tree = Tree::with_checkout();
    let watching = tree.watch_as(|watched| watched.reload.debounce = Length::from_millis(500));
    for step in 0..50 {
        put(&tree.checkout(), policy("checkout", &format!("{}%", 10 + step)));
    }
    let news = watching.before_a_fence(&tree);
    assert_eq!(candidates(&news).iter().map(|one| p0(one)).collect::<Vec<_>>(), [59.0]);
    assert_eq!(rejections(&news).len(), 0);
}

#[test]
fn a_file_half_written_is_settled_or_rejected_and_good_when_it_is_whole() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    let text = policy("checkout", "6%");
    // In the middle of a value, so that the first half is no TOML.
    let half = text.find("5%\" }").map_or_else(|| text.find("\"6%\"").unwrap() + 2, |at| at + 1);
    let mut file = fs::File::create(tree.checkout()).unwrap();
    file.write_all(&text.as_bytes()[..half]).unwrap();
    file.flush().unwrap();
    let rejected = watching.rejection();
    assert_eq!(rejected.key.as_ref().unwrap().rollout.as_str(), "checkout");
    assert!(rejected.why[0].starts_with("policy.toml:"), "{:?}", rejected.why);
    file.write_all(&text.as_bytes()[half..]).unwrap();
    drop(file);
    let news = watching.until("checkout", 6.0);
    assert_eq!(candidates(&news).len(), 1, "no half of a file ever became a candidate");
}

#[test]
fn a_file_emptied_before_it_is_written_is_never_a_candidate() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    for percent in 10..20 {
        fs::File::create(tree.checkout()).unwrap();
        put(&tree.checkout(), policy("checkout", &format!("{percent}%")));
    }
    let news = watching.until("checkout", 19.0);
    assert!(rejections(&news).iter().all(|rejection| rejection.key.is_some()));
}

#[test]
fn a_broken_edit_is_rejected_once_and_mended_by_going_back() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    let good = candidates(&watching.first)[0].policy.digest.clone();
    save(&tree.checkout(), &policy("checkout", "5%").replace("traffic = \"10%\"", "trafic = \"10%\""));
    let rejected = watching.rejection();
    assert_eq!(rejected.key.as_ref().unwrap().to_string(), "checkout (production)");
    assert!(rejected.why.iter().any(|why| why.contains("unknown key `trafic`")), "{:?}", rejected.why);
    assert_ne!(rejected.digest, Some(good.clone()));
    assert_eq!(rejected.shown().why, rejected.why);
    watching.watcher.look();
    save(&tree.checkout(), &policy("checkout", "5%"));
    let back = watching.candidate();
    assert_eq!(back.policy.digest, good, "the good one is told again, since it ends the rejection");
    assert_eq!(back.files(false).rejected.map(|rejected| rejected.why), None);
}

#[test]
fn a_shared_script_is_watched_too() {
    let tree = Tree::new();
    let script = "import \"lib\" as lib;\n\nfn runaway() { lib::judge() }\n";
    let text = policy("checkout", "5%") + "\n";
    let text = text.replace("[triggers]\n", "[triggers]\nrunaway = { in = [\"canary\"], script = \"runaway\" }\n");
    put(&tree.at("shared/lib.rhai"), "fn judge() { if breached(\"error_rate.p1\") { breach() } else { ok() } }\n");
    put(&tree.checkout(), text);
    put(&tree.at("policies/checkout/rules.rhai"), script);
    let watching = tree.watch();
    assert_eq!(rejections(&watching.first).iter().map(|one| one.why.join("; ")).collect::<Vec<_>>(), [""; 0]);
    put(&tree.at("shared/lib.rhai"), "fn judge() { if breached(\"error_rate.p0\") { breach() } else { ok() } }\n");
    assert_ne!(watching.candidate().policy.digest, candidates(&watching.first)[0].policy.digest);
}

#[test]
fn where_the_system_tells_nothing_it_looks_for_itself() {
    let tree = Tree::with_checkout();
    let watching = tree.watch_as(|watched| {
        watched.only_poll = true;
        watched.reload.poll = Length::from_millis(100);
    });
    save(&tree.checkout(), &policy("checkout", "6%"));
    assert_eq!(p0(&watching.candidate()), 6.0);
    fs::remove_file(tree.checkout()).unwrap();
    assert!(watching.rejection().why[0].contains("is gone"));
}

#[test]
fn a_look_that_is_asked_for_tells_nothing_new() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    (0..5).for_each(|_| watching.watcher.look());
    assert_eq!(watching.before_a_fence(&tree).len(), 0);
}

#[test]
fn a_policy_handed_over_is_not_changed_by_the_next_edit() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    let held = Arc::clone(&candidates(&watching.first)[0].policy);
    let digest = held.digest.clone();
    save(&tree.checkout(), &policy("checkout", "6%"));
    assert_ne!(watching.candidate().policy.digest, digest);
    assert_eq!(held.digest, digest);
}
