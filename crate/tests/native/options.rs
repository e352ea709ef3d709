//! The effect of each option, and the failures that they cause.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use samesocket::rustls::pki_types::CertificateDer;
use samesocket::{
    Compression, ConnectError, Connecting, CookieStore, Error, Event, Failure, InvalidOption, IoStream, Options,
    ProtocolFailure, Target, WebSocket, connect,
};
use samesocket_fault_server::Until;
use tokio::net::TcpStream;

use crate::manual_server::failure_of;
use crate::support::{TestServer, UnusedAddress, event_lines};

const EVENTS: [&str; 3] = ["open", "text \"a\"", "close 1000 \"\" clean"];
const FAILED: [&str; 2] = ["error", "close 1006 \"\" unclean"];
const DO: &str = "do=text:a,close:1000";

#[tokio::test]
async fn root_certificate_is_trusted_and_other_self_signed_ones_not() {
    let test_server = TestServer::new().await;
    let url = test_server.secure_url("a", DO);
    let trusting = Options::new().root_certificate(CertificateDer::from(test_server.certificate().to_vec()));
    let socket = WebSocket::with_options(&url, (), &trusting).unwrap();
    assert_eq!(event_lines(&socket).await, EVENTS);
    let failure = failure_of(&url, &Options::new()).await;
    assert!(matches!(&failure, Failure::Tls { host, .. } if host == "127.0.0.1"), "{failure:?}");
    assert!(std::error::Error::source(&failure).is_some());
    let careless = Options::new().dangerous_accept_any_certificate();
    let socket = WebSocket::with_options(&url, (), &careless).unwrap();
    assert_eq!(event_lines(&socket).await, EVENTS);
}

#[tokio::test]
async fn origin_headers_credentials_and_cookies_are_sent() {
    #[derive(Default)]
    struct Jar(Mutex<Vec<String>>, Mutex<Vec<String>>);
    #[derive(Clone, Default)]
    struct SharedJar(Arc<Jar>);
    impl CookieStore for SharedJar {
        fn cookies(&self, url: &str) -> Option<String> {
            self.0.1.lock().unwrap().push(url.to_owned());
            Some("a=1; b=2".to_owned())
        }

        fn set_cookies(&self, url: &str, values: &[&[u8]]) {
            self.0.1.lock().unwrap().push(url.to_owned());
            let values = values.iter().map(|value| String::from_utf8_lossy(value).into_owned());
            self.0.0.lock().unwrap().extend(values);
        }
    }

    let test_server = TestServer::new().await;
    let jar = SharedJar::default();
    let options =
        Options::new().origin("https://example.com").unwrap().header("X-One", "1").unwrap().cookies(jar.clone());
    let query = format!("header=Set-Cookie:%20c=3&header=set-cookie:%20d=4&{DO}");
    let url = test_server.url("a", &query).replace("ws://", "ws://me:secret@");
    let socket = WebSocket::with_options(&url, (), &options).unwrap();
    assert_eq!(event_lines(&socket).await, EVENTS);
    let record = test_server.store().wait_record("a", Until::End).await;
    let field = |name: &str| record.headers.get(name).map(String::as_str);
    assert_eq!(field("origin"), Some("https://example.com"));
    assert_eq!(field("x-one"), Some("1"));
    assert_eq!(field("authorization"), Some("Basic bWU6c2VjcmV0"));
    assert_eq!(field("cookie"), Some("a=1; b=2"));
    assert_eq!(*jar.0.0.lock().unwrap(), ["c=3", "d=4"]);
    let asked = test_server.url("a", &query).replace("ws://", "http://");
    assert_eq!(*jar.0.1.lock().unwrap(), [&*asked, &*asked]);
}

#[tokio::test]
async fn cookies_are_stored_whatever_the_status() {
    #[derive(Clone, Default)]
    struct Jar(Arc<Mutex<Vec<String>>>);
    impl CookieStore for Jar {
        fn cookies(&self, _: &str) -> Option<String> {
            None
        }

        fn set_cookies(&self, _: &str, values: &[&[u8]]) {
            self.0.lock().unwrap().extend(values.iter().map(|value| String::from_utf8_lossy(value).into_owned()));
        }
    }

    let test_server = TestServer::new().await;
    for status in [204, 302, 401, 503] {
        let jar = Jar::default();
        let query = format!("status={status}&header=Set-Cookie:%20seen={status}");
        let failure = failure_of(&test_server.url("a", &query), &Options::new().cookies(jar.clone())).await;
        assert!(matches!(&failure, Failure::Refused(response) if response.status() == status), "{failure:?}");
        assert_eq!(*jar.0.lock().unwrap(), [format!("seen={status}")]);
    }
}

