//! One rollout, live: a machine, the end of its ledger, and the ports. Synchronous, and no clock of its own: the daemon
//! drives it from a thread, the simulation from a seed, and both run the same code.
//!
//! ```text
//! input -> Machine -> events -> ledger -> plan -> actuator -> Applied -> Machine ...
//! ```
//!
//! What it may do depends on what it has:
//!
//! | | lease and store | store, no lease | no store |
//! |---|---|---|---|
//! | advance | yes | no | no |
//! | record what it sees | yes | no: whoever leads does | no |
//! | roll back | yes | when nobody leads, or whoever does has not for two seconds | yes: spooled to disk, then done |
//!
//! | module | what it holds |
//! |---|---|
//! | [`controller`] | the controller: inputs in, in order |
//! | `recorder` | events into the ledger, and what to do when it refuses them |
//! | `orders` | what people ask for |
//! | `recovery` | the store is back, or somebody else wrote |
//! | [`frames`] | snapshots to frames |

pub mod controller;
pub mod frames;
mod orders;
mod recorder;
mod recovery;

pub use controller::{Controller, Decided, Given, News, Ports, Trouble, Witness};
pub use frames::{Intake, framed, why_turned_away};
