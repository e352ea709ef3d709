//! How much memory an engine's processes hold while its page sends a gibibyte.

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

/// How much more than before an engine's processes may hold, in bytes: what they do for themselves meanwhile, and by far
/// less than is sent.
const ROOM: u64 = 256 << 20;

/// How often it is looked whether the page sends, and once it does, what is held: a look walks all pages of all processes.
const EVERY: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(250)];

/// What all processes of an engine held together, in bytes, what they share counted once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    before: u64,
    most: u64,
}

impl Held {
    const fn growth(self) -> u64 {
        self.most - self.before
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes| bytes >> 20;
        write!(f, "at most {} MiB while it sent a gibibyte, {} more than before", mib(self.most), mib(self.growth()))
    }
}

/// Looks, while the page says that it sends, until the run has ended; none where it was never said, or cannot be seen.
pub(super) fn watch(site: &Site, engine: Engine, runner: &OnceLock<u32>, ended: &AtomicBool) -> Option<Held> {
    let report = format!("gibibyte-{}", engine.name());
    let mut held: Option<Held> = None;
    while !ended.load(Ordering::Relaxed) {
        let sends = site.report(&report).is_some_and(|text| text == "begun");
        if sends && let Some(&runner) = runner.get() {
            let now: u64 = descendants(runner).into_iter().filter_map(share).sum();
            if now > 0 {
                let held = held.get_or_insert(Held { before: now, most: now });
                held.most = held.most.max(now);
            }
        }
        thread::sleep(EVERY[usize::from(sends)]);
    }
    held
}

/// Fails if memory was not flat where it is to be, or was not looked at where it could have been.
pub(super) fn judge(engine: Engine, held: Option<Held>) -> Result<()> {
    // WebKit's library queues whatever it is given, and no page can know.
    if engine != Engine::Webkit && cfg!(target_os = "linux") {
        ensure!(held.is_some(), "its memory was not looked at");
        ensure!(held.is_none_or(|held| held.growth() < ROOM), "{held:?} is too much for what has to stay flat");
    }
    Ok(())
}

/// A process and all that it, and what it started, has started.
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

/// The parent in `PID (NAME) STATE PARENT …`, where the name may hold anything.
fn parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// A process's share of the memory that it uses, in bytes; none once it has ended.
fn share(process: u32) -> Option<u64> {
    kilobytes(&fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?)
}

fn kilobytes(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::{Engine, Held, judge, kilobytes, parent};

    #[test]
    fn what_the_system_tells_is_read() {
        assert_eq!(parent("123 (a ) (b) S 45 123 123 0 -1"), Some(45));
        assert_eq!(parent("123"), None);
        let rollup =
            "5-7 ---p 0 00:00 0 [rollup]\nRss:               10 kB\nPss:                3 kB\nPss_Dirty: 1 kB\n";
        assert_eq!(kilobytes(rollup), Some(3072));
        assert_eq!(kilobytes(""), None);
    }

    #[test]
    fn memory_that_grows_with_what_is_sent_is_too_much_but_in_webkit() {
        let flat = Held { before: 300 << 20, most: 400 << 20 };
        assert!(judge(Engine::Chromium, Some(flat)).is_ok());
        let grown = Held { most: 900 << 20, ..flat };
        assert_eq!(judge(Engine::Firefox, Some(grown)).is_err(), cfg!(target_os = "linux"));
        assert_eq!(judge(Engine::Firefox, None).is_err(), cfg!(target_os = "linux"));
        assert!(judge(Engine::Webkit, Some(grown)).is_ok());
        assert_eq!(grown.to_string(), "at most 900 MiB while it sent a gibibyte, 600 more than before");
    }
}
