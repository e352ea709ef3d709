//! The task of a live socket, as executors see it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::platform::BoxFuture;

/// The task of a [`LiveSocket`](super::LiveSocket), for [`Reconnect::executor`](crate::reconnect::Reconnect::executor).
///
/// It ends soon after the last handle was dropped. Dropping it earlier ends the socket.
///
/// ```no_run
/// # async fn example() {
/// # fn spawn(_: impl Future<Output = ()> + 'static) {}
/// use samesocket::reconnect::LiveDriver;
///
/// // `spawn` is the executor's own function.
/// let live = samesocket::connect("wss://example.com/chat")
///     .reconnect()
///     .executor(|driver: LiveDriver| spawn(driver))
///     .drive(|update| println!("{update:?}"));
/// # drop(live);
/// # }
/// ```
#[must_use = "the socket does nothing unless this is polled"]
pub struct LiveDriver(Option<BoxFuture<()>>);

impl LiveDriver {
    pub(super) fn new(task: BoxFuture<()>) -> Self {
        Self(Some(task))
    }
}

impl Future for LiveDriver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Some(task) = &mut self.0 {
            ready!(task.as_mut().poll(context));
        }
        // The socket is released even if the executor keeps the future.
        self.0 = None;
        Poll::Ready(())
    }
}

impl fmt::Debug for LiveDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveDriver").finish_non_exhaustive()
    }
}
