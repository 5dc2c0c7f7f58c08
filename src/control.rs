//! From a command to entries: the one machine run against a store. What is decided is the engine's; what is kept is the
//! store's; here the two meet, and nothing here reads a clock or a file.
//!
//! ```text
//! load: checkpoint + entries -> state          (the state is a fold, always)
//! propose(state, command, now) -> Proposal     pure
//! append: entries, exposure, policy            one transaction, on disk
//! act: the plan, then `Applied`
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`command`] | what a person may ask for, and what came of it |
//! | [`load`] | a rollout as a store has it |
//! | [`propose`] | from a command to a batch |
//! | [`takeback`] | taking back without a policy that compiles |
//! | [`record`] | a policy as a store keeps it |
//! | [`exposure`] | plans to exposures and back |
//! | [`direct`] | commands straight on a store |
//! | [`live`] | one rollout, live: inputs in, entries and actions out |
//! | [`spooled`] | carrying out what waited while the store refused |
//! | [`standing`] | where a rollout stands, for `status` |
//! | [`seen`] | what only a controller knows beside it |
//! | [`keep`] | checking, pruning, exporting and importing a store |

mod again;
pub mod command;
pub mod direct;
pub mod exposure;
pub mod keep;
pub mod live;
pub mod load;
pub mod propose;
pub mod record;
mod seal;
pub mod seen;
pub mod spooled;
pub mod standing;
pub mod takeback;

pub use command::{Ask, Command, Operate, OperateError, Outcome};
pub use direct::Direct;
pub use load::Rollout;
pub use record::PolicyRecord;
pub use standing::{Phase, Standing};
