//! Sources inside the controller: from what a service shows to what is recorded.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rollgate::model::time::{Duration as Length, Time};
use serde_json::Value;

use super::prometheus_support::{Page, Prometheus};
use super::world::{eventually, now};

/// A controller in a folder of its own, with one rollout in its canary stage.
struct Controller {
    folder: tempfile::TempDir,
    process: Child,
}

const POLICY: &str = r#"
schema = 1
rollout = "checkout"
owner = "team"
features = ["new_checkout"]

[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "10s", on_unknown = "hold" }

[thresholds.error_rate]
p0 = { above = "5%", for = "2s" }

[[stages]]
name = "off"
bake = "1s"

[[stages]]
name = "canary"
traffic = "10%"
bake = "10m"

[[stages]]
name = "full"
traffic = "100%"
bake = "10m"
"#;

impl Controller {
    fn start(source: &str) -> Controller {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("policies/checkout")).unwrap();
        fs::write(folder.path().join("policies/checkout/policy.toml"), POLICY).unwrap();
        let settings = format!(
            "policies = [\"policies\"]\n[store]\npath = \"rollgate.redb\"\n[api]\nlisten = \"127.0.0.1:0\"\n{source}"
        );
        fs::write(folder.path().join("rollgate.toml"), settings).unwrap();
        // It ends with the thread that started it, however that ends.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_rollgate"), "run", "--config", "rollgate.toml"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let controller = Controller { folder, process };
        eventually("a controller that answers", || controller.log().contains("the lease changed hands").then_some(()));
        let started = controller.ask(&["start", "policies/checkout", "--revision", "r1", "--reason", "test"]);
        assert!(started.is_some(), "{}", controller.log());
        eventually("the canary stage", || (controller.standing()?["stage"] == "canary").then_some(()));
        controller
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    fn ask(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollgate"));
        command.args(words).args(["--store", "rollgate.redb"]).current_dir(self.folder.path());
        let output = command.env("ROLLGATE_BY", "ana").output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    fn standing(&self) -> Option<Value> {
        let status: Value = serde_json::from_str(&self.ask(&["status", "--output", "json"])?).ok()?;
        Some(status["rollouts"][0].clone())
    }

    /// When the roll back was recorded.
    fn rolled_back(&self) -> Time {
        eventually("a roll back", || (self.standing()?["phase"] == "rolled_back").then_some(()));
        let entries: Value = serde_json::from_str(&self.ask(&["audit", "list", "--output", "json"]).unwrap()).unwrap();
        let entries = entries.as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["what"]["event"] == "rolled-back").unwrap();
        assert_eq!(entry["what"]["check"], "error_rate.p0");
        Time::parse(entry["at"].as_str().unwrap()).unwrap()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_service_that_starts_failing_is_taken_back_within_two_intervals_after_its_for() {
    let page = Page::start();
    page.show("error_percent{track=\"canary\"}", "1");
    let prometheus = Prometheus::start(&page);
    let controller = Controller::start(&format!(
        "[[sources]]\nkind = \"prometheus\"\nname = \"prometheus\"\nurl = \"{}\"\nevery = \"1s\"\ndeadline = \"1s\"\n\
         groups = {{ treatment = \"canary\" }}\n[sources.queries]\nerror_rate = 'error_percent{{track=\"$group\"}}'\n",
        prometheus.url()
    ));
    // Known and good: what comes then is a change, and not the first thing seen.
    eventually("a good reading", || controller.log().contains("error_rate.p0: unknown to ok").then_some(()));
    page.show("error_percent{track=\"canary\"}", "50");
    let beyond = now();
    let took = controller.rolled_back().since(beyond);
    // A scrape, the `for` of 2 s, two intervals of 1 s; and a second for a machine that does other things.
    let allowed = Length::from_millis(200) + Length::from_secs(2) + Length::from_secs(2) + Length::from_secs(1);
    assert!(took >= Length::from_secs(2) && took <= allowed, "{took}\n{}", controller.log());
}

#[test]
fn a_snapshot_that_is_never_taken_is_told_and_costs_no_other() {
    let source = "[[sources]]\nkind = \"ndjson\"\nname = \"file\"\npath = \"snapshots.ndjson\"\nevery = \"200ms\"\n";
    let controller = Controller::start(source);
    let path = controller.path("snapshots.ndjson");
    let write = |at: Time, value: i32| {
        line(&path, &format!(r#"{{"time":"{at}","groups":{{"treatment":{{"error_rate":{value}}}}}}}"#))
    };
    let started = Instant::now();
    // Each piece has something in it that can never be taken: of the future, of nobody, and no snapshot at all.
    while controller.standing().is_none_or(|standing| standing["phase"] != "rolled_back") {
        assert!(started.elapsed() < Duration::from_secs(30), "{}", controller.log());
        write(now() + Length::from_hours(1), 0);
        write(now(), 50);
        line(&path, r#"{"time":"2026-01-01T00:00:00Z","rollout":"other","groups":{}}"#);
        line(&path, "rubbish");
    }
    let log = controller.log();
    for words in ["in the future", "is no snapshot"] {
        assert!(log.contains(words), "{words}\n{log}");
    }
}

fn line(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    // One write, so that a reader sees the line whole or not at all.
    file.write_all(format!("{text}\n").as_bytes()).unwrap();
}
