//! One rollout's thread: takes what waits in the mailbox, or wakes by itself, and publishes how things stand after each.

use std::sync::Arc;
use std::time::Duration as Wait;

use crate::control::live::{Controller, Given, Ports, framed, why_turned_away};
use crate::control::{OperateError, Outcome, PolicyRecord};
use crate::ledger::Entry;
use crate::ledger::hash::Key;
use crate::model::event::What;
use crate::model::frame::Frame;
use crate::model::snapshot::Snapshot;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::Policy;
use crate::ports::crash;
use crate::shell::clock;

use super::desk::{Denial, Notice, PolicyFiles, Rejected, Seen, View};
use super::house::House;
use super::mailbox::{Mailbox, Message};
use super::traces::Context;
use told::Told;

mod told;

/// Longest sleep: whatever else happens, it looks around this often.
const LONGEST: Wait = Wait::from_secs(1);
/// A clock that is this far behind is wrong, and not just another machine's.
const WORTH_TELLING: Duration = Duration::from_secs(1);
/// Messages dealt with before the view is published again.
const AT_ONCE: usize = 256;

/// A rollout's place in the house.
pub(super) struct Seat {
    pub(super) key: Key,
    pub(super) mailbox: Mailbox,
    pub(super) view: arc_swap::ArcSwapOption<View>,
    /// The policy that its machine judges by.
    pub(super) policy: arc_swap::ArcSwapOption<Policy>,
}

impl Seat {
    pub(super) fn new(key: &Key) -> Arc<Seat> {
        Arc::new(Seat {
            key: key.clone(),
            mailbox: Mailbox::default(),
            view: arc_swap::ArcSwapOption::empty(),
            policy: arc_swap::ArcSwapOption::empty(),
        })
    }
}

/// What the thread keeps beside the controller.
pub(super) struct Sitting {
    house: Arc<House>,
    seat: Arc<Seat>,
    controller: Controller,
    files: PolicyFiles,
    rejected_snapshots: u64,
    data_at: Option<Time>,
    /// The trace of each decision that is not told yet, where there is one.
    traced: Vec<Option<String>>,
    /// How far this machine's clock is behind the ledger: it was set back, or is not the one that wrote there. Time goes
    /// on from the last entry, and readings move with it, or a breach would look like one of the past.
    behind: Duration,
}

impl Sitting {
    pub(super) fn new(house: Arc<House>, seat: Arc<Seat>, controller: Controller, files: PolicyFiles) -> Sitting {
        let (rejected_snapshots, data_at, behind) = (0, None, Duration::ZERO);
        Sitting { house, seat, controller, files, rejected_snapshots, data_at, traced: Vec::new(), behind }
    }

    /// What time it is for this rollout.
    fn now(&mut self) -> Time {
        let now = clock::now();
        let behind = self.controller.rollout().head.at.since(now);
        if behind > self.behind {
            if behind >= WORTH_TELLING {
                tracing::warn!(key = %self.seat.key, %behind, "this machine's clock is behind the last entry of the ledger");
            }
            self.behind = behind;
        }
        now + self.behind
    }

    /// Knows again what it knew before the process began.
    pub(super) fn recall(&mut self) {
        let (house, key) = (Arc::clone(&self.house), self.seat.key.clone());
        self.now();
        let (since, behind) = (clock::now() - house.recalls(), self.behind);
        let recalled = house.journal().recall(&key, since, &mut |at, snapshot| {
            self.data_at = self.data_at.max(Some(snapshot.time));
            if let Some(machine) = self.controller.machine() {
                let (frame, _) = framed(&machine.policy().catalogue, &snapshot);
                self.controller.recall(at + behind, &later(frame, behind));
            }
        });
        match recalled {
            Ok(0) => {}
            Ok(damaged) => tracing::warn!(%key, damaged, "lines of the journal cannot be read and are passed over"),
            Err(error) => tracing::error!(%key, %error, "the journal cannot be read: runs and comparisons begin anew"),
        }
        self.controller.recalled();
    }

    /// Until told to stop.
    pub(super) fn run(mut self) {
        self.wake();
        self.publish();
        loop {
            let patience = self.patience();
            let Some(message) = self.seat.mailbox.take(patience) else {
                self.wake();
                self.publish();
                continue;
            };
            let mut next = Some(message);
            for _ in 0..AT_ONCE {
                let Some(message) = next.take() else { break };
                if matches!(message, Message::Stop) {
                    self.publish();
                    crash::here("seat.stopped");
                    return;
                }
                self.deal_with(message);
                next = self.seat.mailbox.take(Wait::ZERO);
            }
            if let Some(message) = next {
                self.deal_with(message);
            }
            if self.controller.wake_at() <= self.now() {
                self.wake();
            }
            self.publish();
        }
    }

