//! What a policy would have done on recorded data: head, bands, table of changes, the deciding check, summary.

use std::sync::Arc;

use serde::Serialize;

use crate::model::decision::{Answer, Decision, Verdict};
use crate::model::finding::{CheckKind, Finding, FindingState, Origin};
use crate::model::ids::{CheckId, Region, StageName};
use crate::model::severity::Severity;
use crate::model::time::{Duration, Time};

use super::bands::Bands;

mod plain;
mod pretty;
pub mod stream;

pub use plain::plain;
pub use pretty::pretty;

/// A finished replay, ready to be shown.
#[derive(Debug, Serialize)]
pub struct Replayed {
    /// What was replayed, and what was assumed.
    pub head: Head,
    /// The run on a time axis; for people only.
    #[serde(skip)]
    pub bands: Option<Bands>,
    /// The changes (or every evaluation), in order.
    pub rows: Vec<Row>,
    /// The full record behind each row, when somebody asked for explanations; parallel to `rows`, or empty.
    #[serde(skip)]
    pub decisions: Vec<Option<Decision>>,
    /// How many rows were left out because too many would be shown.
    #[serde(skip_serializing_if = "is_zero")]
    pub rows_left_out: usize,
    /// The first check at hold or worse that was broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_breach: Option<Row>,
    /// What decided each roll back.
    pub roll_backs: Vec<Deciding>,
    /// Numbers at the end.
    pub summary: Summary,
    /// How the roll backs compare with the label, for a labelled fixture.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub score: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What was replayed, and what was assumed.
#[derive(Debug, Serialize)]
pub struct Head {
    /// The rollout.
    pub rollout: String,
    /// First digits of the policy's digest.
    pub policy: String,
    /// Which environment's policy.
    pub environment: String,
    /// The policy only watches.
    pub shadow: bool,
    /// The files, as named.
    pub data: Vec<String>,
    /// How many instants, how far apart, from when to when: one sentence.
    pub extent: String,
    /// The first instant.
    pub first: Option<Time>,
    /// The last instant.
    pub last: Option<Time>,
    /// What the data does not say and was taken for granted.
    pub assumed: Vec<String>,
    /// What was changed for this run (`--set`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// What a person should know before trusting the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// When.
    pub time: Time,
    /// The stage it was decided in.
    pub stage: StageName,
    /// Share of traffic there, in percent.
    pub traffic: f64,
    /// The worst severity firing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Advance, hold or roll back.
    pub decision: Answer,
    /// Where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<StageName>,
    /// The one region it is about (`on_breach = "region"`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Only said, not done: shadow, or a breach after the roll back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub would: bool,
    /// The deciding reason.
    pub because: String,
    /// The check that decided, when a check did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckId>,
    /// Where that check was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

impl Row {
    /// The line of one decision.
    #[must_use]
    pub fn new(decision: &Decision) -> Row {
        let check = decision.verdict.deciding_check().cloned();
        let finding = check.as_ref().and_then(|check| decision.findings.iter().find(|finding| finding.check == *check));
        Row {
            time: decision.time,
            stage: decision.stage.clone(),
            traffic: decision.traffic,
            severity: decision.severity,
            decision: decision.verdict.answer(),
            to: match &decision.verdict {
                Verdict::Advance { to, .. } => to.clone(),
                Verdict::RollBack { to, .. } => Some(to.clone()),
                Verdict::Hold { .. } => None,
            },
            region: region_of(&decision.verdict),
            would: decision.shadow && decision.verdict.answer() != Answer::Hold,
            because: decision.verdict.headline(),
            origin: finding.map(|finding| finding.origin.clone()),
            check,
        }
    }

