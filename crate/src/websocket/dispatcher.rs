//! The dispatcher: delivers a socket's events to callbacks and streams, and buffers them before there are any.

use std::task::{Context, Poll, Waker};

use crate::connection::listener::{Listener, ReceiveOutcome};
use crate::platform::{self, FinalState, Messages, Task};
use crate::queue::Capacity;
use crate::sync::MaybeSend;
use crate::sync::catch_panic::{catch_panic, drop_caught, wake};
use crate::sync::{Lock, Weak};
use crate::types::binary_type::BinaryType;
use crate::types::event::Event;
use crate::types::event::QueuedEvent;
use crate::types::origin::Origin;
use crate::websocket::Handle;
use crate::websocket::WebSocket;
use crate::websocket::event_streams::{self, EventStreams, Wakers};
use crate::websocket::events::{EventQueue, Events};
use samesocket_spec::CloseEvent;

/// A callback of [`WebSocket::subscribe`].
pub(crate) trait Callback: FnMut(&WebSocket, &Event) + MaybeSend {}

impl<F: FnMut(&WebSocket, &Event) + MaybeSend> Callback for F {}

/// The dispatcher of one socket: its subscribers and the events that are queued for them.
pub(crate) struct Dispatcher {
    state: Lock<DispatcherState>,
    /// The origin of the messages.
    origin: Origin,
    /// The user's handles. Callbacks receive one of them, if any is left.
    handle: Weak<Handle>,
    /// The task that delivers the buffered events to the first subscriber.
    flush_task: Lock<Option<Task>>,
}

/// The subscribers, and the events that are queued for them.
#[derive(Default)]
struct DispatcherState {
    slots: Vec<CallbackSlot>,
    /// The event streams, if any was ever created.
    streams: Option<Box<dyn EventStreams>>,
    phase: Phase,
    /// The events that were fired and not yet dispatched.
    queue: EventQueue,
    /// Whether a call of `deliver` is running. Others return at once, so that events are delivered one after the other.
    dispatching: bool,
    last_id: u64,
}

/// The slot of one callback.
struct CallbackSlot {
    id: u64,
    /// The callback. The slot is empty while the callback runs, and after it was removed.
    callback: Option<Box<dyn Callback>>,
    /// Whether the callback was unsubscribed, so that the slot can be cleared away.
    removed: bool,
}

/// The result of dispatching the next event.
enum Dispatched {
    /// The queue is empty.
    Nothing,
    /// All queued events were delivered to the streams. `is_last` is true if `close` was among them.
    Delivered { is_last: bool },
    /// The event was delivered to the streams. The callbacks are still to be called with it.
    Call(QueuedEvent),
}

/// The phase of a dispatcher.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// Events are buffered until the first subscriber has received all of them.
    #[default]
    Buffering,
    /// Events are delivered as they are fired.
    Live,
    /// The `close` event was delivered.
    Finished,
}

impl Dispatcher {
    pub(crate) fn new(origin: Origin, handle: Weak<Handle>) -> Self {
        Self { state: Lock::default(), origin, handle, flush_task: Lock::default() }
    }

    /// Adds a callback and returns its id. After the last event, the callback is dropped at once.
    pub(crate) fn add_callback(&self, callback: Box<dyn Callback>) -> u64 {
        let mut state = self.state.lock();
        state.last_id += 1;
        let id = state.last_id;
        if state.phase == Phase::Finished {
            // Drop outside the lock: a callback may own anything.
            drop(state);
            drop(callback);
        } else {
            state.slots.push(CallbackSlot { id, callback: Some(callback), removed: false });
        }
        id
    }

    /// Removes a callback. It is dropped now, or if it is running, when it returns. It is not called again.
    pub(crate) fn remove_callback(&self, id: u64) {
        let callback = {
            let mut state = self.state.lock();
            state.slots.iter_mut().find(|slot| slot.id == id).and_then(CallbackSlot::remove)
        };
        self.clear_removed();
        // Drop outside the lock: a callback may own anything, for example another subscription.
        drop(callback);
    }

    /// Adds an event stream. After the last event, the stream is empty and ended.
    pub(crate) fn add_stream(&self) -> Events {
        let (events, queue) = Events::new(self.origin.clone());
        let mut state = self.state.lock();
        if state.phase == Phase::Finished {
            // The stream was not polled yet, so there is no waker.
            let _ = queue.lock().end();
        } else {
            state.streams.get_or_insert_with(event_streams::new_streams).add(queue);
        }
        events
    }

