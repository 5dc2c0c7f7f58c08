//! The rules of the house that a compiler does not check: which layer may use which, who may name what, and that
//! nothing half-done is committed. The layer table is in `src/lib.rs`; it is held here.

#![expect(clippy::disallowed_methods, reason = "it reads the sources")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each layer and the layers it may use. `policy` means the whole of it; `policy::compiled` only that module.
const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("policy", &["model"]),
    ("engine", &["model", "policy"]),
    ("fixture", &["model", "policy", "engine"]),
    ("review", &["model", "policy", "engine", "fixture"]),
    // The plan walks the calendar with the engine's own eyes: what is frozen there must be frozen here.
    ("handbook", &["model", "policy", "engine::freeze"]),
    ("import", &["model", "policy"]),
    ("ledger", &["model"]),
    ("ports", &["model", "ledger"]),
    ("adapters", &["model", "ledger", "ports"]),
    ("control", &["model", "policy", "engine", "ledger", "ports"]),
    // Settings are read and drawn like policies, field by field; what a policy means is no business of theirs.
    (
        "settings",
        &[
            "model",
            "policy::PRODUCTION",
            "policy::codes",
            "policy::diagnostic",
            "policy::raw::fields",
            "policy::sink",
            "policy::source",
            "policy::suggest",
            "policy::tree",
        ],
    ),
    (
        "report",
        &[
            "model",
            "policy::diagnostic",
            "policy::codes",
            "policy::compiled",
            "policy::source",
            "fixture",
            "review",
            "ledger",
            "ports::store",
            "control",
            "settings::codes",
        ],
    ),
    ("shell", &["model", "policy", "fixture", "review::case", "ledger", "ports", "adapters", "settings::secret"]),
    (
        "daemon",
        &["model", "policy", "fixture", "ledger", "ports", "adapters", "control", "settings", "report", "shell"],
    ),
    (
        "cli",
        &[
            "model", "policy", "engine", "fixture", "review", "handbook", "import", "ledger", "ports", "control",
            "settings", "report", "shell", "daemon",
        ],
    ),
    ("main", &["cli"]),
];

/// Crates that talk to a network; none may be in the core's tree.
const NETWORK: &[&str] = &[
    "axum",
    "curl",
    "h2",
    "hyper",
    "mio",
    "native-tls",
    "openssl",
    "quinn",
    "redis",
    "reqwest",
    "rustls",
    "socket2",
    "tokio",
    "tonic",
    "ureq",
];

/// The longest a source file may be: one idea each, read in one sitting.
const LONGEST_FILE: usize = 500;

