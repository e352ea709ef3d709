//! The events of sessions, as whole lists.

use std::time::Duration;

use samesocket::{Connecting, IoStream, Options, Proxy, Target, WebSocket, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::collector::{self, events, events_until, fields, fields_of_parent, span_closed};
use crate::support::{TestServer, UnusedAddress};

/// Waits for the last event of a connection. Returns all, without the port, which is another one in each run.
async fn all_events(server: &TestServer) -> Vec<String> {
    let port = format!(":{}", server.address().port());
    let lines = events_until("INFO closed ").await;
    lines.into_iter().map(|line| line.replace(&port, ":PORT")).collect()
}

/// The events until the request is sent.
const DIALLING: [&str; 4] = [
    "DEBUG connecting subprotocols=0",
    "DEBUG name resolved host=127.0.0.1 addresses=127.0.0.1:PORT",
    "DEBUG TCP connected address=127.0.0.1:PORT",
    "DEBUG sending the request",
];

fn after_dialling(rest: &[&str]) -> Vec<String> {
    DIALLING.iter().chain(rest).map(|&line| line.to_owned()).collect()
}

#[tokio::test]
async fn session_is_one_span_with_events_in_order() {
    collector::install();
    let server = TestServer::new().await;
    let mut socket = connect(server.url("a", "deflate=1&do=echo")).await.unwrap();
    socket.send("hello".into()).await.unwrap();
    socket.next().await.unwrap().unwrap();
    socket.close(Some(1000), Some("done")).await.unwrap();
    let expected = after_dialling(&[
        "DEBUG response status=101",
        "INFO open subprotocol= extensions=permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        "INFO closing started_by=client code=1000",
        "INFO closed code=1000 clean=true started_by=client",
    ]);
    assert_eq!(all_events(&server).await, expected);
    let fields = fields();
    assert!(fields.starts_with("websocket id=") && fields.ends_with("/ws?…"), "{fields}");
    drop(socket);
    // The driver drops its handle soon after the event.
    span_closed().await;
}

#[tokio::test]
async fn connections_lie_in_the_span_of_their_reconnecting_socket() {
    collector::install();
    let server = TestServer::new().await;
    let start = || connect(server.url("a", "do=close:1000")).reconnect().max_attempts(1).start();
    let mut parents = Vec::new();
    for _ in 0..2 {
        let mut socket = start();
        assert!(socket.next().await.is_none());
        parents.push(fields_of_parent().expect("a parent"));
    }
    assert!(parents.iter().all(|fields| fields.starts_with("reconnecting id=")), "{parents:?}");
    assert_ne!(parents[0], parents[1], "each socket has its own");
}

#[tokio::test]
async fn close_of_the_server_is_told_from_a_loss() {
    collector::install();
    for (script, expected) in [
        (
            "do=close:3001",
            &[
                "DEBUG response status=101",
                "INFO open subprotocol= extensions=",
                "INFO closing started_by=server",
                "INFO closed code=3001 clean=true started_by=server",
            ][..],
        ),
        (
            "do=drop",
            &[
                "DEBUG response status=101",
                "INFO open subprotocol= extensions=",
                "WARN failed failure=the connection ended without a Close frame in each direction",
                "INFO closed code=1006 clean=false started_by=none",
            ],
        ),
        (
            "status=403",
            &[
                "DEBUG response status=403",
                "WARN failed failure=the server answered 403 Forbidden",
                "INFO closed code=1006 clean=false started_by=none",
            ],
        ),
    ] {
        let server = TestServer::new().await;
        let socket = WebSocket::new(&server.url("a", script), ()).unwrap();
        socket.closed().await;
        assert_eq!(all_events(&server).await, after_dialling(expected), "{script}");
    }
}

#[tokio::test]
async fn address_that_refuses_is_an_event_and_a_failure() {
    collector::install();
    let reserved = UnusedAddress::new();
    let unused = reserved.get();
    let socket = WebSocket::new(&format!("ws://{unused}/"), ()).unwrap();
    socket.closed().await;
    let lines = events();
    let refused = TcpStream::connect(unused).await.unwrap_err();
    let failure = socket.failure().unwrap();
    assert_eq!(
        lines,
        [
            "DEBUG connecting subprotocols=0".to_owned(),
            format!("DEBUG name resolved host=127.0.0.1 addresses={unused}"),
            format!("DEBUG TCP failed address={unused} error={refused}"),
            format!("WARN failed failure={failure}"),
            "INFO closed code=1006 clean=false started_by=none".to_owned(),
        ]
    );
}

#[tokio::test]
async fn dropped_socket_still_reports_its_end() {
    collector::install();
    let server = TestServer::new().await;
    drop(connect(server.url("a", "do=answer:1000")).await.unwrap());
    let expected = after_dialling(&[
        "DEBUG response status=101",
        "INFO open subprotocol= extensions=",
        "INFO closing started_by=client",
        "INFO closed code=1000 clean=true",
    ]);
    assert_eq!(all_events(&server).await, expected);
}

#[tokio::test]
async fn idle_timeout_is_an_event_before_the_close() {
    collector::install();
    let server = TestServer::new().await;
    let timeout = Duration::from_millis(20);
    let mut socket = connect(server.url("a", "do=echo")).idle_timeout(timeout).await.unwrap();
    socket.next().await.unwrap().unwrap_err();
    let expected = after_dialling(&[
        "DEBUG response status=101",
        "INFO open subprotocol= extensions=",
        "INFO deadline passed error=no message arrived for 20ms",
        "INFO closing started_by=client code=4008",
        "INFO closed code=4008 clean=true started_by=client",
    ]);
    assert_eq!(all_events(&server).await, expected);
}

#[tokio::test]
async fn backpressure_is_reported_at_its_edges() {
    collector::install();
    let server = TestServer::new().await;
    // The receiver takes nothing before the server has sent all: three messages do not fit.
    let mut socket = connect(server.url("a", "do=text:a,text:b,text:c,echo")).receive_limit(1, 1).await.unwrap();
    events_until("reading paused").await;
    for _ in 0..3 {
        socket.next().await.unwrap().unwrap();
    }
    let lines = events_until("reading resumed").await;
    let edges: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("TRACE ")).collect();
    let expected = ["reading paused", "reading resumed"].into_iter().cycle();
    assert_eq!(edges, expected.take(edges.len()).collect::<Vec<_>>());
}

