//! The contract of a store, written once against the trait. Another store is one more `contract!` line and a world.

#![expect(unreachable_pub, reason = "helpers shared by the files of one test binary")]

mod contract;
mod embedded;
mod world;

contract!(on_a_file, crate::embedded::world);
