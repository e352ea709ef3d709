//! The clients. Each implements `Connection` (in `connection`), so that all do the same work in the same order.
//!
//! `job_run` has the loop that drives a `Connection`. `stream` opens the streams under the peers. `sink_stream` implements
//! `Connection` for clients that are a sink and a stream. Each other file is a client.

mod connection;
mod fastwebsockets;
mod futures;
mod interface;
mod job_run;
mod protocol;
mod sink_stream;
mod sockudo;
mod stream;
mod tokio_tungstenite;
mod tokio_websockets;
mod yawc;

use anyhow::Result;
use samesocket_bench_report::{FUTURES, FUTURES_ON_TOKIO, INTERFACE, INTERFACE_ON_TOKIO, PROTOCOL, Sample};

use self::job_run::JobRun;
use self::stream::ClientStream;
use crate::jobs::{Direction, Job};
use crate::measure::Counter;
use crate::server::Address;

/// A client: its name in tables, its package, and its features.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
    /// The name that older checkouts of this repository know it by.
    pub(crate) former_name: Option<&'static str>,
    /// Whether the client supports permessage-deflate.
    compresses: bool,
    /// Whether the client supports TLS in this bench.
    speaks_tls: bool,
}

const fn client(name: &'static str, package: &'static str, compresses: bool) -> Client {
    Client { name, package, former_name: None, compresses, speaks_tls: true }
}

/// The clients in the order of the tables. The others are compared with the first one.
pub(crate) const CLIENTS: [Client; 10] = [
    client("tokio-tungstenite", "tokio-tungstenite", false),
    client("tokio-websockets", "tokio-websockets", false),
    client("fastwebsockets", "fastwebsockets", false),
    client("yawc", "yawc", true),
    client("sockudo-ws", "sockudo-ws", true),
    Client { speaks_tls: false, former_name: Some("samesocket (wire)"), ..client(PROTOCOL, "samesocket", true) },
    client(INTERFACE, "samesocket", true),
    client(FUTURES, "samesocket", true),
    client(INTERFACE_ON_TOKIO, "samesocket", true),
    client(FUTURES_ON_TOKIO, "samesocket", true),
];

impl Client {
    /// Returns whether the client supports a job.
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
    let run = JobRun { job, count, counter };
    match name {
        PROTOCOL => run.measure(async || protocol::connect(address.plain, &path).await).await,
        INTERFACE | FUTURES | INTERFACE_ON_TOKIO | FUTURES_ON_TOKIO => {
            let on_caller_runtime = matches!(name, INTERFACE_ON_TOKIO | FUTURES_ON_TOKIO);
            let (url, options) = (address.url(job.tls, &path), stream::options(address, on_caller_runtime));
            if matches!(name, INTERFACE | INTERFACE_ON_TOKIO) {
                run.measure(async || interface::connect(&url, &options).await).await
            } else {
                let waits = job.direction != Direction::Queue;
                run.measure(async || futures::connect(&url, options.clone(), waits).await).await
            }
        }
        _ if job.tls => {
            let tls = stream::Tls::new(address)?;
            over_stream(name, &run, &path, async || tls.connect().await).await
        }
        _ => over_stream(name, &run, &path, async || stream::plain(address.plain).await).await,
    }
}

/// Does a job with a client that takes a connected stream.
async fn over_stream<S: ClientStream>(
    name: &str,
    run: &JobRun<'_>,
    path: &str,
    stream: impl AsyncFn() -> Result<S>,
) -> Result<Sample> {
    let compressed = run.job.compressed;
    match name {
        "tokio-tungstenite" => run.measure(async || tokio_tungstenite::connect(stream().await?, path).await).await,
        "tokio-websockets" => run.measure(async || tokio_websockets::connect(stream().await?, path).await).await,
        "fastwebsockets" => run.measure(async || fastwebsockets::connect(stream().await?, path).await).await,
        "yawc" => run.measure(async || yawc::connect(stream().await?, path, compressed).await).await,
        "sockudo-ws" if compressed => {
            run.measure(async || sockudo::connect_compressed(stream().await?, path).await).await
        }
        "sockudo-ws" => run.measure(async || sockudo::connect(stream().await?, path).await).await,
        _ => anyhow::bail!("unknown client {name}"),
    }
}
