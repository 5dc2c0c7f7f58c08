//! The full record of an evaluation: every finding with its value, bound, margin and progress.

use std::sync::Arc;

use crate::model::decision::Decision;
use crate::model::finding::{CheckKind, Finding, FindingState};
use crate::model::frame::Group;
use crate::model::ids::{CheckId, MetricName, Region};
use crate::model::reading::{Reading, Truth};
use crate::policy::compiled::{Check, Condition, MetricRules};

use super::columns::judge;
use super::decide::Assessment;
use super::evaluate::control_breaks_it_too;
use super::machine::Machine;
use super::table::{BoundTest, Row, needs};

impl Machine {
    /// How many scripts failed at the last evaluation: each is unknown, and says why in its finding.
    #[must_use]
    pub fn failed_scripts(&self) -> usize {
        self.evidence.faults.iter().flatten().count()
    }

    /// The record of the last evaluation.
    pub(crate) fn record(&self, assessment: &Assessment) -> Decision {
        let (policy, state) = (self.policy(), self.state());
        let stage = self.stage();
        Decision {
            time: self.now(),
            rollout: policy.rollout.clone(),
            environment: policy.environment.clone(),
            policy: policy.digest.clone(),
            revision: state.revision.clone(),
            stage: state.stage.clone(),
            traffic: stage.map_or(0.0, |stage| stage.traffic),
            time_in_stage: self.time_in_stage(),
            bake: (self.bake, stage.and_then(|stage| stage.bake)),
            verdict: self.verdict(assessment),
            severity: assessment.severity,
            shadow: policy.shadow,
            findings: self.findings(),
            wake_at: self.wake_at(),
            generation: state.generation,
        }
    }

