//! User code that uses its own socket from within a callback, or that panics.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use samesocket::rustls::crypto::{CryptoProvider, KeyProvider, ring};
use samesocket::rustls::pki_types::PrivateKeyDer;
use samesocket::rustls::sign::SigningKey;
use samesocket::{
    Connecting, CookieStore, Event, Failure, IoStream, Options, ReadyState, Subscription, Target, WebSocket,
};
use samesocket_fault_server::Until;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::certificates::TestCertificate;
use crate::manual_server::{ManualServer, failure_of};
use crate::separate_runtimes::SeparateRuntimes;
use crate::support::{TestServer, event_line, event_lines};

/// A socket that its own stream uses, and the number of messages that the stream has sent.
#[derive(Default)]
struct OwnSocket {
    socket: OnceLock<WebSocket>,
    sent: AtomicUsize,
}

type Own = Arc<OwnSocket>;

/// The most messages that a stream sends.
const MAX_SENT: usize = 50;

/// Calls methods of the socket that take its lock.
fn use_socket(own: &Own) {
    if let Some(socket) = own.socket.get() {
        let _ = (socket.buffered_amount(), socket.protocol(), socket.failure());
        if socket.ready_state() == ReadyState::Open && own.sent.fetch_add(1, Ordering::Relaxed) < MAX_SENT {
            socket.send("").unwrap();
        }
    }
}

/// A stream that uses its own socket in each method.
struct Reentrant<S> {
    stream: S,
    own: Own,
}

impl<S: AsyncRead + Unpin> AsyncRead for Reentrant<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        use_socket(&self.own);
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Reentrant<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        use_socket(&self.own);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        use_socket(&self.own);
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        use_socket(&self.own);
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> Drop for Reentrant<S> {
    fn drop(&mut self) {
        use_socket(&self.own);
    }
}

/// Fails the test if `work` hangs, for example in a deadlock.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), work).await.expect("a deadlock")
}

#[tokio::test]
async fn stream_may_use_its_own_socket() {
    let test_server = TestServer::new().await;
    let address = test_server.address();
    let own = Own::default();
    let for_stream = Arc::clone(&own);
    let connector = move |_: &Target| {
        let own = Arc::clone(&for_stream);
        async move {
            use_socket(&own);
            let stream = TcpStream::connect(address).await?;
            Ok(Box::new(Reentrant { stream, own }) as Box<dyn IoStream>)
        }
    };
    let options = Options::new().connector(connector);
    let url = test_server.url("a", "subprotocol=chat&do=text:a,echo");
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
    let record = test_server.store().wait_record("a", Until::End).await;
    let long = record.messages.iter().filter(|message| message.length == 40_000).count();
    assert_eq!(long, 200);
}

/// A value that uses its own socket when it is dropped.
struct UseOnDrop(Own);

impl Drop for UseOnDrop {
    fn drop(&mut self) {
        use_socket(&self.0);
    }
}

#[tokio::test]
async fn cancelled_connector_may_use_its_own_socket() {
    let own = Own::default();
    let (started, mut has_started) = tokio::sync::mpsc::unbounded_channel();
    let for_connector = Arc::clone(&own);
    let connector = move |_: &Target| {
        let (use_on_drop, started) = (UseOnDrop(Arc::clone(&for_connector)), started.clone());
        async move {
            let _use_on_drop = use_on_drop;
            let _ = started.send(());
            std::future::pending::<io::Result<Box<dyn IoStream>>>().await
        }
    };
    let socket = WebSocket::with_options("ws://a.example/", (), &Options::new().connector(connector)).unwrap();
    let _ = own.socket.set(socket.clone());
    has_started.recv().await.unwrap();
    socket.close(None, None).unwrap();
    assert_eq!(soon(event_lines(&socket)).await, ["error", "close 1006 \"\" unclean"]);
}

/// The moment at which user code panics.
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

/// A stream that panics at a given moment, and again when it is dropped.
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

/// Returns options whose user code panics at this moment.
fn panicking(address: std::net::SocketAddr, when: When) -> Options {
    let connector = move |_: &Target| -> Connecting {
        when.panic_if(When::Connector);
        Box::pin(async move {
            when.panic_if(When::Connecting);
            Ok(Box::new(Panicking(TcpStream::connect(address).await?, when)) as Box<dyn IoStream>)
        })
    };
    Options::new().connector(connector).cookies(when)
}

#[tokio::test]
async fn panic_of_user_code_fails_only_its_own_socket() {
    let test_server = TestServer::new().await;
    let other = WebSocket::new(&test_server.url("other", "do=text:a,echo"), ()).unwrap();
    let mut events = other.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    let url = test_server.url("a", "header=Set-Cookie:%20a=1&do=text:a,close:1000");
    for when in [When::Cookies, When::SetCookies, When::Connector, When::Connecting, When::Read, When::Write] {
        let socket = WebSocket::with_options(&url, (), &panicking(test_server.address(), when)).unwrap();
        assert_eq!(soon(event_lines(&socket)).await, ["error", "close 1006 \"\" unclean"]);
        let failure = socket.failure().unwrap();
        assert!(
            matches!(&failure, Failure::Panicked { message: Some(text) } if text.contains("on purpose")),
            "{failure:?}"
        );
    }
    let socket = WebSocket::with_options(&url, (), &panicking(test_server.address(), When::Dropped)).unwrap();
    assert_eq!(soon(event_lines(&socket)).await, ["open", "text \"a\"", "close 1000 \"\" clean"]);
    assert!(socket.failure().is_none());
    other
        .subscribe(|other, event| {
            if matches!(event, Event::Message(_)) {
                other.close(None, None).unwrap();
            }
        })
        .detach();
    other.send("b").unwrap();
    let rest: Vec<_> = soon(events.map(|event| event_line(&event)).collect()).await;
    assert_eq!(rest.first().map(String::as_str), Some("text \"a\""));
    assert_eq!(rest.last().map(String::as_str), Some("close 1005 \"\" clean"));
}

