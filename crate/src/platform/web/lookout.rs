//! Looking whether bufferedAmount has fallen, of which no event tells.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use web_sys::WebSocket;

use super::socket::buffered_amount;
use crate::platform::Receive;

/// How long to the next look while the amount falls, in milliseconds: at most 250 looks a second.
///
/// An engine lets a timer that is set within another wait no shorter.
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
    next: RefCell<Option<Timeout>>,
}

impl Lookout {
    pub(super) fn new(platform: WebSocket, receiver: Rc<dyn Receive>) -> Self {
        Self { platform, receiver, amount: Cell::default(), wait: Cell::new(SHORTEST), next: RefCell::default() }
    }

    /// Begins to look, unless it does already.
    pub(super) fn watch(self: &Rc<Self>) {
        if self.next.borrow().is_none() {
            self.amount.set(buffered_amount(&self.platform));
            self.wait.set(SHORTEST);
            self.set_timer();
        }
    }

    /// Looks, if somebody waits.
    pub(super) fn look(self: &Rc<Self>) {
        if self.next.borrow().is_none() {
            return;
        }
        let amount = buffered_amount(&self.platform);
        let fell = amount < self.amount.replace(amount);
        self.wait.set(if fell { SHORTEST } else { LONGEST.min(self.wait.get() * 2) });
        self.next.take();
        if self.receiver.sent() {
            self.set_timer();
        }
    }

    fn set_timer(self: &Rc<Self>) {
        let me = Rc::downgrade(self);
        let timeout = Timeout::new(self.wait.get(), move || {
            if let Some(me) = me.upgrade() {
                me.look();
            }
        });
        self.next.replace(Some(timeout));
    }
}
