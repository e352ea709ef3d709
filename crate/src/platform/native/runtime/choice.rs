//! The choice of the runtime that a socket lives on.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::runtime::{Handle, Id};

use super::background;
use super::per_process::PerProcess;

/// The place where a socket lives: a runtime, or the background thread.
#[derive(Clone, Default)]
pub(in crate::platform::native) enum RuntimeChoice {
    /// The runtime in which it is created, if there is one with both drivers; otherwise the background thread.
    #[default]
    Automatic,
    /// The background thread.
    Background,
    /// The runtime that the program has named.
    Given(Handle),
}

impl RuntimeChoice {
    /// Returns the runtime of a socket that is created here and now. `None` is the background thread.
    pub(in crate::platform::native) fn runtime(&self) -> Option<Handle> {
        match self {
            Self::Automatic => current(),
            Self::Background => None,
            Self::Given(runtime) => Some(runtime.clone()),
        }
    }
}

/// Returns the runtime that the calling code is in, if sockets of the program can live there.
fn current() -> Option<Handle> {
    let runtime = Handle::try_current().ok()?;
    (!background::is_background(&runtime) && CHECKED.has_drivers(&runtime)).then_some(runtime)
}

/// A cache of the runtimes that were checked.
static CHECKED: CheckedRuntimes = CheckedRuntimes(PerProcess::new());

/// The capacity of the cache. Arbitrary: few programs have more runtimes.
const REMEMBERED: usize = 16;

/// The latest runtimes, and whether each has both drivers.
struct CheckedRuntimes(PerProcess<VecDeque<(Id, bool)>>);

impl CheckedRuntimes {
    /// Returns whether the runtime, which has to be the current one, has an I/O and a time driver.
    fn has_drivers(&self, runtime: &Handle) -> bool {
        let id = runtime.id();
        let known =
            |checked: &VecDeque<(Id, bool)>| checked.iter().find(|(known, _)| *known == id).map(|(_, has)| *has);
        if let Some(known) = known(self.0.lock().value.get_or_insert_default()) {
            return known;
        }
        // Outside the lock: a panic runs the program's hook.
        let Some(has_drivers) = probe() else { return true };
        let mut checked = self.0.lock();
        let checked = checked.value.get_or_insert_default();
        if known(checked).is_none() {
            checked.truncate(REMEMBERED - 1);
            checked.push_front((id, has_drivers));
        }
        has_drivers
    }
}

/// Returns whether the current runtime has both drivers. Returns `None` if the system has no socket to find out.
///
/// tokio reports a missing driver only by a panic. If a panic aborts the process, the probe is skipped and both drivers
/// are presumed.
fn probe() -> Option<bool> {
    if cfg!(panic = "abort") {
        return None;
    }
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    socket.set_nonblocking(true).ok()?;
    // Unwind safe: everything inside is dropped.
    let found = catch_unwind(AssertUnwindSafe(|| {
        drop(tokio::time::sleep(Duration::ZERO));
        drop(tokio::net::UdpSocket::from_std(socket));
    }));
    Some(found.is_ok())
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn runtime_is_chosen_only_with_both_drivers() {
        let checked = CheckedRuntimes(PerProcess::new());
        for (time, io) in [(true, true), (true, false), (false, true), (false, false)] {
            let mut builder = Builder::new_current_thread();
            if time {
                builder.enable_time();
            }
            if io {
                builder.enable_io();
            }
            let runtime = builder.build().unwrap();
            let _entered = runtime.enter();
            for _ in 0..2 {
                assert_eq!(checked.has_drivers(runtime.handle()), time && io, "time {time}, I/O {io}");
            }
        }
        assert_eq!(checked.0.lock().value.as_ref().unwrap().len(), 4);
    }

    #[test]
    fn remembered_runtimes_are_few() {
        let checked = CheckedRuntimes(PerProcess::new());
        for _ in 0..2 * REMEMBERED {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let _entered = runtime.enter();
            assert!(checked.has_drivers(runtime.handle()));
        }
        assert_eq!(checked.0.lock().value.as_ref().unwrap().len(), REMEMBERED);
    }

    #[test]
    fn background_thread_is_no_runtime_of_the_program() {
        let background = background::background().unwrap();
        let _entered = background.enter();
        assert!(RuntimeChoice::Automatic.runtime().is_none());
    }

    #[test]
    fn choice_follows_the_caller_unless_it_is_made() {
        let ids = |choice: &RuntimeChoice| choice.runtime().map(|runtime| runtime.id());
        let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
        let (here, given) = (runtime(), runtime());
        let choices =
            [RuntimeChoice::Automatic, RuntimeChoice::Background, RuntimeChoice::Given(given.handle().clone())];
        let given = Some(given.handle().id());
        assert_eq!(choices.each_ref().map(ids), [None, None, given]);
        let _entered = here.enter();
        assert_eq!(choices.each_ref().map(ids), [Some(here.handle().id()), None, given]);
    }
}
