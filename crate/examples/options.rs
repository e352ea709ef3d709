//! Connects with options. The code is the same on every target.
//!
//! A page cannot send header fields. There the token goes into a subprotocol, as many servers accept it.

mod common;

use std::time::Duration;

use common::{Outcome, run, say, url};
use samesocket::{ConnectError, Options, Socket, connect};

const TOKEN: &str = "2a";

fn main() {
    run(greet());
}

async fn greet() -> Outcome {
    let socket = log_in(&url()?).await?;
    socket.send("hello".into()).await?;
    say(&format!("closed with code {}", socket.close(Some(1000), None).await?.code));
    Ok(())
}

async fn log_in(url: &str) -> Result<Socket, Box<dyn std::error::Error>> {
    // A page ignores options that only tune, because the browser decides them.
    let options =
        Options::new().opening_timeout(Duration::from_secs(10)).max_message_bytes(1 << 20).proxy_from_environment();
    let with_token = options.clone().header("Authorization", format!("Bearer {TOKEN}"))?;
    match connect(url).options(with_token).await {
        Err(ConnectError::Unsupported(unsupported)) => {
            say(&unsupported);
            Ok(connect(url).subprotocols(["chat", TOKEN]).options(options).await?)
        }
        connected => Ok(connected?),
    }
}