#[test]
fn layers_use_only_those_above_them() {
    let mut broken = Vec::new();
    for file in sources() {
        let layer = file.layer();
        let allowed = LAYERS
            .iter()
            .find(|(name, _)| *name == layer)
            .unwrap_or_else(|| panic!("{} belongs to no layer; name it in `LAYERS`", file.name))
            .1;
        for path in file.crate_paths() {
            let target = path.split("::").next().unwrap_or_default();
            let known = LAYERS.iter().any(|(name, _)| *name == target);
            let fine = target == layer
                || !known
                || allowed.iter().any(|allow| path == *allow || path.starts_with(&format!("{allow}::")));
            if !fine {
                broken.push(format!("{}: `{layer}` may not use `{path}`", file.name));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn only_the_script_folder_names_rhai() {
    refuse("rhai::", |file| !file.starts_with("policy/script"));
    refuse("use rhai", |file| !file.starts_with("policy/script"));
}

#[test]
fn only_the_shell_touches_files_clocks_and_the_environment() {
    let outside = |file: &str| !file.starts_with("shell");
    for name in ["std::env::", "process::Command", "SystemTime::now", "Timestamp::now", "Zoned::now"] {
        refuse(name, outside);
    }
    // A source ends by its own deadline, and so does a batch that gathers: they measure how long they wait, and are told
    // what time it is.
    refuse("Instant::now", |file| outside(file) && file != "adapters/deadline.rs");
    // A store is a file, so is a journal, and so is one of the sources; everything else they need is handed to them.
    let files = ["adapters/store", "adapters/journal", "adapters/source/file/disk.rs"];
    refuse("std::fs", |file| outside(file) && !files.iter().any(|allowed| file.starts_with(allowed)));
}

#[test]
fn the_core_reaches_no_network() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--no-default-features", "--edges", "normal", "--prefix", "none", "--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let found: Vec<&&str> = NETWORK.iter().filter(|name| crates.contains(*name)).collect();
    assert!(crates.contains("rollgate"), "the tree is empty:\n{tree}");
    assert!(found.is_empty(), "network crates in the core: {found:?}");
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is here");
    let mut inside = false;
    let mut silent = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies");
        } else if inside && line.contains('=') && !line.starts_with('#') {
            let reason = line.split_once(" # ").map_or("", |(_, reason)| reason.trim());
            if reason.is_empty() {
                silent.push(line);
            }
        }
    }
    assert!(silent.is_empty(), "give each a reason behind a `#`:\n{}", silent.join("\n"));
}

#[test]
fn nothing_unfinished_is_committed() {
    for mark in ["todo!(", "dbg!(", "unimplemented!(", "TODO", "FIXME", "XXX"] {
        refuse(mark, |_| true);
    }
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut broken = Vec::new();
    for file in sources() {
        let lines = file.text.lines().count();
        // A long table of codes or of words is easier to read in one piece than torn apart; a long program is not.
        if lines > LONGEST_FILE {
            broken.push(format!("{}: {lines} lines, at most {LONGEST_FILE}", file.name));
        }
        if !file.text.starts_with("//!") {
            broken.push(format!("{}: begins without `//!`", file.name));
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// One file under `src`, comments and tests taken out of the text that rules look at.
struct Source {
    /// Path under `src`, with forward slashes.
    name: String,
    text: String,
    code: String,
}

impl Source {
    /// The folder, or the file's own name when it stands at the top.
    fn layer(&self) -> String {
        let first = self.name.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first).to_owned()
    }

    /// Every `crate::` path named, groups in braces spelled out: `policy::compiled::Policy`.
    fn crate_paths(&self) -> Vec<String> {
        let own = if self.name == "main.rs" { "rollgate::" } else { "crate::" };
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices(own) {
            let rest = &self.code[at + own.len()..];
            spell_out(rest, "", &mut found);
        }
        found
    }
}

/// Reads one path, or a group of paths, at the start of `text`.
fn spell_out(text: &str, prefix: &str, found: &mut Vec<String>) -> usize {
    if let Some(group) = text.strip_prefix('{') {
        let mut at = 1;
        let mut rest = group;
        loop {
            let skipped = rest.len() - rest.trim_start_matches([' ', '\n', ',']).len();
            (at, rest) = (at + skipped, &rest[skipped..]);
            if rest.is_empty() || rest.starts_with('}') {
                return at + 1;
            }
            let used = spell_out(rest, prefix, found).max(1);
            (at, rest) = (at + used.min(rest.len()), &rest[used.min(rest.len())..]);
        }
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let word = &text[..end];
    if word.ends_with("::") && text[end..].starts_with('{') {
        return end + spell_out(&text[end..], &format!("{prefix}{word}"), found);
    }
    found.push(format!("{prefix}{}", word.trim_end_matches("::")));
    end
}

fn refuse(what: &str, at: impl Fn(&str) -> bool) {
    let found: Vec<String> = sources()
        .iter()
        .filter(|file| at(&file.name) && file.code.contains(what))
        .map(|file| format!("{}: names `{what}`", file.name))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let top = root().join("src");
    let mut found = BTreeMap::new();
    collect(&top, &top, &mut found);
    let sources = found.into_iter().filter(|(name, _)| name != "lib.rs" && !is_test_file(name));
    sources.map(|(name, text)| Source { code: code_of(&text), name, text }).collect()
}

/// `engine/tests.rs`, `policy/check/tests/units.rs`.
fn is_test_file(name: &str) -> bool {
    name.ends_with("tests.rs") || name.contains("/tests/")
}

fn collect(top: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            collect(top, &path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(top).expect("it is below").to_string_lossy().replace('\\', "/");
            found.insert(name, fs::read_to_string(&path).expect("sources are UTF-8"));
        }
    }
}

/// The code without comments, and without the tests at the end of the file: a test may use whatever it likes.
fn code_of(text: &str) -> String {
    let body = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text);
    let lines = body.lines().map(|line| match line.trim_start().starts_with("//") {
        true => "",
        false => line.split(" // ").next().unwrap_or(line),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_reader_of_paths_sees_through_groups() {
    let mut found = Vec::new();
    spell_out("{model::{time::Time, ids::{A, B}}, policy::compiled};", "", &mut found);
    assert_eq!(found, ["model::time::Time", "model::ids::A", "model::ids::B", "policy::compiled"]);
}
