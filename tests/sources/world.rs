//! What the contract needs of a source under test: a hand on its other side.

use std::time::{Duration, Instant};

use rollgate::model::snapshot::{Snapshot, WireReading};
use rollgate::model::time::Time;
use rollgate::ports::source::{Source, SourceError};

/// The metric that every world talks about, of the treatment group.
pub const METRIC: &str = "error_rate";

/// What the other side says from now on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Say {
    Number(f64),
    NotANumber,
    /// It has no value at all.
    Nothing,
    /// It says that it has not seen everything.
    Partial,
    /// Observed earlier than what it said before.
    Behind(f64),
    /// Observed an hour from now.
    Ahead(f64),
}

/// A source and its other side.
pub trait World {
    fn source(&mut self) -> &mut dyn Source;
    /// How long one call may take.
    fn deadline(&self) -> Duration;
    /// Makes the other side say something, and tells of when it says that is.
    fn say(&mut self, what: Say) -> Time;
    /// The other side accepts questions and answers none.
    fn hang(&mut self);
    /// The other side is gone.
    fn die(&mut self);
    /// It is as it was before it hung or died.
    fn recover(&mut self);
    /// This side is killed, and starts again.
    fn restart(&mut self);
}

/// How long anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits for a condition.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what} did not come about");
        std::thread::sleep(PAUSE);
    }
}

pub fn now() -> Time {
    rollgate::shell::clock::now()
}

/// The reading of [`METRIC`] in a snapshot, and when it was observed.
pub fn reading(snapshot: &Snapshot) -> Option<(WireReading, Time)> {
    let reading = *snapshot.groups.get("treatment")?.get(METRIC)?;
    Some((reading, reading.observed.unwrap_or(snapshot.time)))
}

/// Asks until a reading comes that is `wanted`; everything that came, that one last.
pub fn await_reading(world: &mut dyn World, wanted: impl Fn(&WireReading) -> bool) -> Vec<(WireReading, Time)> {
    let mut came = Vec::new();
    let started = Instant::now();
    loop {
        let last = match world.source().poll(now()) {
            Ok(snapshots) => {
                for (reading, at) in snapshots.iter().filter_map(reading) {
                    came.push((reading, at));
                    if wanted(&reading) {
                        return came;
                    }
                }
                format!("{snapshots:?} {:?}", world.source().problems())
            }
            Err(error) => error.to_string(),
        };
        assert!(started.elapsed() < PATIENCE, "no such reading came; the last answer was {last}");
        std::thread::sleep(PAUSE);
    }
}

/// Asks once.
pub fn poll(world: &mut dyn World) -> Result<Vec<Snapshot>, SourceError> {
    world.source().poll(now())
}

pub fn is_number(value: f64) -> impl Fn(&WireReading) -> bool {
    move |reading| reading.unknown.is_none() && reading.value.to_bits() == value.to_bits()
}
