//! Who hears of a socket's events: callbacks, streams and, before there is any, the queue of those that wait.

use std::task::{Context, Poll, Waker};

use crate::connection::Connection;
use crate::connection::listener::{Listener, ReceiveOutcome};
use crate::platform::{self, FinalState, Messages, Task};
use crate::queue::Capacity;
use crate::sync::MaybeSend;
use crate::sync::catch_panic::{catch_panic, drop_caught, wake};
use crate::sync::{Lock, Shared, Weak};
use crate::types::binary_type::BinaryType;
use crate::types::event::Event;
use crate::types::event::QueuedEvent;
use crate::types::origin::Origin;
use crate::websocket::Handle;
use crate::websocket::WebSocket;
use crate::websocket::event_streams::{self, EventStreams, Wakers};
use crate::websocket::events::{Events, Queue};
use crate::websocket::subscription::Subscription;
use samesocket_spec::CloseEvent;

/// What [`WebSocket::subscribe`] takes, in a box.
pub(crate) trait Callback: FnMut(&WebSocket, &Event) + MaybeSend {}

impl<F: FnMut(&WebSocket, &Event) + MaybeSend> Callback for F {}

/// The subscribers of one socket.
pub(crate) struct Dispatcher {
    state: Lock<DispatcherState>,
    /// The origin of the messages.
    origin: Origin,
    /// The handles of users, one of which callbacks are given; none once the last was dropped.
    handle: Weak<Handle>,
    /// The task that delivers what waited for the first subscriber.
    delivery: Lock<Option<Task>>,
}

/// The subscribers, and the events that wait for them.
#[derive(Default)]
struct DispatcherState {
    places: Vec<CallbackSlot>,
    /// None, if there has never been one.
    streams: Option<Box<dyn EventStreams>>,
    phase: Phase,
    /// What was fired and is not yet dispatched: because nobody was there, or another event is being dispatched.
    waiting: Queue,
    /// Whether somebody is dispatching; nobody else does meanwhile, so that events come one after the other.
    dispatching: bool,
    last_id: u64,
}

/// The place of one callback.
struct CallbackSlot {
    id: u64,
    /// Empty while the callback runs, and after it was taken out.
    callback: Option<Box<dyn Callback>>,
    /// Whether the place is to be cleared away.
    left: bool,
}

/// What became of the next event.
enum Next {
    /// There is none.
    Nothing,
    /// It is with the streams, and what came behind it; whether the last of all is among them.
    Delivered { is_last: bool },
    /// It is with the streams, and the callbacks are to be called with it.
    Call(QueuedEvent),
}

/// Whether there is anybody yet to fire events at.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// Events wait until there is somebody, and behind one another.
    #[default]
    Buffering,
    /// What had waited is delivered; events are delivered as they are fired.
    Live,
    /// The last event was delivered.
    Finished,
}

impl Connection<Dispatcher> {
    /// Adds a callback and gives its guard; after the last event it is dropped at once.
    pub(crate) fn subscribe(self: &Shared<Self>, callback: Box<dyn Callback>) -> Subscription {
        let id = {
            let mut state = self.listener().state.lock();
            state.last_id += 1;
            let id = state.last_id;
            if state.phase != Phase::Finished {
                state.places.push(CallbackSlot { id, callback: Some(callback), left: false });
            }
            id
        };
        self.welcome();
        Subscription::new(Shared::downgrade(self), id)
    }

    pub(crate) fn add_stream(self: &Shared<Self>) -> Events {
        let (events, feeder) = Events::new(self.listener().origin.clone());
        let mut state = self.listener().state.lock();
        if state.phase == Phase::Finished {
            // Nobody polls it yet.
            let _ = feeder.lock().end();
        } else {
            state.streams.get_or_insert_with(event_streams::none).add(feeder);
        }
        drop(state);
        self.welcome();
        events
    }

    /// Has the events that waited for a subscriber delivered, in a task, now that there is one.
    fn welcome(self: &Shared<Self>) {
        let has_backlog = {
            let state = self.listener().state.lock();
            state.phase == Phase::Buffering && !state.waiting.is_empty()
        };
        if has_backlog {
            let me = Shared::downgrade(self);
            let task = self.queue(move || {
                if let Some(connection) = me.upgrade() {
                    connection.listener().deliver();
                }
            });
            self.listener().delivery.replace(Some(task));
        }
    }
}

impl Dispatcher {
    pub(crate) fn new(origin: Origin, handle: Weak<Handle>) -> Self {
        Self { state: Lock::default(), origin, handle, delivery: Lock::default() }
    }

    /// Takes a callback out; it is called no more, and dropped now, or when it returns if it is running.
    pub(crate) fn remove_callback(&self, id: u64) {
        let callback = {
            let mut state = self.state.lock();
            state.places.iter_mut().find(|place| place.id == id).and_then(CallbackSlot::leave)
        };
        self.clear_away();
        // Dropped while nothing is locked, since a callback may own anything, another subscription for example.
        drop(callback);
    }

    fn fire_and_deliver(&self, event: QueuedEvent) {
        if self.fire(std::iter::once(event), None) {
            self.deliver();
        }
    }

    /// Fires events, of which there is at least one, and so much is messages if that is known: has them wait for their turn.
    /// [`deliver`](Listen::deliver) has to follow if this gives `true`.
    #[must_use]
    fn fire(&self, events: impl Iterator<Item = QueuedEvent>, measured: Option<Capacity>) -> bool {
        let mut state = self.state.lock();
        // What waited when the first subscriber came is delivered in a task of its own.
        let held = state.phase == Phase::Buffering && (state.is_empty() || !state.waiting.is_empty());
        match measured {
            Some(measured) => state.waiting.extend_measured(events, measured),
            None => state.waiting.extend(events),
        }
        !held
    }

