//! A `Rollout`'s canary steps: a weight is a stage, a pause its bake, an analysis without end an approval.

use std::collections::BTreeMap;

use crate::import::ImportError;
use crate::import::document::Document;
use crate::import::draft::{Draft, Stage, name_of, stage_name};
use crate::import::report::Report;
use crate::import::yaml::Node;
use crate::model::time::Duration;

use super::{Use, find, full, gather, metric, metrics, missing, off};

/// Who approves where Argo waits for a person.
const ROLE: &str = "operator";
/// A stage needs some time to be looked at.
const MOMENT: Duration = Duration::from_mins(1);

/// The ladder while it is climbed.
struct Climb<'d, 'r> {
    rollout: &'d Document,
    templates: &'r [&'d Document],
    stages: Vec<Rung>,
    uses: Vec<Use<'d>>,
    /// How many templates the analyses name, here or not.
    named: usize,
    report: &'r mut Report,
}

struct Rung {
    stage: Stage,
    time: Duration,
    /// A pause that a person ends.
    manual: Option<String>,
}

/// One `Rollout` as a draft, and the templates it uses.
pub(super) fn rollout<'d>(
    rollout: &'d Document,
    templates: &[&'d Document],
    report: &mut Report,
) -> Result<(Draft, Vec<&'d Document>), ImportError> {
    let strategy = rollout.due(&["spec", "strategy"], "is this a whole Rollout?")?;
    let bottom = Rung { stage: off(None, ""), time: Duration::ZERO, manual: None };
    let mut climb = Climb { rollout, templates, stages: vec![bottom], uses: Vec::new(), named: 0, report };
    match (strategy.get("canary"), strategy.get("blueGreen")) {
        (Some(canary), _) => climb.canary(canary),
        (None, Some(blue_green)) => climb.blue_green(blue_green),
        (None, None) if strategy.entries().iter().any(|(key, _)| key == "canary") => climb.canary(strategy),
        (None, None) => {
            let message =
                format!("`spec.strategy` of Rollout `{}` has neither `canary` nor `blueGreen`", rollout.name());
            return Err(rollout.refuse(strategy, message, "there are no steps to convert"));
        }
    }
    let mut draft = Draft {
        rollout: name_of(&rollout.name(), "imported"),
        origin: vec![format!("Imported from Rollout `{}` ({}).", rollout.name(), rollout.at(&rollout.node))],
        ..Draft::default()
    };
    let named = climb.named;
    let uses = climb.finish(&mut draft);
    if uses.is_empty() {
        let (text, by_hand) = if named == 0 {
            let text = format!("Rollout `{}` asks no analysis: Argo would go up whatever happens", rollout.name());
            (text, "write thresholds for what matters")
        } else {
            let text = format!(
                "Rollout `{}` asks an analysis, and none of the templates it names is among the files: the policy has \
                 no check",
                rollout.name()
            );
            (text, "give the templates' files as well, or write thresholds for what they measure")
        };
        report.dropped(rollout.spot(strategy.line), text, by_hand);
    }
    metrics(&uses, &mut draft, report);
    Ok((draft, uses.iter().map(|one| one.template).collect()))
}

