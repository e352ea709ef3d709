//! A client that runs all cases of an Autobahn fuzzing server, on samesocket's public interface.
//!
//! In each case it echoes messages until the close event.

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use futures::executor::block_on;
use samesocket::{BinaryType, Event, Message, WebSocket};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().context("the first argument must be the server's URL")?;
    let agent = arguments.next().context("the second argument must be the agent's name in the report")?;
    block_on(run(&server, &agent))
}

async fn run(server: &str, agent: &str) -> Result<()> {
    let count: u32 = first_text(&format!("{server}/getCaseCount")).await?.parse()?;
    println!("{count} cases");
    for case in 1..=count {
        echo(&format!("{server}/runCase?case={case}&agent={agent}")).await?;
        println!("{case}/{count}");
    }
    // The server writes the report and closes the connection.
    echo(&format!("{server}/updateReports?agent={agent}")).await
}

/// Echoes each message inside the callback, before the next frame is read. The server judges how the case ends.
async fn echo(url: &str) -> Result<()> {
    let socket = WebSocket::new(url, ())?;
    socket.set_binary_type(BinaryType::ArrayBuffer);
    let _echo = socket.subscribe(|socket, event| {
        // Ignore errors: the server notices a missing echo.
        if let Event::Message(event) = event {
            let _ = match &event.data {
                Message::Text(text) => socket.send(text),
                Message::Binary(bytes) => socket.send(bytes),
                // A message that arrived before the binary type was set.
                Message::Blob(blob) => socket.send(blob),
                other => unreachable!("unknown kind of message: {other:?}"),
            };
        }
    });
    socket.closed().await;
    Ok(())
}

/// Returns the first text message of a connection.
async fn first_text(url: &str) -> Result<String> {
    let socket = WebSocket::new(url, ())?;
    let mut events = socket.events();
    let mut found = None;
    while let Some(event) = events.next().await {
        let Event::Message(event) = event else { continue };
        if let Message::Text(text) = event.data {
            found.get_or_insert(String::from(text));
        }
    }
    found.with_context(|| format!("{url} sent no text message: {:?}", socket.failure()))
}
