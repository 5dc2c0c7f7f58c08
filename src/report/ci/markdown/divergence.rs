//! What becomes of one recording, in a sentence, in a cell and in full: the two decisions where they part, and why each
//! policy decided as it did.

use crate::model::decision::Decision;
use crate::model::finding::{Finding, FindingState};
use crate::model::time::Duration;
use crate::report::advanced::advanced;
use crate::report::ci::of_review::since;
use crate::report::layout::count;
use crate::report::uncaught::uncaught;
use crate::review::verdict::{Compared, Divergence};

use super::{details, fenced, prose};

/// At most so many findings of one decision are listed.
const MOST_FINDINGS: usize = 8;

/// A roll back that is lost or comes later lets an incident go on; a false one stops a good release.
pub(super) fn needs_a_look(compared: &Compared) -> bool {
    let later = compared.moved.iter().any(|moved| moved.later_by() > 0);
    !compared.lost.is_empty() || !uncaught(compared).is_empty() || compared.gained_false > 0 || later
}

/// What becomes of a recording, in one sentence.
pub(crate) fn what(compared: &Compared) -> String {
    let wrong = [
        (compared.lost.len(), "roll back", "lost"),
        (uncaught(compared).len(), "incident", "not caught any more"),
        (compared.gained_false, "new roll back", "outside of any incident"),
    ];
    let wrong: Vec<String> = wrong
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, what, how)| format!("{} {how}", count(number, what)))
        .collect();
    if !wrong.is_empty() {
        return wrong.join(", ");
    }
    let (gone, gained) = (compared.alarms_gone.len(), compared.gained.len());
    let right: Vec<String> =
        [(gained, count(gained, "new roll back")), (gone, format!("{} gone", count(gone, "false alarm")))]
            .into_iter()
            .filter_map(|(number, words)| (number > 0).then_some(words))
            .collect();
    if !right.is_empty() {
        return right.join(", ");
    }
    let advances = advanced(compared, str::to_owned);
    match (compared.moved.first(), advances.first()) {
        (Some(moved), _) => format!("rolls back {}", shift(moved.later_by())),
        (None, Some((_, words))) => words.clone(),
        (None, None) if compared.before.ends_in != compared.after.ends_in => {
            format!("ends in {}, not in {}", compared.after.ends_in, compared.before.ends_in)
        }
        (None, None) => "other answers on the way to the same end".to_owned(),
    }
}

/// `5m earlier`.
pub(super) fn shift(later_by: i64) -> String {
    let length = Duration::from_millis(later_by.abs());
    if later_by < 0 { format!("{length} earlier") } else { format!("{length} later") }
}

/// `snapshot 147, +12h15m, in canary: before ROLL BACK (...), after HOLD (...)`
pub(super) fn first(compared: &Compared) -> String {
    let Some(divergence) = &compared.divergence else { return String::new() };
    let said = |decision: &Decision| {
        let (answer, why) = reason(decision, divergence);
        format!("{answer} ({why})")
    };
    format!(
        "snapshot {}, {}, in {}: before {}, after {}",
        divergence.snapshot,
        since(compared, divergence.at),
        stages(divergence),
        said(&divergence.before),
        said(&divergence.after)
    )
}

/// `canary`; both where they are in different ones.
fn stages(divergence: &Divergence) -> String {
    let (before, after) = (&divergence.before.stage, &divergence.after.stage);
    if before == after { before.to_string() } else { format!("{before} before and {after} after") }
}

/// `HOLD` and `isolation_score 94.9% is not below 94%`: the answer, and what this policy's own bound says of the reading
/// on which the two part, after what decided when that was another check.
pub(crate) fn reason(decision: &Decision, divergence: &Divergence) -> (&'static str, String) {
    let verdict = &decision.verdict;
    let own = divergence
        .check
        .as_ref()
        .filter(|check| verdict.deciding_check() != Some(*check))
        .and_then(|check| decision.findings.iter().find(|finding| finding.check == *check))
        .filter(|finding| finding.state != FindingState::NotApplicable);
    let why = match (own, verdict.deciding_check()) {
        (Some(finding), Some(_)) => format!("{}; {finding}", verdict.headline()),
        (Some(finding), None) => finding.to_string(),
        (None, _) => verdict.headline(),
    };
    (verdict.answer().shout(), why)
}

/// The two decisions at the first divergence, with the checks that are not ok.
pub(super) fn why(compared: &Compared) -> String {
    let summary = format!("{}: {}", compared.name, what(compared));
    let Some(divergence) = &compared.divergence else { return String::new() };
    let mut lines = vec![format!(
        "snapshot {}, {} ({}), stage {}",
        divergence.snapshot,
        divergence.at,
        since(compared, divergence.at),
        stages(divergence)
    )];
    for (word, decision) in [("before", &divergence.before), ("after", &divergence.after)] {
        let verdict = &decision.verdict;
        lines.push(format!("{word:7}{}: {}", verdict.answer().shout(), verdict.headline()));
        lines.extend(rules(decision).map(|finding| format!("       {}", line_of(finding))));
    }
    let mut inside = fenced(&lines.join("\n"));
    if !compared.title.is_empty() {
        inside = format!("{}\n\n{inside}", prose(&compared.title));
    }
    details(&summary, &inside)
}

fn rules(decision: &Decision) -> impl Iterator<Item = &Finding> {
    let fine = |state| matches!(state, FindingState::Ok | FindingState::NotApplicable);
    decision.findings.iter().filter(move |finding| !fine(finding.state)).take(MOST_FINDINGS)
}

fn line_of(finding: &Finding) -> String {
    let severity = finding.severity.map_or_else(|| "--".to_owned(), |severity| severity.to_string());
    format!("{severity} {}  {finding}  {}  {}", finding.check, finding.word(), finding.origin)
}
