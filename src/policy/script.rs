//! Scripts: composite triggers and gates. **The only place that names rhai.**
//!
//! The engine sees a [`ScriptSet`] it can call and hands over [`Facts`]; what comes back is three-valued. A script
//! cannot reach a file, a clock, the network or a loop, and cannot turn an unknown into an advance.

use crate::model::frame::{Group, MetricIx};
use crate::model::reading::{Reading, Truth};

use super::compiled::CheckIx;

/// Position of a function that the policy names, in its [`ScriptSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionIx(pub u16);

/// What a script may ask about the region it is run for, at the instant it is run.
pub trait Facts {
    /// A judged reading: finite, in range, fresh and resting on enough samples, or unknown.
    fn reading(&self, metric: MetricIx, group: Group) -> Reading;
    /// The metric's frozen baseline.
    fn baseline(&self, metric: MetricIx) -> Reading;
    /// Whether a TOML check is firing (after its `for`). Breach = yes, ok = no.
    fn breached(&self, check: CheckIx) -> Truth;
    /// Whether a TOML check is broken but not yet for as long as it asks. Breach = yes, ok = no.
    fn pending(&self, check: CheckIx) -> Truth;
}

/// The answer of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptAnswer {
    /// Breach, ok or unknown; for a gate, ok is open and breach is closed. Taint is already worked in: an ok from a
    /// script that read any unknown is unknown.
    pub truth: Truth,
    /// Why the script failed, when it did (an error, an overrun): shown to people, the truth is then unknown.
    pub fault: Option<String>,
}

/// The compiled script functions of one policy. Immutable; cheap to share between threads.
#[derive(Debug, Default)]
pub struct ScriptSet {}

impl ScriptSet {
    /// Runs one function over `facts`. Total: errors, overruns and panics become unknown.
    pub fn call(&self, _function: FunctionIx, _facts: &dyn Facts) -> ScriptAnswer {
        ScriptAnswer { truth: Truth::Unknown(crate::model::reading::Unknown::SourceError), fault: None }
    }
}
