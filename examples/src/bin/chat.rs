//! `chat URL TOKEN_FILE`: sends the lines of the standard input, and prints the ones that arrive. The file is read before
//! each attempt to connect, so another program may renew the token in it.

use std::env;

use futures::stream;
use samesocket_examples::BoxError;
use samesocket_examples::chat::{Line, run, socket};
use tokio::io::{AsyncBufReadExt as _, BufReader};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let (Some(url), Some(file)) = (env::args().nth(1), env::args_os().nth(2)) else {
        return Err("usage: chat URL TOKEN_FILE".into());
    };
    let socket = socket(url, move || {
        let file = file.clone();
        async move { Some(tokio::fs::read_to_string(file).await.ok()?.trim().to_owned()) }
    });
    let lines = BufReader::new(tokio::io::stdin()).lines();
    let lines = stream::unfold(lines, |mut lines| async { Some((lines.next_line().await.ok()??, lines)) });
    run(socket, lines, |line| match line {
        Line::Connected => println!("[connected]"),
        Line::Disconnected(cause) => println!("[{cause}]"),
        Line::Received(text) => println!("{text}"),
    })
    .await?;
    Ok(())
}
