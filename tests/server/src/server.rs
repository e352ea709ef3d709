//! The listeners, and the routing of requests to scripts, the control plane and static files.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
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
    receiver::Receiver,
    record::Record,
    run_script::run_script,
    socket::Socket,
    static_files,
    store::Store,
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
}

/// A builder for a [`Server`].
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Builder {
    static_dir: Option<PathBuf>,
    plain_port: u16,
    tls_port: u16,
}

#[derive(Debug)]
struct Shared {
    store: Arc<Store>,
    static_dir: Option<PathBuf>,
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
        let (acceptor, certificate) = crate::tls::acceptor()?;
        let address = |listener: &Option<TcpListener>| listener.as_ref().map(TcpListener::local_addr).transpose();
        let addresses = Addresses {
            plain: plain.local_addr()?,
            plain6: address(&plain6)?,
            tls: tls.local_addr()?,
            tls6: address(&tls6)?,
        };
        let shared = Arc::new(Shared { store: Arc::default(), static_dir: self.static_dir });
        let mut listeners = JoinSet::new();
        for listener in [Some(plain), plain6].into_iter().flatten() {
            listeners.spawn(accept_connections(listener, None, Arc::clone(&shared)));
        }
        for listener in [Some(tls), tls6].into_iter().flatten() {
            let acceptor = Some(acceptor.clone());
            listeners.spawn(accept_connections(listener, acceptor, Arc::clone(&shared)));
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
async fn accept_connections(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, acceptor.clone(), Arc::clone(&shared)));
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

async fn serve(stream: TcpStream, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    // Disable Nagle's algorithm, so that each step's bytes leave at once.
    let _ = stream.set_nodelay(true);
    let mut socket = match acceptor {
        None => Socket::Plain(stream),
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => Socket::Tls(Box::new(stream)),
            Err(_) => return,
        },
    };
    let Some((request, rest)) = Request::read(&mut socket).await else {
        return;
    };
    if request.is_upgrade() && is_script_path(request.path()) {
        let record = shared.store.add_record(initial_record(&request, &socket));
        let connection = Connection::new(socket, Receiver::new(record), &rest);
        return run_script(connection, &request).await;
    }
    let Ok(body) = request.read_body(&mut socket, rest).await else {
        return;
    };
    let response = respond(&shared, &request, body).await;
    let _ = response.write(&mut socket, request.method != "HEAD").await;
}

fn is_script_path(path: &str) -> bool {
    path.starts_with("/ws") || path == "/echo" || path.starts_with("/echo/")
}

fn initial_record(request: &Request, socket: &Socket) -> Record {
    let headers = request.headers.iter().map(|(name, _)| {
        let value = request.header(name).unwrap_or_default();
        (name.clone(), value)
    });
    Record {
        id: request.parameter("id").unwrap_or_default(),
        path: request.path().to_owned(),
        target: request.target.clone(),
        secure: socket.is_secure(),
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
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Response::text(405, "only GET and HEAD are allowed\n");
    }
    if let Some(directory) = &shared.static_dir
        && let Some(response) = static_files::respond(directory, path).await
    {
        return response;
    }
    if is_script_path(path) {
        return Response::text(426, "this path accepts only WebSocket connections\n").with("Upgrade", "websocket");
    }
    Response::text(404, format!("there is nothing at `{path}`\n"))
}
