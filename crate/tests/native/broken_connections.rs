//! Connections that break while data waits to be sent or received.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use samesocket::{Error, Event, Failure, IoStream, Message, Options, ReadyState, Socket, Target, WebSocket, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::timeout;

use crate::manual_server::{ManualConnection, ManualServer};
use crate::streams::breaking;
use crate::support::event_lines;

/// Close 1000.
const CLOSE: [u8; 4] = [0x88, 2, 3, 0xe8];

#[tokio::test]
async fn close_event_is_unclean_if_our_close_frame_was_not_sent() {
    let manual_server = ManualServer::new().await;
    let socket = WebSocket::new(&manual_server.url("a"), ()).unwrap();
    let open = |socket: &WebSocket, event: &Event| {
        if matches!(event, Event::Open) {
            socket.send(&vec![0; 32 << 20]).unwrap();
        }
    };
    socket.subscribe(open).detach();
    let (seen, ()) = tokio::join!(event_lines(&socket), async {
        let mut stream = manual_server.next().await.accept_upgrade().await.into_stream();
        stream.read_u8().await.unwrap();
        stream.write_all(&CLOSE).await.unwrap();
        // The system resets the connection, because there is unread data.
        drop(stream);
    });
    assert_eq!(seen, ["open", "close 1000 \"\" unclean"]);
    assert!(socket.buffered_amount() > 0);
    assert!(matches!(socket.failure(), Some(Failure::Lost { .. } | Failure::Protocol(_))), "{:?}", socket.failure());
}

#[tokio::test]
async fn reset_after_a_clean_close_is_no_failure() {
    let manual_server = ManualServer::new().await;
    let socket = WebSocket::new(&manual_server.url("a"), ()).unwrap();
    let (seen, ()) = tokio::join!(event_lines(&socket), async {
        let mut stream = manual_server.next().await.accept_upgrade().await.into_stream();
        stream.write_all(&CLOSE).await.unwrap();
        // The client answers with the same frame, masked.
        stream.read_exact(&mut [0; 8]).await.unwrap();
        stream.set_zero_linger().unwrap();
        drop(stream);
    });
    assert_eq!(seen, ["open", "close 1000 \"\" clean"]);
    assert!(socket.failure().is_none(), "{:?}", socket.failure());
}

/// The unread messages in the stream of a broken socket.
const UNREAD: usize = 20;

/// Returns a socket whose write has just failed, and the other end of its stream.
///
/// The socket pauses reading at the first message. More messages wait in the stream, followed by a Close frame if
/// `closed`.
pub(crate) async fn broken_socket(closing_timeout: Duration, closed: bool) -> (Socket, DuplexStream) {
    broken_socket_with(1, 30_000, closing_timeout, closed).await
}

/// Returns the same, with room for `limit` messages of `size` bytes in the socket.
async fn broken_socket_with(
    limit: usize,
    size: u16,
    closing_timeout: Duration,
    closed: bool,
) -> (Socket, DuplexStream) {
    let (near, far) = duplex(1 << 20);
    let (stream, broken) = breaking(near);
    let stream = Mutex::new(Some(stream));
    let connector = move |_: &Target| {
        let stream = stream.lock().unwrap().take().map(|stream| Box::new(stream) as Box<dyn IoStream>);
        async move { stream.ok_or_else(|| io::ErrorKind::NotFound.into()) }
    };
    let options = Options::new().connector(connector).closing_timeout(closing_timeout);
    let opening = connect("ws://a.example/").options(options).receive_limit(limit, limit as u64 * u64::from(size));
    let (socket, far) = tokio::join!(async { opening.await.unwrap() }, async {
        let mut far = ManualConnection::read(far).await.accept_upgrade().await.into_stream();
        for _ in 0..UNREAD {
            far.write_all(&[&[0x82, 126][..], &size.to_be_bytes(), &vec![7; size.into()]].concat()).await.unwrap();
        }
        far.write_all(if closed { &CLOSE } else { &[] }).await.unwrap();
        far
    });
    broken.store(true, Ordering::Relaxed);
    socket.send(Message::from("lost")).await.unwrap();
    (socket, far)
}

/// Returns the number of messages that a socket still delivers, and a description of its end.
async fn rest_of(mut socket: Socket) -> (usize, String) {
    let mut messages = 0;
    loop {
        match socket.next().await {
            Some(Ok(_)) => messages += 1,
            Some(Err(Error::Failed(failed))) => {
                let event = failed.event();
                let why = matches!(failed.failure(), Some(Failure::Lost { .. }));
                return (messages, format!("{} {} {why}", event.code, event.was_clean));
            }
            other => return (messages, format!("{other:?}")),
        }
    }
}

#[tokio::test]
async fn slow_reader_gets_all_messages_before_a_write_error() {
    // With a limit of 16, half of the messages take longer than the timeout for an idle reader. Short messages have all
    // been read from the stream by then, so the reader is the only activity.
    for (limit, size) in [(4, 200), (16, 200), (16, 30_000)] {
        let (mut socket, far) = broken_socket_with(limit, size, Duration::from_millis(300), true).await;
        drop(far);
        for _ in 0..UNREAD {
            tokio::time::sleep(Duration::from_millis(40)).await;
            assert!(matches!(socket.next().await, Some(Ok(_))), "{limit} of {size}");
        }
        assert_eq!(rest_of(socket).await, (0, "1000 false true".to_owned()));
    }
}

#[tokio::test]
async fn messages_before_a_write_error_are_delivered() {
    let (socket, far) = broken_socket(Duration::from_secs(60), true).await;
    drop(far);
    assert_eq!(rest_of(socket).await, (UNREAD, "1000 false true".to_owned()));
    let (socket, far) = broken_socket(Duration::from_secs(60), false).await;
    drop(far);
    assert_eq!(rest_of(socket).await, (UNREAD, "1006 false true".to_owned()));
}

#[tokio::test]
async fn write_error_ends_a_connection_without_a_reader() {
    for (closed, ends, code) in [(true, true, 1000), (true, false, 1000), (false, true, 1006), (false, false, 1006)] {
        let (socket, far) = broken_socket(Duration::from_millis(50), closed).await;
        // The end is the same whether or not the server closes its direction.
        let far = (!ends).then_some(far);
        let event = socket.closed().await;
        assert_eq!((event.code, event.was_clean, socket.ready_state()), (code, false, ReadyState::Closed));
        assert!(matches!(socket.send(Message::from("late")).await, Err(Error::NotOpen(_))));
        let (messages, end) = rest_of(socket).await;
        assert!(messages < UNREAD, "the other messages were discarded");
        assert_eq!(end, format!("{code} false true"));
        drop(far);
    }
}

#[tokio::test]
async fn sender_that_never_reads_learns_of_a_lost_connection() {
    let manual_server = ManualServer::new().await;
    let options = Options::new().closing_timeout(Duration::from_millis(50));
    let opening = connect(manual_server.url("a")).options(options);
    let (socket, ()) = tokio::join!(async { opening.await.unwrap() }, async {
        let mut stream = manual_server.next().await.accept_upgrade().await.into_stream();
        let messages = [&[0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 0][..], &vec![7; 1 << 20]].concat();
        // Until the client pauses reading.
        while timeout(Duration::from_millis(300), stream.write_all(&messages)).await.is_ok() {}
        stream.set_zero_linger().unwrap();
    });
    let lost = async { while socket.send(vec![1; 1 << 20].into()).await.is_ok() {} };
    timeout(Duration::from_secs(30), lost).await.expect("sending ends");
    let (_, end) = rest_of(socket).await;
    assert_eq!(end, "1006 false true");
}
