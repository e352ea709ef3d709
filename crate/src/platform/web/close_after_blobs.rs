//! Closing a socket after the blobs that were sent.
//!
//! A Close frame must not overtake a blob that was sent before it. In WebKit it does, and the blob is lost. So the close
//! waits until bufferedAmount is zero, or until it no longer falls.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::callback::Interval;

use super::inner::SocketInner;
use samesocket_spec::close::CloseFrame;

/// The interval at which a pending close polls bufferedAmount, in milliseconds; arbitrary.
const POLL_INTERVAL: u32 = 10;

/// The number of polls without progress after which the socket is closed anyway; arbitrary.
///
/// This is 5 s, and longer in a hidden page, whose timers are throttled.
const MAX_IDLE_POLLS: u32 = 500;

/// Closes the socket as soon as bufferedAmount is zero.
pub(super) fn close_after_blobs(inner: &Rc<SocketInner>, frame: CloseFrame<'_>) {
    let queued = inner.buffered_amount();
    if queued == 0 {
        return inner.close(frame);
    }
    let frame = frame.map(|(code, reason)| (code, reason.to_owned()));
    let socket = Rc::clone(inner);
    let (least, idle_polls) = (Cell::new(queued), Cell::new(0));
    let poll = move || {
        let queued = socket.buffered_amount();
        idle_polls.set(if queued < least.get() { 0 } else { idle_polls.get() + 1 });
        least.set(least.get().min(queued));
        if queued == 0 || idle_polls.get() == MAX_IDLE_POLLS {
            socket.close(frame.as_ref().map(|(code, reason)| (*code, &**reason)));
            socket.pending_close.take();
        }
    };
    inner.pending_close.set(Some(Box::new(Interval::new(POLL_INTERVAL, poll))));
}
