//! What a replay's report is made of, gathered while the data goes by in memory that does not grow with it.

use std::sync::Arc;

use crate::engine::{Machine, Output};
use crate::fixture::run::Run;
use crate::model::decision::{Answer, Decision, Verdict, Wait};
use crate::model::event::What;
use crate::model::finding::FindingState;
use crate::model::severity::Severity;
use crate::model::time::Time;
use crate::policy::compiled::Policy;
use crate::report::bands::{Bands, Line, Moment};
use crate::report::replay::{Deciding, Head, Replayed, Row, Summary};

use super::Rows;
use super::tap::Observed;

/// More rows than this are nobody's reading; the first and the last ones are kept.
const MOST_ROWS: usize = 200;
/// More sparklines than this push the table off the screen.
const MOST_LINES: usize = 6;
/// Roll backs kept with all their facts.
const MOST_ROLL_BACKS: usize = 100;

/// What one evaluation adds to the table.
pub(crate) struct Taken {
    /// The decision is a row.
    pub(crate) row: bool,
    /// Roll backs that were only said, a row each.
    pub(crate) told: Vec<Row>,
}
/// With more findings than this, a kept record loses those that are fine: regions times checks, two hundred times over.
const MOST_FINDINGS: usize = 60;

/// A row, and the full record behind it where that was asked for.
type Kept = (Row, Option<Decision>);

/// A report in the making.
pub(crate) struct Gathered {
    policy: Arc<Policy>,
    kept: Rows,
    /// Keep the full record behind each row.
    explained: bool,
    bands: Bands,
    rows: Vec<Kept>,
    late_rows: std::collections::VecDeque<Kept>,
    left_out: usize,
    first_breach: Option<Row>,
    roll_backs: Vec<Deciding>,
    summary: Summary,
    severity: Option<Severity>,
    unknown: bool,
}

impl Gathered {
    /// Nothing yet.
    #[must_use]
    pub(crate) fn new(policy: &Arc<Policy>, kept: Rows, explained: bool) -> Gathered {
        let stages = policy.stages.iter().map(|stage| match stage.traffic {
            traffic if traffic > 0.0 => format!("{} {traffic}%", stage.name),
            _ => stage.name.to_string(),
        });
        let lines = policy.catalogue.metrics().iter().take(MOST_LINES).map(|metric| Line {
            name: metric.name.to_string(),
            unit: metric.unit,
            better: metric.better,
        });
        Gathered {
            policy: Arc::clone(policy),
            kept,
            explained,
            bands: Bands::new(stages.collect(), lines.collect()),
            rows: Vec::new(),
            late_rows: std::collections::VecDeque::new(),
            left_out: 0,
            first_breach: None,
            roll_backs: Vec::new(),
            summary: Summary::default(),
            severity: None,
            unknown: false,
        }
    }

    /// Takes in one evaluation.
    pub(crate) fn take(&mut self, machine: &Machine, at: Time, output: &Output, observed: &Observed) -> Taken {
        self.summary.evaluations += 1;
        let mut row = is_change(machine, output) || self.kept == Rows::Every;
        let mut shown = output.answer;
        if output.changed || row {
            let decision = machine.decision();
            // The same check, but worse or better than before: pending became firing.
            row |= decision.severity != self.severity && machine.state().latch.is_none();
            shown = self.decided(&decision, output, row);
        }
        let told: Vec<Row> = would_roll_back(machine, output).collect();
        for row in &told {
            self.summary.would_roll_back += 1;
            let record = self.explained.then(|| slim(machine.decision()));
            self.keep((row.clone(), record));
        }
        self.summary.unknown += u64::from(self.unknown);
        let stage = machine.policy().find_stage(machine.state().stage.as_str()).map_or(0, |ix| usize::from(ix.0));
        self.bands.add(&Moment { at, stage, severity: self.severity, answer: shown, values: &observed.values });
        Taken { row, told }
    }

    fn decided(&mut self, decision: &Decision, output: &Output, row: bool) -> Answer {
        self.severity = decision.severity;
        self.unknown = matches!(&decision.verdict, Verdict::Hold { because } if is_unknown(because.first()));
        self.summary.advances +=
            count(output, |what| matches!(what, What::StageEntered { .. } | What::Completed { .. }));
        if self.first_breach.is_none() {
            self.first_breach = Row::of_breach(decision);
        }
        let gone = count(output, |what| matches!(what, What::RolledBack { .. } | What::RegionRolledBack { .. }));
        self.summary.roll_backs += gone;
        if decision.verdict.answer() == Answer::RollBack
            && (gone > 0 || decision.shadow)
            && self.roll_backs.len() < MOST_ROLL_BACKS
        {
            self.roll_backs.extend(Deciding::new(decision));
        }
        if row {
            let record = self.explained.then(|| slim(decision.clone()));
            self.keep((Row::new(decision), record));
        }
        decision.verdict.answer()
    }