    fn patience(&mut self) -> Wait {
        let now = self.now();
        let left = self.controller.wake_at().since(now);
        Wait::from_millis(left.as_millis().unsigned_abs()).min(LONGEST)
    }

    fn ports(house: &House) -> Ports<'_> {
        Ports { store: house.store(), actuator: house.actuator(), spool: house.spool() }
    }

    fn wake(&mut self) {
        let house = Arc::clone(&self.house);
        self.controller.lead(house.leadership().current());
        let now = self.now();
        let mut span = self.begun(None, "evaluate");
        span.set("rollgate.input", "time");
        span.within(|| self.controller.feed(Sitting::ports(&house), now, Given::Tick));
        if self.came_of(&mut span) {
            drop(span);
        } else {
            // It looks around every second: nothing happened.
            span.forget();
        }
    }

    fn deal_with(&mut self, message: Message) {
        let house = Arc::clone(&self.house);
        self.controller.lead(house.leadership().current());
        let (ports, now) = (Sitting::ports(&house), self.now());
        match message {
            Message::Readings { at, source, snapshots, span } => self.take_in(ports, at, &source, &snapshots, span),
            Message::Command { command, dry_run, span, reply } => {
                let mut span = self.begun(span, "order");
                let outcome: Result<Outcome, OperateError> =
                    span.within(|| self.controller.order(ports, now, &command, dry_run));
                self.ordered(&mut span, &command, dry_run, &outcome);
                drop(span);
                crash::here("seat.ordered");
                // Whoever waits reads the view next: it must be the one after the command.
                self.publish();
                reply(outcome);
                crash::here("seat.answered");
            }
            Message::Policy(path, record, policy) => {
                self.files.path = path;
                self.files.digest = Some(record.digest.clone());
                (self.files.loaded_at, self.files.rejected) = (Some(now), None);
                crash::here("policy.offered");
                let mut span = self.begun(None, "evaluate");
                span.set("rollgate.input", "policy");
                span.within(|| self.controller.feed(ports, now, Given::Policy(&record, policy)));
                self.came_of(&mut span);
                drop(span);
                crash::here("policy.taken");
            }
            Message::Rejected(rejected) => {
                let key = self.seat.key.clone();
                self.files.rejected = Some(rejected.clone());
                self.house.tell(&Notice::PolicyRejected { key, rejected });
            }
            Message::Denied(denial) => self.note_denial(ports, denial),
            Message::Look | Message::Stop => self.wake(),
        }
    }

    fn take_in(&mut self, ports: Ports<'_>, at: Time, source: &str, snapshots: &[Snapshot], under: Option<Context>) {
        crash::here("seat.reading");
        for snapshot in snapshots {
            // It may have waited: what was of the future when it came in is judged by that time.
            if let Some(why) = why_turned_away(&self.seat.key, snapshot, at) {
                self.rejected_snapshots += 1;
                tracing::warn!(key = %self.seat.key, source, %why, "a snapshot is turned away");
                continue;
            }
            self.data_at = self.data_at.max(Some(snapshot.time));
            let Some(machine) = self.controller.machine() else { continue };
            let (frame, _) = framed(&machine.policy().catalogue, snapshot);
            let mut span = self.begun(under, "evaluate");
            span.set("rollgate.input", "readings");
            span.set("rollgate.source", source);
            let started = clock::Stopwatch::start();
            let (now, frame) = (self.now(), later(frame, self.behind));
            span.within(|| self.controller.feed(ports, now, Given::Frame(&frame)));
            crash::here("seat.fed");
            let failed = self.controller.machine().map_or(0, |machine| machine.failed_scripts() as u64);
            self.house.telemetry().evaluated(&self.seat.key, started.seconds(), failed, span.context());
            self.came_of(&mut span);
        }
    }

    fn note_denial(&mut self, ports: Ports<'_>, denial: Denial) {
        let what = What::Refused { verb: denial.what, by: denial.by, reason: String::new(), why: denial.why };
        if let Err(error) = self.controller.note(ports, denial.at, what) {
            tracing::warn!(key = %self.seat.key, %error, "a denial cannot be recorded");
        }
    }

    /// The machine turns away what compiles and does not fit: it has no stage of the name in which the rollout stands.
    fn heed(&mut self, entry: &Entry) {
        let What::PolicyRejected { digest, why } = &entry.record().what else { return };
        if self.files.digest.as_ref() == Some(digest) {
            let (digest, at, why) = (Some(digest.clone()), entry.record().at, vec![why.clone()]);
            self.files.rejected = Some(Rejected { digest, at, why });
        }
    }

    /// Shows how things stand, and tells what happened.
    fn publish(&mut self) {
        let news = self.controller.take_news();
        let seat = Arc::clone(&self.seat);
        let key = &seat.key;
        let told = Told::of(&news.decided, std::mem::take(&mut self.traced));
        told.count(self.house.telemetry(), key);
        for entry in news.entries {
            self.heed(&entry);
            told.log(&entry);
            let seq = entry.record().seq;
            self.house.tell(&Notice::Entry { key: key.clone(), seq, line: entry.line().to_owned() });
            for decided in news.decided.iter().filter(|decided| decided.entries.1 == seq) {
                let (id, decision) = (Some(decided.id.clone()), Box::new(decided.decision.clone()));
                self.house.tell(&Notice::Decision { key: key.clone(), id, decision });
            }
        }
        // What was done comes behind what was recorded, in the log as in the world.
        for note in news.notes {
            tracing::info!(%key, "{note}");
        }
        for decision in news.decisions {
            self.house.tell(&Notice::Decision { key: key.clone(), id: None, decision: Box::new(decision) });
        }
        let now = self.now();
        let controller = &self.controller;
        self.seat.policy.store(controller.machine().map(|machine| Arc::clone(machine.policy())));
        let mut files = self.files.clone();
        let in_force = controller.rollout().state.policy.clone();
        if files.digest.is_none() && files.rejected.is_none() {
            files.rejected = self.house.stray();
        }
        files.waits = files.digest.is_some() && files.digest != in_force && files.rejected.is_none();
        let seen = Seen {
            decision: controller.decision(),
            data_at: self.data_at,
            rejected_snapshots: self.rejected_snapshots,
            wake_at: controller.answer_may_change_at(),
            leads: controller.leads(),
            leader: self.house.leadership().leader(),
            files,
            store_problem: controller.trouble().map(|trouble| trouble.error.to_string()),
            spooled: self.house.spooled(key),
            sources: self.house.sources_of(key),
            at: now,
        };
        self.seat.view.store(Some(Arc::new(View { standing: controller.stands(now), seen })));
    }
}

