//! The end of a socket as a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::sync::catch_panic::wake;
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

/// The end that these futures wait for.
#[derive(Default)]
struct End {
    event: Option<CloseEvent>,
    wakers: Vec<(u64, Waker)>,
    next_key: u64,
}

impl End {
    /// Keeps a waker, and gives the one that it replaces.
    #[must_use]
    fn wait(&mut self, key: &mut Option<u64>, waker: &Waker) -> Option<Waker> {
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
        let wakers = {
            let mut end = self.lock();
            end.event = Some(event);
            std::mem::take(&mut end.wakers)
        };
        wake(wakers.into_iter().map(|(_, waker)| waker));
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
        let former = end.wait(&mut this.key, context.waker());
        drop(end);
        drop(former);
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
            let waker = {
                let wakers = &mut self.end.lock().wakers;
                wakers.iter().position(|(other, _)| *other == key).map(|index| wakers.swap_remove(index))
            };
            // Dropped while nothing is locked, since a waker may own anything.
            drop(waker);
        }
    }
}

impl fmt::Debug for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").field("event", &self.end.lock().event).finish_non_exhaustive()
    }
}
