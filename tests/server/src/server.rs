//! The listeners, and the routing of requests to scripts, the control plane and static files.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, rustls::pki_types::CertificateDer};

use crate::{
    connection::Connection,
    control,
    http::{Request, Response},
    http2::{self, Http2, Incoming},
    receiver::Receiver,
    record::{HttpVersion, Record},
    run_script::run_script,
    socket::Socket,
    static_files,
    store::{ConnectionHandle, Store},
    tls,
};

/// The number of attempts to find a port that is free on IPv4 and IPv6. Arbitrary.
const MAX_BIND_ATTEMPTS: usize = 16;

/// A running server. Dropping it ends all its connections.
///
/// ```
/// use samesocket_fault_server::Server;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let server = Server::builder().start().await?;
/// let url = format!("ws://{}/ws?id=a&do=text:hello,close:1000", server.addresses().plain);
/// # assert!(url.starts_with("ws://127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    addresses: Addresses,
    certificate: CertificateDer<'static>,
    shared: Arc<Shared>,
    _listeners: JoinSet<()>,
}

/// The addresses on which a [`Server`] listens. The IPv6 ones are `None` on a host without IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// The address without TLS, on 127.0.0.1.
    pub plain: SocketAddr,
    /// The address without TLS, on `::1`.
    pub plain6: Option<SocketAddr>,
    /// The address with TLS, on 127.0.0.1.
    pub tls: SocketAddr,
    /// The address with TLS, on `::1`.
    pub tls6: Option<SocketAddr>,
    /// The address with TLS and HTTP/2 or HTTP/1.1 by ALPN, on 127.0.0.1, if [`Builder::http2`] was called.
    pub h2: Option<SocketAddr>,
    /// The address with HTTP/2 and without TLS, on 127.0.0.1, if [`Builder::http2`] was called.
    pub h2c: Option<SocketAddr>,
}

/// A builder for a [`Server`].
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Builder {
    static_dir: Option<PathBuf>,
    plain_port: u16,
    tls_port: u16,
    http2: bool,
}

#[derive(Debug)]
struct Shared {
    store: Arc<Store>,
    static_dir: Option<PathBuf>,
    http2: Mutex<Http2>,
}

/// The protocols of a listener's connections.
#[derive(Clone)]
enum Speaks {
    Http1,
    Http1Tls(TlsAcceptor),
    Http2,
    /// HTTP/2 or HTTP/1.1.
    BothTls(TlsAcceptor),
}

impl Server {
    /// Creates a builder with free ports and without static files.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Returns the addresses on which the server listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Returns the self-signed TLS certificate, in DER. Add it to a client's root certificates.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Returns the store of connection records, gates and reports.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Sets the settings with which HTTP/2 connections begin from now on.
    pub fn set_http2(&self, settings: Http2) {
        *self.shared.http2.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Returns the report that a page stored under this name.
    pub fn report(&self, name: &str) -> Option<String> {
        self.store().report(name)
    }

    /// Waits for a report with this name and returns it.
    pub async fn wait_report(&self, name: &str) -> String {
        self.store().wait_report(name).await
    }
}

impl Builder {
    /// Serves the files of this directory under `/page/` and `/`. By default the server serves no files.
    pub fn static_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.static_dir = Some(directory.into());
        self
    }

    /// Sets the port without TLS. The default, 0, picks a free port.
    pub fn plain_port(mut self, port: u16) -> Self {
        self.plain_port = port;
        self
    }

    /// Sets the port with TLS. The default, 0, picks a free port.
    pub fn tls_port(mut self, port: u16) -> Self {
        self.tls_port = port;
        self
    }

    /// Adds two ports for HTTP/2: with TLS, where clients choose it by ALPN, and without. By default there are none.
    ///
    /// Both serve what the other ports serve. A script runs on a stream of an extended CONNECT request.
    pub fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// Binds the ports and starts the server on the current Tokio runtime.
    ///
    /// # Errors
    /// A port cannot be bound on 127.0.0.1, or the certificate cannot be generated.
    ///
    /// # Panics
    /// There is no Tokio runtime.
    pub async fn start(self) -> io::Result<Server> {
        let (plain, plain6) = bind(self.plain_port).await?;
        let (tls, tls6) = bind(self.tls_port).await?;
        let (acceptor, h2_acceptor, certificate) = tls::acceptors()?;
        let (h2, h2c) = if self.http2 { (Some(bind(0).await?), Some(bind(0).await?)) } else { (None, None) };
        let first = |pair: &Option<(TcpListener, Option<TcpListener>)>| {
            pair.as_ref().map(|(v4, _)| v4.local_addr()).transpose()
        };
        let address = |listener: &Option<TcpListener>| listener.as_ref().map(TcpListener::local_addr).transpose();
        let addresses = Addresses {
            plain: plain.local_addr()?,
            plain6: address(&plain6)?,
            tls: tls.local_addr()?,
            tls6: address(&tls6)?,
            h2: first(&h2)?,
            h2c: first(&h2c)?,
        };
        let shared = Arc::new(Shared { store: Arc::default(), static_dir: self.static_dir, http2: Mutex::default() });
        let mut listeners = JoinSet::new();
        for (pair, speaks) in [
            (Some((plain, plain6)), Speaks::Http1),
            (Some((tls, tls6)), Speaks::Http1Tls(acceptor)),
            (h2, Speaks::BothTls(h2_acceptor)),
            (h2c, Speaks::Http2),
        ] {
            for listener in pair.into_iter().flat_map(|(v4, v6)| [Some(v4), v6]).flatten() {
                listeners.spawn(accept_connections(listener, speaks.clone(), Arc::clone(&shared)));
            }
        }
        Ok(Server { addresses, certificate, shared, _listeners: listeners })
    }
}

