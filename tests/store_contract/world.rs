//! What the contract needs of an implementation under test, and values to put into it.

use rollgate::engine;
use rollgate::ledger::hash::Key;
use rollgate::ledger::{Checkpoint, Draft, Entry, Head};
use rollgate::model::event::{Event, What};
use rollgate::model::ids::{Actor, Generation};
use rollgate::model::state::RolloutState;
use rollgate::model::time::{Duration, Time};
use rollgate::ports::store::{Authority, Batch, Exposed, Exposure, Store};

/// A store that is empty and of nobody else, with a hand on its clock.
pub trait World {
    fn store(&self) -> &dyn Store;
    /// Lets the store's clock go on.
    fn pass(&self, length: Duration);
    /// The process that used it is gone; another one opens it.
    fn reopen(&mut self);
}

pub fn key(name: &str) -> Key {
    Key::new(name.into(), "production".into())
}

pub fn at(second: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + second * 1000)
}

/// A chain being written: its end and the fold of it.
#[derive(Clone)]
pub struct Writer {
    pub key: Key,
    pub head: Head,
    pub state: RolloutState,
}

impl Writer {
    pub fn new(name: &str) -> Writer {
        let key = key(name);
        Writer { head: Head::genesis(&key), key, state: RolloutState::at_stage("".into(), Time::from_millis(0)) }
    }

    pub fn entry(&mut self, second: i64, what: What) -> Entry {
        let event = Event { time: at(second), what: what.clone() };
        let after = engine::fold(self.state.clone(), &event);
        let actor = Actor::new("ana");
        let draft = Draft { actor: &actor, reason: "because", at: event.time, what, states: (&self.state, &after) };
        let entry = draft.seal(&self.key, &self.head).unwrap();
        (self.head, self.state) = (Head::at(&entry), after);
        entry
    }

    pub fn applied(&mut self, generation: u64) -> Entry {
        self.entry(0, What::Applied { generation: Generation(generation) })
    }

    pub fn entries(&mut self, count: u64) -> Vec<Entry> {
        (0..count).map(|generation| self.applied(generation)).collect()
    }

    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint::seal(&self.key, &self.head, &self.state).unwrap()
    }

    /// A batch with `count` entries behind the chain as it is now.
    pub fn batch(&mut self, token: &str, count: u64) -> Batch {
        let expected = self.head.clone();
        let entries = self.entries(count);
        Batch {
            key: self.key.clone(),
            expected,
            authority: Authority::Unled,
            token: token.to_owned(),
            entries,
            exposed: None,
            policies: Vec::new(),
            decisions: Vec::new(),
            checkpoint: None,
        }
    }
}

/// Three features at `traffic`.
pub fn exposed(generation: u64, traffic: f64) -> Exposed {
    let exposure = |feature: &str| Exposure {
        feature: feature.into(),
        region: None,
        stage: "canary".into(),
        traffic,
        audience: vec!["@example.com".to_owned()],
    };
    Exposed { generation: Generation(generation), exposures: ["one", "two", "three"].map(exposure).to_vec() }
}
