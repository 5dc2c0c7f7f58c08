//! Snapshots to frames: names to slots, for one policy.

use crate::ledger::hash::Key;
use crate::model::frame::{Catalogue, Cell, Frame, Group};
use crate::model::reading::Unknown;
use crate::model::snapshot::Snapshot;
use crate::model::time::{Duration, Time};

/// A snapshot from further ahead than this is turned away: its readings would stay fresh long after their source died.
pub const EARLY: Duration = Duration::from_secs(30);

/// What was met on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Intake {
    /// Readings of metrics, groups or regions that the policy does not name.
    pub unmapped: usize,
}

/// The frame of a snapshot. A region that the policy does not expect is counted, like a metric that it does not name,
/// and otherwise ignored.
#[must_use]
pub fn framed(catalogue: &Catalogue, snapshot: &Snapshot) -> (Frame, Intake) {
    let mut frame = Frame { time: snapshot.time, exposure: snapshot.exposure, cells: Vec::new() };
    let mut intake = Intake::default();
    let region = catalogue.find_region(&snapshot.region);
    for (group, readings) in &snapshot.groups {
        let group = Group::from_name(group);
        for (metric, reading) in readings {
            let (Some(region), Some(group), Some(metric)) = (region, group, catalogue.find(metric)) else {
                intake.unmapped += 1;
                continue;
            };
            let unknown = reading.unknown.or_else(|| infinite_or_not_a_number(reading.value));
            frame.cells.push(Cell {
                slot: catalogue.slot(region, group, metric),
                observed: reading.observed.unwrap_or(snapshot.time),
                value: if unknown.is_some() { 0.0 } else { reading.value },
                samples: reading.samples,
                unknown,
            });
        }
    }
    (frame, intake)
}

const fn infinite_or_not_a_number(value: f64) -> Option<Unknown> {
    if value.is_nan() {
        Some(Unknown::NotANumber)
    } else if value.is_infinite() {
        Some(Unknown::Infinite)
    } else {
        None
    }
}

/// Why a snapshot is not for `key`, or not to be believed at `now`.
#[must_use]
pub fn why_turned_away(key: &Key, snapshot: &Snapshot, now: Time) -> Option<String> {
    let other = |what: &str, named: &Option<String>, mine: &str| {
        named.as_deref().filter(|named| *named != mine).map(|named| format!("it is of {what} `{named}`, not `{mine}`"))
    };
    other("rollout", &snapshot.rollout, key.rollout.as_str())
        .or_else(|| other("environment", &snapshot.environment, key.environment.as_str()))
        .or_else(|| {
            (snapshot.time > now + EARLY).then(|| {
                let ahead = snapshot.time.since(now);
                format!("its time {} is {ahead} in the future; is the clock of its source right?", snapshot.time)
            })
        })
}