#[tokio::test]
async fn sender_above_the_mark_is_reported_once() {
    collector::install();
    let server = TestServer::new().await;
    let socket = connect(server.url("a", "do=read-gate:go,await-close,answer")).high_water_mark(0).await.unwrap();
    // More than the buffers of the system hold.
    socket.send(vec![7; 16 << 20].into()).await.unwrap();
    let sending = async { socket.send("after".into()).await.unwrap() };
    let opening = async {
        events_until("sending paused").await;
        server.store().release("a", "go");
    };
    futures::join!(sending, opening);
    socket.close(Some(1000), None).await.unwrap();
    let expected = after_dialling(&[
        "DEBUG response status=101",
        "INFO open subprotocol= extensions=",
        "TRACE sending paused",
        "TRACE sending resumed",
        "INFO closing started_by=client code=1000",
        "INFO closed code=1000 clean=true started_by=client",
    ]);
    assert_eq!(all_events(&server).await, expected);
}

#[tokio::test]
async fn span_lies_within_the_current_one_and_around_a_connector() {
    collector::install();
    let server = TestServer::new().await;
    let address = server.address();
    let connector = move |_: &Target| -> Connecting {
        Box::pin(async move {
            tracing::info!(target: "program", "in the connector");
            Ok(Box::new(TcpStream::connect(address).await?) as Box<dyn IoStream>)
        })
    };
    let options = Options::new().connector(connector);
    let outer = tracing::info_span!(target: "program", "outer", number = 7);
    let socket = outer.in_scope(|| WebSocket::with_options(&server.url("a", "do=close:1000"), (), &options).unwrap());
    socket.closed().await;
    let lines = all_events(&server).await;
    assert_eq!(lines[..2], ["DEBUG connecting subprotocols=0", "INFO in the connector"]);
    assert_eq!(fields_of_parent().as_deref(), Some("outer number=7"));
}

