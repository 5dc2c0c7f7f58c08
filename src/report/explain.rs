//! Why one decision came out as it did: the reasons, what is waited for, every finding with its margin, the minutes
//! before, and what would have changed the answer.

use crate::model::decision::{Answer, Decision, Verdict, Wait};
use crate::model::finding::{CheckKind, Finding, FindingState, Side};
use crate::model::severity::Response;
use crate::model::time::Time;

use super::bands::{Line, sparkline};
use super::layout::{columns, cut, hang, pad};
use super::screen::{PLACE, QUIET, STRONG, Screen, of_answer, of_severity, of_state, paint};
use super::times::Times;

/// Columns for the words in front of each part.
const LABELS: usize = 10;

/// One metric's values up to the decision, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct RunUp {
    /// The metric, its unit and its direction.
    pub line: Line,
    /// When and what; none where the reading was unknown.
    pub values: Vec<(Time, Option<f64>)>,
}

/// The whole screen.
#[must_use]
pub fn pretty(decision: &Decision, run_up: &[RunUp], if_worse: Option<&str>, screen: Screen, times: &Times) -> String {
    let answer = decision.verdict.answer();
    let (mark, style) = of_answer(answer);
    let would = if decision.shadow && answer != Answer::Hold { "WOULD " } else { "" };
    let mut text = format!(
        "{} at {} ({}%)  {}\n{}\n",
        paint(style, format!("{} {would}{}", screen.icon(mark), answer.shout())),
        paint(STRONG, &decision.stage),
        decision.traffic,
        times.full(decision.time),
        paint(QUIET, format!("{}, {}, policy {}", decision.rollout, decision.environment, decision.policy.short()))
    );
    text.push('\n');
    for (at, reason) in reasons(&decision.verdict).iter().enumerate() {
        text.push_str(&labelled(if at == 0 { "why" } else { "" }, reason, screen));
    }
    text.push_str(&labelled("stage", &time_in_stage(decision), screen));
    if let Some(wake_at) = decision.wake_at {
        text.push_str(&labelled("next", &format!("may change without new data at {}", times.row(wake_at)), screen));
    }
    if let Some(otherwise) = otherwise(decision) {
        text.push_str(&labelled("had", &otherwise, screen));
    }
    if let Some(if_worse) = if_worse {
        text.push_str(&labelled("if worse", if_worse, screen));
    }
    if !run_up.is_empty() {
        text.push('\n');
        for run in run_up {
            text.push_str(&run_up_lines(run, screen, times));
        }
    }
    text.push('\n');
    text.push_str(&findings(decision, screen));
    text
}

/// As sentences, one per line.
#[must_use]
pub fn plain(decision: &Decision, run_up: &[RunUp]) -> String {
    let mut lines = vec![format!(
        "{}: {} at stage {} ({}%), policy {}",
        decision.time,
        decision.verdict.answer().shout().to_lowercase(),
        decision.stage,
        decision.traffic,
        decision.policy.short()
    )];
    lines.extend(reasons(&decision.verdict).iter().map(|reason| format!("why: {reason}")));
    lines.push(format!("stage: {}", time_in_stage(decision)));
    lines.extend(otherwise(decision).map(|otherwise| format!("had {otherwise}")));
    for run in run_up {
        for (at, value) in &run.values {
            let value = value.map_or_else(|| "unknown".to_owned(), |value| run.line.unit.show(value).to_string());
            lines.push(format!("before: {at} {} {value}", run.line.name));
        }
    }
    for finding in &decision.findings {
        let severity = finding.severity.map(|severity| format!("{severity} ")).unwrap_or_default();
        let margin = margin(finding).map(|margin| format!(", margin {margin}")).unwrap_or_default();
        lines.push(format!(
            "finding: {severity}{} {}, {}{margin}, {}",
            finding.check,
            finding.word(),
            finding,
            finding.origin
        ));
    }
    lines.join("\n") + "\n"
}

fn labelled(label: &str, line: &str, screen: Screen) -> String {
    format!("{}{}\n", paint(QUIET, pad(label, LABELS)), hang(line, screen.width, LABELS))
}

/// Every reason, the deciding one first.
pub(super) fn reasons(verdict: &Verdict) -> Vec<String> {
    match verdict {
        Verdict::Advance { because, .. } => because.iter().map(ToString::to_string).collect(),
        Verdict::Hold { because } => because.iter().map(wait).collect(),
        Verdict::RollBack { because, .. } => because.iter().map(ToString::to_string).collect(),
    }
}

/// A wait, with what ends it where that can be told.
fn wait(wait: &Wait) -> String {
    match wait {
        Wait::Bake { served, of, .. } => format!("{wait}, {} left", of.saturating_sub(*served)),
        Wait::Latched { .. } => format!("{wait}; ends with a resume or a new revision"),
        _ => wait.to_string(),
    }
}

/// How long the rollout has been in its stage, and how much of the bake is served.
pub(super) fn time_in_stage(decision: &Decision) -> String {
    let spent = format!("{} in {}", decision.time_in_stage, decision.stage);
    match decision.bake {
        (served, Some(of)) => format!("{spent}, bake {served} of {of}"),
        (_, None) => format!("{spent}, no bake: it is not left by itself"),
    }
}

