//! What is true of the services, and what their sources say of it: mostly the truth.

use std::collections::BTreeMap;
use std::sync::Arc;

use rollgate::model::reading::Unknown;
use rollgate::model::snapshot::{Snapshot, WireReading};
use rollgate::model::time::Time;

use super::faults::Fault;
use super::policies::{Baseline, Shape, rollout};
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
    /// Errors far beyond P0, for those who do not have the change as well.
    Outage,
    /// Errors within every bound, and more than control has.
    Worse,
    /// Errors and load within every bound, and together too much.
    Storm,
    /// Latency beyond its bound.
    Late,
    /// Latency within its bound, and twice what it was before the rollout.
    Slower,
    /// A latency so small that the script fails on it.
    Odd,
    /// Too much load.
    Overload,
    /// The counter goes up.
    Cascade,
    /// The counter begins anew.
    Reset,
    /// The error rate is null.
    Null,
    /// The latency is no number.
    NotANumber,
    /// Fewer samples than count.
    Few,
    /// Nothing is told of control.
    NoControl,
    /// Nothing is emitted.
    Silent,
}

impl Truth {
    /// What may be wrong with a service of this shape: what its policy looks at more often than what it does not.
    fn any(shape: &Shape, rng: &mut Rng) -> Truth {
        use Truth::{
            Breach, Cascade, Few, Healthy, Late, NoControl, NotANumber, Null, Odd, Outage, Overload, Reset, Silent,
            Slow, Slower, Storm, Worse,
        };
        let mut of = vec![Healthy, Healthy, Healthy, Healthy, Breach, Breach, Slow, Late, Overload];
        of.extend([Null, NotANumber, Few, Silent]);
        if shape.control {
            of.extend([Outage, Worse, NoControl]);
        }
        if shape.script {
            of.extend([Storm, Odd]);
        }
        if shape.baseline != Baseline::None {
            of.push(Slower);
        }
        if shape.counter {
            of.extend([Cascade, Reset]);
        }
        rng.pick(&of)
    }

    const fn fault(self) -> Option<Fault> {
        Some(match self {
            Truth::NotANumber => Fault::NotANumber,
            Truth::Null => Fault::Null,
            Truth::Silent => Fault::Gap,
            Truth::NoControl => Fault::NoControl,
            Truth::Odd => Fault::ScriptFails,
            Truth::Reset => Fault::CounterReset,
            Truth::Outage => Fault::SharedCause,
            _ => return None,
        })
    }
}

