//! The error of joining halves of different sockets.

use std::error::Error as StdError;
use std::fmt;

use super::{Receiver, Sender};

/// The error of [`Socket::reunite`](crate::Socket::reunite) for halves of different sockets. It returns both.
///
/// ```no_run
/// # async fn example() -> Result<(), samesocket::ConnectError> {
/// use samesocket::{ReuniteError, Socket, connect};
///
/// let (sender, _) = connect("wss://example.com/a").await?.split();
/// let (_, receiver) = connect("wss://example.com/b").await?.split();
/// if let Err(ReuniteError { sender, receiver }) = Socket::reunite(sender, receiver) {
///     println!("{} is not {}", sender.control().url(), receiver.control().url());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ReuniteError {
    /// The sender that was passed.
    pub sender: Sender,
    /// The receiver that was passed.
    pub receiver: Receiver,
}

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender and the receiver belong to different sockets")
    }
}

impl StdError for ReuniteError {}
