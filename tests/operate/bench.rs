//! A folder with a policy whose stages need no data to be left: a rollout that a person can walk through.

#![expect(clippy::disallowed_methods, reason = "tests write the trees that the binary is run on")]

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use rollgate::adapters::store::{Embedded, Options};
use rollgate::control::Rollout;
use rollgate::ledger::hash::Key;
use rollgate::model::time::Time;
use rollgate::ports::store::Store;
use tempfile::TempDir;

use super::support::{rollgate, screen_of};

/// Nobody sees anything in the lowest stage, so it can be left without data; it asks for an approval.
const POLICY: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout", "new_basket"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
[triggers]
errors = { in = ["canary", "full"], metric = "error_rate", above = "5%" }
[[stages]]
name = "off"
approvals = { roles = ["security"] }
[[stages]]
name = "canary"
traffic = "10%"
audience = ["@example.com"]
bake = "10m"
[[stages]]
name = "full"
traffic = "100%"
bake = "10m"
"#;

pub struct Bench {
    pub folder: TempDir,
}

impl Bench {
    /// A policy, and no store yet.
    pub fn new() -> Bench {
        let folder = TempDir::new().unwrap();
        let bench = Bench { folder };
        bench.policy("checkout", POLICY);
        bench
    }

    /// A rollout in `canary`.
    pub fn in_canary() -> Bench {
        let bench = Bench::new();
        bench.ok("start policies/checkout --revision r812");
        bench.ok("approve --role security");
        bench.ok("advance");
        bench
    }

    /// Writes a policy, with the text it is given.
    pub fn policy(&self, name: &str, text: &str) {
        let folder = self.folder.path().join("policies").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("policy.toml"), text).unwrap();
    }

    /// The policy of `checkout`, with one thing changed.
    pub fn edited(&self, from: &str, to: &str) {
        assert!(POLICY.contains(from));
        self.policy("checkout", &POLICY.replace(from, to));
    }

    /// The policy of `checkout`, with a word changed wherever it stands.
    pub fn renamed(&self, from: &str, to: &str) {
        self.policy("checkout", &POLICY.replace(from, to));
    }

    pub fn store_file(&self) -> PathBuf {
        self.folder.path().join("rollgate.redb")
    }

    /// The binary with these words; who and why are always said.
    pub fn command(&self, words: &str) -> Command {
        let mut command = rollgate(self.folder.path(), &words.split_whitespace().collect::<Vec<_>>());
        let reads = ["status", "audit", "store"].iter().any(|verb| words.starts_with(verb));
        if !(reads || words.starts_with("policy show") || words.starts_with("policy history")) {
            command.args(["--reason", "because of the night"]);
        }
        command.env("USER", "ana");
        command
    }

    pub fn ok(&self, words: &str) {
        self.command(words).assert().success();
    }

    /// What was printed, results before talk, and how it ended.
    pub fn screen(&self, words: &str) -> String {
        screen_of(&mut self.command(words))
    }

    /// What the store holds, once no process has it.
    pub fn rollout(&self) -> Rollout {
        Rollout::load(&self.store(), &key()).unwrap()
    }

    pub fn store(&self) -> Embedded {
        Embedded::open(&self.store_file(), Options::default(), Box::new(|| Time::from_millis(0))).unwrap()
    }

    pub fn entries(&self) -> Vec<rollgate::ledger::Entry> {
        self.store().entries(&key(), 0, usize::MAX).unwrap()
    }
}

pub fn key() -> Key {
    Key::new("checkout".into(), "production".into())
}
