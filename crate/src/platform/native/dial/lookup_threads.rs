//! A bounded number of threads that look up names.
//!
//! The system's resolver blocks its thread and cannot be cancelled. It must not occupy the blocking pool of a runtime,
//! because files and the first TLS configuration need that pool.

use std::io;
use std::net::SocketAddr;
use std::panic::{self, AssertUnwindSafe};
use std::thread;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::sync::cancellable_queue::{Cancellable, CancellableQueue};

/// The threads that look up names, and the lookups that wait for one of them.
///
/// A thread takes one lookup after the other, and ends when none waits. So a lookup is never given to a future, which may be in a
/// runtime that nobody drives.
pub(super) struct LookupThreads {
    state: Mutex<State>,
    most: usize,
}

#[derive(Default)]
struct State {
    waiting: CancellableQueue<Lookup>,
    running: usize,
}

type Found = io::Result<Vec<SocketAddr>>;

struct Lookup {
    run: Box<dyn FnOnce() -> Found + Send>,
    reply: oneshot::Sender<Found>,
}

impl Cancellable for Lookup {
    fn is_cancelled(&self) -> bool {
        self.reply.is_closed()
    }
}

impl LookupThreads {
    /// Creates threads when they are needed, at most this many.
    pub(super) fn new(most: usize) -> Self {
        Self { state: Mutex::default(), most }
    }

    /// Runs a lookup on one of the threads, once one is free.
    ///
    /// Dropping the future ends the wait. A lookup that has started keeps its thread until it returns.
    pub(super) async fn run(&'static self, run: impl FnOnce() -> Found + Send + 'static) -> Found {
        let (reply, receiver) = oneshot::channel();
        self.start(Lookup { run: Box::new(run), reply })?;
        receiver.await.map_err(io::Error::other)?
    }

    fn start(&'static self, lookup: Lookup) -> io::Result<()> {
        let mut state = self.state.lock();
        let cancelled = state.waiting.push(lookup);
        let mut started = Ok(());
        if state.running < self.most {
            // The join handle is not needed: results arrive through channels.
            let spawned = thread::Builder::new().name("samesocket-resolver".to_owned()).spawn(|| self.work()).map(drop);
            match spawned {
                Ok(()) => state.running += 1,
                Err(error) if state.running == 0 => started = Err(error),
                // Another thread takes it.
                Err(_) => {}
            }
        }
        // Nobody would take them.
        let abandoned = if started.is_err() { state.waiting.take_all() } else { cancelled };
        drop(state);
        drop(abandoned);
        started
    }

    fn work(&self) {
        while let Some(Lookup { run, reply }) = self.next() {
            if reply.is_closed() {
                continue;
            }
            // A panic of the lookup drops the reply, which the future notices. One of the waker that it calls has no one to tell.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| reply.send(run())));
        }
    }

    /// Returns the next lookup. If none waits, this thread counts no longer.
    fn next(&self) -> Option<Lookup> {
        let mut state = self.state.lock();
        let next = state.waiting.pop();
        if next.is_none() {
            state.running -= 1;
        }
        next
    }

    /// Returns the number of threads.
    #[cfg(test)]
    pub(super) fn running(&self) -> usize {
        self.state.lock().running
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc;
    use std::time::Duration;
    use tokio::time::timeout;

    fn threads(most: usize) -> &'static LookupThreads {
        Box::leak(Box::new(LookupThreads::new(most)))
    }

    #[expect(clippy::unnecessary_wraps, reason = "a lookup returns a result")]
    fn nothing() -> Found {
        Ok(Vec::new())
    }

    /// Starts a lookup that hangs until the returned sender is dropped.
    async fn hang(threads: &'static LookupThreads) -> mpsc::Sender<()> {
        let (begun, has_begun) = oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        tokio::spawn(threads.run(move || {
            let _ = begun.send(());
            let _ = released.recv();
            nothing()
        }));
        has_begun.await.unwrap();
        release
    }

    #[tokio::test]
    async fn future_that_is_not_polled_holds_up_no_other() {
        let threads = threads(1);
        let release = hang(threads).await;
        let (mut forgotten, mut last) = (Box::pin(threads.run(nothing)), Box::pin(threads.run(nothing)));
        assert!(futures::poll!(&mut forgotten).is_pending() && futures::poll!(&mut last).is_pending());
        drop(release);
        assert!(timeout(Duration::from_secs(30), last).await.expect("a thread is free").is_ok());
        drop(forgotten);
    }

    #[tokio::test]
    async fn cancelled_lookups_leave_the_queue_while_no_thread_is_free() {
        let threads = threads(1);
        let release = hang(threads).await;
        let kept = Arc::new(());
        for _ in 0..1000 {
            let kept = Arc::clone(&kept);
            let mut lookup = Box::pin(threads.run(move || {
                drop(kept);
                nothing()
            }));
            assert!(futures::poll!(&mut lookup).is_pending());
        }
        assert!(Arc::strong_count(&kept) < 10);
        drop(release);
    }
}
