//! The future of a socket's `close` event, and its notifier.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::sync::catch_panic::wake;
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

/// The state that all futures of one socket share.
#[derive(Default)]
struct CloseState {
    /// The data of the `close` event, once it was fired.
    event: Option<CloseEvent>,
    /// The wakers of the waiting futures, by key.
    wakers: Vec<(u64, Waker)>,
    next_key: u64,
}

impl CloseState {
    /// Registers the waker of one future, and returns the waker that it replaces.
    #[must_use]
    fn set_waker(&mut self, key: &mut Option<u64>, waker: &Waker) -> Option<Waker> {
        let key = *key.get_or_insert_with(|| {
            self.next_key += 1;
            self.next_key
        });
        if let Some((_, known)) = self.wakers.iter_mut().find(|(other, _)| *other == key) {
            return Some(std::mem::replace(known, waker.clone()));
        }
        self.wakers.push((key, waker.clone()));
        None
    }
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
            std::mem::take(&mut state.wakers)
        };
        wake(wakers.into_iter().map(|(_, waker)| waker));
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
        let replaced = state.set_waker(&mut this.key, context.waker());
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
            let waker = {
                let wakers = &mut self.state.lock().wakers;
                wakers.iter().position(|(other, _)| *other == key).map(|index| wakers.swap_remove(index))
            };
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