#[test]
fn invalid_header_is_refused_by_the_setter() {
    let refused = |result: Result<Options, InvalidOption>| result.unwrap_err().to_string();
    for name in ["Upgrade", "sec-websocket-protocol", "Sec-WebSocket-Extensions", "Content-Length"] {
        let expected = format!("the header name cannot be {name:?}");
        assert_eq!(refused(Options::new().header(name, "a")), expected);
    }
    assert_eq!(refused(Options::new().header("Host", "")), "the value of Host cannot be empty");
    assert_eq!(refused(Options::new().host("a/b")), "the value of Host cannot contain '/', as at position 1");
    assert_eq!(refused(Options::new().header("", "a")), "the header name cannot be empty");
    assert_eq!(refused(Options::new().header("a b", "a")), "the header name cannot contain ' ', as at position 1");
    assert_eq!(refused(Options::new().header("Käse", "a")), "the header name cannot contain 'ä', as at position 1");
    assert_eq!(
        refused(Options::new().header("A", "ü\r\nC: d")),
        "the value of A cannot contain '\\r', as at position 1"
    );
    assert_eq!(refused(Options::new().origin("a\nb")), "the value of Origin cannot contain '\\n', as at position 1");
}

#[tokio::test]
async fn connector_is_used_for_any_host() {
    let test_server = TestServer::new().await;
    let address = test_server.address();
    let connector = move |target: &Target| {
        assert_eq!((target.secure, &*target.host, target.port), (false, "no-such-host.invalid", 80));
        async move { Ok(Box::new(TcpStream::connect(address).await?) as Box<dyn IoStream>) }
    };
    let url = test_server.url("a", DO).replace(&address.to_string(), "no-such-host.invalid");
    let socket = WebSocket::with_options(&url, (), &Options::new().connector(connector)).unwrap();
    assert_eq!(event_lines(&socket).await, EVENTS);

    let refusing = |_: &Target| -> Connecting { Box::pin(async { Err(io::Error::other("no pipe")) }) };
    let failure = failure_of(&url, &Options::new().connector(refusing)).await;
    assert!(matches!(&failure, Failure::Connector { source } if source.to_string() == "no pipe"), "{failure:?}");
}

