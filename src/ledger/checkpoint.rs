//! The folded state at an entry. Entries up to there may be dropped (after 30 days, say), and what follows still
//! verifies; a reader that only wants the state begins here and not at the first entry.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::state::RolloutState;

use super::chain::Head;
use super::entry::{BadLine, sealed, unseal};
use super::hash::{Hash, Key, LEDGER_VERSION};

/// The state of a chain at one of its entries, sealed like an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    body: Body,
    line: Arc<str>,
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Body {
    v: u32,
    checkpoint: Head,
    #[serde(flatten)]
    key: Key,
    state: RolloutState,
}

impl Checkpoint {
    /// `state` is the fold of every entry up to `head`.
    ///
    /// # Errors
    /// The state holds something that JSON cannot say.
    pub fn seal(key: &Key, head: &Head, state: &RolloutState) -> Result<Checkpoint, BadLine> {
        let body = Body { v: LEDGER_VERSION, checkpoint: head.clone(), key: key.clone(), state: state.clone() };
        let text = serde_json::to_string(&body).map_err(|error| BadLine::NotAnEntry(error.to_string()))?;
        Ok(Checkpoint { body, line: Arc::from(sealed(&text).1) })
    }

    /// Reads a line and checks its seal.
    ///
    /// # Errors
    /// As for an entry.
    pub fn parse(line: &str) -> Result<Checkpoint, BadLine> {
        let (bytes, hash) = unseal(line)?;
        let body: Body = serde_json::from_str(line).map_err(|error| BadLine::NotAnEntry(error.to_string()))?;
        if body.v > LEDGER_VERSION {
            return Err(BadLine::Newer(body.v));
        }
        if Hash::of(&[bytes.as_bytes()]).as_str() != hash {
            return Err(BadLine::Altered);
        }
        Ok(Checkpoint { body, line: Arc::from(line) })
    }

    /// The entry it stands at.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.body.checkpoint
    }

    /// The chain it belongs to.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.body.key
    }

    /// The fold of everything up to there.
    #[must_use]
    pub const fn state(&self) -> &RolloutState {
        &self.body.state
    }

    /// Its line, without a line break.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }
}