#[tokio::test]
async fn tls_is_reported_with_its_version() {
    collector::install();
    let server = TestServer::new().await;
    let options = Options::new().root_certificate(server.certificate());
    let url = server.secure_url("a", "do=close:1000");
    let socket = WebSocket::with_options(&url, (), &options).unwrap();
    socket.closed().await;
    let lines = events_until("INFO closed ").await;
    assert_eq!(lines[3..5], ["DEBUG TLS established host=127.0.0.1 version=TLSv1_3", "DEBUG sending the request"]);
}

#[tokio::test]
async fn proxy_is_reported_without_credentials() {
    collector::install();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let proxy = Proxy::new(&format!("http://user:password@{address}")).unwrap();
    let socket = WebSocket::with_options("ws://proxied.invalid/", (), &Options::new().proxy(proxy)).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.read_buf(&mut Vec::with_capacity(4096)).await.unwrap();
    stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    socket.closed().await;
    let failure = socket.failure().unwrap();
    assert_eq!(
        events_until("INFO closed ").await,
        [
            "DEBUG connecting subprotocols=0".to_owned(),
            format!("DEBUG connecting through a proxy proxy=Http proxy at {address}"),
            format!("DEBUG name resolved host=127.0.0.1 addresses={address}"),
            format!("DEBUG TCP connected address={address}"),
            format!("WARN failed failure={failure}"),
            "INFO closed code=1006 clean=false started_by=none".to_owned(),
        ]
    );
}

#[tokio::test]
async fn each_redirect_is_an_event_with_its_target() {
    collector::install();
    let server = TestServer::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (first, second) = (listener.local_addr().unwrap(), server.address());
    let url = format!("ws://{first}/start");
    let location = format!("ws://user:password@{second}/ws?id=a&do=close:1000#top");
    let socket = WebSocket::with_options(&url, (), &Options::new().max_redirects(2)).unwrap();
    for location in [format!("/next?{location}"), location] {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_buf(&mut Vec::with_capacity(4096)).await.unwrap();
        let head = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // The client has closed this connection before it opens the next one.
        assert!(stream.read_u8().await.is_err());
    }
    socket.closed().await;
    let dialling = |address| {
        [
            format!("DEBUG name resolved host=127.0.0.1 addresses={address}"),
            format!("DEBUG TCP connected address={address}"),
            "DEBUG sending the request".to_owned(),
        ]
    };
    let line = |text: &str| vec![text.to_owned()];
    let expected = [
        line("DEBUG connecting subprotocols=0"),
        dialling(first).to_vec(),
        vec![format!("DEBUG redirected status=307 url=ws://{first}/next?… followed=1")],
        dialling(first).to_vec(),
        vec![format!("DEBUG redirected status=307 url=ws://…@{second}/ws?… followed=2")],
        dialling(second).to_vec(),
        line("DEBUG response status=101"),
        line("INFO open subprotocol= extensions="),
        line("INFO closing started_by=server"),
        line("INFO closed code=1000 clean=true started_by=server"),
    ];
    assert_eq!(events_until("INFO closed ").await, expected.concat());
}

#[tokio::test]
async fn opening_deadline_is_an_event_before_the_close() {
    collector::install();
    let server = TestServer::new().await;
    let timeout = Duration::from_millis(50);
    connect(server.url("a", "hold=handshake")).timeout(timeout).await.unwrap_err();
    let lines = all_events(&server).await;
    let expected = [
        "INFO deadline passed error=the connection was not open within 50ms",
        "INFO closing started_by=client",
        "INFO closed code=1006 clean=false",
    ];
    assert_eq!(lines[lines.len() - 3..], expected, "{lines:#?}");
}
