//! One rollout, live: what is recorded, acted on, undone, spooled and caught up with.

#![expect(unreachable_pub, reason = "helpers shared by the files of one test binary")]

mod actuator;
mod again;
mod alone;
mod bench;
mod course;
mod data_clock;
mod faults;
mod regions;
mod remarks;
mod restart;
mod since;
