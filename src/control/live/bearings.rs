//! Where a controller stands before it looks at anything: what it recalls from before it began, by which clock it goes, and
//! whether it leads.

use crate::model::frame::Frame;
use crate::model::time::{Duration, Time};
use crate::ports::store::LeaseToken;

use super::controller::{Controller, PATIENCE};
use super::frames::EARLY;

/// Whoever was without the lease for longer than this had another to follow: a lease that only lapsed is back sooner.
const FOLLOWED: Duration = Duration::from_secs(10);

impl Controller {
    /// Takes in readings from before this process began.
    pub fn recall(&mut self, at: Time, frame: &Frame) {
        if let Some(machine) = &mut self.machine {
            machine.recall(at, frame);
            self.is_fed |= !frame.cells.is_empty();
        }
    }

    /// All there was to recall is recalled: it stands where the ledger says. How long nobody listened, nobody knows: what
    /// was recalled may have come in while it was starting.
    pub fn recalled(&mut self) {
        if let Some(machine) = &mut self.machine {
            machine.stand_at(machine.now(), self.rollout.state.clone());
            self.unled_since = Some(Time::NEVER);
        }
    }

    /// A clock that was set back puts nothing off. One that was set back by much would make every reading look old until
    /// it is where it was.
    pub(super) fn mind_the_clock(&mut self, now: Time) {
        self.wait_no_longer_than(now + PATIENCE);
        let Some(machine) = self.machine.as_mut().filter(|machine| machine.now().since(now) > EARLY) else { return };
        self.news
            .notes
            .push(format!("the clock was set back from {} to {now}: everything is unknown now", machine.now()));
        machine.begin_anew(now);
        self.remarks.fall_behind();
        self.unled_since = self.unled_since.map(|_| now);
        (self.wake_at, self.look_at) = (None, Time::NEVER);
        if let Some(trouble) = &mut self.trouble {
            trouble.retry_at = now;
        }
        if let Some((_, at)) = &mut self.unapplied {
            *at = now;
        }
    }

    /// The lease was given, renewed, taken or lost. Whoever begins to lead looks first where others led it to.
    pub fn lead(&mut self, lead: Option<LeaseToken>) {
        if self.lead != lead {
            self.lead = lead;
            self.look_at = Time::NEVER;
            if self.lead.is_some() {
                self.led.clone_from(&self.lead);
            }
        }
    }

    /// Whoever follows need not hear anything: readings may be pushed to whoever leads; and a process that is down hears
    /// nothing at all. So when it begins to lead, what it has not heard is as good as unheard from now on, and silence has
    /// its time before it takes anything back.
    pub(super) fn mind_the_lease(&mut self, now: Time) {
        // Whoever keeps the lease finds out a moment later than whoever uses it.
        if let Some((_, until)) =
            self.refused.take_if(|(token, until)| Some(&*token) != self.lead.as_ref() || *until <= now)
        {
            self.look_at = self.look_at.min(until);
        }
        if let Some((_, until)) = &self.refused {
            (self.lead, self.led, self.look_at) = (None, None, *until);
        }
        if self.lead.is_none() {
            self.unled_since.get_or_insert(now);
        } else if let Some(since) = self.unled_since.take()
            && now.since(since) > FOLLOWED
            && let Some(machine) = &mut self.machine
        {
            machine.silence_begins_anew(now);
            self.remarks.fall_behind();
        }
    }
}
