//! One metric of a template: its conditions to bounds, its limits to windows.

use crate::import::condition::{Answer, Condition, Stuck};
use crate::import::draft::{Because, Bound, Draft, Level, Metric, max_age, metric_name, window};
use crate::import::guess;
use crate::import::region::{Region, Side, region};
use crate::import::report::{Report, Spot};
use crate::import::yaml::Node;
use crate::model::time::Duration;
use crate::model::units::{Better, Unit};

use super::Use;
use super::source::{self, Source};

/// Argo's own: so many errors in a row are one too many.
const ERRORS_IN_A_ROW: f64 = 4.0;
/// How often a source is assumed to report when the template measures once.
const STEP: Duration = Duration::from_mins(1);

/// One metric while it is read.
struct Reading<'u, 'd> {
    one: &'u Use<'d>,
    node: &'u Node,
    name: String,
    interval: Option<Duration>,
    count: Option<f64>,
    dry: bool,
}

/// How long a template is measured; none when it has no end.
pub(super) fn length(one: &Use<'_>) -> Option<Duration> {
    let nodes = one.template.node.at(&["spec", "metrics"]).map_or(&[][..], Node::items);
    let mut longest = Duration::ZERO;
    for node in nodes {
        let time = |key: &str| number_or_text(one, node, key).and_then(|text| Duration::parse(&text).ok());
        let count = number_or_text(one, node, "count").and_then(|text| text.trim().parse::<f64>().ok());
        let delay = time("initialDelay").unwrap_or(Duration::ZERO);
        let measured = match (time("interval"), count) {
            (Some(interval), Some(count)) => interval.saturating_mul(count.clamp(1.0, 1e6) as i64),
            (Some(_), None) => return None,
            (None, _) => Duration::ZERO,
        };
        longest = longest.max(delay + measured);
    }
    if longest.is_zero() { Some(STEP) } else { Some(longest) }
}

/// A key's text with arguments in place.
fn number_or_text(one: &Use<'_>, node: &Node, key: &str) -> Option<String> {
    source::complete(&node.text_of(key)?, &arguments(one)).ok()
}

/// The template's own values, and over them what it is given.
fn arguments(one: &Use<'_>) -> std::collections::BTreeMap<String, String> {
    let own = one.template.node.at(&["spec", "args"]).map_or(&[][..], Node::items);
    let mut values: std::collections::BTreeMap<String, String> =
        own.iter().filter_map(|arg| Some((arg.text_of("name")?, arg.text_of("value")?))).collect();
    values.extend(one.arguments.clone());
    values
}

/// Adds one metric to the draft, or says why it cannot be.
pub(super) fn convert(one: &Use<'_>, node: &Node, run: Duration, draft: &mut Draft, report: &mut Report) {
    let name = node.text_of("name").unwrap_or_else(|| "metric".to_owned());
    let time = |key: &str| number_or_text(one, node, key).and_then(|text| Duration::parse(&text).ok());
    let reading = Reading {
        one,
        node,
        dry: one.dry.iter().any(|dry| *dry == name || dry == ".*"),
        interval: time("interval"),
        count: number_or_text(one, node, "count").and_then(|text| text.trim().parse().ok()),
        name,
    };
    let source = source::of(node, &arguments(one));
    let mut metric = reading.blank(&source, draft);
    match source.provider.as_str() {
        "job" => reading.job(&mut metric, report),
        "kayenta" => reading.kayenta(&mut metric, report),
        _ => reading.conditions(&source, &mut metric, run, report),
    }
    if metric.bounds.is_empty() {
        draft.left_over.push(format!("Not converted, no bound: `{}` ({}).", reading.name, reading.at(node)));
        draft.left_over.extend(metric.comments);
        return;
    }
    reading.silence(&metric, report);
    reading.rest(report);
    draft.metrics.push(metric);
}

impl Reading<'_, '_> {
    fn at(&self, node: &Node) -> String {
        self.one.template.at(node)
    }

    fn spot(&self, node: &Node) -> Spot {
        self.one.template.spot(node.line)
    }

    fn key(&self, key: &str) -> &Node {
        self.node.get(key).unwrap_or(self.node)
    }

