//! What waits for a rollout: roll backs first, then everything else in the order in which it came.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::control::{Command, OperateError, Outcome, PolicyRecord};
use crate::model::snapshot::Snapshot;
use crate::model::time::Time;
use crate::policy::compiled::Policy;

use super::desk::{Denial, Rejected, Reply};
use super::traces::Context;

/// Snapshots that may wait for one rollout. More than that, and whoever sends them is told to wait: they would be old by
/// the time they were looked at.
pub const MOST_SNAPSHOTS: usize = 50_000;

/// Something for a rollout to deal with.
pub enum Message {
    /// Readings, on disk by now.
    Readings {
        /// When they came in.
        at: Time,
        /// Where from.
        source: Arc<str>,
        /// The snapshots.
        snapshots: Vec<Snapshot>,
        /// What brought them.
        span: Option<Context>,
    },
    /// A person's command.
    Command {
        /// What.
        command: Box<Command>,
        /// Only say what would come of it.
        dry_run: bool,
        /// What brought it.
        span: Option<Context>,
        /// Where the answer goes.
        reply: Reply<Result<Outcome, OperateError>>,
    },
    /// A good version of the policy's files, and where they are.
    Policy(String, Box<PolicyRecord>, Arc<Policy>),
    /// A version of the policy's files that was turned away.
    Rejected(Rejected),
    /// Somebody was refused at the door.
    Denied(Denial),
    /// Something changed outside: the lease, the ledger, the health of a source.
    Look,
    /// No more.
    Stop,
}

impl Message {
    fn is_urgent(&self) -> bool {
        matches!(self, Message::Command { command, .. } if command.takes_back())
    }

    const fn snapshots(&self) -> usize {
        match self {
            Message::Readings { snapshots, .. } => snapshots.len(),
            _ => 0,
        }
    }
}

#[derive(Default)]
struct Inside {
    urgent: VecDeque<Message>,
    others: VecDeque<Message>,
    snapshots: usize,
}

impl Inside {
    fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.others.is_empty()
    }
}

/// The mailbox of one rollout.
#[derive(Default)]
pub struct Mailbox {
    inside: Mutex<Inside>,
    arrived: Condvar,
}

impl Mailbox {
    /// Puts a message in; gives it back when too many readings wait already.
    ///
    /// # Errors
    /// The message.
    pub fn put(&self, message: Message) -> Result<(), Message> {
        let mut inside = self.lock();
        let snapshots = message.snapshots();
        if snapshots > 0 && inside.snapshots.saturating_add(snapshots) > MOST_SNAPSHOTS {
            return Err(message);
        }
        inside.snapshots += snapshots;
        let was_empty = inside.is_empty();
        if message.is_urgent() {
            inside.urgent.push_back(message)
        } else {
            inside.others.push_back(message)
        }
        drop(inside);
        // One rollout takes from here, and it sleeps only while there is nothing: waking it costs a call of the system.
        if was_empty {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Whether so many more snapshots would find room.
    #[must_use]
    pub fn has_room_for(&self, snapshots: usize) -> bool {
        self.lock().snapshots.saturating_add(snapshots) <= MOST_SNAPSHOTS
    }

    /// The next message; none when nothing came for `patience`.
    #[must_use]
    pub fn take(&self, patience: Duration) -> Option<Message> {
        let inside = self.lock();
        let waited = self.arrived.wait_timeout_while(inside, patience, |inside| inside.is_empty());
        let (mut inside, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let message = inside.urgent.pop_front().or_else(|| inside.others.pop_front())?;
        inside.snapshots = inside.snapshots.saturating_sub(message.snapshots());
        Some(message)
    }

    // A thread that died with the lock left whole messages behind: there is nothing to distrust.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Ask;
    use crate::model::operator::{Order, Verb};

    fn command(verb: Verb) -> Message {
        let order = Order { actor: "ana".into(), reason: "because".to_owned(), verb };
        let command = Box::new(Command::order(order, "token"));
        Message::Command { command, dry_run: false, span: None, reply: Box::new(|_| {}) }
    }

    fn readings(count: usize) -> Message {
        let snapshot: Snapshot = serde_json::from_str(r#"{"time":"2026-11-01T00:00:00Z","groups":{}}"#).unwrap();
        Message::Readings { at: Time::default(), source: "push".into(), snapshots: vec![snapshot; count], span: None }
    }

    #[test]
    fn a_roll_back_overtakes_everything_that_waits() {
        let mailbox = Mailbox::default();
        for message in [readings(1), command(Verb::Pause), command(Verb::Emergency)] {
            assert!(mailbox.put(message).is_ok());
        }
        let first = mailbox.take(Duration::ZERO).unwrap();
        assert!(matches!(first, Message::Command { command, .. } if command.ask == Ask::Order(Verb::Emergency)));
        assert!(matches!(mailbox.take(Duration::ZERO), Some(Message::Readings { .. })));
        assert!(matches!(mailbox.take(Duration::ZERO), Some(Message::Command { .. })));
        assert!(mailbox.take(Duration::ZERO).is_none());
    }

    #[test]
    fn readings_that_would_be_old_when_looked_at_are_given_back_and_commands_never_are() {
        let mailbox = Mailbox::default();
        assert!(mailbox.put(readings(MOST_SNAPSHOTS)).is_ok());
        assert!(!mailbox.has_room_for(1));
        assert!(mailbox.put(readings(1)).is_err());
        assert!(mailbox.put(command(Verb::Pause)).is_ok());
        assert!(mailbox.take(Duration::ZERO).is_some());
        assert!(mailbox.put(readings(1)).is_ok());
    }
}
