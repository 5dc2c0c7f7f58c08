//! The decisions that changed something, each with its explanation folded away beside it.

use crate::model::decision::{Answer, Decision as Record};
use crate::model::finding::{CheckKind, Finding, FindingState};
use crate::model::time::Time;
use crate::report::explain;
use crate::report::replay::Row;
use crate::report::svg::clock::lasted;

use super::{ReplayPage, levels};

/// One row.
pub(super) struct Decision {
    /// Its anchor: `d3`.
    pub(super) id: String,
    pub(super) number: usize,
    pub(super) at: Time,
    pub(super) answer: Answer,
    /// For `<time>`.
    pub(super) stamp: String,
    pub(super) when: String,
    /// Since the beginning.
    pub(super) after: String,
    pub(super) stage: String,
    pub(super) severity: &'static str,
    pub(super) level: String,
    pub(super) class: &'static str,
    pub(super) icon: &'static str,
    pub(super) word: String,
    pub(super) because: String,
    pub(super) check: String,
    pub(super) explanation: Option<Explanation>,
    /// Shown at first sight.
    pub(super) open: bool,
}

/// Why one decision came out as it did.
pub(super) struct Explanation {
    pub(super) lines: Vec<(&'static str, String)>,
    pub(super) findings: Vec<FindingRow>,
    /// Findings that were fine and are not listed.
    pub(super) left_out: usize,
}

/// What one check said.
pub(super) struct FindingRow {
    pub(super) severity: &'static str,
    pub(super) level: String,
    pub(super) check: String,
    pub(super) class: &'static str,
    pub(super) state: String,
    pub(super) value: String,
    pub(super) condition: String,
    pub(super) margin: String,
    pub(super) remarks: String,
    pub(super) decided: bool,
}

/// The rows of a replay's table.
pub(super) fn decisions(page: &ReplayPage<'_>) -> Vec<Decision> {
    let begins = page.replayed.head.first.unwrap_or_default();
    let rows = page.replayed.rows.iter().enumerate();
    let mut opened = false;
    rows.map(|(at, row)| {
        let record = page.replayed.decisions.get(at).and_then(Option::as_ref);
        let mut decision = decision(at + 1, row, record, page);
        decision.after = format!("+{}", lasted(row.time.since(begins)));
        // The first roll back is what everybody opens.
        decision.open = row.decision == Answer::RollBack && !opened;
        opened |= decision.open;
        decision
    })
    .collect()
}

fn decision(number: usize, row: &Row, record: Option<&Record>, page: &ReplayPage<'_>) -> Decision {
    let (class, icon) = levels::of_answer(row.decision);
    let to = row.to.as_ref().filter(|_| row.region.is_none()).map(|to| format!(" → {to}")).unwrap_or_default();
    Decision {
        id: format!("d{number}"),
        number,
        at: row.time,
        answer: row.decision,
        stamp: row.time.to_string(),
        when: page.times.row(row.time),
        after: String::new(),
        stage: if row.traffic > 0.0 { format!("{} {}%", row.stage, row.traffic) } else { row.stage.to_string() },
        severity: levels::of_severity(row.severity),
        level: row.severity.map_or_else(|| "–".to_owned(), |severity| severity.to_string()),
        class,
        icon,
        word: format!("{}{to}", row.shout()),
        because: row.because.clone(),
        check: row.check.as_ref().map(ToString::to_string).unwrap_or_default(),
        explanation: record.map(explanation),
        open: false,
    }
}

/// Fine findings are listed only up to so many rows; with many regions they would bury the others.
const MOST_FINDINGS: usize = 40;

/// From a decision's full record.
pub(super) fn explanation(record: &Record) -> Explanation {
    let mut lines: Vec<(&'static str, String)> = Vec::new();
    for (at, reason) in explain::reasons(record).into_iter().enumerate() {
        lines.push((if at == 0 { "why" } else { "" }, reason));
    }
    lines.push(("stage", explain::time_in_stage(record)));
    lines.extend(explain::otherwise(record).map(|otherwise| ("had", otherwise)));
    let deciding = record.verdict.deciding_check();
    let fine = |finding: &&Finding| matches!(finding.state, FindingState::Ok | FindingState::NotApplicable);
    let loud = record.findings.iter().filter(|finding| !fine(finding));
    let all = loud.chain(record.findings.iter().filter(fine));
    let findings: Vec<FindingRow> =
        all.take(MOST_FINDINGS).map(|finding| row_of(finding, deciding == Some(&finding.check))).collect();
    Explanation { left_out: record.findings.len() - findings.len(), findings, lines }
}

fn row_of(finding: &Finding, decided: bool) -> FindingRow {
    let stand = crate::fixture::tracks::Stand { state: Some(finding.state), unknown: finding.unknown };
    let class = levels::of_stand(stand, finding.kind).map_or("na", |(class, _)| class);
    let region = if finding.region.as_str().is_empty() { String::new() } else { format!(" in {}", finding.region) };
    let progress = finding.progress.map(|progress| format!(" {progress}")).unwrap_or_default();
    let mut remarks = vec![finding.origin.to_string()];
    if let Some(other) = &finding.hidden_by {
        remarks.push(format!("said by {other} already"));
    }
    for (set, word) in [(finding.muted, "muted"), (finding.shadow, "shadow"), (finding.control_too, "control too")] {
        if set {
            remarks.push(word.to_owned());
        }
    }
    FindingRow {
        severity: levels::of_severity(finding.severity),
        level: match (finding.kind, finding.severity) {
            (CheckKind::Gate, _) => "gate".to_owned(),
            (_, severity) => severity.map_or_else(|| "–".to_owned(), |severity| severity.to_string()),
        },
        check: format!("{}{region}", finding.check),
        class,
        state: format!("{}{progress}", finding.word()),
        value: finding.shown_value(),
        condition: finding.condition.to_string(),
        margin: explain::margin(finding).unwrap_or_default(),
        remarks: remarks.join(", "),
        decided,
    }
}
