//! A draft as the text of a policy, with the comments that say where each number comes from.

use crate::model::units::Better;

use super::draft::{Bound, Draft, Level, Metric, Stage};

/// Comments are broken at this column, as people write them.
const WIDTH: usize = 100;

/// The text of policy.toml.
pub(super) fn policy(draft: &Draft) -> String {
    let mut text = String::new();
    for line in &draft.origin {
        comment(&mut text, line);
    }
    let flag = draft.rollout.replace('-', "_");
    text.push_str(&format!("schema = 1\nrollout = {}\n", quoted(&draft.rollout)));
    comment(&mut text, "Assumed: one flag, named after the rollout. Name those that really move together.");
    text.push_str(&format!("features = [{}]\n\n", quoted(&flag)));
    comment(&mut text, ASSUMED);
    text.push_str("[metrics]\n");
    for metric in &draft.metrics {
        text.push_str(&metric_line(metric));
    }
    for line in &draft.left_over {
        comment(&mut text, line);
    }
    text.push_str(&severities(draft));
    for metric in draft.metrics.iter().filter(|metric| !metric.bounds.is_empty()) {
        text.push_str(&thresholds(metric));
    }
    for stage in &draft.stages {
        text.push_str(&stage_table(stage));
    }
    // A text that cannot be formatted is a mistake here, and `check` says so better than this could.
    crate::policy::format::format(&text).unwrap_or(text)
}

const ASSUMED: &str = "Assumed for every metric, because the other tool does not say: max_age is three times the step of \
the source; on_unknown = \"hold\" means that silence never advances; no min_samples, because no sample counts are known. \
Units that were guessed say so.";

/// `# ` lines no wider than people write them. Lines of a query stay whole.
fn comment(text: &mut String, words: &str) {
    if words.starts_with("    ") {
        text.push_str(&format!("# {}\n", clean(words)));
        return;
    }
    let mut line = String::new();
    for word in words.split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() + 1 > WIDTH {
            text.push_str(&format!("# {}\n", clean(&line)));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        text.push_str(&format!("# {}\n", clean(&line)));
    }
}

/// TOML comments hold no control characters.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn metric_line(metric: &Metric) -> String {
    let mut text = String::new();
    for line in &metric.comments {
        comment(&mut text, line);
    }
    let better = if metric.better == Better::Higher { "higher" } else { "lower" };
    text.push_str(&format!(
        "{} = {{ unit = \"{}\", better = \"{better}\", max_age = \"{}\", on_unknown = \"hold\"",
        metric.name, metric.unit, metric.max_age
    ));
    if let Some(after) = metric.unknown_after {
        text.push_str(&format!(", unknown_after = \"{after}\""));
    }
    text.push_str(&allow(&metric.allow));
    text.push_str(" }\n");
    text
}

fn allow(codes: &[(&str, &str)]) -> String {
    if codes.is_empty() {
        return String::new();
    }
    let each: Vec<String> = codes.iter().map(|(code, why)| format!("{code} = {}", quoted(why))).collect();
    format!(", allow = {{ {} }}", each.join(", "))
}

fn severities(draft: &Draft) -> String {
    let holds = draft.metrics.iter().flat_map(|metric| &metric.bounds).any(|bound| bound.level == Level::P1);
    let notify = match draft.notify.as_slice() {
        [] => String::new(),
        names => format!(", notify = [{}]", names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")),
    };
    let mut text = "\n".to_owned();
    comment(&mut text, "What failed there rolls back here; what was inconclusive there holds here.");
    if notify.is_empty() {
        comment(&mut text, "Nobody is told: name channels, as in notify = [\"slack\"].");
    }
    text.push_str(&format!("[severities]\np0 = {{ then = \"rollback\"{notify} }}\n"));
    if holds {
        text.push_str(&format!("p1 = {{ then = \"hold\"{notify} }}\n"));
    }
    text
}

fn thresholds(metric: &Metric) -> String {
    let mut text = format!("\n[thresholds.{}]\n", metric.name);
    for (level, key) in [(Level::P0, "p0"), (Level::P1, "p1")] {
        let bounds: Vec<&Bound> = metric.bounds.iter().filter(|bound| bound.level == level).collect();
        let mut said: Vec<&String> = Vec::new();
        for line in bounds.iter().flat_map(|bound| &bound.comments) {
            if !said.contains(&line) {
                comment(&mut text, line);
                said.push(line);
            }
        }
        match bounds.as_slice() {
            [] => {}
            [one] => text.push_str(&format!("{key} = {}\n", inline(one))),
            several => {
                let lines: Vec<String> = several.iter().map(|bound| inline(bound)).collect();
                text.push_str(&format!("{key} = [{}]\n", lines.join(", ")));
            }
        }
    }
    text
}

fn inline(bound: &Bound) -> String {
    let window = bound.window.map_or(String::new(), |(k, n)| format!(", for = \"{k} of {n}\""));
    let shadow = if bound.shadow { ", shadow = true" } else { "" };
    format!("{{ {}{window}{shadow} }}", bound.text)
}

fn stage_table(stage: &Stage) -> String {
    let mut text = "\n[[stages]]\n".to_owned();
    let mut lines = String::new();
    for line in &stage.comments {
        comment(&mut lines, line);
    }
    text.push_str(&lines);
    text.push_str(&format!("name = {}\n", quoted(&stage.name)));
    if stage.traffic > 0.0 {
        text.push_str(&format!("traffic = \"{}%\"\n", stage.traffic));
    }
    if let Some(audience) = stage.audience {
        text.push_str(&format!("audience = [{}]\n", quoted(audience)));
    }
    if let Some(bake) = stage.bake {
        text.push_str(&format!("bake = \"{bake}\"\n"));
    }
    if !stage.approvals.is_empty() {
        let roles: Vec<String> = stage.approvals.iter().map(|role| quoted(role)).collect();
        text.push_str(&format!("approvals = {{ roles = [{}] }}\n", roles.join(", ")));
    }
    text
}
