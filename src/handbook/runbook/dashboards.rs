//! Section 3: every metric, what bounds it has in which stage, and where it is drawn.

use crate::model::finding::CheckKind;
use crate::model::frame::{Kind, MetricIx};
use crate::model::units::{Better, Unit};
use crate::policy::compiled::{Check, Condition, Stage, StageIx, Window};

use super::super::effects::{Effect, effect, metrics};
use super::super::markdown::{Table, code, codes, lines, prose};
use super::super::words::{function, grouped, held};
use super::super::{Handbook, commands, grafana};
use super::shell;

pub(super) fn text(book: &Handbook<'_>) -> String {
    let mut text = format!(
        "One dashboard, {} (uid {}), with a row per stage, drawn from this policy. Write it, then import it in Grafana \
         under *Dashboards, New, Import*:\n\n{}",
        code(&grafana::title(book.policy)),
        code(&grafana::uid(book.policy)),
        shell(&[commands::docs_to(book, "grafana", "dashboard.json")])
    );
    text.push_str(
        "\nIts queries expect each metric under its own name with the labels `group` (and `region`, where the policy has \
         regions); `--query METRIC=PROMQL` replaces one.",
    );
    if !book.baselines().is_empty() {
        text.push_str(
            " The variable `exposed_at` is the Unix time of the first exposure: bounds relative to the baseline are drawn \
             from it.",
        );
    }
    text.push_str("\n\n");
    text.push_str(&overview(book));
    for (at, metric) in book.policy.catalogue.metrics().iter().enumerate() {
        let Ok(ix) = u16::try_from(at).map(MetricIx) else { continue };
        text.push_str(&format!("\n### Metric {}\n\n{}", code(metric.name.as_str()), by_stage(book, ix)));
    }
    text.push_str(&scripts(book));
    text
}

fn overview(book: &Handbook<'_>) -> String {
    let mut table = Table::new(&["Metric", "Unit", "Good is", "Group", "Stale after", "Samples", "Panels"]);
    for (at, (metric, rules)) in book.policy.catalogue.metrics().iter().zip(&book.policy.metrics).enumerate() {
        let Ok(ix) = u16::try_from(at).map(MetricIx) else { continue };
        let good = match (metric.unit, metric.better) {
            (Unit::State, _) => "`ok`",
            (_, Better::Higher) => "higher",
            (_, Better::Lower) => "lower",
        };
        let unit = match metric.kind {
            Kind::Gauge => metric.unit.name().to_owned(),
            Kind::Counter => format!("{}, the increase of a counter", metric.unit),
        };
        let samples = if rules.min_samples == 0 { "-".to_owned() } else { grouped(rules.min_samples) };
        let panels: Vec<String> = drawn(book, ix).into_iter().map(|title| code(&title)).collect();
        table.row([
            code(metric.name.as_str()),
            unit,
            good.to_owned(),
            rules.group.to_string(),
            rules.max_age.to_string(),
            samples,
            lines(&panels),
        ]);
    }
    table.finish()
}

/// The titles of the panels that draw a metric.
fn drawn(book: &Handbook<'_>, metric: MetricIx) -> Vec<String> {
    let read = |ix: StageIx| book.series_of(ix).iter().any(|(read, _)| *read == metric);
    book.ladder().filter(|(ix, _)| read(*ix)).map(|(ix, _)| grafana::panel_title(book.policy, ix, metric)).collect()
}

fn by_stage(book: &Handbook<'_>, metric: MetricIx) -> String {
    let reads = |check: &Check| matches!(&check.condition, Condition::Bound(bound) if bound.metric == metric);
    let mut text = String::new();
    if let Some(note) = metric_words(book, metric) {
        text.push_str(&format!("{note}\n\n"));
    }
    if book.policy.checks.iter().any(reads) {
        let mut table = Table::new(&["Stage", "Rolls back", "Holds", "Warns", "Gate"]);
        for (ix, stage) in book.ladder() {
            let cell = |wanted: &dyn Fn(Effect) -> bool| {
                let checks = book.checks().filter(|(at, check)| reads(check) && wanted(effect(book.policy, *at, ix)));
                lines(&checks.map(|(_, check)| bound(check)).collect::<Vec<_>>())
            };
            table.row([
                code(stage.name.as_str()),
                cell(&|effect| matches!(effect, Effect::RollBack(_) | Effect::Latch)),
                cell(&|effect| effect == Effect::Hold),
                cell(&|effect| effect == Effect::Warn),
                cell(&|effect| matches!(effect, Effect::Gate | Effect::EarlyGate)),
            ]);
        }
        text.push_str(&table.finish());
    } else {
        text.push_str("No bound of its own.\n");
    }
    let scripts = book.policy.checks.iter().filter(|check| matches!(check.condition, Condition::Script { .. }));
    let asked: Vec<&str> =
        scripts.filter(|check| metrics(check).contains(&metric)).map(|check| check.id.as_str()).collect();
    if !asked.is_empty() {
        text.push_str(&format!("\nRead by script too: {}.\n", codes(asked)));
    }
    text
}

/// Limits that a stage overrides, and what makes a source suspicious.
fn metric_words(book: &Handbook<'_>, metric: MetricIx) -> Option<String> {
    let rules = book.policy.metrics.get(usize::from(metric.0))?;
    let mut words = Vec::new();
    let own = |stage: &Stage| {
        let limits = stage.limits.get(usize::from(metric.0))?;
        let differs = limits.max_age != rules.max_age || limits.min_samples != rules.min_samples;
        differs.then(|| {
            let samples = match limits.min_samples {
                0 => String::new(),
                samples => format!(", {} samples", grouped(samples)),
            };
            format!("In {}: stale after {}{samples}.", code(stage.name.as_str()), limits.max_age)
        })
    };
    words.extend(book.policy.stages.iter().filter_map(own));
    words.extend(
        rules.stuck_after.map(|after| format!("The same value for longer than {after} is stale: the source is stuck.")),
    );
    (!words.is_empty()).then(|| words.join(" "))
}

/// `error_rate.p1`: above 1% for 2m.
fn bound(check: &Check) -> String {
    let window = match (check.kind, check.clear) {
        (CheckKind::Gate, Window::Of { k: 1, n: 1 }) => String::new(),
        (CheckKind::Gate, clear) if !check.words.contains(" for ") => format!(" {}", held(clear)),
        _ => String::new(),
    };
    let shadow = if check.shadow { " (shadow)" } else { "" };
    format!("{}: {}{window}{shadow}", code(check.id.as_str()), prose(&check.words))
}

fn scripts(book: &Handbook<'_>) -> String {
    let scripts: Vec<&Check> =
        book.policy.checks.iter().filter(|check| matches!(check.condition, Condition::Script { .. })).collect();
    if scripts.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["Script check", "Function", "Reads", "Asks"]);
    for check in scripts {
        let Condition::Script { reads, asks, .. } = &check.condition else { continue };
        let read = codes(reads.iter().map(|(metric, group)| format!("{}.{group}", book.metric_name(*metric))));
        let asked = asks.iter().filter_map(|ix| book.policy.check(*ix)).map(|check| check.id.as_str());
        let dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        table.row([code(check.id.as_str()), code(function(check)), dash(read), dash(codes(asked))]);
    }
    format!("\n### Scripts\n\nNo line is drawn for these; look at what they read.\n\n{}", table.finish())
}
