//! Uses the `WebSocket` interface with a callback, as a script in a page does.

mod common;

use common::{Outcome, run, say, url};
use samesocket::{Event, Message, WebSocket};

fn main() {
    run(listen());
}

async fn listen() -> Outcome {
    let socket = WebSocket::new(&url()?, ())?;
    let subscription = socket.subscribe(|socket, event| match event {
        Event::Open => {
            // `send` throws only while the socket is CONNECTING, so it succeeds here.
            let _ = socket.send("hello");
        }
        Event::Message(message) => {
            if let Message::Text(text) = &message.data {
                say(text);
            }
            let _ = socket.close(Some(1000), Some("bye"));
        }
        other => say(&format!("{other:?}")),
    });
    let event = socket.closed().await;
    drop(subscription);
    say(&format!("closed with {}", event.code));
    Ok(())
}
