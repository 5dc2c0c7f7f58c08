//! A controller on a real store in a scratch folder, with a store that can be made to refuse.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rollgate::adapters::log_actuator::LogActuator;
use rollgate::adapters::store::{Embedded, FileSpool, Options};
use rollgate::control::live::{Controller, Given, Ports};
use rollgate::control::{Ask, Command, Outcome, PolicyRecord, Rollout};
use rollgate::engine;
use rollgate::ledger::hash::Key;
use rollgate::ledger::{Checkpoint, Entry, Head, verify};
use rollgate::model::event::What;
use rollgate::model::frame::{Cell, Frame, Group, RegionIx};
use rollgate::model::ids::{Actor, Digest, Revision};
use rollgate::model::operator::{Order, Verb};
use rollgate::model::plan::Plan;
use rollgate::model::time::{Duration, Time};
use rollgate::policy::compiled::Policy;
use rollgate::policy::source::PolicySource;
use rollgate::ports::actuator::{Actuator, ActuatorError};
use rollgate::ports::store::{Appended, Batch, Exposed, Lease, LeaseToken, Store, StoreError};

pub const POLICY: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout"]

[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }

[thresholds.error_rate]
p0 = { above = "5%", for = "2m" }

[[stages]]
name = "off"
bake = "5m"

[[stages]]
name = "canary"
traffic = "10%"
bake = "10m"

[[stages]]
name = "full"
traffic = "100%"
bake = "10m"
"#;

pub fn policy(text: &str) -> (PolicyRecord, std::sync::Arc<Policy>) {
    let mut source = PolicySource::new("test");
    source.insert("policy.toml", text);
    let compiled = rollgate::policy::compile(&source, &"production".into());
    let policy = compiled.policy.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    (PolicyRecord::new(&policy, &source), std::sync::Arc::new(policy))
}

pub fn minute(minute: i64) -> Time {
    second(minute * 60)
}

pub fn second(second: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + second * 1000)
}

/// A store that refuses while it is told to, or loses the reply after it wrote.
pub struct Moody {
    inner: Embedded,
    pub refuses: AtomicBool,
    pub loses_reply: AtomicBool,
}

impl Moody {
    fn mood(&self) -> Result<(), StoreError> {
        if self.refuses.load(Ordering::SeqCst) { Err(StoreError::Unavailable("it is away".to_owned())) } else { Ok(()) }
    }
}

impl Store for Moody {
    fn keys(&self) -> Result<Vec<Key>, StoreError> {
        self.mood()?;
        self.inner.keys()
    }
    fn head(&self, key: &Key) -> Result<Head, StoreError> {
        self.mood()?;
        self.inner.head(key)
    }
    fn entries(&self, key: &Key, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.mood()?;
        self.inner.entries(key, from, limit)
    }
    fn checkpoint(&self, key: &Key, at_most: u64) -> Result<Option<Checkpoint>, StoreError> {
        self.mood()?;
        self.inner.checkpoint(key, at_most)
    }
    fn append(&self, batch: &Batch) -> Result<Appended, StoreError> {
        self.mood()?;
        let appended = self.inner.append(batch)?;
        if self.loses_reply.swap(false, Ordering::SeqCst) {
            return Err(StoreError::Unavailable("no reply".to_owned()));
        }
        Ok(appended)
    }
    fn exposed(&self, key: &Key) -> Result<Exposed, StoreError> {
        self.mood()?;
        self.inner.exposed(key)
    }
    fn policy(&self, digest: &Digest) -> Result<Option<String>, StoreError> {
        self.mood()?;
        self.inner.policy(digest)
    }
    fn policies(&self) -> Result<Vec<Digest>, StoreError> {
        self.mood()?;
        self.inner.policies()
    }
    fn decision(&self, id: &str) -> Result<Option<String>, StoreError> {
        self.mood()?;
        self.inner.decision(id)
    }
    fn prune(&self, base: &Checkpoint) -> Result<u64, StoreError> {
        self.mood()?;
        self.inner.prune(base)
    }
    fn restore(&self, key: &Key, base: Option<&Checkpoint>, entries: &[Entry], at: &Exposed) -> Result<(), StoreError> {
        self.mood()?;
        self.inner.restore(key, base, entries, at)
    }
    fn put_policy(&self, digest: &Digest, text: &str) -> Result<(), StoreError> {
        self.mood()?;
        self.inner.put_policy(digest, text)
    }
    fn acquire(&self, holder: &Actor, term: Duration) -> Result<LeaseToken, StoreError> {
        self.mood()?;
        self.inner.acquire(holder, term)
    }
    fn renew(&self, token: &LeaseToken, term: Duration) -> Result<Lease, StoreError> {
        self.mood()?;
        self.inner.renew(token, term)
    }
    fn release(&self, token: &LeaseToken) -> Result<(), StoreError> {
        self.mood()?;
        self.inner.release(token)
    }
    fn leader(&self) -> Result<Option<Lease>, StoreError> {
        self.mood()?;
        self.inner.leader()
    }
}

