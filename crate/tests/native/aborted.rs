//! Connections that are given up are gone from the system at once.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use futures::{AsyncWriteExt as _, FutureExt, StreamExt};
use samesocket::{
    Connect, ConnectError, Error, Event, Failure, Options, ProtocolFailure, Proxy, ReadyState, Socket, WebSocket,
    connect,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::certificates::TestCertificate;
use crate::manual_server::{ManualConnection, ManualServer};
use crate::support::{event_line, event_lines};

/// The time within which the system tells the server. The timeouts of the socket are longer.
const AT_ONCE: Duration = Duration::from_secs(10);

/// A timeout that expires in the test.
const SHORT: Duration = Duration::from_millis(50);

/// Waits until the client's end of a connection is gone, however much the client sends before.
async fn is_gone(mut stream: impl AsyncRead + Unpin) -> bool {
    let end = async {
        let mut buffer = [0; 1024];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) => return ErrorKind::UnexpectedEof,
                Ok(_) => {}
                Err(error) => return error.kind(),
            }
        }
    };
    // TLS reports a reset, or an end without a farewell.
    matches!(timeout(AT_ONCE, end).await, Ok(ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof))
}

/// Returns whether the system still has a TCP socket from this local address to the server.
fn is_known_to_the_system(client: SocketAddr, server: SocketAddr) -> bool {
    let written = [client, server].map(|address| {
        let SocketAddr::V4(address) = address else { panic!("an IPv4 address") };
        format!("{:08X}:{:04X}", u32::from_le_bytes(address.ip().octets()), address.port())
    });
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().any(|line| line.split_whitespace().skip(1).take(2).eq(written.iter()))
}

/// A server that opens connections and answers nothing else, and the options of its clients.
enum SilentServer {
    Plain,
    Tls(Box<TestCertificate>),
    Proxy,
}

impl SilentServer {
    fn all() -> [Self; 3] {
        [Self::Plain, Self::Tls(Box::new(TestCertificate::new("server"))), Self::Proxy]
    }

    fn url(&self, server: &ManualServer) -> String {
        match self {
            Self::Plain => server.url("a"),
            Self::Tls(_) => server.url("a").replace("ws://", "wss://"),
            Self::Proxy => "ws://behind.example/a".to_owned(),
        }
    }

    fn options(&self, server: &ManualServer) -> Options {
        let options = Options::new();
        match self {
            Self::Plain => options,
            Self::Tls(certificate) => options.root_certificate(certificate.certificate()),
            Self::Proxy => options.proxy(Proxy::new(&format!("http://{}", server.address())).unwrap()),
        }
    }

    /// Accepts a connection up to the request of the opening handshake, and answers that if `opens`.
    async fn accept(&self, server: &ManualServer, opens: bool) -> (SocketAddr, Box<dyn Stream>) {
        let stream = server.accept().await;
        let client = stream.peer_addr().unwrap();
        (client, self.answer(stream, opens).await)
    }

