//! How far a connection has come, and what becomes of TCP.

use crate::handshake::ClientHandshake;

/// How far a connection has come.
#[derive(Debug)]
pub(crate) enum Phase {
    /// The opening handshake is under way.
    Opening(Box<ClientHandshake>),
    /// Messages may be sent and received, and the closing handshake may be under way.
    Established,
    /// Nothing comes of it any more.
    Ended(StreamAction),
}

/// What a driver does to TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamAction {
    /// It stays open: write, read, mind the deadline.
    Keep,
    /// Write what there is, shut the sending side down, read until the end or the deadline; nothing else will happen.
    HalfClose,
    /// Close it now.
    Close,
}