    /// Returns whether there are buffered events, which a new subscriber has to receive.
    pub(crate) fn has_buffered(&self) -> bool {
        let state = self.state.lock();
        state.phase == Phase::Buffering && !state.queue.is_empty()
    }

    /// Stores the task that delivers the buffered events. It replaces, and so cancels, an earlier one.
    pub(crate) fn set_flush_task(&self, task: Task) {
        self.flush_task.replace(Some(task));
    }

    fn fire_and_deliver(&self, event: QueuedEvent) {
        if self.fire(std::iter::once(event), None) {
            self.deliver();
        }
    }

    /// Queues at least one event. Returns whether [`deliver`](Listener::deliver) must follow.
    ///
    /// `measured` is the size of all events, if they are messages and the size is known.
    #[must_use]
    fn fire(&self, events: impl Iterator<Item = QueuedEvent>, measured: Option<Capacity>) -> bool {
        let mut state = self.state.lock();
        // The buffered events are delivered to the first subscriber in a task of their own.
        let is_buffered = state.phase == Phase::Buffering && (!state.has_subscribers() || !state.queue.is_empty());
        match measured {
            Some(measured) => state.queue.extend_measured(events, measured),
            None => state.queue.extend(events),
        }
        !is_buffered
    }

    /// Dispatches the next event to the streams. If there are no callbacks, dispatches all events.
    fn dispatch_next(&self) -> Dispatched {
        let (dispatched, (waker, wakers)) = {
            let mut state = self.state.lock();
            let is_buffering = state.phase == Phase::Buffering;
            let without_subscribers = is_buffering && !state.has_subscribers();
            if without_subscribers || state.queue.is_empty() {
                if is_buffering && !without_subscribers {
                    state.phase = Phase::Live;
                }
                state.dispatching = false;
                return Dispatched::Nothing;
            }
            if state.slots.is_empty() { state.dispatch_all() } else { state.dispatch_one() }
        };
        wake(wakers);
        wake(waker);
        dispatched
    }

    /// Calls the callbacks that are subscribed now. It skips those that are added or removed meanwhile.
    fn call_all(&self, socket: &WebSocket, event: &Event) {
        let mut state = self.state.lock();
        for index in 0..state.slots.len() {
            let callback = state.slots.get_mut(index).and_then(|slot| slot.callback.take());
            let Some(mut callback) = callback else { continue };
            drop(state);
            // A callback that panics stays subscribed.
            catch_panic(|| callback(socket, event));
            state = self.state.lock();
            let removed = match state.slots.get_mut(index) {
                Some(slot) if !slot.removed => slot.callback.replace(callback),
                _ => Some(callback),
            };
            if removed.is_some() {
                // Drop outside the lock: a callback may own anything.
                drop(state);
                drop_caught(removed);
                state = self.state.lock();
            }
        }
    }

    /// Clears away the slots of removed callbacks and dropped streams, unless an event is being dispatched.
    fn clear_removed(&self) {
        let mut state = self.state.lock();
        if !state.dispatching {
            // The slots and streams are empty: nothing of the user is dropped here.
            state.slots.retain(|slot| !slot.removed);
            if let Some(streams) = &mut state.streams {
                streams.clear_dropped();
            }
        }
    }
}

impl Listener for Dispatcher {
    fn opened(&self) {
        self.fire_and_deliver(QueuedEvent::Open);
    }

    fn receive(&self, messages: &mut Messages) -> ReceiveOutcome {
        let measured = platform::measure_messages(messages);
        let deliver = self.fire(platform::drain_messages(messages).map(QueuedEvent::Message), measured);
        ReceiveOutcome { deliver, ..ReceiveOutcome::default() }
    }

    fn poll_capacity(&self, context: &Context<'_>) -> Poll<Capacity> {
        // Code size: a back end without backpressure does not ask, and does not link the rest.
        if !platform::SUPPORTS_BACKPRESSURE {
            return Poll::Ready(Capacity::UNLIMITED);
        }
        let mut state = self.state.lock();
        let capacity = state.queue.poll_capacity(context.waker());
        match &state.streams {
            Some(streams) => streams.poll_capacity(capacity, context),
            None => capacity,
        }
    }

