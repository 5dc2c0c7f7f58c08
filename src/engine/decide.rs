//! The decision: emergency over roll back over hold over advance. The worst finding decides; none is left out.

use std::ops::ControlFlow;

use crate::model::decision::{Answer, Cause, Permit, Reasons, Verdict, Wait};
use crate::model::finding::FindingState;
use crate::model::ids::{MetricName, Region, StageName};
use crate::model::reading::{Reading, Truth, Unknown};
use crate::model::severity::Severity;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::{BreachScope, OnMax, OnUnknown, StageIx};

use super::columns::judge;
use super::evaluate::rolls_back;
use super::guards::Guard;
use super::machine::Machine;
use super::table::Row;

/// An answer with its deciding reason, by position: comparing two of these tells whether anything changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assessment {
    pub(crate) answer: Answer,
    pub(crate) why: Why,
    pub(crate) severity: Option<Severity>,
}

/// The deciding reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    BakeServed,
    EarlyExit,
    Ordered,
    Guard(Guard),
    /// A row that says roll back.
    Row(usize),
    /// A slot unknown for too long, with the row that reads it.
    Silence {
        row: usize,
        slot: usize,
    },
    PastMax,
}

impl Machine {
    /// Decides over the last evaluation. `ordered` is a person's order to advance.
    pub(crate) fn assess(&self, ordered: bool) -> Assessment {
        let severity = self.tally.severity;
        if self.state().latch.is_none()
            && let Some(why) = self.reason_to_roll_back()
        {
            return Assessment { answer: Answer::RollBack, why, severity };
        }
        let mut first = None;
        let stopped = self.guards(&mut |guard| {
            if ordered && guard.yields_to_a_person() {
                return ControlFlow::Continue(());
            }
            first = Some(guard);
            ControlFlow::Break(())
        });
        if let (ControlFlow::Break(()), Some(guard)) = (stopped, first) {
            return Assessment { answer: Answer::Hold, why: Why::Guard(guard), severity };
        }
        let why = match self.stage() {
            None => return Assessment { answer: Answer::Hold, why: Why::Guard(Guard::NotStarted), severity },
            Some(_) if ordered => Why::Ordered,
            Some(stage) if stage.bake.is_some_and(|bake| self.bake < bake) => Why::EarlyExit,
            Some(_) => Why::BakeServed,
        };
        Assessment { answer: Answer::Advance, why, severity }
    }

    fn reason_to_roll_back(&self) -> Option<Why> {
        if let Some(row) = self.tally.roll_back {
            return Some(Why::Row(row));
        }
        if self.tally.blind
            && let Some((row, slot)) = self.silence_to_roll_back()
        {
            return Some(Why::Silence { row, slot });
        }
        let stage = self.stage()?;
        // A finished rollout stays in its last stage for good.
        let is_over = stage.on_max == OnMax::Rollback && self.is_past_max(stage) && !self.state().complete;
        is_over.then_some(Why::PastMax)
    }

    /// The first reading that has been unknown for longer than its metric allows, where the policy then rolls back.
    fn silence_to_roll_back(&self) -> Option<(usize, usize)> {
        self.slots_in_use().find(|(_, slot)| {
            let Some(rules) = self.rules_of(*slot) else { return false };
            let since = self.evidence.unknown_since.get(*slot).copied().unwrap_or(Time::FOREVER);
            rules.on_unknown == OnUnknown::Rollback
                && since < Time::FOREVER
                && self.now().since(since) >= rules.unknown_after
        })
    }

    /// (row, slot) of every reading that an acting, applicable row rests on.
    pub(crate) fn slots_in_use(&self) -> impl Iterator<Item = (usize, usize)> {
        let rows = self.evidence.table.rows.iter().enumerate();
        rows.filter(|(_, row)| row.acting && !row.not_applicable)
            .flat_map(|(at, row)| row.reads().map(move |(slot, _)| (at, slot)))
    }

    /// The verdict in words and values.
    pub(crate) fn verdict(&self, assessment: &Assessment) -> Verdict {
        match assessment.answer {
            Answer::Advance => Verdict::Advance {
                to: self.next_stage(),
                because: Reasons::new(self.permit(assessment.why), Vec::new()),
            },
            Answer::Hold => {
                let mut waits = Vec::new();
                let _: ControlFlow<()> = self.guards(&mut |guard| {
                    waits.push(self.wait(guard));
                    ControlFlow::Continue(())
                });
                let because = Reasons::from_vec(waits).unwrap_or_else(|| Reasons::new(Wait::NotStarted, Vec::new()));
                Verdict::Hold { because }
            }
            Answer::RollBack => Verdict::RollBack {
                to: self.target(assessment.why),
                region: self.region_to_roll_back(assessment.why),
                because: self.causes(assessment.why),
            },
        }
    }

