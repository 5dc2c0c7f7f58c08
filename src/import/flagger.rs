//! Flagger's `Canary` and `MetricTemplate`.
//!
//! Flagger looks once an interval: if every check passes it goes one step on, if one fails it stays and counts; after
//! `threshold` failures, in a row or not, it takes everything back. A range's ends pass, as rollgate's bounds do.

use crate::model::time::Duration;
use crate::model::units::{Better, Unit};

use super::ImportError;
use super::document::Document;
use super::draft::{Because, Draft, Level, Metric, Stage, max_age, metric_name, name_of, stage_name, window};
use super::guess;
use super::region::{Edge, Side};
use super::report::{Report, Spot};
use super::yaml::Node;

mod ladder;

/// One `Canary` and what was found out about it.
struct Canary<'d> {
    document: &'d Document,
    spec: &'d Node,
    analysis: &'d Node,
    interval: Duration,
    /// Failures that take everything back.
    threshold: u32,
}

/// Every `Canary` as a draft.
pub(super) fn convert(documents: &[&Document], report: &mut Report) -> Result<Vec<(Draft, Spot)>, ImportError> {
    let is = |kind: &'static str| documents.iter().copied().filter(move |document| document.kind() == kind);
    let templates: Vec<&Document> = is("MetricTemplate").collect();
    let canaries: Vec<&Document> = is("Canary").collect();
    if let (true, Some(template)) = (canaries.is_empty(), templates.first()) {
        let message = "a MetricTemplate alone has no bounds: they stand in the Canary that uses it";
        return Err(template.refuse(&template.node, message, "give the Canary's file as well"));
    }
    canaries.into_iter().map(|document| canary(document, &templates, report)).collect()
}

fn canary(document: &Document, templates: &[&Document], report: &mut Report) -> Result<(Draft, Spot), ImportError> {
    let spec = document.due(&["spec"], "is this a whole Canary?")?;
    let Some(analysis) = spec.get("analysis").or_else(|| spec.get("canaryAnalysis")) else {
        let message = format!("`spec.analysis` of Canary `{}` is missing", document.name());
        return Err(document.refuse(spec, message, "without it there is nothing to convert"));
    };
    if !analysis.is_map() {
        let message = format!("`spec.analysis` of Canary `{}` is {}", document.name(), analysis.kind());
        return Err(document.refuse(analysis, message, "it is a map with interval, threshold, metrics"));
    }
    let canary = Canary {
        document,
        spec,
        analysis,
        interval: interval(document, analysis, report),
        threshold: threshold(document, analysis, report),
    };
    let mut draft = Draft {
        rollout: name_of(&document.name(), "imported"),
        origin: vec![format!(
            "Imported from Flagger's Canary `{}` ({}).",
            document.name(),
            document.at(&document.node)
        )],
        ..Draft::default()
    };
    draft.stages = ladder::stages(&canary, report);
    let run = u32::try_from(draft.stages.len()).unwrap_or(0).saturating_add(canary.threshold);
    let iterations = analysis.get("iterations").and_then(Node::number).unwrap_or(0.0).clamp(0.0, 10_000.0) as u32;
    let observed = window(canary.threshold, run.max(iterations.saturating_add(canary.threshold)));
    explain_threshold(&canary, observed, report);
    for node in analysis.get("metrics").map_or(&[][..], Node::items) {
        metric(&canary, node, templates, observed, &mut draft, report);
    }
    ladder::webhooks(&canary, &mut draft, report);
    alerts(&canary, &mut draft, report);
    rest(&canary, report);
    Ok((draft, document.spot(document.node.line)))
}

fn interval(document: &Document, analysis: &Node, report: &mut Report) -> Duration {
    let default = Duration::from_mins(1);
    let Some(node) = analysis.get("interval") else {
        let place = document.spot(analysis.line);
        report.approximated(place, "no `interval`: Flagger's default of 1m is used", "nothing");
        return default;
    };
    let text = node.text().unwrap_or_default();
    Duration::parse(&text).unwrap_or_else(|_| {
        let message = format!("`interval: {text}` is not a duration: 1m is used");
        report.approximated(document.spot(node.line), message, "check every `bake`, `max_age` and `for`");
        default
    })
}

fn threshold(document: &Document, analysis: &Node, report: &mut Report) -> u32 {
    let given = analysis.get("threshold");
    let number = given.and_then(Node::number).unwrap_or(0.0);
    if number < 1.0 {
        let line = given.map_or(analysis.line, |node| node.line);
        let text =
            "no `threshold` above 0: Flagger would roll back before the first check; here the first failure does";
        report.approximated(document.spot(line), text, "say how many failures are too many, as `for = \"3 of 5\"`");
        return 1;
    }
    number.min(f64::from(u32::MAX)) as u32
}