    /// Discards the messages that were not dispatched, after a call of `close`.
    fn closing(&self, by_us: bool) {
        if by_us {
            let paused = {
                let mut state = self.state.lock();
                state.queue.discard_messages();
                state.take_resume_waker()
            };
            wake(paused);
        }
    }

    fn closed(&self, error: bool, event: &CloseEvent, _: FinalState) {
        if error {
            self.fire_and_deliver(QueuedEvent::Error);
        }
        self.fire_and_deliver(QueuedEvent::Close(event.clone()));
    }

    /// Delivers the queued events one after the other, unless another call is doing so or there was never a subscriber.
    ///
    /// The handle is upgraded anew for each event, because a callback may drop the last handle.
    fn deliver(&self) {
        self.flush_task.take();
        {
            let mut state = self.state.lock();
            if state.dispatching {
                return;
            }
            state.dispatching = true;
        }
        loop {
            let is_last = match self.dispatch_next() {
                Dispatched::Nothing => break,
                Dispatched::Delivered { is_last } => is_last,
                Dispatched::Call(event) => {
                    let is_last = matches!(event, QueuedEvent::Close(_));
                    if let Some(socket) = WebSocket::upgrade(&self.handle) {
                        self.call_all(&socket, &event.into_event(&self.origin));
                    }
                    is_last
                }
            };
            if is_last {
                self.release();
            }
        }
        self.clear_removed();
    }

    /// Converts the messages that were not dispatched.
    fn set_binary_type(&self, binary_type: BinaryType) {
        self.state.lock().queue.change_messages(|message| platform::apply_binary_type(message, binary_type));
    }

    /// Drops every callback. One that is running is dropped when it returns.
    fn handles_dropped(&self) {
        let callbacks: Vec<_> = self.state.lock().slots.iter_mut().map(CallbackSlot::remove).collect();
        // Drop outside the lock: a callback may own anything.
        callbacks.into_iter().for_each(drop_caught);
        self.clear_removed();
    }

    /// Returns whether a stream waits for the last event, with which all streams are released.
    fn awaits_close(&self) -> bool {
        self.state.lock().has_streams()
    }

    fn release(&self) {
        let streams = {
            let mut state = self.state.lock();
            state.phase = Phase::Finished;
            state.streams.take()
        };
        self.handles_dropped();
        if let Some(streams) = streams {
            streams.end();
        }
    }
}

impl DispatcherState {
    /// Pops the next event and pushes it to the streams. The caller then calls the callbacks.
    fn dispatch_one(&mut self) -> (Dispatched, Wakers) {
        let Some(event) = self.queue.pop() else { return (Dispatched::Nothing, Wakers::default()) };
        let (waker, mut wakers) = (self.take_resume_waker(), Vec::new());
        if let Some(streams) = &self.streams {
            streams.push(&event, &mut wakers);
        }
        (Dispatched::Call(event), (waker, wakers))
    }

    /// Moves all queued events to the streams at once. Without callbacks, no code of the user runs between two events.
    fn dispatch_all(&mut self) -> (Dispatched, Wakers) {
        let is_last = self.queue.ends_with_close();
        let (waker, mut wakers) = match &self.streams {
            Some(streams) => streams.append(&mut self.queue),
            None => Wakers::default(),
        };
        while self.queue.pop().is_some() {}
        wakers.extend(self.take_resume_waker());
        (Dispatched::Delivered { is_last }, (waker, wakers))
    }

    /// Takes the waker of the paused back end, if there is enough free capacity again.
    fn take_resume_waker(&mut self) -> Option<Waker> {
        if platform::SUPPORTS_BACKPRESSURE { self.queue.take_resume_waker() } else { None }
    }

    fn has_streams(&self) -> bool {
        self.streams.as_ref().is_some_and(|streams| !streams.is_empty())
    }

    fn has_subscribers(&self) -> bool {
        !self.slots.is_empty() || self.has_streams()
    }
}

impl CallbackSlot {
    /// Marks the slot as removed and returns the callback. Drop it outside the lock.
    fn remove(&mut self) -> Option<Box<dyn Callback>> {
        self.removed = true;
        self.callback.take()
    }
}
