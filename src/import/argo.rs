//! Argo Rollouts: `AnalysisTemplate`, `ClusterAnalysisTemplate`, and a `Rollout`'s canary steps.
//!
//! A metric of a template is measured every `interval`, `count` times; more than `failureLimit` failures abort the
//! rollout. Which templates are asked, with which arguments and when, stands in the `Rollout`.

use std::collections::BTreeMap;

use crate::model::time::Duration;

use super::ImportError;
use super::document::Document;
use super::draft::{Draft, Stage, name_of};
use super::report::{Report, Spot};
use super::yaml::Node;

mod metric;
mod source;
mod steps;

/// A template in use: where it stands and the arguments it is given.
#[derive(Debug, Clone)]
struct Use<'d> {
    template: &'d Document,
    arguments: BTreeMap<String, String>,
    /// Names of metrics whose answer does not count.
    dry: Vec<String>,
}

/// Every `Rollout` as a draft; every template, when there is no `Rollout`.
pub(super) fn convert(documents: &[&Document], report: &mut Report) -> Result<Vec<(Draft, Spot)>, ImportError> {
    let is = |kinds: &'static [&'static str]| {
        documents.iter().copied().filter(move |document| kinds.contains(&document.kind().as_str()))
    };
    let templates: Vec<&Document> = is(&["AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun"]).collect();
    for template in &templates {
        let metrics = template.due(&["spec"], "is this a whole template?")?.get("metrics");
        let nested = template.node.at(&["spec", "templates"]);
        match metrics {
            Some(metrics) if !metrics.items().is_empty() => {}
            Some(metrics) => {
                let message =
                    format!("`spec.metrics` of {} `{}` is {}", template.kind(), template.name(), metrics.kind());
                return Err(template.refuse(metrics, message, "it is a list with at least one metric"));
            }
            None if nested.is_some() => {}
            None => {
                template.due(&["spec", "metrics"], "a template without metrics has nothing to convert")?;
            }
        }
    }
    let rollouts: Vec<&Document> = is(&["Rollout"]).collect();
    if rollouts.is_empty() {
        return Ok(templates.iter().map(|template| alone(template, &templates, report)).collect());
    }
    let mut drafts = Vec::new();
    let mut used: Vec<&Document> = Vec::new();
    for rollout in rollouts {
        let (draft, uses) = steps::rollout(rollout, &templates, report)?;
        used.extend(uses);
        drafts.push((draft, rollout.spot(rollout.node.line)));
    }
    for template in templates.iter().filter(|template| !used.iter().any(|one| std::ptr::eq(*one, **template))) {
        let text = format!("{} `{}` is used by no Rollout among the files", template.kind(), template.name());
        report.dropped(template.spot(template.node.line), text, "give its file alone to see what it would become");
    }
    Ok(drafts)
}

/// A template without a rollout: its metrics, and a ladder that is assumed.
fn alone<'d>(template: &'d Document, templates: &[&'d Document], report: &mut Report) -> (Draft, Spot) {
    let mut uses = Vec::new();
    let one = Use { template, arguments: BTreeMap::new(), dry: Vec::new() };
    gather(one, templates, &mut uses, report);
    let spot = template.spot(template.node.line);
    let mut draft = Draft {
        rollout: name_of(&template.name(), "imported"),
        origin: vec![format!(
            "Imported from {} `{}` ({}).",
            template.kind(),
            template.name(),
            template.at(&template.node)
        )],
        ..Draft::default()
    };
    let lasts = uses.iter().filter_map(|one| metric::length(one)).max();
    let (bake, why) = match lasts {
        Some(length) => (length, "as long as its metrics are measured"),
        None => (Duration::from_hours(1), "an hour, because its metrics are measured without end"),
    };
    let text = format!("a template says nothing about stages: 10% for {bake} is assumed ({why}), then everybody");
    report.approximated(spot.clone(), text, "give the Rollout's file as well, or write the stages you want");
    draft.stages = vec![
        off(Some(Duration::from_mins(1)), "Assumed: it is left by itself after a minute."),
        Stage {
            name: "canary".to_owned(),
            traffic: 10.0,
            bake: Some(bake),
            comments: vec![format!("Assumed: a template names no steps. 10% for {bake}: {why}.")],
            ..Stage::default()
        },
        full("Assumed: then everybody."),
    ];
    metrics(&uses, &mut draft, report);
    (draft, spot)
}

