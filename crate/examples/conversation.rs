//! Connects with a timeout, sends a message, prints the answer, and closes the connection.

mod common;

use std::time::Duration;

use common::{Outcome, run, say, url};
use samesocket::{ConnectError, Message, connect};

fn main() {
    run(converse());
}

async fn converse() -> Outcome {
    let mut socket = match connect(url()?).timeout(Duration::from_secs(10)).await {
        Ok(socket) => socket,
        Err(ConnectError::Failed(failed)) => return Err(format!("no connection: {}", failed.event().code).into()),
        Err(error) => return Err(error.into()),
    };
    socket.send("hello".into()).await?;
    // Waits for one message, or for the end if the server sends none.
    if let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) => say(&text),
            other => say(&format!("{} bytes", other.size())),
        }
    }
    let event = socket.close(Some(1000), Some("bye")).await?;
    say(&format!("closed with {} {:?}", event.code, event.reason));
    Ok(())
}
