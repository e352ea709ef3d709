//! Closing a socket after the blobs that were sent.
//!
//! A Close frame must not overtake a blob that was sent before it. In WebKit it does, and the blob is lost. So the close
//! waits until bufferedAmount is zero and no blob waits to be read, or until the amount no longer falls.

use std::rc::Rc;

use super::inner::SocketInner;
use super::tasks::set_timeout;
use samesocket_spec::close::CloseFrame;

/// The interval at which a pending close polls bufferedAmount, in milliseconds; arbitrary.
const POLL_INTERVAL: u32 = 10;

/// The number of polls without progress after which the socket is closed anyway; arbitrary.
///
/// This is 5 s, and longer in a hidden page, whose timers are throttled.
const MAX_IDLE_POLLS: u32 = 500;

/// Closes the socket as soon as a Close overtakes nothing.
pub(super) fn close_after_blobs(inner: &Rc<SocketInner>, frame: CloseFrame<'_>) {
    let queued = inner.buffered_amount();
    if inner.may_close(queued) {
        inner.close(frame);
    } else {
        let frame = frame.map(|(code, reason)| (code, reason.to_owned()));
        poll_later(inner, frame, queued, 0);
    }
}

/// Polls after an interval. `least` is the lowest bufferedAmount so far, and `idle_polls` the polls since then.
fn poll_later(inner: &Rc<SocketInner>, frame: Option<(u16, String)>, least: u64, idle_polls: u32) {
    let socket = Rc::clone(inner);
    let poll = move || {
        let queued = socket.buffered_amount();
        let idle_polls = if queued < least { 0 } else { idle_polls + 1 };
        if socket.may_close(queued) || idle_polls == MAX_IDLE_POLLS {
            socket.close(frame.as_ref().map(|(code, reason)| (*code, &**reason)));
            socket.pending_close.take();
        } else {
            poll_later(&socket, frame, least.min(queued), idle_polls);
        }
    };
    inner.pending_close.set(Some(set_timeout(POLL_INTERVAL, Box::new(poll))));
}
