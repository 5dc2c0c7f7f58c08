//! What a controller heard, as the oracle remembers it: every reading of every series that was newer than the one before.

use rollgate::model::snapshot::Snapshot;
use rollgate::model::time::Time;

use super::policies::{BASELINE_WINDOW, MAX_AGE, SAMPLES};

/// The series that the policies read: group and metric.
pub const SERIES: [(&str, &str); 6] = [
    ("treatment", "error_rate"),
    ("treatment", "latency"),
    ("all", "load"),
    ("control", "error_rate"),
    ("all", "latency"),
    ("all", "cascades"),
];
pub const ERRORS: usize = 0;
pub const LATENCY: usize = 1;
pub const LOAD: usize = 2;
pub const CONTROL: usize = 3;
pub const BEFORE: usize = 4;
pub const CASCADES: usize = 5;

/// The comparison with control looks at so many readings, and so many of them must be known.
const RING: usize = 15;
const KNOWN: usize = 8;

/// A reading, as it was heard.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    pub observed: Time,
    pub value: Option<f64>,
    pub samples: Option<u64>,
}

/// What was heard of one region.
#[derive(Debug, Clone, Default)]
pub struct Ear {
    past: [Vec<Heard>; SERIES.len()],
}

/// A rollout's regions: `eu` (or the only one) and `us`.
pub type Ears = [Ear; 2];

impl Ear {
    /// A snapshot comes in. What is dated later than `limit` is forgotten: a wrong clock took it for the present.
    pub fn hear(&mut self, snapshot: &Snapshot, limit: i64) {
        for (series, past) in self.past.iter_mut().enumerate() {
            let (group, metric) = SERIES[series];
            let Some(reading) = snapshot.groups.get(group).and_then(|group| group.get(metric)) else { continue };
            let value = (reading.unknown.is_none() && reading.value.is_finite()).then_some(reading.value);
            let new = Heard { observed: snapshot.time, value, samples: reading.samples };
            while past.last().is_some_and(|last| last.observed.as_millis() > limit) {
                past.pop();
            }
            match past.last_mut() {
                Some(last) if last.observed > new.observed => {}
                // Of two answers for one instant the worse stands; of two totals the first, and what the second has more is
                // counted with the next.
                Some(last) if last.observed == new.observed => {
                    let more = last.value.zip(new.value).is_some_and(|(old, new)| new > old);
                    let worse = more && series != CASCADES || last.value.is_none();
                    if worse {
                        *last = new;
                    }
                }
                _ => past.push(new),
            }
        }
    }

    pub fn last(&self, series: usize) -> Option<&Heard> {
        self.past[series].last()
    }

    /// Why a reading is unknown at `now`, by the simplest rules; its value when it is not.
    pub fn reading(&self, series: usize, now: i64) -> Result<f64, String> {
        let (group, metric) = SERIES[series];
        let Some(last) = self.last(series) else { return Err(format!("{metric} of {group} was never heard")) };
        let age = now - last.observed.as_millis();
        let few = metric == "error_rate" && last.samples.is_none_or(|samples| samples < SAMPLES);
        match last.value {
            Some(value) if !few && age <= MAX_AGE => Ok(if series == CASCADES { self.growth()? } else { value }),
            _ => Err(format!("{metric} of {group} is {last:?}, {age}ms old")),
        }
    }

    /// Whether a total that was observed after `since` is another than the one heard before it.
    pub fn counts_more(&self, since: Time) -> bool {
        let totals: Vec<&Heard> = self.past[CASCADES].iter().filter(|heard| heard.value.is_some()).collect();
        totals.windows(2).any(|pair| {
            let [before, last] = pair else { return false };
            let follows = last.observed.since(before.observed).as_millis() <= MAX_AGE;
            last.observed > since && follows && last.value != before.value && last.value > Some(0.0)
        })
    }

    /// How much the counter grew last.
    fn growth(&self) -> Result<f64, String> {
        let [.., before, last] = self.past[CASCADES].as_slice() else {
            return Err("the counter was heard once, and grew by nobody knows what".to_owned());
        };
        let gap = last.observed.since(before.observed).as_millis();
        let (Some(was), Some(is)) = (before.value, last.value) else { return Err("the counter is unknown".to_owned()) };
        if gap > MAX_AGE {
            return Err(format!("the counter was not heard for {gap}ms"));
        }
        Ok(if is < was { is } else { is - was })
    }

    /// The median of control's errors, or why there is none.
    pub fn control(&self, now: i64) -> Result<f64, String> {
        self.reading(CONTROL, now)?;
        let last = self.past[CONTROL].iter().rev().take(RING);
        let enough = |heard: &&Heard| heard.samples.is_some_and(|samples| samples >= SAMPLES);
        let mut known: Vec<f64> = last.filter(enough).filter_map(|heard| heard.value).collect();
        if known.len() < KNOWN {
            return Err(format!("{} of {KNOWN} readings of control were heard", known.len()));
        }
        known.sort_by(f64::total_cmp);
        Ok(known[known.len() / 2])
    }

    /// What was heard of the latency before the rollout, in the last window.
    pub fn before(&self, now: i64) -> Vec<f64> {
        let within = |heard: &&Heard| now - heard.observed.as_millis() <= BASELINE_WINDOW;
        self.past[BEFORE].iter().filter(within).filter_map(|heard| heard.value).collect()
    }

    /// The samples behind the errors that were observed after `since`.
    pub fn samples(&self, since: Time) -> u64 {
        let counts = self.past[ERRORS].iter().filter(|heard| heard.observed > since && heard.value.is_some());
        counts.filter_map(|heard| heard.samples).sum()
    }
}
