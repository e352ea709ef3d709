//! The state that the handles of a remote share with its driver.
//!
//! Any thread can use it on every target. The handles leave requests in it and wake the driver. The driver leaves the items of
//! the receiving half, and the `close` event.

use std::collections::VecDeque;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::channel::oneshot;

use super::command::{Command, Effects, Item, QueuedRequest, RemoteRequest, SendRequest};
use crate::sync::SendLock;
use crate::sync::cancellable_queue::CancellableQueue;
use crate::sync::catch_panic::{drop_caught, wake};
use crate::sync::keyed_waiters::KeyedWaiters;
use samesocket_spec::CloseEvent;

/// The most items that wait for the receiving half. Arbitrary.
const MAX_ITEMS: usize = 16;

/// The shared state of a remote.
pub(super) struct RemoteShared(SendLock<RemoteState>);

#[expect(clippy::struct_excessive_bools, reason = "each end may be gone without the others")]
struct RemoteState {
    /// The requests that the driver has not taken, of all kinds in one order. So a close overtakes no earlier send, and no later
    /// send overtakes a close.
    requests: CancellableQueue<QueuedRequest>,
    /// The effects of those requests, so that repeated ones do not pile up.
    effects: Effects,
    has_senders: bool,
    /// The items that the receiving half has not taken.
    items: VecDeque<Item>,
    /// Whether the driver waits until `items` has capacity.
    is_paused: bool,
    has_receiver: bool,
    /// The waker of the task that waits for an item.
    receiver: Option<Waker>,
    /// The `close` event, once it was fired, or the driver was dropped.
    close_event: Option<CloseEvent>,
    /// The futures that wait for it.
    close_waiters: KeyedWaiters<()>,
    has_driver: bool,
    /// The waker of the driver, until it is woken.
    driver: Option<Waker>,
}

impl RemoteShared {
    pub(super) fn new() -> Self {
        Self(SendLock::new(RemoteState {
            requests: CancellableQueue::default(),
            effects: Effects::default(),
            has_senders: true,
            items: VecDeque::new(),
            is_paused: false,
            has_receiver: true,
            receiver: None,
            close_event: None,
            close_waiters: KeyedWaiters::new(),
            has_driver: true,
            driver: None,
        }))
    }

    // For the handles.

    /// Requests a send. The reply is cancelled if the driver is gone.
    pub(super) fn send<A>(&self, with_reply: impl FnOnce(oneshot::Sender<A>) -> SendRequest) -> oneshot::Receiver<A> {
        let (reply, replied) = oneshot::channel();
        self.push(RemoteRequest::Send(with_reply(reply)));
        replied
    }

    /// Requests the execution of a command. The reply is cancelled if the driver is gone.
    pub(super) fn command<A>(&self, with_reply: impl FnOnce(oneshot::Sender<A>) -> Command) -> oneshot::Receiver<A> {
        let (reply, replied) = oneshot::channel();
        self.push(RemoteRequest::Command(with_reply(reply)));
        replied
    }

    /// Queues a request and wakes the driver. Without a driver, it drops the request.
    pub(super) fn push(&self, request: RemoteRequest) {
        let (dropped, driver) = {
            let mut state = self.0.lock();
            let request = state.effects.prepare(request);
            if state.has_driver {
                (state.requests.push(request), state.driver.take())
            } else {
                (VecDeque::from([request]), None)
            }
        };
        // Drop outside the lock: a message may be owned by the user.
        dropped.into_iter().for_each(drop_caught);
        wake(driver);
    }

    /// Returns the next item. It is `None` if the driver was dropped.
    pub(super) fn poll_item(&self, waker: &Waker) -> Poll<Option<Item>> {
        let (item, replaced, driver) = {
            let mut state = self.0.lock();
            let item = state.items.pop_front();
            let resumes = state.is_paused && state.items.len() <= MAX_ITEMS / 2;
            state.is_paused &= !resumes;
            let driver = if resumes { state.driver.take() } else { None };
            let waits = item.is_none() && state.has_driver;
            let replaced = if waits { state.receiver.replace(waker.clone()) } else { None };
            (if waits { Poll::Pending } else { Poll::Ready(item) }, replaced, driver)
        };
        wake(driver);
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        item
    }

    /// Creates a future of the `close` event.
    pub(super) fn closed(self: &Arc<Self>) -> RemoteClosed {
        RemoteClosed { shared: Arc::clone(self), key: None }
    }

    /// Notes that the last sending handle was dropped.
    pub(super) fn release_senders(&self) {
        let driver = {
            let mut state = self.0.lock();
            state.has_senders = false;
            state.driver.take()
        };
        wake(driver);
    }

    /// Notes that the receiving half was dropped.
    pub(super) fn release_receiver(&self) {
        let (dropped, driver) = {
            let mut state = self.0.lock();
            state.has_receiver = false;
            ((mem::take(&mut state.items), state.receiver.take()), state.driver.take())
        };
        wake(driver);
        // Drop outside the lock: messages and wakers may be owned by the user.
        drop(dropped);
    }

