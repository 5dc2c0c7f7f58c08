//! Whoever makes the world agree with a plan: flags, traffic, or only a line that says what would be done.

use crate::ledger::hash::Key;
use crate::model::plan::Plan;

/// Carries plans out. A plan is absolute, so carrying it out again must be harmless.
pub trait Actuator: Send + Sync {
    /// Makes the world agree with `plan` and reads back that it does; one sentence for each thing that is now so.
    ///
    /// # Errors
    /// What could not be done. The plan counts as not applied and is tried again.
    fn apply(&self, key: &Key, plan: &Plan) -> Result<Vec<String>, ActuatorError>;
}

/// Why a plan was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ActuatorError(pub String);
