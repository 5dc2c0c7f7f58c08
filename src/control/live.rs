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
//! | roll back for a breach | yes | when nobody leads, or whoever does has not for two seconds | yes: spooled to disk, then done |
//! | roll back for silence | yes | no: whoever leads may well hear something | only where it led last |
//!
//! | module | what it holds |
//! |---|---|
//! | [`controller`] | the controller: inputs in, in order |
//! | `bearings` | what it recalls, its clock, its lease |
//! | `news` | what happened, for whoever tells it on |
//! | `recorder` | events into the ledger, and what to do when it refuses them |
//! | `orders` | what people ask for |
//! | `remarks` | how things look, by the ledger's word, and what it was not told |
//! | `recovery` | the store is back, or somebody else wrote |
//! | [`frames`] | snapshots to frames |

mod bearings;
pub mod controller;
pub mod frames;
mod news;
mod orders;
mod recorder;
mod recovery;
mod remarks;

pub use controller::{Controller, Given, Ports, Trouble, Witness};
pub use frames::{Intake, framed, why_turned_away};
pub use news::{Decided, News};
