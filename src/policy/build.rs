//! From checked parts to the compiled policy.

use crate::model::frame::Catalogue;
use crate::model::ids::{Environment, Feature, RolloutId};

use super::check::Checked;
use super::compiled::{BreachScope, Check, Freeze, Policy};
use super::digest;
use super::raw::{Raw, RawFreeze};
use super::seam::Scripts;
use super::source::PolicySource;

/// Everything a compiled policy is put together from.
pub(crate) struct Build<'a> {
    pub(crate) source: &'a PolicySource,
    pub(crate) environment: &'a Environment,
    pub(crate) catalogue: Catalogue,
    pub(crate) scripts: Scripts,
}

impl Build<'_> {
    /// The policy; none when it has no name, which has been reported.
    pub(crate) fn policy(self, raw: &Raw, parts: Checked<'_>) -> Option<Policy> {
        let mut checks: Vec<Check> = parts.drafts.into_iter().map(|draft| draft.check).collect();
        for check in &mut checks {
            let script = self.scripts.fingerprints.get(check.id.as_str()).copied();
            check.fingerprint = digest::fingerprint(check, &self.catalogue, script);
        }
        Some(Policy {
            rollout: RolloutId::new(&raw.rollout.as_ref()?.value),
            environment: self.environment.clone(),
            owner: raw.owner.as_ref().map(|owner| owner.value.clone()),
            features: raw.features.iter().map(|feature| Feature::new(&feature.value)).collect(),
            digest: digest::digest(self.source, self.environment),
            catalogue: self.catalogue,
            metrics: parts.metrics.into_iter().map(|metric| metric.rules).collect(),
            stages: parts.stages.into_iter().map(|stage| stage.stage).collect(),
            checks,
            baseline: parts.baseline,
            severities: parts.severities,
            freezes: raw.freezes.iter().map(freeze).collect(),
            on_breach: raw.on_breach.as_ref().map_or(BreachScope::All, |scope| scope.value),
            shadow: raw.shadow,
            pin: raw.pin,
            exposure_tolerance: parts.exposure_tolerance,
            scripts: self.scripts.set,
            params: self.scripts.params,
        })
    }
}

fn freeze(raw: &RawFreeze) -> Freeze {
    match raw {
        RawFreeze::Range { from, to, note } => Freeze::Range { from: from.value, to: to.value, note: note.clone() },
        RawFreeze::Weekly { days, from, to, zone, note } => {
            Freeze::Weekly { days: *days, from: *from, to: *to, zone: zone.clone(), note: note.clone() }
        }
    }
}
