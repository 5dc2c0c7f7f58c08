//! Trees of policies as people and Kubernetes lay them out.

use super::*;
use crate::shell::write::create;

fn tree(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        create(&folder.path().join(path), bytes).unwrap();
    }
    folder
}

fn paths(source: &PolicySource) -> Vec<&str> {
    source.iter().map(|(path, _)| path.as_ref()).collect()
}

fn problems(source: &PolicySource) -> Vec<String> {
    source.problems.iter().map(|problem| format!("{} {}", problem.code, problem.message)).collect()
}

#[test]
fn a_policy_is_its_toml_its_scripts_its_overlays_and_its_tests() {
    let tree = tree(&[
        ("policies/one/policy.toml", b"schema = 1"),
        ("policies/one/rules.rhai", b""),
        ("policies/one/env/staging.toml", b""),
        ("policies/one/tests/bounds.toml", b""),
        ("policies/one/README.md", b"not a part of it"),
        ("policies/one/.policy.toml.swp", b"an editor's"),
        ("shared/ratios.rhai", b"// far"),
        ("policies/shared/ratios.rhai", b"// near"),
    ]);
    let found = find_policies(tree.path()).unwrap();
    assert_eq!(found, [tree.path().join("policies/one")]);
    let source = load_policy(&found[0]);
    assert_eq!(
        paths(&source),
        ["@shared/ratios.rhai", "env/staging.toml", "policy.toml", "rules.rhai", "tests/bounds.toml"]
    );
    assert_eq!(source.get("@shared/ratios.rhai").unwrap().as_ref(), "// near");
    assert!(source.problems.is_empty());
}

#[test]
fn a_tree_is_searched_in_order_of_name_and_hidden_folders_are_passed_over() {
    let tree = tree(&[
        ("b/policy.toml", b""),
        ("a/deep/policy.toml", b""),
        (".git/policy.toml", b""),
        ("target/policy.toml", b""),
        ("fixtures/x/fixture.toml", b""),
    ]);
    let found = find_policies(tree.path()).unwrap();
    assert_eq!(found, [tree.path().join("a/deep"), tree.path().join("b")]);
    assert_eq!(find_policies(&tree.path().join("b/policy.toml")).unwrap(), [tree.path().join("b")]);
    assert_eq!(find_fixtures(tree.path()).unwrap(), [tree.path().join("fixtures/x")]);
}

#[test]
fn a_path_without_a_policy_is_said_to_be_one() {
    let tree = tree(&[("notes.txt", b"")]);
    assert!(matches!(find_policies(tree.path()), Err(FindError::NoPolicy(_))));
    assert!(matches!(find_policies(&tree.path().join("notes.txt")), Err(FindError::NoPolicy(_))));
    assert!(matches!(find_policies(&tree.path().join("gone")), Err(FindError::Unreadable { .. })));
}

#[test]
fn a_file_that_is_not_text_is_a_problem_with_its_line() {
    let tree = tree(&[("policy.toml", b"schema = 1\nrollout = \"\xff\"\n"), ("rules.rhai", b"")]);
    let source = load_policy(tree.path());
    assert_eq!(paths(&source), ["rules.rhai"]);
    assert!(problems(&source)[0].ends_with("`policy.toml` is not UTF-8: line 2 has the first bad byte"));
}

#[test]
fn a_file_of_the_greatest_size_is_read_and_one_byte_more_is_refused() {
    let fits = vec![b'#'; MAX_FILE_BYTES];
    let over = vec![b'#'; MAX_FILE_BYTES + 1];
    let tree = tree(&[("policy.toml", &fits), ("env/staging.toml", &over)]);
    let source = load_policy(tree.path());
    assert_eq!(paths(&source), ["policy.toml"]);
    assert!(problems(&source)[0].ends_with("`env/staging.toml` is 257 KiB, at most 256 KiB"));
}

#[cfg(unix)]
#[test]
fn a_symlink_may_stay_inside_and_may_not_lead_out() {
    use std::os::unix::fs::symlink;
    let outside = tree(&[("policy.toml", b"schema = 1")]);
    let tree = tree(&[("..2026/policy.toml", b"schema = 1"), ("..2026/staging.toml", b"")]);
    // As a Kubernetes ConfigMap is mounted.
    symlink("..2026", tree.path().join("..data")).unwrap();
    symlink("..data/policy.toml", tree.path().join("policy.toml")).unwrap();
    create(&tree.path().join("env/x.toml"), b"").unwrap();
    symlink(outside.path().join("policy.toml"), tree.path().join("env/production.toml")).unwrap();
    let source = load_policy(tree.path());
    assert_eq!(paths(&source), ["env/x.toml", "policy.toml"]);
    assert!(problems(&source)[0].contains("`env/production.toml` is a symlink that leads out"));
}

#[cfg(unix)]
#[test]
fn overlays_that_cannot_be_listed_are_not_taken_for_none() {
    let tree = tree(&[("policy.toml", b"schema = 1")]);
    std::os::unix::fs::symlink("env", tree.path().join("env")).unwrap();
    assert!(problems(&load_policy(tree.path()))[0].contains("`env` cannot be read"));
}
