//! A reconnecting socket that subscribes after each connection, and prints its states.

mod common;

use std::time::Duration;

use common::{Outcome, run, say, url};
use samesocket::reconnect::{Backoff, Outbox, Status, Update};
use samesocket::{Heartbeat, Message, connect};

fn main() {
    run(stay());
}

async fn stay() -> Outcome {
    let url = url()?;
    let heartbeat = Heartbeat::new("ping".into(), |message| matches!(message, Message::Text(text) if text == "pong"));
    let (_socket, mut updates) = connect(url)
        .heartbeat(heartbeat)
        .reconnect()
        .backoff(Backoff { longest: Duration::from_secs(10), ..Backoff::default() })
        .max_attempts(5)
        .prepare(|socket| async {
            socket.send("subscribe".into()).await?;
            Ok(socket)
        })
        .outbox(Outbox::Keep { messages: 100, bytes: 1 << 20 })
        .drive_stream();
    while let Some(update) = updates.next().await {
        match update {
            Update::Message(message) => say(&format!("{} bytes", message.size())),
            Update::Status(Status::Waiting { cause, wait, .. }) => say(&format!("{cause}; again in {wait:?}")),
            Update::Status(Status::Ended { cause }) => {
                say(&cause);
                break;
            }
            Update::Status(status) => say(&status),
            _ => {}
        }
    }
    Ok(())
}
