//! The place that is a process of its own, which the fault server shares.
#![expect(clippy::unused_async, reason = "other places have to ask somebody")]

mod drive;
mod turn;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{env, fs};

use futures::future::BoxFuture;
use samesocket::rustls::pki_types::CertificateDer;
use samesocket::{Connect, Exception, IntoProtocols, Options, WebSocket};
use samesocket_fault_server::{Server as FaultServer, Until};
use tokio::runtime::{Builder, Runtime};
use tokio::time;

pub(crate) use self::drive::drive;
pub(crate) use self::turn::{Turn, play};
use crate::server::{Record, Server};
use crate::subjects::Samesocket;

/// What callbacks may own: what any thread may use.
pub trait Anywhere: Send + Sync {}

impl<T: Send + Sync + ?Sized> Anywhere for T {}

/// A future that callbacks may own.
pub type Later<T> = BoxFuture<'static, T>;

/// There is no other subject here.
pub(crate) type Bystander = Samesocket;

/// Names the folder to which reports are written, beside the server that takes them.
const REPORTS: &str = "SAMESOCKET_REPORTS";

/// How long the server may take for what is asked of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// The fault server of this process, on threads of its own.
static HOME: LazyLock<Home> = LazyLock::new(|| {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads can be started");
    let server = runtime.block_on(FaultServer::builder().start()).expect("ports can be listened at");
    Home { runtime, server }
});

struct Home {
    runtime: Runtime,
    server: FaultServer,
}

/// Waits for so many milliseconds.
pub(crate) fn elapse(milliseconds: u32) -> time::Sleep {
    let _guard = HOME.runtime.enter();
    time::sleep(Duration::from_millis(milliseconds.into()))
}

/// Gives what no other run has.
pub(crate) fn mark() -> String {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    RUNS.fetch_add(1, Ordering::Relaxed).to_string()
}

/// There is no page, and no origin.
pub(crate) fn origin() -> String {
    String::new()
}

/// Calls our constructor; nobody but us trusts the server's certificate, which is its own root.
pub(crate) fn open(url: &str, protocols: impl IntoProtocols) -> Result<WebSocket, Exception> {
    WebSocket::with_options(url, protocols, &options(url))
}

/// Begins to make a connection by the futures API.
pub(crate) fn dial(url: &str) -> Connect {
    samesocket::connect(url).options(options(url))
}

fn options(url: &str) -> Options {
    if !url.starts_with("wss:") {
        return Options::new();
    }
    Options::new().root_certificate(CertificateDer::from(HOME.server.certificate().to_vec()))
}

/// Starts the server, the first time.
pub(crate) async fn look_up() -> Result<Server, String> {
    let addresses = HOME.server.addresses();
    Ok(Server {
        plain: addresses.plain.to_string(),
        plain6: addresses.plain6.map(|address| address.to_string()),
        tls: format!("localhost:{}", addresses.tls.port()),
        engine: crate::natively::ENGINE.to_owned(),
        secure: false,
    })
}

/// The server's control plane, without the detour over HTTP.
pub(crate) struct Control;

impl Control {
    pub(crate) fn of(_: &Server) -> Self {
        Self
    }

    pub(crate) async fn release(&self, id: &str, gate: &str) {
        HOME.server.store().release(id, gate);
    }

    pub(crate) async fn record(&self, id: &str, until: &str) -> Result<Record, String> {
        let until: Until = until.parse().map_err(|error| format!("{until}: {error}"))?;
        let id = id.to_owned();
        let record = within_patience(async move { HOME.server.store().wait_record(&id, until).await }).await?;
        // As a page reads it.
        let record = serde_json::to_value(record).expect("a record is plain data");
        Ok(serde_json::from_value(record).expect("a record"))
    }

    pub(crate) async fn all_gone(&self, prefix: &str) {
        let prefix = prefix.to_owned();
        let gone = within_patience(async move { HOME.server.store().wait_live(&prefix, 0).await }).await;
        gone.expect("a server that answers");
    }

    pub(crate) async fn put_report(&self, name: &str, body: &str) {
        HOME.server.store().put_report(name, body.to_owned());
        if let Some(folder) = env::var_os(REPORTS) {
            let path = std::path::Path::new(&folder).join(name).with_extension("json");
            fs::write(&path, body).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }

    pub(crate) async fn report(&self, name: &str) -> Result<String, String> {
        HOME.server.report(name).ok_or_else(|| format!("no report `{name}`\n"))
    }
}

/// Waits on the server's own threads, which have a clock.
async fn within_patience<T: Send + 'static>(wait: impl Future<Output = T> + Send + 'static) -> Result<T, String> {
    let waited = HOME.runtime.spawn(async { time::timeout(PATIENCE, wait).await });
    waited.await.expect("waiting does not panic").map_err(|_| "it did not happen in time\n".to_owned())
}
