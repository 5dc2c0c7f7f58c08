//! Since when what is observed counts for a stage. What was observed before it was entered says nothing of it.
//!
//! The entry bears the time of whoever wrote it, a reading the time of its source, and neither need be this clock's. An
//! entry of the past is believed. One that bears a time which this clock has not come to was written while somebody was
//! asked, or by a clock that is ahead; or this clock is behind. The next input tells: by then the entry is there, so what
//! is observed from then on counts, whatever it bears. Until then nothing does.

use crate::model::time::{Duration, Time};

use super::evidence::Evidence;
use super::machine::Machine;

/// A reading is under way for so long, at least where how far clocks are apart is told by it.
const UNDER_WAY: Duration = Duration::from_secs(1);

impl Machine {
    /// An input of `heard` says when the stage was entered: that stands, or the next input tells.
    pub(crate) fn believe_the_entry(&mut self, heard: Time) {
        self.unsettled = (self.state().entered_at > self.now()).then_some(heard);
    }

    /// An input of `now` comes in, perhaps another than the one in which the entry was heard of.
    pub(crate) fn settle_since(&mut self, now: Time) {
        if self.unsettled.is_some_and(|heard| heard != now) {
            self.count_from_now_on();
        }
    }

    /// The entry is surely there: what is observed from now on counts, though it bears a later time.
    pub(crate) fn count_from_now_on(&mut self) {
        self.unsettled = None;
        let (entered, now) = (self.state().entered_at, self.now());
        self.evidence.count_since(entered, now);
    }
}

impl Evidence {
    /// What is observed later than `now` counts, though the stage bears a later time. That is told by the clock by which
    /// readings come in: where they come in ahead of this clock, by so much this one is behind.
    fn count_since(&mut self, entered: Time, now: Time) {
        let ahead = &self.ahead;
        let since = |slot: usize| {
            let ahead = ahead.get(slot).copied().filter(|ahead| *ahead > Duration::ZERO);
            entered.min(ahead.map_or(now, |ahead| now + ahead + UNDER_WAY))
        };
        for (row, run) in self.table.rows.iter().zip(&mut self.runs) {
            let latest = row.reads().map(|(slot, _)| since(slot)).max();
            run.count_since(latest.unwrap_or_else(|| entered.min(now)));
        }
        // Too few samples leave nothing too early.
        self.since = (0..self.ahead.len()).map(since).max().unwrap_or_else(|| entered.min(now));
    }
}
