//! Says hello, and shows what comes and how it ends.

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
    // The first answer is enough; a server that says nothing is waited for until it closes.
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