    // For the driver.

    /// Registers the waker of the driver. It is woken by each later request, when the items have capacity again, and when handles
    /// are dropped.
    pub(super) fn register_driver(&self, waker: &Waker) {
        let replaced = self.0.lock().driver.replace(waker.clone());
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
    }

    /// Takes the next request. Returns `None` if all were taken and there is no sending handle.
    pub(super) fn poll_request(&self) -> Poll<Option<RemoteRequest>> {
        let mut state = self.0.lock();
        match state.requests.pop() {
            Some(request) => Poll::Ready(Some(state.effects.release(request))),
            None if state.has_senders => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    /// Waits until an item fits. Returns `false` if there is no receiving half.
    pub(super) fn poll_item_capacity(&self) -> Poll<bool> {
        let mut state = self.0.lock();
        state.is_paused = state.has_receiver && state.items.len() >= MAX_ITEMS;
        if state.is_paused { Poll::Pending } else { Poll::Ready(state.has_receiver) }
    }

    /// Passes an item to the receiving half.
    pub(super) fn put_item(&self, item: Item) {
        let (discarded, receiver) = {
            let mut state = self.0.lock();
            if state.has_receiver {
                state.items.push_back(item);
                (None, state.receiver.take())
            } else {
                (Some(item), None)
            }
        };
        // Drop outside the lock: a message may be owned by the user.
        drop_caught(discarded);
        wake(receiver);
    }

    /// Stores the `close` event, and wakes the futures that wait for it.
    pub(super) fn set_closed(&self, event: CloseEvent) {
        let waiters = {
            let mut state = self.0.lock();
            state.close_event.get_or_insert(event);
            state.close_waiters.take_ready(|()| true)
        };
        wake(waiters);
    }

    /// Notes that the driver has ended, and drops the requests that it has not taken.
    fn end(&self) {
        let (requests, driver, receiver) = {
            let mut state = self.0.lock();
            state.has_driver = false;
            (state.requests.take_all(), state.driver.take(), state.receiver.take())
        };
        // Drop outside the lock: messages and wakers may be owned by the user, and replies wake tasks.
        requests.into_iter().for_each(drop_caught);
        drop_caught(driver);
        wake(receiver);
        self.set_closed(CloseEvent::abnormal());
    }
}

/// The driver's reference to the shared state. Dropping it tells the handles that the driver is gone.
pub(super) struct DriverReference(Arc<RemoteShared>);

impl DriverReference {
    pub(super) const fn new(shared: Arc<RemoteShared>) -> Self {
        Self(shared)
    }

    pub(super) fn get(&self) -> &RemoteShared {
        &self.0
    }
}

impl Drop for DriverReference {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A future of the `close` event of a remote. It keeps neither the socket nor the driver alive.
pub(super) struct RemoteClosed {
    shared: Arc<RemoteShared>,
    /// The key of this future's waker, once it has been polled.
    key: Option<u64>,
}

impl Future for RemoteClosed {
    type Output = CloseEvent;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<CloseEvent> {
        let this = self.get_mut();
        let replaced = {
            let mut state = this.shared.0.lock();
            if let Some(event) = &state.close_event {
                return Poll::Ready(event.clone());
            }
            state.close_waiters.register(&mut this.key, (), context.waker())
        };
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for RemoteClosed {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let waker = self.shared.0.lock().close_waiters.remove(key);
        // Drop outside the lock: a waker may run any code.
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[crate::test]
    fn repeated_requests_do_not_pile_up_without_a_driver() {
        let repeated: [fn(&RemoteShared); 4] = [
            |shared| drop(shared.command(Command::Ping)),
            |shared| drop(shared.command(|reply| Command::Close(Some(1000), None, reply))),
            |shared| shared.push(RemoteRequest::Command(Command::Abort)),
            |shared| drop(shared.command(Command::Status)),
        ];
        let shared = RemoteShared::new();
        for _ in 0..1000 {
            for request in &repeated {
                request(&shared);
            }
        }
        let queued = shared.0.lock().requests.len();
        assert!(queued < 20, "{queued} requests wait");
        // The first of each kind has its effect.
        let mut kept = [0; 3];
        while let Poll::Ready(Some(RemoteRequest::Command(command))) = shared.poll_request() {
            let kind = match command {
                Command::Ping(_) => 0,
                Command::Close(..) => 1,
                Command::Abort => 2,
                _ => continue,
            };
            kept[kind] += 1;
        }
        assert!(kept.iter().all(|&count| count > 0), "{kept:?}");
        // So has a ping after those that the driver has taken.
        drop(shared.command(Command::Ping));
        for _ in 0..100 {
            drop(shared.command(Command::Status));
        }
        assert!(matches!(shared.poll_request(), Poll::Ready(Some(RemoteRequest::Command(Command::Ping(_))))));
    }
}
