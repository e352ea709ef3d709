//! The tasks of a test that runs on the current thread.
//!
//! [`testing::run`](crate::testing::run()) polls its tasks itself and never waits for another thread, nor for a browser's event
//! loop. So the driver of a remote, and that of a live socket, become such tasks.

use std::cell::RefCell;

use crate::platform::BoxFuture;
use crate::sync::{Lock, Shared};

/// The tasks that a test has not polled yet.
pub(crate) type TestTasks = Shared<Lock<Vec<BoxFuture<()>>>>;

thread_local! {
    static CURRENT: RefCell<Option<TestTasks>> = const { RefCell::new(None) };
}

/// A test that runs on this thread, until this is dropped.
pub(crate) struct RunningTest {
    /// The tasks of the test within which it runs, if there is one.
    outer: Option<TestTasks>,
}

impl RunningTest {
    pub(crate) fn new(tasks: TestTasks) -> Self {
        Self { outer: CURRENT.replace(Some(tasks)) }
    }
}

impl Drop for RunningTest {
    fn drop(&mut self) {
        drop(CURRENT.replace(self.outer.take()));
    }
}

/// Adds a task to the test that runs on this thread.
///
/// # Errors
///
/// Returns the task if there is no test.
pub(crate) fn spawn(task: BoxFuture<()>) -> Result<(), BoxFuture<()>> {
    let Ok(Some(tasks)) = CURRENT.try_with(|current| current.borrow().clone()) else { return Err(task) };
    tasks.lock().push(task);
    Ok(())
}
