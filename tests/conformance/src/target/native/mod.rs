//! The target that is a native process, in which the fault server runs too.
#![expect(clippy::unused_async, reason = "the wasm target sends requests")]

mod script_task;
mod spawn_in_events;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{env, fs};

use samesocket::rustls::pki_types::CertificateDer;
use samesocket::{Connect, Exception, Http2, IntoProtocols, Options, StartError, WebSocket};
use samesocket_fault_server::{Server as FaultServer, Until};
use tokio::runtime::{Builder, Runtime};
use tokio::time;

pub(crate) use self::script_task::{ScriptTask, run_uninterrupted};
pub(crate) use self::spawn_in_events::spawn_in_events;
use crate::server::{Record, Server};
use crate::subjects::Samesocket;

/// The bounds on values that callbacks own: any thread may call them.
pub trait MaybeSendSync: Send + Sync {}

impl<T: Send + Sync + ?Sized> MaybeSendSync for T {}

/// A boxed future that callbacks may own.
pub type BoxFuture<T> = futures::future::BoxFuture<'static, T>;

/// The reference socket; a native process has no other subject than ours.
pub(crate) type ReferenceSocket = Samesocket;

/// The environment variable with the folder to which reports are also written.
const REPORTS: &str = "SAMESOCKET_REPORTS";

/// The time limit for a request to the server; arbitrary.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// The fault server of this process, with its own runtime.
static HOME: LazyLock<Home> = LazyLock::new(|| {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts");
    let server = runtime.block_on(FaultServer::builder().http2().start()).expect("the fault server can listen");
    Home { runtime, server }
});

struct Home {
    runtime: Runtime,
    server: FaultServer,
}

/// Waits for a number of milliseconds.
pub(crate) fn sleep(milliseconds: u32) -> time::Sleep {
    let _guard = HOME.runtime.enter();
    time::sleep(Duration::from_millis(milliseconds.into()))
}

/// Returns a string that is unique to this run.
pub(crate) fn unique_id() -> String {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    RUNS.fetch_add(1, Ordering::Relaxed).to_string()
}

/// Returns an empty string, because there is no page.
pub(crate) fn origin() -> String {
    String::new()
}

/// Calls our constructor, with trust in the self-signed certificate of the fault server.
pub(crate) fn open(url: &str, protocols: impl IntoProtocols) -> Result<WebSocket, Exception> {
    WebSocket::with_options(url, protocols, &options(url)).map_err(|error| match error {
        StartError::Exception(exception) => exception,
        other => panic!("native targets support all options: {other}"),
    })
}

/// Returns a connection attempt of the futures API.
pub(crate) fn connect_to(url: &str) -> Connect {
    samesocket::connect(url).options(options(url))
}

fn options(url: &str) -> Options {
    let mut options = Options::new();
    if url.starts_with("wss:") {
        options = options.root_certificate(CertificateDer::from(HOME.server.certificate().to_vec()));
    }
    let (plain, tls) = http2_hosts();
    if url.contains(&plain) || url.contains(&tls) { options.http2(Http2::prior_knowledge()) } else { options }
}

/// Returns the hosts and ports of the listeners of HTTP/2.
fn http2_hosts() -> (String, String) {
    let addresses = HOME.server.addresses();
    let (h2c, h2) = addresses.h2c.zip(addresses.h2).expect("the server was started with HTTP/2");
    (h2c.to_string(), format!("localhost:{}", h2.port()))
}

/// Returns the addresses of the server, and starts it on the first call.
pub(crate) async fn look_up() -> Result<Server, String> {
    let addresses = HOME.server.addresses();
    Ok(Server {
        plain: addresses.plain.to_string(),
        plain6: addresses.plain6.map(|address| address.to_string()),
        tls: format!("localhost:{}", addresses.tls.port()),
        http2: Some(http2_hosts()),
        is_http2: false,
        engine: crate::native_expectations::ENGINE.to_owned(),
        secure: false,
    })
}

/// The control plane of the server, called directly.
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
        let record = with_time_limit(async move { HOME.server.store().wait_record(&id, until).await }).await?;
        // Convert the record through JSON, as a page does.
        let record = serde_json::to_value(record).expect("a record is plain data");
        Ok(serde_json::from_value(record).expect("a record"))
    }

    pub(crate) async fn all_gone(&self, prefix: &str) {
        let prefix = prefix.to_owned();
        let gone = with_time_limit(async move { HOME.server.store().wait_live(&prefix, 0).await }).await;
        gone.expect("the connections end in time");
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

/// Waits on the runtime of the server, which has a timer.
async fn with_time_limit<T: Send + 'static>(wait: impl Future<Output = T> + Send + 'static) -> Result<T, String> {
    let waited = HOME.runtime.spawn(async { time::timeout(TIME_LIMIT, wait).await });
    waited.await.expect("the wait does not panic").map_err(|_| "it did not happen in time\n".to_owned())
}
