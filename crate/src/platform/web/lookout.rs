//! Looking whether bufferedAmount has fallen, of which no event tells.
//!
//! A hidden page's timers ring once a second, but in Chromium, after five minutes, those that were set within one another
//! once a minute. So a timer that rings posts a message, and within that the next one is set.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use wasm_bindgen::prelude::*;
use web_sys::{EventTarget, WebSocket};

use super::listener::Listener;
use super::socket::buffered_amount;
use crate::platform::Receive;

#[wasm_bindgen]
extern "C" {
    type MessageChannel;
    #[wasm_bindgen(constructor)]
    fn new() -> MessageChannel;
    #[wasm_bindgen(method, getter)]
    fn port1(this: &MessageChannel) -> Port;
    #[wasm_bindgen(method, getter)]
    fn port2(this: &MessageChannel) -> Port;

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

/// Who looks, while somebody waits; with every look that saw no change, half as often.
pub(super) struct Lookout {
    platform: WebSocket,
    receiver: Rc<dyn Receive>,
    /// The amount at the last look.
    amount: Cell<u64>,
    wait: Cell<u32>,
    looking: Cell<bool>,
    next: Cell<Option<Timeout>>,
    /// Where timers have a message come; made when somebody waits first.
    bell: Cell<Option<Rc<Bell>>>,
}

/// A message to oneself.
struct Bell {
    port: Port,
    _message: Listener,
    heard_at: Port,
}

impl Lookout {
    pub(super) fn new(platform: WebSocket, receiver: Rc<dyn Receive>) -> Self {
        Self {
            platform,
            receiver,
            amount: Cell::default(),
            wait: Cell::new(SHORTEST),
            looking: Cell::default(),
            next: Cell::default(),
            bell: Cell::default(),
        }
    }

    /// Begins to look, unless it does already.
    pub(super) fn watch(self: &Rc<Self>) {
        if !self.looking.get() {
            self.amount.set(buffered_amount(&self.platform));
            self.wait.set(SHORTEST);
            self.set_timer();
        }
    }

    /// Looks, if somebody waits.
    pub(super) fn look(self: &Rc<Self>) {
        if !self.looking.get() {
            return;
        }
        let amount = buffered_amount(&self.platform);
        let fell = amount < self.amount.replace(amount);
        self.wait.set(if fell { SHORTEST } else { LONGEST.min(self.wait.get() * 2) });
        self.looking.set(false);
        self.next.take();
        if self.receiver.sent() {
            self.set_timer();
        }
    }

    fn set_timer(self: &Rc<Self>) {
        let bell = self.bell.take().unwrap_or_else(|| Rc::new(Bell::of(self)));
        self.bell.set(Some(Rc::clone(&bell)));
        let timeout = Timeout::new(self.wait.get(), move || bell.port.post_message(&JsValue::NULL));
        self.looking.set(true);
        self.next.set(Some(timeout));
    }
}

impl Bell {
    fn of(lookout: &Rc<Lookout>) -> Self {
        let channel = MessageChannel::new();
        let heard_at = channel.port2();
        let lookout = Rc::downgrade(lookout);
        let look = move |_| {
            if let Some(lookout) = lookout.upgrade() {
                lookout.look();
            }
        };
        let message = Listener::new(&heard_at, "message", Box::new(look));
        heard_at.start();
        Self { port: channel.port1(), _message: message, heard_at }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.heard_at.close();
    }
}
