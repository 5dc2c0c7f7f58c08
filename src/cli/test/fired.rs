//! Which checks were seen firing: one that nothing ever fires is a threshold that nobody has seen work.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::{Machine, Output};
use crate::model::finding::{CheckKind, FindingState};
use crate::policy::compiled::{Condition, Policy};

/// By rollout: its checks and metrics, and what was seen of them.
#[derive(Debug, Default)]
pub(crate) struct Fired {
    rollouts: BTreeMap<String, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    checks: BTreeSet<String>,
    fired: BTreeSet<String>,
    metrics: BTreeSet<String>,
    carried: BTreeSet<String>,
    runs: usize,
    fixtures: usize,
}

impl Fired {
    /// Makes a policy known: its thresholds and triggers, and the metrics they read. A gate never fires.
    pub(crate) fn know(&mut self, policy: &Policy) {
        let seen = self.rollouts.entry(policy.rollout.to_string()).or_default();
        let firing = policy.checks.iter().filter(|check| check.kind != CheckKind::Gate);
        seen.checks.extend(firing.map(|check| check.id.to_string()));
        for check in &policy.checks {
            if let Condition::Bound(bound) = &check.condition
                && let Some(metric) = policy.catalogue.metric(bound.metric)
            {
                seen.metrics.insert(metric.name.to_string());
            }
        }
    }

    /// A run over `policy` begins; on recorded data when `recorded`.
    pub(crate) fn begin(&mut self, policy: &Policy, recorded: bool) {
        self.know(policy);
        let seen = self.rollouts.entry(policy.rollout.to_string()).or_default();
        seen.runs += 1;
        seen.fixtures += usize::from(recorded);
    }

    /// Looks at one evaluation.
    pub(crate) fn look(&mut self, machine: &Machine, output: &Output) {
        if !output.changed {
            return;
        }
        let rollout = machine.policy().rollout.as_str();
        let Some(seen) = self.rollouts.get_mut(rollout) else { return };
        for finding in machine.decision().findings {
            if finding.state == FindingState::Firing {
                seen.fired.insert(finding.check.to_string());
            }
        }
    }

    /// A metric was carried by a fixture.
    pub(crate) fn carried(&mut self, policy: &Policy, metric: &str) {
        if let Some(seen) = self.rollouts.get_mut(policy.rollout.as_str()) {
            seen.carried.insert(metric.to_owned());
        }
    }

    /// Whether anything ran over this rollout's policy.
    pub(crate) fn ran(&self, rollout: &str) -> bool {
        self.rollouts.get(rollout).is_some_and(|seen| seen.runs > 0)
    }

    /// One sentence per rollout about what was never seen.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (rollout, seen) in self.rollouts.iter().filter(|(_, seen)| seen.runs > 0) {
            let never: Vec<&str> = seen.checks.difference(&seen.fired).map(String::as_str).collect();
            if !never.is_empty() {
                notes.push(format!("{rollout}: no test or fixture ever fires {}", never.join(", ")));
            }
        }
        notes
    }

    /// What recordings alone leave untouched, for `check --evidence`.
    pub(crate) fn evidence(&self) -> Vec<String> {
        let mut facts = Vec::new();
        for (rollout, seen) in &self.rollouts {
            if seen.fixtures == 0 {
                facts.push(format!("{rollout}: no fixture replays it"));
                continue;
            }
            let fixtures = crate::report::layout::count(seen.fixtures, "fixture");
            for check in seen.checks.difference(&seen.fired) {
                facts.push(format!("{rollout}: {check} never fires on any of {fixtures}"));
            }
            for metric in seen.metrics.difference(&seen.carried) {
                facts.push(format!("{rollout}: no fixture of {fixtures} carries {metric}"));
            }
            if facts.is_empty() {
                facts.push(format!("{rollout}: every check fires and every metric appears in {fixtures}"));
            }
        }
        facts
    }
}