/// Cryptography that panics when the TLS configuration is built.
#[derive(Debug)]
struct PanickingKeys;

impl KeyProvider for PanickingKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, samesocket::rustls::Error> {
        panic!("on purpose");
    }
}

#[tokio::test]
async fn panic_while_tls_is_configured_is_reported_as_one() {
    let provider = CryptoProvider { key_provider: &PanickingKeys, ..ring::default_provider() };
    let certificate = TestCertificate::new("localhost");
    let server = ManualServer::new().await;
    let options = Options::new()
        .crypto_provider(Arc::new(provider))
        .client_certificate([certificate.certificate()], certificate.key().secret_der())
        .unwrap();
    let failure = failure_of(&format!("wss://{}/", server.address()), &options).await;
    assert_eq!(failure, Failure::Panicked { message: Some("on purpose".to_owned()) });
}

/// A value that panics when it is dropped.
struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

#[tokio::test]
async fn callback_that_panics_on_drop_does_not_affect_the_others() {
    let test_server = TestServer::new().await;
    let socket = WebSocket::new(&test_server.url("a", "do=text:a,text:b,close:1000"), ()).unwrap();
    let slot = Arc::new(Mutex::new(None::<Subscription>));
    let (own, value) = (Arc::clone(&slot), PanicOnDrop);
    let leaving = socket.subscribe(move |_, event| {
        let _value = &value;
        if matches!(event, Event::Message(_)) {
            drop(own.lock().unwrap().take());
        }
    });
    *slot.lock().unwrap() = Some(leaving);
    for value in [PanicOnDrop, PanicOnDrop] {
        socket
            .subscribe(move |_, _| {
                let _value = &value;
            })
            .detach();
    }
    assert_eq!(soon(event_lines(&socket)).await, ["open", "text \"a\"", "text \"b\"", "close 1000 \"\" clean"]);
    assert!(socket.failure().is_none());
}

/// Bytes that panic when they are dropped.
struct PanickingBytes(Vec<u8>);

impl AsRef<[u8]> for PanickingBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for PanickingBytes {
    fn drop(&mut self) {
        panic!("the bytes panic");
    }
}

#[test]
fn bytes_that_panic_on_drop_fail_their_socket_not_the_sender() {
    let runtimes = SeparateRuntimes::new();
    let SeparateRuntimes { runtime, test_server, .. } = &runtimes;
    let socket = Arc::new(runtimes.open("to"));
    let mut events = socket.events();
    runtimes.skip_opening_events(&mut events);
    // A message sent within a callback waits for the next write.
    let from = WebSocket::new(&test_server.url("from", "do=text:a"), ()).unwrap();
    let (sent, wait) = std::sync::mpsc::channel();
    let to = Arc::clone(&socket);
    let relay = from.subscribe(move |_, event| {
        if matches!(event, Event::Message(_)) {
            to.send(&Bytes::from_owner(PanickingBytes(vec![0; 20_000]))).unwrap();
            sent.send(()).unwrap();
        }
    });
    wait.recv().unwrap();
    socket.send(&[0; 5_000]).unwrap();
    let rest: Vec<_> = runtime.block_on(events.map(|event| event_line(&event)).collect());
    assert_eq!(rest, ["error", "close 1006 \"\" unclean"]);
    let failure = socket.failure();
    assert!(
        matches!(&failure, Some(Failure::Panicked { message: Some(text) }) if text.contains("the bytes panic")),
        "{failure:?}"
    );
    assert_eq!(socket.buffered_amount(), 25_000);
    drop(relay);
}

/// The bytes of a message whose destructor waits for a lock.
struct LockedOnDrop {
    bytes: Vec<u8>,
    dropping: std::sync::mpsc::Sender<()>,
    lock: Arc<Mutex<()>>,
}

impl AsRef<[u8]> for LockedOnDrop {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for LockedOnDrop {
    fn drop(&mut self) {
        let _ = self.dropping.send(());
        drop(self.lock.lock().unwrap());
    }
}

#[tokio::test]
async fn payload_destructor_may_wait_for_a_thread_that_sends() {
    let test_server = TestServer::new().await;
    // The background thread must not be blocked.
    let options = Options::new().background_thread();
    let socket = WebSocket::with_options(&test_server.url("a", "do=text:a,echo"), (), &options).unwrap();
    let mut events = socket.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    let lock = Arc::new(Mutex::new(()));
    let (dropping, is_dropping) = std::sync::mpsc::channel();
    let (sent, has_sent) = std::sync::mpsc::channel();
    let other = socket.clone();
    let holder = Arc::clone(&lock);
    let (holds, is_held) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let guard = holder.lock().unwrap();
        holds.send(()).unwrap();
        is_dropping.recv().unwrap();
        // The destructor waits for the guard by now.
        other.send("b").unwrap();
        drop(guard);
        sent.send(()).unwrap();
    });
    is_held.recv().unwrap();
    // Large enough to be queued as it is, and masked by the driver.
    let payload = LockedOnDrop { bytes: vec![7; 2 << 20], dropping, lock };
    socket.send(&Bytes::from_owner(payload)).unwrap();
    let sent = tokio::task::spawn_blocking(move || has_sent.recv_timeout(Duration::from_secs(30)));
    assert!(sent.await.unwrap().is_ok(), "the sender waits for the destructor, which waits for the sender");
    socket.close(None, None).unwrap();
    assert_eq!(soon(socket.closed()).await.code, 1005);
}