    fn next_stage(&self) -> Option<StageName> {
        let next = StageIx(self.stage_ix.0.saturating_add(1));
        self.policy().stage(next).map(|stage| stage.name.clone())
    }

    fn permit(&self, why: Why) -> Permit {
        match (why, &self.ordered) {
            (Why::Ordered, Some((by, note))) => Permit::Ordered { by: by.clone(), note: note.clone() },
            (Why::EarlyExit, _) => Permit::EarlyExit { served: self.bake },
            _ => {
                let of = self.stage().and_then(|stage| stage.bake).unwrap_or(Duration::ZERO);
                Permit::BakeServed { served: self.bake, of }
            }
        }
    }

    /// Where a roll back goes: to the lowest stage that any check asks for which rolls back now, by its own target or
    /// else the stage's; never up.
    pub(crate) fn target(&self, why: Why) -> StageName {
        let by_stage = self.stage().map_or(StageIx(0), |stage| stage.rollback_to);
        let evidence = &self.evidence;
        let fires = |(row, state): &(&Row, &FindingState)| {
            row.acting && !row.not_applicable && rolls_back(row, **state, &evidence.columns, self.now())
        };
        let by_check = |row: &Row| self.policy().check(row.check)?.target.filter(|target| *target < self.stage_ix);
        let asked = evidence.table.rows.iter().zip(&evidence.states).filter(fires);
        let lowest = match why {
            Why::Row(_) => asked.map(|(row, _)| by_check(row).unwrap_or(by_stage)).min(),
            _ => None,
        };
        let target = lowest.unwrap_or(by_stage).min(self.stage_ix);
        self.policy().stage(target).map_or_else(|| self.state().stage.clone(), |stage| stage.name.clone())
    }

    /// The one region a roll back is about, where the policy keeps regions apart.
    pub(crate) fn region_to_roll_back(&self, why: Why) -> Option<Region> {
        let (Why::Row(row) | Why::Silence { row, .. }) = why else { return None };
        if self.policy().on_breach != BreachScope::Region || self.policy().catalogue.regions().len() < 2 {
            return None;
        }
        let region = self.evidence.table.rows.get(row)?.region;
        self.policy().catalogue.regions().get(region.0 as usize).cloned()
    }

    fn causes(&self, why: Why) -> Reasons<Cause> {
        let first = match why {
            Why::Row(row) => self.cause_of_row(row),
            Why::Silence { row, slot } => self.cause_of_silence(row, slot),
            _ => {
                let max = self.stage().and_then(|stage| stage.max).unwrap_or(Duration::ZERO);
                Cause::PastMax { spent: self.time_in_stage(), max }
            }
        };
        // Everything else that says roll back, in the policy's order.
        let others = self.evidence.table.rows.iter().zip(&self.evidence.runs).enumerate().filter(|(at, (row, run))| {
            let rolls_back = row.response == crate::model::severity::Response::Rollback;
            Why::Row(*at) != why && row.acting && !row.not_applicable && !row.gate && rolls_back && run.is_firing()
        });
        let mut rest: Vec<(usize, Cause)> = others.map(|(at, _)| (at, self.cause_of_row(at))).collect();
        rest.sort_by_key(|(at, _)| self.evidence.table.rows.get(*at).map(|row| row.check));
        Reasons::new(first, rest.into_iter().map(|(_, cause)| cause).collect())
    }

    fn cause_of_row(&self, at: usize) -> Cause {
        let finding = self.finding(at);
        let severity = self.evidence.table.rows.get(at).map_or(Severity::P0, |row| row.severity);
        match finding {
            Some(finding) => Cause::Check { check: finding.check.clone(), severity, note: finding.to_string() },
            None => Cause::PastMax { spent: Duration::ZERO, max: Duration::ZERO },
        }
    }

    fn cause_of_silence(&self, row: usize, slot: usize) -> Cause {
        let since = self.evidence.unknown_since.get(slot).copied().unwrap_or(Time::FOREVER);
        Cause::Unknown {
            what: self.metric_name(slot),
            region: self.region_name(row),
            why: self.unknown_reason(row, slot).unwrap_or(Unknown::Absent),
            lasted: self.now().since(since),
        }
    }

