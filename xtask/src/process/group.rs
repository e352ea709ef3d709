//! A process group: dropping it ends the process and everything that it started, such as a browser's helpers and their
//! X server.

#[cfg(unix)]
use std::task::Poll;
use std::{
    collections::BTreeSet,
    io,
    process::{Child, Command, ExitStatus, exit},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

#[cfg(unix)]
use tokio::signal::unix::SignalKind;

/// The running groups, for the interrupt handler: the terminal's Ctrl-C does not reach other groups.
static ALIVE: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// The time that a group has to end by itself. Arbitrary.
const GRACE: Duration = Duration::from_millis(1500);

/// A running process and everything that it started.
pub(crate) struct Group {
    child: Child,
}

impl Group {
    /// Starts a command as the leader of a new group.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let child = command.spawn()?;
        alive().insert(child.id());
        Ok(Self { child })
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Asks the group to end, and returns whether the leader has ended within the limit.
    pub(crate) fn ask_to_end(&mut self, limit: Duration) -> io::Result<bool> {
        signal(self.child.id(), false);
        let deadline = Instant::now() + limit;
        while self.ended()?.is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        Ok(self.ended()?.is_some())
    }

    /// Returns the leader's exit status, if it has ended.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let id = self.child.id();
        signal(id, false);
        let deadline = Instant::now() + GRACE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        signal(id, true);
        if !cfg!(unix) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        alive().remove(&id);
    }
}

/// Waits for an interrupt, then ends every group and this program.
pub(crate) async fn end_on_interrupt() {
    interrupt().await;
    for id in alive().iter() {
        signal(*id, false);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    for id in alive().iter() {
        signal(*id, true);
    }
    exit(130);
}

#[cfg(unix)]
async fn interrupt() {
    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
    // The terminal sends it when its window is closed. A program that `nohup` has started goes on.
    if !ignores_hangup(&std::fs::read_to_string("/proc/self/status").unwrap_or_default()) {
        kinds.push(SignalKind::hangup());
    }
    first_signal(&kinds).await;
}

/// Waits for one of these signals.
#[cfg(unix)]
async fn first_signal(kinds: &[SignalKind]) {
    let mut signals: Vec<_> = kinds.iter().filter_map(|kind| tokio::signal::unix::signal(*kind).ok()).collect();
    std::future::poll_fn(|context| {
        let has_come = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if has_come { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Reads from the status of a Linux process whether it was started with the signal ignored.
#[cfg(unix)]
fn ignores_hangup(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The lowest bit is signal 1, which is SIGHUP.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
async fn interrupt() {
    drop(tokio::signal::ctrl_c().await);
}

#[cfg(unix)]
fn signal(group: u32, at_once: bool) {
    use rustix::process::{Pid, Signal, kill_process_group};

    let signal = if at_once { Signal::KILL } else { Signal::TERM };
    // It is no error if the group has ended already.
    if let Some(id) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(id, signal);
    }
}

#[cfg(not(unix))]
fn signal(_group: u32, _at_once: bool) {}

fn alive() -> MutexGuard<'static, BTreeSet<u32>> {
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn hangup_is_received() {
        let hang_up = async { kill_process(getpid(), Signal::HUP).unwrap() };
        let kinds = [SignalKind::terminate(), SignalKind::hangup()];
        // The first future is polled first, so that the signal is handled when it comes.
        tokio::join!(first_signal(&kinds), hang_up);
    }

    #[test]
    fn ignored_hangup_is_found() {
        assert!(ignores_hangup("SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n"));
        assert!(!ignores_hangup("SigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n"));
        assert!(!ignores_hangup(""));
    }
}
