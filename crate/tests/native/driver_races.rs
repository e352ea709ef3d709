//! Changes that reach the driver between two of its steps: none may be lost, and none may run under its lock.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::join;
use samesocket::{Blob, Event, Message, Options, ReadyState, Socket, WebSocket, connect};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::{Instant, timeout};

use crate::broken_connections::broken_socket;
use crate::manual_server::{ManualConnection, ManualServer};
use crate::streams::{over, read_with};
use crate::support::{NotifyWaker, event_lines};

/// Fails the test if `work` hangs.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), work).await.expect("a change was lost")
}

/// The bytes of a message that call a function when they are dropped.
struct CallOnDrop<F: FnMut() + Send + Sync>(Vec<u8>, F);

impl<F: FnMut() + Send + Sync> AsRef<[u8]> for CallOnDrop<F> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<F: FnMut() + Send + Sync> Drop for CallOnDrop<F> {
    fn drop(&mut self) {
        (self.1)();
    }
}

fn payload(size: usize, on_drop: impl FnMut() + Send + Sync + 'static) -> Bytes {
    Bytes::from_owner(CallOnDrop(vec![0; size], on_drop))
}

async fn discard(mut stream: TcpStream) {
    let mut buffer = vec![0; 1 << 20];
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
}

/// Waits until something is buffered, and then begins to wait for `drained`. Returns `None` if that is over at once.
fn wait_while_sending(socket: &Arc<Socket>, stop: &AtomicBool) -> Option<(BoxFuture<'static, ()>, Arc<NotifyWaker>)> {
    while !stop.load(Ordering::Relaxed) {
        if socket.buffered_amount() == 0 {
            continue;
        }
        let woken = Arc::new(NotifyWaker::default());
        let waiting = Arc::clone(socket);
        let mut drained: BoxFuture<'static, ()> = Box::pin(async move { waiting.drained().await.unwrap() });
        if drained.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&woken)))).is_pending() {
            return Some((drained, woken));
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiter_between_two_writes_of_a_sender_is_woken() {
    let server = ManualServer::new().await;
    for _ in 0..100 {
        let opening = samesocket::connect(server.url("a"));
        let (socket, stream) = tokio::join!(async { opening.await.unwrap() }, async {
            server.next().await.accept_upgrade().await.into_stream()
        });
        tokio::spawn(discard(stream));
        let (socket, stop) = (Arc::new(socket), Arc::new(AtomicBool::new(false)));
        let (waiter, stopped) = (Arc::clone(&socket), Arc::clone(&stop));
        let waiting = tokio::task::spawn_blocking(move || wait_while_sending(&waiter, &stopped));
        let sender = Arc::clone(&socket);
        tokio::task::spawn_blocking(move || sender.try_send(vec![7; 1 << 20].into()).unwrap()).await.unwrap();
        stop.store(true, Ordering::Relaxed);
        if let Some((drained, woken)) = waiting.await.unwrap() {
            soon(woken.0.notified()).await;
            drop(drained);
        }
    }
}

#[tokio::test]
async fn drain_timeout_ends_a_connection_whose_receiver_is_full() {
    let (socket, _server) = broken_socket(Duration::from_millis(50), true).await;
    timeout(Duration::from_secs(4), socket.closed()).await.expect("closed after 50 ms, before the idle check");
}

#[tokio::test]
async fn close_by_the_stream_itself_fires_error_and_close() {
    let (stream, _server) = duplex(1 << 20);
    let own = Arc::new(OnceLock::new());
    let (closed, mut reads) = (Arc::clone(&own), 0);
    let stream = read_with(stream, move |stream, context, buffer| {
        reads += 1;
        if let Some(socket) = closed.get().filter(|_: &&WebSocket| reads >= 2) {
            socket.close(None, None).unwrap();
        }
        stream.poll_read(context, buffer)
    });
    let options = over(stream).runtime(Handle::current());
    let socket = WebSocket::with_options("ws://a.example/", (), &options).unwrap();
    let _ = own.set(socket.clone());
    assert_eq!(soon(event_lines(&socket)).await, ["error", "close 1006 \"\" unclean"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close_by_another_thread_fires_close_at_any_moment() {
    let server = ManualServer::new().await;
    let url = server.url("a");
    let accepting = tokio::spawn(async move {
        loop {
            tokio::spawn(discard(server.accept().await));
        }
    });
    for spins in (0..2000_u32).map(|number| number * 37 % 6000) {
        let socket = WebSocket::new(&url, ()).unwrap();
        (0..spins).for_each(|_| std::hint::spin_loop());
        socket.close(None, None).unwrap();
        soon(socket.closed()).await;
    }
    accepting.abort();
}

#[tokio::test]
async fn destructor_that_fills_the_queue_runs_outside_the_lock() {
    let server = ManualServer::new().await;
    let options = Options::new().max_queued_bytes(300_000);
    let socket = WebSocket::with_options(&server.url("a"), (), &options).unwrap();
    let (dropped, mut has_dropped) = tokio::sync::mpsc::unbounded_channel();
    let send = move |socket: &WebSocket, event: &Event| {
        if matches!(event, Event::Message(_)) {
            let (first, second, dropped) = (socket.clone(), socket.clone(), dropped.clone());
            socket.send(&payload(65_536, move || drop(first.send(&vec![0; 400_000])))).unwrap();
            let uses_lock = move || {
                second.buffered_amount();
                let _ = dropped.send(());
            };
            socket.send(&payload(20_000, uses_lock)).unwrap();
        }
    };
    socket.subscribe(send).detach();
    let mut stream = server.next().await.accept_upgrade().await.into_stream();
    stream.write_all(&[0x81, 1, b'a']).await.unwrap();
    assert!(soon(has_dropped.recv()).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn bytes_that_arrive_at_the_end_of_the_last_look_count() {
    const TIMEOUT: Duration = Duration::from_secs(10);
    let (stream, far) = duplex(1 << 14);
    let deadline = Arc::new(OnceLock::<Instant>::new());
    let (awaited, mut polls) = (Arc::clone(&deadline), 0);
    // The answer, a Close frame, is there at the third poll after the deadline. The timer of the last look ends before that.
    let stream = read_with(stream, move |stream, context, buffer| {
        polls += usize::from(awaited.get().is_some_and(|deadline| *deadline <= Instant::now()));
        if polls == 3 {
            buffer.put_slice(&[0x88, 2, 3, 0xe8]);
            return Poll::Ready(Ok(()));
        }
        stream.poll_read(context, buffer)
    });
    let options = over(stream).runtime(Handle::current()).closing_timeout(TIMEOUT);
    let socket = WebSocket::with_options("ws://a.example/", (), &options).unwrap();
    let _far = ManualConnection::read(far).await.accept_upgrade().await;
    while socket.ready_state() != ReadyState::Open {
        tokio::task::yield_now().await;
    }
    socket.close(Some(1000), None).unwrap();
    deadline.set(Instant::now() + TIMEOUT).unwrap();
    assert_eq!(event_lines(&socket).await, ["open", "close 1000 \"\" clean"]);
}

/// A stream that accepts everything once it is told to, and records what was written before its shutdown.
struct Recording {
    stream: DuplexStream,
    accepts_all: Arc<AtomicBool>,
    written: usize,
    written_at_shutdown: Arc<AtomicUsize>,
}

impl AsyncRead for Recording {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Recording {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.accepts_all.load(Ordering::Relaxed) {
            self.written += bytes.len();
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.written_at_shutdown.store(self.written, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn stream_is_shut_down_after_the_close_frame() {
    let (stream, far) = duplex(1 << 20);
    let (accepts_all, written_at_shutdown) = (Arc::default(), Arc::default());
    let recording = Recording {
        stream,
        accepts_all: Arc::clone(&accepts_all),
        written: 0,
        written_at_shutdown: Arc::clone(&written_at_shutdown),
    };
    let options = over(recording).runtime(Handle::current());
    let socket = WebSocket::with_options("ws://a.example/", (), &options).unwrap();
    let send = move |socket: &WebSocket, event: &Event| {
        if matches!(event, Event::Message(_)) {
            (0..64).for_each(|_| socket.send(&[0; 16_376]).unwrap());
        }
    };
    socket.subscribe(send).detach();
    let mut far = ManualConnection::read(far).await.accept_upgrade().await.into_stream();
    accepts_all.store(true, Ordering::Relaxed);
    // A message, and a frame with a reserved opcode.
    far.write_all(&[0x81, 1, b'a', 0x83, 0]).await.unwrap();
    soon(socket.closed()).await;
    let shut_down = async {
        while written_at_shutdown.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon(shut_down).await;
    // Each frame has a header of 8 bytes, and the Close frame has 8 bytes in all.
    assert_eq!(written_at_shutdown.load(Ordering::Relaxed), 64 * 16_384 + 8);
}

#[test]
fn payloads_that_panic_at_the_end_of_a_runtime_do_not_abort() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (socket, _far) = runtime.block_on(async {
        let (stream, far) = duplex(1 << 14);
        let socket = WebSocket::with_options("ws://a.example/", (), &over(stream).runtime(Handle::current())).unwrap();
        let far = ManualConnection::read(far).await.accept_upgrade().await.into_stream();
        while socket.ready_state() != ReadyState::Open {
            tokio::task::yield_now().await;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blob");
        std::fs::write(&path, vec![7; 100_000]).unwrap();
        for number in 0..8 {
            if number == 4 {
                // Payloads behind a file wait elsewhere.
                socket.send(&Blob::from_file(&path).unwrap()).unwrap();
            }
            socket.send(&payload(100_000, || panic!("on purpose"))).unwrap();
        }
        (socket, far)
    });
    drop(runtime);
    assert!(socket.failure().is_some());
}

#[test]
fn stream_that_a_sender_uses_is_dropped_when_the_runtime_ends() {
    let servers = Runtime::new().unwrap();
    let server = servers.block_on(ManualServer::new());
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let options = Options::new().runtime(runtime.handle().clone());
    let connecting = async { connect(server.url("")).options(options).await.unwrap() };
    let accepting = async { server.next().await.accept_upgrade().await.into_stream() };
    let (socket, mut stream) = servers.block_on(async { join!(connecting, accepting) });
    let (release, released) = mpsc::channel::<()>();
    let (start, started) = mpsc::channel();
    // The driver has no thread from now on.
    runtime.spawn(async move {
        start.send(()).unwrap();
        released.recv()
    });
    started.recv().unwrap();
    let ending = Mutex::new(Some((runtime, release)));
    let end_runtime = move || {
        let (runtime, release) = ending.lock().unwrap().take().unwrap();
        drop(release);
        drop(runtime);
    };
    socket.try_send("first".into()).unwrap();
    // It is dropped when this thread writes it, because the flood that follows is large enough.
    socket.try_send(Message::Binary(payload(20_000, end_runtime))).unwrap();
    while socket.try_send(Message::Binary(vec![0; 1024].into())).is_ok() {}
    // A reset is an end as well.
    let _ = servers.block_on(soon(stream.read_to_end(&mut Vec::new())));
    assert_eq!(socket.ready_state(), ReadyState::Closed);
}
