//! The phase of a connection, and the resulting action on its stream.

use crate::handshake::ClientHandshake;

/// The phase of a connection.
pub(crate) enum Phase {
    /// The opening handshake is in progress.
    Opening(Box<ClientHandshake>),
    /// Messages can be sent and received. The closing handshake may be in progress.
    Established,
    /// The connection has failed or is closed. No event follows those that are queued.
    Ended(StreamAction),
}

/// The action on the stream that the driver has to take; see
/// [`Connection::stream_action`](crate::Connection::stream_action).
///
/// ```
/// use samesocket_protocol::StreamAction;
///
/// fn may_read(action: StreamAction) -> bool {
///     action != StreamAction::Close
/// }
/// assert!(may_read(StreamAction::HalfClose) && !may_read(StreamAction::Close));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamAction {
    /// Keep the stream open: write, read, and observe the deadline.
    Keep,
    /// Write the pending bytes, then shut down the sending side, then read until the end of the stream or the deadline.
    HalfClose,
    /// Close the stream now.
    Close,
}
