//! The buffers between HTTP/2 and the byte stream of a connection.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use futures::future::{join, join_all};
use samesocket::{Connecting, Failure, Http2, IoStream, Options, Target, WebSocket, connect};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, duplex};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::raw_server::{DATA, RawServer};
use crate::server::Server;
use crate::streams::over;
use crate::{options, rest_of, run, run_paused};

const KIB: usize = 1 << 10;

/// A record of a connection's stream, and an order for it.
#[derive(Default)]
struct Observed {
    /// The sizes of the writes.
    writes: Mutex<Vec<usize>>,
    /// Whether writes fail.
    breaks: AtomicBool,
    /// The turn of the runtime.
    turn: AtomicUsize,
    /// The bytes that were read in each turn.
    read: Mutex<BTreeMap<usize, usize>>,
}

struct Observing<S>(S, Arc<Observed>);

impl<S: AsyncRead + Unpin> AsyncRead for Observing<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.0).poll_read(context, buffer);
        let turn = self.1.turn.load(Ordering::Relaxed);
        *self.1.read.lock().unwrap().entry(turn).or_default() += buffer.filled().len() - before;
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Observing<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        if self.1.breaks.load(Ordering::Relaxed) {
            return Poll::Ready(Err(Error::new(ErrorKind::ConnectionReset, "broken on purpose")));
        }
        self.1.writes.lock().unwrap().push(bytes.len());
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// A stream that takes parts of several slices at a time.
struct Vectored(TcpStream);

