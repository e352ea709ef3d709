//! The receiving half of a remote.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::future::FusedFuture;
use futures::stream::{FusedStream, Stream, StreamExt, TryStreamExt};

use super::command::Item;
use super::shared::RemoteShared;
use crate::platform::FinalState;
use crate::socket::{ConnectionFailed, Error};
use crate::types::owned_message::OwnedMessage;
use samesocket_spec::CloseEvent;

/// The receiving half of a [`Remote`](crate::Remote): a fused `Stream` of [`OwnedMessage`]s.
///
/// Dropping it discards the messages that arrive later.
///
/// ```no_run
/// # async fn example(socket: samesocket::Socket) -> Result<(), Box<dyn std::error::Error>> {
/// let (_sender, mut receiver) = socket.into_remote().split();
/// while let Some(message) = receiver.next().await {
///     println!("{} bytes", message?.size());
/// }
/// # Ok(())
/// # }
/// ```
pub struct RemoteReceiver {
    shared: Arc<RemoteShared>,
    /// Whether the stream has yielded its last item.
    ended: bool,
    /// Whether the stream has returned `None`.
    finished: bool,
}

impl RemoteReceiver {
    pub(super) const fn new(shared: Arc<RemoteShared>) -> Self {
        Self { shared, ended: false, finished: false }
    }

    /// Waits for the next message; see [`Remote::next`](crate::Remote::next).
    ///
    /// # Errors
    ///
    /// Returns one error as the last item if the connection did not end cleanly.
    #[expect(clippy::should_implement_trait, reason = "this `next` returns a future, unlike `Iterator::next`")]
    pub fn next(
        &mut self,
    ) -> impl FusedFuture<Output = Option<Result<OwnedMessage, Error<OwnedMessage>>>> + Send + Unpin {
        StreamExt::next(self)
    }

    /// Waits for the next message, with the error outside of the option; see [`Socket::try_next`](crate::Socket::try_next).
    ///
    /// # Errors
    ///
    /// Returns one error if the connection did not end cleanly, and `None` after it.
    pub fn try_next(
        &mut self,
    ) -> impl FusedFuture<Output = Result<Option<OwnedMessage>, Error<OwnedMessage>>> + Send + Unpin {
        TryStreamExt::try_next(self)
    }
}

impl Stream for RemoteReceiver {
    type Item = Result<OwnedMessage, Error<OwnedMessage>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            this.finished = true;
            return Poll::Ready(None);
        }
        let item = match ready!(this.shared.poll_item(context.waker())) {
            Some(Item::Message(message)) => return Poll::Ready(Some(Ok(message))),
            Some(Item::Error(error)) => Some(Err(error)),
            Some(Item::End) => None,
            // The driver was dropped.
            None => Some(Err(Error::Failed(ConnectionFailed::new(CloseEvent::abnormal(), FinalState::of(0))))),
        };
        this.ended = true;
        this.finished = item.is_none();
        Poll::Ready(item)
    }
}

impl FusedStream for RemoteReceiver {
    fn is_terminated(&self) -> bool {
        self.finished
    }
}

impl Drop for RemoteReceiver {
    fn drop(&mut self) {
        self.shared.release_receiver();
    }
}

impl fmt::Debug for RemoteReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteReceiver").field("ended", &self.ended).finish_non_exhaustive()
    }
}
