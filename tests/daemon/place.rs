//! A folder in which a controller runs: its policies, its settings, and what it leaves behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rollgate::adapters::journal::{FileJournal, Options as JournalOptions};
use rollgate::adapters::store::redis::{Options as RedisOptions, Redis};
use rollgate::adapters::store::{Embedded, FileSpool, Options};
use rollgate::control::{Rollout, keep};
use rollgate::ledger::Entry;
use rollgate::ledger::hash::Key;
use rollgate::model::snapshot::Snapshot;
use rollgate::model::time::Time;
use rollgate::ports::journal::Journal as _;
use rollgate::ports::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Answer, Api};
use crate::process::Process;
use crate::redis_support::Server;
pub use crate::support::awaited::within;
pub use crate::support::checkout::POLICY;

/// Longer than anything takes on a busy machine; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something is so, looking often.
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, look)
}

pub fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_millis(i64::try_from(since.as_millis()).unwrap())
}

pub fn key(rollout: &str) -> Key {
    Key::new(rollout.into(), "production".into())
}

/// A snapshot of this moment.
pub fn reading(rollout: &str, error_rate: f64) -> Value {
    json!({"time": now(), "rollout": rollout, "groups": {"treatment": {"error_rate": error_rate}}})
}

/// For tests that wait for a dead one's lease, and are not about how long that takes.
const SHORT_LEASE: &str = "[lease]\nterm = \"1s\"\nstep_down = \"700ms\"\nrenew = \"200ms\"\n";

/// The store in this Redis.
pub fn store_at(url: &str) -> Redis {
    let options: RedisOptions = url.parse().unwrap();
    Redis::open(RedisOptions { create: true, ..options }).unwrap()
}

/// A folder of its own.
pub struct Place {
    pub folder: TempDir,
    /// Its store, when that is no file.
    pub redis: Option<Server>,
}

impl Place {
    /// Nothing in it.
    pub fn empty() -> Place {
        Place { folder: TempDir::new().unwrap(), redis: None }
    }

    /// [`POLICY`] in it.
    pub fn new() -> Place {
        let place = Place::empty();
        place.policy("checkout", POLICY);
        place
    }

    /// On a Redis of its own, whose lease is short: whoever was killed is waited for.
    pub fn on_redis() -> Place {
        let redis = Server::durable();
        let place = Place::at(&redis.url());
        place.write("rollgate.toml", &format!("[store]\nurl = \"{}\"\n{SHORT_LEASE}", redis.url()));
        Place { redis: Some(redis), ..place }
    }

    /// On a Redis at this address.
    pub fn at(url: &str) -> Place {
        let place = Place::empty();
        place.write("rollgate.toml", &format!("[store]\nurl = \"{url}\"\n"));
        place
    }

    /// All files of another one.
    pub fn copied(from: &Path) -> Place {
        let place = Place::empty();
        copy(from, place.path());
        place
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, as an editor does that renames.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let new = path.with_extension("new~");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    pub fn policy(&self, rollout: &str, text: &str) {
        self.write(&format!("policies/{rollout}/policy.toml"), text);
    }

    pub fn store_file(&self) -> PathBuf {
        self.path().join("rollgate.redb")
    }

    /// The binary with these words, here.
    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollgate"));
        command.current_dir(self.path()).args(words.split_whitespace());
        for name in ["ROLLGATE_STORE", "ROLLGATE_ENVIRONMENT", "ROLLGATE_CONFIG", "RUST_LOG", "NO_COLOR", "SUDO_USER"] {
            command.env_remove(name);
        }
        command.env("USER", "ana");
        command
    }

    /// Runs it to its end.
    pub fn output(&self, words: &str) -> Output {
        self.command(words).output().unwrap()
    }

    /// What it printed, results before talk, and how it ended.
    pub fn screen(&self, words: &str) -> String {
        let output = self.output(words);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!("{}{}exit {}\n", text(&output.stdout), text(&output.stderr), output.status)
    }

    /// A controller on a free port; it answers when this returns.
    pub fn run(&self, words: &str) -> Controller {
        self.run_armed(words, None)
    }

    /// The same, armed to stand still at a point.
    pub fn run_armed(&self, words: &str, point: Option<&str>) -> Controller {
        let process = self.begin(words, point);
        let url = process.hears(PATIENCE, url_in).unwrap_or_else(|| panic!("no API; it said:\n{}", process.said()));
        let token = self.token();
        Controller { process, api: Api::at(&url, token) }
    }

    /// Starts a controller, and does not wait for anything.
    pub fn begin(&self, words: &str, point: Option<&str>) -> Process {
        let mut command = self.command(&format!("run --listen 127.0.0.1:0 {words}"));
        if let Some(point) = point {
            command.env("ROLLGATE_CRASH_AT", point);
        }
        Process::start(&command)
    }

    /// The token of this machine, once a controller has written it.
    pub fn token(&self) -> Option<String> {
        let found = ["rollgate.redb.api", "rollgate.journal.api"].iter().find_map(|name| {
            let text = fs::read_to_string(self.path().join(name)).ok()?;
            serde_json::from_str::<Value>(&text).ok()
        });
        Some(found?["token"].as_str()?.to_owned())
    }

