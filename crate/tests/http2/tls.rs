//! The choice of HTTP/2 by TLS, and what is known about a server.

use std::sync::Arc;

use samesocket::rustls::crypto::ring;
use samesocket::rustls::{ClientConfig, RootCertStore};
use samesocket::{Failure, Http2, Options, Socket, WebSocket, connect};
use samesocket_fault_server::{self as fault_server, HttpVersion, Server};
use samesocket_protocol::handshake::accept_key;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificates::TestCertificate;
use crate::raw_server::{HEADERS, RESET, RawServer};
use crate::{check_echo, run};

/// Returns options that trust the server and offer HTTP/2.
fn options(server: &Server) -> Options {
    Options::new().root_certificate(server.certificate()).http2(Http2::if_offered())
}

fn url(server: &Server, id: &str) -> String {
    format!("wss://localhost:{}/ws?id={id}", server.addresses().h2.expect("it was asked for").port())
}

async fn start() -> Server {
    Server::builder().http2().start().await.unwrap()
}

async fn open(server: &Server, id: &str, options: Options) -> Socket {
    let mut socket = connect(url(server, id)).options(options).await.unwrap();
    check_echo(&mut socket, "hello").await;
    socket
}

/// Returns the version of HTTP and the number of the TCP connection.
fn seen(server: &Server, id: &str) -> (HttpVersion, usize) {
    let record = server.store().record(id).expect("a connection");
    (record.version, record.connection)
}

#[test]
fn offered_version_is_used_and_shared() {
    run(async {
        let server = start().await;
        let first = open(&server, "first", options(&server)).await;
        let second = open(&server, "second", options(&server)).await;
        let (version, connection) = seen(&server, "first");
        assert_eq!((version, seen(&server, "second")), (HttpVersion::Http2, (HttpVersion::Http2, connection)));
        // Without the option, the same server gets HTTP/1.1.
        let plain = options(&server).http2(Http2::never());
        let third = open(&server, "third", plain).await;
        assert_eq!(seen(&server, "third").0, HttpVersion::Http1);
        assert_eq!([&first, &second, &third].map(|socket| socket.response().unwrap().status()), [200, 200, 101]);
    });
}

#[test]
fn server_without_http2_gets_http_1_on_the_same_connection() {
    run(async {
        let server = start().await;
        let url = format!("wss://localhost:{}/ws?id=only", server.addresses().tls.port());
        let mut socket = connect(url).options(options(&server)).await.unwrap();
        check_echo(&mut socket, "hello").await;
        assert_eq!(seen(&server, "only").0, HttpVersion::Http1);
        assert_eq!(server.store().connections().len(), 1);
    });
}

#[test]
fn server_without_websockets_over_http2_gets_http_1_and_is_remembered() {
    run(async {
        let server = start().await;
        server.set_http2(fault_server::Http2::new().without_connect_protocol());
        let first = open(&server, "first", options(&server)).await;
        assert_eq!(seen(&server, "first").0, HttpVersion::Http1);
        // One connection of HTTP/2 that was of no use, and one of HTTP/1.1.
        assert_eq!(server.store().connections().len(), 2);
        server.set_http2(fault_server::Http2::new());
        let second = open(&server, "second", options(&server)).await;
        assert_eq!(seen(&server, "second").0, HttpVersion::Http1);
        assert_eq!(server.store().connections().len(), 3);
        drop((first, second));
    });
}

#[test]
fn differing_trust_and_certificates_share_nothing() {
    run(async {
        let server = start().await;
        let pinned = || Options::new().pinned_certificate(server.certificate()).http2(Http2::if_offered());
        let all = [options(&server), pinned(), options(&server).dangerous_accept_any_certificate()];
        let mut sockets = Vec::new();
        let mut connections = Vec::new();
        for (index, options) in all.iter().enumerate() {
            for round in 0..2 {
                let id = format!("{index}-{round}");
                sockets.push(open(&server, &id, options.clone()).await);
                connections.push(seen(&server, &id).1);
            }
        }
        assert!(connections.chunks(2).all(|pair| pair[0] == pair[1]), "{connections:?}");
        connections.dedup();
        assert_eq!(connections.len(), 3, "{connections:?}");
        // A client that does not trust the server cannot use the connection of one that does.
        let untrusting = Options::new().http2(Http2::if_offered());
        let refused = connect(url(&server, "refused")).options(untrusting).await.unwrap_err();
        assert!(matches!(refused.failure(), Some(Failure::Tls { .. })), "{refused}");
    });
}

