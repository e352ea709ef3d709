//! The end of a socket as a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::sync::catch_panic::wake;
use crate::sync::keyed_waiters::KeyedWaiters;
use crate::sync::{Lock, MaybeSend, MaybeSync, Shared};
use samesocket_spec::CloseEvent;

/// How a socket ended, from [`WebSocket::closed`](crate::WebSocket::closed): resolves once its `close` event has been
/// fired, for any number of waiters, before or after.
///
/// It is no handle: it does not keep the socket open. When the last handle is dropped, it still resolves at the
/// socket's end. Cancelling it changes nothing.
pub struct Closed {
    end: Shared<Lock<End>>,
    /// The key of this future's waker, once it has waited.
    key: Option<u64>,
}

/// The state that all [`Closed`] futures of one socket share.
#[derive(Default)]
struct End {
    event: Option<CloseEvent>,
    waiters: KeyedWaiters<()>,
}

/// What a connection holds for those who await its end.
pub(crate) trait CloseNotifier: MaybeSend + MaybeSync {
    /// Gives a future that waits.
    fn closed(self: Shared<Self>) -> Closed;

    /// Notes the end, and wakes who waits.
    fn reach(&self, event: CloseEvent);
}

/// Gives what nobody awaits yet.
pub(crate) fn awaited() -> Shared<dyn CloseNotifier> {
    Shared::new(Lock::<End>::default())
}

impl CloseNotifier for Lock<End> {
    fn closed(self: Shared<Self>) -> Closed {
        Closed { end: self, key: None }
    }

    fn reach(&self, event: CloseEvent) {
        let (wakers, _) = {
            let mut end = self.lock();
            end.event = Some(event);
            end.waiters.take_ready(|()| true)
        };
        wake(wakers);
    }
}

impl Closed {
    /// The end of a socket that has been closed.
    pub(crate) fn reached(event: CloseEvent) -> Self {
        let end = End { event: Some(event), ..End::default() };
        Self { end: Shared::new(Lock::new(end)), key: None }
    }
}

impl Future for Closed {
    type Output = CloseEvent;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<CloseEvent> {
        let this = self.get_mut();
        let mut end = this.end.lock();
        if let Some(event) = &end.event {
            return Poll::Ready(event.clone());
        }
        let replaced = end.waiters.register(&mut this.key, (), context.waker());
        // Drop outside the lock: a waker may run any code.
        drop(end);
        drop(replaced);
        Poll::Pending
    }
}

impl Clone for Closed {
    fn clone(&self) -> Self {
        Self { end: Shared::clone(&self.end), key: None }
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.end.lock().waiters.remove(key);
            // Drop outside the lock: a waker may run any code.
            drop(waker);
        }
    }
}

impl fmt::Debug for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").field("event", &self.end.lock().event).finish_non_exhaustive()
    }
}
