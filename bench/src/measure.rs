//! Measures the client's process: time, CPU time, memory, allocations.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use samesocket_bench_report::Sample;

/// A function that returns the number of allocations since the program's start.
pub type Counter = fn() -> usize;

/// A stopwatch for elapsed time, CPU time and allocations.
pub(crate) struct Stopwatch {
    wall: Instant,
    cpu: Duration,
    allocations: Option<(Counter, usize)>,
}

impl Stopwatch {
    pub(crate) fn start(counter: Option<Counter>) -> Self {
        let allocations = counter.map(|counter| (counter, counter()));
        Self { allocations, cpu: cpu_time(), wall: Instant::now() }
    }

    pub(crate) fn stop(self, messages: usize) -> Result<Sample> {
        let (wall, cpu) = (self.wall.elapsed(), cpu_time().saturating_sub(self.cpu));
        let messages = u32::try_from(messages)?;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(messages);
        let asked = self.allocations.map(|(counter, before)| counter() - before);
        let asked = asked.map(u32::try_from).transpose()?;
        Ok(Sample {
            cpu: each(cpu),
            wall: each(wall),
            peak: status("VmHWM:")?,
            idle: None,
            allocations: asked.map(|asked| f64::from(asked) / f64::from(messages)),
        })
    }
}

/// Returns the CPU time of all threads of this process, including the kernel's share.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// Returns the resident memory of this process, in KiB.
pub(crate) fn memory() -> Result<u32> {
    status("VmRSS:")
}

/// Reads a value from the process's status file, in KiB.
fn status(name: &str) -> Result<u32> {
    status_of("self", name)
}

/// Reads a number from the status file of a process.
pub(crate) fn status_of(process: &str, name: &str) -> Result<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .with_context(|| format!("the process status has no {name}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Pins this process and its children to one core, if there are several.
pub(crate) fn pin_to_core(core: usize) -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    if core < cores {
        let mut set = CpuSet::new();
        set.set(core);
        sched_setaffinity(None, &set)?;
    }
    Ok(())
}

/// Runs a function on a new runtime of this thread alone.
pub(crate) fn on_runtime<T>(act: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(act())
}

/// Lets this process have as many files as the system allows: there are jobs with 10,000 sockets.
pub(crate) fn raise_file_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?)
}
