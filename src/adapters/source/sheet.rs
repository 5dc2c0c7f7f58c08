//! Readings on their way into snapshots: one snapshot per instant and region.

use std::collections::BTreeMap;

use crate::model::frame::Group;
use crate::model::snapshot::{SNAPSHOT_VERSION, Snapshot, WireReading};
use crate::model::time::Time;

/// What a source's snapshots are about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// The rollout; none means whichever is governed where they arrive.
    pub rollout: Option<String>,
    /// The environment.
    pub environment: Option<String>,
}

/// Collects readings.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    snapshots: BTreeMap<(Time, String), Snapshot>,
}

impl Sheet {
    /// The reading that is there already for this series and instant.
    pub(super) fn get(&mut self, time: Time, region: &str, group: Group, metric: &str) -> Option<&mut WireReading> {
        let snapshot = self.snapshots.get_mut(&(time, region.to_owned()))?;
        snapshot.groups.get_mut(group.name())?.get_mut(metric)
    }

    /// Adds a reading, or replaces the one that is there.
    pub(super) fn put(&mut self, time: Time, region: &str, group: Group, metric: &str, reading: WireReading) {
        let groups = &mut self.snapshot(time, region).groups;
        groups.entry(group.name().to_owned()).or_default().insert(metric.to_owned(), reading);
    }

    /// Says how much traffic has the change.
    pub(super) fn expose(&mut self, time: Time, region: &str, percent: f64) {
        self.snapshot(time, region).exposure = Some(percent);
    }

    fn snapshot(&mut self, time: Time, region: &str) -> &mut Snapshot {
        self.snapshots.entry((time, region.to_owned())).or_insert_with(|| Snapshot {
            v: SNAPSHOT_VERSION,
            time,
            rollout: None,
            environment: None,
            region: region.to_owned(),
            source: None,
            exposure: None,
            groups: BTreeMap::new(),
        })
    }

    /// The snapshots in order of time, signed by `source`.
    pub(super) fn finish(self, source: &str, about: &About) -> Vec<Snapshot> {
        let signed = self.snapshots.into_values().map(|snapshot| Snapshot {
            rollout: about.rollout.clone(),
            environment: about.environment.clone(),
            source: Some(source.to_owned()),
            ..snapshot
        });
        signed.collect()
    }
}