    /// A guard in words and values.
    pub(crate) fn wait(&self, guard: Guard) -> Wait {
        let state = self.state();
        let stage = self.stage();
        match guard {
            Guard::NotStarted => Wait::NotStarted,
            Guard::NoSuchStage => Wait::NoSuchStage { stage: state.stage.clone() },
            Guard::Complete => Wait::Complete,
            Guard::Final => Wait::Final,
            Guard::Manual => Wait::Manual,
            Guard::LateEvidence => Wait::LateEvidence,
            Guard::NotApplied => Wait::NotApplied { generation: state.generation },
            Guard::Latched => {
                let latch = state.latch.as_ref();
                Wait::Latched {
                    since: latch.map_or(state.entered_at, |latch| latch.since),
                    note: latch.map_or_else(String::new, |latch| latch.because.clone()),
                }
            }
            Guard::RegionLatched(region) => self.wait_for_region(region),
            Guard::Check(row) => self.finding(row).map_or(Wait::NotStarted, |finding| Wait::Check {
                check: finding.check.clone(),
                note: finding.to_string(),
            }),
            Guard::Gate(row) => self.finding(row).map_or(Wait::NotStarted, |finding| Wait::Gate {
                check: finding.check.clone(),
                note: finding.to_string(),
            }),
            Guard::Unknown(row) => self.wait_for_reading(row),
            Guard::Exposure => Wait::Exposure {
                observed: self.evidence.exposure.unwrap_or(f64::NAN),
                wanted: stage.map_or(f64::NAN, |stage| stage.traffic),
            },
            Guard::Baseline(metric) => Wait::Baseline {
                metric: self
                    .policy()
                    .catalogue
                    .metric(metric)
                    .map_or_else(|| MetricName::new(""), |metric| metric.name.clone()),
                note: self.baseline_in_doubt().map_or_else(String::new, |(_, note)| note),
            },
            Guard::Bake => {
                let of = stage.and_then(|stage| stage.bake).unwrap_or(Duration::ZERO);
                let until = self.bake_counts().then(|| self.now() + of.saturating_sub(self.bake));
                Wait::Bake { served: self.bake, of, until }
            }
            Guard::Approval => {
                let wanted = stage.and_then(|stage| stage.approvals.as_ref());
                let (roles, people) = wanted.map_or((Vec::new(), 0), |wanted| self.missing_approvals(wanted));
                Wait::Approval { roles, people }
            }
            Guard::Frozen => Wait::Frozen { until: self.frozen.until.unwrap_or(Time::FOREVER) },
            Guard::Paused => state
                .paused
                .as_ref()
                .map_or(Wait::NotStarted, |note| Wait::Paused { by: note.by.clone(), note: note.reason.clone() }),
            Guard::Held => state.held.as_ref().map_or(Wait::NotStarted, |held| Wait::Held {
                by: held.note.by.clone(),
                note: held.note.reason.clone(),
                until: held.until,
            }),
            Guard::PastMax => Wait::PastMax {
                spent: self.time_in_stage(),
                max: stage.and_then(|stage| stage.max).unwrap_or(Duration::ZERO),
            },
        }
    }

    fn wait_for_region(&self, nth: usize) -> Wait {
        self.state().latched_regions.iter().nth(nth).map_or(Wait::NotStarted, |(region, latch)| Wait::RegionLatched {
            region: region.clone(),
            since: latch.since,
            note: latch.because.clone(),
        })
    }

    fn wait_for_reading(&self, at: usize) -> Wait {
        let why = match self.evidence.truths.get(at) {
            Some(Truth::Unknown(why)) => *why,
            _ => Unknown::Absent,
        };
        let slot = self.evidence.table.rows.get(at).and_then(Row::bound).map(|test| test.slot);
        let what = slot.map_or_else(
            || {
                let check = self.evidence.table.rows.get(at).and_then(|row| self.policy().check(row.check));
                MetricName::new(check.map_or("", |check| check.id.as_str()))
            },
            |slot| self.metric_name(slot),
        );
        Wait::Unknown { what, region: self.region_name(at), why }
    }

    /// Why the reading behind a row is unknown at this instant, if it is.
    pub(crate) fn unknown_reason(&self, row: usize, slot: usize) -> Option<Unknown> {
        let row = self.evidence.table.rows.get(row)?;
        let (_, needs) = row.reads().find(|(read, _)| *read == slot)?;
        match judge(self.evidence.columns.get(slot), needs, self.now()) {
            Reading::Unknown(why) => Some(why),
            Reading::Value(_) => None,
        }
    }
}
