//! A data point, whichever way it was sent.

use std::borrow::Cow;

use crate::adapters::source::push::mapping::Labels;
use crate::adapters::source::shown::shown;
use crate::model::time::Time;

use super::buckets::Histogram;

/// One attribute: its name and, where it is a plain value, its text.
pub(super) type Attribute<'a> = (&'a str, Option<Cow<'a, str>>);

/// A data point with everything that stands above it.
#[derive(Debug)]
pub(super) struct Point<'a> {
    pub(super) metric: &'a str,
    /// The point's own attributes.
    pub(super) own: Vec<Attribute<'a>>,
    /// Those of its scope.
    pub(super) scope: &'a [Attribute<'a>],
    /// Those of its resource.
    pub(super) resource: &'a [Attribute<'a>],
    /// When it was observed; none where it does not say.
    pub(super) time: Option<Time>,
    /// It says that there is no value (`NO_RECORDED_VALUE`).
    pub(super) missing: bool,
    pub(super) data: Data,
}

/// What a point holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    /// A value that stands for itself.
    Gauge(f64),
    /// A sum.
    Sum { value: f64, monotonic: bool, temporality: Temporality },
    /// A histogram, with buckets of either kind.
    Histogram { histogram: Histogram, temporality: Temporality },
    /// What cannot be taken, and why.
    Unusable(&'static str),
}

/// What a number covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Temporality {
    /// The time since the point before.
    Delta,
    /// All the time since the process started.
    Cumulative,
    /// It does not say.
    Unspecified,
}

impl Temporality {
    /// By its number on the wire.
    pub(super) const fn from_number(number: i64) -> Temporality {
        match number {
            1 => Temporality::Delta,
            2 => Temporality::Cumulative,
            _ => Temporality::Unspecified,
        }
    }
}

impl Labels for Point<'_> {
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        let layers = [self.own.as_slice(), self.scope, self.resource];
        let mut all = layers.into_iter().flatten();
        let (_, value) = all.find(|(key, _)| *key == name)?;
        value.as_deref().map(Cow::Borrowed)
    }
}

impl Point<'_> {
    /// What tells its series from another one of the same metric.
    pub(super) fn series(&self) -> String {
        let mut all: Vec<String> = [self.own.as_slice(), self.scope, self.resource]
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("{name}={:?}", value.as_deref().unwrap_or_default()))
            .collect();
        all.sort_unstable();
        shown(&format!("{{{}}}", all.join(", ")))
    }
}

/// Nanoseconds since the epoch; 0 is how the protocol says that it does not know.
pub(super) fn time(nanos: u64) -> Option<Time> {
    (nanos > 0).then(|| Time::from_millis(i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX)))
}

/// Bit 1 of the flags.
pub(super) const fn is_missing(flags: u64) -> bool {
    flags & 1 == 1
}