    fn blank(&self, source: &Source, draft: &Draft) -> Metric {
        let every =
            self.interval.map_or(format!("measured once there; a report every {STEP} is assumed here"), |interval| {
                format!("every {interval}")
            });
        let template = self.one.template;
        let mut comments = vec![format!(
            "`{}` of {} `{}` ({}), {every}.",
            self.name,
            template.kind(),
            template.name(),
            self.at(self.node)
        )];
        comments.extend(source.comments.clone());
        let step = self.interval.unwrap_or(STEP);
        let errors = self.limit("consecutiveErrorLimit").unwrap_or(ERRORS_IN_A_ROW).clamp(0.0, 1e6);
        let silent = step.saturating_mul(errors as i64 + 1).max(max_age(step));
        Metric {
            name: metric_name(&self.name, &draft.metrics),
            unit: Unit::Number,
            better: Better::Lower,
            max_age: max_age(step),
            unknown_after: Some(silent),
            allow: Vec::new(),
            comments,
            bounds: Vec::new(),
        }
    }

    fn limit(&self, key: &str) -> Option<f64> {
        number_or_text(self.one, self.node, key)?.trim().parse().ok()
    }

    /// A job that succeeds or fails is a state.
    fn job(&self, metric: &mut Metric, report: &mut Report) {
        (metric.unit, metric.better) = (Unit::State, Better::Lower);
        let text = format!("job `{}`: a policy starts nothing; it reads `{}`, ok or failed", self.name, metric.name);
        report.approximated(
            self.spot(self.node),
            text,
            "run the job where deployments are made and record how it ended",
        );
        metric.comments.push("A job: record `ok` or `failed`, whoever runs it.".to_owned());
        let (k, _) = self.failures();
        let window = window(k, self.observations(Duration::ZERO).max(k));
        let text = "is = \"failed\"".to_owned();
        metric.bounds.push(Bound { level: Level::P0, text, window, shadow: self.dry, comments: Vec::new() });
    }

    /// A score with two marks: under the lower it fails, between them nobody knows.
    fn kayenta(&self, metric: &mut Metric, report: &mut Report) {
        let marks = self.node.at(&["provider", "kayenta", "threshold"]);
        let mark = |key: &str| marks.and_then(|marks| marks.get(key)).and_then(Node::number);
        metric.better = Better::Higher;
        metric.comments.push("Kayenta's score, 0 to 100.".to_owned());
        let text = format!("kayenta: the score is read, the judgement is not made; record it as `{}`", metric.name);
        report.approximated(
            self.spot(self.node),
            text,
            "or compare with control: above = \"+10%\", than = \"control\"",
        );
        for (key, level) in [("marginal", Level::P0), ("pass", Level::P1)] {
            let Some(at) = mark(key) else { continue };
            let edge = crate::import::region::Edge { side: Side::Below, at, inclusive: false };
            let place = marks.unwrap_or(self.node);
            let comments = vec![format!("{} threshold.{key}: {at}", self.at(place))];
            let because = Because { what: "kayenta threshold", verdict: "a failure", spot: self.spot(place), comments };
            metric.add(&[edge], level, None, self.dry, &because, report);
        }
    }

    /// The k-th failure is one too many; none when no number of failures is.
    fn failures(&self) -> (u32, bool) {
        let limit = self.limit("failureLimit").unwrap_or(0.0);
        if limit < 0.0 { (1, false) } else { (limit.min(1e6) as u32 + 1, true) }
    }

    /// How many measurements a run has.
    fn observations(&self, run: Duration) -> u32 {
        let count = match (self.count, self.interval) {
            (Some(count), _) if count >= 1.0 => count,
            (_, None) => 1.0,
            (_, Some(interval)) => (run.as_millis() / interval.as_millis().max(1)) as f64 + 1.0,
        };
        count.clamp(1.0, 1e6) as u32
    }

    fn conditions(&self, source: &Source, metric: &mut Metric, run: Duration, report: &mut Report) {
        let (Ok(success), Ok(failure)) =
            (self.condition("successCondition", report), self.condition("failureCondition", report))
        else {
            return;
        };
        let Some(regions) = self.regions(success.as_ref(), failure.as_ref(), report) else { return };
        regions.iter().for_each(|(level, region)| self.no_bound(*level, region, report));
        let values: Vec<f64> = regions.iter().flat_map(|(_, region)| &region.edges).map(|edge| edge.at).collect();
        if values.is_empty() {
            return;
        }
        let guess = guess::unit(&self.name, &source.query, &values);
        metric.unit = guess.unit;
        metric.comments.push(format!("Guessed: unit {}, because {}.", guess.unit, guess.why));
        let text = format!("`{}`: the unit is taken to be `{}`, because {}", metric.name, guess.unit, guess.why);
        report.approximated(self.spot(self.node), text, "correct `unit` and the bounds' units if that is wrong");
        let is_higher = regions.iter().flat_map(|(_, region)| &region.edges).all(|edge| edge.side == Side::Below);
        metric.better = if is_higher { Better::Higher } else { Better::Lower };
        for (level, region) in &regions {
            self.bounds(*level, region, metric, run, report);
        }
        self.no_data(success.as_ref(), failure.as_ref(), report);
    }