    /// The store, once no process has it.
    pub fn store(&self) -> Embedded {
        until("the store's file is free", || Embedded::open(&self.store_file(), Options::default(), Box::new(now)).ok())
    }

    pub fn rollout(&self) -> Rollout {
        Rollout::load(&self.store(), &key("checkout")).unwrap()
    }

    /// The spool of whoever runs here.
    pub fn spool(&self) -> FileSpool {
        let beside = if self.redis.is_some() { self.path().join("rollgate.journal") } else { self.store_file() };
        FileSpool::beside(&beside)
    }

    /// The store, wherever it is; none when there is none yet.
    pub fn stored(&self) -> Option<Box<dyn Store>> {
        match &self.redis {
            Some(redis) => Some(Box::new(store_at(&redis.url()))),
            None if self.store_file().exists() => Some(Box::new(self.store())),
            None => None,
        }
    }

    /// The entries, none when there is no store yet.
    pub fn entries_of(&self) -> Vec<Entry> {
        self.stored().map_or_else(Vec::new, |store| store.entries(&key("checkout"), 0, usize::MAX).unwrap())
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.store().entries(&key("checkout"), 0, usize::MAX).unwrap()
    }

    /// The chain verifies, the state is its fold, what is exposed is what was recorded.
    pub fn assert_sound(&self, what: &str) {
        if let Some(store) = self.stored() {
            assert_sound(store.as_ref(), what);
        }
    }

    /// Every snapshot of the journal, once no process has it.
    pub fn journal(&self) -> Vec<Snapshot> {
        let journal = FileJournal::open(&self.path().join("rollgate.journal"), JournalOptions::default()).unwrap();
        let mut found = Vec::new();
        journal.recall(&key("checkout"), Time::NEVER, &mut |_, snapshot| found.push(snapshot)).unwrap();
        found
    }
}

/// The same of any store.
pub fn assert_sound(store: &dyn Store, what: &str) {
    for key in store.keys().unwrap() {
        let checked = keep::check(store, &key).unwrap();
        assert_eq!(checked.problems, Vec::<String>::new(), "{what}");
        let rollout = Rollout::load(store, &key).unwrap();
        if let Some(first) = rollout.exposed.exposures.first() {
            let same = |other: &rollgate::ports::store::Exposure| {
                (other.traffic, &other.stage) == (first.traffic, &first.stage)
            };
            assert!(rollout.exposed.exposures.iter().all(same), "{what}: features moved apart: {:?}", rollout.exposed);
            assert_eq!(rollout.exposed.generation, rollout.state.generation, "{what}");
            assert_eq!(first.stage, rollout.state.stage, "{what}");
        }
    }
}

/// Where the API is, as the first line says.
pub fn url_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("API on ")?;
    let plain: String = rest.chars().take_while(|c| c.is_ascii_graphic()).collect();
    plain.starts_with("http://").then_some(plain)
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A controller that runs.
pub struct Controller {
    pub process: Process,
    pub api: Api,
}

impl Controller {
    /// Pushes a reading of this moment; it was taken.
    pub fn reads(&self, rollout: &str, error_rate: f64) {
        let answer = self.push(&reading(rollout, error_rate));
        assert_eq!(answer.status, 202, "{}", answer.text);
    }

    pub fn push(&self, snapshot: &Value) -> Answer {
        self.api.post("/v1/snapshots", &snapshot.to_string()).unwrap()
    }

    /// Gives an order.
    pub fn order(&self, rollout: &str, verb: &str, mut fields: Value) -> Answer {
        fields["reason"] = "because of the night".into();
        self.api.post(&format!("/v1/rollouts/{rollout}/{verb}"), &fields.to_string()).unwrap()
    }

    /// Gives an order that is carried out.
    pub fn does(&self, rollout: &str, verb: &str, fields: Value) -> Value {
        let answer = self.order(rollout, verb, fields);
        assert_eq!(answer.status, 200, "{verb}: {}", answer.text);
        answer.json()
    }

    /// Starts the rollout and leaves its first stage.
    pub fn to_canary(&self, rollout: &str) {
        self.leads(rollout);
        self.does(rollout, "start", json!({"revision": "r1"}));
        self.does(rollout, "advance", json!({}));
        self.view_where(rollout, "it is in canary", |view| view["stage"] == "canary" && view["phase"] == "hold");
    }

    /// What is published of a rollout; none when it is not known, or nobody answers.
    pub fn view(&self, rollout: &str) -> Option<Value> {
        self.api.view(rollout)
    }

    /// Waits until what is published of a rollout is so.
    pub fn view_where(&self, rollout: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.view_within(PATIENCE, rollout, what, is)
    }

    pub fn view_within(&self, patience: Duration, rollout: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let view = self.view(rollout);
            if let Some(view) = view.as_ref().filter(|view| is(view)) {
                return view.clone();
            }
            assert!(started.elapsed() < patience, "waited in vain: {what}; it is {view:#?}");
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    /// Waits until it leads and has a policy in force.
    pub fn leads(&self, rollout: &str) -> Value {
        self.view_where(rollout, "it leads", |view| view["leads"] == true && view["policy"].is_string())
    }

    /// Ends it in good order.
    pub fn ends(mut self) {
        self.process.signal("TERM");
        let status = self.process.ends();
        assert!(status.success(), "{status}; it said:\n{}", self.process.said());
    }
}
