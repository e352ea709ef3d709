//! The example that the page shows. `main.rs` includes the body of the function.

use futures::StreamExt;
use samesocket::{Event, Exception, WebSocket};

async fn greet(url: &str) -> Result<(), Exception> {
    let socket = WebSocket::new(url, "chat.v1")?;
    let mut events = socket.events();
    while let Some(event) = events.next().await {
        match event {
            Event::Open => socket.send("hello")?,
            Event::Message(message) => println!("{:?}", message.data),
            Event::Close(close) => println!("closed with {}", close.code),
            _ => {}
        }
    }
    Ok(())
}
