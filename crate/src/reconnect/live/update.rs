//! An update of a live socket.

use crate::reconnect::Status;
use crate::types::owned_message::OwnedMessage;

/// An update of a [`LiveSocket`](super::LiveSocket): a change of its status, or a received message.
///
/// ```
/// use samesocket::reconnect::Update;
///
/// fn show(update: Update) {
///     match update {
///         Update::Status(status) => println!("{status}"),
///         Update::Message(message) => println!("received {message:?}"),
///         _ => {}
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Update<T = OwnedMessage> {
    /// The status has changed to this one.
    Status(Status),
    /// A message has arrived.
    Message(T),
}
