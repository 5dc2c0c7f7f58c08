//! A Redis stream of snapshots, read through a consumer group: each entry has a field `snapshot` with the JSON.
//!
//! The group remembers what was handed out and not acknowledged. It is read again first, by whoever connects anew: after
//! a crash here, and after a reply that was lost on the way. What another consumer of the group took and left lying (a
//! controller that is no more) is claimed after a while. An entry that cannot be read is told, and acknowledged at once:
//! it would be no better the next time, and must not jam the group.
//!
//! The members of a group share its entries. Controllers that all want to know everything have a group each, and the
//! settings give them one.

mod entries;
mod link;

use std::collections::BTreeSet;

use crate::adapters::store::redis::{Credentials, Servers, Tls};
use crate::model::snapshot::Snapshot;
use crate::model::time::{Duration, Time};
use crate::ports::source::{Source, SourceError};

use super::file::Start;
use super::line::{self, Problems};
use super::sheet::About;
use crate::adapters::deadline::Deadline;
use entries::Entry;
use link::Link;

/// The field of an entry that holds the snapshot.
pub const FIELD: &str = "snapshot";
/// How many entries are asked for at once.
const BATCH: usize = 500;
/// The most that one call hands out.
const MOST: usize = 10_000;
/// With this many handed out and not acknowledged, something is wrong here, and no more is taken.
const MAX_UNACKNOWLEDGED: usize = 100_000;

/// Which stream, and as whom.
#[derive(Debug, Clone)]
pub struct Config {
    /// The source's name; every snapshot carries it.
    pub name: String,
    /// What snapshots that do not say it are about.
    pub about: About,
    /// Which servers there are.
    pub servers: Servers,
    /// Who it is for the servers that hold the stream.
    pub credentials: Option<Credentials>,
    /// Who it is for the sentinels.
    pub sentinel_credentials: Option<Credentials>,
    /// How connections are encrypted, if they are.
    pub tls: Option<Tls>,
    /// The stream's key.
    pub stream: String,
    /// The consumer group; made when it is not there.
    pub group: String,
    /// This controller's name in the group; the same after a restart.
    pub consumer: String,
    /// Where a new group begins.
    pub start: Start,
    /// How long a call may take; half of it is spent waiting for something new.
    pub deadline: Duration,
    /// What another consumer took this long ago and did not acknowledge is claimed.
    pub claim_after: Duration,
}

impl Config {
    /// The group `rollgate` at the end of `stream`, with two seconds for a call.
    #[must_use]
    pub fn new(name: &str, servers: Servers, stream: &str, consumer: &str) -> Config {
        Config {
            name: name.to_owned(),
            about: About::default(),
            servers,
            credentials: None,
            sentinel_credentials: None,
            tls: None,
            stream: stream.to_owned(),
            group: "rollgate".to_owned(),
            consumer: consumer.to_owned(),
            start: Start::End,
            deadline: Duration::from_secs(2),
            claim_after: Duration::from_mins(1),
        }
    }
}

/// A stream.
#[derive(Debug)]
pub struct RedisStream {
    link: Link,
    name: String,
    about: About,
    deadline: Duration,
    /// Handed out, and not yet acknowledged there.
    waiting: BTreeSet<String>,
    problems: Vec<String>,
}

impl RedisStream {
    /// Sets it up; nothing is asked yet.
    #[must_use]
    pub fn new(config: Config) -> RedisStream {
        let (name, about, deadline) = (config.name.clone(), config.about.clone(), config.deadline);
        RedisStream { link: Link::new(config), name, about, deadline, waiting: BTreeSet::new(), problems: Vec::new() }
    }

    /// Takes entries in: what can be read is handed out, what cannot is acknowledged and told.
    fn take(
        &mut self,
        entries: Vec<Entry>,
        deadline: &Deadline,
        snapshots: &mut Vec<Snapshot>,
        problems: &mut Problems,
    ) -> Result<(), SourceError> {
        let mut spoiled = Vec::new();
        for Entry { id, snapshot } in entries {
            let read = snapshot.and_then(|text| line::read(&text, &self.name, &self.about));
            match read {
                Ok(snapshot) => {
                    snapshots.push(snapshot);
                    self.waiting.insert(id);
                }
                Err(why) => {
                    problems.add(format!("the entry {id} is no snapshot, and passed over: {why}"));
                    spoiled.push(id);
                }
            }
        }
        self.link.acknowledge(&spoiled, deadline)
    }
}

impl Source for RedisStream {
    fn name(&self) -> &str {
        &self.name
    }

    fn poll(&mut self, _: Time) -> Result<Vec<Snapshot>, SourceError> {
        self.problems.clear();
        if self.waiting.len() >= MAX_UNACKNOWLEDGED {
            let why =
                format!("{} snapshots were handed out and are not kept yet; no more are taken", self.waiting.len());
            return Err(SourceError::Refused(why));
        }
        let deadline = Deadline::start(self.deadline);
        if !self.waiting.is_empty() {
            // It was not kept: it comes again.
            self.link.begin_again();
        }
        let (mut snapshots, mut problems) = (Vec::new(), Problems::default());
        loop {
            // Only an empty hand waits for something new.
            let (wait, caught_up) = (snapshots.is_empty(), self.link.has_caught_up());
            let entries = match self.link.next(wait, &deadline) {
                Ok(entries) => entries,
                // What is in hand counts; that it broke then is seen the next time.
                Err(_) if !snapshots.is_empty() => break,
                Err(error) => return Err(error),
            };
            let again = entries.len() >= BATCH || !caught_up;
            if let Err(error) = self.take(entries, &deadline, &mut snapshots, &mut problems) {
                if snapshots.is_empty() {
                    return Err(error);
                }
                break;
            }
            let half_over = deadline.left().is_none_or(|left| left < crate::adapters::deadline::std(self.deadline) / 2);
            if !again || snapshots.len() >= MOST || half_over {
                break;
            }
        }
        self.problems = problems.finish();
        Ok(snapshots)
    }

    fn problems(&self) -> &[String] {
        &self.problems
    }

    fn acknowledge(&mut self) -> Result<(), SourceError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let deadline = Deadline::start(self.deadline);
        let ids: Vec<String> = self.waiting.iter().cloned().collect();
        self.link.acknowledge(&ids, &deadline)?;
        self.waiting.clear();
        Ok(())
    }
}
