//! The clients, each behind the same four verbs, so that all do the same work in the same order.

mod fastwebsockets;
mod futures;
mod interface;
mod line;
mod piped;
mod sockudo;
mod tokio_tungstenite;
mod tokio_websockets;
mod turn;
mod wire;
mod yawc;

use std::task::{Context, Poll};

use anyhow::Result;
use bytes::Bytes;
use samesocket_bench_report::{FUTURES, FUTURES_HERE, INTERFACE, INTERFACE_HERE, Sample, WIRE};

pub(crate) use self::line::Line;
use self::turn::Turn;
use crate::Counter;
use crate::jobs::{Direction, Job};
use crate::server::Address;

/// The greatest message of any job, and some more: limits are set to this where they are lower by default.
pub(crate) const LIMIT: usize = 128 << 20;

/// A client: its name in the tables, the package whose version stands beside it, and what it can do.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
    /// The name that older checkouts of this repository know it by.
    pub(crate) former_name: Option<&'static str>,
    /// Whether it has permessage-deflate.
    compresses: bool,
    /// Whether the bench can hand it a TLS stream, or it makes one itself.
    speaks_tls: bool,
}

const fn client(name: &'static str, package: &'static str, compresses: bool) -> Client {
    Client { name, package, former_name: None, compresses, speaks_tls: true }
}

/// The clients, in the order of the tables; the others are measured against the first.
pub(crate) const CLIENTS: [Client; 10] = [
    client("tokio-tungstenite", "tokio-tungstenite", false),
    client("tokio-websockets", "tokio-websockets", false),
    client("fastwebsockets", "fastwebsockets", false),
    client("yawc", "yawc", true),
    client("sockudo-ws", "sockudo-ws", true),
    Client { speaks_tls: false, former_name: Some("samesocket (wire)"), ..client(WIRE, "samesocket", true) },
    client(INTERFACE, "samesocket", true),
    client(FUTURES, "samesocket", true),
    client(INTERFACE_HERE, "samesocket", true),
    client(FUTURES_HERE, "samesocket", true),
];

impl Client {
    /// Whether it can do a job at all.
    pub(crate) const fn can(&self, job: &Job) -> bool {
        (self.compresses || !job.compressed) && (self.speaks_tls || !job.tls)
    }
}

/// Does one job with the client of this name.
pub(crate) async fn run(
    name: &str,
    job: &Job,
    address: &Address,
    count: usize,
    counter: Option<Counter>,
) -> Result<Sample> {
    let path = job.path(count);
    let turn = Turn { job, count, counter };
    match name {
        WIRE => turn.take(async || wire::connect(address.plain, &path).await).await,
        INTERFACE | FUTURES | INTERFACE_HERE | FUTURES_HERE => {
            let here = matches!(name, INTERFACE_HERE | FUTURES_HERE);
            let (url, options) = (address.url(job.tls, &path), line::options(address, here));
            if matches!(name, INTERFACE | INTERFACE_HERE) {
                turn.take(async || interface::connect(&url, &options).await).await
            } else {
                let waits = job.direction != Direction::Queue;
                turn.take(async || futures::connect(&url, options.clone(), waits).await).await
            }
        }
        _ if job.tls => {
            let tls = line::Tls::new(address)?;
            over(name, &turn, &path, async || tls.connect().await).await
        }
        _ => over(name, &turn, &path, async || line::plain(address.plain).await).await,
    }
}

/// Does a job with a client that is given its stream.
async fn over<S: Line>(name: &str, turn: &Turn<'_>, path: &str, line: impl AsyncFn() -> Result<S>) -> Result<Sample> {
    let compressed = turn.job.compressed;
    match name {
        "tokio-tungstenite" => turn.take(async || tokio_tungstenite::connect(line().await?, path).await).await,
        "tokio-websockets" => turn.take(async || tokio_websockets::connect(line().await?, path).await).await,
        "fastwebsockets" => turn.take(async || fastwebsockets::connect(line().await?, path).await).await,
        "yawc" => turn.take(async || yawc::connect(line().await?, path, compressed).await).await,
        "sockudo-ws" if compressed => turn.take(async || sockudo::connect_compressed(line().await?, path).await).await,
        "sockudo-ws" => turn.take(async || sockudo::connect(line().await?, path).await).await,
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
