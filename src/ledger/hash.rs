//! SHA-256 as lower-case hex, and the name of a chain.

use std::fmt;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::ids::{Environment, RolloutId};

/// The shape of entries and checkpoints; a reader refuses a newer one.
pub const LEDGER_VERSION: u32 = 1;

/// SHA-256 of something, as 64 lower-case hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(String);

impl Hash {
    /// The hash of `parts`, one after the other.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Hash {
        let mut hash = Sha256::new();
        parts.iter().for_each(|part| hash.update(part));
        let bytes = hash.finalize();
        Hash(bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    /// All 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, for screens.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({})", self.short())
    }
}

/// Which chain: one per rollout and environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The rollout.
    pub rollout: RolloutId,
    /// Where it runs.
    pub environment: Environment,
}

impl Key {
    /// The chain of `rollout` in `environment`.
    #[must_use]
    pub fn new(rollout: RolloutId, environment: Environment) -> Key {
        Key { rollout, environment }
    }

    /// What the first entry is tied to: a chain cannot be passed off as another rollout's.
    #[must_use]
    pub fn genesis(&self) -> Hash {
        let (rollout, environment) = (self.rollout.as_str(), self.environment.as_str());
        Hash::of(&[b"rollgate ledger\0", rollout.as_bytes(), b"\0", environment.as_bytes()])
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.rollout, self.environment)
    }
}
