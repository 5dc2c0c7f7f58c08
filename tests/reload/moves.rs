//! Directories that come, go and are swapped.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::{Tree, candidates, p0, policy, put, rejections, save};

#[test]
fn a_policy_that_appears_in_a_tree_is_found() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    put(&tree.at("policies/team/search/policy.toml"), policy("search", "6%"));
    let candidate = watching.candidate();
    assert_eq!(candidate.key.rollout.as_str(), "search");
    save(&tree.at("policies/team/search/policy.toml"), &policy("search", "8%"));
    assert_eq!(p0(&watching.candidate()), 8.0, "what appeared is watched from then on");
}

#[test]
fn a_deleted_file_is_rejected_and_a_restored_one_comes_back() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    fs::remove_file(tree.checkout()).unwrap();
    let gone = watching.rejection();
    assert_eq!(gone.key.as_ref().unwrap().rollout.as_str(), "checkout");
    assert_eq!(gone.digest, None);
    assert!(gone.why[0].ends_with("policies/checkout` is gone: it has no policy.toml any more"), "{:?}", gone.why);
    put(&tree.checkout(), policy("checkout", "5%"));
    assert_eq!(watching.until("checkout", 5.0).len(), 1);
}

#[test]
fn a_deleted_directory_is_rejected() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    fs::remove_dir_all(tree.at("policies/checkout")).unwrap();
    let news = watching.rejection();
    assert!(news.why[0].contains("is gone"), "{:?}", news.why);
}

#[test]
fn a_policy_that_moves_is_not_gone() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    fs::rename(tree.at("policies/checkout"), tree.at("policies/till")).unwrap();
    let news = watching.before_a_fence(&tree);
    assert_eq!(rejections(&news).len(), 0);
    let candidates = candidates(&news);
    assert_eq!(candidates.len(), 1);
    assert!(candidates[0].source.root.ends_with("policies/till"), "{}", candidates[0].source.root);
}

#[test]
fn a_policy_that_governs_another_rollout_leaves_the_first_without_files() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    save(&tree.checkout(), &policy("basket", "6%"));
    let left = watching.rejection();
    assert_eq!(left.key.unwrap().rollout.as_str(), "checkout");
    assert!(left.why[0].ends_with("governs basket (production) now"), "{:?}", left.why);
    assert_eq!(watching.candidate().key.rollout.as_str(), "basket");
}

#[test]
fn a_tree_that_is_not_there_yet_is_watched_once_it_is() {
    let tree = Tree::new();
    fs::remove_dir(tree.at("policies")).unwrap();
    let watching = tree.watch();
    assert!(rejections(&watching.first)[0].why[0].contains("cannot read"), "{:?}", rejections(&watching.first)[0].why);
    put(&tree.checkout(), policy("checkout", "6%"));
    assert_eq!(watching.until("checkout", 6.0).len(), 1);
    save(&tree.checkout(), &policy("checkout", "8%"));
    assert_eq!(p0(&watching.candidate()), 8.0);
}

#[test]
fn a_tree_that_is_swapped_for_another_is_watched_on() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    for percent in [6.0, 7.0] {
        put(&tree.at("next/checkout/policy.toml"), policy("checkout", &format!("{percent}%")));
        fs::rename(tree.at("policies"), tree.at(&format!("old-{percent}"))).unwrap();
        fs::rename(tree.at("next"), tree.at("policies")).unwrap();
        watching.until("checkout", percent);
    }
    save(&tree.checkout(), &policy("checkout", "8%"));
    watching.until("checkout", 8.0);
}

#[test]
fn a_tree_deleted_and_written_again_is_watched_on() {
    let tree = Tree::with_checkout();
    let watching = tree.watch();
    fs::remove_dir_all(tree.at("policies")).unwrap();
    assert!(watching.rejection().why[0].contains("is gone"));
    put(&tree.checkout(), policy("checkout", "6%"));
    watching.until("checkout", 6.0);
    save(&tree.checkout(), &policy("checkout", "7%"));
    watching.until("checkout", 7.0);
}

#[test]
fn a_tree_behind_a_symlink_is_followed_to_each_release() {
    let tree = Tree::new();
    fs::remove_dir(tree.at("policies")).unwrap();
    put(&tree.at("releases/1/checkout/policy.toml"), policy("checkout", "5%"));
    put(&tree.at("releases/2/checkout/policy.toml"), policy("checkout", "6%"));
    symlink(tree.at("releases/1"), tree.at("policies")).unwrap();
    let watching = tree.watch();
    assert_eq!(candidates(&watching.first).len(), 1);
    symlink(tree.at("releases/2"), tree.at("policies.new")).unwrap();
    fs::rename(tree.at("policies.new"), tree.at("policies")).unwrap();
    watching.until("checkout", 6.0);
    save(&tree.at("releases/2/checkout/policy.toml"), &policy("checkout", "7%"));
    watching.until("checkout", 7.0);
}

/// One version of a ConfigMap as kubelet writes it: a folder with a time for a name, and `..data` swapped to it.
fn publish(mount: &Path, version: &str, files: &[(&str, String)]) {
    let folder = mount.join(format!("..{version}"));
    for (file, text) in files {
        put(&folder.join(file), text);
    }
    let old = fs::read_link(mount.join("..data")).ok();
    symlink(format!("..{version}"), mount.join("..data_tmp")).unwrap();
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    for (file, _) in files {
        let first = file.split('/').next().unwrap();
        if mount.join(first).symlink_metadata().is_err() {
            symlink(format!("..data/{first}"), mount.join(first)).unwrap();
        }
    }
    if let Some(old) = old {
        fs::remove_dir_all(mount.join(old)).unwrap();
    }
}

#[test]
fn a_config_map_mounted_as_a_policy_survives_every_swap() {
    let tree = Tree::new();
    let mount = tree.at("policies/checkout");
    fs::create_dir(&mount).unwrap();
    publish(&mount, "2026_1", &[("policy.toml", policy("checkout", "5%"))]);
    let watching = tree.watch();
    assert_eq!(candidates(&watching.first).len(), 1);
    for (version, percent) in [("2026_2", 6.0), ("2026_3", 7.0), ("2026_4", 8.0)] {
        publish(&mount, version, &[("policy.toml", policy("checkout", &format!("{percent}%")))]);
        let news = watching.until("checkout", percent);
        assert_eq!(rejections(&news).len(), 0, "a swap is atomic: {:?}", rejections(&news));
    }
}

#[test]
fn a_config_map_mounted_as_a_tree_survives_every_swap() {
    let tree = Tree::new();
    let mount = tree.at("policies");
    let files = |percent: &str| {
        [
            ("checkout/policy.toml", policy("checkout", percent)),
            ("checkout/env/staging.toml", "[thresholds.error_rate]\np0 = { above = \"50%\" }\n".to_owned()),
            ("search/policy.toml", policy("search", percent)),
        ]
    };
    publish(&mount, "2026_1", &files("5%"));
    let watching = tree.watch();
    let names: Vec<&str> = candidates(&watching.first).iter().map(|one| one.key.rollout.as_str()).collect();
    assert_eq!(names, ["checkout", "search"], "each policy is found once, through its link");
    for (version, percent) in [("2026_2", 6.0), ("2026_3", 7.0)] {
        publish(&mount, version, &files(&format!("{percent}%")));
        let news = watching.until("search", percent);
        assert_eq!(rejections(&news).len(), 0);
        assert_eq!(candidates(&news).len(), 2);
    }
}