    async fn answer(&self, stream: TcpStream, opens: bool) -> Box<dyn Stream> {
        match self {
            Self::Plain => open(ManualConnection::read(stream).await, opens).await,
            Self::Tls(certificate) => {
                let stream = certificate.acceptor().accept(stream).await.unwrap();
                open(ManualConnection::read(stream).await, opens).await
            }
            Self::Proxy => open(ManualConnection::read(stream).await.open_tunnel().await, opens).await,
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn open<S: Stream + 'static>(connection: ManualConnection<S>, opens: bool) -> Box<dyn Stream> {
    let connection = if opens { connection.accept_upgrade().await } else { connection };
    Box::new(connection.into_stream())
}

#[tokio::test]
async fn socket_dropped_after_its_close_timed_out_is_aborted() {
    for kind in SilentServer::all() {
        let server = ManualServer::new().await;
        let connecting = connect(kind.url(&server)).options(kind.options(&server)).close_timeout(SHORT);
        let (socket, (_, stream)) = tokio::join!(connecting.into_future(), kind.accept(&server, true));
        let socket = socket.unwrap();
        assert!(matches!(socket.close(Some(1000), None).await, Err(Error::CloseTimedOut { .. })));
        drop(socket);
        assert!(is_gone(stream).await);
    }
}

#[tokio::test]
async fn close_that_times_out_after_the_drop_aborts() {
    let server = ManualServer::new().await;
    let connecting = connect(server.url("a")).close_timeout(SHORT);
    let (socket, (_, stream)) = tokio::join!(connecting.into_future(), SilentServer::Plain.accept(&server, true));
    let closing = socket.unwrap().close(Some(1000), None);
    assert!(matches!(closing.await, Err(Error::CloseTimedOut { .. })));
    assert!(is_gone(stream).await);
}

#[tokio::test]
async fn kept_socket_is_closed_after_its_close_timed_out() {
    let server = ManualServer::new().await;
    for set in [
        |connect: Connect| connect.close_timeout(SHORT),
        |connect: Connect| connect.options(Options::new().closing_timeout(SHORT)),
        |connect: Connect| connect.close_timeout(AT_ONCE).options(Options::new().closing_timeout(SHORT)),
        |connect: Connect| connect.options(Options::new().closing_timeout(AT_ONCE)).close_timeout(SHORT),
    ] {
        let connecting = set(connect(server.url("a"))).into_future();
        let (socket, (_, stream)) = tokio::join!(connecting, SilentServer::Plain.accept(&server, true));
        let mut socket = socket.unwrap();
        for _ in 0..2 {
            let closed = socket.close(Some(1000), None).await;
            assert!(matches!(closed, Err(Error::CloseTimedOut { after: SHORT })), "{closed:?}");
        }
        assert!(is_gone(stream).await);
        let Some(Err(Error::Failed(failed))) = socket.next().await else { panic!("one error ends the stream") };
        assert_eq!((failed.event().code, failed.event().was_clean), (1006, false));
        assert_eq!(failed.failure(), Some(&Failure::Protocol(ProtocolFailure::ClosingTimeout)));
    }
}

#[tokio::test]
async fn dropped_socket_has_the_close_timeout_of_its_builder() {
    let server = ManualServer::new().await;
    let connecting = connect(server.url("a")).close_timeout(SHORT).into_future();
    let (socket, (_, stream)) = tokio::join!(connecting, SilentServer::Plain.accept(&server, true));
    drop(socket);
    assert!(is_gone(stream).await);
}

#[tokio::test]
async fn byte_stream_and_remote_abort_after_a_close_timed_out() {
    let server = ManualServer::new().await;
    let connecting = || connect(server.url("a")).close_timeout(SHORT).into_future();
    let (socket, (_, stream)) = tokio::join!(connecting(), SilentServer::Plain.accept(&server, true));
    let mut bytes = socket.unwrap().into_bytes();
    bytes.close().await.unwrap();
    drop(bytes);
    assert!(is_gone(stream).await);

    let (socket, (_, stream)) = tokio::join!(connecting(), SilentServer::Plain.accept(&server, true));
    let remote = socket.unwrap().into_remote();
    assert!(matches!(remote.close(Some(1000), None).await, Err(Error::CloseTimedOut { .. })));
    drop(remote);
    assert!(is_gone(stream).await);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn connection_that_timed_out_is_unknown_to_the_system() {
    for kind in SilentServer::all() {
        for opens in [true, false] {
            let server = ManualServer::new().await;
            let mut options = kind.options(&server).closing_timeout(SHORT);
            if !opens {
                options = options.opening_timeout(Duration::from_millis(500));
            }
            let socket = WebSocket::with_options(&kind.url(&server), (), &options).unwrap();
            socket.subscribe(|socket, _| drop(socket.close(Some(1000), None))).detach();
            let (client, stream) = kind.accept(&server, opens).await;
            assert!(is_known_to_the_system(client, server.address()));
            let seen = event_lines(&socket).await;
            // At the event, not later: nothing of the connection waits for the server.
            assert!(!is_known_to_the_system(client, server.address()), "opens: {opens}");
            let expected: &[_] =
                if opens { &["close 1006 \"\" unclean"] } else { &["error", "close 1006 \"\" unclean"] };
            assert!(seen.ends_with(&expected.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()), "{seen:?}");
            drop(stream);
        }
    }
}

#[tokio::test]
async fn opening_connection_that_is_given_up_is_aborted() {
    for kind in SilentServer::all() {
        let server = ManualServer::new().await;
        let connecting = || connect(kind.url(&server)).options(kind.options(&server));
        let mut timed = Box::pin(connecting().timeout(Duration::from_millis(500)).into_future());
        assert!((&mut timed).now_or_never().is_none());
        let (_, stream) = kind.accept(&server, false).await;
        assert!(matches!(timed.await, Err(ConnectError::TimedOut { .. })));
        assert!(is_gone(stream).await);

        let mut dropped = Box::pin(connecting().into_future());
        assert!((&mut dropped).now_or_never().is_none());
        // The first bytes of the connection are enough: the request, or the TLS or proxy handshake.
        let mut stream = server.accept().await;
        stream.read_u8().await.unwrap();
        drop(dropped);
        assert!(is_gone(stream).await);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn aborted_connection_is_unknown_to_the_system_at_once() {
    for kind in SilentServer::all() {
        let server = ManualServer::new().await;
        let connecting = connect(kind.url(&server)).options(kind.options(&server));
        let (socket, (client, stream)) = tokio::join!(connecting.into_future(), kind.accept(&server, true));
        let mut socket = socket.unwrap();
        // More than the system accepts, so that the server reads it after a reset only if it was sent before.
        socket.send(vec![0; 32 << 20].into()).await.unwrap();
        while is_known_to_the_system(client, server.address()) {
            // The driver may use the stream at the moment. It then resets it when it has done so.
            socket.abort();
            tokio::task::yield_now().await;
        }
        assert!(matches!(socket.send("a".into()).await, Err(Error::NotOpen(_))));
        let Some(Err(Error::Failed(failed))) = socket.next().await else { panic!("one error ends the stream") };
        assert_eq!((failed.event().code, failed.event().was_clean), (1006, false));
        assert_eq!(failed.failure(), Some(&Failure::Protocol(ProtocolFailure::Aborted)));
        assert!(socket.next().await.is_none());
        assert!(is_gone(stream).await);
    }
}

#[tokio::test]
async fn abort_fires_one_close_event_in_each_state() {
    let close = "close 1006 \"\" unclean";
    let server = ManualServer::new().await;
    let socket = || WebSocket::new(&server.url("a"), ()).unwrap();

    let unstarted = socket();
    unstarted.abort();
    assert_eq!(event_lines(&unstarted).await, ["error", close]);

    let connecting = socket();
    let connection = server.next().await;
    connecting.abort();
    assert_eq!(
        (event_lines(&connecting).await, connecting.ready_state()),
        (vec!["error".to_owned(), close.to_owned()], ReadyState::Closed)
    );
    assert!(is_gone(connection.into_stream()).await);

    let open = socket();
    let stream = server.next().await.accept_upgrade().await.into_stream();
    let mut events = open.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    open.abort();
    open.abort();
    assert_eq!(open.ready_state(), ReadyState::Closing);
    let rest: Vec<_> = events.map(|event| event_line(&event)).collect().await;
    assert_eq!(rest, [close]);
    assert!(is_gone(stream).await);
    open.abort();
    assert_eq!(open.closed().await.code, 1006);

    let closing = socket();
    let mut stream = server.next().await.accept_upgrade().await.into_stream();
    let mut events = closing.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    closing.close(Some(1000), None).unwrap();
    stream.read_exact(&mut [0; 8]).await.unwrap();
    closing.abort();
    let rest: Vec<_> = events.map(|event| event_line(&event)).collect().await;
    assert_eq!(rest, [close]);
    assert!(is_gone(stream).await);
}

#[tokio::test]
async fn abort_within_a_callback_is_the_last_call() {
    let server = ManualServer::new().await;
    let socket = WebSocket::new(&server.url("a"), ()).unwrap();
    let (sender, lines) = futures::channel::mpsc::unbounded();
    let subscription = socket.subscribe(move |socket, event| {
        sender.unbounded_send(event_line(event)).unwrap();
        if matches!(event, Event::Message(_)) {
            socket.abort();
        }
    });
    let mut stream = server.next().await.accept_upgrade().await.into_stream();
    tokio::io::AsyncWriteExt::write_all(&mut stream, &[0x81, 1, b'a', 0x81, 1, b'b', 0x88, 2, 3, 0xe8]).await.unwrap();
    assert_eq!(lines.collect::<Vec<_>>().await, ["open", "text \"a\"", "close 1006 \"\" unclean"]);
    assert!(is_gone(stream).await);
    drop(subscription);
}

#[tokio::test]
async fn abort_of_each_handle_resets_the_connection() {
    let aborts: [fn(Socket); 5] = [
        |socket| socket.control().abort(),
        |socket| socket.sender().abort(),
        |socket| socket.into_bytes().abort(),
        |socket| socket.into_remote().abort(),
        |socket| socket.into_remote().split().0.abort(),
    ];
    for abort in aborts {
        let server = ManualServer::new().await;
        let connecting = connect(server.url("a")).into_future();
        let (socket, (_, mut stream)) = tokio::join!(connecting, SilentServer::Plain.accept(&server, true));
        let socket = socket.unwrap();
        let closed = socket.closed();
        abort(socket);
        assert_eq!(closed.await.code, 1006);
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset, "no Close frame was sent");
    }
}

#[test]
fn abort_resets_a_connection_whose_runtime_does_not_run() {
    let (servers, undriven) = (Runtime::new().unwrap(), Builder::new_current_thread().enable_all().build().unwrap());
    let server = servers.block_on(ManualServer::new());
    let options = Options::new().runtime(undriven.handle().clone());
    let accepting = async { server.next().await.accept_upgrade().await.into_stream() };
    let connecting = async { tokio::join!(connect(server.url("a")).options(options), accepting) };
    let (socket, stream) = undriven.block_on(connecting);
    let socket = socket.unwrap();
    socket.abort();
    assert!(servers.block_on(is_gone(stream)));
    assert_eq!(undriven.block_on(socket.closed()).code, 1006);
}
