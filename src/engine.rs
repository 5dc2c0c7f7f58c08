//! The decision. Pure and synchronous: no clock, no files, no network, no randomness, no async, nothing logged.
//!
//! ```text
//! Input (time-stamped) -> Machine::handle -> events, plan, wake_at
//! ```
//!
//! Live, replay, test and diff differ only in where inputs come from and where outputs go.

mod bake;
mod baseline;
mod beside;
mod checks;
mod columns;
mod control;
mod decide;
mod evaluate;
mod evidence;
mod explain;
mod fold;
pub(crate) mod freeze;
mod guards;
mod machine;
mod orders;
mod planner;
mod recall;
mod record;
mod reload;
mod silence;
mod since;
mod table;
mod window;

pub use checks::{Called, Checks};
pub use columns::increase;
pub use explain::{TurningPoint, TurningPoints, turning_points};
pub use fold::fold;
pub use freeze::same_instants;
pub use machine::{Input, Machine, Output};