#[test]
fn prior_knowledge_offers_nothing_else() {
    run(async {
        let server = start().await;
        let demanding = || options(&server).http2(Http2::prior_knowledge());
        let socket = open(&server, "good", demanding()).await;
        assert_eq!(seen(&server, "good").0, HttpVersion::Http2);
        let url = format!("wss://localhost:{}/ws?id=bad", server.addresses().tls.port());
        let failed = WebSocket::with_options(&url, (), &demanding()).unwrap();
        assert_eq!(failed.closed().await.code, 1006);
        let failure = failed.failure().unwrap();
        assert!(matches!(failure, Failure::Http2 { .. } | Failure::Tls { .. }), "{failure:?}");
        drop(socket);
    });
}

#[test]
fn plain_url_is_never_tried_over_http2_without_prior_knowledge() {
    run(async {
        let server = start().await;
        let url = format!("ws://{}/ws?id=plain", server.addresses().plain);
        let mut socket = connect(url).options(options(&server)).await.unwrap();
        check_echo(&mut socket, "hello").await;
        assert_eq!(seen(&server, "plain").0, HttpVersion::Http1);
    });
}

/// The code of a reset that demands HTTP/1.1.
const HTTP_1_1_REQUIRED: u32 = 13;

/// A server with TLS that chooses the first protocol that it is offered, `h2` if there is it.
struct TlsServer {
    listener: TcpListener,
    certificate: TestCertificate,
}

impl TlsServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, certificate: TestCertificate::new("localhost") }
    }

    fn url(&self) -> String {
        format!("wss://localhost:{}/", self.listener.local_addr().unwrap().port())
    }

    fn options(&self) -> Options {
        Options::new().root_certificate(self.certificate.certificate()).http2(Http2::if_offered())
    }

    /// Accepts a connection, on which this protocol has to be the one that is chosen.
    async fn accept(&self, protocol: &str) -> TlsStream<TcpStream> {
        let mut config = Arc::unwrap_or_clone(self.certificate.config());
        config.alpn_protocols = ["h2", "http/1.1"].map(|name| name.as_bytes().to_vec()).to_vec();
        let (stream, _) = self.listener.accept().await.unwrap();
        let stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
        stream
    }

    /// Accepts a connection of HTTP/2, and answers its first request with `HTTP_1_1_REQUIRED`.
    async fn demand_http1(&self) -> RawServer<TlsStream<TcpStream>> {
        let mut http2 = RawServer::over(self.accept("h2").await).await;
        let (stream, _) = http2.next(HEADERS).await;
        http2.send(RESET, stream, &HTTP_1_1_REQUIRED.to_be_bytes()).await;
        http2
    }

    /// Accepts a WebSocket over HTTP/1.1.
    async fn accept_http1(&self) -> TlsStream<TcpStream> {
        let mut stream = self.accept("http/1.1").await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = accept_key(key);
        let response = format!(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        stream.write_all(response.as_bytes()).await.unwrap();
        stream
    }
}

#[test]
fn request_for_which_the_server_demands_http_1_gets_it() {
    run(async {
        let server = TlsServer::start().await;
        let opening = tokio::spawn(connect(server.url()).options(server.options()).into_future());
        let http2 = server.demand_http1().await;
        let http1 = server.accept_http1().await;
        assert_eq!(opening.await.unwrap().unwrap().response().unwrap().status(), 101);
        drop((http1, http2));
    });
}

#[test]
fn demanded_http2_does_not_fall_back() {
    run(async {
        let server = TlsServer::start().await;
        let options = server.options().http2(Http2::prior_knowledge());
        let opening = tokio::spawn(connect(server.url()).options(options).into_future());
        let _http2 = server.demand_http1().await;
        let error = opening.await.unwrap().unwrap_err();
        assert!(matches!(error.failure(), Some(Failure::Lost { .. })), "{error}");
    });
}

#[test]
fn own_configuration_without_protocols_offers_both_versions() {
    run(async {
        let server = TlsServer::start().await;
        let mut roots = RootCertStore::empty();
        roots.add(server.certificate.certificate()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let options = Options::new().tls_config(Arc::new(config)).http2(Http2::if_offered());
        let opening = tokio::spawn(connect(server.url()).options(options).into_future());
        let http2 = server.demand_http1().await;
        let http1 = server.accept_http1().await;
        assert_eq!(opening.await.unwrap().unwrap().response().unwrap().status(), 101);
        drop((http1, http2));
    });
}