impl AsyncRead for Vectored {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Vectored {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(10_007).collect();
        self.poll_write(context, &bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Returns options whose connections are observed.
fn observed_options() -> (Options, Arc<Observed>) {
    let observed = Arc::<Observed>::default();
    let shared = Arc::clone(&observed);
    let dial = move |target: &Target| -> Connecting {
        let (address, observed) = ((target.host.clone(), target.port), Arc::clone(&shared));
        Box::pin(
            async move { Ok(Box::new(Observing(TcpStream::connect(address).await?, observed)) as Box<dyn IoStream>) },
        )
    };
    (options().connector(dial), observed)
}

/// Sends a message that the server sends back; returns the sizes of the writes.
async fn writes_of_a_message(length: usize) -> Vec<usize> {
    const WINDOW: u32 = 1 << 20;
    let server = Server::start_with(|builder| {
        builder.enable_connect_protocol().initial_window_size(WINDOW).initial_connection_window_size(WINDOW);
    });
    let server = server.await.echo();
    let (options, observed) = observed_options();
    let mut socket = connect(server.url("")).options(options).await.unwrap();
    observed.writes.lock().unwrap().clear();
    socket.send(vec![7; length].into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().into_bytes().unwrap().len(), length);
    std::mem::take(&mut *observed.writes.lock().unwrap())
}

#[test]
fn frames_of_a_message_are_written_together() {
    run(async {
        // Two frames. The writes after it update windows.
        assert!(writes_of_a_message(20 * KIB).await[0] > 20 * KIB);
    });
}

#[test]
fn writes_of_one_poll_grow() {
    run(async {
        let writes = writes_of_a_message(200 * KIB).await;
        // The server can begin early, and much is written at a time. The system may take a write in parts.
        assert!((32 * KIB..49 * KIB).contains(&writes[0]), "{writes:?}");
        assert!(writes.iter().any(|&size| size > 64 * KIB), "{writes:?}");
    });
}

#[test]
fn messages_of_all_sizes_arrive_as_they_were_sent() {
    run(async {
        let server = Server::start().await.echo();
        let dial = |target: &Target| -> Connecting {
            let address = (target.host.clone(), target.port);
            Box::pin(async move { Ok(Box::new(Vectored(TcpStream::connect(address).await?)) as Box<dyn IoStream>) })
        };
        for options in [options(), options().connector(dial)] {
            // The frames of all sockets alternate on one connection.
            let exchanges = (0_u8..3).map(|number| {
                let connecting = connect(server.url("")).options(options.clone());
                async move {
                    let mut socket = connecting.await.unwrap();
                    for size in [1, 200, 5_000, 17_000, 100_000, 600_000] {
                        let message: Vec<u8> = (0..=250).map(|byte| byte ^ number).cycle().take(size).collect();
                        socket.send(message.clone().into()).await.unwrap();
                        let echo = socket.next().await.unwrap().unwrap().into_bytes().unwrap();
                        assert!(echo == message, "{size} bytes of socket {number}");
                    }
                }
            });
            join_all(exchanges).await;
        }
    });
}

#[test]
fn failed_write_ends_the_sockets_of_the_connection_with_its_error() {
    run(async {
        let mut server = Server::start().await;
        let (options, observed) = observed_options();
        let mut sockets = Vec::new();
        for _ in 0..2 {
            let socket = WebSocket::with_options(&server.url(""), (), &options).unwrap();
            let mut list = socket.events();
            let stream = server.next().await.accept();
            assert!(list.next().await.is_some());
            sockets.push((stream, socket, list));
        }
        observed.breaks.store(true, Ordering::Relaxed);
        sockets[0].1.send("hello").unwrap();
        for (_stream, socket, list) in sockets {
            assert_eq!(rest_of(list).await, ["error", "close 1006 false"]);
            let Some(Failure::Lost { source }) = socket.failure() else { panic!("{:?}", socket.failure()) };
            assert!(source.to_string().contains("broken on purpose"), "{source}");
        }
    });
}

#[test]
fn failed_write_during_drained_ends_the_socket_with_its_error() {
    run_paused(async {
        let (near, far) = duplex(KIB);
        let observed = Arc::<Observed>::default();
        let options = over(Observing(near, Arc::clone(&observed))).http2(Http2::prior_knowledge());
        let (socket, server) = join(connect("ws://a.example/").options(options).into_future(), async {
            let mut server = RawServer::over(far).await;
            server.accept_request().await;
            server
        })
        .await;
        let mut socket = socket.unwrap();
        socket.send(vec![7; 60_000].into()).await.unwrap();
        let breaking = async {
            sleep(Duration::from_secs(1)).await;
            observed.breaks.store(true, Ordering::Relaxed);
            // The client writes again then.
            let _ = server.wait_for_end().await;
        };
        let (drained, ()) = join(socket.drained(), breaking).await;
        assert!(matches!(drained, Err(samesocket::Error::Undelivered { .. })), "{drained:?}");
        let error = socket.next().await.unwrap().unwrap_err().to_string();
        assert!(error.contains("broken on purpose"), "{error}");
    });
}

#[test]
fn sockets_take_their_bytes_before_much_more_is_read() {
    const MESSAGE: usize = 400 * KIB;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let observed = Arc::<Observed>::default();
    let counting = Arc::clone(&observed);
    let test = async {
        // It runs between any two polls of another task.
        tokio::spawn(poll_fn(move |context| {
            counting.turn.fetch_add(1, Ordering::Relaxed);
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        let (near, far) = duplex(4 << 20);
        let near = Observing(near, Arc::clone(&observed));
        let options = over(near).http2(Http2::prior_knowledge().stream_window(1 << 20));
        let client = async {
            let mut socket = connect("ws://a.example/").options(options).await.unwrap();
            socket.send("go".into()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap().into_bytes().unwrap().len(), MESSAGE);
        };
        let server = async {
            let mut server = RawServer::over(far).await;
            let (stream, _) = server.next(DATA).await;
            let mut message = vec![0x82, 127];
            message.extend((MESSAGE as u64).to_be_bytes());
            message.resize(message.len() + MESSAGE, 0);
            // All of it is there before the client reads, because nothing of this waits.
            for part in message.chunks(16 * KIB) {
                server.send(DATA, stream, part).await;
            }
            server
        };
        tokio::join!(server, client);
    };
    runtime
        .block_on(async { tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test ends in time") });
    let most = observed.read.lock().unwrap().values().copied().max().unwrap();
    // A poll reads 128 KiB, and the last read may exceed that by its own size.
    assert!(most <= (128 + 64) * KIB, "{most} bytes were read in one turn");
}
