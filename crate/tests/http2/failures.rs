//! Streams and connections that fail, at each moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, ready};
use std::time::Duration;

use futures::{StreamExt, join};
use h2::Reason;
use http::Response;
use samesocket::{
    Connecting, Event, Failure, Http2, IoStream, Message, Options, ProtocolFailure, Socket, Target, WebSocket, connect,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, copy, duplex, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::time::{Instant, interval, sleep_until, timeout};

use crate::raw_server::{DATA, HEADERS, RawServer};
use crate::server::Server;
use crate::streams::{over, read_with};
use crate::{check_echo, events, open, options, rest_of, run, run_paused};

#[test]
fn reset_ends_one_socket_in_one_close_event() {
    run(async {
        let lost = |reason| format!("the connection was lost: stream error received: {reason}");
        for (reason, failure) in [
            (Reason::CANCEL, lost("stream no longer needed")),
            (Reason::INTERNAL_ERROR, lost("unexpected internal error encountered")),
            // The end of the stream.
            (Reason::NO_ERROR, ProtocolFailure::Lost.to_string()),
        ] {
            let mut server = Server::start().await;
            let socket = WebSocket::with_options(&server.url(""), (), &options()).unwrap();
            let mut stream = server.next().await.accept();
            let neighbour = tokio::spawn(open(server.url("")));
            let echo = tokio::spawn(server.next().await.accept().echo());
            let mut neighbour = neighbour.await.unwrap();
            // In the middle of a frame.
            stream.send_all(vec![0x81, 5, b'h'].into()).await.unwrap();
            stream.send.send_reset(reason);
            assert_eq!(events(&socket).await, ["open", "error", "close 1006 false"], "{reason:?}");
            assert_eq!(socket.failure().unwrap().to_string(), failure);
            check_echo(&mut neighbour, "hello").await;
            drop(neighbour);
            echo.await.unwrap();
        }
    });
}

#[test]
fn end_of_the_stream_without_close_frame_is_unclean() {
    run(async {
        let mut server = Server::start().await;
        let socket = WebSocket::with_options(&server.url(""), (), &options()).unwrap();
        server.next().await.accept().end();
        assert_eq!(events(&socket).await, ["open", "error", "close 1006 false"]);
        assert_eq!(socket.failure(), Some(Failure::Protocol(ProtocolFailure::Lost)));
    });
}

#[test]
fn reset_before_the_response_is_a_failed_connection() {
    run(async {
        let mut server = Server::start().await;
        let socket = WebSocket::with_options(&server.url(""), (), &options()).unwrap();
        server.next().await.reset(Reason::INTERNAL_ERROR);
        assert_eq!(events(&socket).await, ["error", "close 1006 false"]);
        let failure = socket.failure().unwrap();
        assert!(failure.is_temporary() && failure.to_string().contains("internal error"), "{failure}");
    });
}

#[test]
fn refused_stream_is_opened_again() {
    run(async {
        let mut server = Server::start().await;
        let opening = tokio::spawn(open(server.url("")));
        server.next().await.reset(Reason::REFUSED_STREAM);
        let echo = tokio::spawn(server.next().await.accept().echo());
        check_echo(&mut opening.await.unwrap(), "hello").await;
        echo.await.unwrap();
        let socket = WebSocket::with_options(&server.url(""), (), &options()).unwrap();
        for _ in 0..4 {
            server.next().await.reset(Reason::REFUSED_STREAM);
        }
        assert_eq!(events(&socket).await, ["error", "close 1006 false"]);
    });
}

#[test]
fn lost_connection_ends_each_of_its_sockets() {
    run(async {
        let mut server = Server::start().await;
        let mut sockets = Vec::new();
        for _ in 0..3 {
            let socket = WebSocket::with_options(&server.url(""), (), &options()).unwrap();
            let mut list = socket.events();
            let stream = server.next().await.accept();
            assert!(matches!(list.next().await, Some(Event::Open)));
            sockets.push((socket, list, stream));
        }
        server.drop_connection(1);
        for (socket, mut list, _stream) in sockets {
            assert!(matches!(list.next().await, Some(Event::Error)));
            assert!(matches!(list.next().await, Some(Event::Close(event)) if event.code == 1006 && !event.was_clean));
            assert!(list.next().await.is_none());
            assert!(matches!(socket.failure(), Some(Failure::Lost { .. } | Failure::Protocol(_))));
        }
        // The next socket makes a new connection.
        let opening = tokio::spawn(open(server.url("")));
        assert_eq!(server.next().await.connection, 2);
        opening.abort();
    });
}

#[test]
fn request_on_a_connection_that_is_lost_is_sent_again() {
    run(async {
        let mut server = Server::start().await;
        let first = tokio::spawn(open(server.url("")));
        let _stream = server.next().await.accept();
        drop(first.await.unwrap().sender());
        let opening = tokio::spawn(open(server.url("")));
        let unanswered = server.next().await;
        assert_eq!(unanswered.connection, 1);
        server.drop_connection(1);
        let exchange = server.next().await;
        assert_eq!(exchange.connection, 2);
        let echo = tokio::spawn(exchange.accept().echo());
        check_echo(&mut opening.await.unwrap(), "hello").await;
        echo.await.unwrap();
    });
}

#[test]
fn ping_without_answer_ends_the_connection_and_says_so() {
    run(async {
        let mut server = Server::start().await;
        let ping = Duration::from_millis(100);
        let http2 = Http2::prior_knowledge().ping_interval(ping).ping_timeout(ping);
        let socket = WebSocket::with_options(&server.url(""), (), &Options::new().http2(http2)).unwrap();
        let stream = server.next().await.accept();
        let mut list = socket.events();
        assert!(matches!(list.next().await, Some(Event::Open)));
        server.freeze(1);
        assert_eq!(events(&socket).await, ["error", "close 1006 false"]);
        let failure = socket.failure().unwrap().to_string();
        assert_eq!(failure, "the connection was lost: the server did not answer a ping of HTTP/2 in time");
        drop(stream);
    });
}

pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(30);
pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// The time for which a ping is awaited while bytes move, by the documentation of the timeout.
const LONGEST_PING: Duration = Duration::from_secs(5 * 20);
/// A `WINDOW_UPDATE` of the connection by a byte.
const WINDOW_UPDATE: [u8; 13] = [0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// Opens a socket over a stream, with pings.
pub(crate) async fn open_pinged(near: impl IoStream + 'static) -> Socket {
    let http2 = Http2::prior_knowledge().ping_interval(PING_INTERVAL).ping_timeout(PING_TIMEOUT);
    connect("ws://a.example/").options(over(near).http2(http2)).await.unwrap()
}

/// Answers the first data with the message `a`.
async fn serve_message(stream: DuplexStream) -> RawServer<DuplexStream> {
    let mut server = RawServer::over(stream).await;
    let (stream, _) = server.next(DATA).await;
    server.send(DATA, stream, &[0x81, 1, b'a']).await;
    server
}

/// Checks that a socket survives a ping whose answer is noticed late: the reads of the connection find nothing from the ping
/// on. Of the reads after its time, `frame` says which one finds a frame, if any, and the next ones find everything from
/// `answer` on.
fn check_late_answer(frame: Option<usize>, answer: usize) {
    run_paused(async {
        let (near, far) = duplex(1 << 16);
        let start = Instant::now();
        let mut reads = 0;
        let near = read_with(near, move |stream, context, buffer| {
            let elapsed = start.elapsed();
            reads += usize::from(elapsed >= PING_INTERVAL + PING_TIMEOUT);
            if frame == Some(reads) {
                buffer.put_slice(&WINDOW_UPDATE);
                return Poll::Ready(Ok(()));
            }
            if elapsed >= PING_INTERVAL && reads < answer { Poll::Pending } else { stream.poll_read(context, buffer) }
        });
        let server = tokio::spawn(serve_message(far));
        let mut socket = open_pinged(near).await;
        sleep_until(start + PING_INTERVAL + PING_TIMEOUT + Duration::from_secs(1)).await;
        check_answer(&mut socket).await;
        drop(server.await.unwrap());
    });
}

/// Sends a message, and checks that the message `a` comes back.
pub(crate) async fn check_answer(socket: &mut Socket) {
    socket.send("go".into()).await.unwrap();
    assert_eq!(socket.next().await.expect("a message").unwrap(), Message::from("a"));
}

#[test]
fn answer_to_a_ping_that_is_noticed_late_counts() {
    // When the time has passed, twice for the first turn of the reactor, twice for the second one, and then no more.
    for read in 1..=5 {
        check_late_answer(None, read);
    }
}

#[test]
fn ping_is_awaited_while_the_server_sends() {
    check_late_answer(Some(5), 9);
}

#[test]
fn ping_is_not_awaited_for_long_while_the_server_sends() {
    run_paused(async {
        let (near, far) = duplex(1 << 16);
        let start = Instant::now();
        let mut frames = interval(Duration::from_millis(1));
        let near = read_with(near, move |stream, context, buffer| {
            if start.elapsed() < PING_INTERVAL {
                return stream.poll_read(context, buffer);
            }
            ready!(frames.poll_tick(context));
            buffer.put_slice(&WINDOW_UPDATE);
            Poll::Ready(Ok(()))
        });
        let server = tokio::spawn(serve_message(far));
        let mut socket = open_pinged(near).await;
        let end = timeout(PING_INTERVAL + LONGEST_PING + Duration::from_secs(1), socket.next()).await;
        let error = end.expect("the connection ends").expect("an error").unwrap_err().to_string();
        assert_eq!(error, "the connection was lost: the server did not answer a ping of HTTP/2 in time");
        server.abort();
    });
}

/// Relays bytes in both directions, to the server a kibibyte a second.
pub(crate) async fn relay_slowly(client: DuplexStream, server: DuplexStream) {
    let (mut from_client, mut to_client) = split(client);
    let (mut from_server, mut to_server) = split(server);
    let upload = async {
        let mut seconds = interval(Duration::from_secs(1));
        let mut buffer = [0; 1 << 10];
        loop {
            seconds.tick().await;
            let count = from_client.read(&mut buffer).await.unwrap();
            if count == 0 || to_server.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    };
    select! {
        () = upload => {}
        _ = copy(&mut from_server, &mut to_client) => {}
    }
}

/// Opens a socket over a slow path, and sends a message just before a ping is due. Returns the socket and the server.
async fn send_before_ping(size: usize) -> (Socket, RawServer<DuplexStream>) {
    let (near, far) = duplex(1 << 10);
    let (relayed, server) = duplex(1 << 20);
    tokio::spawn(relay_slowly(far, relayed));
    let start = Instant::now();
    let (socket, server) = join!(open_pinged(near), async {
        let mut server = RawServer::over(server).await;
        server.widen_windows().await;
        server.accept_request().await;
        server
    });
    sleep_until(start + PING_INTERVAL - Duration::from_secs(1)).await;
    socket.send(Message::Binary(vec![7; size].into())).await.unwrap();
    (socket, server)
}

#[test]
fn ping_that_waits_behind_a_message_has_its_whole_time() {
    run_paused(async {
        // Longer than the ping's time.
        let (mut socket, mut server) = send_before_ping(60 << 10).await;
        let start = Instant::now();
        let serving = tokio::spawn(async move {
            let (stream, _) = server.next(DATA).await;
            let _ = timeout(Duration::from_secs(100), server.next(HEADERS)).await;
            server.send(DATA, stream, &[0x81, 1, b'a']).await;
            server
        });
        assert_eq!(socket.next().await.expect("a message").unwrap(), Message::from("a"));
        assert!(start.elapsed() > PING_INTERVAL + PING_TIMEOUT, "{:?}", start.elapsed());
        drop(serving.await.unwrap());
    });
}

#[test]
fn server_that_takes_bytes_and_answers_no_ping_is_given_up() {
    run_paused(async {
        let (mut socket, server) = send_before_ping(8 << 20).await;
        // It reads everything that the relay has, and answers nothing.
        let serving = tokio::spawn(server.wait_for_end());
        let start = Instant::now();
        let error = socket.next().await.expect("an error").unwrap_err().to_string();
        assert_eq!(error, "the connection was lost: the server did not answer a ping of HTTP/2 in time");
        // The ping is due a second after the start.
        assert!(start.elapsed() < LONGEST_PING + Duration::from_secs(2), "{:?}", start.elapsed());
        serving.abort();
    });
}

#[test]
fn pings_keep_a_connection_with_sockets() {
    run(async {
        let server = Server::start().await.echo();
        let ping = Duration::from_millis(20);
        let http2 = Http2::prior_knowledge().ping_interval(ping).ping_timeout(Duration::from_secs(30));
        let mut socket = connect(server.url("")).options(Options::new().http2(http2)).await.unwrap();
        for _ in 0..10 {
            tokio::time::sleep(ping).await;
            check_echo(&mut socket, "hello").await;
        }
        assert_eq!(server.connections(), 1);
    });
}

#[test]
fn server_without_the_setting_fails_prior_knowledge() {
    run(async {
        let server = Server::start_with(|_| ()).await;
        let socket = WebSocket::with_options(&server.url(""), (), &options()).unwrap();
        assert_eq!(events(&socket).await, ["error", "close 1006 false"]);
        let failure = socket.failure().unwrap();
        assert!(matches!(failure, Failure::Http2 { .. }) && !failure.is_temporary(), "{failure}");
        assert_eq!(failure.to_string(), "HTTP/2 failed: the server does not accept WebSockets over HTTP/2");
    });
}

#[test]
fn server_of_http_1_fails_prior_knowledge() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let socket = WebSocket::with_options(&url, (), &options()).unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.unwrap();
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        assert_eq!(events(&socket).await, ["error", "close 1006 false"]);
        assert!(matches!(socket.failure(), Some(Failure::Http2 { .. })), "{:?}", socket.failure());
    });
}

