//! The house: every rollout's seat, and what they share. It is the [`Desk`] that the API stands at.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::control::keep::{self, Checked};
use crate::control::live::framed;
use crate::control::{Command, OperateError, PolicyRecord};
use crate::ledger::Entry;
use crate::ledger::hash::Key;
use crate::model::frame::Kind;
use crate::model::ids::{Digest, Environment};
use crate::model::snapshot::Snapshot;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::Policy;
use crate::ports::actuator::Actuator;
use crate::ports::crash;
use crate::ports::journal::Journal;
use crate::ports::spool::Spool;
use crate::ports::store::{Store, StoreError};
use crate::shell::clock;

use super::desk::{Accepted, Denial, Desk, Heard, NotAccepted, Notice, Rejected, Reply, SourceHealth, View};
use super::health::Healths;
use super::lease::Leadership;
use super::mailbox::Message;
use super::routing::{Routes, TurnedAway};
use super::seat::{self, Seat};
use super::telemetry::Telemetry;
use super::traces::Context;

/// What a house stands on.
pub struct Parts {
    /// Keeps everything.
    pub store: Arc<dyn Store>,
    /// Keeps roll backs that the store refuses.
    pub spool: Arc<dyn Spool>,
    /// Makes the world agree.
    pub actuator: Arc<dyn Actuator>,
    /// Keeps snapshots.
    pub journal: Arc<dyn Journal>,
    /// Who leads.
    pub leadership: Leadership,
    /// The environment of every rollout here.
    pub environment: Environment,
    /// How far back a rollout that starts again recalls snapshots.
    pub recalls: Duration,
    /// Counts what happens.
    pub telemetry: Arc<Telemetry>,
}

/// Snapshots, and the seat that they are for.
type Seated = (Arc<Seat>, Vec<Snapshot>);

type Listener = Box<dyn FnMut(&Notice) -> bool + Send>;

/// Every rollout that this process looks after.
pub struct House {
    parts: Parts,
    seats: RwLock<BTreeMap<Key, Arc<Seat>>>,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    sources: Arc<Healths>,
    spooled: Mutex<BTreeMap<Key, usize>>,
    /// What was turned away, by path, where no rollout is known that it would govern.
    strays: Mutex<BTreeMap<String, Rejected>>,
    listeners: Mutex<Vec<Listener>>,
}

