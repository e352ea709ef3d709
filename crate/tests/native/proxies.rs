//! Tunnels through proxies, and the failure for each way in which a proxy refuses.

use std::error::Error;
use std::io;
use std::process::Command;

use samesocket::rustls::pki_types::CertificateDer;
use samesocket::{Failure, Options, ProtocolFailure, Proxy, ProxyFailure, WebSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::certificates::TestCertificate;
use crate::manual_server::{ManualConnection, ManualServer, failure_of, first_event};
use crate::support::{TestServer, event_lines};

const DO: &str = "do=text:a,close:1000";
const EVENTS: [&str; 3] = ["open", "text \"a\"", "close 1000 \"\" clean"];

fn through(url: &str) -> Options {
    Options::new().proxy(Proxy::new(url).unwrap())
}

/// Returns the failure after this response of a proxy.
async fn failure_after(answer: &str) -> Failure {
    let proxy = ManualServer::new().await;
    let options = through(&format!("http://{}", proxy.address()));
    let answered = async { drop(proxy.next().await.respond(answer).await) };
    futures::join!(failure_of("ws://nowhere.invalid/", &options), answered).0
}

#[tokio::test]
async fn http_proxy_failures_are_distinguished() {
    for (status, reason) in [(407, "Proxy Authentication Required"), (502, "Bad Gateway"), (302, "Found")] {
        let failure = failure_after(&format!("HTTP/1.1 {status} {reason}\r\n\r\n")).await;
        assert!(matches!(failure, Failure::Proxy(ProxyFailure::Status { found }) if found == status), "{failure:?}");
        assert_eq!(failure.to_string(), format!("the proxy responded with status {status}"));
    }
    for head in ["SSH-2.0-server\r\n\r\n".to_owned(), format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "a".repeat(16 << 10))]
    {
        let failure = failure_after(&head).await;
        assert!(matches!(failure, Failure::Proxy(ProxyFailure::MalformedHead)), "{failure:?}");
    }
    for part in ["", "HTTP/1.1 200 OK\r\n"] {
        let failure = failure_after(part).await;
        let Failure::Proxy(ProxyFailure::Lost { source }) = &failure else { panic!("{failure:?}") };
        assert_eq!(source.kind(), io::ErrorKind::UnexpectedEof);
        assert!(failure.source().is_some_and(<dyn Error>::is::<io::Error>));
    }
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failure = failure_of("ws://nowhere.invalid/", &through(&format!("http://{unused}"))).await;
    assert!(matches!(&failure, Failure::Connect { port, .. } if *port == unused.port()), "{failure:?}");
    let proxy = format!("{}.invalid", "a".repeat(64));
    let failure = failure_of("ws://127.0.0.1/", &through(&format!("http://{proxy}"))).await;
    assert!(matches!(&failure, Failure::Resolve { host, .. } if *host == proxy), "{failure:?}");
}

/// Opens a tunnel with this answer to CONNECT, and a connection through it.
async fn opens_after(answer: &str) {
    let proxy = ManualServer::new().await;
    let options = through(&format!("http://{}", proxy.address()));
    let socket = WebSocket::with_options("ws://nowhere.invalid/", (), &options).unwrap();
    let stream = proxy.next().await.respond(answer).await;
    let server = async {
        let connection = ManualConnection::read(stream).await.accept_upgrade().await;
        assert_eq!(first_event(&socket).await, "open", "{answer:?}");
        drop(connection);
    };
    let failed = async {
        socket.closed().await;
        panic!("{answer:?}: {:?}", socket.failure());
    };
    futures::future::select(Box::pin(server), Box::pin(failed)).await;
}

#[tokio::test]
async fn http_proxy_answer_is_read_like_a_servers() {
    for answer in [
        "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 200 OK\nVia: x\r\n\n",
        "HTTP/1.0 200 Connection established\r\n\r\n",
        "HTTP/1.1  299\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nVia: a,\r\n b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nVia : a\r\ngarbage\r\nX: \u{1}\r\nY: a\rb\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        opens_after(answer).await;
    }
    opens_after(&format!("HTTP/1.1 200 OK\r\n{}\r\n", "x:\r\n".repeat(4000))).await;
}

#[tokio::test]
async fn http_proxy_interim_responses_are_skipped() {
    opens_after("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").await;
    opens_after("HTTP/1.0 102 Processing\nA: b\n\n\r\nHTTP/1.0 200 OK\r\n\r\n").await;
    opens_after(&format!("{}HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n".repeat(200))).await;
    let failure = failure_after(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)).await;
    assert!(matches!(failure, Failure::Proxy(ProxyFailure::MalformedHead)), "{failure:?}");
    let failure = failure_after("HTTP/1.1 100 Continue\r\n\r\n").await;
    assert!(matches!(failure, Failure::Proxy(ProxyFailure::Lost { .. })), "{failure:?}");
}