#[test]
fn response_with_too_many_bytes_of_fields_fails() {
    run(async {
        let mut server = Server::start().await;
        let options = options().max_head_bytes(1000);
        let neighbour = connect(server.url("")).options(options.clone());
        let (neighbour, mut stream) = join!(async { neighbour.await.unwrap() }, async { server.next().await.accept() });
        // One long field, and many short ones, which take more memory.
        let long = Response::builder().header("x", "x".repeat(6000));
        let short = (0..240).fold(Response::builder(), |response, _| response.header("x", ""));
        for response in [long, short] {
            let socket = WebSocket::with_options(&server.url(""), (), &options).unwrap();
            let _stream = server.next().await.accept_with(response.body(()).unwrap());
            assert_eq!(events(&socket).await, ["error", "close 1006 false"]);
            let failure = socket.failure();
            let is_limit = matches!(&failure, Some(Failure::Protocol(ProtocolFailure::HeadTooLong { limit: 1000 })));
            assert!(is_limit, "{failure:?}");
        }
        // A refusal is one all the same.
        let socket = WebSocket::with_options(&server.url(""), (), &options).unwrap();
        let response = Response::builder().status(503).header("retry-after", "9").header("x", "x".repeat(2000));
        server.next().await.refuse(response.body(()).unwrap(), "");
        assert_eq!(events(&socket).await, ["error", "close 1006 false"]);
        let failure = socket.failure();
        let Some(Failure::Refused(response)) = failure else { panic!("{failure:?}") };
        assert_eq!((response.status(), response.header("retry-after")), (503, Some("9")));
        assert!(response.is_body_truncated());
        let mut neighbour = neighbour;
        stream.text("still open").await;
        assert_eq!(neighbour.next().await.unwrap().unwrap(), Message::from("still open"));
        assert_eq!(server.connections(), 1);
    });
}

