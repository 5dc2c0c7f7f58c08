//! What is true of the services, and what their sources say of it: mostly the truth.

use std::collections::BTreeMap;
use std::sync::Arc;

use rollgate::model::reading::Unknown;
use rollgate::model::snapshot::{Snapshot, WireReading};
use rollgate::model::time::Time;

use super::faults::Fault;
use super::policies::{Shape, rollout};
use super::rng::Rng;
use super::world::{Event, World, key};

/// How often a source emits.
pub const EVERY: i64 = 2000;

/// How a service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    Healthy,
    /// Errors far beyond P0.
    Breach,
    /// Errors beyond P1.
    Slow,
    /// Latency beyond its bound.
    Late,
    /// Too much load.
    Overload,
    /// The error rate is null.
    Null,
    /// The latency is no number.
    NotANumber,
    /// Fewer samples than count.
    Few,
    /// Nothing is emitted.
    Silent,
}

/// One region of one rollout.
#[derive(Debug)]
pub struct Source {
    pub rollout: usize,
    pub region: &'static str,
    pub truth: Truth,
    until: i64,
    last: Option<Arc<Snapshot>>,
    /// Only this node hears it, until then.
    pub only: Option<(usize, i64)>,
}

impl Source {
    pub fn all(shapes: &[Shape]) -> Vec<Source> {
        let of = |shape: &Shape| {
            let rollout = shape.rollout;
            shape.regions().iter().map(move |region| Source {
                rollout,
                region,
                truth: Truth::Healthy,
                until: 0,
                last: None,
                only: None,
            })
        };
        shapes.iter().flat_map(of).collect()
    }

    fn turn(&mut self, now: i64, healed: bool, rng: &mut Rng) {
        if healed {
            (self.truth, self.only) = (Truth::Healthy, None);
            return;
        }
        if now < self.until {
            return;
        }
        use Truth::{Breach, Few, Healthy, Late, NotANumber, Null, Overload, Silent, Slow};
        let was_healthy = self.truth == Healthy;
        self.truth = if was_healthy {
            rng.pick(&[Healthy, Healthy, Healthy, Breach, Breach, Slow, Late, Overload, Null, NotANumber, Few, Silent])
        } else {
            Healthy
        };
        let length = if self.truth == Healthy { rng.range(15_000, 70_000) } else { rng.range(2_000, 30_000) };
        self.until = now + length;
    }

    fn snapshot(&self, now: i64, exposure: Option<f64>, rng: &mut Rng) -> Snapshot {
        let noise = rng.below(100) as f64 / 1000.0;
        let errors = match self.truth {
            Truth::Breach => 9.0 + noise,
            Truth::Slow => 3.0 + noise,
            _ => 0.5 + noise,
        };
        let samples = if self.truth == Truth::Few { 10 } else { 400 };
        let errors = match self.truth {
            Truth::Null => WireReading::missing(Unknown::Absent),
            _ => WireReading { samples: Some(samples), ..WireReading::number(errors) },
        };
        let latency = match self.truth {
            Truth::Late => 800.0,
            Truth::NotANumber => f64::NAN,
            _ => 200.0 + noise,
        };
        let load = if self.truth == Truth::Overload { 97.0 } else { 40.0 + noise };
        let group = |pairs: &[(&str, WireReading)]| -> BTreeMap<String, WireReading> {
            pairs.iter().map(|(name, reading)| ((*name).to_owned(), *reading)).collect()
        };
        let groups = BTreeMap::from([
            ("treatment".to_owned(), group(&[("error_rate", errors), ("latency", WireReading::number(latency))])),
            ("all".to_owned(), group(&[("load", WireReading::number(load))])),
        ]);
        Snapshot {
            v: 1,
            time: Time::from_millis(now),
            rollout: Some(rollout(self.rollout).to_owned()),
            environment: Some("production".to_owned()),
            region: self.region.to_owned(),
            source: None,
            exposure,
            groups,
        }
    }
}

impl World {
    /// A source's turn.
    pub fn emit(&mut self, source: usize) -> Option<usize> {
        self.after(EVERY, Event::Emit { source });
        let (now, healed) = (self.now, self.healed);
        let of = &mut self.sources[source];
        let before = of.truth;
        of.turn(now, healed, &mut self.rng);
        let (truth, rollout, region) = (of.truth, of.rollout, of.region);
        if truth != before {
            self.tell(|| format!("{} {region}: it is {truth:?} now", key(rollout)));
        }
        let fault = match truth {
            Truth::NotANumber => Some(Fault::NotANumber),
            Truth::Null => Some(Fault::Null),
            Truth::Silent => Some(Fault::Gap),
            _ => None,
        };
        if let Some(fault) = fault {
            self.tally.note(fault);
        }
        if truth == Truth::Silent {
            return None;
        }
        let exposure = self.plan.observed_exposure.then(|| self.outside.shown[&key(rollout)].seen[region].0);
        let mut snapshot = self.sources[source].snapshot(now, exposure, &mut self.rng);
        if !healed {
            self.lie(&mut snapshot, source);
        }
        let snapshot = Arc::new(snapshot);
        self.sources[source].last = Some(Arc::clone(&snapshot));
        self.oracle.emitted(&key(rollout), &snapshot);
        self.deliver(source, &snapshot);
        None
    }

    /// What sources do to what they say.
    fn lie(&mut self, snapshot: &mut Snapshot, source: usize) {
        if self.rng.rarely(12) {
            self.note(Fault::Future);
            snapshot.time = Time::from_millis(self.now + self.rng.pick(&[20_000, 45_000, 600_000]));
        } else if self.rng.rarely(12)
            && let Some(last) = &self.sources[source].last
        {
            *snapshot = Snapshot::clone(last);
            self.note(Fault::Repeat);
        } else if self.rng.rarely(8) {
            snapshot.rollout = Some("another".to_owned());
            self.note(Fault::Foreign);
        }
    }

    fn deliver(&mut self, source: usize, snapshot: &Arc<Snapshot>) {
        let rollout = self.sources[source].rollout;
        let only = self.sources[source].only.filter(|(_, until)| self.now < *until).map(|(node, _)| node);
        for node in 0..self.plan.nodes {
            if only.is_some_and(|only| only != node) {
                self.tally.note(Fault::OneSided);
                continue;
            }
            let mut lag = self.rng.range(5, 120);
            if !self.healed && self.rng.rarely(15) {
                self.note(Fault::Late);
                lag += self.rng.range(6_000, 25_000);
            } else if !self.healed && self.rng.rarely(15) {
                self.note(Fault::Reordered);
                lag += self.rng.range(EVERY, 2 * EVERY);
            }
            let arrives = Event::Deliver { node, rollout, snapshot: Arc::clone(snapshot), tries: 0 };
            if !self.healed && self.rng.rarely(15) {
                self.note(Fault::Duplicate);
                let again = lag + self.rng.range(0, 3000);
                self.after(again, arrives.clone());
            }
            self.after(lag, arrives);
        }
    }
}
