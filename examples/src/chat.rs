//! A chat client that survives restarts of its server. Each attempt to connect uses a new token.

use std::time::Duration;

use futures::{Stream, StreamExt as _, select};
use samesocket::reconnect::{Backoff, Cause, LiveSocket, Outbox, Status, Update, Updates, reconnect};
use samesocket::{Error, Options, connect};

/// The number of refused tokens in a row after which the program gives up.
const REFUSED_TOKENS: u32 = 5;

/// A line to show to the user.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// There is a connection.
    Connected,
    /// There is none, for this reason. The program tries again.
    Disconnected(Cause),
    /// A message arrived.
    Received(String),
}

/// Creates the socket, which drives itself, and the queue of its updates. `token` returns the token for the next attempt, or `None` if there is none at the moment.
pub fn socket<F, R>(url: String, mut token: F) -> (LiveSocket, Updates)
where
    F: FnMut() -> R + Send + 'static,
    R: Future<Output = Option<String>> + Send + 'static,
{
    let mut refused = 0;
    reconnect(move |_failures| {
        let (url, token) = (url.clone(), token());
        async move {
            let authorization = format!("Bearer {}", token.await?);
            let options = Options::new().header("Authorization", authorization).ok()?;
            Some(connect(url).options(options))
        }
    })
    // A refused token is replaced by the next attempt, so it is worth a few of them.
    .retry_while(move |cause, _failures| {
        refused = if status(cause) == Some(401) { refused + 1 } else { 0 };
        (1..REFUSED_TOKENS).contains(&refused) || refused == 0 && cause.is_worth_another_attempt()
    })
    .backoff(Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(5), ..Backoff::default() })
    .outbox(Outbox::Keep { messages: 100, bytes: 64 << 10 })
    .drive_stream()
}

/// Returns the status with which the server refused the connection.
pub fn status(cause: &Cause) -> Option<u16> {
    let Cause::NotConnected(error) = cause else { return None };
    Some(error.response()?.status())
}

/// Sends the lines that the user enters, and shows the ones that arrive. Ends after the last entered line, once all were passed to
/// a connection.
///
/// # Errors
///
/// Returns the cause if the socket gave up.
pub async fn run(
    (socket, mut updates): (LiveSocket, Updates),
    entered: impl Stream<Item = String>,
    mut show: impl FnMut(Line),
) -> Result<(), Cause> {
    let mut entered = std::pin::pin!(entered.fuse());
    let mut is_last_entered = false;
    loop {
        if is_last_entered && (socket.status().is_open() || socket.kept() == 0) {
            // Nothing about the arguments is invalid.
            drop(socket.close(Some(1000), None));
        }
        select! {
            update = updates.select_next_some() => match update {
                Update::Status(Status::Open) => show(Line::Connected),
                Update::Status(Status::Waiting { cause, .. }) => show(Line::Disconnected(cause)),
                Update::Status(Status::Ended { cause: Cause::Closed(event) }) if event.code == 1000 => return Ok(()),
                Update::Status(Status::Ended { cause: Cause::Stopped }) => return Ok(()),
                Update::Status(Status::Ended { cause }) => return Err(cause),
                Update::Message(message) => if let Ok(text) = message.into_text() { show(Line::Received(text.to_string())) },
                _ => {}
            },
            line = entered.next() => match line {
                // The outbox keeps the line while there is no connection.
                Some(line) => if let Err(Error::Full(_)) = socket.send(line) {
                    eprintln!("too much is waiting to be sent; the line is dropped");
                },
                None => is_last_entered = true,
            },
        }
    }
}
