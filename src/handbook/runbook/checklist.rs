//! Section 1: what must be true before anything is exposed.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::frame::{Group, MetricIx};
use crate::model::units::{Better, Unit};
use crate::policy::compiled::MetricLimits;

use super::super::markdown::{and, code, codes, count, prose};
use super::super::stages::approvals;
use super::super::words::{condition, grouped, held};
use super::super::{Handbook, commands};

pub(super) fn text(book: &Handbook<'_>) -> String {
    let mut parts = vec![
        part("The policy", policy(book)),
        part("The flags", flags(book)),
        part("The metrics", metrics(book)),
        part("The comparison", baseline(book)),
        part("The way out of the first stage", first_stage(book)),
        part("The calendar", calendar(book)),
        part("The people", people(book)),
    ];
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn part(title: &str, items: Vec<String>) -> String {
    if items.is_empty() {
        return String::new();
    }
    let items: String = items.iter().map(|item| format!("- [ ] {item}\n")).collect();
    format!("**{title}**\n\n{items}")
}

fn policy(book: &Handbook<'_>) -> Vec<String> {
    let mut items = vec![
        format!("It is sound: {} ends with 0.", code(&commands::check(book))),
        format!("It does what its tests say: {} ends with 0.", code(&commands::test(book))),
        format!(
            "This page is about the policy that will run: {} prints it again.",
            code(&commands::docs(book, "runbook"))
        ),
    ];
    let agreed = |name: &str, text: &str| format!("{}: {}", prose(name), prose(text));
    let objectives: Vec<String> =
        book.policy.objectives.iter().map(|objective| agreed(&objective.name, &objective.text)).collect();
    if !objectives.is_empty() {
        items.push(format!("The objectives still stand: {}.", objectives.join("; ")));
    }
    items
}

fn flags(book: &Handbook<'_>) -> Vec<String> {
    let names = codes(book.policy.features.iter());
    let flags = count(book.policy.features.len(), "flag");
    let (exist, they, all) = if book.policy.features.len() == 1 {
        ("exists", "It is", "it")
    } else {
        ("exist", "All of them are", "all of them")
    };
    let mut items = vec![format!("{flags} {exist}: {names}.")];
    if let Some(first) = book.policy.stages.first().filter(|stage| stage.is_unexposed()) {
        let stage = code(first.name.as_str());
        items.push(format!("{they} at 0% in {}, as stage {stage} says.", environment(book)));
    }
    items.push(format!("You can set {all} to 0% by hand, without rollgate, and have tried it."));
    items
}

fn environment(book: &Handbook<'_>) -> String {
    code(book.policy.environment.as_str())
}

/// The groups that each metric is read from, anywhere on the ladder.
fn groups(book: &Handbook<'_>) -> BTreeMap<MetricIx, BTreeSet<Group>> {
    let mut found: BTreeMap<MetricIx, BTreeSet<Group>> = BTreeMap::new();
    for (ix, _) in book.ladder() {
        for (metric, group) in book.series_of(ix) {
            found.entry(metric).or_default().insert(group);
        }
    }
    found
}

fn metrics(book: &Handbook<'_>) -> Vec<String> {
    let regions: Vec<&str> = book.policy.catalogue.regions().iter().map(|region| region.as_str()).collect();
    let everywhere = if regions.iter().all(|region| region.is_empty()) {
        String::new()
    } else {
        format!(", in each of {}", codes(regions))
    };
    groups(book).into_iter().filter_map(|(ix, groups)| one_metric(book, ix, &groups, &everywhere)).collect()
}

fn one_metric(book: &Handbook<'_>, ix: MetricIx, groups: &BTreeSet<Group>, everywhere: &str) -> Option<String> {
    let metric = book.policy.catalogue.metric(ix)?;
    let rules = book.policy.metrics.get(usize::from(ix.0))?;
    let base = MetricLimits { max_age: rules.max_age, min_samples: rules.min_samples };
    let good = match (metric.unit, metric.better) {
        (Unit::State, _) => "`ok` or `failed`".to_owned(),
        (unit, Better::Higher) => format!("{unit}, higher is better"),
        (unit, Better::Lower) => format!("{unit}, lower is better"),
    };
    let mut text = format!(
        "{} ({good}) reports for {}{everywhere}: {}",
        code(metric.name.as_str()),
        and(groups.iter().map(|group| group.name())),
        limits(base)
    );
    let differ: Vec<String> = book
        .ladder()
        .filter_map(|(_, stage)| Some((stage, *stage.limits.get(usize::from(ix.0))?)))
        .filter(|(_, own)| *own != base)
        .map(|(stage, own)| format!("in {} {}", code(stage.name.as_str()), limits(own)))
        .collect();
    if !differ.is_empty() {
        text.push_str(&format!(" ({})", differ.join("; ")));
    }
    if groups.contains(&Group::Treatment) && book.first_exposed().is_some_and(|first| first.0 > 0) {
        text.push_str(". Treatment is empty until somebody is exposed");
    }
    text.push('.');
    Some(text)
}

fn limits(limits: MetricLimits) -> String {
    let age = format!("a reading at least every {}", limits.max_age);
    match limits.min_samples {
        0 => age,
        samples => format!("{age}, each resting on at least {} samples", grouped(samples)),
    }
}

fn baseline(book: &Handbook<'_>) -> Vec<String> {
    let compared = book.baselines();
    if compared.is_empty() {
        return Vec::new();
    }
    let rules = book.policy.baseline;
    let names = codes(compared.iter().map(|ix| book.metric_name(*ix)));
    let percent = crate::model::units::Unit::Percent.show(rules.drift * 100.0);
    let mut items = vec![format!(
        "{names}: at least {} in the {} before the first exposure, from group `all`, else `control`, and the newest of them \
         within {percent} of their median. That median is the baseline; without it nobody is exposed.",
        count(usize::try_from(rules.min_points).unwrap_or(usize::MAX), "reading"),
        rules.window,
    )];
    items.extend(
        rules.max_age.map(|age| format!("The rollout is done within {age}: an older baseline is no baseline.")),
    );
    items
}

fn first_stage(book: &Handbook<'_>) -> Vec<String> {
    let Some(first) = book.policy.stages.first() else { return Vec::new() };
    let gates = first.gates.iter().filter_map(|ix| book.policy.check(*ix));
    let mut items: Vec<String> = gates
        .map(|gate| {
            format!("Gate {} can open: {}, {}.", code(gate.id.as_str()), condition(book.policy, gate), held(gate.clear))
        })
        .collect();
    items.extend(first.bake.map(|bake| format!("There is time for its bake: {bake} of good time.")));
    items
}

fn calendar(book: &Handbook<'_>) -> Vec<String> {
    let freezes = book.freeze_words();
    if freezes.is_empty() {
        return Vec::new();
    }
    let plan = code(&format!("{} --start 2026-11-30T08:00:00Z", commands::docs(book, "plan")));
    vec![
        format!("No stage needs to be left in a freeze: {}.", freezes.join("; ")),
        format!("The dates are known and fit; for a start on a Monday morning: {plan}."),
    ]
}

fn people(book: &Handbook<'_>) -> Vec<String> {
    let mut items: Vec<String> = book
        .ladder()
        .filter_map(|(_, stage)| Some((stage, approvals(stage)?)))
        .map(|(stage, who)| format!("Will be there to approve leaving {}: {who}.", code(stage.name.as_str())))
        .collect();
    let mut channels: Vec<&str> = Vec::new();
    for name in book.policy.severities.iter().flat_map(|rules| &rules.notify) {
        if !channels.contains(&name.as_str()) {
            channels.push(name);
        }
    }
    if channels.is_empty() {
        items.push(format!("Somebody watches the whole time: in {} no severity tells any channel.", environment(book)));
    } else {
        items.push(format!("A test message arrives on {}.", and(channels.iter().map(|name| code(name)))));
    }
    items.extend(book.policy.owner.as_ref().map(|owner| format!("{} knows that it starts, and answers.", code(owner))));
    items
}
