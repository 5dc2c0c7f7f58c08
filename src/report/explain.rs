//! Why one decision came out as it did: the reasons, what is waited for, every finding with its margin, the minutes
//! before, and what would have changed the answer.

use crate::model::decision::{Answer, Decision, Verdict, Wait};
use crate::model::finding::{CheckKind, Finding, FindingState, Side};
use crate::model::severity::Response;
use crate::model::time::{Duration, Time};

use super::bands::{Line, sparkline};
use super::layout::{columns, cut, hang, pad};
use super::screen::{PLACE, QUIET, STRONG, Screen, of_answer, of_severity, of_state, paint};
use super::times::Times;

/// Columns for the words in front of each part.
const LABELS: usize = 10;
/// What begins a rollout.
const BEGIN: &str = "rollgate start POLICY --revision REVISION";

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
    let mut text = format!("{}  {}\n", headline(decision, screen), times.full(decision.time));
    let about = format!("{}, {}, policy {}", decision.rollout, decision.environment, decision.policy.short());
    text.push_str(&format!("{}\n\n", paint(QUIET, about)));
    for (at, reason) in reasons(decision).iter().enumerate() {
        text.push_str(&labelled(if at == 0 { "why" } else { "" }, reason, screen));
    }
    if is_started(decision) {
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
    } else {
        text.push_str(&labelled("begin", &paint(PLACE, BEGIN), screen));
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

/// The answer, and where it was given.
fn headline(decision: &Decision, screen: Screen) -> String {
    let answer = decision.verdict.answer();
    let (mark, style) = of_answer(answer);
    if !is_started(decision) {
        return paint(QUIET, format!("{} NOT STARTED", screen.icon(mark)));
    }
    let place = format!("{} ({}%)", paint(STRONG, &decision.stage), decision.traffic);
    if is_latched(decision) {
        // It holds there; that it was taken back is what somebody who was paged looks for.
        let (mark, style) = of_answer(Answer::RollBack);
        return format!("{} at {place}", paint(style, format!("{} ROLLED BACK", screen.icon(mark))));
    }
    let would = if decision.shadow && answer != Answer::Hold { "WOULD " } else { "" };
    let answer = paint(style, format!("{} {would}{}", screen.icon(mark), answer.shout()));
    format!("{answer} at {place}")
}

/// Whether it was taken back and stays there until a person says otherwise.
fn is_latched(decision: &Decision) -> bool {
    matches!(&decision.verdict, Verdict::Hold { because } if because.iter().any(|wait| matches!(wait, Wait::Latched { .. })))
}

/// Whether there is a rollout to decide about: before the first start there is no stage, no bake and nothing to go back
/// from.
#[must_use]
pub fn is_started(decision: &Decision) -> bool {
    !matches!(&decision.verdict, Verdict::Hold { because } if *because.first() == Wait::NotStarted)
}

/// As sentences, one per line.
#[must_use]
pub fn plain(decision: &Decision, run_up: &[RunUp]) -> String {
    let place = if is_started(decision) {
        let answer = decision.verdict.answer().shout().to_lowercase();
        format!("{answer} at stage {} ({}%)", decision.stage, decision.traffic)
    } else {
        "not started".to_owned()
    };
    let mut lines = vec![format!("{}: {place}, policy {}", decision.time, decision.policy.short())];
    lines.extend(reasons(decision).iter().map(|reason| format!("why: {reason}")));
    lines.push(match is_started(decision) {
        true => format!("stage: {}", time_in_stage(decision)),
        false => format!("begin: {BEGIN}"),
    });
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
#[must_use]
pub fn reasons(decision: &Decision) -> Vec<String> {
    match &decision.verdict {
        Verdict::Advance { because, .. } => because.iter().map(ToString::to_string).collect(),
        // What else it would wait for is said when there is something that waits.
        Verdict::Hold { .. } if !is_started(decision) => {
            vec!["nothing was started".to_owned()]
        }
        Verdict::Hold { because } => because.iter().map(|reason| wait(reason, decision)).collect(),
        Verdict::RollBack { because, .. } => because.iter().map(ToString::to_string).collect(),
    }
}

/// A wait, with what ends it where that can be told.
fn wait(wait: &Wait, decision: &Decision) -> String {
    match wait {
        Wait::Bake { served, of, .. } => {
            let served = whole(*served);
            format!("bake {served} of {of}, {} left", of.saturating_sub(served))
        }
        Wait::Latched { .. } => format!("{wait}; ends with a resume or a new revision"),
        Wait::Check { check, note } | Wait::Gate { check, note } => {
            let about = |finding: &&Finding| finding.check == *check;
            let mut findings = decision.findings.iter().filter(about);
            // Of several regions, the one that the reason speaks of.
            let finding = findings.clone().find(|finding| finding.to_string() == *note).or_else(|| findings.next());
            match finding.and_then(|finding| of_before(finding, decision)) {
                Some(before) => format!("{wait} ({before})"),
                None => wait.to_string(),
            }
        }
        _ => wait.to_string(),
    }
}

/// Said of a check whose last reading was observed before the stage was entered. It counts against the rollout, and
/// moves nothing on: only what is observed in the stage can make it fire, or clear it.
fn of_before(finding: &Finding, decision: &Decision) -> Option<String> {
    let waits = match finding.state {
        FindingState::Pending => finding.progress.is_none(),
        FindingState::Clearing => finding.kind == CheckKind::Gate,
        _ => false,
    };
    let older = finding.age?.as_millis().checked_sub(decision.time_in_stage.as_millis())?;
    if !waits || older < 0 || decision.revision.is_none() {
        return None;
    }
    let older = match older {
        0..1000 => "less than 1s".to_owned(),
        _ => whole(Duration::from_millis(older)).to_string(),
    };
    Some(format!("{older} older than this stage; waits for one observed in it"))
}

/// Without fractions of a second: nobody waits for those.
#[must_use]
pub fn whole(length: Duration) -> Duration {
    Duration::from_secs(length.as_millis() / 1000)
}

/// How long the rollout has been in its stage, and how much of the bake is served.
pub(super) fn time_in_stage(decision: &Decision) -> String {
    let spent = format!("{} in {}", whole(decision.time_in_stage), decision.stage);
    match decision.bake {
        (served, Some(of)) => format!("{spent}, bake {} of {of}", whole(served)),
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
            remarks(finding, decision, deciding == Some(&finding.check)),
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

fn remarks(finding: &Finding, decision: &Decision, decided: bool) -> String {
    let mut remarks = vec![paint(PLACE, &finding.origin)];
    // What decided says it at the top.
    remarks.extend(of_before(finding, decision).filter(|_| !decided));
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