    /// Takes the next event, which the streams are given at once; without callbacks, all there are.
    fn next(&self) -> Next {
        let (next, (waker, wakers)) = {
            let mut state = self.state.lock();
            let nobody = state.phase == Phase::Buffering && state.is_empty();
            if nobody || state.waiting.is_empty() {
                if state.phase == Phase::Buffering && !nobody {
                    state.phase = Phase::Live;
                }
                state.dispatching = false;
                return Next::Nothing;
            }
            if state.places.is_empty() { state.give_all() } else { state.give_one() }
        };
        wake(wakers);
        wake(waker);
        next
    }

    /// Calls those that are subscribed now: not one that is added on the way, nor one that is taken out.
    fn call_all(&self, socket: &WebSocket, event: &Event) {
        let mut state = self.state.lock();
        for index in 0..state.places.len() {
            let callback = state.places.get_mut(index).and_then(|place| place.callback.take());
            let Some(mut callback) = callback else { continue };
            drop(state);
            // One that panics is called again like any other.
            catch_panic(|| callback(socket, event));
            state = self.state.lock();
            let left = match state.places.get_mut(index) {
                Some(place) if !place.left => place.callback.replace(callback),
                _ => Some(callback),
            };
            if left.is_some() {
                drop(state);
                drop_caught(left);
                state = self.state.lock();
            }
        }
    }

    /// Removes the places of callbacks and streams that have left, unless they are being gone through.
    fn clear_away(&self) {
        let mut state = self.state.lock();
        if !state.dispatching {
            // Neither owns anything of a user's any more.
            state.places.retain(|place| !place.left);
            if let Some(streams) = &mut state.streams {
                streams.clear_away();
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
        // Nobody asks.
        if !platform::SUPPORTS_BACKPRESSURE {
            return Poll::Ready(Capacity::UNLIMITED);
        }
        let mut state = self.state.lock();
        let room = state.waiting.poll_capacity(context.waker());
        match &state.streams {
            Some(streams) => streams.poll_capacity(room, context),
            None => room,
        }
    }

    /// Drops the messages that have not been dispatched, as `close` asks for.
    fn closing(&self, by_us: bool) {
        if by_us {
            let paused = {
                let mut state = self.state.lock();
                state.waiting.purge_messages();
                state.resume()
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

    /// Delivers what waits to all there are, one event after the other, unless that is being done; if there has never
    /// been anybody, it waits on.
    ///
    /// The socket is asked for anew for each event, since a callback may drop the last handle.
    fn deliver(&self) {
        self.delivery.take();
        {
            let mut state = self.state.lock();
            if state.dispatching {
                return;
            }
            state.dispatching = true;
        }
        loop {
            let is_last = match self.next() {
                Next::Nothing => break,
                Next::Delivered { is_last } => is_last,
                Next::Call(event) => {
                    let is_last = matches!(event, QueuedEvent::Close(_));
                    if let Some(socket) = WebSocket::of(&self.handle) {
                        self.call_all(&socket, &event.into_event(&self.origin));
                    }
                    is_last
                }
            };
            if is_last {
                self.release();
            }
        }
        self.clear_away();
    }

    /// Changes the messages that have not been dispatched.
    fn set_binary_type(&self, binary_type: BinaryType) {
        self.state.lock().waiting.change_messages(|message| platform::apply_binary_type(message, binary_type));
    }

    /// Drops every callback; one that is running is dropped when it returns.
    fn abandon(&self) {
        let callbacks: Vec<_> = self.state.lock().places.iter_mut().map(CallbackSlot::leave).collect();
        callbacks.into_iter().for_each(drop_caught);
        self.clear_away();
    }

    /// Streams are let go of with the last event.
    fn awaits_end(&self) -> bool {
        self.state.lock().has_streams()
    }

    fn release(&self) {
        let streams = {
            let mut state = self.state.lock();
            state.phase = Phase::Finished;
            state.streams.take()
        };
        self.abandon();
        if let Some(streams) = streams {
            streams.end();
        }
    }
}

impl DispatcherState {
    /// Gives the next event to the streams, and to the callbacks.
    fn give_one(&mut self) -> (Next, Wakers) {
        let Some(event) = self.waiting.pop() else { return (Next::Nothing, Wakers::default()) };
        let (waker, mut wakers) = (self.resume(), Vec::new());
        if let Some(streams) = &self.streams {
            streams.give(&event, &mut wakers);
        }
        (Next::Call(event), (waker, wakers))
    }

    /// Gives all that waits to the streams: nothing of a user's runs in between that could ask for something else.
    fn give_all(&mut self) -> (Next, Wakers) {
        let is_last = self.waiting.ends_with_close();
        let (waker, mut wakers) = match &self.streams {
            Some(streams) => streams.give_all(&mut self.waiting),
            None => Wakers::default(),
        };
        while self.waiting.pop().is_some() {}
        wakers.extend(self.resume());
        (Next::Delivered { is_last }, (waker, wakers))
    }

    /// Gives the back end's waker, if it waits and there is room again.
    fn resume(&mut self) -> Option<Waker> {
        if platform::SUPPORTS_BACKPRESSURE { self.waiting.resume() } else { None }
    }

    fn has_streams(&self) -> bool {
        self.streams.as_ref().is_some_and(|streams| !streams.are_gone())
    }

    fn is_empty(&self) -> bool {
        self.places.is_empty() && !self.has_streams()
    }
}

impl CallbackSlot {
    /// Leaves, and gives the callback, to be dropped when nothing is locked any more.
    fn leave(&mut self) -> Option<Box<dyn Callback>> {
        self.left = true;
        self.callback.take()
    }
}