/// Remembers every plan it was told to carry out.
#[derive(Default)]
pub struct Remembering {
    pub plans: Mutex<Vec<Plan>>,
    log: LogActuator,
}

impl Actuator for Remembering {
    fn apply(&self, key: &Key, plan: &Plan) -> Result<Vec<String>, ActuatorError> {
        self.plans.lock().unwrap().push(plan.clone());
        self.log.apply(key, plan)
    }
}

/// One machine room: a store, a spool, an actuator; controllers come and go.
pub struct Room {
    pub store: Moody,
    pub spool: FileSpool,
    pub actuator: Remembering,
    _folder: tempfile::TempDir,
}

impl Room {
    pub fn new() -> Room {
        let folder = tempfile::tempdir().unwrap();
        let path: &Path = folder.path();
        let file = path.join("store.redb");
        let options = Options { create: true, ..Options::default() };
        let store = Embedded::open(&file, options, Box::new(|| minute(0))).unwrap();
        Room {
            store: Moody { inner: store, refuses: AtomicBool::new(false), loses_reply: AtomicBool::new(false) },
            spool: FileSpool::beside(&file),
            actuator: Remembering::default(),
            _folder: folder,
        }
    }

    pub fn ports(&self) -> Ports<'_> {
        Ports { store: &self.store, actuator: &self.actuator, spool: &self.spool }
    }

    pub fn key() -> Key {
        Key::new("checkout".into(), "production".into())
    }

    /// The store does not answer any more, or answers again.
    pub fn store_is_away(&self, away: bool) {
        self.store.refuses.store(away, Ordering::SeqCst);
    }

    pub fn lease(&self, holder: &str) -> LeaseToken {
        self.store.inner.acquire(&Actor::new(holder), Duration::from_hours(1000)).unwrap()
    }

    /// A controller that leads, under [`POLICY`].
    pub fn leader(&self, now: Time) -> Controller {
        let mut controller = self.open(now);
        controller.lead(Some(self.lease("one")));
        controller.feed(self.ports(), now, Given::Tick);
        controller
    }

    /// Whoever leads gives the lease back.
    pub fn gives_up(&self, holder: &str) {
        self.store.inner.release(&self.lease(holder)).unwrap();
    }

    pub fn open(&self, now: Time) -> Controller {
        self.open_under(POLICY, now)
    }

    pub fn open_under(&self, text: &str, now: Time) -> Controller {
        let (record, policy) = policy(text);
        Controller::open(self.ports(), &Room::key(), Some((&record, policy)), now).unwrap()
    }

    pub fn events(&self) -> Vec<String> {
        self.entries()
            .iter()
            .map(|entry| serde_json::to_value(&entry.record().what).unwrap()["event"].to_string())
            .collect()
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.store.inner.entries(&Room::key(), 0, 10_000).unwrap()
    }

    pub fn count(&self, which: impl Fn(&What) -> bool) -> usize {
        self.entries().iter().filter(|entry| which(&entry.record().what)).count()
    }

    /// The chain holds, and `controller` stands where its fold stands.
    pub fn is_the_fold(&self, controller: &Controller) {
        let entries = self.entries();
        verify(&Room::key(), None, &entries).unwrap();
        let state = entries
            .iter()
            .fold(rollgate::control::load::genesis(), |state, entry| engine::fold(state, &entry.record().event()));
        assert_eq!(Rollout::load(&self.store.inner, &Room::key()).unwrap().state, state);
        assert_eq!(controller.machine().unwrap().state(), &state);
    }

    /// It was taken back, once.
    pub fn is_taken_back(&self) {
        assert_eq!((self.count(rolled_back), self.stage().as_str()), (1, "off"), "{:?}", self.events());
    }

    pub fn stage(&self) -> String {
        Rollout::load(&self.store.inner, &Room::key()).unwrap().state.stage.to_string()
    }
}

