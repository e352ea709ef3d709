//! The thread on which sockets live, unless their users put them elsewhere.

use std::io;
use std::sync::{Mutex, PoisonError};
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
    let runtime = Builder::new_current_thread().enable_io().enable_time().thread_name("samesocket-blocking").build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("samesocket".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    *background = Some(handle.clone());
    Ok(handle)
}
