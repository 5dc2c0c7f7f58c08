//! What a metric that cannot be read does: the part of troubleshooting that is about the source and not the service.

use crate::model::severity::Severity;
use crate::policy::compiled::{Check, MetricRules, OnUnknown};

use super::super::Handbook;
use super::super::effects::metrics;
use super::super::markdown::{Table, code, codes};
use super::super::words::channels;

/// One row per metric: what silence does, and when.
pub(super) fn table(book: &Handbook<'_>) -> String {
    let mut table = Table::new(&["Metric", "Unknown when older than", "Tells P1 after", "And then"]);
    for (at, (metric, rules)) in book.policy.catalogue.metrics().iter().zip(&book.policy.metrics).enumerate() {
        let then = match rules.on_unknown {
            OnUnknown::Hold => "holds until it is read again".to_owned(),
            OnUnknown::Rollback => "**rolls back**".to_owned(),
        };
        table.row([code(metric.name.as_str()), ages(book, at, rules), rules.unknown_after.to_string(), then]);
    }
    let told = channels(book.policy, Severity::P1);
    format!(
        "A metric is unknown when its newest reading is too old, rests on too few samples, is missing, out of range or no \
         number. Unknown is neither good nor bad: it never advances, it holds. P1 tells {told}, once per metric and \
         region.\n\n{}\nFirst look at the source: does it run, does it carry the label `group`, does it count samples? A \
         decision by `rollgate explain` names the reason beside the metric: `stale`, `absent`, `too-few-samples` and so \
         on.\n",
        table.finish()
    )
}

/// How old a reading may be, and where a stage says otherwise.
fn ages(book: &Handbook<'_>, at: usize, rules: &MetricRules) -> String {
    let mut text = rules.max_age.to_string();
    for stage in &book.policy.stages {
        let own = stage.limits.get(at).map(|limits| limits.max_age).filter(|age| *age != rules.max_age);
        if let Some(age) = own {
            text.push_str(&format!("; in {} {age}", code(stage.name.as_str())));
        }
    }
    text
}

/// What an unknown does to one check.
pub(super) fn sentence(book: &Handbook<'_>, check: &Check) -> String {
    let mut rolling = Vec::new();
    let mut names = Vec::new();
    for ix in metrics(check) {
        names.push(book.metric_name(ix));
        if book.policy.metrics.get(usize::from(ix.0)).is_some_and(|rules| rules.on_unknown == OnUnknown::Rollback) {
            let after = book.policy.metrics.get(usize::from(ix.0)).map(|rules| rules.unknown_after).unwrap_or_default();
            rolling.push(format!("{} rolls back after {after}", code(book.metric_name(ix))));
        }
    }
    if check.shadow {
        return "It is in shadow: unknown, it blocks nothing.".to_owned();
    }
    let what = if names.is_empty() { "what it asks".to_owned() } else { codes(names) };
    let then =
        if rolling.is_empty() { String::new() } else { format!(" Silence acts by itself: {}.", rolling.join(", ")) };
    format!("While {what} cannot be read it is unknown: nothing advances.{then}")
}
