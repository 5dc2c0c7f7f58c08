//! Two machines side by side, instant by instant, until the data ends.

use std::sync::Arc;

use crate::fixture::DataError;
use crate::fixture::run::Run;
use crate::fixture::timeline::Row;
use crate::model::decision::{Answer, Decision};
use crate::model::finding::Finding;
use crate::model::frame::Frame;
use crate::model::ids::CheckId;
use crate::model::time::Time;
use crate::policy::compiled::Policy;

use super::super::per_step::Beside;
use super::super::verdict::{Divergence, PerStep};
use super::streams::Streams;
use super::track::{Calms, Mark, Track};
use super::{Case, CompareOptions};

/// Both runs, and where they part.
pub(super) struct Outcome {
    pub(super) before: Run,
    pub(super) after: Run,
    /// Some decision differs.
    pub(super) differ: bool,
    pub(super) divergence: Option<Divergence>,
    pub(super) per_step: Option<PerStep>,
    /// When each had seen calm: what came after is another event.
    pub(super) calms: (Calms, Calms),
}

/// Plays a case under both policies.
pub(super) fn play(
    case: &Case<'_>,
    old: &Arc<Policy>,
    new: &Arc<Policy>,
    options: &CompareOptions,
) -> Result<Outcome, DataError> {
    let mut streams = Streams::open(case, old, new, options.run.until)?;
    let mut pair = Pair {
        before: Track::new(&case.before.scenario, old, &options.run),
        after: Track::new(&case.after.scenario, new, &options.run),
        beside: options.per_step.then(|| Beside::new(new)),
        differ: false,
        divergence: None,
    };
    while let Some((now, was, is)) = streams.next()? {
        pair.until(now);
        pair.frames(was, is);
    }
    let (was, is) = streams.reports();
    Ok(Outcome {
        before: pair.before.running.finish(was),
        after: pair.after.running.finish(is),
        differ: pair.differ,
        divergence: pair.divergence,
        per_step: pair.beside.map(Beside::finish),
        calms: (pair.before.calms, pair.after.calms),
    })
}

struct Pair<'e> {
    before: Track<'e>,
    after: Track<'e>,
    beside: Option<Beside>,
    differ: bool,
    divergence: Option<Divergence>,
}

impl Pair<'_> {
    /// Everything due before `now`, in order of time, so that neither runs ahead of the other.
    fn until(&mut self, now: Time) {
        loop {
            let (was, is) = (self.before.running.due(now), self.after.running.due(now));
            let first = match (was, is) {
                (Some(was), Some(is)) => was.min(is),
                (Some(only), None) | (None, Some(only)) => only,
                (None, None) => return,
            };
            if was == Some(first) {
                let beside = &mut self.beside;
                self.before.wake(now, &mut |machine, at, output, happened| {
                    if let Some(beside) = beside {
                        beside.look(machine, at, output, happened, None);
                    }
                });
            }
            if is == Some(first) {
                self.after.wake(now, &mut |_, _, _, _| {});
            }
            self.hold_against_each_other();
        }
    }

    /// The frames of one instant.
    fn frames(&mut self, was: Option<&Frame>, is: Option<&Frame>) {
        let was = was.filter(|frame| self.before.running.arrive(frame));
        let is = is.filter(|frame| self.after.running.arrive(frame));
        let beside = &mut self.beside;
        if let (Some(beside), Some(old)) = (&mut *beside, self.before.running.machine()) {
            beside.begins(old, self.after.running.machine().map_or(&[], |new| &new.state().baselines));
            if let (None, Some(frame)) = (was, is) {
                beside.reads(frame);
            }
        }
        if let Some(frame) = was {
            self.before.play(frame, &mut |machine, at, output, happened| {
                if let Some(beside) = beside {
                    beside.look(machine, at, output, happened, is);
                }
            });
        }
        if let Some(frame) = is {
            self.after.play(frame, &mut |_, _, _, _| {});
        }
        self.hold_against_each_other();
    }

    /// Compares the decisions that both have come to; the first that only one has is where they part.
    #[inline]
    fn hold_against_each_other(&mut self) {
        loop {
            let (was, is) = (self.before.marks.waiting.front(), self.after.marks.waiting.front());
            match (was, is) {
                (None, None) => return,
                (Some(was), Some(is)) if was.agrees(is) => {
                    self.before.marks.waiting.pop_front();
                    self.after.marks.waiting.pop_front();
                }
                _ => break,
            }
        }
        self.part();
    }

    #[cold]
    fn part(&mut self) {
        self.differ = true;
        let (was, is) = (self.before.marks.waiting.pop_front(), self.after.marks.waiting.pop_front());
        let at = was.iter().chain(&is).map(|mark| mark.at).min().unwrap_or_default();
        let here = |mark: Option<Mark>| mark.filter(|mark| mark.at == at).map(|mark| mark.decision);
        let before = here(was).or_else(|| self.before.decision());
        let after = here(is).or_else(|| self.after.decision());
        if let (Some(before), Some(after)) = (before, after) {
            let check = responsible(&before, &after)
                .or_else(|| first_change(self.before.running.rows(), self.after.running.rows()));
            let snapshot = self.before.running.frames().max(self.after.running.frames());
            self.divergence = Some(Divergence { at, snapshot, before, after, check });
        }
        for marks in [&mut self.before.marks, &mut self.after.marks] {
            marks.closed = true;
            marks.waiting.clear();
        }
    }
}

/// The check whose finding makes the difference: the one that rolls back, else the one that is waited for, else the
/// first that is in another state.
fn responsible(before: &Decision, after: &Decision) -> Option<CheckId> {
    let rolls_back = |decision: &Decision| {
        let check = decision.verdict.deciding_check().filter(|_| decision.verdict.answer() == Answer::RollBack);
        check.cloned()
    };
    let waits_for = |decision: &Decision, other: &Decision| {
        let check = decision.verdict.deciding_check().filter(|_| decision.verdict.answer() == Answer::Hold)?;
        // What both see alike is not what they differ in.
        (state_of(decision, check) != state_of(other, check)).then(|| check.clone())
    };
    rolls_back(after)
        .filter(|check| state_of(before, check) != state_of(after, check))
        .or_else(|| rolls_back(before))
        .or_else(|| rolls_back(after))
        .or_else(|| waits_for(after, before))
        .or_else(|| waits_for(before, after))
        .or_else(|| {
            let findings = after.findings.iter().chain(&before.findings);
            let differs = |finding: &&Finding| {
                finding.counts() && state_of(before, &finding.check) != state_of(after, &finding.check)
            };
            findings.into_iter().find(differs).map(|finding| finding.check.clone())
        })
}

/// The word for each region's state of a check.
fn state_of(decision: &Decision, check: &CheckId) -> Vec<&'static str> {
    decision.findings.iter().filter(|finding| finding.check == *check).map(Finding::word).collect()
}

/// The first check that changed its state in one of the runs and not in the other: what earlier made the bake, or a
/// silence, as long as it is.
fn first_change(before: &[Row], after: &[Row]) -> Option<CheckId> {
    let changes = |rows: &[Row]| {
        let each = rows.iter().flat_map(|row| row.changes.iter().map(|change| (row.time, change.clone())));
        each.collect::<Vec<_>>()
    };
    let (was, is) = (changes(before), changes(after));
    let at = was.iter().zip(&is).position(|(was, is)| was != is).unwrap_or(was.len().min(is.len()));
    let earliest = was.get(at).into_iter().chain(is.get(at)).min_by_key(|(time, _)| *time);
    earliest.map(|(_, change)| change.check.clone())
}