#[test]
fn wrong_status_is_a_refusal() {
    run(async {
        let mut server = Server::start().await;
        for status in [304, 404, 500] {
            let socket = WebSocket::with_options(&server.url(""), (), &options()).unwrap();
            server.next().await.refuse(Response::builder().status(status).body(()).unwrap(), "");
            assert_eq!(events(&socket).await, ["error", "close 1006 false"]);
            assert!(matches!(socket.failure(), Some(Failure::Refused(response)) if response.status() == status));
        }
    });
}

#[test]
fn request_that_may_be_processed_is_not_sent_again() {
    run(async {
        let mut server = Server::start().await;
        let socket = WebSocket::with_options(&server.url(""), (), &options()).unwrap();
        let request = server.next().await;
        // The GOAWAY says that the request was processed.
        server.give_up(1);
        assert_eq!(events(&socket).await, ["error", "close 1006 false"]);
        assert_eq!((request.connection, server.connections()), (1, 1));
    });
}

#[test]
fn processed_request_on_a_used_connection_is_not_sent_again() {
    run(async {
        let mut server = Server::start().await;
        let neighbour = WebSocket::with_options(&server.url(""), (), &options()).unwrap();
        let stream = server.next().await.accept();
        assert!(matches!(neighbour.events().next().await, Some(Event::Open)));
        let socket = WebSocket::with_options(&server.url(""), (), &options()).unwrap();
        let request = server.next().await;
        server.give_up(1);
        assert_eq!(events(&socket).await, ["error", "close 1006 false"]);
        assert_eq!((request.connection, server.connections()), (1, 1));
        drop(stream);
    });
}

