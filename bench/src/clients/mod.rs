//! The clients, each behind the same four verbs, so that all do the same work in the same order.

mod interface;
mod sockudo;
mod tokio_tungstenite;
mod tokio_websockets;
mod wire;
mod yawc;

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use anyhow::{Result, anyhow};
use bytes::Bytes;
use samesocket_bench_report::{Sample, WIRE};
use tokio::net::TcpStream;

use crate::jobs::{Direction, Job};
use crate::measure::Stopwatch;

/// The greatest message of any job, and some more: limits are set to this where they are lower by default.
pub(crate) const LIMIT: usize = 32 << 20;

/// A client: its name in the tables, and the package whose version stands beside it.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
}

/// The clients, in the order of the tables; the others are measured against the first.
pub(crate) const CLIENTS: [Client; 6] = [
    Client { name: "tokio-tungstenite", package: "tokio-tungstenite" },
    Client { name: "tokio-websockets", package: "tokio-websockets" },
    Client { name: "yawc", package: "yawc" },
    Client { name: "sockudo-ws", package: "sockudo-ws" },
    Client { name: WIRE, package: "samesocket" },
    Client { name: INTERFACE, package: "samesocket" },
];

/// The interface, with its driver.
const INTERFACE: &str = "samesocket (interface)";

/// Does one job with the client of this name, over this port of the loopback.
pub(crate) async fn run(name: &str, job: &Job, port: u16, count: usize) -> Result<Sample> {
    let path = job.path(Job::warmup(count) + count);
    match name {
        "tokio-tungstenite" => work(tokio_tungstenite::connect(port, &path).await?, job, count).await,
        "tokio-websockets" => work(tokio_websockets::connect(port, &path).await?, job, count).await,
        "yawc" => work(yawc::connect(port, &path).await?, job, count).await,
        "sockudo-ws" => work(sockudo::connect(port, &path).await?, job, count).await,
        WIRE => work(wire::connect(port, &path).await?, job, count).await,
        INTERFACE => work(interface::connect(port, &path).await?, job, count).await,
        _ => anyhow::bail!("there is no client {name}"),
    }
}

/// A connection of some client.
trait Connection {
    /// A message as it is given to the client; a clone does not copy the payload.
    type Message: Clone;

    /// Makes a message of UTF-8 or of bytes.
    fn message(text: bool, payload: Bytes) -> Result<Self::Message>;

    /// Waits until there is room for a message.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>>;

    /// Gives the client a message, for which there is room.
    fn send(&mut self, message: Self::Message) -> Result<()>;

    /// Waits until the socket has taken everything.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<()>>;

    /// Waits for a message, and gives its length.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<usize>>;
}

/// A connected stream, as all clients get it.
async fn stream(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn work<C: Connection>(mut connection: C, job: &Job, count: usize) -> Result<Sample> {
    let message = C::message(job.text, job.payload())?;
    exchange(&mut connection, job, &message, Job::warmup(count), false).await?;
    let stopwatch = Stopwatch::start();
    exchange(&mut connection, job, &message, count, true).await?;
    stopwatch.stop(count)
}

/// Sends, receives, or both at once, until so many messages are through.
async fn exchange<C: Connection>(
    connection: &mut C,
    job: &Job,
    message: &C::Message,
    count: usize,
    last: bool,
) -> Result<()> {
    let (to_send, to_receive, window, expected) = match job.direction {
        Direction::Echo { window } => (count, count, window, job.size),
        Direction::Receive => (0, count, usize::MAX, job.size),
        // The answer to the last message tells that it has come.
        Direction::Send => (count, usize::from(last), usize::MAX, 0),
    };
    let (mut sent, mut unflushed, mut received) = (0, 0, 0);
    poll_fn(|context| {
        loop {
            // A batch begins when there is room for all of it.
            let room = unflushed > 0 || sent - received.min(sent) <= window - job.flush;
            let may_send = sent < to_send && room;
            let flush = unflushed == job.flush || unflushed > 0 && sent == to_send;
            let mut moved = false;
            if flush {
                if let Poll::Ready(result) = connection.poll_flush(context) {
                    result?;
                    (unflushed, moved) = (0, true);
                }
            } else if may_send && let Poll::Ready(result) = connection.poll_ready(context) {
                result?;
                connection.send(message.clone())?;
                (sent, unflushed, moved) = (sent + 1, unflushed + 1, true);
            }
            if received < to_receive
                // While there is a batch to send, what comes can wait for its end.
                && !(moved && unflushed > 0)
                && let Poll::Ready(size) = connection.poll_receive(context)
            {
                if size? != expected {
                    return Poll::Ready(Err(anyhow!("a message has another length")));
                }
                (received, moved) = (received + 1, true);
            }
            if sent == to_send && received == to_receive && unflushed == 0 {
                return Poll::Ready(Ok(()));
            }
            if !moved {
                return Poll::Pending;
            }
        }
    })
    .await
}

/// What `poll_receive` gives for a client that is a `Stream`.
fn poll_stream<T>(
    polled: Poll<Option<Result<T, impl std::error::Error + Send + Sync + 'static>>>,
    length: impl FnOnce(T) -> Option<usize>,
) -> Poll<Result<usize>> {
    let message = match ready!(polled) {
        Some(message) => message?,
        None => return Poll::Ready(Err(anyhow!("the connection ended"))),
    };
    Poll::Ready(length(message).ok_or_else(|| anyhow!("it is no message")))
}
