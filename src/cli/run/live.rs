//! Recorded data through the live controller: the same store, ledger and actuator as at night, with the data's clock.

use std::sync::{Arc, Mutex, PoisonError};

use crate::control::live::{Controller, Given, Ports, Witness};
use crate::control::load::{InForce, Rollout};
use crate::control::{Command, PolicyRecord};
use crate::fixture::Frames as _;
use crate::fixture::play::missing_approvals;
use crate::fixture::run::{Begun, begin};
use crate::ledger::hash::Key;
use crate::ledger::{Checkpoint, Head};
use crate::model::frame::Frame;
use crate::model::ids::Actor;
use crate::model::operator::Order;
use crate::model::time::{Duration, Time};
use crate::policy::source::PolicySource;
use crate::ports::store::{Exposed, Store as _};
use crate::report::replay::stream;
use crate::shell;

use super::gather::Gathered;
use super::tap::Tap;
use super::{Rows, Run};

/// A lease that outlasts any recording: the store's clock is not the data's.
const TERM: Duration = Duration::from_hours(24 * 365);

/// What came of it.
pub(crate) struct Lived {
    /// Snapshots.
    pub(crate) snapshots: u64,
    /// Entries in the ledger.
    pub(crate) entries: u64,
    /// Where the rollout stands.
    pub(crate) stage: String,
    /// And whether it was taken back.
    pub(crate) latched: bool,
}

/// Lines for standard output, as they come.
type Lines = Arc<Mutex<Vec<String>>>;

impl Run {
    /// Runs all data through a controller on the store at `path`, which must not know the rollout yet. `each` is given
    /// the records as `replay --output jsonl` prints them.
    pub(crate) fn live(
        mut self,
        path: &std::path::Path,
        record: &PolicyRecord,
        each: &mut dyn FnMut(&str) -> std::io::Result<()>,
    ) -> anyhow::Result<Lived> {
        let (mut tap, observed) = Tap::new(self.frames()?, &self.policy);
        let Begun { machine, mut frames, begins } =
            begin(&self.scenario.start, &self.policy, &mut tap, self.recorded.from)?;
        let store = shell::store::of_recording(path)?;
        let key = Key::new(self.policy.rollout.clone(), self.policy.environment.clone());
        let head = Head::genesis(&key);
        store.restore(&key, Some(&Checkpoint::seal(&key, &head, machine.state())?), &[], &Exposed::default())?;
        store.put_policy(&record.digest, &record.text())?;
        let mut rollout = Rollout::load(&store, &key)?;
        rollout.policy = InForce::Ready(Arc::clone(&self.policy));
        let (actuator, spool) = (shell::store::actuator(), shell::store::spool(path));
        let ports = Ports { store: &store, actuator: actuator.as_ref(), spool: spool.as_ref() };

        let lines: Lines = Arc::default();
        let told = Arc::clone(&lines);
        let mut gathered = Gathered::new(&self.policy, Rows::Changes, false);
        let mut controller = Controller::standing(rollout, machine, begins);
        controller.lead(Some(store.acquire(&Actor::new("data"), TERM)?));
        controller.is_witnessed_by(Witness::new(move |machine, at, output| {
            let newest = observed.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = gathered.take(machine, at, output, &newest);
            if !taken.row && taken.told.is_empty() {
                return;
            }
            let decision = machine.decision();
            let mut lines = told.lock().unwrap_or_else(PoisonError::into_inner);
            if taken.row {
                lines.extend(stream::decided(&decision));
            }
            lines.extend(taken.told.iter().filter_map(|row| stream::told(&decision, row).ok()));
        }));

        let mut orders: Vec<(Time, Order)> = self.scenario.orders.iter().map(|timed| timed.on(begins)).collect();
        orders.sort_by_key(|(at, _)| *at);
        let mut player =
            Live { controller, ports, orders: orders.into(), approves: self.approves(), given: 0, now: begins };
        let (mut frame, mut snapshots) = (Frame::default(), 0);
        while frames.next_frame(&mut frame)? {
            if self.recorded.to.is_some_and(|to| frame.time > to) {
                break;
            }
            snapshots += 1;
            player.frame(&frame)?;
            for line in std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner)) {
                each(&line)?;
            }
        }
        let rollout = player.controller.rollout();
        Ok(Lived {
            snapshots,
            entries: rollout.head.seq,
            stage: rollout.state.stage.to_string(),
            latched: rollout.state.latch.is_some(),
        })
    }

    /// As a store keeps its policy, whose files are `source`.
    pub(crate) fn record(&self, source: &PolicySource) -> PolicyRecord {
        PolicyRecord::new(&self.policy, source)
    }

    fn approves(&self) -> bool {
        self.scenario.approvals_assumed && self.policy.stages.iter().any(|stage| stage.approvals.is_some())
    }
}

struct Live<'a> {
    controller: Controller,
    ports: Ports<'a>,
    orders: std::collections::VecDeque<(Time, Order)>,
    approves: bool,
    /// Orders given so far: each has a name of its own.
    given: u64,
    now: Time,
}

impl Live<'_> {
    /// Whatever is due before the frame, the frame, and the orders of its instant.
    fn frame(&mut self, frame: &Frame) -> anyhow::Result<()> {
        loop {
            let wake = self.controller.answer_may_change_at().filter(|wake| *wake > self.now && *wake < frame.time);
            let order = self.orders.front().map(|(at, _)| *at).filter(|at| *at < frame.time);
            match (wake, order) {
                (Some(wake), order) if order.is_none_or(|order| wake <= order) => {
                    self.now = wake;
                    self.controller.feed(self.ports, wake, Given::Tick);
                    self.approve()?;
                }
                (_, Some(order)) => self.orders_through(order)?,
                _ => break,
            }
        }
        self.now = frame.time;
        self.controller.feed(self.ports, frame.time, Given::Frame(frame));
        self.approve()?;
        self.orders_through(frame.time)
    }

    fn orders_through(&mut self, time: Time) -> anyhow::Result<()> {
        while let Some((at, order)) = self.orders.pop_front_if(|(at, _)| *at <= time) {
            self.now = self.now.max(at);
            self.give(order)?;
            self.approve()?;
        }
        Ok(())
    }

    /// Missing approvals are given at once, where the recording says that they were.
    fn approve(&mut self) -> anyhow::Result<()> {
        if !self.approves {
            return Ok(());
        }
        let missing = self.controller.decision().map(|decision| missing_approvals(&decision)).unwrap_or_default();
        missing.into_iter().try_for_each(|order| self.give(order))
    }

    fn give(&mut self, order: Order) -> anyhow::Result<()> {
        self.given += 1;
        let command = Command::order(order, format!("recorded-{}", self.given));
        self.controller.order(self.ports, self.now, &command, false)?;
        Ok(())
    }
}