impl<'d> Climb<'d, '_> {
    fn canary(&mut self, canary: &'d Node) {
        if let Some(analysis) = canary.get("analysis") {
            self.background(analysis);
        }
        let most = canary.at(&["trafficRouting", "maxTrafficWeight"]).and_then(Node::number).unwrap_or(100.0);
        let steps = canary.get("steps").map_or(&[][..], Node::items);
        if steps.is_empty() {
            let text = "no `steps`: Argo replaces everything at once; so does the policy, after a minute in `off`";
            self.report.approximated(self.rollout.spot(canary.line), text, "write stages between `off` and `full`");
        }
        for (nth, step) in steps.iter().enumerate() {
            self.step(nth + 1, step, most.max(1.0));
        }
        for key in ["dynamicStableScale", "abortScaleDownDelaySeconds", "minPodsPerReplicaSet", "scaleDownDelaySeconds"]
        {
            if let Some(node) = canary.get(key) {
                let text = format!("`{key}`: how many pods there are is the deployer's business");
                self.report.dropped(self.rollout.spot(node.line), text, "nothing");
            }
        }
    }

    fn step(&mut self, nth: usize, step: &'d Node, most: f64) {
        let at = self.rollout.at(step);
        let spot = self.rollout.spot(step.line);
        for (key, node) in step.entries() {
            match key.as_str() {
                "setWeight" => self.weight(nth, step, node, most),
                "pause" => self.pause(nth, step, node),
                "analysis" => self.inline(nth, step, node),
                "experiment" => self.report.dropped(
                    spot.clone(),
                    format!("step {nth}, `experiment`: runs versions side by side; a policy starts nothing"),
                    "compare with control instead: above = \"+10%\", than = \"control\"",
                ),
                "setCanaryScale" | "setHeaderRoute" | "setMirrorRoute" | "plugin" | "replicaProgressThreshold" => {
                    self.report.dropped(
                        spot.clone(),
                        format!("step {nth}, `{key}`: is the deployer's or the router's business"),
                        "keep it where deployments are made; an audience stands for chosen users",
                    )
                }
                _ => self.report.dropped(
                    spot.clone(),
                    format!("step {nth} ({at}), `{key}`: not known"),
                    "find out what it does",
                ),
            }
        }
    }

    fn weight(&mut self, nth: usize, step: &Node, node: &Node, most: f64) {
        let spot = self.rollout.spot(step.line);
        let Some(weight) = node.number() else {
            let text = format!("step {nth}, `setWeight: {}` is not a number", node.text().unwrap_or_default());
            self.report.dropped(spot, text, "write the stage by hand");
            return;
        };
        let traffic = (weight / most * 100.0).clamp(0.0, 100.0);
        let before = self.stages.last().map_or(0.0, |rung| rung.stage.traffic);
        if traffic <= before {
            if traffic > 0.0 || before > 0.0 {
                let text = format!("step {nth}, `setWeight: {weight}` does not raise {before}%: no stage of its own");
                self.report.dropped(spot, text, "stages only grow; a roll back goes down");
            }
            return;
        }
        let comment = format!("{} step {nth}: setWeight {weight}.", self.rollout.at(step));
        let stage = Stage { name: stage_name(traffic), traffic, comments: vec![comment], ..Stage::default() };
        self.stages.push(Rung { stage, time: Duration::ZERO, manual: None });
        self.report.converted(spot, format!("step {nth}, `setWeight: {weight}`: stage `{}`", stage_name(traffic)));
    }

    fn pause(&mut self, nth: usize, step: &Node, node: &Node) {
        let spot = self.rollout.spot(step.line);
        let at = self.rollout.at(step);
        let Some(rung) = self.stages.last_mut() else { return };
        let given = node.get("duration");
        // A bare number is seconds, also when it is written as a text.
        let length = given.map(|node| match node.number() {
            Some(seconds) => Some(Duration::from_millis((seconds * 1000.0).clamp(0.0, 1e15) as i64)),
            None => Duration::parse(&node.text().unwrap_or_default()).ok(),
        });
        match length {
            Some(Some(length)) => {
                rung.time = rung.time + length;
                rung.stage.comments.push(format!("{at} step {nth}: pause {length}."));
                self.report
                    .converted(spot, format!("step {nth}, `pause`: {length} more of bake in `{}`", rung.stage.name));
            }
            Some(None) => {
                let text = format!("step {nth}, `pause.duration` is not a duration");
                self.report.dropped(spot, text, "set the bake by hand");
            }
            None => {
                rung.stage.comments.push(format!("{at} step {nth}: pause without end, until a person goes on."));
                rung.manual = Some(at);
                let text = format!("step {nth}, `pause` without a duration: a person lets `{}` go on", rung.stage.name);
                self.report.approximated(
                    spot,
                    text,
                    "a person orders `advance`; where a stage has approvals, name their role",
                );
            }
        }
    }

    /// An analysis that is a step: the rollout waits for it.
    fn inline(&mut self, nth: usize, step: &'d Node, analysis: &'d Node) {
        let before = self.uses.len();
        self.gather(analysis);
        let spot = self.rollout.spot(step.line);
        let lengths: Vec<Option<Duration>> = self.uses.iter().skip(before).map(metric::length).collect();
        let Some(rung) = self.stages.last_mut() else { return };
        if lengths.iter().any(Option::is_none) {
            let text =
                format!("step {nth}, `analysis` has a metric with `interval` and no `count`: it never ends in Argo");
            self.report.approximated(spot.clone(), text, "set the bake of the stage by hand");
        }
        let length = lengths.into_iter().flatten().max().unwrap_or(Duration::ZERO);
        rung.time = rung.time + length;
        rung.stage.comments.push(format!("{} step {nth}: analysis, {length}.", self.rollout.at(step)));
        let text =
            format!("step {nth}, `analysis` is asked in this step alone; here its checks are active in every stage");
        self.report.approximated(
            spot,
            text,
            format!("narrow them with in = [\"{}\"] if that is meant", rung.stage.name),
        );
    }

    /// An analysis beside the steps.
    fn background(&mut self, analysis: &'d Node) {
        self.gather(analysis);
        if let Some(node) = analysis.get("startingStep") {
            let text = format!(
                "`startingStep: {}`: the checks are active in every stage, earlier ones too",
                node.text().unwrap_or_default()
            );
            self.report.approximated(
                self.rollout.spot(node.line),
                text,
                "narrow them with in = [...] if that is meant",
            );
        }
    }

    /// Notes the templates that an analysis names, with its arguments.
    fn gather(&mut self, analysis: &'d Node) {
        let mut arguments = BTreeMap::new();
        for argument in analysis.get("args").map_or(&[][..], Node::items) {
            match (argument.text_of("name"), argument.text_of("value")) {
                (Some(name), Some(value)) => drop(arguments.insert(name, value)),
                (Some(name), None) => {
                    let text =
                        format!("argument `{name}` takes its value from the cluster: it stays as it is in queries");
                    self.report.dropped(self.rollout.spot(argument.line), text, "put the value into the query by hand");
                }
                _ => {}
            }
        }
        let dry = analysis.get("dryRun").map_or(&[][..], Node::items);
        let dry: Vec<String> = dry.iter().filter_map(|one| one.text_of("metricName")).collect();
        // The older spelling names one template directly.
        let listed = analysis.get("templates").map_or(&[][..], Node::items).iter();
        let direct = analysis.get("templateName").map(|_| analysis);
        for reference in listed.chain(direct) {
            self.named += 1;
            match find(reference, self.templates) {
                Some(template) => {
                    let mut dry = dry.clone();
                    let own = template.node.at(&["spec", "dryRun"]).map_or(&[][..], Node::items);
                    dry.extend(own.iter().filter_map(|one| one.text_of("metricName")));
                    let one = Use { template, arguments: arguments.clone(), dry };
                    gather(one, self.templates, &mut self.uses, self.report);
                }
                None => missing(self.rollout, reference, self.report),
            }
        }
    }

    fn blue_green(&mut self, strategy: &'d Node) {
        let spot = self.rollout.spot(strategy.line);
        let text = "blueGreen: everybody at once; the preview gets no users, so nothing is read before `full`";
        self.report.approximated(
            spot,
            text,
            "put a canary stage between `off` and `full`, or gates on group = \"all\" in `off`",
        );
        for key in ["prePromotionAnalysis", "postPromotionAnalysis"] {
            if let Some(analysis) = strategy.get(key) {
                self.gather(analysis);
            }
        }
        let Some(rung) = self.stages.first_mut() else { return };
        if let Some(node) = strategy.get("autoPromotionEnabled").filter(|node| node.truth() == Some(false)) {
            rung.manual = Some(self.rollout.at(node));
            let text = "`autoPromotionEnabled: false`: a person lets `off` go on";
            self.report.converted(self.rollout.spot(node.line), text);
        }
        if let Some(seconds) = strategy.get("autoPromotionSeconds").and_then(Node::number) {
            rung.time = Duration::from_millis((seconds * 1000.0).clamp(0.0, 1e15) as i64);
            rung.stage.comments.push(format!("autoPromotionSeconds: {seconds}."));
        }
    }

    /// Bakes and approvals for all rungs, and a top when there is none.
    fn finish(mut self, draft: &mut Draft) -> Vec<Use<'d>> {
        if self.stages.last().is_some_and(|rung| rung.stage.traffic < 100.0) {
            self.stages.push(Rung {
                stage: full("The steps are done: everybody."),
                time: Duration::ZERO,
                manual: None,
            });
        }
        let rungs = self.stages.len();
        for (nth, rung) in self.stages.into_iter().enumerate() {
            let Rung { mut stage, time, manual } = rung;
            let last = nth + 1 == rungs;
            stage.bake = (!time.is_zero()).then_some(time);
            match (manual, time.is_zero()) {
                (Some(_), true) => {
                    stage.comments.push("No bake: it is left only by a person's `advance`.".to_owned());
                }
                (Some(_), false) if !last => {
                    stage.approvals.push(ROLE.to_owned());
                    stage.comments.push(format!("Assumed: the role `{ROLE}` approves."));
                }
                (None, true) if !last => {
                    stage.bake = Some(MOMENT);
                    stage.comments.push(format!("Assumed: {MOMENT}, because nothing says how long."));
                    if nth > 0 {
                        let text = format!(
                            "stage `{}` has neither pause nor analysis: Argo goes on at once, the policy after {MOMENT}",
                            stage.name
                        );
                        self.report.approximated(
                            self.rollout.spot(self.rollout.node.line),
                            text,
                            "set its bake, or take the stage out",
                        );
                    }
                }
                _ => {}
            }
            draft.stages.push(stage);
        }
        self.uses
    }
}