    /// What fails, and what is neither success nor failure.
    fn regions(
        &self,
        success: Option<&Condition>,
        failure: Option<&Condition>,
        report: &mut Report,
    ) -> Option<Vec<(Level, Region)>> {
        let read = |condition: &Condition, wanted: bool| {
            let points = condition.breakpoints().map_err(Stuck::Unknown)?;
            region(&points, |answer| condition.holds(answer).map(|holds| holds == wanted))
        };
        let found = match (success, failure) {
            (Some(success), None) => read(success, false).map(|region| vec![(Level::P0, region)]),
            (None, Some(failure)) => read(failure, true).map(|region| vec![(Level::P0, region)]),
            (Some(success), Some(failure)) => read(failure, true).and_then(|failed| {
                let doubtful = read(success, false)?;
                // The failure is the exact opposite of the success: nothing is left between the two.
                let same = failed == doubtful;
                let mut both = vec![(Level::P0, failed)];
                both.extend((!same).then_some((Level::P1, doubtful)));
                Ok(both)
            }),
            (None, None) => {
                let text = format!("metric `{}` has no condition: it only fails when it cannot be measured", self.name);
                report.dropped(self.spot(self.node), text, "write a threshold if its value matters");
                return None;
            }
        };
        match found {
            Ok(regions) => Some(regions),
            Err(stuck) => {
                let why = match stuck {
                    Stuck::Missing => "it cannot be answered for a number".to_owned(),
                    Stuck::Unknown(why) => why,
                };
                report.dropped(self.spot(self.node), format!("metric `{}`: {why}", self.name), RULES);
                None
            }
        }
    }

    /// A condition, when it is there; the error has been told.
    fn condition(&self, key: &str, report: &mut Report) -> Result<Option<Condition>, ()> {
        let Some(node) = self.node.get(key) else { return Ok(None) };
        let text = node.text().unwrap_or_default();
        let full = source::complete(&text, &arguments(self.one)).map_err(|missing| {
            let message = format!("`{key}: {}`: argument `{missing}` has no value here", text.trim());
            report.dropped(self.spot(node), message, "give the Rollout that sets it, or write the threshold by hand");
        })?;
        let condition = Condition::parse(&full).map_err(|why| {
            let cut = full.trim().ends_with(',');
            let hint = if cut { "YAML takes ` #` for a comment: put the condition in quotes" } else { RULES };
            report.dropped(self.spot(node), format!("`{key}: {}`: {why}", full.trim()), hint);
        })?;
        if condition.asks_every_series() {
            let message =
                format!("`{key}: {}` asks every series of the result; one reading per group is read", full.trim());
            report.approximated(self.spot(node), message, "record the worst series, or one region for each");
        }
        if let Some(field) = condition.fields().into_iter().find(|field| !field.is_empty()) {
            let message = format!("`{key}` reads the field `{field}` of the answer: record that number");
            report.approximated(self.spot(node), message, "nothing, if the source records it");
        }
        Ok(Some(condition))
    }

    /// The condition that a level comes from, and how it is quoted.
    fn said(&self, level: Level) -> (&Node, String) {
        let node = self.key(self.condition_key(level));
        let written = node.text().unwrap_or_default().trim().to_owned();
        let full = source::complete(&written, &arguments(self.one)).unwrap_or_default();
        let key = self.condition_key(level);
        let said = match written == full {
            true => format!("`{key}: {written}`"),
            false => format!("`{key}: {written}`, with its arguments `{full}`,"),
        };
        (node, said)
    }

