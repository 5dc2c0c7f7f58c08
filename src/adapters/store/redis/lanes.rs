//! A call ends by its deadline, whatever it waits for: a name that does not resolve, a server that was stopped, a reply
//! that trickles in byte by byte, a cluster that sends it in circles. So a call is made on a thread of its own, and a
//! thread that is late is left behind, with its connections.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fault::{Fault, unavailable};
use super::wire::{Plan, Wire};
use crate::model::time::Duration;
use crate::ports::store::StoreError;

/// How many connections are kept for the next call.
const IDLE: usize = 8;

type Job = Box<dyn FnOnce(&mut Wire) + Send>;

/// Threads with connections, one call at a time each.
pub(super) struct Lanes {
    plan: Arc<Plan>,
    idle: Mutex<Vec<Sender<Job>>>,
}

/// Whether a call may be made a second time when a connection that had been idle turns out to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twice {
    /// Done twice it counts once.
    Fine,
    /// The second time it would be refused, or undo something.
    Never,
}

impl Lanes {
    pub(super) fn new(plan: Arc<Plan>) -> Lanes {
        Lanes { plan, idle: Mutex::default() }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Makes one call.
    pub(super) fn call<T: Send + 'static>(
        &self,
        twice: Twice,
        work: impl Fn(&mut Wire) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lane = match self.idle().pop() {
            Some(lane) => lane,
            None => self.start()?,
        };
        let (tell, told) = sync_channel(1);
        let given_up = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&given_up);
        let job: Job = Box::new(move |wire| {
            wire.begin(flag);
            let mut attempt = || {
                wire.ready()?;
                work(wire)
            };
            let result = match attempt() {
                Err(Fault::Lost { stale: true, .. }) if twice == Twice::Fine => attempt(),
                other => other,
            };
            // Nobody listens any more when it took too long.
            let _ = tell.send(result);
        });
        if lane.send(job).is_err() {
            return Err(broken());
        }
        match told.recv_timeout(self.plan.deadline()) {
            Ok(result) => {
                let mut idle = self.idle();
                if idle.len() < IDLE {
                    idle.push(lane);
                }
                drop(idle);
                result.map_err(Fault::in_words)
            }
            Err(RecvTimeoutError::Timeout) => {
                given_up.store(true, Ordering::Relaxed);
                let (place, after) = (self.plan.options.place(), self.plan.options.deadline);
                Err(StoreError::Unavailable(format!("{place} does not answer within {after}")))
            }
            Err(RecvTimeoutError::Disconnected) => Err(broken()),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Sender<Job>>> {
        // Pushing and popping leave it whole.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread ends when nobody has its sender any more.
    fn start(&self) -> Result<Sender<Job>, StoreError> {
        let (lane, jobs) = channel::<Job>();
        let plan = Arc::clone(&self.plan);
        let work = move || {
            let mut wire = Wire::new(plan);
            jobs.into_iter().for_each(|job| job(&mut wire));
        };
        let started = std::thread::Builder::new().name("redis".to_owned()).spawn(work);
        started.map_err(|error| unavailable(format!("no thread can be started: {error}")).in_words())?;
        Ok(lane)
    }
}

fn broken() -> StoreError {
    StoreError::Unavailable("a thread failed while it talked to the server; the next call begins anew".to_owned())
}

/// Milliseconds, as the scripts count.
pub(super) fn millis(duration: Duration) -> i64 {
    duration.as_millis()
}
