//! Closing a socket over which blobs were sent.
//!
//! A Close must not overtake a blob that was sent before, but in WebKit it does, and the blob is lost. So it waits until the
//! platform has nothing queued, or takes no more.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::callback::Interval;

use super::socket::{SocketInner, buffered_amount, close};
use samesocket_spec::close::CloseFrame;

/// How often a Close that waits for blobs looks whether they are gone, in milliseconds.
const LOOK_EVERY: u32 = 10;

/// After how many looks without any progress it waits no longer: 5 s, and more in a hidden page, whose timers are held back.
const LOOKS: u32 = 500;

/// What closes a socket, at once or later.
pub(super) type CloseAfter = fn(&Rc<SocketInner>, CloseFrame<'_>);

/// Closes it when nothing is queued.
pub(super) fn after_blobs(inner: &Rc<SocketInner>, frame: CloseFrame<'_>) {
    let queued = buffered_amount(&inner.platform);
    if queued == 0 {
        return close(inner, frame);
    }
    let frame = frame.map(|(code, reason)| (code, reason.to_owned()));
    let waiting = Rc::clone(inner);
    let (least, looks) = (Cell::new(queued), Cell::new(0));
    let look = move || {
        let queued = buffered_amount(&waiting.platform);
        looks.set(if queued < least.get() { 0 } else { looks.get() + 1 });
        least.set(least.get().min(queued));
        if queued == 0 || looks.get() == LOOKS {
            close(&waiting, frame.as_ref().map(|(code, reason)| (*code, &**reason)));
            waiting.waiting_close.take();
        }
    };
    inner.waiting_close.set(Some(Box::new(Interval::new(LOOK_EVERY, look))));
}
