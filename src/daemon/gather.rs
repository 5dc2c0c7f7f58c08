//! Sources that are asked: one thread each, so that one that hangs keeps nobody waiting but itself.

use std::time::Duration as Wait;

use crate::model::time::Time;
use crate::ports::source::{Source, SourceError};
use crate::shell::clock::{self, Stopwatch};

use super::desk::{NotAccepted, SourceHealth};
use super::house::House;
use super::staff::Closing;

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
    let mut health =
        SourceHealth { name: name.clone(), last_snapshot: None, last_answer: None, problem: None, failures: 0 };
    house.source_is(health.clone(), asking.feeds.clone());
    loop {
        let asked = Stopwatch::start();
        let now = clock::now();
        let outcome = poll(house, source, now, &asking.feeds);
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

fn poll(house: &House, source: &mut dyn Source, now: Time, feeds: &[String]) -> Result<Option<Time>, Failed> {
    let snapshots = source.poll(now).map_err(Failed::Source)?;
    let newest = snapshots.iter().map(|snapshot| snapshot.time).max();
    let name = source.name().to_owned();
    for rollout in house.fed_by(feeds) {
        let mut own = snapshots.clone();
        for snapshot in &mut own {
            snapshot.rollout.get_or_insert_with(|| rollout.rollout.to_string());
            snapshot.environment.get_or_insert_with(|| rollout.environment.to_string());
            snapshot.source.get_or_insert_with(|| name.clone());
        }
        own.retain(|snapshot| snapshot.rollout.as_deref() == Some(rollout.rollout.as_str()));
        if !own.is_empty() {
            house.take_in(&name, own).map_err(Failed::NotTaken)?;
        }
    }
    source.acknowledge().map_err(Failed::Source)?;
    Ok(newest)
}

fn tell(name: &str, health: &mut SourceHealth, outcome: Result<Option<Time>, Failed>, now: Time) {
    let problem = match outcome {
        Ok(newest) => {
            health.last_answer = Some(now);
            health.last_snapshot = newest.or(health.last_snapshot);
            health.failures = 0;
            None
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
            Some(problem) => tracing::warn!(source = name, %problem, "a source fails"),
            None => tracing::info!(source = name, "a source answers again"),
        }
    }
    health.problem = problem;
}
