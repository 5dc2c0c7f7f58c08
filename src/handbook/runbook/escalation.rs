//! Section 5: who hears of what, and what is expected of them.

use crate::model::finding::CheckKind;
use crate::model::severity::{Response, Severity};
use crate::policy::compiled::{OnMax, OnUnknown};

use super::super::Handbook;
use super::super::markdown::{Table, code, codes};
use super::super::plan::bullets;
use super::super::stages::approvals;
use super::super::words::channels;

pub(super) fn text(book: &Handbook<'_>) -> String {
    let mut table = Table::new(&["Severity", "Tells", "What it does", "What you do", "Checks"]);
    for severity in Severity::ALL {
        let of_it =
            book.policy.checks.iter().filter(|check| check.kind != CheckKind::Gate && check.severity == severity);
        let checks: Vec<&str> = of_it.map(|check| check.id.as_str()).collect();
        let then = book.policy.severities.get(severity.index()).map_or(Response::Hold, |rules| rules.then);
        let (does, you) = match then {
            Response::Rollback => ("rolls back", "take the exposure back at once, then find the cause"),
            Response::Hold => ("holds", "find out whether it is the change; go back if it may be"),
            Response::Warn => ("warns", "look at it in working hours; it may become worse"),
        };
        let triggers =
            book.policy.checks.iter().any(|check| {
                check.kind == CheckKind::Trigger && check.severity == severity && then != Response::Rollback
            });
        let does = if triggers { format!("{does}; its triggers roll back") } else { does.to_owned() };
        let checks = if checks.is_empty() { "none".to_owned() } else { codes(checks) };
        table.row([severity.to_string(), channels(book.policy, severity), does, you.to_owned(), checks]);
    }
    format!(
        "{}\nBesides checks:\n\n{}\nWho decides:\n\n{}",
        table.finish(),
        bullets(&besides(book)),
        bullets(&deciders(book))
    )
}

fn besides(book: &Handbook<'_>) -> Vec<String> {
    let told = channels(book.policy, Severity::P1);
    let mut items = Vec::new();
    for (metric, rules) in book.policy.catalogue.metrics().iter().zip(&book.policy.metrics) {
        let then = match rules.on_unknown {
            OnUnknown::Hold => "",
            OnUnknown::Rollback => ", and it rolls back",
        };
        items.push(format!(
            "{} unknown for {}: P1 tells {told}{then}.",
            code(metric.name.as_str()),
            rules.unknown_after
        ));
    }
    for stage in &book.policy.stages {
        let Some(max) = stage.max else { continue };
        items.push(match stage.on_max {
            OnMax::Hold => format!("Stage {} past {max}: it holds, and P1 tells {told}.", code(stage.name.as_str())),
            OnMax::Rollback => format!(
                "Stage {} past {max}: it rolls back to {}.",
                code(stage.name.as_str()),
                code(book.stage_name(stage.rollback_to))
            ),
        });
    }
    for severity in Severity::ALL {
        let silent = book.policy.severities.get(severity.index()).is_some_and(|rules| rules.notify.is_empty());
        if silent {
            items.push(format!(
                "{severity} tells nobody in {}: somebody has to look.",
                code(book.policy.environment.as_str())
            ));
        }
    }
    if items.is_empty() { vec!["Nothing else tells anybody.".to_owned()] } else { items }
}

fn deciders(book: &Handbook<'_>) -> Vec<String> {
    let owner = book.policy.owner.as_ref().map_or_else(
        || "The policy names no owner: agree on one before the start.".to_owned(),
        |owner| {
            format!(
                "{} answers for this rollout: going on after a roll back, changing a bound, and anything this page does not \
                 cover.",
                code(owner)
            )
        },
    );
    let mut items = vec!["Anybody on call may take exposure back, at any time and without asking.".to_owned(), owner];
    for stage in &book.policy.stages {
        items
            .extend(approvals(stage).map(|who| format!("Leaving {} is approved by {who}.", code(stage.name.as_str()))));
    }
    items.push(
        "A person's order may skip patience (a bake, a freeze, a `max`), never evidence (findings, unknown metrics, gates, \
         approvals, baselines)."
            .to_owned(),
    );
    items
}
