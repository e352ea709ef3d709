//! Looking whether bufferedAmount has fallen, of which no event tells.
//!
//! A hidden page's timers ring once a second, but in Chromium, after five minutes, those that were set within one another
//! once a minute. So a timer that rings posts a message, and within that the next one is set.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

use super::listener::EventListener;
use super::socket::{SocketInner, buffered_amount};
use super::tasks::after;

#[wasm_bindgen]
extern "C" {
    type MessageChannel;
    #[wasm_bindgen(constructor)]
    fn new() -> MessageChannel;
    #[wasm_bindgen(method, getter)]
    fn port1(this: &MessageChannel) -> Port;
    #[wasm_bindgen(method, getter)]
    fn port2(this: &MessageChannel) -> Port;

    #[derive(Clone)]
    #[wasm_bindgen(extends = EventTarget)]
    type Port;
    #[wasm_bindgen(method)]
    fn start(this: &Port);
    #[wasm_bindgen(method)]
    fn close(this: &Port);
    #[wasm_bindgen(method, js_name = postMessage)]
    fn post_message(this: &Port, message: &JsValue);
}

/// How long to the next look while the amount falls, in milliseconds: at most 250 looks a second.
const SHORTEST: u32 = 4;

/// How long at most, when it does not.
const LONGEST: u32 = 256;

/// Has a socket look: a program in which nobody waits for its sending links nothing of it.
pub(crate) type Watch = fn(&Rc<SocketInner>);

pub(crate) const WATCH: Watch = |inner| {
    inner.poller.get_or_init(|| Box::new(Lookout::of(inner))).watch(inner);
};

/// Who looks, while somebody waits.
pub(super) trait PollBufferedAmount {
    /// Begins to look, unless it does already.
    fn watch(&self, inner: &Rc<SocketInner>);

    /// Looks, if somebody waits.
    fn look(&self, inner: &Rc<SocketInner>);
}

/// What is looked by; with every look that saw no change, half as often.
struct Lookout {
    /// The amount at the last look.
    amount: Cell<u64>,
    wait: Cell<u32>,
    looking: Cell<bool>,
    next: Cell<Option<Timeout>>,
    /// Where a timer that rings posts a message to oneself.
    port: Port,
    _message: EventListener,
}

impl PollBufferedAmount for Lookout {
    fn watch(&self, inner: &Rc<SocketInner>) {
        if !self.looking.get() {
            self.amount.set(buffered_amount(&inner.platform));
            self.wait.set(SHORTEST);
            self.set_timer();
        }
    }

    fn look(&self, inner: &Rc<SocketInner>) {
        if !self.looking.get() {
            return;
        }
        let amount = buffered_amount(&inner.platform);
        let fell = amount < self.amount.replace(amount);
        self.wait.set(if fell { SHORTEST } else { LONGEST.min(self.wait.get() * 2) });
        self.looking.set(false);
        self.next.take();
        if inner.receiver.sent() {
            self.set_timer();
        }
    }
}

impl Lookout {
    fn of(inner: &Rc<SocketInner>) -> Self {
        let (channel, me) = (MessageChannel::new(), Rc::downgrade(inner));
        let look = move |_| {
            if let Some(inner) = me.upgrade()
                && let Some(poller) = inner.poller.get()
            {
                poller.look(&inner);
            }
        };
        let heard_at = channel.port2();
        let message = EventListener::new(&heard_at, "message", look);
        heard_at.start();
        Self {
            amount: Cell::default(),
            wait: Cell::default(),
            looking: Cell::default(),
            next: Cell::default(),
            port: channel.port1(),
            _message: message,
        }
    }

    fn set_timer(&self) {
        self.looking.set(true);
        let port = self.port.clone();
        let ring = move || port.post_message(&JsValue::NULL);
        self.next.set(Some(after(self.wait.get(), Box::new(ring))));
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.port.close();
    }
}
