//! The thread on which sockets live, unless their users put them elsewhere.

use std::cell::RefCell;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::task::Waker;
use std::thread;

use tokio::runtime::{Builder, Handle};

/// The handle of the background thread, once it is started.
static BACKGROUND: Mutex<Option<Handle>> = Mutex::new(None);

/// Gives the runtime of the background thread, which is started when it is first needed and never ends.
pub(super) fn background() -> io::Result<Handle> {
    let mut background = BACKGROUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*background {
        return Ok(handle.clone());
    }
    let mut builder = Builder::new_current_thread();
    let builder = builder.enable_io().enable_time().thread_name("samesocket-blocking").on_thread_park(let_others_run);
    let runtime = builder.build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("samesocket".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    *background = Some(handle.clone());
    Ok(handle)
}

thread_local! {
    /// Tasks of this thread's that have nothing to do at present, but will soon.
    static LINGERING: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
}

/// Has a task of the background thread polled again when all others of it sleep, and others that share the processor with
/// the thread have run: who was about to give the task something to do need not wake it then.
pub(super) fn linger(waker: &Waker) {
    LINGERING.with_borrow_mut(|lingering| lingering.push(waker.clone()));
}

fn let_others_run() {
    let lingering = LINGERING.take();
    if !lingering.is_empty() {
        thread::yield_now();
        lingering.into_iter().for_each(Waker::wake);
    }
}