/// Binds a port on IPv4 and, where possible, the same port on IPv6.
async fn bind(port: u16) -> io::Result<(TcpListener, Option<TcpListener>)> {
    for _ in 0..MAX_BIND_ATTEMPTS {
        let (v4, v6) = bind_once(port).await?;
        match v6 {
            Ok(v6) => return Ok((v4, Some(v6))),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && port == 0 => {}
            Err(_) => return Ok((v4, None)),
        }
    }
    let (v4, _) = bind_once(port).await?;
    let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await;
    Ok((v4, v6.ok()))
}

async fn bind_once(port: u16) -> io::Result<(TcpListener, io::Result<TcpListener>)> {
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let same = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), v4.local_addr()?.port());
    Ok((v4, TcpListener::bind(same).await))
}

/// Accepts and serves connections. Dropping the future drops the connections, too.
async fn accept_connections(listener: TcpListener, speaks: Speaks, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, speaks.clone(), Arc::clone(&shared)));
                }
                // Accepting fails without a free file descriptor. Wait until a connection ends.
                Err(_) => match connections.join_next().await {
                    Some(_) => {}
                    None => tokio::task::yield_now().await,
                },
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, speaks: Speaks, shared: Arc<Shared>) {
    // Disable Nagle's algorithm, so that each step's bytes leave at once.
    let _ = stream.set_nodelay(true);
    let (socket, is_http2) = match speaks {
        Speaks::Http1 => (Socket::Plain(stream), false),
        Speaks::Http2 => (Socket::Plain(stream), true),
        Speaks::Http1Tls(acceptor) | Speaks::BothTls(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => {
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(tls::H2);
                (Socket::Tls(Box::new(stream)), is_http2)
            }
            Err(_) => return,
        },
    };
    let version = if is_http2 { HttpVersion::Http2 } else { HttpVersion::Http1 };
    let seen = shared.store.add_connection(socket.is_secure(), version);
    if is_http2 {
        let number = seen.number();
        let settings = shared.http2.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let serve = |request, incoming| serve_stream(request, incoming, Arc::clone(&shared), number);
        http2::serve(socket, settings, seen, serve).await;
    } else {
        serve_connection(socket, seen, &shared).await;
    }
}

/// Serves a stream of an HTTP/2 connection with this number.
async fn serve_stream(request: Request, mut incoming: Incoming, shared: Arc<Shared>, number: usize) {
    if request.is_upgrade() && is_script_path(request.path()) {
        let record = shared.store.add_record(initial_record(&request, incoming.is_secure(), number));
        let socket = Socket::Http2(Box::new(incoming.into_stream()));
        let connection = Connection::new(socket, Receiver::new(record), b"");
        return run_script(connection, &request).await;
    }
    // The body of a CONNECT request need not end.
    let body = if request.method == "CONNECT" { Some(Vec::new()) } else { incoming.read_body().await };
    let Some(body) = body else {
        return;
    };
    let response = respond(&shared, &request, body).await;
    incoming.respond(&response, request.method != "HEAD").await;
}

/// Serves the one request of an HTTP/1.1 connection.
async fn serve_connection(mut socket: Socket, seen: ConnectionHandle, shared: &Shared) {
    let Some((request, rest)) = Request::read(&mut socket).await else {
        return;
    };
    if request.is_upgrade() && is_script_path(request.path()) {
        let record = shared.store.add_record(initial_record(&request, socket.is_secure(), seen.number()));
        let connection = Connection::new(socket, Receiver::new(record), &rest);
        return run_script(connection, &request).await;
    }
    let Ok(body) = request.read_body(&mut socket, rest).await else {
        return;
    };
    let response = respond(shared, &request, body).await;
    let _ = response.write(&mut socket, request.method != "HEAD").await;
}

fn is_script_path(path: &str) -> bool {
    path.starts_with("/ws") || path == "/echo" || path.starts_with("/echo/")
}

fn initial_record(request: &Request, secure: bool, connection: usize) -> Record {
    let headers = request.headers.iter().map(|(name, _)| {
        let value = request.header(name).unwrap_or_default();
        (name.clone(), value)
    });
    Record {
        id: request.parameter("id").unwrap_or_default(),
        path: request.path().to_owned(),
        target: request.target.clone(),
        secure,
        version: request.version,
        connection,
        stream: request.stream,
        offered: request.offered(),
        headers: headers.collect(),
        origin: request.header("origin"),
        ..Record::default()
    }
}

async fn respond(shared: &Shared, request: &Request, body: Vec<u8>) -> Response {
    let path = request.path();
    if request.method == "OPTIONS" {
        return Response::preflight();
    }
    if path.starts_with("/control/") {
        return control::respond(&shared.store, request, body).await;
    }
    if !matches!(request.method.as_str(), "GET" | "HEAD") && !request.is_upgrade() {
        return Response::text(405, "only GET and HEAD are allowed\n");
    }
    if let Some(directory) = &shared.static_dir {
        if let Some(response) = static_files::respond(directory, path).await {
            return response;
        }
    }
    if is_script_path(path) {
        return Response::text(426, "this path accepts only WebSocket connections\n").with("Upgrade", "websocket");
    }
    Response::text(404, format!("there is nothing at `{path}`\n"))
}