    /// A check at hold or worse that is broken in this decision, as a row of its own.
    #[must_use]
    pub fn of_breach(decision: &Decision) -> Option<Row> {
        let broken = |finding: &&Finding| {
            matches!(finding.state, FindingState::Firing | FindingState::Pending)
                && finding.counts()
                && finding.response >= crate::model::severity::Response::Hold
                && finding.severity.is_some()
        };
        let finding = decision.findings.iter().find(broken)?;
        Some(Row {
            severity: finding.severity,
            because: finding.to_string(),
            check: Some(finding.check.clone()),
            origin: Some(finding.origin.clone()),
            to: None,
            region: None,
            would: false,
            ..Row::new(decision)
        })
    }

    /// The words in the column `decision`.
    #[must_use]
    pub fn shout(&self) -> String {
        let word = match &self.region {
            Some(region) => format!("{} {region}", self.decision.shout()),
            None => self.decision.shout().to_owned(),
        };
        if self.would { format!("WOULD {word}") } else { word }
    }
}

/// What decided a roll back, as shown below the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deciding {
    /// When.
    pub time: Time,
    /// From which stage.
    pub from: StageName,
    /// To which.
    pub to: StageName,
    /// The one region that goes to no exposure, while the others stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Only said, not done.
    pub would: bool,
    /// The deciding reason.
    pub because: String,
    /// The check, when a check decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckId>,
    /// The check's condition, in the policy's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Arc<str>>,
    /// The value, as people write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The bound, as people write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// How far the value is beyond the bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<String>,
    /// Where the check was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Other checks that were firing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<CheckId>,
}

impl Deciding {
    /// From a decision to roll back; none for any other.
    #[must_use]
    pub fn new(decision: &Decision) -> Option<Deciding> {
        let Verdict::RollBack { to, because, .. } = &decision.verdict else { return None };
        let check = decision.verdict.deciding_check();
        let finding = check.and_then(|check| decision.findings.iter().find(|finding| finding.check == *check));
        let unit = finding.and_then(|finding| finding.unit);
        let shown = |value: Option<f64>| Some(unit?.show(value?).to_string());
        let firing = |finding: &&Finding| {
            finding.state == FindingState::Firing && finding.kind != CheckKind::Gate && Some(&finding.check) != check
        };
        Some(Deciding {
            time: decision.time,
            from: decision.stage.clone(),
            to: to.clone(),
            region: region_of(&decision.verdict),
            would: decision.shadow,
            because: because.first().to_string(),
            check: check.cloned(),
            condition: finding.map(|finding| Arc::clone(&finding.condition)),
            value: finding.and_then(|finding| shown(finding.value)),
            bound: finding.and_then(|finding| shown(finding.bound)),
            margin: finding.and_then(|finding| Some(unit?.show_difference(finding.margin?).to_string())),
            origin: finding.map(|finding| finding.origin.clone()),
            also: decision.findings.iter().filter(firing).map(|finding| finding.check.clone()).collect(),
        })
    }
}

/// Numbers at the end of a replay.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Snapshots fed.
    pub snapshots: u64,
    /// How often the policy was evaluated, ticks between snapshots included.
    pub evaluations: u64,
    /// Advances made.
    pub advances: u64,
    /// Roll backs made.
    pub roll_backs: u64,
    /// Roll backs that were only said: shadow, or breaches after the roll back.
    pub would_roll_back: u64,
    /// Evaluations in which a reading that mattered was unknown.
    pub unknown: u64,
    /// The stage at the end.
    pub stage: String,
    /// Share of traffic at the end, in percent.
    pub traffic: f64,
    /// The answer at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_in: Option<Answer>,
    /// Its reason.
    pub because: String,
    /// Latched after a roll back.
    pub latched: bool,
    /// Something it needs to know is unknown at the end.
    pub ends_unknown: bool,
    /// It came to the end of the ladder: complete, or in a last stage without a bake.
    pub arrived: bool,
    /// How long it took; not part of what is compared.
    #[serde(skip)]
    pub took: Duration,
}

/// The one region a roll back is about; none when it is about all.
fn region_of(verdict: &Verdict) -> Option<Region> {
    match verdict {
        Verdict::RollBack { region, .. } => region.clone(),
        _ => None,
    }
}
