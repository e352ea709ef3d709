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
use samesocket_bench_report::{
    FUTURES, FUTURES_ON_TOKIO, FUTURES_OVER_HTTP2, INTERFACE, INTERFACE_ON_TOKIO, PROTOCOL, Sample,
};

use self::job_run::JobRun;
use self::stream::ClientStream;
use crate::jobs::{Direction, Job};
use crate::measure::Counter;
use crate::server::{Address, Http};

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
    http: Http,
}

const fn client(name: &'static str, package: &'static str, compresses: bool) -> Client {
    Client { name, package, former_name: None, compresses, speaks_tls: true, http: Http::One }
}

const fn http2_client(name: &'static str, package: &'static str, compresses: bool) -> Client {
    Client { http: Http::Two, ..client(name, package, compresses) }
}

const YAWC_OVER_HTTP2: &str = "yawc over HTTP/2";
const SOCKUDO_OVER_HTTP2: &str = "sockudo-ws over HTTP/2";

/// The clients in the order of the tables. The others are compared with the first one.
pub(crate) const CLIENTS: [Client; 13] = [
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
    http2_client(YAWC_OVER_HTTP2, "yawc", true),
    http2_client(SOCKUDO_OVER_HTTP2, "sockudo-ws", false),
    http2_client(FUTURES_OVER_HTTP2, "samesocket", true),
];

impl Client {
    /// Returns whether the client supports a job. Over HTTP/2, only jobs with one socket are measured.
    pub(crate) fn can(&self, job: &Job) -> bool {
        let has_connections = self.http == Http::One || job.connections == 1;
        (self.compresses || !job.compressed) && (self.speaks_tls || !job.tls) && has_connections
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
    let http = CLIENTS.iter().find(|client| client.name == name).map_or(Http::One, |client| client.http);
    match name {
        PROTOCOL => run.measure(async || protocol::connect(address.plain, &path).await).await,
        INTERFACE | FUTURES | INTERFACE_ON_TOKIO | FUTURES_ON_TOKIO | FUTURES_OVER_HTTP2 => {
            let on_caller_runtime = !matches!(name, INTERFACE | FUTURES);
            let (url, options) = (address.url(http, job.tls, &path), stream::options(address, http, on_caller_runtime));
            if matches!(name, INTERFACE | INTERFACE_ON_TOKIO) {
                run.measure(async || interface::connect(&url, &options).await).await
            } else {
                let waits = job.direction != Direction::Queue;
                run.measure(async || futures::connect(&url, options.clone(), waits).await).await
            }
        }
        _ if job.tls => {
            let tls = stream::Tls::new(address, http)?;
            over_stream(name, &run, &path, async || tls.connect().await).await
        }
        _ => over_stream(name, &run, &path, async || stream::plain(address.port(http, false)).await).await,
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
        YAWC_OVER_HTTP2 => run.measure(async || yawc::connect_http2(stream().await?, path, compressed).await).await,
        SOCKUDO_OVER_HTTP2 => run.measure(async || sockudo::connect_http2(stream().await?, path).await).await,
        "sockudo-ws" => run.measure(async || sockudo::connect(stream().await?, path).await).await,
        _ => anyhow::bail!("unknown client {name}"),
    }
}