/// What would have changed the answer: the deciding value on the good side of its bound, and the answer that the other
/// findings then give.
#[must_use]
pub fn otherwise(decision: &Decision) -> Option<String> {
    let check = decision.verdict.deciding_check()?;
    let deciding = decision.findings.iter().find(|finding| finding.check == *check)?;
    let (metric, unit) = (deciding.metric.as_ref()?, deciding.unit?);
    let (side, bound) = (deciding.side?, deciding.bound?);
    deciding.value?;
    let relation = match side {
        Side::Below => "or more",
        Side::Above => "or less",
    };
    let condition = format!("{metric} been {} {relation}", unit.show(bound));
    // Another check on the same metric is still broken at this bound when its own bound lies beyond it.
    let still = |finding: &&Finding| {
        let broken = matches!(finding.state, FindingState::Firing | FindingState::Pending | FindingState::Unknown);
        let same =
            finding.metric == deciding.metric && finding.group == deciding.group && finding.region == deciding.region;
        let cured = same
            && match (finding.side, finding.bound) {
                (Some(Side::Below), Some(other)) => bound >= other,
                (Some(Side::Above), Some(other)) => bound <= other,
                _ => false,
            };
        broken && !cured && finding.counts() && finding.response >= Response::Hold && finding.check != *check
    };
    let rest = decision.findings.iter().filter(still);
    // Roll backs first, then checks by their severity; a closed gate is what is left when nothing else holds.
    let worst = rest.max_by_key(|finding| (rolls_back(finding), finding.kind != CheckKind::Gate, finding.severity));
    let answer = match (worst, decision.verdict.answer()) {
        (Some(other), _) if rolls_back(other) => format!("still ROLL BACK, by {}", other.check),
        (Some(other), _) => format!("HOLD, by {} ({})", other.check, other.word()),
        (None, Answer::RollBack) => "no roll back".to_owned(),
        (None, _) => match &decision.verdict {
            Verdict::Hold { because } => match because.iter().find(|wait| !is_check(wait, check)) {
                Some(other) => format!("still HOLD: {other}"),
                None => "ADVANCE".to_owned(),
            },
            _ => return None,
        },
    };
    Some(format!("{condition}: {answer}"))
}

fn rolls_back(finding: &Finding) -> bool {
    finding.response == Response::Rollback && finding.state == FindingState::Firing
}

fn is_check(wait: &Wait, id: &crate::model::ids::CheckId) -> bool {
    matches!(wait, Wait::Check { check, .. } | Wait::Gate { check, .. } if check == id)
}

/// How far the value is from the bound, as a person would write it.
#[must_use]
pub fn margin(finding: &Finding) -> Option<String> {
    Some(finding.unit?.show_difference(finding.margin?).to_string())
}

fn run_up_lines(run: &RunUp, screen: Screen, times: &Times) -> String {
    let values: Vec<Option<f64>> = run.values.iter().map(|(_, value)| *value).collect();
    let name = pad(&cut(&run.line.name, 17, screen.ellipsis()), 18);
    let mut text = format!("{}{}\n", paint(QUIET, name), sparkline(&values, &run.line, screen));
    let last: Vec<String> = run
        .values
        .iter()
        .rev()
        .take(5)
        .rev()
        .map(|(at, value)| {
            let shown = value.map_or_else(|| "unknown".to_owned(), |value| run.line.unit.show(value).to_string());
            format!("{} {shown}", times.row(*at))
        })
        .collect();
    text.push_str(&format!("{}{}\n", " ".repeat(18), hang(&last.join(", "), screen.width, 18)));
    text
}

/// Every finding: `P0 isolation_score.p0  94.2%  below 95%  firing  margin -0.8pp  policy.toml:34`.
fn findings(decision: &Decision, screen: Screen) -> String {
    let deciding = decision.verdict.deciding_check();
    let mut rows = Vec::new();
    for finding in &decision.findings {
        let (mark, style) = of_state(finding.state);
        let severity =
            finding.severity.map_or_else(|| paint(QUIET, "- "), |severity| paint(of_severity(severity), severity));
        let state = match finding.progress {
            Some(progress) => format!("{} {progress}", finding.word()),
            None => finding.word().to_owned(),
        };
        rows.push(vec![
            severity,
            check_name(finding),
            format!("{} {state}", paint(style, screen.icon(mark))),
            finding.shown_value(),
            finding.condition.to_string(),
            margin(finding).map_or_else(String::new, |margin| format!("margin {margin}")),
            remarks(finding, deciding == Some(&finding.check)),
        ]);
    }
    let widths: Vec<usize> = (0..6).map(|at| rows.iter().map(|row| columns(&row[at])).max().unwrap_or(0)).collect();
    let one_line = widths.iter().sum::<usize>() + 2 * widths.len() + 24 <= screen.width;
    let mut text = String::new();
    for row in rows {
        let front: String = row[..4].iter().zip(&widths).map(|(cell, width)| pad(cell, width + 2)).collect();
        let back: Vec<&str> = row[4..].iter().map(String::as_str).filter(|cell| !cell.is_empty()).collect();
        if one_line {
            let back: String = row[4..6].iter().zip(&widths[4..]).map(|(cell, width)| pad(cell, width + 2)).collect();
            text.push_str(format!("{front}{back}{}", row[6]).trim_end());
        } else {
            let wrapped = hang(&back.join(", "), screen.width, 4);
            text.push_str(&format!("{}\n    {wrapped}", front.trim_end()));
        }
        text.push('\n');
    }
    text
}

fn check_name(finding: &Finding) -> String {
    if finding.region.as_str().is_empty() {
        finding.check.to_string()
    } else {
        format!("{}@{}", finding.check, finding.region)
    }
}

fn remarks(finding: &Finding, decided: bool) -> String {
    let mut remarks = vec![paint(PLACE, &finding.origin)];
    if decided {
        remarks.push(paint(STRONG, "decided it"));
    }
    if let Some(other) = &finding.hidden_by {
        remarks.push(format!("said by {other} already"));
    }
    for (set, word) in [(finding.muted, "muted"), (finding.shadow, "shadow"), (finding.control_too, "control too")] {
        if set {
            remarks.push(word.to_owned());
        }
    }
    remarks.join(", ")
}
