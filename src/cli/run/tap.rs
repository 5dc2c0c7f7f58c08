//! Looks at frames on their way to the machine, so that reports can draw what was observed.

use std::sync::{Arc, Mutex};

use crate::fixture::{DataError, DataReport, Frames};
use crate::model::frame::{Frame, MetricIx};
use crate::model::time::Time;
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
    policy: Arc<Policy>,
    observed: Arc<Mutex<Observed>>,
}

impl Tap {
    /// Around `inner`; what is seen is found in the second value.
    #[must_use]
    pub(super) fn new(inner: Box<dyn Frames>, policy: Arc<Policy>) -> (Tap, Arc<Mutex<Observed>>) {
        let values = vec![f64::NAN; policy.catalogue.metrics().len()];
        let observed = Arc::new(Mutex::new(Observed { values, ..Observed::default() }));
        (Tap { inner, policy, observed: Arc::clone(&observed) }, observed)
    }

    fn look(&self, frame: &Frame) {
        // Nobody panics while holding it; if somebody did, a drawing is all that is lost.
        let Ok(mut observed) = self.observed.lock() else { return };
        observed.frames += 1;
        observed.at = frame.time;
        observed.values.fill(f64::NAN);
        for cell in &frame.cells {
            let Some((_, group, metric)) = self.policy.catalogue.series(cell.slot) else { continue };
            if cell.unknown.is_some() || !cell.value.is_finite() || self.group(metric) != Some(group) {
                continue;
            }
            let better = self.policy.catalogue.metric(metric).map(|metric| metric.better);
            if let (Some(value), Some(better)) = (observed.values.get_mut(usize::from(metric.0)), better) {
                *value = if value.is_nan() { cell.value } else { better.worse(*value, cell.value) };
            }
        }
    }

    fn group(&self, metric: MetricIx) -> Option<crate::model::frame::Group> {
        self.policy.metrics.get(usize::from(metric.0)).map(|rules| rules.group)
    }
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
