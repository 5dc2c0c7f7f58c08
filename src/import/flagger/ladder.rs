//! Steps, iterations and the webhooks that wait for somebody: the ladder.

use crate::import::draft::{Draft, Stage};
use crate::import::report::Report;
use crate::import::yaml::Node;

use super::{Canary, stage};

/// Who approves where a webhook did.
const ROLE: &str = "operator";

/// `off`, the steps, `full`.
pub(super) fn stages(canary: &Canary<'_>, report: &mut Report) -> Vec<Stage> {
    let (document, analysis) = (canary.document, canary.analysis);
    let mut stages = vec![Stage {
        name: "off".to_owned(),
        bake: Some(canary.interval),
        comments: vec![
            "Nobody is exposed: this is where a roll back goes. Assumed: it is left by itself after one interval."
                .to_owned(),
        ],
        ..Stage::default()
    }];
    let weights = weights(canary, report);
    let iterations =
        analysis.get("iterations").and_then(|node| Some((node, node.number()?))).filter(|(_, n)| *n >= 1.0);
    if let Some((node, number)) = iterations {
        stages.push(iterated(canary, node, number, report));
    } else if weights.is_empty() {
        let text = "neither `stepWeight`, `stepWeights` nor `iterations`: one stage at 10% for 10 intervals is assumed";
        report.approximated(document.spot(analysis.line), text, "write the stages you want");
        let bake = canary.interval.saturating_mul(10);
        stages.push(stage(10.0, bake, "Assumed: Flagger's file names no steps.".to_owned()));
    }
    for (weight, line) in weights.iter().filter(|_| iterations.is_none()) {
        let comment = format!("{}:{line} one interval at {weight}%.", document.file);
        stages.push(stage(*weight, canary.interval, comment));
    }
    if stages.last().is_some_and(|stage| stage.traffic < 100.0) {
        stages.push(Stage {
            name: "full".to_owned(),
            traffic: 100.0,
            comments: vec![
                "Flagger promotes here and stops looking; rollgate stays on guard, for as long as the policy is in force."
                    .to_owned(),
            ],
            ..Stage::default()
        });
    } else if let Some(last) = stages.last_mut() {
        last.bake = None;
    }
    if let Some(node) = analysis.get("mirror").filter(|node| node.truth() == Some(true)) {
        let text = "`mirror`: a step of mirrored traffic has no stage of its own, because nobody is exposed in it";
        report.dropped(
            document.spot(node.line),
            text,
            "give `off` gates on group = \"all\" if the mirror must look well",
        );
    }
    stages
}

/// The weights that Flagger goes through: each step is added until the maximum is reached or passed.
fn weights(canary: &Canary<'_>, report: &mut Report) -> Vec<(f64, u32)> {
    let (document, analysis) = (canary.document, canary.analysis);
    let max_node = analysis.get("maxWeight");
    let max = max_node.and_then(Node::number).unwrap_or(100.0).clamp(1.0, 100.0);
    if let Some(list) = analysis.get("stepWeights") {
        let mut found: Vec<(f64, u32)> = Vec::new();
        for item in list.items() {
            let Some(weight) = item.number() else { continue };
            let grows = found.last().is_none_or(|(before, _)| weight > *before) && weight > 0.0 && weight <= 100.0;
            if grows {
                found.push((weight, item.line));
            } else {
                let text = format!("step {weight} of `stepWeights` does not grow");
                report.dropped(document.spot(item.line), text, "put the steps in order, from 1 to 100");
            }
        }
        return found;
    }
    let Some((node, step)) = analysis.get("stepWeight").and_then(|node| Some((node, node.number()?))) else {
        return Vec::new();
    };
    let step = step.clamp(1.0, 100.0);
    let mut found = Vec::new();
    let mut weight = 0.0;
    while weight < max {
        weight = f64::min(weight + step, 100.0);
        found.push((weight, node.line));
    }
    if weight > max {
        let line = max_node.map_or(node.line, |node| node.line);
        let text =
            format!("steps of {step} pass `maxWeight: {max}`: Flagger goes to {weight}%, and so does the policy");
        report.converted(document.spot(line), text);
    }
    let line = max_node.map_or(node.line, |node| node.line);
    report.converted(
        document.spot(line),
        format!("`stepWeight`, `maxWeight`: {} stages, one interval each", found.len()),
    );
    found
}

