//! Where roll backs wait that a store refused. A store that is full, damaged, in use or out of reach must not keep
//! anybody from taking a change back.

use serde::{Deserialize, Serialize};

use super::store::StoreError;
use crate::model::ids::{Environment, Generation, RolloutId};
use crate::model::operator::Order;
use crate::model::time::Time;

/// Keeps orders, apart from the store.
pub trait Spool: Send + Sync {
    /// Where it is, for messages.
    fn place(&self) -> String;

    /// Adds an order; it is on disk when this returns.
    ///
    /// # Errors
    /// Nothing keeps this order, and that must be said.
    fn push(&self, order: &Spooled) -> Result<(), StoreError>;

    /// What waits.
    ///
    /// # Errors
    /// It cannot be read.
    fn waiting(&self) -> Result<Waiting, StoreError>;

    /// Empties it, unless an order was added after `seen` was read; whether it did.
    ///
    /// # Errors
    /// It cannot be written.
    fn clear(&self, seen: &Waiting) -> Result<bool, StoreError>;
}

/// A roll back that waits for its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spooled {
    /// The name of the command: it is carried out once, however often it is read, and even if the store had taken it
    /// after all.
    pub id: String,
    /// When it was given, by the clock of whoever gave it.
    pub at: Time,
    /// Which rollout; every one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutId>,
    /// Where; everywhere when absent: while the store refuses, nobody can ask it where that rollout runs, and an order
    /// that takes back too much is better than one that is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// The generation under which it was carried out already, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted: Option<Generation>,
    /// The order.
    pub order: Order,
}

/// What a spool holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The orders, oldest first.
    pub orders: Vec<Spooled>,
    /// What was cut off or passed over, in words.
    pub damage: Vec<String>,
}
