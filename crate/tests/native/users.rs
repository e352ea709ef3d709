//! What is the user's: streams and connectors that use their own socket, and what panics.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use samesocket::{
    Connecting, CookieStore, Event, Failure, Options, ReadyState, Stream, Subscription, Target, WebSocket,
};
use samesocket_fault_server::Until;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Apart;
use crate::support::{Stage, line, lines};

/// A socket that its own stream can get at, and how often that has sent.
#[derive(Default)]
struct Curiosity {
    socket: OnceLock<WebSocket>,
    sent: AtomicUsize,
}

type Own = Arc<Curiosity>;

/// How many messages a stream sends, at most.
const SENT: usize = 50;

/// Uses all that asks for a lock.
fn ask(own: &Own) {
    if let Some(socket) = own.socket.get() {
        let _ = (socket.buffered_amount(), socket.protocol(), socket.failure());
        if socket.ready_state() == ReadyState::Open && own.sent.fetch_add(1, Ordering::Relaxed) < SENT {
            socket.send("").unwrap();
        }
    }
}

/// A stream that uses its own socket whenever it is used.
struct Curious<S> {
    stream: S,
    own: Own,
}

impl<S: AsyncRead + Unpin> AsyncRead for Curious<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ask(&self.own);
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Curious<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ask(&self.own);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ask(&self.own);
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ask(&self.own);
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> Drop for Curious<S> {
    fn drop(&mut self) {
        ask(&self.own);
    }
}

/// Fails a test whose socket has locked itself out.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), work).await.expect("nobody waits for a lock for ever")
}

#[tokio::test]
async fn a_stream_may_use_its_own_socket_while_another_thread_sends() {
    let stage = Stage::new().await;
    let address = stage.address();
    let own = Own::default();
    let for_stream = Arc::clone(&own);
    let connector = move |_: &Target| {
        let own = Arc::clone(&for_stream);
        async move {
            ask(&own);
            let stream = TcpStream::connect(address).await?;
            Ok(Box::new(Curious { stream, own }) as Box<dyn Stream>)
        }
    };
    let options = Options::new().connector(connector);
    let url = stage.url("a", "subprotocol=chat&do=text:a,echo");
    let socket = WebSocket::with_options(&url, "chat", &options).unwrap();
    let _ = own.socket.set(socket.clone());
    let sending = tokio::task::spawn_blocking(move || {
        let (opened, has_opened) = std::sync::mpsc::channel();
        let open = move |_: &WebSocket, event: &Event| {
            if matches!(event, Event::Message(_)) {
                let _ = opened.send(());
            }
        };
        let subscription = socket.subscribe(open);
        has_opened.recv().unwrap();
        drop(subscription);
        for _ in 0..200 {
            socket.send(&vec![0; 40_000]).unwrap();
        }
        socket.close(Some(3000), None).unwrap();
        socket
    });
    let socket = soon(sending).await.unwrap();
    soon(socket.closed()).await;
    assert_eq!(socket.buffered_amount(), 0);
    let record = stage.store().wait_record("a", Until::End).await;
    let long = record.messages.iter().filter(|message| message.length == 40_000).count();
    assert_eq!(long, 200);
}

/// A future that uses its own socket when it is dropped.
struct Farewell(Own);

impl Drop for Farewell {
    fn drop(&mut self) {
        ask(&self.0);
    }
}

#[tokio::test]
async fn a_connector_that_is_given_up_may_use_its_own_socket() {
    let own = Own::default();
    let (started, mut has_started) = tokio::sync::mpsc::unbounded_channel();
    let for_connector = Arc::clone(&own);
    let connector = move |_: &Target| {
        let (farewell, started) = (Farewell(Arc::clone(&for_connector)), started.clone());
        async move {
            let _farewell = farewell;
            let _ = started.send(());
            std::future::pending::<io::Result<Box<dyn Stream>>>().await
        }
    };
    let socket = WebSocket::with_options("ws://a.example/", (), &Options::new().connector(connector)).unwrap();
    let _ = own.socket.set(socket.clone());
    has_started.recv().await.unwrap();
    socket.close(None, None).unwrap();
    assert_eq!(soon(lines(&socket)).await, ["error", "close 1006 \"\" unclean"]);
}

/// When something of the user's panics.
#[derive(Clone, Copy, PartialEq)]
enum When {
    Cookies,
    SetCookies,
    Connector,
    Connecting,
    Read,
    Write,
    Dropped,
}

impl When {
    fn panic_if(self, when: Self) {
        assert!(self != when, "on purpose");
    }
}

impl CookieStore for When {
    fn cookies(&self, _: &str) -> Option<String> {
        self.panic_if(Self::Cookies);
        None
    }

    fn set_cookies(&self, _: &str, _: &[&[u8]]) {
        self.panic_if(Self::SetCookies);
    }
}

/// A stream that panics when it is told to, and then again when it is dropped.
struct Panicking(TcpStream, When);

impl AsyncRead for Panicking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.0).poll_read(context, buffer);
        assert!(self.1 != When::Read || buffer.filled().len() == before, "on purpose");
        read
    }
}

