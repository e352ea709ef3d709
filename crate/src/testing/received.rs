//! The values that a peer receives.

use crate::types::message::Message;

/// A message or a Close frame that a [`Peer`](super::Peer) received.
///
/// ```
/// use samesocket::testing::{self, Received, pair};
///
/// testing::run(|_| async {
///     let (socket, mut peer) = pair();
///     socket.send("hello".into()).await.unwrap();
///     drop(socket);
///     assert!(matches!(peer.receive().await, Some(Received::Message(message)) if message.size() == 5));
///     assert!(matches!(peer.receive().await, Some(Received::Close { code: None, .. })));
/// });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Received {
    /// A message.
    Message(Message),
    /// A Close frame. Nothing follows it.
    Close {
        /// The close code, if the frame has one.
        code: Option<u16>,
        /// The reason, or the empty string.
        reason: String,
    },
}