pub fn rolled_back(what: &What) -> bool {
    matches!(what, What::RolledBack { .. })
}

pub fn entered(what: &What) -> bool {
    matches!(what, What::StageEntered { .. })
}

/// What a person or a source does to a controller.
pub trait Hands {
    fn reads(&mut self, room: &Room, at: Time, error_rate: f64);
    fn waits(&mut self, room: &Room, until: Time);
    fn told(&mut self, room: &Room, at: Time, verb: Verb) -> Outcome;
    fn starts(&mut self, room: &Room, at: Time) -> Outcome {
        self.starts_under(POLICY, room, at)
    }
    fn starts_under(&mut self, text: &str, room: &Room, at: Time) -> Outcome;
}

/// In canary at minute 5, everything well.
pub fn in_canary(room: &Room) -> Controller {
    let mut controller = room.leader(minute(0));
    controller.starts(room, minute(0));
    for at in 0..=5 {
        controller.reads(room, minute(at), 0.1);
    }
    assert_eq!(room.stage(), "canary");
    controller
}

pub fn frame(controller: &Controller, at: Time, error_rate: f64) -> Frame {
    let catalogue = &controller.machine().unwrap().policy().catalogue;
    let metric = catalogue.find("error_rate").unwrap();
    let slot = catalogue.slot(RegionIx(0), Group::Treatment, metric);
    let cell = Cell { slot, observed: at, value: error_rate, samples: None, unknown: None };
    Frame { time: at, exposure: None, cells: vec![cell] }
}

impl Hands for Controller {
    fn reads(&mut self, room: &Room, at: Time, error_rate: f64) {
        let frame = frame(self, at, error_rate);
        self.feed(room.ports(), at, Given::Frame(&frame));
    }

    fn waits(&mut self, room: &Room, until: Time) {
        let mut now = Time::NEVER;
        while let Some(wake) = Some(self.wake_at()).filter(|wake| *wake <= until) {
            assert!(wake > now, "it would be woken at {wake} for ever");
            now = wake;
            self.feed(room.ports(), wake, Given::Tick);
        }
    }

    fn told(&mut self, room: &Room, at: Time, verb: Verb) -> Outcome {
        let order = Order { actor: "ana".into(), reason: "because".to_owned(), verb };
        let command = Command::order(order, format!("ana-{at}"));
        self.order(room.ports(), at, &command, false).unwrap()
    }

    fn starts_under(&mut self, text: &str, room: &Room, at: Time) -> Outcome {
        let ask = Ask::Start { policy: Box::new(policy(text).0), revision: Revision::new("r1") };
        let command = Command { actor: "ana".into(), reason: "weekly".to_owned(), ask, token: format!("start-{at}") };
        self.order(room.ports(), at, &command, false).unwrap()
    }
}