impl House {
    /// With nobody in it.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<House> {
        Arc::new(House {
            parts,
            seats: RwLock::default(),
            threads: Mutex::default(),
            sources: Arc::default(),
            spooled: Mutex::default(),
            strays: Mutex::default(),
            listeners: Mutex::default(),
        })
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.parts.store.as_ref()
    }

    pub(super) fn spool(&self) -> &dyn Spool {
        self.parts.spool.as_ref()
    }

    pub(super) fn actuator(&self) -> &dyn Actuator {
        self.parts.actuator.as_ref()
    }

    pub(super) fn journal(&self) -> &dyn Journal {
        self.parts.journal.as_ref()
    }

    pub(super) const fn leadership(&self) -> &Leadership {
        &self.parts.leadership
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.parts.telemetry
    }

    pub(super) const fn recalls(&self) -> Duration {
        self.parts.recalls
    }

    /// Lets a rollout sit down, unless it sits already. `path` is where its policy's files are.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn sit(self: &Arc<House>, key: &Key, path: &str) -> std::io::Result<()> {
        let mut seats = self.seats.write().unwrap_or_else(PoisonError::into_inner);
        if seats.contains_key(key) {
            return Ok(());
        }
        let seat = Seat::new(key);
        let (house, sits, path) = (Arc::clone(self), Arc::clone(&seat), path.to_owned());
        let name = format!("rollout {}", key.rollout);
        let thread = std::thread::Builder::new().name(name).spawn(move || seat::work(&house, &sits, path))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        seats.insert(key.clone(), seat);
        Ok(())
    }

    /// A good version of a policy's files.
    ///
    /// # Errors
    /// The system has no thread left for a rollout that is new.
    pub fn policy_is_good(
        self: &Arc<House>,
        key: &Key,
        path: &str,
        record: PolicyRecord,
        policy: Arc<Policy>,
    ) -> std::io::Result<()> {
        self.sit(key, path)?;
        self.strays.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
        self.hand(key, Message::Policy(path.to_owned(), Box::new(record), policy));
        Ok(())
    }

    /// A version of a policy's files that was turned away. `key` says what it governs, where that is known.
    pub fn policy_is_bad(&self, key: Option<&Key>, path: &str, rejected: Rejected) {
        match key.and_then(|key| self.seat(key)) {
            Some(seat) => {
                // Only readings are ever given back.
                let _: Result<(), Message> = seat.mailbox.put(Message::Rejected(rejected));
            }
            None => {
                let mut strays = self.strays.lock().unwrap_or_else(PoisonError::into_inner);
                strays.insert(path.to_owned(), rejected);
            }
        }
    }

    /// A version that was turned away so early that nobody knows whose it is: it may be the policy of any rollout whose
    /// files were not read yet.
    pub(super) fn stray(&self) -> Option<Rejected> {
        let strays = self.strays.lock().unwrap_or_else(PoisonError::into_inner);
        let (path, rejected) = strays.first_key_value()?;
        let why = rejected.why.iter().map(|why| format!("{path}: {why}")).collect();
        Some(Rejected { why, ..rejected.clone() })
    }

    /// Why nothing is governed here.
    fn why_empty(&self) -> Vec<String> {
        let strays = self.strays.lock().unwrap_or_else(PoisonError::into_inner);
        if strays.is_empty() {
            return vec!["no policy governs a rollout here yet".to_owned()];
        }
        strays.iter().map(|(path, rejected)| format!("{path} was turned away: {}", rejected.why.join("; "))).collect()
    }

    /// Lets every rollout look around: the lease changed hands, or the ledger was written to.
    pub fn look_around(&self) {
        for seat in self.seats() {
            // A look is never given back.
            let _: Result<(), Message> = seat.mailbox.put(Message::Look);
        }
    }

    /// How a source does, and which rollouts it feeds; all of them when none is named.
    pub fn source_is(&self, health: SourceHealth, feeds: Vec<String>) {
        self.sources.asked(health, feeds);
    }

    /// The settings name a source that is pushed to, and the rollouts it feeds; all of them when none is named.
    pub fn source_is_pushed(&self, name: &str, feeds: Vec<String>) {
        self.sources.expect(name, feeds);
    }

    pub(super) fn sources_of(&self, key: &Key) -> Vec<SourceHealth> {
        self.sources.of(key)
    }

    /// How many roll backs wait for the store, by rollout.
    pub fn spool_has(&self, waiting: BTreeMap<Key, usize>) {
        *self.spooled.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
    }

    pub(super) fn spooled(&self, key: &Key) -> usize {
        self.spooled.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied().unwrap_or(0)
    }

    pub(super) fn tell(&self, notice: &Notice) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).retain_mut(|listener| listener(notice));
    }

    /// Every rollout finishes what it is at; then the lease is given back.
    pub fn close(&self) {
        crash::here("house.closing");
        for seat in self.seats() {
            let _: Result<(), Message> = seat.mailbox.put(Message::Stop);
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a rollout's thread had died");
            }
        }
        crash::here("house.empty");
        self.leadership().give_back(self.store());
    }

    pub(super) fn seats(&self) -> Vec<Arc<Seat>> {
        self.seats.read().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect()
    }

    fn seat(&self, key: &Key) -> Option<Arc<Seat>> {
        self.seats.read().unwrap_or_else(PoisonError::into_inner).get(key).map(Arc::clone)
    }

    fn hand(&self, key: &Key, message: Message) {
        if let Some(seat) = self.seat(key) {
            // Only readings are ever given back.
            let _: Result<(), Message> = seat.mailbox.put(message);
        }
    }

    /// The rollouts that a source feeds.
    pub(super) fn fed_by(&self, feeds: &[String]) -> Vec<Key> {
        let fed = |key: &Key| feeds.is_empty() || feeds.iter().any(|name| name == key.rollout.as_str());
        self.seats().into_iter().map(|seat| seat.key.clone()).filter(fed).collect()
    }

    fn routes(&self) -> Routes {
        let keys = self.seats().into_iter().map(|seat| seat.key.clone()).collect();
        Routes::new(keys, self.parts.environment.clone())
    }

    /// Takes snapshots in and waits until they are on disk.
    pub(super) fn take_in(&self, source: &str, snapshots: Vec<Snapshot>) -> Result<Accepted, NotAccepted> {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        self.push(
            source,
            snapshots,
            Box::new(move |outcome| {
                // Whoever asked waits right below.
                let _: Result<(), _> = tell.send(outcome);
            }),
        );
        told.recv().unwrap_or_else(|_| Err(NotAccepted::NotKept("the controller is closing".to_owned())))
    }

    /// The seats that snapshots go to, each with its own; all have room.
    fn seated(&self, snapshots: Vec<Snapshot>, at: Time) -> Result<Vec<Seated>, TurnedAway> {
        let mut seated = Vec::new();
        for (key, snapshots) in self.routes().route(snapshots, at)? {
            let Some(seat) = self.seat(&key) else { continue };
            if !seat.mailbox.has_room_for(snapshots.len()) {
                let why = format!("{key} has more snapshots waiting than it can take");
                return Err((Some(key), NotAccepted::Busy(why)));
            }
            seated.push((seat, snapshots));
        }
        Ok(seated)
    }

    /// How many readings no policy asks for.
    fn unmapped(seated: &[Seated]) -> usize {
        let of = |(seat, snapshots): &Seated| {
            let policy = seat.policy.load_full();
            let catalogue = policy.as_ref().map(|policy| &policy.catalogue);
            let stray = |snapshot| catalogue.map_or(0, |catalogue| framed(catalogue, snapshot).1.unmapped);
            snapshots.iter().map(stray).sum::<usize>()
        };
        seated.iter().map(of).sum()
    }
}