/// The bottom of the ladder.
fn off(bake: Option<Duration>, why: &str) -> Stage {
    Stage {
        name: "off".to_owned(),
        bake,
        comments: vec![format!("Nobody is exposed: this is where a roll back goes. {why}")],
        ..Stage::default()
    }
}

/// The top of the ladder.
fn full(why: &str) -> Stage {
    let guard = "Argo's analysis ends here; rollgate stays on guard, for as long as the policy is in force.";
    Stage { name: "full".to_owned(), traffic: 100.0, comments: vec![format!("{why} {guard}")], ..Stage::default() }
}

/// A template and those it is made of, each once.
fn gather<'d>(one: Use<'d>, templates: &[&'d Document], found: &mut Vec<Use<'d>>, report: &mut Report) {
    let known = |other: &Use<'_>| std::ptr::eq(other.template, one.template);
    if let Some(earlier) = found.iter().find(|other| known(other)) {
        if earlier.arguments != one.arguments {
            let template = one.template;
            let text =
                format!("`{}` is used more than once, with other arguments: the first ones count", template.name());
            report.approximated(template.spot(template.node.line), text, "write a metric of its own for each");
        }
        return;
    }
    let nested = one.template.node.at(&["spec", "templates"]);
    let (document, arguments, dry) = (one.template, one.arguments.clone(), one.dry.clone());
    found.push(one);
    for reference in nested.map_or(&[][..], Node::items) {
        match find(reference, templates) {
            Some(template) => {
                gather(Use { template, arguments: arguments.clone(), dry: dry.clone() }, templates, found, report);
            }
            None => missing(document, reference, report),
        }
    }
}

/// The template that a reference names.
fn find<'d>(reference: &Node, templates: &[&'d Document]) -> Option<&'d Document> {
    let name = reference.text_of("templateName")?;
    let cluster = reference.get("clusterScope").and_then(Node::truth).unwrap_or(false);
    let named = || templates.iter().copied().filter(|template| template.name() == name);
    named().find(|template| (template.kind() == "ClusterAnalysisTemplate") == cluster).or_else(|| named().next())
}

fn missing(document: &Document, reference: &Node, report: &mut Report) {
    let name = reference.text_of("templateName").unwrap_or_default();
    let text = format!("template `{name}` is not among the files: what it measures is not in the policy");
    report.dropped(document.spot(reference.line), text, "give its file as well");
}

/// The metrics of every template in use.
fn metrics(uses: &[Use<'_>], draft: &mut Draft, report: &mut Report) {
    let run = draft.stages.iter().filter_map(|stage| stage.bake).fold(Duration::ZERO, |sum, bake| sum + bake);
    for one in uses {
        for node in one.template.node.at(&["spec", "metrics"]).map_or(&[][..], Node::items) {
            metric::convert(one, node, run, draft, report);
        }
        if let Some(node) = one.template.node.at(&["spec", "measurementRetention"]) {
            let text = "`measurementRetention`: how much history is kept is the store's business";
            report.dropped(one.template.spot(node.line), text, "nothing");
        }
    }
    let counts = draft.metrics.iter().flat_map(|metric| &metric.bounds).any(|bound| bound.window.is_some());
    if let (Some(first), true) = (uses.first(), counts) {
        let text = "Argo goes on while failures are within the limit, and counts them over the whole run; here a stage is \
                    not left while a check is broken, and counting starts afresh in every stage";
        let by_hand = "nothing, unless the rollout has to go on during failures: then raise k of n or widen the bound";
        report.approximated(first.template.spot(first.template.node.line), text, by_hand);
    }
}
