//! Scripts: composite triggers and gates. **The only place that names rhai.**
//!
//! The engine sees a [`ScriptSet`] it can call and hands over [`Facts`]; what comes back is three-valued. A script
//! cannot reach a file, a clock, the network or a loop, and cannot turn an unknown into an advance.
//!
//! A file is cut into functions (`items`), each is read by rhai, checked name by name (`check`), and rewritten so that
//! a fact is one variable (`link`). What only combines facts is evaluated as a small tree (`lower`), the rest by the
//! interpreter (`sandbox`, `run`); both use the same operators (`value`).

use std::sync::Arc;

use crate::model::frame::{Group, MetricIx};
use crate::model::reading::{Reading, Truth};

use super::compiled::CheckIx;
use super::diagnostic::Code;

pub mod api;
mod check;
mod compile;
mod dim;
mod facts;
mod items;
mod kinds;
mod link;
mod lower;
pub mod mutate;
mod names;
mod paths;
mod run;
mod sandbox;
mod text;
mod value;

use super::suggest::closest as suggest;

pub use compile::compile;
pub use names::{FunctionInfo, Names, Param, ScriptsCompiled, Wanted};

/// A script cannot be read.
pub const SYNTAX: Code = Code(60);
/// A function that nobody defines, or called with the wrong number of arguments.
pub const UNKNOWN_FUNCTION: Code = Code(61);
/// A metric, or a property of one, that does not exist.
pub const UNKNOWN_METRIC: Code = Code(62);
/// A param that does not exist.
pub const UNKNOWN_PARAM: Code = Code(63);
/// A check that does not exist.
pub const UNKNOWN_CHECK: Code = Code(64);
/// Part of Rhai, but not of a policy.
pub const FORBIDDEN_CONSTRUCT: Code = Code(65);
/// A module that is not one of the tree's shared ones, or was not imported.
pub const MODULE: Code = Code(66);
/// Too large or too deep.
pub const LIMITS: Code = Code(67);
/// A number in a script (warning).
pub const LITERAL: Code = Code(68);
/// The policy names a function that is missing or takes arguments.
pub const MISSING: Code = Code(69);
/// A function returns what its check has no use for.
pub const WRONG_OUTCOME: Code = Code(70);
/// A variable that does not exist.
pub const UNKNOWN_VARIABLE: Code = Code(71);
/// A script asks about a check that is a script.
pub const SCRIPT_CHECK: Code = Code(72);
/// A function or file that nobody uses (warning).
pub const UNUSED: Code = Code(73);
/// Quantities and facts that do not go together.
pub const UNITS: Code = Code(74);

/// Position of a function that the policy names, in its [`ScriptSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
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
#[derive(Debug, Clone, Default)]
pub struct ScriptSet {
    loaded: Option<Arc<run::Loaded>>,
}

impl ScriptSet {
    fn new(loaded: run::Loaded) -> ScriptSet {
        ScriptSet { loaded: Some(Arc::new(loaded)) }
    }

    /// Runs one function over `facts`. Total: errors, overruns and panics become unknown.
    #[must_use]
    pub fn call(&self, function: FunctionIx, facts: &dyn Facts) -> ScriptAnswer {
        self.loaded.as_ref().map_or_else(run::nothing, |loaded| loaded.call(function, facts))
    }

    /// The same, always by the interpreter, for comparing the two and for measuring. The answer is equal.
    #[must_use]
    pub fn call_interpreted(&self, function: FunctionIx, facts: &dyn Facts) -> ScriptAnswer {
        self.loaded.as_ref().map_or_else(run::nothing, |loaded| loaded.call_interpreted(function, facts))
    }

    /// Whether `function` runs as a tree rather than in the interpreter.
    #[must_use]
    pub fn is_lowered(&self, function: FunctionIx) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.is_lowered(function))
    }

    /// How many operations the last interpreted call on this thread took.
    #[must_use]
    pub fn last_operations() -> u32 {
        sandbox::operations()
    }
}
