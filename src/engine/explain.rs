//! What would have changed the answer: read off a decision's own findings, never by running anything again.

use crate::model::decision::{Answer, Decision};
use crate::model::finding::{Finding, FindingState};
use crate::model::ids::CheckId;
use crate::model::severity::Response;

/// A value that would have changed, or could change, the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct TurningPoint {
    /// The check it is about.
    pub check: CheckId,
    /// The finding it was read from.
    pub finding: Finding,
    /// How far the value is from the bound, always positive, in the metric's unit.
    pub distance: f64,
}

/// What stood between a decision and another one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TurningPoints {
    /// Checks that must all come back inside their bound for a milder answer.
    pub milder: Vec<TurningPoint>,
    /// Checks at hold or worse that are ok, nearest to their bound first (as a share of the bound).
    pub worse: Vec<TurningPoint>,
}

/// The values that would have changed `decision`.
#[must_use]
pub fn turning_points(decision: &Decision) -> TurningPoints {
    let deciding = |finding: &&Finding| {
        let level = match decision.verdict.answer() {
            Answer::RollBack => Response::Rollback,
            _ => Response::Hold,
        };
        let broken = matches!(finding.state, FindingState::Firing | FindingState::Pending | FindingState::Clearing);
        finding.counts() && finding.response >= level && broken
    };
    let milder = decision.findings.iter().filter(deciding).filter_map(turning_point).collect();
    let mut worse: Vec<TurningPoint> = decision
        .findings
        .iter()
        .filter(|finding| finding.counts() && finding.response >= Response::Hold && finding.state == FindingState::Ok)
        .filter_map(turning_point)
        .collect();
    worse.sort_by(|a, b| share(a).total_cmp(&share(b)));
    TurningPoints { milder, worse }
}

fn turning_point(finding: &Finding) -> Option<TurningPoint> {
    let distance = finding.margin?.abs();
    Some(TurningPoint { check: finding.check.clone(), finding: finding.clone(), distance })
}

fn share(point: &TurningPoint) -> f64 {
    let bound = point.finding.bound.unwrap_or(1.0).abs();
    if bound > 0.0 { point.distance / bound } else { point.distance }
}
