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
    FUTURES, FUTURES_AGAIN, FUTURES_ON_TOKIO, FUTURES_OVER_HTTP2, INTERFACE, INTERFACE_ON_TOKIO, PROTOCOL,
};

pub(crate) use self::connection::{Connection, Measurement};
pub(crate) use self::job_run::JobRun;
use self::stream::ClientStream;
use crate::jobs::{Direction, Job};
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

pub(crate) const YAWC_OVER_HTTP2: &str = "yawc over HTTP/2";
pub(crate) const SOCKUDO_OVER_HTTP2: &str = "sockudo-ws over HTTP/2";

/// The clients in the order of the tables. The others are compared with the first one.
pub(crate) const CLIENTS: [Client; 14] = [
    client("tokio-tungstenite", "tokio-tungstenite", false),
    client("tokio-websockets", "tokio-websockets", false),
    client("fastwebsockets", "fastwebsockets", false),
    // Far from its first measurement, as the others are.
    client(FUTURES_AGAIN, "samesocket", true),
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

/// How clients connect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) tls: bool,
    pub(crate) compressed: bool,
    /// Whether a socket that buffers much makes its sender wait.
    pub(crate) waits: bool,
    /// The number of connections that the client has, at least.
    pub(crate) connections: usize,
    /// The number of connections that open at a time.
    pub(crate) openings: usize,
}

impl Setting {
    /// Returns how clients connect for a job.
    pub(crate) fn of(job: &Job) -> Self {
        let waits = job.direction != Direction::Queue;
        Self { tls: job.tls, compressed: job.compressed, waits, connections: job.connections, openings: 1 }
    }
}

/// Measures the client of this name.
pub(crate) async fn measure<M: Measurement>(
    name: &str,
    setting: Setting,
    address: &Address,
    measurement: &M,
) -> Result<M::Sample> {
    let Setting { tls, waits, openings, .. } = setting;
    let http = CLIENTS.iter().find(|client| client.name == name).map_or(Http::One, |client| client.http);
    match name {
        PROTOCOL => measurement.measure(async |path| protocol::connect(address.plain, path).await).await,
        INTERFACE | FUTURES | INTERFACE_ON_TOKIO | FUTURES_ON_TOKIO | FUTURES_AGAIN | FUTURES_OVER_HTTP2 => {
            let on_caller_runtime = !matches!(name, INTERFACE | FUTURES);
            let options = stream::options(address, http, on_caller_runtime, openings);
            let url = |path: &str| address.url(http, tls, path);
            if matches!(name, INTERFACE | INTERFACE_ON_TOKIO) {
                measurement.measure(async |path| interface::connect(&url(path), &options).await).await
            } else {
                measurement.measure(async |path| futures::connect(&url(path), options.clone(), waits).await).await
            }
        }
        _ if tls => {
            let tls = stream::Tls::new(address, http)?;
            over_stream(name, setting, measurement, async || tls.connect().await).await
        }
        _ => {
            let port = address.port(http, false);
            over_stream(name, setting, measurement, async || stream::plain(port).await).await
        }
    }
}

/// Measures a client that takes a connected stream.
async fn over_stream<M: Measurement, S: ClientStream>(
    name: &str,
    setting: Setting,
    measurement: &M,
    stream: impl AsyncFn() -> Result<S>,
) -> Result<M::Sample> {
    let (compressed, has_many) = (setting.compressed, setting.connections > 1);
    match name {
        "tokio-tungstenite" => {
            measurement.measure(async |path| tokio_tungstenite::connect(stream().await?, path, has_many).await).await
        }
        "tokio-websockets" => {
            measurement.measure(async |path| tokio_websockets::connect(stream().await?, path).await).await
        }
        "fastwebsockets" => {
            measurement.measure(async |path| fastwebsockets::connect(stream().await?, path).await).await
        }
        "yawc" => measurement.measure(async |path| yawc::connect(stream().await?, path, compressed).await).await,
        YAWC_OVER_HTTP2 => {
            measurement.measure(async |path| yawc::connect_http2(stream().await?, path, compressed).await).await
        }
        "sockudo-ws" if compressed => {
            measurement.measure(async |path| sockudo::connect_compressed(stream().await?, path).await).await
        }
        "sockudo-ws" => measurement.measure(async |path| sockudo::connect(stream().await?, path).await).await,
        SOCKUDO_OVER_HTTP2 => {
            let connection = sockudo::Multiplexed::default();
            measurement.measure(async |path| connection.open(&stream, path).await).await
        }
        _ => anyhow::bail!("unknown client {name}"),
    }
}
