//! Connections that are given up, by the client or by the server.

use std::future::ready;
use std::io::ErrorKind;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::channel::mpsc;
use futures::{StreamExt, join};
use samesocket::{Http2, IoStream, Options, Target, WebSocket, connect};
use tokio::io::{DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::raw_server::{GOAWAY, HEADERS, PING, RESET, RawServer};
use crate::streams::{breaking, over};
use crate::{events, options, run, run_paused};

const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Returns options whose connections are pipes, and the servers' ends of these.
fn piped() -> (Options, mpsc::UnboundedReceiver<DuplexStream>) {
    let (dialed, servers) = mpsc::unbounded();
    let options = Options::new().connector(move |_: &Target| {
        let (near, far) = duplex(1 << 16);
        dialed.unbounded_send(far).unwrap();
        ready(Ok(Box::new(near) as Box<dyn IoStream>))
    });
    let http2 = Http2::prior_knowledge().ping_interval(PING_INTERVAL).ping_timeout(PING_TIMEOUT);
    (options.http2(http2), servers)
}

/// Checks that a connection whose server answers nothing any more is replaced within `limit`. It was `idle` for some time, and then
/// each socket gives up after ten seconds.
fn check_replacement(idle: Duration, limit: Duration) {
    run_paused(async {
        let (options, mut servers) = piped();
        let open =
            || connect("ws://a.example/").options(options.clone()).timeout(Duration::from_secs(10)).into_future();
        let (socket, mut dead) = join!(open(), async {
            let mut server = RawServer::over(servers.next().await.unwrap()).await;
            server.accept_request().await;
            server
        });
        socket.unwrap().control().abort();
        dead.next(RESET).await;
        sleep(idle).await;
        let serving = tokio::spawn(async move {
            let mut server = RawServer::over(servers.next().await.unwrap()).await;
            server.accept_request().await;
            server
        });
        let start = Instant::now();
        while open().await.is_err() {
            assert!(start.elapsed() < limit, "no other connection");
        }
        assert!(start.elapsed() < limit, "{:?}", start.elapsed());
        drop((dead, serving.await.unwrap()));
    });
}

#[test]
fn dead_connection_is_replaced_although_sockets_give_up() {
    // The ping is due at the beginning, or as long after the last sign of life as on a connection with a socket.
    let second = Duration::from_secs(1);
    check_replacement(PING_INTERVAL + second, PING_TIMEOUT + second);
    check_replacement(Duration::ZERO, PING_INTERVAL + PING_TIMEOUT + second);
}

#[test]
fn connection_that_is_given_up_is_reset() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let ping = Duration::from_millis(100);
        let options = Options::new().http2(Http2::prior_knowledge().ping_interval(ping).ping_timeout(ping));
        let socket = WebSocket::with_options(&url, (), &options).unwrap();
        let mut server = RawServer::accept(&listener).await;
        server.accept_request().await;
        // It answers no ping.
        let end = server.wait_for_end().await.map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset));
        assert_eq!(events(&socket).await, ["open", "error", "close 1006 false"]);
    });
}

/// How a server ends a connection after its GOAWAY.
enum End {
    Eof,
    Reset,
}

/// A GOAWAY that has processed this stream. `ENHANCE_YOUR_CALM` is 11.
fn too_many(stream: u32) -> Vec<u8> {
    [&stream.to_be_bytes()[..], &11_u32.to_be_bytes(), b"too many"].concat()
}

const TOO_MANY: &str =
    "the connection was lost: connection error received: detected excessive load generating behavior (b\"too many\")";

#[test]
fn goaway_before_a_failed_write_says_why() {
    for is_within_frame in [false, true] {
        run_paused(async {
            let (near, far) = duplex(1 << 16);
            let (stream, is_broken) = breaking(near);
            let options = over(stream).http2(Http2::prior_knowledge());
            let socket = WebSocket::with_options("ws://a.example/", (), &options).unwrap();
            let mut server = RawServer::over(far).await;
            let stream = server.accept_request().await;
            server.send(GOAWAY, 0, &too_many(stream)).await;
            server.send(PING, 0, &[7; 8]).await;
            while server.next(PING).await.1 != [7; 8] {}
            if is_within_frame {
                server.send_part().await;
            }
            is_broken.store(true, Ordering::Relaxed);
            socket.send("hello").unwrap();
            assert_eq!(events(&socket).await, ["open", "error", "close 1006 false"]);
            assert_eq!(socket.failure().unwrap().to_string(), TOO_MANY);
        });
    }
}

#[test]
fn server_that_ends_the_connection_says_why() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        for (is_open, end) in [(true, End::Eof), (false, End::Eof), (true, End::Reset), (false, End::Reset)] {
            let socket = WebSocket::with_options(&url, (), &options()).unwrap();
            let mut server = RawServer::accept(&listener).await;
            let stream = if is_open { server.accept_request().await } else { server.next(HEADERS).await.0 };
            server.send(GOAWAY, 0, &too_many(stream)).await;
            match end {
                End::Eof => server.end().await,
                End::Reset => {
                    // The client has read the GOAWAY when it answers the ping.
                    server.send(PING, 0, &[7; 8]).await;
                    while server.next(PING).await.1 != [7; 8] {}
                    server.reset();
                }
            }
            let expected: &[_] = if is_open { &["open"] } else { &[] };
            assert_eq!(events(&socket).await, [expected, &["error", "close 1006 false"]].concat());
            assert_eq!(socket.failure().unwrap().to_string(), TOO_MANY);
        }
    });
}
