//! Looks at frames on their way to the machine, so that reports can draw what was observed.

use std::sync::{Arc, Mutex};

use crate::fixture::{DataError, DataReport, Frames};
use crate::model::frame::{Frame, MetricIx, Slot};
use crate::model::time::Time;
use crate::model::units::Better;
use crate::policy::compiled::Policy;

/// The readings of the newest frame, one per metric: the worst over its regions, of the group its checks read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observed {
    /// How many frames went by.
    pub frames: u64,
    /// The newest frame's time.
    pub at: Time,
    /// NaN where the frame has no number.
    pub values: Vec<f64>,
}

/// Frames with a look at each.
pub(super) struct Tap {
    inner: Box<dyn Frames>,
    /// The metric that each slot is drawn for, by slot; none where its checks read another group.
    drawn: Vec<Option<(MetricIx, Better)>>,
    observed: Arc<Mutex<Observed>>,
}

impl Tap {
    /// Around `inner`; what is seen is found in the second value.
    #[must_use]
    pub(super) fn new(inner: Box<dyn Frames>, policy: &Policy) -> (Tap, Arc<Mutex<Observed>>) {
        let values = vec![f64::NAN; policy.catalogue.metrics().len()];
        let observed = Arc::new(Mutex::new(Observed { values, ..Observed::default() }));
        let slots = 0..u32::try_from(policy.catalogue.slots()).unwrap_or(u32::MAX);
        let drawn = slots.map(|slot| drawn(policy, Slot(slot))).collect();
        (Tap { inner, drawn, observed: Arc::clone(&observed) }, observed)
    }

    fn look(&self, frame: &Frame) {
        // Nobody panics while holding it; if somebody did, a drawing is all that is lost.
        let Ok(mut observed) = self.observed.lock() else { return };
        observed.frames += 1;
        observed.at = frame.time;
        observed.values.fill(f64::NAN);
        for cell in &frame.cells {
            let Some(Some((metric, better))) = self.drawn.get(cell.slot.index()) else { continue };
            if cell.unknown.is_some() || !cell.value.is_finite() {
                continue;
            }
            if let Some(value) = observed.values.get_mut(usize::from(metric.0)) {
                *value = if value.is_nan() { cell.value } else { better.worse(*value, cell.value) };
            }
        }
    }
}

/// The metric that a slot is drawn for.
fn drawn(policy: &Policy, slot: Slot) -> Option<(MetricIx, Better)> {
    let (_, group, metric) = policy.catalogue.series(slot)?;
    let rules = policy.metrics.get(usize::from(metric.0))?;
    (rules.group == group).then_some((metric, policy.catalogue.metric(metric)?.better))
}

impl Frames for Tap {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, DataError> {
        let more = self.inner.next_frame(frame)?;
        if more {
            self.look(frame);
        }
        Ok(more)
    }

    fn report(&self) -> &DataReport {
        self.inner.report()
    }
}
