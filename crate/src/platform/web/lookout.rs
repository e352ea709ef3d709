//! Looking whether bufferedAmount has fallen, of which no event tells.
//!
//! A hidden page's timers ring once a second, but in Chromium, after five minutes, those that were set within one another
//! once a minute. So a timer that rings posts a message, and within that the next one is set.

use std::cell::{Cell, OnceCell};
use std::rc::{Rc, Weak};

use gloo_timers::callback::Timeout;
use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

use super::listener::Listener;
use super::socket::{Heard, buffered_amount};
use super::task::after;

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

/// Has a socket look: a program in which nobody waits for its sending links nothing of it.
pub(crate) type Watch = fn(&Rc<Heard>);

pub(crate) const WATCH: Watch = |heard| {
    let lookout = heard.lookout.get_or_init(|| Box::new(Lookout::default()));
    lookout.watch(heard);
};

/// Who looks, while somebody waits.
pub(super) trait Look {
    /// Begins to look, unless it does already.
    fn watch(&self, heard: &Rc<Heard>);

    /// Looks, if somebody waits.
    fn look(&self, heard: &Rc<Heard>);
}

/// What is looked by; with every look that saw no change, half as often.
#[derive(Default)]
struct Lookout {
    /// The amount at the last look.
    amount: Cell<u64>,
    wait: Cell<u32>,
    looking: Cell<bool>,
    next: Cell<Option<Timeout>>,
    /// Where timers have a message come; made when the first one rings.
    bell: Rc<OnceCell<Bell>>,
}

/// A message to oneself.
struct Bell {
    port: Port,
    _message: Listener,
    heard_at: Port,
}

impl Look for Lookout {
    fn watch(&self, heard: &Rc<Heard>) {
        if !self.looking.get() {
            self.amount.set(buffered_amount(&heard.platform));
            self.wait.set(SHORTEST);
            self.set_timer(heard);
        }
    }

    fn look(&self, heard: &Rc<Heard>) {
        if !self.looking.get() {
            return;
        }
        let amount = buffered_amount(&heard.platform);
        let fell = amount < self.amount.replace(amount);
        self.wait.set(if fell { SHORTEST } else { LONGEST.min(self.wait.get() * 2) });
        self.looking.set(false);
        self.next.take();
        if heard.receiver.sent() {
            self.set_timer(heard);
        }
    }
}

impl Lookout {
    fn set_timer(&self, heard: &Rc<Heard>) {
        self.looking.set(true);
        let (bell, heard) = (Rc::clone(&self.bell), Rc::downgrade(heard));
        let ring = move || bell.get_or_init(|| Bell::of(heard)).port.post_message(&JsValue::NULL);
        self.next.set(Some(after(self.wait.get(), Box::new(ring))));
    }
}

impl Bell {
    fn of(heard: Weak<Heard>) -> Self {
        let channel = MessageChannel::new();
        let heard_at = channel.port2();
        let look = move |_| {
            if let Some(heard) = heard.upgrade()
                && let Some(lookout) = heard.lookout.get()
            {
                lookout.look(&heard);
            }
        };
        let message = Listener::new(&heard_at, "message", look);
        heard_at.start();
        Self { port: channel.port1(), _message: message, heard_at }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.heard_at.close();
    }
}