#[tokio::test]
async fn failure_has_details_that_the_events_lack() {
    let test_server = TestServer::new().await;
    let options = Options::new();
    for (query, expected) in [
        ("status=404", "the server answered 404 Not Found"),
        ("accept=wrong", "Sec-WebSocket-Accept"),
        ("do=masked:a", "masked"),
        ("do=drop", "ended without a Close"),
    ] {
        let socket = WebSocket::with_options(&test_server.url("a", query), (), &options).unwrap();
        let seen = event_lines(&socket).await;
        assert_eq!(seen[seen.len() - 2..], FAILED);
        let failure = socket.failure().unwrap();
        assert!(failure.to_string().contains(expected), "{query}: {failure}");
    }
    let failure = failure_of("ws://127.0.0.1:25/", &options).await;
    assert!(matches!(failure, Failure::BadPort { port: 25 }));

    let reserved = UnusedAddress::new();
    let unused = reserved.get();
    let failure = failure_of(&format!("ws://{unused}/"), &options).await;
    let Failure::Connect { attempts, port, .. } = &failure else { panic!("{failure:?}") };
    assert_eq!((attempts.len(), attempts[0].0, *port), (1, unused, unused.port()));
    assert_eq!(attempts[0].1.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn timeouts_follow_the_options() {
    let test_server = TestServer::new().await;
    let short = Duration::from_millis(50);
    let failure = failure_of(&test_server.url("a", "handshake=nothing"), &Options::new().opening_timeout(short)).await;
    assert!(matches!(failure, Failure::Protocol(ProtocolFailure::OpeningTimeout)), "{failure:?}");

    let options = Options::new().closing_timeout(short);
    let socket = WebSocket::with_options(&test_server.url("b", "do=text:a,await-close,end"), (), &options).unwrap();
    socket
        .subscribe(|socket, event| {
            if matches!(event, samesocket::Event::Message(_)) {
                socket.close(Some(3000), None).unwrap();
            }
        })
        .detach();
    assert_eq!(event_lines(&socket).await, ["open", "text \"a\"", "close 1006 \"\" unclean"]);

    // The server may leave TCP open for as long after both Close frames.
    let options = Options::new().closing_timeout(short);
    let socket = WebSocket::with_options(&test_server.url("c", "do=close:1001,gate:never"), (), &options).unwrap();
    assert_eq!(event_lines(&socket).await, ["open", "close 1001 \"\" clean"]);
}

#[tokio::test]
async fn limits_follow_the_options() {
    let test_server = TestServer::new().await;
    for (options, query) in [
        (Options::new().max_message_bytes(9), "do=bytes:10,await-close,end"),
        (Options::new().max_frame_bytes(9), "do=bytes:10,await-close,end"),
        (Options::new().max_head_bytes(64), "do=await-close,end"),
    ] {
        let socket = WebSocket::with_options(&test_server.url("a", query), (), &options).unwrap();
        let seen = event_lines(&socket).await;
        assert_eq!(seen[seen.len() - 2..], FAILED);
    }
    let options = Options::new().max_queued_bytes(1000);
    let socket = WebSocket::with_options(&test_server.url("b", "do=text:a,echo"), (), &options).unwrap();
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let recorded = Arc::clone(&seen);
    socket
        .subscribe(move |socket, event| {
            if matches!(event, samesocket::Event::Message(_)) {
                let full = socket.send(&[0; 2000]);
                let first = (full, socket.ready_state(), socket.buffered_amount());
                let second = (socket.send("x"), socket.ready_state(), socket.buffered_amount());
                *recorded.lock().unwrap() = vec![first, second];
            }
        })
        .detach();
    assert_eq!(event_lines(&socket).await, ["open", "text \"a\"", "error", "close 1006 \"\" unclean"]);
    let closing = samesocket::ReadyState::Closing;
    assert_eq!(*seen.lock().unwrap(), [(Ok(()), closing, 2000), (Ok(()), closing, 2001)]);
    assert_eq!(socket.buffered_amount(), 2001);
}

#[tokio::test]
async fn extreme_options_neither_panic_nor_hang() {
    let test_server = TestServer::new().await;
    let url = test_server.url("a", "deflate=1&do=echo");
    let largest = Options::new()
        .opening_timeout(Duration::MAX)
        .closing_timeout(Duration::MAX)
        .max_head_bytes(usize::MAX)
        .max_frame_bytes(u64::MAX)
        .max_message_bytes(u64::MAX)
        .max_queued_bytes(u64::MAX)
        .max_concurrent_handshakes(usize::MAX)
        .tcp_keepalive(Duration::MAX)
        .tcp_keepalive_interval(Duration::MAX)
        .tcp_keepalive_retries(u32::MAX)
        .compression(Compression::new().min_bytes(usize::MAX));
    let smallest = largest
        .clone()
        .closing_timeout(Duration::ZERO)
        .max_concurrent_handshakes(0)
        .tcp_keepalive(Duration::ZERO)
        .tcp_keepalive_interval(Duration::ZERO)
        .tcp_keepalive_retries(0)
        .compression(Compression::new().min_bytes(0));
    for (options, closing) in [(largest, Duration::MAX), (smallest, Duration::ZERO)] {
        let connect = connect(&url).options(options.clone()).high_water_mark(u64::MAX);
        let mut socket = connect.receive_limit(usize::MAX, u64::MAX).idle_timeout(Duration::MAX).await.unwrap();
        for text in ["", "a text"] {
            socket.send(text.into()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), text.into());
        }
        assert!(socket.ping().await.unwrap() < Duration::from_secs(60));
        match socket.close(None, None).await {
            Ok(event) => assert!(event.was_clean, "{event:?}"),
            Err(error) => assert_eq!((error, closing), (Error::CloseTimedOut { after: closing }, Duration::ZERO)),
        }
        let socket = WebSocket::with_options(&url, (), &options).unwrap();
        let closes = |socket: &WebSocket, event: &Event| match event {
            Event::Open => socket.send("a text").unwrap(),
            Event::Message(_) => socket.close(None, None).unwrap(),
            _ => {}
        };
        socket.subscribe(closes).detach();
        let lines = event_lines(&socket).await;
        assert_eq!(lines[..2], ["open", "text \"a text\""]);
    }
    // The last look may find the response.
    if let Err(error) = connect(&url).options(Options::new().opening_timeout(Duration::ZERO)).await {
        assert_eq!(error, ConnectError::TimedOut { after: Duration::ZERO });
    }
    let nothing = Options::new().max_message_bytes(0).max_frame_bytes(0);
    let mut socket = connect(&url).options(nothing).await.unwrap();
    socket.send("".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), "".into());
    socket.send("x".into()).await.unwrap();
    assert!(matches!(socket.next().await, Some(Err(Error::Failed(_)))));
    let socket = connect(&url).options(Options::new().max_queued_bytes(0)).await.unwrap();
    assert!(matches!(socket.send("x".into()).await, Err(Error::NotOpen(_))));
    assert!(!socket.closed().await.was_clean);
}
