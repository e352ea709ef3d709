//! The response to the opening handshake, as sockets and errors return it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::join;
use samesocket::{
    ConnectError, Failure, IoStream, Options, Proxy, ProxyFailure, ReadyState, Response, Target, WebSocket, connect,
};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::manual_server::{ManualConnection, ManualServer, failure_of};
use crate::support::{TestServer, event_lines};

/// Connects to a server that answers like this. Returns the error.
async fn refused_by(answer: &str) -> ConnectError {
    let server = ManualServer::new().await;
    let url = format!("ws://{}/", server.address());
    let answered = async { drop(server.next().await.respond(answer).await) };
    let (connected, ()) = join!(async { connect(&url).await }, answered);
    connected.expect_err("the server refuses")
}

#[tokio::test]
async fn open_socket_has_the_response_in_both_apis() {
    let test_server = TestServer::new().await;
    let url = test_server.url("a", "header=X-Session:%20seven&do=close:1000");
    let socket = connect(&url).await.unwrap();
    let control = socket.control();
    let response = socket.response().expect("native targets know the response");
    assert_eq!((response.status(), response.header("x-session"), response.body()), (101, Some("seven"), &b""[..]));
    assert!(!response.is_body_truncated());
    socket.closed().await;
    assert_eq!(control.response(), Some(response), "the response is gone after the close");

    let socket = WebSocket::new(&url, ()).unwrap();
    assert_eq!(socket.response(), None, "there is a response before the handshake");
    event_lines(&socket).await;
    assert_eq!(socket.response().unwrap().header("X-SESSION"), Some("seven"));
    assert_eq!(socket.failure(), None);
}

#[tokio::test]
async fn refusal_has_its_status_and_headers_in_each_form() {
    for (head, status, name, value) in [
        ("HTTP/1.1 301 x\r\nLocation: wss://b.example/\r\n", 301, "location", "wss://b.example/"),
        ("HTTP/1.1 401 x\r\nWWW-Authenticate: Basic\r\n", 401, "www-authenticate", "Basic"),
        ("HTTP/1.1 429 x\r\nRetry-After: 120\r\n", 429, "retry-after", "120"),
        ("HTTP/1.1 200 OK\r\nServer: x\r\n", 200, "server", "x"),
    ] {
        let error = refused_by(&format!("{head}Content-Length: 0\r\n\r\n")).await;
        let response = error.response().expect("a refusal has a response");
        assert_eq!((response.status(), response.header(name)), (status, Some(value)));
        assert_eq!(error.failure(), Some(&Failure::Refused(response.clone())));
    }
    // A response that violates the protocol is available, too.
    let error = refused_by("HTTP/1.1 101 x\r\nUpgrade: h2c\r\n\r\n").await;
    assert_eq!(error.response(), Some(&Response::new(101).with_header("Upgrade", "h2c")));
    assert!(matches!(error.failure(), Some(Failure::Protocol(_))), "{error:?}");
}

#[tokio::test]
async fn refusal_has_the_text_that_the_server_gave() {
    for (answer, body, is_truncated) in [
        ("Content-Length: 14\r\n\r\nmissing Origin", "missing Origin", false),
        ("\r\nmissing Origin", "missing Origin", false),
        ("Transfer-Encoding: chunked\r\n\r\n7\r\nmissing\r\n7\r\n Origin\r\n0\r\n\r\n", "missing Origin", false),
        ("Content-Length: 99\r\n\r\nmissing Origin", "missing Origin", true),
    ] {
        let error = refused_by(&format!("HTTP/1.1 403 Forbidden\r\n{answer}")).await;
        let response = error.response().expect("a refusal has a response");
        assert_eq!((response.status(), response.body()), (403, body.as_bytes()), "{answer:?}");
        assert_eq!(response.is_body_truncated(), is_truncated, "{answer:?}");
    }
}

/// The bytes of a server whose connection is reset behind them.
struct Resetting(Vec<u8>);

impl AsyncRead for Resetting {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match std::mem::take(&mut self.0) {
            bytes if bytes.is_empty() => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            bytes => {
                buffer.put_slice(&bytes);
                Poll::Ready(Ok(()))
            }
        }
    }
}

#[tokio::test]
async fn connection_reset_within_the_body_is_still_a_refusal() {
    for length in ["Content-Length: 9\r\n", ""] {
        let answer = format!("HTTP/1.1 429 x\r\nRetry-After: 9\r\n{length}\r\nslow");
        let options = Options::new().connector(move |_: &Target| {
            let stream = tokio::io::join(Resetting(answer.clone().into_bytes()), tokio::io::sink());
            std::future::ready(Ok(Box::new(stream) as Box<dyn IoStream>))
        });
        let failure = failure_of("ws://nowhere.invalid/", &options).await;
        let Failure::Refused(response) = failure else { panic!("{failure:?}") };
        assert_eq!((response.header("retry-after"), response.body()), (Some("9"), &b"slow"[..]));
        assert!(response.is_body_truncated(), "{length}");

        let proxied = options.proxy(Proxy::new("http://nowhere.invalid").unwrap());
        let failure = failure_of("ws://nowhere.invalid/", &proxied).await;
        let Failure::Proxy(ProxyFailure::Refused(response)) = failure else { panic!("{failure:?}") };
        assert_eq!((response.body(), response.is_body_truncated()), (&b"slow"[..], true), "{length}");
    }
}