#[test]
fn request_is_not_sent_again_to_a_server_that_breaks_rules() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let socket = WebSocket::with_options(&url, (), &options()).unwrap();
        let serving = tokio::spawn(async move {
            for _ in 0..2 {
                let mut server = RawServer::accept(&listener).await;
                server.next(HEADERS).await;
                // Data that belongs to no stream.
                server.send(DATA, 0, b"data").await;
                let _ = server.wait_for_end().await;
            }
        });
        assert_eq!(events(&socket).await, ["error", "close 1006 false"]);
        assert!(matches!(socket.failure(), Some(Failure::Http2 { .. })), "{:?}", socket.failure());
        assert!(!serving.is_finished(), "the request was sent again");
        serving.abort();
    });
}

#[test]
fn failed_connection_says_why_in_a_close_frame() {
    run(async {
        let mut server = Server::start().await;
        let socket = WebSocket::with_options(&server.url(""), (), &options()).unwrap();
        let mut stream = server.next().await.accept();
        // A masked frame of a server is an error.
        stream.send_all(vec![0x81, 0x80, 0, 0, 0, 0].into()).await.unwrap();
        assert_eq!(stream.frame().await.map(|frame| (frame.0, frame.1[..2].to_vec())), Some((0x88, vec![0x03, 0xea])));
        assert_eq!(events(&socket).await, ["open", "error", "close 1006 false"]);
    });
}

