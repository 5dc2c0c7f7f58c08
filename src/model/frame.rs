//! Readings after their names were resolved: what the engine is fed.
//!
//! A [`Catalogue`] numbers the metrics and regions of one policy; a [`Frame`] is everything observed at one instant,
//! addressed by dense [`Slot`]s. Maps keyed by strings would cost more than parsing the JSON they came from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::{MetricName, Region};
use super::reading::Unknown;
use super::time::Time;
use super::units::{Better, Range, Unit};

/// Who was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Group {
    /// Has the change.
    Treatment,
    /// Has not, at the same time.
    Control,
    /// Everybody: a series of its own, never the sum of the others.
    All,
}

impl Group {
    /// How many groups there are.
    pub const COUNT: usize = 3;
    /// Every group, in slot order.
    pub const EVERY: [Group; Group::COUNT] = [Group::Treatment, Group::Control, Group::All];

    /// As written in snapshots and policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Group::Treatment => "treatment",
            Group::Control => "control",
            Group::All => "all",
        }
    }

    /// The group of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Group> {
        Group::EVERY.into_iter().find(|group| group.name() == name)
    }
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Position of a metric in its catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricIx(pub u16);

/// Position of a region in its catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionIx(pub u16);

/// One (region, group, metric) series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

impl Slot {
    /// For indexing a column.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a metric's numbers come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Each reading stands for itself.
    #[default]
    Gauge,
    /// A total that only grows; the reading is the increase since the sample before. A fall is a reset.
    Counter,
}

/// What a metric is, apart from any bound on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name in policies and data.
    pub name: MetricName,
    /// What its numbers mean.
    pub unit: Unit,
    /// Which way is good.
    pub better: Better,
    /// Readings outside are unknown (out-of-range).
    pub range: Option<Range>,
    /// Gauge or counter.
    pub kind: Kind,
}

/// The metrics and regions of one policy, numbered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalogue {
    metrics: Vec<Metric>,
    regions: Vec<Region>,
    by_name: BTreeMap<MetricName, MetricIx>,
}

impl Catalogue {
    /// Numbers metrics and regions in the order given. No region means one region with the empty name.
    #[must_use]
    pub fn new(metrics: Vec<Metric>, regions: Vec<Region>) -> Catalogue {
        let by_name = metrics
            .iter()
            .enumerate()
            .filter_map(|(ix, metric)| Some((metric.name.clone(), MetricIx(u16::try_from(ix).ok()?))))
            .collect();
        let regions = if regions.is_empty() { vec![Region::new("")] } else { regions };
        Catalogue { metrics, regions, by_name }
    }

    /// All metrics, in order.
    #[must_use]
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// All regions, in order; never empty.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The metric at `ix`.
    #[must_use]
    pub fn metric(&self, ix: MetricIx) -> Option<&Metric> {
        self.metrics.get(ix.0 as usize)
    }

    /// The position of the metric called `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<MetricIx> {
        self.by_name.get(name).copied()
    }

    /// The position of the region called `name`.
    #[must_use]
    pub fn find_region(&self, name: &str) -> Option<RegionIx> {
        let at = self.regions.iter().position(|region| region.as_str() == name)?;
        u16::try_from(at).ok().map(RegionIx)
    }

    /// The slot of one series. Slots of one region are adjacent, then groups, then metrics.
    #[must_use]
    pub fn slot(&self, region: RegionIx, group: Group, metric: MetricIx) -> Slot {
        let groups_before = u32::from(region.0) * 3 + group as u32;
        Slot(groups_before * u32::try_from(self.metrics.len()).unwrap_or(u32::MAX) + u32::from(metric.0))
    }

    /// How many slots there are: regions x groups x metrics.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.regions.len() * Group::COUNT * self.metrics.len()
    }

    /// The series that a slot stands for.
    #[must_use]
    pub fn series(&self, slot: Slot) -> Option<(RegionIx, Group, MetricIx)> {
        let metrics = self.metrics.len();
        let (row, metric) = (slot.index().checked_div(metrics)?, slot.index().checked_rem(metrics)?);
        let group = *Group::EVERY.get(row % Group::COUNT)?;
        Some((RegionIx(u16::try_from(row / Group::COUNT).ok()?), group, MetricIx(u16::try_from(metric).ok()?)))
    }
}

/// One reading as its source gave it. Judging it (finite, in range, fresh, enough samples) is the engine's work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Which series.
    pub slot: Slot,
    /// When the source observed it.
    pub observed: Time,
    /// The number; meaningless when `unknown` is set.
    pub value: f64,
    /// How many samples it rests on, when recorded.
    pub samples: Option<u64>,
    /// The reason there is no number: an explicit null, a stated reason, a wrong type.
    pub unknown: Option<Unknown>,
}

/// Everything observed at one instant, for all regions together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    /// The snapshot's time.
    pub time: Time,
    /// Share of traffic that has the change, in percent, when the source can see it.
    pub exposure: Option<f64>,
    /// The readings mentioned; a series not mentioned is no news.
    pub cells: Vec<Cell>,
}

impl Frame {
    /// Empties the frame for the next instant, keeping its memory.
    pub fn clear(&mut self, time: Time) {
        self.time = time;
        self.exposure = None;
        self.cells.clear();
    }
}
