//! The same program with an allocator that counts. It is not for measuring time.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> anyhow::Result<()> {
    samesocket_bench::run(Some(|| {
        let stats = ALLOCATOR.stats();
        stats.allocations + stats.reallocations
    }))
}
