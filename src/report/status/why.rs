//! Why a rollout stands where it stands, in one line: the reason of the last decision, where a controller made one.

use crate::control::{Phase, Standing};
use crate::model::decision::{Answer, Decision, Verdict, Wait};
use crate::report::explain;

/// The reason that a controller has, where it knows better than the ledger.
///
/// What a person ordered, and what was taken back, the ledger says best. Why it does not advance only the last decision
/// knows: the ledger has the bake and nothing of the data.
#[must_use]
pub fn why(standing: &Standing, decision: &Decision) -> Option<String> {
    match standing.phase {
        Phase::Hold => Some(held_back(decision)),
        // A rollout that is over is still watched.
        Phase::Done => against(decision).map(|reason| format!("{}; now {reason}", standing.why)),
        _ => None,
    }
}

fn held_back(decision: &Decision) -> String {
    let reason = explain::reasons(decision).into_iter().next().unwrap_or_default();
    let would = match decision.verdict.answer() {
        Answer::Hold => return reason,
        Answer::Advance => "advance",
        Answer::RollBack => "roll back",
    };
    // Whoever may not act says what it would do; the policy watches only, or another controller leads.
    format!("would {would}: {reason}")
}

/// The first reason that is about data.
fn against(decision: &Decision) -> Option<String> {
    let Verdict::Hold { because } = &decision.verdict else { return Some(held_back(decision)) };
    let at = because.iter().position(|wait| matches!(wait, Wait::Check { .. } | Wait::Unknown { .. }))?;
    explain::reasons(decision).into_iter().nth(at)
}
