//! A process group: dropping it ends the process and everything that it started, such as a browser's helpers and their
//! X server.

use std::{
    collections::BTreeSet,
    io,
    process::{Child, Command, ExitStatus, exit},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

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
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
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
