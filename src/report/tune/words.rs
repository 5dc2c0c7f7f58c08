//! What a sweep supports, in sentences that claim no more than the recordings hold.

use std::ops::RangeInclusive;

use crate::model::time::Duration;
use crate::review::sweep::evidence::{Best, Choice, choice, may_be};
use crate::review::sweep::{Outcome, Point};

use super::Tuned;

/// Fewer than this and the bounds on what was not seen are worth a sentence.
const FEW: usize = 60;

/// Every sentence, the answer first.
pub(super) fn says(tuned: &Tuned) -> Vec<String> {
    let points = &tuned.values;
    let mut says = Vec::new();
    match choice(points) {
        Choice::Nothing => says.push("no value compiles: nothing was tried".to_owned()),
        Choice::AllAlike(outcome) if points.iter().filter(|point| point.outcome.is_some()).count() == 1 => {
            let only = points.iter().find(|point| point.outcome.is_some()).map_or("", |point| point.value.as_str());
            says.push(format!("only {only} compiles: {}; there is nothing to compare it with", did(outcome)));
        }
        Choice::AllAlike(outcome) => {
            says.push(format!(
                "every value that was tried does equally well: {}; these recordings do not say which it should be",
                did(outcome)
            ));
            says.extend(times(points, &[0..=points.len().saturating_sub(1)]));
        }
        Choice::Best(best) => {
            says.push(equally(points, &best, "do equally well, and better than the rest", "does better than the rest"));
            says.extend(in_force(points, &best));
            says.extend(times(points, &best.runs));
        }
        Choice::Tradeoff { most, least } => {
            says.push(equally(points, &most, "catch the most", "catches the most"));
            says.push(equally(points, &least, "stop the fewest", "stops the fewest"));
            says.push("what a missed incident costs beside a stopped release is not in the recordings".to_owned());
            says.extend(in_force(points, &most));
        }
    }
    says.extend(undecided(points, tuned));
    says.extend(few(points));
    says
}

/// `caught 7 of 7, stopped 0 of 17`
fn did(outcome: &Outcome) -> String {
    let tally = &outcome.tally;
    let mut parts = Vec::new();
    if tally.incidents > 0 {
        parts.push(format!("caught {} of {}", tally.caught, tally.incidents));
    }
    if tally.good > 0 {
        parts.push(format!("stopped {} of {}", tally.stopped, tally.good));
    }
    if outcome.false_alarms > tally.stopped {
        parts.push(format!("{} false alarms in all", outcome.false_alarms));
    }
    parts.join(", ")
}

/// `94% to 96.5% do equally well: caught 7 of 7, stopped 0 of 17`
fn equally(points: &[Point], best: &Best<'_>, several: &str, one: &str) -> String {
    let value = |at: usize| points.get(at).map_or("", |point| point.value.as_str());
    let run = |run: &RangeInclusive<usize>| match run.end() - run.start() {
        0 => value(*run.start()).to_owned(),
        _ => format!("{} to {}", value(*run.start()), value(*run.end())),
    };
    let runs: Vec<String> = best.runs.iter().map(run).collect();
    let alone = best.runs.len() == 1 && best.runs.iter().all(|run| run.start() == run.end());
    format!("{} {}: {}", listed(&runs), if alone { one } else { several }, did(best.outcome))
}

fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// Where the value in force stands.
fn in_force(points: &[Point], best: &Best<'_>) -> Option<String> {
    let (at, current) = points.iter().enumerate().find(|(_, point)| point.current)?;
    let among = best.runs.iter().any(|run| run.contains(&at));
    let alone = best.runs.iter().map(|run| run.end() - run.start() + 1).sum::<usize>() == 1;
    Some(match (among, alone, &current.outcome) {
        (true, true, _) => format!("{} is in force", current.value),
        (true, false, _) => format!("{}, in force, is among them", current.value),
        (false, _, Some(outcome)) => format!("{} is in force: {}", current.value, did(outcome)),
        (false, _, None) => format!("{} is in force, and does not compile", current.value),
    })
}

/// Among values that do equally well, which stop an incident sooner: in the middle, or else at worst.
fn times(points: &[Point], runs: &[RangeInclusive<usize>]) -> Option<String> {
    let among: Vec<&Point> = runs.iter().flat_map(|run| points.get(run.clone()).unwrap_or_default()).collect();
    let by = |time: fn(&Outcome) -> Option<Duration>, words: &str| {
        let timed: Vec<(&str, Duration)> =
            among.iter().filter_map(|point| Some((point.value.as_str(), time(point.outcome.as_ref()?)?))).collect();
        let least = timed.iter().map(|(_, time)| *time).min()?;
        let most = timed.iter().map(|(_, time)| *time).max()?;
        // Neighbours on the grid: the first and the last of those that share it say enough.
        let those = |wanted: Duration| {
            let mut with = timed.iter().filter(|(_, time)| *time == wanted).map(|(value, _)| *value);
            match (with.next(), with.next_back()) {
                (Some(first), Some(last)) => format!("{first} to {last}"),
                (first, _) => first.unwrap_or_default().to_owned(),
            }
        };
        (least != most).then(|| {
            format!("{words} time to stop among them: from {least} ({}) to {most} ({})", those(least), those(most))
        })
    };
    by(|outcome| outcome.tally.median_to_stop, "median").or_else(|| by(|outcome| outcome.worst_to_stop, "longest"))
}

/// A check that decides nothing is not what was measured.
fn undecided(points: &[Point], tuned: &Tuned) -> Option<String> {
    let mut outcomes = points.iter().filter_map(|point| point.outcome.as_ref()).peekable();
    outcomes.peek()?;
    outcomes.all(|outcome| outcome.decided == 0).then(|| {
        let check = &tuned.check;
        let scripts: Vec<String> = tuned.asked_by.iter().map(|script| format!("`{script}`")).collect();
        match scripts.as_slice() {
            [] => format!(
                "{check} decides no roll back at any of these values: what was caught, other checks caught"
            ),
            [script] => format!(
                "{check} itself decides no roll back at any of these values; the script {script} asks whether it fires, and \
                 decides by that"
            ),
            several => format!(
                "{check} itself decides no roll back at any of these values; the scripts {} ask whether it fires, and \
                 decide by that",
                listed(several)
            ),
        }
    })
}

/// How much so few recordings leave open.
fn few(points: &[Point]) -> Option<String> {
    let best = match choice(points) {
        Choice::AllAlike(outcome) => outcome,
        Choice::Best(best) => best.outcome,
        Choice::Tradeoff { most, .. } => most.outcome,
        Choice::Nothing => return None,
    };
    let tally = &best.tally;
    let mut parts = Vec::new();
    if tally.incidents < FEW
        && let Some(percent) = may_be(tally.incidents.saturating_sub(tally.caught), tally.incidents)
    {
        let incidents = tally.incidents;
        parts.push(format!("{} of {incidents} caught leaves room for missing {percent}% of incidents", tally.caught));
    }
    if tally.good < FEW
        && let Some(percent) = may_be(tally.stopped, tally.good)
    {
        parts.push(format!("{} of {} stopped for stopping {percent}% of good releases", tally.stopped, tally.good));
    }
    let first = parts.first()?.clone();
    let words = match parts.get(1) {
        Some(second) => format!("{first}, {second}"),
        None => first.replace(" stopped for ", " stopped leaves room for "),
    };
    Some(format!("few recordings: {words} (at 95% confidence)"))
}