/// A/B tests by header, and blue/green: nobody, or a chosen few, for a number of intervals.
fn iterated(canary: &Canary<'_>, node: &Node, number: f64, report: &mut Report) -> Stage {
    let document = canary.document;
    let bake = canary.interval.saturating_mul(number.min(100_000.0) as i64);
    let (name, audience, why) = match canary.analysis.get("match") {
        Some(matched) => {
            let text = "`match`: who is matched by header or cookie is the router's business; audience = [\"matched\"] stands for them";
            report.approximated(
                document.spot(matched.line),
                text,
                "name the audience as your flags know it, or give traffic",
            );
            ("matched", "matched", "those whom `match` selects")
        }
        None => {
            let text =
                "blue/green: the canary is tested without users; audience = [\"synthetic\"] stands for the load test";
            report.approximated(document.spot(node.line), text, "name the audience, or give traffic");
            ("synthetic", "synthetic", "synthetic load only")
        }
    };
    Stage {
        name: name.to_owned(),
        audience: Some(audience),
        bake: Some(bake),
        comments: vec![format!("{} iterations: {number} of {}, {why}.", document.at(node), canary.interval)],
        ..Stage::default()
    }
}

/// Webhooks that wait for somebody become approvals; the others cannot be.
pub(super) fn webhooks(canary: &Canary<'_>, draft: &mut Draft, report: &mut Report) {
    for hook in canary.analysis.get("webhooks").map_or(&[][..], Node::items) {
        let kind = hook.text_of("type").unwrap_or_else(|| "rollout".to_owned());
        let name = hook.text_of("name").unwrap_or_else(|| "unnamed".to_owned());
        let spot = canary.document.spot(hook.line);
        let approved = |draft: &mut Draft, chosen: &dyn Fn(usize, usize) -> bool| {
            let rungs = draft.stages.len();
            let at = canary.document.at(hook);
            for (_, stage) in draft.stages.iter_mut().enumerate().filter(|(nth, _)| chosen(*nth, rungs)) {
                if !stage.approvals.iter().any(|role| role == ROLE) {
                    stage.approvals.push(ROLE.to_owned());
                }
                stage
                    .comments
                    .push(format!("{at} webhook `{name}` ({kind}): a person approves. Assumed: the role `{ROLE}`."));
            }
        };
        let by_hand = format!("name the role that may approve instead of `{ROLE}`");
        let told = |what: &str| format!("webhook `{name}` ({kind}): {what}");
        match kind.as_str() {
            "confirm-rollout" => {
                approved(draft, &|nth, _| nth == 0);
                report.approximated(spot, told("an approval to leave `off`; the hook itself is not called"), by_hand);
            }
            "confirm-traffic-increase" => {
                approved(draft, &|nth, rungs| nth > 0 && nth + 1 < rungs);
                report.approximated(
                    spot,
                    told("an approval to leave every canary stage; the hook is not called"),
                    by_hand,
                );
            }
            "confirm-promotion" => {
                approved(draft, &|nth, rungs| nth > 0 && nth + 2 == rungs);
                report.approximated(
                    spot,
                    told("an approval to leave the last canary stage; the hook is not called"),
                    by_hand,
                );
            }
            "pre-rollout" | "rollout" => {
                let is_load = hook.text_of("url").is_some_and(|url| url.contains("loadtester")) && kind == "rollout";
                let (what, by_hand) = if is_load {
                    ("generates load; a policy starts nothing", "keep the load test where deployments are made")
                } else {
                    (
                        "runs a test, and its failures count; a policy calls nothing",
                        "record its result as a metric of unit `state` and add p0 = { is = \"failed\" }",
                    )
                };
                report.dropped(spot, told(what), by_hand);
            }
            "rollback" => {
                report.dropped(spot, told("a person's roll back"), "a person orders it: nothing to configure");
            }
            "post-rollout" | "event" => {
                report.dropped(spot, told("tells that something happened"), "name channels in [severities] notify");
            }
            _ => report.dropped(spot, told("not a kind of webhook that is known"), "find out what it was for"),
        }
    }
}
