//! The machine that this runs on.

use std::num::NonZeroUsize;
use std::thread;

use sysinfo::System;

/// What a machine has for whoever starts now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Threads that it runs at a time.
    pub cores: usize,
    /// Bytes of memory that are free, within the limits of a container.
    pub free_bytes: u64,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let mut system = System::new();
        system.refresh_memory();
        // What a container's files have in the page cache is free for whoever needs it.
        let limit = system.cgroup_limits();
        let limit = limit.map(|limits| limits.total_memory.saturating_sub(limits.rss));
        let free = system.available_memory();
        Machine {
            cores: thread::available_parallelism().map_or(1, NonZeroUsize::get),
            free_bytes: limit.map_or(free, |limit| limit.min(free)),
        }
    }
}
