//! Names. Each is its own type, so a check id cannot be handed over where a stage is due.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as written.
            #[must_use]
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            /// The name as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

name! {
    /// A named change going live; owns one policy and the features that move together.
    RolloutId
}
name! {
    /// `development`, `staging`, `production`: which overlay is in force.
    Environment
}
name! {
    /// A feature flag that this rollout owns.
    Feature
}
name! {
    /// A rung of the ladder: `off`, `internal`, `canary`, ...
    StageName
}
name! {
    /// A named measurement.
    MetricName
}
name! {
    /// A region as the data names it; the empty name is "the only one".
    Region
}
name! {
    /// A check's permanent id (`isolation_score.p0`, `canary-errors`): appears in alerts, tests and the ledger.
    CheckId
}
name! {
    /// What is being rolled out: a build, a revision, a commit.
    Revision
}
name! {
    /// Who did it: a person or a system.
    Actor
}
name! {
    /// A role that approves (`manager`, `security`).
    Role
}

/// SHA-256 of all that can alter a decision, as lower-case hex.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(Arc<str>);

impl Digest {
    /// From the hex text.
    #[must_use]
    pub fn new(hex: impl AsRef<str>) -> Self {
        Self(Arc::from(hex.as_ref()))
    }

    /// All 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits: enough to tell two policies apart on a screen.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

/// A number that only grows with each change of exposure; whoever carries an older one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// The next one.
    #[must_use]
    pub const fn next(self) -> Generation {
        Generation(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