impl Desk for House {
    fn views(&self) -> Vec<Arc<View>> {
        self.seats().iter().filter_map(|seat| seat.view.load_full()).collect()
    }

    fn push(&self, source: &str, snapshots: Vec<Snapshot>, reply: Reply<Result<Accepted, NotAccepted>>) {
        let at = clock::now();
        let accepted = Accepted { snapshots: snapshots.len(), unmapped: 0 };
        let seated = match self.seated(snapshots, at) {
            Ok(seated) => seated,
            Err((key, refused)) => {
                // A name that nobody governs is no fault of whatever is governed here.
                if !matches!(refused, NotAccepted::Unknown(_)) {
                    self.heard(source, key.as_ref(), &Heard::Refused(&refused.to_string()));
                }
                return reply(Err(refused));
            }
        };
        let accepted = Accepted { unmapped: House::unmapped(&seated), ..accepted };
        let source: Arc<str> = source.into();
        // The last one on disk answers; the first that could not be written answers before it.
        let left = Arc::new(Mutex::new((seated.len(), Some(reply))));
        if seated.is_empty() {
            return answer(&left, Ok(accepted));
        }
        for (seat, snapshots) in seated {
            let (left, source, key) = (Arc::clone(&left), Arc::clone(&source), seat.key.clone());
            let newest = snapshots.iter().map(|snapshot| snapshot.time).max();
            let healths = Arc::clone(&self.sources);
            let (source_of, span) = (Arc::clone(&source), Context::current());
            let message = Message::Readings { at, source: source_of, snapshots: snapshots.clone(), span };
            let kept = move |kept: Result<(), StoreError>| {
                let taken = kept.map_err(|error| NotAccepted::NotKept(error.to_string())).and_then(|()| {
                    // Before it is looked at: whatever is published then knows where it came from.
                    healths.took(&source, &seat.key, newest, at);
                    let full = |_| NotAccepted::Busy(format!("{} has too much waiting", seat.key));
                    seat.mailbox.put(message).map_err(full)
                });
                match taken {
                    Ok(()) => {
                        crash::here("push.handed");
                        answer(&left, Ok(accepted));
                    }
                    Err(refused) => {
                        healths.heard(&source, Some(&seat.key), &[], &Heard::Refused(&refused.to_string()), at);
                        answer(&left, Err(refused));
                    }
                }
            };
            self.journal().keep_then(&key, at, &snapshots, Box::new(kept));
        }
    }

