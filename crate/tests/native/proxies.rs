//! Tunnels through proxies, and the failure for each way in which a proxy refuses.

use std::ffi::OsStr;
use std::io;

use samesocket::rustls::pki_types::CertificateDer;
use samesocket::{CookieStore, Failure, Options, Proxy, ProxyFailure, WebSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::certificates::TestCertificate;
use crate::child_process;
use crate::manual_server::{ManualConnection, ManualServer, failure_of, first_event};
use crate::support::{TestServer, UnusedAddress, event_lines};

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
        assert!(
            matches!(&failure, Failure::Proxy(ProxyFailure::Refused(response)) if response.status() == status),
            "{failure:?}"
        );
        assert_eq!(failure.to_string(), format!("the proxy answered {status} {reason}"));
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
        assert_eq!(failure.to_string(), format!("the connection to the proxy was lost: {source}"));
    }
    let reserved = UnusedAddress::new();
    let unused = reserved.get();
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
            matches!(&failure, Failure::Proxy(ProxyFailure::Refused(response)) if response.status() == status),
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
async fn http_proxy_refusal_with_a_long_head_keeps_its_status() {
    let long = "a".repeat(20 << 10);
    for (answer, headers) in [
        (format!("HTTP/1.1 407 {long}"), None),
        (format!("HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\nX: {long}"), Some(1)),
        (format!("HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\n{}", "X: y\r\n".repeat(4000)), Some(2724)),
        (format!("HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\n {long}"), Some(0)),
        (format!("HTTP/1.1 103 x\r\n\r\nHTTP/1.1 407 x\r\n{long}"), Some(0)),
        (format!("HTTP/1.1 200 x\r\n{long}"), None),
        (format!("HTTP/1.1 103 x\r\n{long}"), None),
        (format!("HTTP/1.1 407 x\r\n\r\n{long}"), Some(0)),
    ] {
        let failure = failure_after(&answer).await;
        match (&failure, headers) {
            (Failure::Proxy(ProxyFailure::Refused(response)), Some(headers)) => {
                assert_eq!((response.status(), response.headers().count()), (407, headers), "{}", &answer[..40]);
            }
            (Failure::Proxy(ProxyFailure::MalformedHead), None) => {}
            _ => panic!("{}: {failure:?}", &answer[..40]),
        }
    }
}