    fn condition_key(&self, level: Level) -> &'static str {
        match (level, self.node.get("failureCondition")) {
            (Level::P0, Some(_)) => "failureCondition",
            _ => "successCondition",
        }
    }

    /// What of a breach no bound can say.
    fn no_bound(&self, level: Level, region: &Region, report: &mut Report) {
        let (node, said) = self.said(level);
        for (from, to) in &region.between {
            let text = format!("{said}: a failure between {from} and {to} is no single bound");
            report.dropped(self.spot(node), text, RULES);
        }
        if region.always {
            report.dropped(self.spot(node), format!("{said} fails for every value"), "mend the condition");
        } else if region.edges.is_empty() && region.between.is_empty() {
            report.dropped(
                self.spot(node),
                format!("{said} fails for no value"),
                "write a threshold if its value matters",
            );
        }
    }

    fn bounds(&self, level: Level, region: &Region, metric: &mut Metric, run: Duration, report: &mut Report) {
        let (node, said) = self.said(level);
        if region.edges.is_empty() {
            return;
        }
        let limit_key = if level == Level::P0 { "failureLimit" } else { "inconclusiveLimit" };
        let (k, counts) = match level {
            Level::P0 => self.failures(),
            Level::P1 => (self.limit(limit_key).unwrap_or(0.0).clamp(0.0, 1e6) as u32 + 1, true),
        };
        let n = self.observations(run);
        let observed = self.observed(k, n, limit_key, report);
        let shadow = self.dry || !counts;
        if shadow {
            let why = if self.dry { "dryRun" } else { "a negative failureLimit" };
            let text = format!("`{}`: {why} becomes shadow = true: evaluated and reported, never acted on", self.name);
            report.converted(self.spot(self.key(limit_key)), text);
        }
        let limit = self.node.get(limit_key).map_or_else(
            || format!("No {limit_key}: the first one is too many."),
            |node| format!("{} {limit_key}: {}.", self.at(node), node.text().unwrap_or_default()),
        );
        let word = match (level, self.condition_key(level)) {
            (Level::P0, "failureCondition") => "what meets it is a failure",
            (Level::P0, _) => "what does not meet it is a failure",
            (Level::P1, _) => "what does not meet it, and is no failure, is inconclusive",
        };
        let nan = match level {
            Level::P0 if self.fails_nan(node) => "; NaN, a failure in Argo, is unknown here, and holds",
            _ => "",
        };
        let comments = vec![format!("{} {said}: {word}{nan}.", self.at(node)), limit];
        let verdict = if level == Level::P0 { "a failure" } else { "inconclusive" };
        let because = Because { what: &said, verdict, spot: self.spot(node), comments };
        let before = metric.bounds.len();
        metric.add(&region.edges, level, observed, shadow, &because, report);
        for bound in metric.bounds.iter().skip(before) {
            report.converted(self.spot(node), format!("{said}: {} {}", level_key(level), bound.text));
        }
    }

    /// `failureLimit: 3` is the fourth failure of the run.
    fn observed(&self, k: u32, n: u32, key: &str, report: &mut Report) -> Option<(u32, u32)> {
        let spot = self.spot(self.key(key));
        if k > n && self.count.is_none() && self.interval.is_none() {
            let text = format!(
                "`{key}: {}` of a metric that is measured once can never be exceeded in Argo; here the first failure counts",
                k - 1
            );
            report.approximated(spot, text, "add `for = \"3 of 5\"` if single failures are to be forgiven");
            return None;
        }
        if k > n && self.count.is_some() {
            let text =
                format!("`{key}: {}` can never be exceeded by {n} measurements in Argo; here {n} of {n} count", k - 1);
            report.approximated(spot, text, "choose how many failures are too many");
            return window(n, n);
        }
        let found = window(k, n)?;
        let mut text = format!("`{key}: {}`: the one that exceeds it is `for = \"{} of {}\"`", k - 1, found.0, found.1);
        match (self.count, self.interval) {
            (Some(count), _) => text.push_str(&format!(", of `count: {count}`")),
            (None, Some(interval)) => {
                text.push_str(&format!(", of as many as a run of all stages has, one every {interval}"));
            }
            (None, None) => {}
        }
        if found.0 < k {
            text.push_str(&format!("; no more than {} can be asked for, so it is stricter", found.0));
        }
        if found.1 < n {
            text.push_str(&format!("; the last {} are remembered", found.1));
        }
        report.approximated(spot, text, "the source has to report at that interval, or k and n mean another time");
        Some(found)
    }

    /// Whether a condition asks for NaN by name, and Argo counts it as a failure. A plain comparison with NaN fails too;
    /// that is told once, with errors.
    fn fails_nan(&self, node: &Node) -> bool {
        let text = node.text().unwrap_or_default();
        let full = source::complete(&text, &arguments(self.one)).unwrap_or_default();
        let is_failure = self.node.get("failureCondition").is_some_and(|failure| std::ptr::eq(failure, node));
        let holds = Condition::parse(&full).ok().and_then(|condition| condition.holds(Answer::Value(f64::NAN)).ok());
        full.contains("isNaN") && holds == Some(is_failure)
    }

    /// What Argo does without data, where that is not what rollgate does.
    fn no_data(&self, success: Option<&Condition>, failure: Option<&Condition>, report: &mut Report) {
        // Both are asked; an error in either is an error, and is told elsewhere.
        let answer = |answer: Answer| -> Result<(bool, bool), Stuck> {
            let succeeds = success.map(|condition| condition.holds(answer)).transpose()?;
            let fails = failure.map(|condition| condition.holds(answer)).transpose()?;
            let fails = fails.unwrap_or(succeeds == Some(false));
            Ok((!fails && succeeds.unwrap_or(true), fails))
        };
        let key = if success.is_some() { "successCondition" } else { "failureCondition" };
        let node = self.key(key);
        let said = format!("`{key}: {}`", node.text().unwrap_or_default().trim());
        let passes = |what: Answer| answer(what).as_ref() == Ok(&(true, false));
        let of = [("no data", Answer::Nothing), ("NaN", Answer::Value(f64::NAN))];
        let passing: Vec<&str> = of.iter().filter(|(_, what)| passes(*what)).map(|(name, _)| *name).collect();
        if !passing.is_empty() {
            let text = format!(
                "{said} lets {} pass in Argo; here it is unknown, and unknown never advances",
                passing.join(" and ")
            );
            report.approximated(self.spot(node), text, "make sure that the source always sends a value");
        }
        // NaN fails every plain comparison; that is told once, with errors.
        if answer(Answer::Nothing).as_ref() == Ok(&(false, true)) {
            let text = format!("{said} counts no data as a failure in Argo; here it is unknown, and holds");
            report.approximated(self.spot(node), text, "for Argo's answer set on_unknown = \"rollback\"");
        }
        for key in ["successCondition", "failureCondition"] {
            let Some(node) = self.node.get(key).filter(|node| self.fails_nan(node)) else { continue };
            let text = format!(
                "`{key}: {}` counts NaN as a failure in Argo; here it is unknown, and holds",
                node.text().unwrap_or_default().trim()
            );
            report.approximated(self.spot(node), text, "for Argo's answer set on_unknown = \"rollback\"");
        }
    }

    /// Errors in a row abort there and hold here.
    fn silence(&self, metric: &Metric, report: &mut Report) {
        let by_hand = "for Argo's answer set on_unknown = \"rollback\"";
        let Some(node) = self.node.get("consecutiveErrorLimit") else {
            let text = "without a consecutiveErrorLimit of its own, more than 4 measurements in error in a row abort in \
                        Argo, and NaN fails a comparison; here both are unknown, which holds, and is told after \
                        `unknown_after`";
            let template = self.one.template;
            return report.approximated(template.spot(template.node.line), text, by_hand);
        };
        let text = format!(
            "`consecutiveErrorLimit: {}`: more errors in a row abort in Argo; here silence holds, and is told after {}",
            node.text().unwrap_or_default(),
            metric.unknown_after.unwrap_or_default()
        );
        report.approximated(self.spot(node), text, by_hand);
    }

    /// Keys without a place in a policy.
    fn rest(&self, report: &mut Report) {
        if let Some(node) = self.node.get("consecutiveSuccessLimit") {
            let text = format!(
                "`consecutiveSuccessLimit: {}`: successes in a row are a gate",
                node.text().unwrap_or_default()
            );
            report.dropped(
                self.spot(node),
                text,
                "write [gates] with at_least or at_most and for = \"N of N\", and name it in the stages",
            );
        }
        if let Some(node) = self.node.get("initialDelay") {
            let text = format!(
                "`initialDelay: {}`: readings count from the first; a stage's bake starts there too",
                node.text().unwrap_or_default()
            );
            report.dropped(
                self.spot(node),
                text,
                "nothing, unless the first readings are known to be wrong: then lengthen `for`",
            );
        }
    }
}

/// What to do where one bound cannot say it.
const RULES: &str = "write a function in rules.rhai and a trigger with script = \"...\"";

const fn level_key(level: Level) -> &'static str {
    match level {
        Level::P0 => "p0",
        Level::P1 => "p1",
    }
}
