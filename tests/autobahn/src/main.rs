//! Goes through all cases of an Autobahn fuzzing server, by the public interface: echoes what comes until the close event.

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use futures::executor::block_on;
use samesocket::{BinaryType, Event, Message, WebSocket};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().context("the first argument is the server's URL")?;
    let agent = arguments.next().context("the second argument is the name for the report")?;
    block_on(run(&server, &agent))
}

async fn run(server: &str, agent: &str) -> Result<()> {
    let count: u32 = first_text(&format!("{server}/getCaseCount")).await?.parse()?;
    println!("{count} cases");
    for case in 1..=count {
        echo(&format!("{server}/runCase?case={case}&agent={agent}")).await?;
        println!("{case}/{count}");
    }
    // The server writes the report, and closes.
    echo(&format!("{server}/updateReports?agent={agent}")).await
}

/// Sends every message back, before the next frame is looked at; how the case ends is the server's to judge.
async fn echo(url: &str) -> Result<()> {
    let socket = WebSocket::new(url, ())?;
    socket.set_binary_type(BinaryType::ArrayBuffer);
    let _echo = socket.subscribe(|socket, event| {
        // What cannot be sent would be a message that the server misses.
        if let Event::Message(event) = event {
            let _ = match &event.data {
                Message::Text(text) => socket.send(text),
                Message::Binary(bytes) => socket.send(bytes),
                // One that came before the binary type was set.
                Message::Blob(blob) => socket.send(blob),
                other => unreachable!("{other:?} is a kind of message that there is not"),
            };
        }
    });
    socket.closed().await;
    Ok(())
}

async fn first_text(url: &str) -> Result<String> {
    let socket = WebSocket::new(url, ())?;
    let mut events = socket.events();
    let mut found = None;
    while let Some(event) = events.next().await {
        if let Event::Message(event) = event
            && let Message::Text(text) = event.data
        {
            found.get_or_insert(String::from(text));
        }
    }
    found.with_context(|| format!("{url} sends no text: {:?}", socket.failure()))
}
