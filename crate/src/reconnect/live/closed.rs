//! The future of the end of a live socket.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::shared::LiveShared;
use crate::reconnect::Cause;

/// Completes once a live socket has ended. It does not keep the socket alive.
pub(super) struct Closed {
    shared: Arc<LiveShared>,
    /// The key of its waker.
    key: Option<u64>,
}

impl Closed {
    pub(super) const fn new(shared: Arc<LiveShared>) -> Self {
        Self { shared, key: None }
    }
}

impl Future for Closed {
    type Output = Cause;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Cause> {
        let this = &mut *self;
        this.shared.poll_closed(&mut this.key, context.waker())
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.cancel_closed(key);
        }
    }
}
