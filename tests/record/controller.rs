//! A folder with a policy, and a controller that runs in it for as long as the test does.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rollgate::daemon::local::{self, Local};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::awaited::within;
use super::support::checkout::with;
use super::support::rollgate;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stages that take a second, and a metric that goes stale after two.
pub fn policy() -> String {
    with(&[
        ("\"90s\"", "\"2s\""),
        ("p0 = {", "p1 = { above = \"2%\", for = \"2 of 3\", clear_after = \"2 of 2\" }\np0 = {"),
    ])
}

pub struct Place {
    pub folder: TempDir,
    child: Option<Child>,
}

impl Place {
    /// A folder with the policy, and nothing that runs.
    pub fn new() -> Place {
        let folder = TempDir::new().unwrap();
        let place = folder.path().join("policies/checkout");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("policy.toml"), policy()).unwrap();
        Place { folder, child: None }
    }

    /// The same with a controller that answers.
    pub fn running() -> Place {
        let mut place = Place::new();
        let mut command = Command::new("setpriv");
        // The kernel ends it together with the test.
        command.args(["--pdeathsig", "KILL"]).arg(assert_cmd::cargo::cargo_bin("rollgate"));
        command.args(["run", "--listen", "127.0.0.1:0", "--log", "json"]);
        command.current_dir(place.path()).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(place.path().join("run.log")).unwrap());
        place.child = Some(command.spawn().expect("setpriv (util-linux) is installed"));
        place.until("the controller answers and has read the policy", |place| {
            let screen = place.json(&["status", "--output", "json"]);
            screen["rollouts"].as_array().is_some_and(|all| !all.is_empty()).then_some(())
        });
        place
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn local(&self) -> Option<Local> {
        local::find(&self.path().join("rollgate.redb.api"))
    }

    /// Ends the controller in good order.
    pub fn end(&mut self) {
        let mut child = self.child.take().expect("it runs");
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        assert!(child.wait().unwrap().success());
    }

    /// Waits until something is so.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut(&Place) -> Option<T>) -> T {
        within(PATIENCE, what, || look(self))
    }

    /// Pushes a reading of this moment.
    pub fn push(&self, error_rate: f64) {
        let local = self.local().expect("it runs");
        let now = jiff::Timestamp::now().to_string();
        let groups = json!({"treatment": {"error_rate": error_rate, "unasked": 1.0}});
        let snapshot = json!({"time": now, "rollout": "checkout", "source": "prom-private", "groups": groups});
        let answer = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
        let answer = answer.post(format!("{}/v1/snapshots", local.url)).bearer_auth(&local.token).json(&snapshot);
        assert_eq!(answer.send().unwrap().status().as_u16(), 202);
    }

    /// Pushes until something is so.
    pub fn push_until<T>(&self, error_rate: f64, what: &str, mut look: impl FnMut(&Place) -> Option<T>) -> T {
        self.until(what, |place| {
            place.push(error_rate);
            look(place)
        })
    }

    pub fn command(&self, words: &[&str]) -> assert_cmd::Command {
        let mut command = rollgate(self.path(), words);
        command.env("USER", "ana");
        command
    }

    pub fn ok(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{words:?}:\n{text}{said}");
        text
    }

    /// What a command prints as JSON; null where it prints none.
    pub fn json(&self, words: &[&str]) -> Value {
        let output = self.command(words).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// What a command prints as lines of JSON.
    pub fn lines(&self, words: &[&str]) -> Vec<Value> {
        self.ok(words).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn standing(&self) -> Value {
        self.json(&["status", "--output", "json"])["rollouts"][0].clone()
    }

    pub fn is(&self, field: &str, value: &str) -> Option<()> {
        (self.standing()[field] == value).then_some(())
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
    }
}
