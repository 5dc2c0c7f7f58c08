//! A reading is a value or the reason there is none. There is no third thing, and no number that stands for "missing".

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a reading has no usable value. Unknown is neither ok nor breach, and never advances a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Unknown {
    /// Never seen.
    Absent = 1,
    /// Seen, but longer ago than the metric's `max_age`.
    Stale,
    /// Rests on fewer samples than `min_samples`, or on a count nobody recorded.
    TooFewSamples,
    /// NaN.
    NotANumber,
    /// Positive or negative infinity.
    Infinite,
    /// A text, a boolean or a map where a number was due.
    WrongType,
    /// Outside the metric's `range`.
    OutOfRange,
    /// The source says it could not measure.
    SourceError,
    /// Compared with a baseline that does not exist or cannot be trusted.
    NoBaseline,
    /// Compared with a control group that has too few fresh readings.
    NoComparison,
}

impl Unknown {
    /// Every reason, in order of declaration.
    pub const ALL: [Unknown; 10] = [
        Unknown::Absent,
        Unknown::Stale,
        Unknown::TooFewSamples,
        Unknown::NotANumber,
        Unknown::Infinite,
        Unknown::WrongType,
        Unknown::OutOfRange,
        Unknown::SourceError,
        Unknown::NoBaseline,
        Unknown::NoComparison,
    ];

    /// As written in snapshots and records: `too-few-samples`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Unknown::Absent => "absent",
            Unknown::Stale => "stale",
            Unknown::TooFewSamples => "too-few-samples",
            Unknown::NotANumber => "not-a-number",
            Unknown::Infinite => "infinite",
            Unknown::WrongType => "wrong-type",
            Unknown::OutOfRange => "out-of-range",
            Unknown::SourceError => "source-error",
            Unknown::NoBaseline => "no-baseline",
            Unknown::NoComparison => "no-comparison",
        }
    }

    /// The reason of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Unknown> {
        Unknown::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A usable number, or the reason there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// Finite, in range, fresh and resting on enough samples.
    Value(f64),
    /// Not usable, and why.
    Unknown(Unknown),
}

impl Reading {
    /// The number, if there is one.
    #[must_use]
    pub const fn value(self) -> Option<f64> {
        match self {
            Reading::Value(value) => Some(value),
            Reading::Unknown(_) => None,
        }
    }
}

/// A check's three-valued answer about one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Truth {
    /// The condition does not hold.
    Ok,
    /// The condition holds: the bound is broken.
    Breach,
    /// Cannot be told.
    Unknown(Unknown),
}

impl Truth {
    /// Kleene's "or" over *breach*: a breach on either side is a breach, whatever the other side does not know.
    #[must_use]
    pub const fn or(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::Breach, _) | (_, Truth::Breach) => Truth::Breach,
            (Truth::Unknown(why), _) | (_, Truth::Unknown(why)) => Truth::Unknown(why),
            (Truth::Ok, Truth::Ok) => Truth::Ok,
        }
    }

    /// Kleene's "and": an ok on either side is ok, whatever the other side does not know.
    #[must_use]
    pub const fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::Ok, _) | (_, Truth::Ok) => Truth::Ok,
            (Truth::Unknown(why), _) | (_, Truth::Unknown(why)) => Truth::Unknown(why),
            (Truth::Breach, Truth::Breach) => Truth::Breach,
        }
    }

    /// Kleene's "not": unknown stays unknown.
    #[must_use]
    pub const fn negate(self) -> Truth {
        match self {
            Truth::Ok => Truth::Breach,
            Truth::Breach => Truth::Ok,
            Truth::Unknown(why) => Truth::Unknown(why),
        }
    }
}
