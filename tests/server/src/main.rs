//! A program that runs the server until its standard input is closed or it is interrupted.
//!
//! It prints the addresses as one line of JSON.

use std::{
    env,
    error::Error,
    io::{self, Read as _},
    process::ExitCode,
    thread,
};

use samesocket_fault_server::{Builder, Server};
use tokio::sync::oneshot;

const USAGE: &str = "usage: fault-server [--static DIR] [--plain-port PORT] [--tls-port PORT] [--http2]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run() -> Result<(), Box<dyn Error>> {
    let server = read_arguments(env::args().skip(1))?.start().await?;
    println!("{}", serde_json::to_string(server.addresses())?);
    tokio::select! {
        _ = standard_input_closed() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

fn read_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Builder, Box<dyn Error>> {
    let mut builder = Server::builder();
    while let Some(name) = arguments.next() {
        if name == "--http2" {
            builder = builder.http2();
            continue;
        }
        let value = arguments.next().ok_or(USAGE)?;
        builder = match name.as_str() {
            "--static" => builder.static_dir(value),
            "--plain-port" => builder.plain_port(value.parse()?),
            "--tls-port" => builder.tls_port(value.parse()?),
            _ => return Err(USAGE.into()),
        };
    }
    Ok(builder)
}

/// Waits until standard input is closed, on a thread of its own.
///
/// Tokio's standard input would keep the process alive after an interrupt.
fn standard_input_closed() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let mut ignored = [0; 1024];
        let mut input = io::stdin().lock();
        while input.read(&mut ignored).is_ok_and(|read| read > 0) {}
        let _ = sender.send(());
    });
    receiver
}
