//! Sources that are asked: one thread each, so that one that hangs keeps nobody waiting but itself.

use std::time::Duration as Wait;

use crate::model::snapshot::Snapshot;
use crate::model::time::Time;
use crate::ports::source::{Source, SourceError};
use crate::shell::clock::{self, Stopwatch};

use super::desk::{NotAccepted, SourceHealth};
use super::house::House;
use super::staff::Closing;
use super::traces::Kind;

/// How a source is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// How often.
    pub every: Wait,
    /// The rollouts it feeds; every one when empty.
    pub feeds: Vec<String>,
}

/// Asks `source` until the house closes.
pub fn ask(house: &House, source: &mut dyn Source, asking: &Asking, closing: &Closing) {
    let name = source.name().to_owned();
    let mut health = SourceHealth::silent(&name);
    house.source_is(health.clone(), asking.feeds.clone());
    loop {
        let asked = Stopwatch::start();
        let now = clock::now();
        let mut span = house.telemetry().tracer().begin("poll", Kind::Client);
        span.set("rollgate.source", name.as_str());
        let outcome = span.within(|| poll(house, source, now, &asking.feeds));
        let result = match &outcome {
            Ok(Answer { newest: Some(_), .. }) => "ok",
            Ok(_) => "empty",
            Err(Failed::Source(error)) => error.kind(),
            Err(Failed::NotTaken(_)) => "not_taken",
        };
        span.set("rollgate.result", result);
        match &outcome {
            Err(Failed::Source(error)) => span.fail(error.to_string()),
            Err(Failed::NotTaken(error)) => span.fail(error.to_string()),
            Ok(_) => {}
        }
        drop(span);
        for key in house.fed_by(&asking.feeds) {
            house.telemetry().polled(&key, &name, result, asked.seconds());
        }
        tell(&name, &mut health, outcome, now);
        house.source_is(health.clone(), asking.feeds.clone());
        let spent = Wait::from_millis(asked.elapsed().as_millis().unsigned_abs());
        if closing.sleep(asking.every.saturating_sub(spent)) {
            return;
        }
    }
}

/// Why an asking came to nothing.
enum Failed {
    Source(SourceError),
    NotTaken(NotAccepted),
}

/// An answer, and what was wrong with it although it was one.
struct Answer {
    newest: Option<Time>,
    problems: Vec<String>,
}

fn poll(house: &House, source: &mut dyn Source, now: Time, feeds: &[String]) -> Result<Answer, Failed> {
    let snapshots = source.poll(now).map_err(Failed::Source)?;
    let newest = snapshots.iter().map(|snapshot| snapshot.time).max();
    let name = source.name().to_owned();
    let mut problems = source.problems().to_vec();
    for rollout in house.fed_by(feeds) {
        let mut own = snapshots.clone();
        for snapshot in &mut own {
            snapshot.rollout.get_or_insert_with(|| rollout.rollout.to_string());
            snapshot.environment.get_or_insert_with(|| rollout.environment.to_string());
            snapshot.source.get_or_insert_with(|| name.clone());
        }
        own.retain(|snapshot| snapshot.rollout.as_deref() == Some(rollout.rollout.as_str()));
        keep(house, &name, own, &mut problems).map_err(Failed::NotTaken)?;
    }
    source.acknowledge().map_err(Failed::Source)?;
    Ok(Answer { newest, problems })
}

/// Has everything kept that can be. A push is taken whole or not at all, so where one snapshot can never be taken (it is
/// of the future, or of a rollout that is not governed here) it is looked for by halves, told and left out: it must
/// neither cost the others nor come again for ever. What could be taken later comes again: the source is not told.
fn keep(house: &House, name: &str, mut own: Vec<Snapshot>, problems: &mut Vec<String>) -> Result<(), NotAccepted> {
    if own.is_empty() {
        return Ok(());
    }
    match house.take_in(name, own.clone()) {
        Ok(_) => Ok(()),
        Err(later @ (NotAccepted::Busy(_) | NotAccepted::NotKept(_))) => Err(later),
        Err(never) if own.len() == 1 => {
            problems.push(never.to_string());
            Ok(())
        }
        Err(_) => {
            let rest = own.split_off(own.len() / 2);
            keep(house, name, own, problems)?;
            keep(house, name, rest, problems)
        }
    }
}

fn tell(name: &str, health: &mut SourceHealth, outcome: Result<Answer, Failed>, now: Time) {
    let problem = match outcome {
        Ok(Answer { newest, problems }) => {
            health.last_answer = Some(now);
            health.last_snapshot = newest.or(health.last_snapshot);
            health.failures = 0;
            (!problems.is_empty()).then(|| problems.join("; "))
        }
        Err(failed) => {
            health.failures += 1;
            Some(match failed {
                Failed::Source(error) => format!("{}: {error}", error.kind()),
                Failed::NotTaken(error) => format!("what it gives cannot be taken: {error}"),
            })
        }
    };
    if problem != health.problem {
        match &problem {
            Some(problem) if health.failures == 0 => {
                tracing::warn!(source = name, %problem, "a source answers in part")
            }
            Some(problem) => tracing::warn!(source = name, %problem, "a source fails"),
            None => tracing::info!(source = name, "a source answers again"),
        }
    }
    health.problem = problem;
}
