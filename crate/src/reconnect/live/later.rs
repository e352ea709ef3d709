//! The start of a live socket's task: at once, or when it is needed.

use super::driver::LiveDriver;
use crate::platform::{Backend, DefaultBackend};
use crate::reconnect::builder::Spawn;

/// A task that has yet to be spawned.
type Task = (LiveDriver, Option<Box<dyn Spawn>>);

/// The task of a live socket, until it is spawned.
///
/// On native targets a disconnected socket needs none, so that it starts neither a task nor a thread. In a browser the task is
/// spawned at once, because only this thread can do so.
#[derive(Default)]
pub(super) struct Later {
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    task: crate::sync::Lock<Option<Task>>,
}

impl Later {
    /// Keeps a task until it is needed, if this target can.
    pub(super) fn new(task: Task) -> Self {
        #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
        return Self { task: crate::sync::Lock::new(Some(task)) };
        #[cfg(all(target_family = "wasm", target_os = "unknown"))]
        {
            spawn(task);
            Self {}
        }
    }

    /// Spawns the task, unless it was spawned before.
    #[cfg_attr(
        all(target_family = "wasm", target_os = "unknown"),
        expect(clippy::unused_self, reason = "in a browser the task is spawned already")
    )]
    pub(super) fn start(&self) {
        #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
        {
            let task = self.task.take();
            if let Some(task) = task {
                spawn(task);
            }
        }
    }
}

fn spawn((driver, spawn): Task) {
    if let Some(spawn) = spawn {
        return spawn(driver);
    }
    let driver = Box::pin(driver);
    // Code size: a page links nothing for tests.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    let Err(driver) = crate::socket::test_tasks::spawn(driver) else { return };
    DefaultBackend::default().tasks().spawn(driver);
}
