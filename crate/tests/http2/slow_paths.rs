//! Connections whose path is slow, or stops for a while.

use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::join;
use samesocket::{Error, Http2, Socket, connect};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::failures::{PING_INTERVAL, PING_TIMEOUT, check_answer, open_pinged, relay_slowly};
use crate::raw_server::{DATA, PING, RESET, RawServer};
use crate::run_paused;
use crate::server::frame;
use crate::streams::over;

/// The code of a reset.
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// Longer than the bytes of all buffers take at a kibibyte a second, and shorter than the whole upload.
const BUFFERS: Duration = Duration::from_secs(1000);

/// Opens two sockets over one slow path, of which the first one uploads 8 MiB. Returns both, the server, and the stream of the second.
async fn open_beside_upload() -> (Socket, Socket, RawServer<DuplexStream>, u32) {
    let (near, far) = duplex(1 << 10);
    let (relayed, server) = duplex(1 << 10);
    tokio::spawn(relay_slowly(far, relayed));
    let options = over(near).http2(Http2::prior_knowledge().ping_interval(Duration::MAX));
    let open = || connect("ws://a.example/").options(options.clone()).close_timeout(BUFFERS).into_future();
    let (uploading, mut server) = join!(open(), async {
        let mut server = RawServer::over(server).await;
        server.widen_windows().await;
        server.accept_request().await;
        server
    });
    let (neighbour, stream) = join!(open(), server.accept_request());
    let uploading = uploading.unwrap();
    uploading.send(vec![7; 8 << 20].into()).await.unwrap();
    // All buffers on the way are full then.
    sleep(Duration::from_secs(10)).await;
    (uploading, neighbour.unwrap(), server, stream)
}

/// Reads everything, and answers the first data of a stream. Returns the time at which it came.
fn answer_first(
    mut server: RawServer<DuplexStream>,
    stream: u32,
    answer: &'static [u8],
) -> (oneshot::Receiver<Instant>, JoinHandle<()>) {
    let (report, reported) = oneshot::channel();
    let serving = async move {
        let mut report = Some(report);
        loop {
            if server.next(DATA).await.0 == stream {
                if let Some(report) = report.take() {
                    report.send(Instant::now()).unwrap();
                    server.send(DATA, stream, answer).await;
                }
            }
        }
    };
    (reported, tokio::spawn(serving))
}

#[test]
fn upload_of_a_neighbour_does_not_delay_drained() {
    run_paused(async {
        let (uploading, neighbour, server, stream) = open_beside_upload().await;
        let (arrived, serving) = answer_first(server, stream, &[0x81, 0]);
        neighbour.send("x".into()).await.unwrap();
        timeout(BUFFERS, neighbour.drained()).await.expect("the message has left").unwrap();
        let drained = Instant::now();
        let arrived = arrived.await.unwrap();
        assert!(drained - arrived < Duration::from_secs(3), "{:?}", drained - arrived);
        assert!(uploading.control().buffered_amount() > 4 << 20);
        serving.abort();
    });
}

#[test]
fn upload_of_a_neighbour_does_not_delay_the_close() {
    run_paused(async {
        let (uploading, neighbour, server, stream) = open_beside_upload().await;
        let (arrived, serving) = answer_first(server, stream, &[0x88, 0]);
        let closed = timeout(BUFFERS, neighbour.close(None, None)).await.expect("the socket closes").unwrap();
        assert!(closed.was_clean);
        // The server has two seconds to end the stream after both Close frames.
        let elapsed = arrived.await.unwrap().elapsed();
        assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
        assert!(uploading.control().buffered_amount() > 4 << 20);
        serving.abort();
    });
}

/// How a stream ends.
#[derive(Clone, Copy, Debug)]
enum StreamEnd {
    Lost,
    Reset,
}

#[test]
fn drained_fails_if_bytes_are_lost_with_the_stream() {
    for end in [StreamEnd::Lost, StreamEnd::Reset] {
        run_paused(async {
            let (near, far) = duplex(1 << 10);
            let options = over(near).http2(Http2::prior_knowledge());
            let (socket, (mut server, stream)) =
                join!(connect("ws://a.example/").options(options).into_future(), async {
                    let mut server = RawServer::over(far).await;
                    let stream = server.accept_request().await;
                    (server, stream)
                });
            let socket = socket.unwrap();
            socket.send(vec![7; 60_000].into()).await.unwrap();
            let (drained, _server) = join!(socket.drained(), async {
                sleep(Duration::from_secs(1)).await;
                assert_eq!(socket.control().buffered_amount(), 0);
                match end {
                    StreamEnd::Lost => drop(server),
                    StreamEnd::Reset => {
                        server.send(RESET, stream, &CANCEL).await;
                        return Some(server);
                    }
                }
                None
            });
            assert!(matches!(drained, Err(Error::Undelivered { .. })), "{end:?}: {drained:?}");
            assert_eq!(socket.control().buffered_amount(), 0);
        });
    }
}