#[test]
fn panic_of_a_connectors_stream_ends_its_sockets() {
    run(async {
        let mut server = Server::start().await;
        let panics = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&panics);
        let dial = move |target: &Target| -> Connecting {
            let (address, flag) = ((target.host.clone(), target.port), Arc::clone(&flag));
            Box::pin(async move {
                let stream = TcpStream::connect(address).await?;
                let panicking = read_with(stream, move |stream, context, buffer| {
                    let read = stream.poll_read(context, buffer);
                    assert!(read.is_pending() || !flag.load(Ordering::Relaxed), "a panic of the user's stream");
                    read
                });
                Ok(Box::new(panicking) as Box<dyn IoStream>)
            })
        };
        let options = options().connector(dial);
        let mut sockets = Vec::new();
        for _ in 0..3 {
            let socket = WebSocket::with_options(&server.url(""), (), &options).unwrap();
            let mut list = socket.events();
            let stream = server.next().await.accept();
            assert!(matches!(list.next().await, Some(Event::Open)));
            sockets.push((stream, socket, list));
        }
        panics.store(true, Ordering::Relaxed);
        sockets[0].0.text("hello").await;
        for (_stream, socket, list) in sockets {
            assert_eq!(rest_of(list).await, ["error", "close 1006 false"]);
            let failure = socket.failure().unwrap().to_string();
            assert!(failure.contains("panic"), "{failure}");
        }
    });
}