#[tokio::test]
async fn bytes_after_the_proxy_answer_reach_the_socket() {
    opens_after("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n").await;
    opens_after(&format!("HTTP/1.1 200 OK\n\n{}", "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000))).await;
    let failure = failure_after("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\n").await;
    assert!(matches!(&failure, Failure::Refused(response) if response.status() == 403), "{failure:?}");
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

/// A store with one cookie, which fails the test if it gets any.
struct OwnCookies;

impl CookieStore for OwnCookies {
    fn cookies(&self, _: &str) -> Option<String> {
        Some("of=store".to_owned())
    }

    fn set_cookies(&self, url: &str, _: &[&[u8]]) {
        panic!("the cookies of a proxy are stored for {url}");
    }
}

#[tokio::test]
async fn proxy_gets_no_secret_of_the_server_and_sets_none() {
    let proxy = ManualServer::new().await;
    let options = through(&format!("http://me:own@{}", proxy.address()))
        .origin("https://page.test")
        .and_then(|options| options.header("Authorization", "Bearer t"))
        .and_then(|options| options.header("Proxy-Authorization", "Basic of=server"))
        .and_then(|options| options.header("X-Key", "k"))
        .unwrap()
        .cookies(OwnCookies)
        .max_redirects(1);
    let answering = async {
        let connection = proxy.next().await;
        let sent = ["Proxy-Authorization", "Authorization", "Cookie", "Origin", "X-Key"]
            .map(|name| connection.fields(name).join(", "));
        let head = format!("HTTP/1.1 302 Found\r\nLocation: ws://{}/\r\nSet-Cookie: a=1\r\n", proxy.address());
        drop(connection.respond(&format!("{head}Content-Length: 0\r\n\r\n")).await);
        sent
    };
    let (failure, sent) = futures::join!(failure_of("ws://u:p@nowhere.invalid/path?token=t", &options), answering);
    assert_eq!(sent, ["Basic bWU6b3du", "", "", "", ""]);
    let Failure::Proxy(ProxyFailure::Refused(response)) = &failure else { panic!("{failure:?}") };
    assert_eq!((response.status(), response.header("Set-Cookie")), (302, Some("a=1")));
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

/// Checks that a SOCKS5 proxy with these credentials in its URL gets this user name and password.
async fn socks_proxy_gets(scheme: &str, credentials: &str, username: &[u8], password: &[u8]) {
    let test_server = TestServer::new().await;
    let proxy = ManualServer::new().await;
    let options = through(&format!("{scheme}://{credentials}@{}", proxy.address()));
    let url = test_server.url("a", DO).replace(&test_server.address().to_string(), "somewhere.invalid:8080");
    let socket = WebSocket::with_options(&url, (), &options).unwrap();
    let mut stream = proxy.accept().await;
    assert!(read_block(&mut stream, 2).await.contains(&2), "a password is offered");
    stream.write_all(&[5, 2]).await.unwrap();
    assert_eq!(read_block(&mut stream, 2).await, username);
    assert_eq!(read_block(&mut stream, 1).await, password);
    stream.write_all(&[1, 0]).await.unwrap();
    assert_eq!(read_block(&mut stream, 5).await, b"somewhere.invalid");
    assert_eq!(stream.read_u16().await.unwrap(), 8080);
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    let mut server = TcpStream::connect(test_server.address()).await.unwrap();
    let (seen, _) = futures::join!(event_lines(&socket), copy_bidirectional(&mut stream, &mut server));
    assert_eq!(seen, EVENTS);
}

#[tokio::test]
async fn socks_proxy_gets_the_name_and_the_credentials() {
    let long = "x".repeat(255);
    socks_proxy_gets("socks5", "me:s%20cret", b"me", b"s cret").await;
    socks_proxy_gets("socks5h", "me:s%20cret", b"me", b"s cret").await;
    socks_proxy_gets("socks5", "m%FFe:%00%FE", b"m\xffe", b"\0\xfe").await;
    socks_proxy_gets("socks5", &format!("{long}:{long}"), long.as_bytes(), long.as_bytes()).await;
}

#[tokio::test]
async fn socks_user_without_a_password_sends_an_empty_one() {
    socks_proxy_gets("socks5", "me", b"me", b"").await;
    socks_proxy_gets("socks5", "me:", b"me", b"").await;
    socks_proxy_gets("socks5", ":secret", b"", b"secret").await;
}

#[tokio::test]
async fn socks_proxy_refuses_a_host_name_beyond_255_bytes() {
    let proxy = ManualServer::new().await;
    let options = through(&format!("socks5://{}", proxy.address()));
    let name = vec!["a".repeat(51); 5].join(".");
    let failure = failure_of(&format!("ws://{name}/"), &options).await;
    let Failure::Proxy(ProxyFailure::Socks { source }) = &failure else { panic!("{failure:?}") };
    assert_eq!(
        (source.kind(), &*source.to_string()),
        (io::ErrorKind::InvalidInput, "the host name has more than 255 bytes")
    );
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
    assert_eq!(source.to_string(), "the proxy refused the user name or the password with status 1");
    assert_eq!(failure.to_string(), format!("no connection through the SOCKS5 proxy: {source}"));

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

/// Runs one test of this program in a child process, with the URL to connect to and these variables. The test has to pass.
async fn run_child(test: &str, url: &str, variables: &[(&str, &OsStr)]) {
    let mut command = child_process::command(&format!("proxies::{test}"), url);
    for name in ["http_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    child_process::check(&tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap());
}

#[tokio::test]
async fn proxy_from_environment_follows_the_variables() {
    if let Some(url) = child_process::argument() {
        let options = Options::new().proxy_from_environment();
        assert_eq!(event_lines(&WebSocket::with_options(&url, (), &options).unwrap()).await, EVENTS);
        assert_eq!(event_lines(&WebSocket::new(&url, ()).unwrap()).await, EVENTS);
        return;
    }
    let test_server = TestServer::new().await;
    let proxy = ManualServer::new().await;
    let proxy_url = format!("http://{}", proxy.address());
    let run = async |id: &str, exempt: &str| {
        let variables = [("http_proxy", proxy_url.as_ref()), ("no_proxy", exempt.as_ref())];
        run_child("proxy_from_environment_follows_the_variables", &test_server.url(id, DO), &variables).await;
    };
    // Addresses of this machine are not exempt unless the list says so.
    let proxied = run("proxied", "example.com localhost");
    let tunnelled = async {
        let mut open_tunnel = proxy.next().await.respond("HTTP/1.1 200 OK\r\n\r\n").await;
        let mut server = TcpStream::connect(test_server.address()).await.unwrap();
        copy_bidirectional(&mut open_tunnel, &mut server).await
    };
    let ((), _) = futures::join!(proxied, tunnelled);
    for (id, exempt) in [("range", "127.0.0.0/8"), ("port", &*format!("x {}", test_server.address()))] {
        run(id, exempt).await;
    }
    let runs =
        |id: &str| test_server.store().nth_record(id, 2).is_some() && test_server.store().nth_record(id, 3).is_none();
    assert!(runs("proxied") && runs("range") && runs("port"));
}

#[cfg(unix)]
#[tokio::test]
async fn proxy_variable_that_is_not_utf8_prevents_a_connection() {
    use std::os::unix::ffi::OsStrExt;

    if let Some(url) = child_process::argument() {
        let failure = failure_of(&url, &Options::new().proxy_from_environment()).await;
        let Failure::Proxy(ProxyFailure::NotUtf8 { variable }) = &failure else { panic!("{failure:?}") };
        assert_eq!(failure.to_string(), format!("the environment variable {variable} is not UTF-8"));
        return;
    }
    let test_server = TestServer::new().await;
    let invalid = OsStr::from_bytes(b"http://user:secret@127.0.0.1:9\xff");
    for variables in [
        &[("http_proxy", invalid)][..],
        &[("all_proxy", invalid)],
        &[("ALL_PROXY", invalid)],
        &[("http_proxy", "http://127.0.0.1:9".as_ref()), ("no_proxy", invalid)],
        &[("http_proxy", "http://127.0.0.1:9".as_ref()), ("NO_PROXY", invalid)],
    ] {
        let url = test_server.url("never", DO);
        run_child("proxy_variable_that_is_not_utf8_prevents_a_connection", &url, variables).await;
    }
    assert_eq!(test_server.store().record("never"), None);
}