/// The one thing about Flagger that is nowhere the same.
fn explain_threshold(canary: &Canary<'_>, observed: Option<(u32, u32)>, report: &mut Report) {
    let node = canary.analysis.get("threshold").unwrap_or(canary.analysis);
    let Some((k, n)) = observed else { return };
    let mut text = format!(
        "`threshold: {}` counts failed checks of all metrics and webhooks together, in the whole run; here each metric \
         counts its own: `for = \"{k} of {n}\"`, afresh in every stage. As there, nothing advances while one is broken",
        canary.threshold
    );
    if k < canary.threshold {
        text.push_str(&format!("; more than {k} cannot be remembered"));
    }
    let by_hand = "lower k if failures of different metrics should add up; source and interval must keep the same step";
    report.approximated(canary.document.spot(node.line), text, by_hand);
}

fn metric(
    canary: &Canary<'_>,
    node: &Node,
    templates: &[&Document],
    observed: Option<(u32, u32)>,
    draft: &mut Draft,
    report: &mut Report,
) {
    let spot = canary.document.spot(node.line);
    let name = node.text_of("name").unwrap_or_else(|| "metric".to_owned());
    let edges = edges(node, &name);
    let (query, mut comments) = query(canary, node, &name, templates, report);
    let bounds: Vec<f64> = edges.iter().map(|edge| edge.at).collect();
    let (unit, why) = match name.as_str() {
        "request-success-rate" => (Unit::Percent, None),
        "request-duration" => (Unit::Ms, None),
        _ => {
            let guess = guess::unit(&name, &query, &bounds);
            (guess.unit, Some(guess.why))
        }
    };
    if edges.is_empty() {
        let text = format!("metric `{name}` has no `thresholdRange`: Flagger only asks whether it has a value");
        report.dropped(spot, text, "write a threshold if the value matters");
        draft.left_over.push(format!("Not converted, no bound: `{name}` ({}).", canary.document.at(node)));
        draft.left_over.extend(comments);
        return;
    }
    let own = metric_name(&name, &draft.metrics);
    let first = format!("Flagger's metric `{name}` ({}).", canary.document.at(node));
    comments.insert(0, first);
    if let Some(why) = why {
        comments.push(format!("Guessed: unit {unit}, because {why}."));
        let text = format!("`{own}`: the unit is taken to be `{unit}`, because {why}");
        report.approximated(spot.clone(), text, "correct `unit` and the bounds' units if that is wrong");
    }
    let is_lower = edges.iter().any(|edge| edge.side == Side::Above);
    let mut metric = Metric {
        name: own,
        unit,
        better: if is_lower { Better::Lower } else { Better::Higher },
        max_age: max_age(canary.interval),
        unknown_after: Some(canary.interval.saturating_mul(i64::from(canary.threshold)).max(max_age(canary.interval))),
        allow: Vec::new(),
        comments,
        bounds: Vec::new(),
    };
    let range = node.get("thresholdRange").or_else(|| node.get("threshold")).unwrap_or(node);
    let because = Because {
        what: "thresholdRange",
        verdict: "a failed check",
        spot: canary.document.spot(range.line),
        comments: vec![format!("{} {}", canary.document.at(range), range_words(&edges))],
    };
    metric.add(&edges, Level::P0, observed, false, &because, report);
    for bound in &metric.bounds {
        report.converted(canary.document.spot(range.line), format!("`{name}`: p0 {}", bound.text));
    }
    let text = format!(
        "a metric without a value is a failed check in Flagger, and {} of them roll back; here silence is unknown: it \
         holds, and is told after `unknown_after`",
        canary.threshold
    );
    let by_hand = "for Flagger's answer set on_unknown = \"rollback\"";
    report.approximated(canary.document.spot(canary.analysis.line), text, by_hand);
    draft.metrics.push(metric);
}

/// What lies outside the range. Its ends pass, so they are no breach: exactly rollgate's strict bounds.
fn edges(node: &Node, name: &str) -> Vec<Edge> {
    let edge = |side, at: f64| Edge { side, at, inclusive: false };
    let mut edges = Vec::new();
    match node.get("thresholdRange") {
        Some(range) => {
            edges.extend(range.get("min").and_then(Node::number).map(|min| edge(Side::Below, min)));
            edges.extend(range.get("max").and_then(Node::number).map(|max| edge(Side::Above, max)));
        }
        // The older spelling: a minimum for the success rate, a maximum for everything else.
        None => {
            let side = if name == "request-success-rate" { Side::Below } else { Side::Above };
            edges.extend(node.get("threshold").and_then(Node::number).map(|at| edge(side, at)));
        }
    }
    edges
}

fn range_words(edges: &[Edge]) -> String {
    let word = |edge: &Edge| match edge.side {
        Side::Below => format!("min {}", edge.at),
        Side::Above => format!("max {}", edge.at),
    };
    let words: Vec<String> = edges.iter().map(word).collect();
    format!("{}: outside is a failed check, the ends pass", words.join(", "))
}

