//! The listeners, and what answers on them.

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
    inbox::Inbox,
    perform::perform,
    record::Record,
    socket::Socket,
    static_files,
    store::Store,
};

/// How often a free port is sought that is free for IPv4 and IPv6.
const ATTEMPTS: usize = 16;

/// A running server. Dropping it ends all its connections.
#[derive(Debug)]
pub struct Server {
    addresses: Addresses,
    certificate: CertificateDer<'static>,
    shared: Arc<Shared>,
    _listeners: JoinSet<()>,
}

/// Where a [`Server`] listens. `None` stands for a host without IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// Without TLS, on 127.0.0.1.
    pub plain: SocketAddr,
    /// Without TLS, on `::1`.
    pub plain6: Option<SocketAddr>,
    /// With TLS, on 127.0.0.1.
    pub tls: SocketAddr,
    /// With TLS, on `::1`.
    pub tls6: Option<SocketAddr>,
}

/// What can be chosen before a [`Server`] starts.
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
    /// Begins to describe a server.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where the server listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The TLS certificate, in DER; it is its own root.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The records of connections, the gates and the reports.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The report that a page stored under this name.
    pub fn report(&self, name: &str) -> Option<String> {
        self.store().report(name)
    }

    /// Waits for a page to store a report under this name.
    pub async fn wait_report(&self, name: &str) -> String {
        self.store().wait_report(name).await
    }
}

impl Builder {
    /// Serves the files of this directory, under `/page/` and under `/`.
    pub fn static_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.static_dir = Some(directory.into());
        self
    }

    /// Listens without TLS on this port. By default it is any free one, as with 0.
    pub fn plain_port(mut self, port: u16) -> Self {
        self.plain_port = port;
        self
    }

    /// Listens with TLS on this port. By default it is any free one, as with 0.
    pub fn tls_port(mut self, port: u16) -> Self {
        self.tls_port = port;
        self
    }

    /// Binds the ports and starts to serve, on the current Tokio runtime.
    ///
    /// # Errors
    /// A port cannot be bound on 127.0.0.1, or no certificate can be made.
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
            listeners.spawn(listen(listener, None, Arc::clone(&shared)));
        }
        for listener in [Some(tls), tls6].into_iter().flatten() {
            let acceptor = Some(acceptor.clone());
            listeners.spawn(listen(listener, acceptor, Arc::clone(&shared)));
        }
        Ok(Server { addresses, certificate, shared, _listeners: listeners })
    }
}

/// Binds a port for IPv4 and, where that is possible, the same one for IPv6.
async fn bind(port: u16) -> io::Result<(TcpListener, Option<TcpListener>)> {
    for _ in 0..ATTEMPTS {
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

/// Accepts connections until it is dropped, and them with it.
async fn listen(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, acceptor.clone(), Arc::clone(&shared)));
                }
                // Without a file descriptor for another one, a connection has to end first.
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
    // A step's bytes are a segment of their own.
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
    if request.is_upgrade() && is_scenario(request.path()) {
        let entry = shared.store.enrol(enrolment(&request, &socket));
        let connection = Connection::new(socket, Inbox::new(entry), &rest);
        return perform(connection, &request).await;
    }
    let Ok(body) = request.read_body(&mut socket, rest).await else {
        return;
    };
    let response = respond(&shared, &request, body).await;
    let _ = response.write(&mut socket, request.method != "HEAD").await;
}

fn is_scenario(path: &str) -> bool {
    path.starts_with("/ws") || path == "/echo" || path.starts_with("/echo/")
}

fn enrolment(request: &Request, socket: &Socket) -> Record {
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
        return Response::text(405, "only GET and HEAD\n");
    }
    if let Some(directory) = &shared.static_dir
        && let Some(response) = static_files::respond(directory, path).await
    {
        return response;
    }
    if is_scenario(path) {
        return Response::text(426, "this is for WebSockets\n").with("Upgrade", "websocket");
    }
    Response::text(404, format!("nothing at `{path}`\n"))
}
