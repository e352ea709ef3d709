//! Measures the memory of an engine's processes while its page sends a gibibyte.

use std::{
    collections::HashMap,
    fmt, fs,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Result, ensure};

use crate::{browser::Engine, serve::Site};

/// The allowed growth of memory, in bytes. Arbitrary: more than the engines' own fluctuation, and a quarter of the data
/// that is sent.
const ROOM: u64 = 256 << 20;

/// The polling intervals: before the page sends, and while it sends. A measurement walks all pages of all processes, so
/// it is rarer.
const EVERY: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(250)];

/// The memory of all processes of an engine, in bytes. Shared pages count once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemoryUse {
    before: u64,
    most: u64,
}

impl MemoryUse {
    const fn growth(self) -> u64 {
        self.most - self.before
    }
}

impl fmt::Display for MemoryUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes| bytes >> 20;
        write!(f, "at most {} MiB while it sent a gibibyte, {} more than before", mib(self.most), mib(self.growth()))
    }
}

/// Measures while the page reports that it sends, until the run has ended. Returns `None` if the page never did, or if
/// memory cannot be read.
pub(super) fn measure(site: &Site, engine: Engine, runner: &OnceLock<u32>, ended: &AtomicBool) -> Option<MemoryUse> {
    let report = format!("gibibyte-{}", engine.name());
    let mut held: Option<MemoryUse> = None;
    while !ended.load(Ordering::Relaxed) {
        let sends = site.report(&report).is_some_and(|text| text == "begun");
        if sends && let Some(&runner) = runner.get() {
            let now: u64 = descendants(runner).into_iter().filter_map(share).sum();
            if now > 0 {
                let held = held.get_or_insert(MemoryUse { before: now, most: now });
                held.most = held.most.max(now);
            }
        }
        thread::sleep(EVERY[usize::from(sends)]);
    }
    held
}

/// Fails if memory grew too much, or was not measured on a system where that is possible.
pub(super) fn check(engine: Engine, held: Option<MemoryUse>) -> Result<()> {
    // WebKit's library queues without a limit, and a page cannot detect it.
    if engine != Engine::Webkit && cfg!(target_os = "linux") {
        ensure!(held.is_some(), "the memory of its processes was not measured");
        let growth = held.map_or(0, MemoryUse::growth);
        ensure!(growth < ROOM, "memory grew by {} MiB, the limit is {} MiB", growth >> 20, ROOM >> 20);
    }
    Ok(())
}

/// Returns a process and all its descendants.
fn descendants(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let parent = fs::read_to_string(entry.path().join("stat")).ok().and_then(|stat| parent(&stat));
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(process) = found.get(next) {
        found.extend(children.remove(process).unwrap_or_default());
        next += 1;
    }
    found
}

/// Reads the parent from `PID (NAME) STATE PARENT …`. The name may contain any character.
fn parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Returns a process's proportional share of memory, in bytes, or `None` if it has ended.
fn share(process: u32) -> Option<u64> {
    kilobytes(&fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?)
}

fn kilobytes(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::{Engine, MemoryUse, check, kilobytes, parent};

    #[test]
    fn proc_files_are_parsed() {
        assert_eq!(parent("123 (a ) (b) S 45 123 123 0 -1"), Some(45));
        assert_eq!(parent("123"), None);
        let rollup =
            "5-7 ---p 0 00:00 0 [rollup]\nRss:               10 kB\nPss:                3 kB\nPss_Dirty: 1 kB\n";
        assert_eq!(kilobytes(rollup), Some(3072));
        assert_eq!(kilobytes(""), None);
    }

    #[test]
    fn growing_memory_is_an_error_except_in_webkit() {
        let flat = MemoryUse { before: 300 << 20, most: 400 << 20 };
        assert!(check(Engine::Chromium, Some(flat)).is_ok());
        let grown = MemoryUse { most: 900 << 20, ..flat };
        assert_eq!(check(Engine::Firefox, Some(grown)).is_err(), cfg!(target_os = "linux"));
        assert_eq!(check(Engine::Firefox, None).is_err(), cfg!(target_os = "linux"));
        assert!(check(Engine::Webkit, Some(grown)).is_ok());
        assert_eq!(grown.to_string(), "at most 900 MiB while it sent a gibibyte, 600 more than before");
    }
}