    fn command(
        &self,
        key: &Key,
        command: Command,
        dry_run: bool,
        reply: Reply<Result<crate::control::Outcome, OperateError>>,
    ) {
        match self.seat(key) {
            None => reply(Err(OperateError::Unknown(key.clone()))),
            Some(seat) => {
                let (command, span) = (Box::new(command), Context::current());
                let message = Message::Command { command, dry_run, span, reply };
                let _: Result<(), Message> = seat.mailbox.put(message);
            }
        }
    }

    fn history(&self, key: &Key, from: u64, limit: usize) -> Result<Vec<Entry>, OperateError> {
        Ok(self.store().entries(key, from, limit)?)
    }

    fn check(&self, key: &Key) -> Result<Checked, OperateError> {
        Ok(keep::check(self.store(), key)?)
    }

    fn decision(&self, id: &str) -> Result<Option<String>, OperateError> {
        Ok(self.store().decision(id)?)
    }

    fn policies(&self) -> Result<Vec<Digest>, OperateError> {
        Ok(self.store().policies()?)
    }

    fn policy(&self, digest: &Digest) -> Result<Option<PolicyRecord>, OperateError> {
        let Some(text) = self.store().policy(digest)? else { return Ok(None) };
        let unreadable = |why| StoreError::Corrupt { what: format!("policy {}: {why}", digest.short()) };
        Ok(Some(PolicyRecord::parse(&text).map_err(unreadable)?))
    }

    fn snapshots(&self, key: &Key, since: Time, each: &mut dyn FnMut(Time, Snapshot)) -> Result<u64, OperateError> {
        Ok(self.journal().recall(key, since, each)?)
    }

    fn denied(&self, denial: Denial) {
        tracing::warn!(by = %denial.by, what = %denial.what, why = %denial.why, "denied");
        if let Some(key) = denial.key.clone() {
            self.hand(&key, Message::Denied(denial));
        }
    }

    fn listen(&self, listener: Listener) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    fn heard(&self, source: &str, key: Option<&Key>, heard: &Heard<'_>) {
        self.sources.heard(source, key, &self.fed_by(&[]), heard, clock::now());
    }

    fn kind(&self, key: &Key, metric: &str) -> Option<Kind> {
        let policy = self.seat(key)?.policy.load_full()?;
        let metric = policy.catalogue.metric(policy.catalogue.find(metric)?)?;
        Some(metric.kind)
    }

    fn unready(&self) -> Vec<String> {
        let seats = self.seats();
        if seats.is_empty() {
            return self.why_empty();
        }
        let mut why = Vec::new();
        for seat in &seats {
            match seat.view.load_full() {
                None => why.push(format!("{}: the store has not answered yet", seat.key)),
                Some(view) => {
                    why.extend(view.seen.store_problem.iter().map(|problem| format!("{}: {problem}", seat.key)));
                    if view.seen.decision.is_none() {
                        why.push(format!("{}: no policy that compiles", seat.key));
                    }
                }
            }
        }
        why
    }
}

type Waiting = Mutex<(usize, Option<Reply<Result<Accepted, NotAccepted>>>)>;

/// One part of a push ended so.
fn answer(waiting: &Waiting, outcome: Result<Accepted, NotAccepted>) {
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.0 = waiting.0.saturating_sub(1);
    if (waiting.0 == 0 || outcome.is_err())
        && let Some(reply) = waiting.1.take()
    {
        drop(waiting);
        reply(outcome);
    }
}