#[tokio::test]
async fn http_proxy_refusal_keeps_its_status() {
    for (answer, status) in [
        ("HTTP/1.0 503 Service Unavailable\r\n\r\n", 503),
        ("HTTP/2 407\r\n\r\n", 407),
        ("http/1.1 403 x\r\n\r\n", 403),
        ("ICY 502 x\r\n\r\n", 502),
        ("\r\nHTTP/1.1 502 x\nVia: a\n b\n\n", 502),
        ("HTTP/1.1 403 x\r\nVia: \0\r\ngarbage\r\n\r\n", 403),
        ("HTTP/1.1 100 x\r\n\r\nHTTP/1.1 504 x\r\n\r\n", 504),
        ("HTTP/1.1 101 x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 101),
        ("HTTP/1.1 600 x\r\n\r\n", 600),
    ] {
        let failure = failure_after(answer).await;
        assert!(
            matches!(failure, Failure::Proxy(ProxyFailure::Status { found }) if found == status),
            "{answer:?}: {failure:?}"
        );
    }
    for answer in [
        "HTTP/1.1 200 OK\r\nVia: \0\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 0200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "\0HTTP/1.1 200 OK\r\n\r\n",
    ] {
        let failure = failure_after(answer).await;
        assert!(matches!(failure, Failure::Proxy(ProxyFailure::MalformedHead)), "{answer:?}: {failure:?}");
    }
}

#[tokio::test]
async fn bytes_after_the_proxy_answer_reach_the_socket() {
    opens_after("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n").await;
    opens_after(&format!("HTTP/1.1 200 OK\n\n{}", "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000))).await;
    let failure = failure_after("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\n").await;
    assert!(matches!(failure, Failure::Protocol(ProtocolFailure::Status { found: 403 })), "{failure:?}");
}

#[tokio::test]
async fn http_proxy_gets_the_target_and_the_credentials() {
    let test_server = TestServer::new().await;
    let proxy = ManualServer::new().await;
    let options = through(&format!("http://me:s%20cret@{}", proxy.address()));
    let socket = WebSocket::with_options(&test_server.url("a", DO), (), &options).unwrap();
    let connection = proxy.next().await;
    assert_eq!(connection.path, test_server.address().to_string());
    assert_eq!(connection.field("Host"), Some(&*test_server.address().to_string()));
    assert_eq!(connection.field("Proxy-Authorization"), Some("Basic bWU6cyBjcmV0"));
    let mut open_tunnel = connection.respond("HTTP/1.1 200 OK\r\n\r\n").await;
    let mut server = TcpStream::connect(test_server.address()).await.unwrap();
    let (seen, _) = futures::join!(event_lines(&socket), copy_bidirectional(&mut open_tunnel, &mut server));
    assert_eq!(seen, EVENTS);
    let record = test_server.store().record("a").unwrap();
    assert_eq!(record.headers.get("proxy-authorization"), None, "proxy credentials reached the server");
}

#[tokio::test]
async fn tls_through_a_proxy_is_done_with_the_server() {
    let test_server = TestServer::new().await;
    let proxy = ManualServer::new().await;
    let options = through(&format!("http://{}", proxy.address()))
        .root_certificate(CertificateDer::from(test_server.certificate().to_vec()));
    let url = test_server.secure_url("a", DO);
    let socket = WebSocket::with_options(&url, (), &options).unwrap();
    let connection = proxy.next().await;
    let address = connection.path.clone();
    assert!(url.contains(&address), "{address}");
    let mut open_tunnel = connection.respond("HTTP/1.1 200 OK\r\n\r\n").await;
    let mut server = TcpStream::connect(address).await.unwrap();
    let (seen, _) = futures::join!(event_lines(&socket), copy_bidirectional(&mut open_tunnel, &mut server));
    assert_eq!(seen, EVENTS);
}

#[tokio::test]
async fn https_proxy_certificate_is_verified() {
    let identity = TestCertificate::new("proxy");
    let proxy = ManualServer::new().await;
    let url = format!("https://{}", proxy.address());
    let trusting = through(&url).root_certificate(identity.certificate());
    let socket = WebSocket::with_options("ws://somewhere.invalid/a", (), &trusting).unwrap();
    let stream = identity.acceptor().accept(proxy.accept().await).await.unwrap();
    let connection = ManualConnection::read(stream).await;
    assert_eq!(connection.path, "somewhere.invalid:80");
    let connection = connection.open_tunnel().await;
    assert_eq!(connection.path, "/a");
    let connection = connection.accept_upgrade().await;
    assert_eq!(first_event(&socket).await, "open");
    drop(connection);

    let accepting = async { identity.acceptor().accept(proxy.accept().await).await.err() };
    let doubting = through(&url);
    let (failure, refused) = futures::join!(failure_of("ws://somewhere.invalid/a", &doubting), accepting);
    assert!(matches!(&failure, Failure::Tls { host, .. } if host == "127.0.0.1"), "{failure:?}");
    assert!(refused.is_some());
}

/// Reads one part of a SOCKS5 request: a greeting, a credential or a host. Its length is in the last byte of its head.
///
/// See [RFC 1928](https://www.rfc-editor.org/rfc/rfc1928) and [RFC 1929](https://www.rfc-editor.org/rfc/rfc1929).
async fn read_block(stream: &mut TcpStream, head: usize) -> Vec<u8> {
    let mut block = vec![0; head];
    stream.read_exact(&mut block).await.unwrap();
    let mut rest = vec![0; usize::from(block[head - 1])];
    stream.read_exact(&mut rest).await.unwrap();
    rest
}

#[tokio::test]
async fn socks_proxy_gets_the_name_and_the_credentials() {
    let test_server = TestServer::new().await;
    let proxy = ManualServer::new().await;
    let options = through(&format!("socks5://me:s%20cret@{}", proxy.address()));
    let url = test_server.url("a", DO).replace(&test_server.address().to_string(), "somewhere.invalid:8080");
    let socket = WebSocket::with_options(&url, (), &options).unwrap();
    let mut stream = proxy.accept().await;
    assert!(read_block(&mut stream, 2).await.contains(&2), "a password is offered");
    stream.write_all(&[5, 2]).await.unwrap();
    assert_eq!(read_block(&mut stream, 2).await, b"me");
    assert_eq!(read_block(&mut stream, 1).await, b"s cret");
    stream.write_all(&[1, 0]).await.unwrap();
    assert_eq!(read_block(&mut stream, 5).await, b"somewhere.invalid");
    assert_eq!(stream.read_u16().await.unwrap(), 8080);
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    let mut server = TcpStream::connect(test_server.address()).await.unwrap();
    let (seen, _) = futures::join!(event_lines(&socket), copy_bidirectional(&mut stream, &mut server));
    assert_eq!(seen, EVENTS);
}

#[tokio::test]
async fn socks_proxy_failures_are_distinguished() {
    let proxy = ManualServer::new().await;
    let options = through(&format!("socks5://me:wrong@{}", proxy.address()));
    let ask = || failure_of("ws://somewhere.invalid/", &options);

    let refusing = async {
        let mut stream = proxy.accept().await;
        read_block(&mut stream, 2).await;
        stream.write_all(&[5, 2]).await.unwrap();
        read_block(&mut stream, 2).await;
        read_block(&mut stream, 1).await;
        stream.write_all(&[1, 1]).await.unwrap();
    };
    let (failure, ()) = futures::join!(ask(), refusing);
    let Failure::Proxy(ProxyFailure::Socks { source }) = &failure else { panic!("{failure:?}") };
    assert_eq!(source.to_string(), "Password auth failure, code: 1");
    assert_eq!(failure.to_string(), "the SOCKS proxy refused the connection or does not speak SOCKS5");

    let ending = async {
        let mut stream = proxy.accept().await;
        read_block(&mut stream, 2).await;
    };
    let (failure, ()) = futures::join!(ask(), ending);
    let Failure::Proxy(ProxyFailure::Lost { source }) = &failure else { panic!("{failure:?}") };
    assert_eq!(source.kind(), io::ErrorKind::UnexpectedEof);

    let speaking_http = async {
        let mut stream = proxy.accept().await;
        read_block(&mut stream, 2).await;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    };
    let (failure, ()) = futures::join!(ask(), speaking_http);
    assert!(matches!(failure, Failure::Proxy(ProxyFailure::Socks { .. })), "{failure:?}");
}

/// The environment variable with the URL to connect to. It is set for a child process of this test program.
const CHILD: &str = "SAMESOCKET_PROXIES_CHILD";

#[tokio::test]
async fn proxy_from_environment_follows_the_variables() {
    if let Ok(url) = std::env::var(CHILD) {
        let options = Options::new().proxy_from_environment();
        assert_eq!(event_lines(&WebSocket::with_options(&url, (), &options).unwrap()).await, EVENTS);
        assert_eq!(event_lines(&WebSocket::new(&url, ()).unwrap()).await, EVENTS);
        return;
    }
    let test_server = TestServer::new().await;
    let proxy = ManualServer::new().await;
    let child = |id: &str, exempt: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let name = "proxies::proxy_from_environment_follows_the_variables";
        command.args(["--exact", name]).env(CHILD, test_server.url(id, DO));
        command.env("http_proxy", format!("http://{}", proxy.address())).env("no_proxy", exempt);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let proxied = child("proxied", "example.com");
    let mut open_tunnel = proxy.next().await.respond("HTTP/1.1 200 OK\r\n\r\n").await;
    let mut server = TcpStream::connect(test_server.address()).await.unwrap();
    let (output, _) = futures::join!(proxied, copy_bidirectional(&mut open_tunnel, &mut server));
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = child("exempt", "127.0.0.0/8").await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let runs =
        |id: &str| test_server.store().nth_record(id, 2).is_some() && test_server.store().nth_record(id, 3).is_none();
    assert!(runs("proxied") && runs("exempt"));
}
