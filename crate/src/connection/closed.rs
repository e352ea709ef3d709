//! The future of a socket's `close` event, and its notifier.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::sync::catch_panic::wake;
use crate::sync::keyed_waiters::KeyedWaiters;
use crate::sync::{Lock, MaybeSend, MaybeSync, Shared};
use samesocket_spec::CloseEvent;

/// A future of the `close` event, from [`WebSocket::closed`](crate::WebSocket::closed).
///
/// It resolves once the `close` event was fired, at once if that has happened already. Any number of clones can wait.
///
/// It is not a handle: it does not keep the socket open. If the last handle is dropped, the connection is closed and
/// the future still resolves. Cancelling it has no effect on the socket.
///
/// ```no_run
/// # async fn example() -> Result<(), samesocket::Exception> {
/// let socket = samesocket::WebSocket::new("wss://example.com/chat", ())?;
/// let event = socket.closed().await;
/// println!("closed with code {}, clean: {}", event.code, event.was_clean);
/// # Ok(())
/// # }
/// ```
pub struct Closed {
    state: Shared<Lock<CloseState>>,
    /// The key of this future's waker, once it has been polled.
    key: Option<u64>,
}

/// The state that all [`Closed`] futures of one socket share.
#[derive(Default)]
struct CloseState {
    /// The data of the `close` event, once it was fired.
    event: Option<CloseEvent>,
    /// The wakers of the waiting futures.
    waiters: KeyedWaiters<()>,
}

/// The notifier that a connection holds for its [`Closed`] futures.
pub(crate) trait CloseNotifier: MaybeSend + MaybeSync {
    /// Creates a future that waits for the `close` event.
    fn closed(self: Shared<Self>) -> Closed;

    /// Stores the data of the `close` event and wakes the waiting futures.
    fn notify(&self, event: CloseEvent);
}

/// Creates a notifier without any future.
pub(crate) fn new_notifier() -> Shared<dyn CloseNotifier> {
    Shared::new(Lock::<CloseState>::default())
}

impl CloseNotifier for Lock<CloseState> {
    fn closed(self: Shared<Self>) -> Closed {
        Closed { state: self, key: None }
    }

    fn notify(&self, event: CloseEvent) {
        let wakers = {
            let mut state = self.lock();
            state.event = Some(event);
            state.waiters.take_ready(|()| true)
        };
        wake(wakers);
    }
}

impl Closed {
    /// Creates a future that is ready, for a socket that is closed already.
    pub(crate) fn ready(event: CloseEvent) -> Self {
        let state = CloseState { event: Some(event), ..CloseState::default() };
        Self { state: Shared::new(Lock::new(state)), key: None }
    }
}

impl Future for Closed {
    type Output = CloseEvent;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<CloseEvent> {
        let this = self.get_mut();
        let mut state = this.state.lock();
        if let Some(event) = &state.event {
            return Poll::Ready(event.clone());
        }
        let replaced = state.waiters.register(&mut this.key, (), context.waker());
        drop(state);
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        Poll::Pending
    }
}

impl Clone for Closed {
    fn clone(&self) -> Self {
        Self { state: Shared::clone(&self.state), key: None }
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.state.lock().waiters.remove(key);
            // Drop outside the lock: a waker may run any code.
            drop(waker);
        }
    }
}

impl fmt::Debug for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").field("event", &self.state.lock().event).finish_non_exhaustive()
    }
}
