//! What a number inside a script measures: which quantities may be compared, added and scaled.
//!
//! Milliseconds go with seconds and percent with ratios; a number written in the script itself is bare and takes the
//! unit of what it is compared with. Everything else does not go together, and the answer is unknown.

use crate::model::units::Unit;

/// A unit, or none for a number written in the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dim {
    /// Written in the script.
    Bare,
    /// Of a metric, a param, or computed from them.
    Of(Unit),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Time,
    Share,
    Plain,
    Rate,
    Bytes,
    State,
}

impl Dim {
    const fn family(self) -> Family {
        match self {
            Dim::Bare | Dim::Of(Unit::Count | Unit::Number) => Family::Plain,
            Dim::Of(Unit::Ms | Unit::S) => Family::Time,
            Dim::Of(Unit::Percent | Unit::Ratio) => Family::Share,
            Dim::Of(Unit::PerSecond) => Family::Rate,
            Dim::Of(Unit::Bytes) => Family::Bytes,
            Dim::Of(Unit::State) => Family::State,
        }
    }

    /// The size of one of this unit in the family's smallest.
    const fn size(self) -> f64 {
        match self {
            Dim::Of(Unit::S) => 1000.0,
            Dim::Of(Unit::Ratio) => 100.0,
            _ => 1.0,
        }
    }

    /// Whether both measure the same kind of thing.
    pub(crate) fn is_family_of(self, other: Dim) -> bool {
        self.family() == other.family()
    }

    /// What one of `self` is in `other`.
    pub(crate) const fn scale_to(self, other: Dim) -> f64 {
        self.size() / other.size()
    }

    /// A factor that scales anything: a plain number, a ratio, a percentage. A count is a thing that is scaled.
    const fn is_factor(self) -> bool {
        matches!(self, Dim::Bare | Dim::Of(Unit::Number | Unit::Ratio | Unit::Percent))
    }

    const fn is_plain_factor(self) -> bool {
        matches!(self, Dim::Bare | Dim::Of(Unit::Number))
    }

    /// Brings two numbers to one scale for comparing. A bare number is in the other's unit; a ratio may be written bare
    /// in a policy, so it is compared with a plain number as it is.
    pub(crate) fn align(x: f64, dx: Dim, y: f64, dy: Dim) -> Option<(f64, f64)> {
        let (ratio, number) = (Dim::Of(Unit::Ratio), Dim::Of(Unit::Number));
        let is_same = dx == dy || (dx == ratio && dy == number) || (dx == number && dy == ratio);
        if is_same || dx == Dim::Bare || dy == Dim::Bare {
            Some((x, y))
        } else if dx.is_family_of(dy) {
            Some((x * dx.size(), y * dy.size()))
        } else {
            None
        }
    }

    /// Whether the two can be compared at all.
    pub(crate) fn compares_with(self, other: Dim) -> bool {
        Dim::align(0.0, self, 0.0, other).is_some()
    }

    /// Of `a + b`: the left one's unit, when both are of one family. A bare number is added to plain numbers only:
    /// `1 + 5%` has no meaning that two people would agree on.
    pub(crate) fn sum(self, other: Dim) -> Option<Dim> {
        let is_state = self.family() == Family::State;
        match (self, other) {
            _ if is_state || !self.is_family_of(other) => None,
            (Dim::Bare, other) => Some(other),
            _ => Some(self),
        }
    }

    /// Of `a * b`: one side is a factor, the other keeps its unit.
    pub(crate) fn product(self, other: Dim) -> Option<Dim> {
        match (self.is_factor(), other.is_factor()) {
            _ if self.family() == Family::State || other.family() == Family::State => None,
            (true, true) if self == Dim::Bare || (self.is_plain_factor() && !other.is_plain_factor()) => Some(other),
            (_, true) => Some(self),
            (true, false) => Some(other),
            (false, false) => None,
        }
    }

    /// A percentage as a factor is a hundredth; unless the result is itself in percent because of it.
    pub(crate) fn product_scale(self, other: Dim) -> f64 {
        let percent = Dim::Of(Unit::Percent);
        match (self == percent, other == percent) {
            (true, true) => 0.01,
            (true, false) if self.product(other) != Some(percent) => 0.01,
            (false, true) if self.product(other) != Some(percent) => 0.01,
            _ => 1.0,
        }
    }

    /// Of `a / b`: a ratio when both are of one family, else the left one's unit when the right one is a factor.
    pub(crate) fn quotient(self, other: Dim) -> Option<Dim> {
        match (self.family(), other.family()) {
            (Family::State, _) | (_, Family::State) => None,
            _ if other == Dim::Bare => Some(self),
            (Family::Plain, Family::Plain) if self != Dim::Of(Unit::Count) || self != other => {
                Some(Dim::Of(Unit::Number))
            }
            (a, b) if a == b => Some(Dim::Of(Unit::Ratio)),
            _ if other.is_factor() || other == Dim::Of(Unit::Count) => Some(self),
            _ => None,
        }
    }

    /// Dividing by a percentage of another family divides by its hundredth.
    pub(crate) fn quotient_scale(self, other: Dim) -> f64 {
        if other == Dim::Of(Unit::Percent) && !self.is_family_of(other) { 0.01 } else { 1.0 }
    }

    /// For the tag of an interpreter value.
    pub(crate) fn to_tag(self) -> i32 {
        match self {
            Dim::Bare => 0,
            Dim::Of(unit) => {
                Unit::ALL.iter().position(|one| *one == unit).and_then(|at| i32::try_from(at + 1).ok()).unwrap_or(0)
            }
        }
    }

    /// From the tag of an interpreter value.
    pub(crate) fn from_tag(tag: i32) -> Dim {
        let at = usize::try_from(tag).ok().and_then(|tag| tag.checked_sub(1));
        at.and_then(|at| Unit::ALL.get(at)).map_or(Dim::Bare, |unit| Dim::Of(*unit))
    }

    /// For people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Dim::Bare => "a bare number",
            Dim::Of(unit) => unit.name(),
        }
    }
}