/// The query and comments that keep it.
fn query(
    canary: &Canary<'_>,
    node: &Node,
    name: &str,
    templates: &[&Document],
    report: &mut Report,
) -> (String, Vec<String>) {
    let window = node.text_of("interval").unwrap_or_else(|| "1m".to_owned());
    if let Some(query) = node.text_of("query") {
        return (query.clone(), quoted(&format!("Query (over {window}):"), &query));
    }
    let Some(reference) = node.get("templateRef") else {
        let known = matches!(name, "request-success-rate" | "request-duration");
        let text = match name {
            "request-success-rate" => {
                format!("Flagger's own query for the mesh: share of answers that are not 5xx, over {window}.")
            }
            "request-duration" => {
                format!("Flagger's own query for the mesh: P99 of the time to answer, over {window}.")
            }
            _ => "No query is known: neither Flagger's own nor a template.".to_owned(),
        };
        if !known {
            let message = format!("metric `{name}` has no query, and is none that Flagger knows");
            report.dropped(canary.document.spot(node.line), message, "find out what it measured");
        }
        return (String::new(), vec![text]);
    };
    let wanted = reference.text_of("name").unwrap_or_default();
    let namespace = reference.text_of("namespace").or_else(|| canary.document.namespace());
    let fits = |template: &&&Document| {
        let theirs = template.namespace();
        template.name() == wanted && (theirs.is_none() || namespace.is_none() || theirs == namespace)
    };
    match templates.iter().find(fits) {
        Some(template) => {
            let query = template.node.at(&["spec", "query"]).and_then(Node::text).unwrap_or_default();
            let provider = template.node.at(&["spec", "provider", "type"]).and_then(Node::text).unwrap_or_default();
            let head = format!(
                "Query of MetricTemplate `{wanted}` ({provider}, {}, over {window}):",
                template.at(&template.node)
            );
            (query.clone(), quoted(&head, &query))
        }
        None => {
            let text =
                format!("MetricTemplate `{wanted}` of metric `{name}` is not among the files: its query is not kept");
            report.dropped(
                canary.document.spot(reference.line),
                text,
                "give its file as well, or keep the query by hand",
            );
            (String::new(), vec![format!("Query: MetricTemplate `{wanted}`, which was not given.")])
        }
    }
}

/// A query as comment lines.
pub(super) fn quoted(head: &str, query: &str) -> Vec<String> {
    let lines = query.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("    {}", line.trim_end()));
    std::iter::once(head.to_owned()).chain(lines).collect()
}

fn alerts(canary: &Canary<'_>, draft: &mut Draft, report: &mut Report) {
    for alert in canary.analysis.get("alerts").map_or(&[][..], Node::items) {
        let name = alert.at(&["providerRef", "name"]).and_then(Node::text).or_else(|| alert.text_of("name"));
        let Some(name) = name else { continue };
        if !draft.notify.contains(&name) {
            draft.notify.push(name.clone());
        }
        let severity = alert.text_of("severity").unwrap_or_else(|| "info".to_owned());
        let text = format!(
            "alert to `{name}` at `{severity}`: becomes a channel of P0; it is not told when a rollout starts or ends"
        );
        report.approximated(canary.document.spot(alert.line), text, "declare the channel where alerts are sent from");
    }
}

/// Keys that say something about the rollout and have no place in a policy.
fn rest(canary: &Canary<'_>, report: &mut Report) {
    let told = [
        (
            "progressDeadlineSeconds",
            "how long the deployment may take to become ready is the deployer's business",
            "`max` and `on_max = \"rollback\"` of a stage bound its whole time, which is something else",
        ),
        ("autoscalerRef", "scaling is the deployer's business", "nothing"),
        ("suspend", "a policy cannot be asleep", "use mode = \"shadow\" to decide without acting"),
        ("revertOnDeletion", "what deleting a resource does is the deployer's business", "nothing"),
    ];
    for (key, why, by_hand) in told {
        if let Some(node) = canary.spec.get(key) {
            report.dropped(canary.document.spot(node.line), format!("`{key}`: {why}"), by_hand);
        }
    }
    if let Some(node) = canary.spec.get("skipAnalysis").filter(|node| node.truth() == Some(true)) {
        let text = "`skipAnalysis: true`: Flagger promotes without looking; the policy looks all the same";
        report.approximated(canary.document.spot(node.line), text, "use mode = \"shadow\" to decide without acting");
    }
    let in_analysis = [
        ("primaryReadyThreshold", "how many pods must be ready is the deployer's business", "nothing"),
        ("canaryReadyThreshold", "how many pods must be ready is the deployer's business", "nothing"),
        (
            "stepWeightPromotion",
            "the way from the last canary stage to 100% is one step here",
            "add stages between the last canary stage and `full`",
        ),
        ("sessionAffinity", "who stays on which version is the router's business", "nothing"),
    ];
    for (key, why, by_hand) in in_analysis {
        if let Some(node) = canary.analysis.get(key) {
            report.dropped(canary.document.spot(node.line), format!("`{key}`: {why}"), by_hand);
        }
    }
}

/// Used by the ladder.
fn stage(traffic: f64, bake: Duration, comment: String) -> Stage {
    Stage { name: stage_name(traffic), traffic, bake: Some(bake), comments: vec![comment], ..Stage::default() }
}