    /// Every finding, worst first.
    fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<(u8, Finding)> = (0..self.evidence.table.rows.len())
            .filter_map(|at| self.finding(at))
            .map(|finding| (rank(&finding), finding))
            .collect();
        findings.sort_by_key(|(rank, _)| *rank);
        let mut findings: Vec<Finding> = findings.into_iter().map(|(_, finding)| finding).collect();
        mark_hidden(&mut findings);
        findings
    }

    /// One row as a finding.
    pub(crate) fn finding(&self, at: usize) -> Option<Finding> {
        let row = self.evidence.table.rows.get(at)?;
        let check = self.policy().check(row.check)?;
        let run = self.evidence.runs.get(at)?;
        let state = *self.evidence.states.get(at)?;
        let mut finding = Finding {
            check: check.id.clone(),
            kind: check.kind,
            severity: (check.kind != CheckKind::Gate).then_some(check.severity),
            response: check.response,
            state,
            region: self.region_name(at),
            metric: None,
            group: None,
            unit: None,
            value: None,
            unknown: None,
            side: None,
            bound: None,
            margin: None,
            comparison: None,
            progress: run.progress(check.window, check.clear),
            samples: None,
            age: None,
            hidden_by: None,
            shadow: check.shadow || self.policy().shadow,
            muted: self.state().mutes.contains_key(&check.id),
            control_too: false,
            facts: String::new(),
            condition: Arc::clone(&check.words),
            origin: check.origin.clone(),
        };
        if state == FindingState::NotApplicable {
            finding.progress = None;
        }
        match row.bound() {
            Some(test) => self.fill_bound(&mut finding, row, test),
            None => self.fill_script(&mut finding, at, check),
        }
        Some(finding)
    }

    fn fill_bound(&self, finding: &mut Finding, row: &Row, test: &BoundTest) {
        let Some(metric) = self.policy().catalogue.metric(test.bound.metric) else { return };
        finding.metric = Some(metric.name.clone());
        finding.group = Some(test.bound.group);
        finding.unit = Some(metric.unit);
        finding.side = Some(test.bound.side);
        finding.bound = test.limit.is_finite().then_some(test.limit);
        finding.comparison = test.comparison;
        if finding.state == FindingState::NotApplicable {
            return;
        }
        let last = self.evidence.columns.get(test.slot);
        if last.seen() {
            finding.samples = last.samples();
            finding.age = Some(self.now().since(last.observed));
        }
        match judge(last, &test.needs, self.now()) {
            Reading::Unknown(why) => finding.unknown = Some(why),
            Reading::Value(value) => {
                finding.value = Some(value);
                finding.unknown = test.why;
                finding.margin = finding.bound.map(|_| test.margin(value));
            }
        }
        finding.control_too =
            finding.state == FindingState::Firing && control_breaks_it_too(row, &self.evidence.columns, self.now());
    }

    fn fill_script(&self, finding: &mut Finding, at: usize, check: &Check) {
        if let Some(Truth::Unknown(why)) = self.evidence.truths.get(at)
            && finding.state != FindingState::NotApplicable
        {
            finding.unknown = Some(*why);
        }
        if finding.state == FindingState::Firing {
            finding.facts = self.facts_of(at, check);
        }
        // A script that failed says so where its condition is shown: nobody should look for the fault in the data.
        if let (Some(Some(fault)), Condition::Script { .. }) = (self.evidence.faults.get(at), &check.condition) {
            finding.condition = Arc::from(format!("{}: {fault}", check.words));
        }
    }

    /// What a script had before it: the readings it asks for and the checks it asks about.
    fn facts_of(&self, at: usize, check: &Check) -> String {
        let (Condition::Script { reads, asks, .. }, Some(row)) = (&check.condition, self.evidence.table.rows.get(at))
        else {
            return String::new();
        };
        let (policy, watched) = (self.policy(), self.watched_stage());
        let readings = reads.iter().filter_map(|(metric, group)| {
            let slot = policy.catalogue.slot(row.region, *group, *metric).index();
            let needs = needs(policy, policy.stage(watched)?, *metric);
            let metric = policy.catalogue.metric(*metric)?;
            let value = match judge(self.evidence.columns.get(slot), &needs, self.now()) {
                Reading::Value(value) => metric.unit.show(value).to_string(),
                Reading::Unknown(why) => why.to_string(),
            };
            let group = if *group == Group::Treatment { String::new() } else { format!(" ({group})") };
            Some(format!("{}{group} {value}", metric.name))
        });
        let checks = asks.iter().filter_map(|ix| {
            let state = self.evidence.states.get(self.evidence.table.row_of(*ix, row.region)?)?;
            Some(format!("{} {state}", policy.check(*ix)?.id))
        });
        readings.chain(checks).collect::<Vec<_>>().join(", ")
    }

    /// The name of the metric behind a slot.
    pub(crate) fn metric_name(&self, slot: usize) -> MetricName {
        let catalogue = &self.policy().catalogue;
        let slot = crate::model::frame::Slot(u32::try_from(slot).unwrap_or(u32::MAX));
        let metric = catalogue.series(slot).and_then(|(_, _, metric)| catalogue.metric(metric));
        metric.map_or_else(|| MetricName::new(""), |metric| metric.name.clone())
    }

    /// How the metric behind a slot is judged.
    pub(crate) fn rules_of(&self, slot: usize) -> Option<&MetricRules> {
        let slot = crate::model::frame::Slot(u32::try_from(slot).ok()?);
        let (_, _, metric) = self.policy().catalogue.series(slot)?;
        self.policy().metrics.get(metric.0 as usize)
    }

    /// The region that a row is about.
    pub(crate) fn region_name(&self, row: usize) -> Region {
        let region = self.evidence.table.rows.get(row).map(|row| row.region);
        let name = region.and_then(|region| self.policy().catalogue.regions().get(region.0 as usize));
        name.cloned().unwrap_or_else(|| Region::new(""))
    }
}

/// Worst first; within a rank the policy's own order stands.
const fn rank(finding: &Finding) -> u8 {
    match (finding.counts(), finding.state) {
        (true, FindingState::Firing) => 0,
        (true, FindingState::Unknown) => 1,
        (true, FindingState::Pending) => 2,
        (true, FindingState::Clearing) => 3,
        (_, FindingState::NotApplicable) => 6,
        (false, FindingState::Firing | FindingState::Pending | FindingState::Clearing | FindingState::Unknown) => 4,
        (_, FindingState::Ok) => 5,
    }
}

/// A milder finding on the same series as a worse one that fires says nothing more.
fn mark_hidden(findings: &mut [Finding]) {
    for at in 1..findings.len() {
        let (before, rest) = findings.split_at_mut(at);
        let Some(milder) = rest.first_mut() else { continue };
        let is_gate = milder.kind == CheckKind::Gate;
        if milder.state != FindingState::Firing || milder.metric.is_none() || is_gate {
            continue;
        }
        let hides = before.iter().find(|worse| {
            worse.counts()
                && worse.state == FindingState::Firing
                && worse.metric == milder.metric
                && worse.group == milder.group
                && worse.region == milder.region
                && worse.side == milder.side
        });
        milder.hidden_by = hides.map(|worse: &Finding| -> CheckId { worse.check.clone() });
    }
}
