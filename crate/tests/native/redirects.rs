//! Redirects of the opening handshake: the requests of each hop, as the servers see them.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt, join};
use samesocket::reconnect::Backoff;
use samesocket::{
    ConnectError, CookieStore, Failure, IoStream, Options, ProtocolFailure, Proxy, RedirectFailure, Socket, Target,
    WebSocket, connect,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::certificates::TestCertificate;
use crate::manual_server::{ManualConnection, ManualServer, failure_of, first_event};
use crate::support::{UnusedAddress, event_lines};

const FAILED: [&str; 2] = ["error", "close 1006 \"\" unclean"];

/// The fields that the tests look at.
const FIELDS: [&str; 8] = [
    "Host",
    "Origin",
    "Authorization",
    "Proxy-Authorization",
    "Cookie",
    "X-Key",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version",
];

/// Two servers, which are two origins. Texts have `{A}` and `{B}` in place of their addresses.
struct Servers {
    a: ManualServer,
    b: ManualServer,
}

impl Servers {
    async fn new() -> Self {
        Self { a: ManualServer::new().await, b: ManualServer::new().await }
    }

    /// Puts the addresses into a text.
    fn text(&self, text: &str) -> String {
        text.replace("{A}", &self.a.address().to_string()).replace("{B}", &self.b.address().to_string())
    }

    /// Returns a request: its path, and the fields of interest.
    fn request<S: AsyncRead + AsyncWrite + Unpin>(&self, connection: &ManualConnection<S>) -> Vec<String> {
        let fields = FIELDS.iter().flat_map(|name| {
            connection.fields(name).into_iter().map(move |value| format!("{name}: {value}")).collect::<Vec<_>>()
        });
        let (a, b) = (self.a.address().to_string(), self.b.address().to_string());
        let lines = [connection.path.clone()].into_iter().chain(fields);
        lines
            .filter(|line| line != "Sec-WebSocket-Version: 13")
            .map(|line| line.replace(&a, "{A}").replace(&b, "{B}"))
            .collect()
    }

    /// Redirects the next connection of `server`. Returns its request, once the client has closed the connection.
    async fn redirect(&self, server: &ManualServer, status: u16, location: &str) -> Vec<String> {
        let connection = server.next().await;
        let request = self.request(&connection);
        // The body never ends, so a client that waited for it would not go on.
        let head = format!("HTTP/1.1 {status} Moved\r\nLocation: {}\r\n\r\nbody", self.text(location));
        let mut stream = connection.respond(&head).await;
        assert!(stream.read_u8().await.is_err(), "the client sends more over the old connection");
        request
    }

    /// Accepts the next connection of `server`. Returns it with its request.
    async fn accept(&self, server: &ManualServer) -> (ManualConnection, Vec<String>) {
        let connection = server.next().await;
        let request = self.request(&connection);
        (connection.accept_upgrade().await, request)
    }
}

fn following(count: u32) -> Options {
    Options::new().max_redirects(count)
}

/// Returns the last URL that responded, as the socket knows it.
fn response_url(socket: &Socket) -> Option<String> {
    socket.response()?.url().map(str::to_owned)
}

#[tokio::test]
async fn redirect_of_each_status_is_followed() {
    let servers = Servers::new().await;
    for status in [301, 302, 303, 307, 308] {
        let url = servers.a.url("dir/start?q");
        let connecting = connect(&url).options(following(1)).subprotocols(["chat"]);
        let serving = async {
            let first = servers.redirect(&servers.a, status, "next?x=1#top").await;
            let connection = servers.a.next().await;
            let second = servers.request(&connection);
            drop(connection.respond("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n").await);
            [first, second]
        };
        let (connected, requests) = join!(connecting, serving);
        let sent = |path: &str| {
            let lines = [path, "Host: {A}", "Sec-WebSocket-Protocol: chat"];
            lines.map(str::to_owned).to_vec()
        };
        assert_eq!(requests, [sent("/dir/start?q"), sent("/dir/next?x=1")], "{status}");
        let error = connected.unwrap_err();
        let response = error.response().unwrap();
        assert_eq!((response.status(), response.url()), (404, Some(&*servers.a.url("dir/next?x=1"))));
        assert_eq!(error.failure(), Some(&Failure::Refused(response.clone())));
    }
}

#[tokio::test]
async fn location_is_relative_or_absolute_and_the_url_stays() {
    let servers = Servers::new().await;
    for (location, path, reached) in [
        ("/abs", "/abs", "ws://{A}/abs"),
        ("rel", "/dir/rel", "ws://{A}/dir/rel"),
        ("?q", "/dir/start?q", "ws://{A}/dir/start?q"),
        ("//{B}/x", "/x", "ws://{B}/x"),
        ("http://{B}/x", "/x", "ws://{B}/x"),
        ("ws://{B}/x y#z", "/x%20y", "ws://{B}/x%20y"),
        ("ws://me:secret@{B}/ü", "/%C3%BC", "ws://{B}/%C3%BC"),
    ] {
        let url = servers.a.url("dir/start");
        let serving = async {
            servers.redirect(&servers.a, 302, location).await;
            let last = if reached.contains("{A}") { &servers.a } else { &servers.b };
            servers.accept(last).await
        };
        let (connected, (connection, request)) = join!(async { connect(&url).options(following(1)).await }, serving);
        let socket = connected.unwrap();
        assert_eq!(request[0], path);
        assert_eq!((socket.url(), response_url(&socket)), (&*url, Some(servers.text(reached))));
        drop(connection);
    }
    // Without a redirect, the response has no URL of its own.
    let url = servers.a.url("");
    let (connected, (connection, _)) =
        join!(async { connect(&url).options(following(9)).await }, servers.accept(&servers.a));
    assert_eq!(response_url(&connected.unwrap()), None);
    drop(connection);
}

#[tokio::test]
async fn credentials_never_reach_another_origin() {
    let servers = Servers::new().await;
    let options = following(9)
        .host("name.test")
        .and_then(|options| options.origin("https://page.test"))
        .and_then(|options| options.header("Proxy-Authorization", "Basic p"))
        .and_then(|options| options.header("cookie", "a=1"))
        .and_then(|options| options.header("X-Key", "k"))
        .unwrap();
    let url = servers.text("ws://me:secret@{A}/1");
    let serving = async {
        let mut requests = Vec::new();
        for (server, location) in
            [(&servers.a, "/2"), (&servers.a, "ws://{A}/3"), (&servers.a, "//{B}/4"), (&servers.b, "ws://{A}/5")]
        {
            requests.push(servers.redirect(server, 307, location).await);
        }
        let (connection, request) = servers.accept(&servers.a).await;
        requests.push(request);
        (connection, requests)
    };
    let (connected, (connection, requests)) = join!(async { connect(&url).options(options).await }, serving);
    let own = |path: &str| {
        let fields = [
            "Host: name.test",
            "Origin: https://page.test",
            "Authorization: Basic bWU6c2VjcmV0",
            "Proxy-Authorization: Basic p",
            "Cookie: a=1",
            "X-Key: k",
        ];
        [path].into_iter().chain(fields).map(str::to_owned).collect::<Vec<_>>()
    };
    let other =
        |path: &str, host: &str| [path, host, "Origin: https://page.test", "X-Key: k"].map(str::to_owned).to_vec();
    let expected = [own("/1"), own("/2"), own("/3"), other("/4", "Host: {B}"), other("/5", "Host: {A}")];
    assert_eq!(requests, expected);
    drop((connected.unwrap(), connection));
}

#[tokio::test]
async fn authorization_of_the_options_stays_with_its_origin() {
    let servers = Servers::new().await;
    let options = following(2).header("AUTHORIZATION", "Bearer t").unwrap();
    // The host is the same, but not the port. The second hop has credentials of its own, which the server has chosen.
    let url = servers.a.url("1");
    let serving = async {
        let first = servers.redirect(&servers.a, 302, "ws://x:y@{A}/2").await;
        let second = servers.redirect(&servers.a, 302, "ws://x:y@{B}/3").await;
        let (connection, third) = servers.accept(&servers.b).await;
        drop(connection);
        [first, second, third]
    };
    let (connected, requests) = join!(async { connect(&url).options(options).await }, serving);
    let request = |path: &str, host: &str, authorization: &str| [path, host, authorization].map(str::to_owned).to_vec();
    let expected = [
        request("/1", "Host: {A}", "Authorization: Bearer t"),
        request("/2", "Host: {A}", "Authorization: Bearer t"),
        request("/3", "Host: {B}", "Authorization: Basic eDp5"),
    ];
    assert_eq!(requests, expected);
    drop(connected);
}

/// A store that writes down what it is asked for, and sends the path as a cookie.
#[derive(Clone, Default)]
struct Jar(Arc<Mutex<Vec<String>>>);

impl CookieStore for Jar {
    fn cookies(&self, url: &str) -> Option<String> {
        self.0.lock().unwrap().push(format!("cookies of {url}"));
        url.rsplit_once('/').map(|(_, path)| format!("path={path}"))
    }

    fn set_cookies(&self, url: &str, values: &[&[u8]]) {
        let values: Vec<_> = values.iter().map(|value| String::from_utf8_lossy(value)).collect();
        self.0.lock().unwrap().push(format!("{url} sets {values:?}"));
    }
}

#[tokio::test]
async fn cookie_store_is_asked_for_each_hop_by_its_url() {
    let servers = Servers::new().await;
    let jar = Jar::default();
    let options = following(2).cookies(jar.clone()).header("Cookie", "by=hand").unwrap();
    let url = servers.text("ws://me:secret@{A}/1");
    let serving = async {
        let first = servers.redirect(&servers.a, 302, "/2\r\nSet-Cookie: a=1\r\nset-cookie: b=2").await;
        let second = servers.redirect(&servers.a, 302, "ws://x:y@{B}/3#z").await;
        let (connection, third) = servers.accept(&servers.b).await;
        drop(connection);
        [first, second, third].map(|request| request.into_iter().find(|line| line.starts_with("Cookie")))
    };
    let (connected, cookies) = join!(async { connect(&url).options(options).await }, serving);
    let cookie = |value: &str| Some(format!("Cookie: {value}"));
    assert_eq!(cookies, [cookie("by=hand"), cookie("by=hand"), cookie("path=3")]);
    let expected = [
        "cookies of http://{A}/1",
        "http://{A}/1 sets [\"a=1\", \"b=2\"]",
        "cookies of http://{A}/2",
        "cookies of http://{B}/3",
    ];
    assert_eq!(*jar.0.lock().unwrap(), expected.map(|line| servers.text(line)));
    drop(connected);
}

/// Redirects a connection without following it any further. Returns the failure.
async fn failure_after(count: u32, head: &str) -> Failure {
    let servers = Servers::new().await;
    let options = following(count);
    let url = servers.a.url("");
    let serving = async {
        let connection = servers.a.next().await;
        let head = servers.text(&format!("HTTP/1.1 {head}\r\nContent-Length: 3\r\n\r\nbye"));
        drop(connection.respond(&head).await);
    };
    join!(failure_of(&url, &options), serving).0
}

#[tokio::test]
async fn redirect_without_a_usable_location_fails_with_its_response() {
    use RedirectFailure::{InvalidLocation, MissingLocation, SeveralLocations, UnsupportedScheme};
    for (fields, expected) in [
        ("Server: x", MissingLocation),
        ("Location:", MissingLocation),
        ("Location: ws://{B}/a\r\nLocation: ws://{B}/b", SeveralLocations),
        ("Location: ws://", InvalidLocation),
        ("Location: ws://{B}\u{85}/", InvalidLocation),
        ("Location: ws://\t{B}/", InvalidLocation),
        ("Location: ftp://{B}/", UnsupportedScheme),
        ("Location: file:///etc/passwd", UnsupportedScheme),
    ] {
        let failure = failure_after(5, &format!("302 Found\r\n{fields}")).await;
        let Failure::Redirect { reason, followed: 0, response } = &failure else { panic!("{fields}: {failure:?}") };
        assert_eq!((*reason, response.status(), response.body()), (expected, 302, &b"bye"[..]), "{fields}");
        assert_eq!(failure.response(), Some(response));
        assert!(!failure.is_temporary());
        let text = format!("the server answered 302 Found: {reason}");
        assert_eq!((failure.to_string(), std::error::Error::source(&failure).is_none()), (text, true));
    }
}

#[tokio::test]
async fn control_byte_in_a_location_is_never_sent() {
    for byte in ["\0", "\r", "\x0b", "\x1b", "\x7f"] {
        let failure = failure_after(5, &format!("302 Found\r\nLocation: ws://{{B}}/a{byte}b")).await;
        // Some of them are refused with the head, or the field is left out.
        let is_expected = matches!(
            failure,
            Failure::Redirect { followed: 0, .. } | Failure::Protocol(ProtocolFailure::MalformedHead { .. })
        );
        assert!(is_expected, "{byte:?}: {failure:?}");
    }
}

#[tokio::test]
async fn other_status_and_option_zero_are_refusals() {
    for (count, status) in [(5, 300), (5, 304), (5, 305), (5, 306), (5, 200), (5, 404), (0, 301), (0, 308)] {
        let failure = failure_after(count, &format!("{status} x\r\nLocation: ws://{{B}}/")).await;
        let Failure::Refused(response) = &failure else { panic!("{status}: {failure:?}") };
        assert_eq!((response.status(), response.header("Location").is_some()), (status, true));
        assert_eq!(failure_after(count, "304 x").await.response().map(samesocket::Response::status), Some(304));
    }
}

#[tokio::test]
async fn loop_ends_by_the_count_with_the_last_response() {
    let servers = Servers::new().await;
    let url = servers.a.url("loop");
    let serving = async {
        for _ in 0..2 {
            servers.redirect(&servers.a, 302, "/loop").await;
        }
        let response = "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 4\r\n\r\nlast";
        drop(servers.a.next().await.respond(response).await);
    };
    let (connected, ()) = join!(async { connect(&url).options(following(2)).await }, serving);
    let error = connected.unwrap_err();
    let Some(Failure::Redirect { reason: RedirectFailure::TooMany, followed: 2, response }) = error.failure() else {
        panic!("{error:?}")
    };
    assert_eq!((response.body(), response.url()), (&b"last"[..], Some(&*servers.a.url("loop"))));
    assert_eq!(error.response(), Some(response));
    let text = "the server answered 302 Found after 2 redirects: there are more redirects than the program allows";
    assert!(error.to_string().contains(text), "{error}");
    assert!(servers.a.accept().now_or_never().is_none(), "a fourth request was sent");
}

#[tokio::test]
async fn blocked_port_and_lost_server_fail_as_the_first_hop_would() {
    let failure = failure_after(1, "302 Found\r\nLocation: ws://127.0.0.1:25/").await;
    assert!(matches!(failure, Failure::BadPort { port: 25 }), "{failure:?}");
    assert_eq!(failure.response(), None);
    let unused = UnusedAddress::new();
    let failure = failure_after(1, &format!("302 Found\r\nLocation: ws://{}/", unused.get())).await;
    assert!(matches!(failure, Failure::Connect { .. }), "{failure:?}");
}

#[tokio::test]
async fn redirect_of_a_server_that_closes_at_once_is_followed() {
    let servers = Servers::new().await;
    let url = servers.a.url("");
    let serving = async {
        let head = servers.text("HTTP/1.1 302 Found\r\nLocation: ws://{B}/next\r\n\r\n");
        drop(servers.a.next().await.respond(&head).await);
        servers.accept(&servers.b).await
    };
    let (connected, (_connection, request)) = join!(async { connect(&url).options(following(1)).await }, serving);
    assert!(connected.is_ok());
    assert_eq!(request, ["/next", "Host: {B}"]);
}

#[tokio::test]
async fn opening_timeout_counts_over_all_hops() {
    let servers = Servers::new().await;
    let (timeout, first) = (Duration::from_secs(2), Duration::from_secs(1));
    let url = servers.a.url("");
    for by_driver in [false, true] {
        let start = Instant::now();
        let serving = async {
            let connection = servers.a.next().await;
            tokio::time::sleep(first).await;
            let head = servers.text("HTTP/1.1 302 Found\r\nLocation: ws://{B}/\r\n\r\n");
            drop(connection.respond(&head).await);
            let mut hanging = servers.b.next().await;
            assert!(hanging.is_closed_by_client().await);
        };
        if by_driver {
            let options = following(1).opening_timeout(timeout);
            let (failure, ()) = join!(failure_of(&url, &options), serving);
            assert_eq!(failure, Failure::Protocol(ProtocolFailure::OpeningTimeout));
        } else {
            let connecting = connect(&url).options(following(1)).timeout(timeout);
            let (connected, ()) = join!(connecting, serving);
            assert!(matches!(connected, Err(ConnectError::TimedOut { .. })), "{connected:?}");
        }
        let took = start.elapsed();
        assert!((timeout..timeout + first).contains(&took), "{took:?}");
    }
}

/// The bytes of a server that answers each request with a redirect at once.
struct Redirecting(usize);

const AGAIN: &[u8] = b"HTTP/1.1 302 x\r\nLocation: /again\r\n\r\n";

impl AsyncRead for Redirecting {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let rest = &AGAIN[self.0..];
        buffer.put_slice(rest);
        self.0 += rest.len();
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn endless_redirects_without_a_wait_end_at_the_timeout() {
    let hops = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&hops);
    let options = following(u32::MAX).opening_timeout(Duration::from_millis(200)).connector(move |_: &Target| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Ok(Box::new(tokio::io::join(Redirecting(0), tokio::io::sink())) as Box<dyn IoStream>) }
    });
    let url = "ws://nowhere.invalid/";
    // The other task shares the thread, and has its turns.
    let other = tokio::spawn(async {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(failure_of(url, &options).await, Failure::Protocol(ProtocolFailure::OpeningTimeout));
    let hops = hops.load(Ordering::Relaxed);
    assert!(other.is_finished() && hops > 32, "{hops} hops");
    // The futures API measures the time itself.
    let connected = connect(url).options(options).timeout(Duration::from_millis(200)).await;
    assert!(matches!(connected, Err(ConnectError::TimedOut { .. })), "{connected:?}");
}

#[tokio::test]
async fn socket_ended_in_the_second_hop_leaves_nothing() {
    type End = fn(WebSocket);
    let ends: [End; 3] = [|socket| socket.abort(), |socket| socket.close(None, None).unwrap(), drop];
    for end in ends {
        let servers = Servers::new().await;
        let socket = WebSocket::with_options(&servers.a.url("1"), (), &following(1)).unwrap();
        let waiting = WebSocket::new(&servers.b.url("waiting"), ()).unwrap();
        let held = servers.b.next().await;
        servers.redirect(&servers.a, 302, "ws://{B}/2").await;
        drop(held.accept_upgrade().await);
        let mut second = servers.b.next().await;
        assert_eq!(second.path, "/2");
        let events = socket.events();
        end(socket);
        assert!(second.is_closed_by_client().await);
        assert_eq!(events.count().await, 2);
        // Its place in the queue is free.
        let next = WebSocket::new(&servers.b.url("next"), ()).unwrap();
        drop(servers.b.next().await.accept_upgrade().await);
        assert_eq!(first_event(&next).await, "open");
        drop(waiting);
    }
}

#[tokio::test]
async fn socket_closed_while_the_next_hop_is_dialled_ends() {
    // The connector never connects to the second server.
    let servers = Servers::new().await;
    let (first, targets) = (servers.a.address(), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&targets);
    let options = following(1).connector(move |target: &Target| {
        seen.lock().unwrap().push(target.port);
        let is_first = target.port == first.port();
        async move {
            if !is_first {
                std::future::pending::<()>().await;
            }
            Ok(Box::new(TcpStream::connect(first).await?) as Box<dyn IoStream>)
        }
    });
    let socket = WebSocket::with_options(&servers.a.url("1"), (), &options).unwrap();
    servers.redirect(&servers.a, 302, "ws://{B}/2").await;
    socket.close(None, None).unwrap();
    assert_eq!(event_lines(&socket).await, FAILED);
    assert_eq!(socket.failure(), Some(Failure::Protocol(ProtocolFailure::ClosedWhileConnecting)));
    assert_eq!(*targets.lock().unwrap(), [first.port(), servers.b.address().port()]);
}

#[tokio::test]
async fn each_hop_waits_in_the_queue_of_its_own_server() {
    let servers = Servers::new().await;
    let first = WebSocket::new(&servers.b.url("first"), ()).unwrap();
    let held = servers.b.next().await;
    let socket = WebSocket::with_options(&servers.a.url("1"), (), &following(1)).unwrap();
    servers.redirect(&servers.a, 302, "ws://{B}/2").await;
    // The place at the first server is free, and the one at the second is not there yet.
    let other = WebSocket::new(&servers.a.url("other"), ()).unwrap();
    drop(servers.a.next().await.accept_upgrade().await);
    assert_eq!(first_event(&other).await, "open");
    assert!(servers.b.accept().now_or_never().is_none(), "two handshakes at a time");
    drop(held.accept_upgrade().await);
    assert_eq!(first_event(&first).await, "open");
    let (connection, request) = servers.accept(&servers.b).await;
    assert_eq!(request[0], "/2");
    assert_eq!(first_event(&socket).await, "open");
    drop(connection);
}

#[tokio::test]
async fn proxy_opens_a_tunnel_for_each_hop() {
    let proxy = ManualServer::new().await;
    let options = following(2).proxy(Proxy::new(&format!("http://u:p@{}", proxy.address())).unwrap());
    let serving = async {
        let mut seen = Vec::new();
        for (location, is_last) in [("ws://b.invalid:81/2", false), ("", true)] {
            let tunnel = proxy.next().await;
            seen.push(format!("{} {:?}", tunnel.path, tunnel.fields("Proxy-Authorization")));
            let connection = tunnel.open_tunnel().await;
            seen.push(format!(
                "{} {:?} {:?}",
                connection.path,
                connection.fields("Host"),
                connection.fields("Proxy-Authorization")
            ));
            if is_last {
                drop(connection.accept_upgrade().await);
            } else {
                drop(connection.respond(&format!("HTTP/1.1 302 x\r\nLocation: {location}\r\n\r\n")).await);
            }
        }
        seen
    };
    let (connected, seen) = join!(async { connect("ws://a.invalid/1").options(options).await }, serving);
    let expected = [
        "a.invalid:80 [\"Basic dTpw\"]",
        "/1 [\"a.invalid\"] []",
        "b.invalid:81 [\"Basic dTpw\"]",
        "/2 [\"b.invalid:81\"] []",
    ];
    assert_eq!(seen, expected);
    assert!(connected.is_ok());
}

/// Options that resolve the names of the tests to the loopback address.
fn resolving(options: Options) -> Options {
    let names = ["first.test", "second.test"];
    names.iter().fold(options, |options, name| options.resolve(name, [[127, 0, 0, 1].into()]).unwrap())
}

#[tokio::test]
async fn redirect_from_wss_to_ws_is_refused_and_back_is_followed() {
    let servers = Servers::new().await;
    let certificate = TestCertificate::new("first.test");
    let options = resolving(following(3).root_certificate(certificate.certificate()));
    for location in ["ws://{B}/2", "http://{B}/2"] {
        let serving = async {
            let stream = certificate.acceptor().accept(servers.a.accept().await).await.unwrap();
            let connection = ManualConnection::read(stream).await;
            let head = format!("HTTP/1.1 302 x\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", servers.text(location));
            drop(connection.respond(&head).await);
        };
        let url = format!("wss://first.test:{}/", servers.a.address().port());
        let (failure, ()) = join!(failure_of(&url, &options), serving);
        let Failure::Redirect { reason, followed: 0, response } = failure else { panic!("{failure:?}") };
        assert_eq!((reason, response.header("Location")), (RedirectFailure::Downgrade, Some(&*servers.text(location))));
        assert!(servers.b.accept().now_or_never().is_none());
    }
    let secure = format!("https://first.test:{}/2", servers.b.address().port());
    let url = servers.text("ws://me:secret@{A}/1");
    let socket = WebSocket::with_options(&url, (), &options).unwrap();
    servers.redirect(&servers.a, 301, &secure).await;
    let stream = certificate.acceptor().accept(servers.b.accept().await).await.unwrap();
    let connection = ManualConnection::read(stream).await;
    assert_eq!((&*connection.path, connection.fields("Authorization")), ("/2", vec![]));
    drop(connection.accept_upgrade().await);
    assert_eq!(first_event(&socket).await, "open");
}

/// Connects to `first.test` with TLS, which redirects to `second.test`. Returns the certificate that the client presented to
/// each, and the failure. `second` is the certificate of the second server.
async fn tls_hops(
    options: Options,
    [first, second, client]: [&TestCertificate; 3],
) -> ([Option<bool>; 2], Option<Failure>) {
    let servers = Servers::new().await;
    let [a, b] = [&servers.a, &servers.b].map(|server| server.address().port());
    let socket = WebSocket::with_options(&format!("wss://first.test:{a}/"), (), &resolving(options)).unwrap();
    let accept = |certificate: &TestCertificate, stream| {
        let accepting = certificate.acceptor_of_client(client).accept(stream);
        async {
            let stream = accepting.await.ok()?;
            let presents = stream.get_ref().1.peer_certificates().is_some();
            Some((ManualConnection::read(stream).await, presents))
        }
    };
    let (connection, presents_first) = accept(first, servers.a.accept().await).await.unwrap();
    drop(connection.respond(&format!("HTTP/1.1 302 x\r\nLocation: wss://second.test:{b}/\r\n\r\n")).await);
    let accepted = accept(second, servers.b.accept().await).await;
    let presents_second = accepted.as_ref().map(|(_, presents)| *presents);
    if let Some((connection, _)) = accepted {
        drop(connection.accept_upgrade().await);
    }
    socket.closed().await;
    let failure = socket.failure().filter(|failure| matches!(failure, Failure::Tls { .. }));
    ([Some(presents_first), presents_second], failure)
}

#[tokio::test]
async fn client_certificate_and_tls_name_stay_with_their_origin() {
    let [first, second, client] = ["first.test", "second.test", "client"].map(TestCertificate::new);
    let trusting = || following(1).root_certificate(first.certificate()).root_certificate(second.certificate());
    let options = trusting().client_certificate([client.certificate()], client.key().secret_der()).unwrap();
    let (presented, failure) = tls_hops(options, [&first, &second, &client]).await;
    assert_eq!((presented, failure), ([Some(true), Some(false)], None));
    // The second server must not be accepted under the name of the first, and not need that name.
    let options = trusting().tls_server_name("first.test").unwrap();
    let (_, failure) = tls_hops(options.clone(), [&first, &second, &client]).await;
    assert_eq!(failure, None);
    let (_, failure) = tls_hops(options, [&first, &first, &client]).await;
    assert!(matches!(&failure, Some(Failure::Tls { host, .. }) if host == "second.test"), "{failure:?}");
}

#[tokio::test]
async fn pinned_certificate_is_demanded_of_each_hop() {
    let [first, second, client] = ["first.test", "second.test", "client"].map(TestCertificate::new);
    let both = TestCertificate::with(&["first.test", "second.test"], |_| {});
    let (_, failure) = tls_hops(following(1).pinned_certificate(first.certificate()), [&first, &second, &client]).await;
    assert!(failure.is_some_and(|failure| failure.to_string().contains("pinned_certificate")));
    let (_, failure) = tls_hops(following(1).pinned_certificate(both.certificate()), [&both, &both, &client]).await;
    assert_eq!(failure, None);
}

#[tokio::test]
async fn custom_tls_configuration_loses_its_client_certificate() {
    use samesocket::rustls::crypto::ring;
    use samesocket::rustls::{ClientConfig, RootCertStore};
    let [first, second, client] = ["first.test", "second.test", "client"].map(TestCertificate::new);
    let mut roots = RootCertStore::empty();
    roots.add(first.certificate()).unwrap();
    roots.add(second.certificate()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![client.certificate()], client.key())
        .unwrap();
    let options = following(1).tls_config(Arc::new(config));
    for _ in 0..2 {
        let (presented, failure) = tls_hops(options.clone(), [&first, &second, &client]).await;
        assert_eq!((presented, failure), ([Some(true), Some(false)], None), "the program's configuration is changed");
    }
}

#[tokio::test]
async fn connector_gets_the_target_of_each_hop() {
    let servers = Servers::new().await;
    let (a, targets) = (servers.a.address(), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&targets);
    let options = following(1).connector(move |target: &Target| {
        seen.lock().unwrap().push(format!("{}:{} {}", target.host, target.port, target.secure));
        async move { Ok(Box::new(TcpStream::connect(a).await?) as Box<dyn IoStream>) }
    });
    let serving = async {
        servers.redirect(&servers.a, 302, "//[2001:db8::1]:8080/2").await;
        servers.accept(&servers.a).await
    };
    let (connected, (connection, request)) =
        join!(async { connect("ws://first.invalid/1").options(options).await }, serving);
    assert_eq!(request, ["/2", "Host: [2001:db8::1]:8080"]);
    assert_eq!(*targets.lock().unwrap(), ["first.invalid:80 false", "2001:db8::1:8080 false"]);
    drop((connected.unwrap(), connection));
}

#[tokio::test]
async fn cookie_store_that_panics_at_a_redirect_fails_the_connection() {
    #[derive(Clone, Copy)]
    struct Panics(&'static str);
    impl CookieStore for Panics {
        fn cookies(&self, url: &str) -> Option<String> {
            assert!(!(self.0 == "cookies" && url.ends_with("/2")), "on purpose");
            None
        }

        fn set_cookies(&self, _: &str, _: &[&[u8]]) {
            assert!(self.0 != "set_cookies", "on purpose");
        }
    }
    for method in ["cookies", "set_cookies"] {
        let servers = Servers::new().await;
        let options = following(1).cookies(Panics(method));
        let url = servers.a.url("1");
        let serving = servers.redirect(&servers.a, 302, "ws://{B}/2\r\nSet-Cookie: a=1");
        let (failure, _) = join!(failure_of(&url, &options), serving);
        assert!(matches!(&failure, Failure::Panicked { message: Some(text) } if text == "on purpose"), "{failure:?}");
        assert!(servers.b.accept().now_or_never().is_none());
    }
}

#[tokio::test]
async fn cookie_store_may_close_the_socket_at_a_redirect() {
    #[derive(Clone, Default)]
    struct Closes(Arc<Mutex<Option<WebSocket>>>);
    impl CookieStore for Closes {
        fn cookies(&self, _: &str) -> Option<String> {
            if let Some(socket) = self.0.lock().unwrap().take() {
                socket.close(None, None).unwrap();
            }
            None
        }

        fn set_cookies(&self, _: &str, _: &[&[u8]]) {}
    }
    let servers = Servers::new().await;
    let store = Closes::default();
    let socket = WebSocket::with_options(&servers.a.url("1"), (), &following(1).cookies(store.clone())).unwrap();
    *store.0.lock().unwrap() = Some(socket.clone());
    servers.redirect(&servers.a, 302, "ws://{B}/2").await;
    assert_eq!(event_lines(&socket).await, FAILED);
    assert_eq!(socket.failure(), Some(Failure::Protocol(ProtocolFailure::ClosedWhileConnecting)));
    assert!(servers.b.accept().now_or_never().is_none());
}

#[tokio::test]
async fn reconnecting_socket_starts_each_attempt_at_the_requested_url() {
    let servers = Servers::new().await;
    let millisecond = Duration::from_millis(1);
    let backoff = Backoff { first: millisecond, longest: millisecond, jitter: 0.0, ..Backoff::default() };
    let url = servers.text("ws://me:secret@{A}/1");
    let mut socket = connect(url).options(following(1)).reconnect().backoff(backoff).start();
    let serving = async {
        let mut requests = Vec::new();
        for _ in 0..2 {
            requests.push(servers.redirect(&servers.a, 302, "ws://{B}/2").await);
            let (connection, request) = servers.accept(&servers.b).await;
            drop(connection);
            requests.push(request);
        }
        requests.push(servers.redirect(&servers.a, 302, "ftp://{B}/").await);
        requests
    };
    let ((), requests) = join!(async { while let Some(Ok(_)) = socket.next().await {} }, serving);
    let first = ["/1", "Host: {A}", "Authorization: Basic bWU6c2VjcmV0"].map(str::to_owned).to_vec();
    let second = ["/2", "Host: {B}"].map(str::to_owned).to_vec();
    assert_eq!(requests, [first.clone(), second.clone(), first.clone(), second, first]);
}
