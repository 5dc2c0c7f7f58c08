//! Readings that stay unknown: since when, who is told, and when the machine must look again by itself.

use crate::model::event::What;
use crate::model::frame::Slot;
use crate::model::time::{Duration, Time};

use super::machine::{Machine, Output};

impl Machine {
    /// Keeps track of since when each reading in use is unknown, and tells somebody once it has lasted.
    pub(crate) fn track_unknowns(&mut self, output: &mut Output) {
        let nothing_tracked = || self.evidence.unknown_since.iter().all(|since| *since == Time::FOREVER);
        if !self.tally.blind && nothing_tracked() {
            return;
        }
        let now = self.now();
        let latched = self.state().latch.is_some();
        let slots: Vec<(usize, usize)> = self.slots_in_use().collect();
        let mut known = vec![true; self.evidence.unknown_since.len()];
        for (row, slot) in slots {
            let is_unknown = self.unknown_reason(row, slot).is_some();
            if let (true, Some(known)) = (is_unknown, known.get_mut(slot)) {
                *known = false;
            }
        }
        for (slot, known) in known.into_iter().enumerate() {
            let (Some(since), Some(told)) =
                (self.evidence.unknown_since.get_mut(slot), self.evidence.told_unknown.get_mut(slot))
            else {
                continue;
            };
            if known {
                (*since, *told) = (Time::FOREVER, false);
            } else if *since == Time::FOREVER {
                *since = now;
            }
        }
        if !latched {
            self.tell_lasting_unknowns(output);
        }
    }

    /// Once per metric and region, after `unknown_after`.
    fn tell_lasting_unknowns(&mut self, output: &mut Output) {
        for slot in 0..self.evidence.unknown_since.len() {
            let since = self.evidence.unknown_since.get(slot).copied().unwrap_or(Time::FOREVER);
            let Some(rules) = self.rules_of(slot) else { continue };
            let lasted = since < Time::FOREVER && self.now().since(since) >= rules.unknown_after;
            if !lasted || self.evidence.told_unknown.get(slot).copied().unwrap_or(true) {
                continue;
            }
            let catalogue = &self.policy().catalogue;
            let Some((region, _, metric)) = u32::try_from(slot).ok().and_then(|slot| catalogue.series(Slot(slot)))
            else {
                continue;
            };
            let told_already = crate::model::frame::Group::EVERY.iter().any(|group| {
                let other = catalogue.slot(region, *group, metric).index();
                self.evidence.told_unknown.get(other).copied().unwrap_or(false)
            });
            let (name, region) = (self.metric_name(slot), catalogue.regions().get(region.0 as usize).cloned());
            if let Some(told) = self.evidence.told_unknown.get_mut(slot) {
                *told = true;
            }
            if let (false, Some(region)) = (told_already, region) {
                self.emit(What::UnknownTooLong { metric: name, region, since }, output);
            }
        }
    }

    /// The next instant at which the answer could change with no new data.
    pub(crate) fn wake_at(&self) -> Option<Time> {
        let now = self.now();
        let mut next = Time::FOREVER;
        let mut consider = |at: Time| {
            if at > now && at < next {
                next = at;
            }
        };
        consider(self.tally.stale_at);
        consider(self.evidence.control_stale_at(self.policy()));
        if self.late_only || self.tally.look_again || self.unsettled.is_some() {
            // What late evidence may not do, the passing of time may; and what is newer than it is looked at next.
            // And since when observations count is told by the next input.
            consider(now + Duration::from_millis(1));
        }
        if let Some(at) = self.baseline_may_settle_at() {
            consider(at);
        }
        consider(self.frozen.valid_until);
        if let Some(stage) = self.stage() {
            if self.bake_counts() && !self.state().complete {
                if let Some(bake) = stage.bake {
                    consider(self.served_at(bake));
                }
                if let Some(exit) = &stage.early_exit {
                    consider(self.served_at(exit.after));
                }
            }
            if let Some(max) = stage.max {
                consider(self.state().entered_at + max + Duration::from_millis(1));
            }
        }
        if let Some(until) = self.state().held.as_ref().and_then(|held| held.until) {
            consider(until);
        }
        for mute in self.state().mutes.values() {
            consider(mute.until);
        }
        if let Some(max_age) = self.policy().baseline.max_age {
            for baseline in &self.state().baselines {
                if let crate::model::state::BaselineValue::Known { frozen_at, .. } = baseline.value {
                    consider(frozen_at + max_age + Duration::from_millis(1));
                }
            }
        }
        if self.tally.blind {
            for (slot, since) in self.evidence.unknown_since.iter().enumerate() {
                if *since < Time::FOREVER
                    && let Some(rules) = self.rules_of(slot)
                {
                    consider(*since + rules.unknown_after);
                }
            }
        }
        (next < Time::FOREVER).then_some(next)
    }
}