impl AsyncWrite for Panicking {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.1.panic_if(When::Write);
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl Drop for Panicking {
    fn drop(&mut self) {
        assert!(!matches!(self.1, When::Read | When::Write | When::Dropped), "on purpose");
    }
}

/// Options by which something panics at this time.
fn panicking(address: std::net::SocketAddr, when: When) -> Options {
    let connector = move |_: &Target| -> Connecting {
        when.panic_if(When::Connector);
        Box::pin(async move {
            when.panic_if(When::Connecting);
            Ok(Box::new(Panicking(TcpStream::connect(address).await?, when)) as Box<dyn Stream>)
        })
    };
    Options::new().connector(connector).cookies(when)
}

#[tokio::test]
async fn a_panic_of_the_users_fails_its_own_socket_and_is_what_failure_tells() {
    let stage = Stage::new().await;
    let other = WebSocket::new(&stage.url("other", "do=text:a,echo"), ()).unwrap();
    let mut events = other.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    let url = stage.url("a", "header=Set-Cookie:%20a=1&do=text:a,close:1000");
    for when in [When::Cookies, When::SetCookies, When::Connector, When::Connecting, When::Read, When::Write] {
        let socket = WebSocket::with_options(&url, (), &panicking(stage.address(), when)).unwrap();
        assert_eq!(soon(lines(&socket)).await, ["error", "close 1006 \"\" unclean"]);
        let failure = socket.failure().unwrap();
        assert!(
            matches!(&failure, Failure::Panicked { message: Some(text) } if text.contains("on purpose")),
            "{failure:?}"
        );
    }
    let socket = WebSocket::with_options(&url, (), &panicking(stage.address(), When::Dropped)).unwrap();
    assert_eq!(soon(lines(&socket)).await, ["open", "text \"a\"", "close 1000 \"\" clean"]);
    assert!(socket.failure().is_none());
    other
        .subscribe(|other, event| {
            if matches!(event, Event::Message(_)) {
                other.close(None, None).unwrap();
            }
        })
        .detach();
    other.send("b").unwrap();
    let rest: Vec<_> = soon(events.map(|event| line(&event)).collect()).await;
    assert_eq!(rest.first().map(String::as_str), Some("text \"a\""));
    assert_eq!(rest.last().map(String::as_str), Some("close 1005 \"\" clean"));
}

/// A part of a callback that panics when it is dropped.
struct Brittle;

impl Drop for Brittle {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

#[tokio::test]
async fn callbacks_that_panic_when_they_are_dropped_keep_nobody_from_what_comes_nor_from_the_end() {
    let stage = Stage::new().await;
    let socket = WebSocket::new(&stage.url("a", "do=text:a,text:b,close:1000"), ()).unwrap();
    let place = Arc::new(Mutex::new(None::<Subscription>));
    let (own, brittle) = (Arc::clone(&place), Brittle);
    let leaving = socket.subscribe(move |_, event| {
        let _brittle = &brittle;
        if matches!(event, Event::Message(_)) {
            drop(own.lock().unwrap().take());
        }
    });
    *place.lock().unwrap() = Some(leaving);
    for brittle in [Brittle, Brittle] {
        socket
            .subscribe(move |_, _| {
                let _brittle = &brittle;
            })
            .detach();
    }
    assert_eq!(soon(lines(&socket)).await, ["open", "text \"a\"", "text \"b\"", "close 1000 \"\" clean"]);
    assert!(socket.failure().is_none());
}

/// Bytes that panic when they are dropped.
struct Spiteful(Vec<u8>);

impl AsRef<[u8]> for Spiteful {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Spiteful {
    fn drop(&mut self) {
        panic!("the bytes are spiteful");
    }
}

#[test]
fn bytes_that_panic_when_they_are_dropped_end_their_socket_and_not_who_sends_after_them() {
    let apart = Apart::new();
    let Apart { runtime, stage, .. } = &apart;
    let socket = Arc::new(apart.open("to"));
    let mut events = socket.events();
    apart.take_the_first(&mut events);
    // What a callback sends waits for whoever writes next.
    let from = WebSocket::new(&stage.url("from", "do=text:a"), ()).unwrap();
    let (sent, wait) = std::sync::mpsc::channel();
    let to = Arc::clone(&socket);
    let relay = from.subscribe(move |_, event| {
        if matches!(event, Event::Message(_)) {
            to.send(&Bytes::from_owner(Spiteful(vec![0; 20_000]))).unwrap();
            sent.send(()).unwrap();
        }
    });
    wait.recv().unwrap();
    socket.send(&[0; 5_000]).unwrap();
    let rest: Vec<_> = runtime.block_on(events.map(|event| line(&event)).collect());
    assert_eq!(rest, ["error", "close 1006 \"\" unclean"]);
    let failure = socket.failure();
    assert!(
        matches!(&failure, Some(Failure::Panicked { message: Some(text) }) if text.contains("spiteful")),
        "{failure:?}"
    );
    assert_eq!(socket.buffered_amount(), 25_000);
    drop(relay);
}