/// One region of one rollout.
#[derive(Debug)]
pub struct Source {
    pub rollout: usize,
    pub region: &'static str,
    pub truth: Truth,
    until: i64,
    last: Option<Arc<Snapshot>>,
    /// Cascades so far.
    total: f64,
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
                total: 0.0,
                only: None,
            })
        };
        shapes.iter().flat_map(of).collect()
    }

    /// From now on it fails, for long enough to be seen.
    pub const fn breaks(&mut self, now: i64) {
        (self.truth, self.until) = (Truth::Breach, now + 12_000);
    }

    fn turn(&mut self, now: i64, healed: bool, shape: &Shape, rng: &mut Rng) {
        if healed {
            (self.truth, self.only) = (Truth::Healthy, None);
            return;
        }
        if now >= self.until {
            self.truth = if self.truth == Truth::Healthy { Truth::any(shape, rng) } else { Truth::Healthy };
            let length = match self.truth {
                Truth::Healthy => rng.range(15_000, 70_000),
                Truth::Reset => 1,
                _ => rng.range(2_000, 30_000),
            };
            self.until = now + length;
        }
        match self.truth {
            Truth::Cascade => self.total += 1.0,
            Truth::Reset => self.total = 0.0,
            _ => {}
        }
    }

    fn snapshot(&self, now: i64, exposure: Option<f64>, shape: &Shape, rng: &mut Rng) -> Snapshot {
        let noise = rng.below(100) as f64 / 1000.0;
        let errors = match self.truth {
            Truth::Breach | Truth::Outage => 9.0 + noise,
            Truth::Slow => 3.0 + noise,
            Truth::Worse => 1.8 + noise,
            Truth::Storm => 1.2 + noise,
            _ => 0.5 + noise,
        };
        let samples = if self.truth == Truth::Few { 10 } else { 400 };
        let errors = match self.truth {
            Truth::Null => WireReading::missing(Unknown::Absent),
            _ => WireReading { samples: Some(samples), ..WireReading::number(errors) },
        };
        let latency = match self.truth {
            Truth::Late => 800.0,
            Truth::Slower => 400.0,
            Truth::Odd => 0.2 + noise,
            Truth::NotANumber => f64::NAN,
            _ => 200.0 + noise,
        };
        let load = match self.truth {
            Truth::Overload => 97.0,
            Truth::Storm => 75.0 + noise,
            _ => 40.0 + noise,
        };
        let group = |pairs: &[(&str, WireReading)]| -> BTreeMap<String, WireReading> {
            pairs.iter().map(|(name, reading)| ((*name).to_owned(), *reading)).collect()
        };
        let mut all = vec![("load", WireReading::number(load))];
        if shape.baseline != Baseline::None {
            all.push(("latency", WireReading::number(200.0 + noise)));
        }
        if shape.counter {
            all.push(("cascades", WireReading::number(self.total)));
        }
        let mut groups = BTreeMap::from([
            ("treatment".to_owned(), group(&[("error_rate", errors), ("latency", WireReading::number(latency))])),
            ("all".to_owned(), group(&all)),
        ]);
        if shape.control && self.truth != Truth::NoControl {
            let errors = if self.truth == Truth::Outage { 9.0 + noise } else { 0.4 + noise };
            let errors = WireReading { samples: Some(400), ..WireReading::number(errors) };
            groups.insert("control".to_owned(), group(&[("error_rate", errors)]));
        }
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
        let shape = self.plan.shapes[of.rollout].clone();
        if !self.plan.calm {
            of.turn(now, healed, &shape, &mut self.rng);
        }
        let (truth, rollout, region) = (of.truth, of.rollout, of.region);
        if truth != before {
            self.tell(|| format!("{} {region}: it is {truth:?} now", key(rollout)));
        }
        if let Some(fault) = truth.fault() {
            self.tally.note(fault);
        }
        if truth == Truth::Silent {
            return None;
        }
        let exposure = self.plan.observed_exposure.then(|| self.outside.shown[&key(rollout)].seen[region].0);
        let mut snapshot = self.sources[source].snapshot(now, exposure, &shape, &mut self.rng);
        if !self.is_calm() {
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
        let mut only = self.sources[source].only.filter(|(_, until)| self.now < *until).map(|(node, _)| node);
        if self.plan.pushed {
            // Whoever pushes finds whoever leads; while nobody does, it tries the one that did.
            let holder = self.disk.lease.as_ref().map(|lease| lease.token.holder.clone());
            only = (0..self.plan.nodes).find(|node| Some(self.nodes[*node].holder()) == holder).or(Some(0));
            self.tally.note(Fault::Pushed);
        }
        for node in 0..self.plan.nodes {
            if only.is_some_and(|only| only != node) {
                if !self.plan.pushed {
                    self.tally.note(Fault::OneSided);
                }
                continue;
            }
            let mut lag = self.rng.range(5, 120);
            if !self.is_calm() && self.rng.rarely(15) {
                self.note(Fault::Late);
                lag += self.rng.range(6_000, 25_000);
            } else if !self.is_calm() && self.rng.rarely(15) {
                self.note(Fault::Reordered);
                lag += self.rng.range(EVERY, 2 * EVERY);
            }
            let arrives = Event::Deliver { node, rollout, snapshot: Arc::clone(snapshot), tries: 0 };
            if !self.is_calm() && self.rng.rarely(15) {
                self.note(Fault::Duplicate);
                let again = lag + self.rng.range(0, 3000);
                self.after(again, arrives.clone());
            }
            self.after(lag, arrives);
        }
    }
}
