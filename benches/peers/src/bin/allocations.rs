//! How many allocations a decision of each contender makes, on average over the snapshots.

use std::alloc::System;

use rollgate_peers::{assert_parity, contenders, snapshots};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let mut all = contenders();
    // Whatever is made once is made now.
    assert_parity(&mut all);
    let snapshots = snapshots();
    for contender in &mut all {
        let region = Region::new(ALLOCATOR);
        for snapshot in &snapshots {
            (contender.decide)(snapshot);
        }
        let change = region.change();
        let count = (change.allocations + change.reallocations) as f64 / snapshots.len() as f64;
        println!("{}\t{count:.0}", contender.name);
    }
}
