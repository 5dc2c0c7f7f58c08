//! What an expression may turn out to be, as far as it can be seen without running it.

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Kinds(u8);

impl Kinds {
    /// Nothing: control never gets here.
    pub(super) const NONE: Kinds = Kinds(0);
    /// A quantity.
    pub(super) const NUMBER: Kinds = Kinds(1);
    /// A named fact or a comparison.
    pub(super) const FACT: Kinds = Kinds(2);
    /// `breach()` or `ok()`.
    pub(super) const TRIGGER: Kinds = Kinds(4);
    /// `open()` or `closed()`.
    pub(super) const GATE: Kinds = Kinds(8);
    /// No value.
    pub(super) const UNIT: Kinds = Kinds(16);
    /// An argument, or something already reported: could be anything.
    pub(super) const OPAQUE: Kinds = Kinds(32);
    /// Whatever `&&` combines.
    pub(super) const OUTCOME: Kinds = Kinds(2 | 4 | 8);

    pub(super) const fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    pub(super) const fn and(self, other: Kinds) -> Kinds {
        Kinds(self.0 & other.0)
    }

    pub(super) const fn has(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it can be nothing but (one of) `other`.
    pub(super) const fn is_only(self, other: Kinds) -> bool {
        self.0 != 0 && self.0 & !other.0 == 0
    }

    pub(super) const fn or_if_none(self, other: Kinds) -> Kinds {
        if self.0 == 0 { other } else { self }
    }
}
