//! Bake: good time, not wall time. It counts between two evaluations that both found nothing against the rollout.

use crate::model::time::{Duration, Time};

use super::machine::Machine;

impl Machine {
    /// Whether the time that passes now counts towards the bake.
    pub(crate) fn bake_counts(&self) -> bool {
        let (state, tally) = (self.state(), &self.tally);
        // Where every region is taken back, there is nobody left to be well.
        let regions = self.policy().catalogue.regions();
        let all_back = !state.latched_regions.is_empty()
            && regions.iter().all(|region| state.latched_regions.contains_key(region));
        let stands = state.applied_at.is_some() && state.paused.is_none() && state.latch.is_none();
        tally.is_good() && stands && !all_back
    }

    /// The elapsed time counts when both ends of it were good, up to the smallest `max_age` of the stage.
    pub(crate) fn count_bake(&mut self) {
        let good = self.bake_counts();
        if self.late_only && good {
            return;
        }
        if let Some((since, true)) = self.mark
            && good
        {
            self.bake = self.bake + self.now().since(since).min(self.evidence.table.min_max_age);
        }
        self.mark = Some((self.now(), good));
    }

    /// When so much good time is served, if everything stays as it is.
    pub(crate) fn served_at(&self, wanted: Duration) -> Time {
        let from = match self.mark {
            Some((since, true)) => since,
            _ => self.now(),
        };
        from + wanted.saturating_sub(self.bake)
    }
}
