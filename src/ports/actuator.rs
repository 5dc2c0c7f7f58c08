//! Whoever makes the world agree with a plan: flags, traffic, or only a line that says what would be done.
//!
//! The contract, tested once in `tests/live/actuator.rs` against every implementation:
//!
//! 1. A plan is absolute. Carrying it out again is harmless, and counts as carried out.
//! 2. A plan of an older generation than one that was carried out is refused: whoever was paused on the way there knows
//!    no better, and the newer one stands.
//! 3. Two different plans of **one** generation are two controllers that decided apart, cut off from each other: one that
//!    advanced or was told to, one that saw a breach. Of the two the lower exposure stands, feature by feature and region
//!    by region, whichever came first. The one that asks for more anywhere is an error, also where a part of it was lower
//!    and is so now: it does not count as applied, and the ledger, once both have written to it, says what is next.
//! 4. A plan that takes back (`takes_back`) shows nobody more, of whatever generation it is: the ledger need not know
//!    where another controller took it back to, cut off from the store or dead since. Where it asks for more traffic than
//!    is shown, or for anybody at all where nobody sees anything, less stays and it is an error as above; its generation
//!    stands all the same, so that nothing older comes after it. An audience beside traffic is no more than the traffic.
//! 5. Rollouts have nothing to do with one another.

use crate::ledger::hash::Key;
use crate::model::ids::Generation;
use crate::model::plan::Plan;

/// Carries plans out.
pub trait Actuator: Send + Sync {
    /// Makes the world agree with `plan` and reads back that it does; one sentence for each thing that is now so.
    ///
    /// # Errors
    /// What could not be done. The plan counts as not applied and is tried again.
    fn apply(&self, key: &Key, plan: &Plan) -> Result<Vec<String>, ActuatorError>;
}

/// Why a plan was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActuatorError {
    /// It could not be done, or nobody knows whether it was.
    #[error("{0}")]
    Failed(String),
    /// Less is shown than the plan of this generation asks for, and stays: somebody took it back who could not write it
    /// down.
    #[error("less is shown than generation {0} asks for, and the lower one stands")]
    LowerStands(Generation),
}

impl ActuatorError {
    /// A newer plan was carried out already.
    #[must_use]
    pub fn older(plan: &Plan, shown: Generation) -> ActuatorError {
        ActuatorError::Failed(format!("generation {} is older than {shown}, which is carried out", plan.generation))
    }
}