/// Options for streams in memory, on which the other end answers each request like this and then sends nothing.
///
/// The paused clock of the runtime then jumps from timer to timer.
fn silent_after(answer: &'static str) -> Options {
    Options::new().runtime(Handle::current()).connector(move |_: &Target| async move {
        let (near, far) = tokio::io::duplex(1 << 16);
        drop(tokio::spawn(async move {
            let held = ManualConnection::read(far).await.respond(answer).await;
            std::future::pending::<()>().await;
            drop(held);
        }));
        Ok(Box::new(near) as Box<dyn IoStream>)
    })
}

#[tokio::test(start_paused = true)]
async fn body_that_never_ends_delays_the_failure_by_two_seconds() {
    let start = Instant::now();
    let socket = WebSocket::with_options("ws://a.example", (), &silent_after("HTTP/1.1 403 x\r\n\r\nmissing")).unwrap();
    assert_eq!(event_lines(&socket).await, ["error", "close 1006 \"\" unclean"]);
    let took = start.elapsed();
    // The opening timeout is one minute.
    assert!((Duration::from_secs(2)..Duration::from_secs(30)).contains(&took), "{took:?}");
    let response = socket.response().unwrap();
    assert_eq!((response.body(), response.is_body_truncated()), (&b"missing"[..], true));
}

#[tokio::test]
async fn next_handshake_does_not_wait_for_the_body_of_a_refusal() {
    let server = ManualServer::new().await;
    let (first, second) =
        (WebSocket::new(&server.url("1"), ()).unwrap(), WebSocket::new(&server.url("2"), ()).unwrap());
    let held = server.next().await.respond("HTTP/1.1 403 x\r\n\r\nmissing").await;
    let other = server.next().await;
    assert_eq!(first.ready_state(), ReadyState::Connecting, "the body is over");
    drop((held, other, second));
}

#[tokio::test]
async fn next_handshake_does_not_wait_for_the_body_of_a_refusal_by_a_proxy() {
    let proxy = ManualServer::new().await;
    let options = Options::new().proxy(Proxy::new(&format!("http://{}", proxy.address())).unwrap());
    let start = || WebSocket::with_options("ws://nowhere.invalid/", (), &options).unwrap();
    let (first, second) = (start(), start());
    let held = proxy.next().await.respond("HTTP/1.1 407 x\r\n\r\nmissing").await;
    let other = proxy.next().await;
    assert_eq!(first.ready_state(), ReadyState::Connecting, "the body is over");
    drop((held, other, second));
}

/// Checks that the failure is a refusal whose body is not complete.
#[track_caller]
fn check_truncated_refusal(failure: Option<&Failure>) {
    let response = failure.and_then(Failure::response).unwrap_or_else(|| panic!("{failure:?} is no refusal"));
    assert_eq!((response.status(), response.body(), response.is_body_truncated()), (403, &b"slow"[..], true));
}

#[test]
fn opening_timeout_within_the_body_is_still_a_refusal() {
    for (through_proxy, by_interface) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap().block_on(async {
            let timeout = Duration::from_millis(200);
            let options = silent_after("HTTP/1.1 403 x\r\n\r\nslow").opening_timeout(timeout);
            let proxy = Proxy::new("http://proxy.example").unwrap();
            let options = if through_proxy { options.proxy(proxy) } else { options };
            if by_interface {
                let socket = WebSocket::with_options("ws://a.example", (), &options).unwrap();
                assert_eq!(event_lines(&socket).await, ["error", "close 1006 \"\" unclean"]);
                check_truncated_refusal(socket.failure().as_ref());
                return;
            }
            let start = Instant::now();
            let error = connect("ws://a.example").options(options).await.unwrap_err();
            let took = start.elapsed();
            check_truncated_refusal(error.failure());
            assert!((timeout..5 * timeout).contains(&took), "{took:?}");
        });
    }
}

#[tokio::test]
async fn proxy_refusal_has_the_response_of_the_proxy() {
    let proxy = ManualServer::new().await;
    let options = Options::new().proxy(Proxy::new(&format!("http://{}", proxy.address())).unwrap());
    let head = "HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\nContent-Length: 6\r\n\r\nlog in";
    let answered = async { drop(proxy.next().await.respond(head).await) };
    let (connected, ()) = join!(async { connect("ws://nowhere.invalid/").options(options).await }, answered);
    let error = connected.unwrap_err();
    let response = error.response().expect("a refusal of a proxy has a response");
    assert_eq!((response.status(), response.header("proxy-authenticate")), (407, Some("Basic")));
    assert_eq!((response.body(), response.is_body_truncated()), (&b"log in"[..], false));
    assert_eq!(error.failure(), Some(&Failure::Proxy(ProxyFailure::Refused(response.clone()))));
}
