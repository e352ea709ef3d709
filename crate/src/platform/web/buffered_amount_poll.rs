//! Polling bufferedAmount, because no event reports its fall.
//!
//! The timers of a hidden page fire once a second. After five minutes, Chromium fires timers that are set within one
//! another only once a minute. So each timer posts a message, and the next timer is set within the message event.

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;

use super::inner::{PollBufferedAmount, SocketInner};
use super::listener::EventListener;
use super::sys::{MessageChannel, MessagePort, attribute};
use super::tasks::{Timeout, set_timeout};

/// The interval while the amount falls, in milliseconds: at most 250 polls a second. Arbitrary.
const MIN_INTERVAL: u32 = 4;

/// The longest interval while the amount does not fall, in milliseconds. Arbitrary.
const MAX_INTERVAL: u32 = 256;

/// A function that starts to watch bufferedAmount of a socket.
pub(crate) type WatchBufferedAmount = fn(&Rc<SocketInner>);

// Code size: stored when a sender waits.
pub(crate) const WATCH_BUFFERED_AMOUNT: WatchBufferedAmount = |inner| {
    if inner.poller.get().is_none() {
        // Code size: `get_or_init` has a panic of its own.
        let _ = inner.poller.set(Box::new(BufferedAmountPoller::new(inner)));
    }
    if let Some(poller) = inner.poller.get() {
        poller.watch(inner);
    }
};

/// A timer that polls bufferedAmount; each poll without a change doubles the interval.
struct BufferedAmountPoller {
    /// The amount at the last poll.
    amount: Cell<u64>,
    /// The current interval in milliseconds.
    interval: Cell<u32>,
    /// Whether a sender waits, so that polling is under way.
    is_active: Cell<bool>,
    timer: Cell<Option<Timeout>>,
    /// The port to which the timer posts a message.
    port: MessagePort,
    _listener: EventListener,
}

impl PollBufferedAmount for BufferedAmountPoller {
    fn watch(&self, inner: &Rc<SocketInner>) {
        if !self.is_active.get() {
            self.amount.set(inner.buffered_amount());
            self.interval.set(MIN_INTERVAL);
            self.set_timer();
        }
    }

    fn poll(&self, inner: &Rc<SocketInner>) {
        if !self.is_active.get() {
            return;
        }
        let amount = inner.buffered_amount();
        let fell = amount < self.amount.replace(amount);
        self.interval.set(if fell { MIN_INTERVAL } else { MAX_INTERVAL.min(self.interval.get() * 2) });
        self.is_active.set(false);
        self.timer.take();
        if inner.sink.handle_sent() {
            self.set_timer();
        }
    }
}

impl BufferedAmountPoller {
    fn new(inner: &Rc<SocketInner>) -> Self {
        let (channel, inner) = (MessageChannel::new(), Rc::downgrade(inner));
        let on_message = move |_| {
            if let Some(inner) = inner.upgrade() {
                if let Some(poller) = inner.poller.get() {
                    poller.poll(&inner);
                }
            }
        };
        let receiving_port: MessagePort = attribute(&channel, "port2").unchecked_into();
        let listener = EventListener::new(&receiving_port, "message", on_message);
        receiving_port.start();
        Self {
            amount: Cell::default(),
            interval: Cell::default(),
            is_active: Cell::default(),
            timer: Cell::default(),
            port: attribute(&channel, "port1").unchecked_into(),
            _listener: listener,
        }
    }

    fn set_timer(&self) {
        self.is_active.set(true);
        let port = self.port.clone();
        let notify = move || port.post_message(&JsValue::NULL);
        self.timer.set(Some(set_timeout(self.interval.get(), Box::new(notify))));
    }
}

impl Drop for BufferedAmountPoller {
    fn drop(&mut self) {
        self.port.close();
    }
}