#[test]
fn drained_fails_if_a_reset_discards_bytes_behind_an_upload() {
    run_paused(async {
        let (_uploading, mut neighbour, mut server, stream) = open_beside_upload().await;
        neighbour.send(vec![7; 60_000].into()).await.unwrap();
        let (drained, (_arrived, serving)) = join!(neighbour.drained(), async {
            sleep(Duration::from_secs(1)).await;
            assert_eq!(neighbour.control().buffered_amount(), 0);
            server.send(RESET, stream, &CANCEL).await;
            answer_first(server, stream, &[])
        });
        assert!(matches!(drained, Err(Error::Undelivered { .. })), "{drained:?}");
        let error = neighbour.next().await.unwrap().unwrap_err().to_string();
        assert_eq!(error, "the connection was lost: stream error received: stream no longer needed");
        serving.abort();
    });
}

#[test]
fn drained_fails_after_a_reset_behind_unread_messages() {
    run_paused(async {
        let (near, far) = duplex(1 << 10);
        let options = over(near).http2(Http2::prior_knowledge().stream_window(16 << 20));
        let (socket, (mut server, stream)) = join!(connect("ws://a.example/").options(options).into_future(), async {
            let mut server = RawServer::over(far).await;
            server.widen_windows().await;
            let stream = server.accept_request().await;
            (server, stream)
        });
        let (sender, mut receiver) = socket.unwrap().split();
        sender.send(vec![7; 200_000].into()).await.unwrap();
        let (drained, _server) = join!(sender.drained(), async {
            // More than a receiver that does not read takes.
            for _ in 0..300 {
                server.send(DATA, stream, &frame(0x82, &[7; 10_000])).await;
            }
            server.send(RESET, stream, &CANCEL).await;
            sleep(Duration::from_secs(1)).await;
            // The server reads what had left `h2` by then. The rest is discarded.
            assert!(timeout(Duration::from_secs(1), server.next(PING)).await.is_err());
            while let Some(Ok(_)) = receiver.next().await {}
            server
        });
        assert!(matches!(drained, Err(Error::Undelivered { .. })), "{drained:?}");
    });
}

#[test]
fn ping_is_awaited_while_its_answer_is_on_the_way() {
    const MESSAGE: usize = 60 << 10;
    run_paused(async {
        let (near, far) = duplex(1 << 10);
        let (relayed, server) = duplex(1 << 20);
        tokio::spawn(relay_slowly(relayed, far));
        let start = Instant::now();
        let (mut socket, mut server) = join!(open_pinged(near), async {
            let mut server = RawServer::over(server).await;
            let stream = server.accept_request().await;
            (server, stream)
        });
        let serving = tokio::spawn(async move {
            let (server, stream) = (&mut server.0, server.1);
            let ping = server.next(PING).await.1;
            // Longer than the ping's time.
            let mut message = vec![0x82, 126];
            message.extend(u16::try_from(MESSAGE).unwrap().to_be_bytes());
            message.resize(message.len() + MESSAGE, 7);
            for part in message.chunks(16 << 10) {
                server.send(DATA, stream, part).await;
            }
            server.answer_ping(&ping).await;
            server.next(DATA).await;
            server.send(DATA, stream, &[0x81, 1, b'a']).await;
            server.next(DATA).await;
        });
        assert_eq!(socket.next().await.expect("a message").unwrap().size(), MESSAGE as u64);
        assert!(start.elapsed() > PING_INTERVAL + PING_TIMEOUT, "{:?}", start.elapsed());
        check_answer(&mut socket).await;
        serving.abort();
    });
}

/// A stream that accepts nothing from the time of a ping on, up to one of the writes after the ping's deadline.
struct Stalling {
    stream: DuplexStream,
    start: Instant,
    /// The writes after the deadline.
    writes: usize,
    /// The first one of them that is accepted.
    accepted: usize,
}

impl AsyncRead for Stalling {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stalling {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let elapsed = self.start.elapsed();
        self.writes += usize::from(elapsed >= PING_INTERVAL + PING_TIMEOUT);
        if elapsed >= PING_INTERVAL && self.writes < self.accepted {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[test]
fn ping_that_is_written_in_the_last_look_has_its_time() {
    // At the deadline, twice for the first turn of the reactor, and once for the second one.
    for accepted in 1..=4 {
        run_paused(async {
            let (near, far) = duplex(1 << 16);
            let start = Instant::now();
            let near = Stalling { stream: near, start, writes: 0, accepted };
            let (mut socket, mut server) = join!(open_pinged(near), async {
                let mut server = RawServer::over(far).await;
                let stream = server.accept_request().await;
                (server, stream)
            });
            let serving = tokio::spawn(async move {
                let (server, stream) = (&mut server.0, server.1);
                let ping = server.next(PING).await.1;
                sleep(PING_TIMEOUT / 2).await;
                server.answer_ping(&ping).await;
                server.next(DATA).await;
                server.send(DATA, stream, &[0x81, 1, b'a']).await;
                server.next(DATA).await;
            });
            sleep_until(start + PING_INTERVAL + 2 * PING_TIMEOUT).await;
            check_answer(&mut socket).await;
            serving.abort();
        });
    }
}