/// A frame as it is when time goes on from the last entry.
fn later(mut frame: Frame, by: Duration) -> Frame {
    if by > Duration::ZERO {
        frame.time = frame.time + by;
        for cell in &mut frame.cells {
            cell.observed = cell.observed + by;
        }
    }
    frame
}

/// A rollout's thread: waits for the store, sits down, and works until told to stop.
pub(super) fn work(house: &Arc<House>, seat: &Arc<Seat>, path: String) {
    let mut files = PolicyFiles { path, ..PolicyFiles::default() };
    let mut candidate: Option<(Box<PolicyRecord>, Arc<Policy>)> = None;
    let mut complained = false;
    loop {
        let given = candidate.as_ref().map(|(record, policy)| (&**record, Arc::clone(policy)));
        match Controller::open(Sitting::ports(house), &seat.key, given, clock::now()) {
            Ok(controller) => {
                crash::here("seat.opened");
                let mut sitting = Sitting::new(Arc::clone(house), Arc::clone(seat), controller, files);
                sitting.recall();
                crash::here("seat.recalled");
                return sitting.run();
            }
            Err(error) => {
                if !std::mem::replace(&mut complained, true) {
                    tracing::error!(key = %seat.key, %error, "the store does not answer; until it does, nothing is known");
                }
                // Readings that come meanwhile are in the journal, and are recalled from there.
                match seat.mailbox.take(LONGEST) {
                    Some(Message::Stop) => return,
                    Some(Message::Command { reply, .. }) => reply(Err(error.into())),
                    Some(Message::Policy(path, record, policy)) => {
                        files.path = path;
                        (files.digest, files.loaded_at) = (Some(record.digest.clone()), Some(clock::now()));
                        candidate = Some((record, policy));
                    }
                    Some(Message::Rejected(rejected)) => files.rejected = Some(rejected),
                    _ => {}
                }
            }
        }
    }
}