    fn keep(&mut self, row: Kept) {
        if self.rows.len() < MOST_ROWS / 2 {
            self.rows.push(row);
            return;
        }
        self.late_rows.push_back(row);
        if self.late_rows.len() > MOST_ROWS / 2 {
            self.late_rows.pop_front();
            self.left_out += 1;
        }
    }

    /// The report, once the data is at its end.
    #[must_use]
    pub(super) fn finish(mut self, head: Head, run: &Run) -> Replayed {
        let stage = self.policy.find_stage(run.state.stage.as_str()).and_then(|ix| self.policy.stage(ix));
        let summary = &mut self.summary;
        summary.snapshots = run.played.frames;
        summary.stage = run.state.stage.to_string();
        summary.traffic = stage.map_or(0.0, |stage| stage.traffic);
        summary.ends_in = run.last.as_ref().map(|decision| decision.verdict.answer());
        summary.latched = run.state.latch.is_some();
        summary.ends_unknown = self.unknown;
        summary.arrived = run.last.as_ref().is_some_and(|decision| match &decision.verdict {
            Verdict::Hold { because } => matches!(because.first(), Wait::Complete | Wait::Final),
            _ => false,
        });
        let nothing = || match (run.report.first, run.report.last) {
            // No more than the first reading was looked at: it lies behind the end asked for.
            (Some(first), Some(last)) if first == last => format!("no reading is inside; the data begins at {first}"),
            (Some(first), Some(last)) => format!("no reading is inside; the data goes from {first} to {last}"),
            _ => "the data holds no reading".to_owned(),
        };
        summary.because = run.last.as_ref().map_or_else(nothing, |decision| decision.verdict.headline());
        let (rows, decisions) = self.rows.into_iter().chain(self.late_rows).unzip();
        Replayed {
            head,
            bands: Some(self.bands),
            rows,
            decisions,
            rows_left_out: self.left_out,
            first_breach: self.first_breach,
            roll_backs: self.roll_backs,
            summary: self.summary,
            score: Vec::new(),
        }
    }
}

fn slim(mut decision: Decision) -> Decision {
    if decision.findings.len() > MOST_FINDINGS {
        decision.findings.retain(|finding| !matches!(finding.state, FindingState::Ok | FindingState::NotApplicable));
        decision.findings.truncate(MOST_FINDINGS);
    }
    decision
}

const fn is_unknown(wait: &Wait) -> bool {
    matches!(wait, Wait::Unknown { .. })
}

fn count(output: &Output, wanted: impl Fn(&What) -> bool) -> u64 {
    output.events.iter().filter(|event| wanted(&event.what)).count() as u64
}

/// Whether one output is worth a row: the answer, its deciding reason or the exposure changed.
///
/// The hold that a roll back leaves behind is none: it says again what the row above it said.
fn is_change(machine: &Machine, output: &Output) -> bool {
    if output.answer == Answer::Hold && machine.state().latch.is_some() {
        return false;
    }
    output.events.iter().any(|event| {
        matches!(
            event.what,
            What::DecisionChanged { .. }
                | What::StageEntered { .. }
                | What::RolledBack { .. }
                | What::RegionRolledBack { .. }
                | What::Completed { .. }
        )
    })
}

/// Breaches that were only told: in shadow, or after the roll back.
fn would_roll_back<'a>(machine: &'a Machine, output: &'a Output) -> impl Iterator<Item = Row> + 'a {
    output.events.iter().filter_map(|event| {
        let What::WouldRollBack { check, because } = &event.what else { return None };
        let decision = machine.decision();
        let finding = check.as_ref().and_then(|id| decision.findings.iter().find(|finding| finding.check == *id));
        Some(Row {
            decision: Answer::RollBack,
            would: true,
            because: because.clone(),
            severity: finding.and_then(|finding| finding.severity),
            origin: finding.map(|finding| finding.origin.clone()),
            check: check.clone(),
            to: None,
            ..Row::new(&decision)
        })
    })
}
