//! What many sockets take of the kernel: sockets and memory.

use std::sync::RwLock;
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context as _, Result};
use rustix::param::page_size;

/// Returns the number of sockets of this process.
pub(super) fn sockets() -> Result<usize> {
    let links = fs::read_dir("/proc/self/fd")?.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    Ok(links.filter(|link| link.to_string_lossy().starts_with("socket:")).count())
}

/// Returns the memory of the kernel's objects and of TCP's buffers, in KiB. It is that of the whole machine, because the
/// kernel does not count it by process. Objects that the kernel can reclaim do not count, because most of them are of files.
pub(super) fn memory() -> Result<f64> {
    let slab = kibibytes("/proc/meminfo", "SUnreclaim:")?;
    // The words after the name are pairs of a name and a number.
    let words = fs::read_to_string("/proc/net/sockstat")?;
    let tcp = words.lines().find(|line| line.starts_with("TCP:")).context("there is no TCP in sockstat")?;
    let pages = tcp.split(' ').skip_while(|word| *word != "mem").nth(1).context("sockstat has no memory of TCP")?;
    let page = u32::try_from(page_size())?;
    Ok(slab + pages.parse::<f64>()? * f64::from(page) / 1024.0)
}

/// The number of threads for a measurement. Arbitrary: enough that other changes of the memory hardly count.
const THREADS: u16 = 500;

/// The time that the threads have to start. Arbitrary.
const START: Duration = Duration::from_millis(200);

/// Measures the memory of the kernel's objects for a thread, in KiB: the server has one for each connection.
pub(super) fn memory_of_thread() -> Result<f64> {
    let before = memory()?;
    let gate = RwLock::new(());
    let closed = gate.write();
    let during = thread::scope(|scope| {
        let _closed = closed;
        for _ in 0..THREADS {
            let wait = || drop(gate.read());
            thread::Builder::new().stack_size(64 << 10).spawn_scoped(scope, wait)?;
        }
        thread::sleep(START);
        memory()
    })?;
    Ok((during - before).max(0.0) / f64::from(THREADS))
}

/// Reads a number of a file whose lines have a name and a number of KiB.
fn kibibytes(file: &str, name: &str) -> Result<f64> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let line = line.with_context(|| format!("{file} has no {name}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
