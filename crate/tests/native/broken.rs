//! Connections that break while bytes wait on either side.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use samesocket::{Error, Event, Failure, Message, Options, ReadyState, Socket, Stream, Target, WebSocket, connect};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::time::timeout;

use crate::door::{Caller, Doorkeeper};
use crate::support::lines;

/// Close 1000.
const CLOSE: [u8; 4] = [0x88, 2, 3, 0xe8];

#[tokio::test]
async fn a_close_event_is_unclean_if_our_close_was_never_sent() {
    let door = Doorkeeper::new().await;
    let socket = WebSocket::new(&door.url("a"), ()).unwrap();
    let open = |socket: &WebSocket, event: &Event| {
        if matches!(event, Event::Open) {
            socket.send(&vec![0; 32 << 20]).unwrap();
        }
    };
    socket.subscribe(open).detach();
    let (seen, ()) = tokio::join!(lines(&socket), async {
        let mut stream = door.next().await.welcome().await.into_stream();
        stream.read_u8().await.unwrap();
        stream.write_all(&CLOSE).await.unwrap();
        // What was not read has the system reset the connection.
        drop(stream);
    });
    assert_eq!(seen, ["open", "close 1000 \"\" unclean"]);
    assert!(socket.buffered_amount() > 0);
    assert!(matches!(socket.failure(), Some(Failure::Lost { .. } | Failure::Protocol(_))), "{:?}", socket.failure());
}

#[tokio::test]
async fn nothing_failed_where_the_close_is_clean_though_the_server_resets_the_connection_after_it() {
    let door = Doorkeeper::new().await;
    let socket = WebSocket::new(&door.url("a"), ()).unwrap();
    let (seen, ()) = tokio::join!(lines(&socket), async {
        let mut stream = door.next().await.welcome().await.into_stream();
        stream.write_all(&CLOSE).await.unwrap();
        // Our answer: the same, masked.
        stream.read_exact(&mut [0; 8]).await.unwrap();
        stream.set_zero_linger().unwrap();
        drop(stream);
    });
    assert_eq!(seen, ["open", "close 1000 \"\" clean"]);
    assert!(socket.failure().is_none(), "{:?}", socket.failure());
}

/// A stream to which nothing can be written once it is broken, and from which all can be read that was there.
struct Breaking {
    stream: DuplexStream,
    broken: Arc<AtomicBool>,
}

impl AsyncRead for Breaking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Breaking {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.broken.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// How many messages wait in the stream of a broken socket.
const WAITING: usize = 20;

/// A socket that stops to read at the first message, with a stream in which others wait, then a Close frame if `closed`; and
/// the other end of the stream. Writing to it is what has just failed.
async fn broken_socket(fin_timeout: Duration, closed: bool) -> (Socket, DuplexStream) {
    broken_socket_with(1, 30_000, fin_timeout, closed).await
}

/// The same, of a socket in which so many messages may wait, each of which has so many bytes.
async fn broken_socket_with(limit: usize, size: u16, fin_timeout: Duration, closed: bool) -> (Socket, DuplexStream) {
    let (near, far) = duplex(1 << 20);
    let broken = Arc::new(AtomicBool::new(false));
    let place = Mutex::new(Some(Breaking { stream: near, broken: Arc::clone(&broken) }));
    let connector = move |_: &Target| {
        let stream = place.lock().unwrap().take().map(|stream| Box::new(stream) as Box<dyn Stream>);
        async move { stream.ok_or_else(|| io::ErrorKind::NotFound.into()) }
    };
    let options = Options::new().connector(connector).fin_timeout(fin_timeout);
    let opening = connect("ws://a.example/").options(options).receive_limit(limit, limit as u64 * u64::from(size));
    let (socket, far) = tokio::join!(async { opening.await.unwrap() }, async {
        let mut far = Caller::read(far).await.welcome().await.into_stream();
        for _ in 0..WAITING {
            far.write_all(&[&[0x82, 126][..], &size.to_be_bytes(), &vec![7; size.into()]].concat()).await.unwrap();
        }
        far.write_all(if closed { &CLOSE } else { &[] }).await.unwrap();
        far
    });
    broken.store(true, Ordering::Relaxed);
    socket.send(Message::from("lost")).await.unwrap();
    (socket, far)
}

/// What is left of a socket: how many messages, and how its end is told.
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
async fn who_takes_slowly_what_came_before_an_error_of_writing_is_given_all_of_it() {
    // Where 16 may wait, half of them take longer than the socket has patience with one who takes nothing. What is short has all
    // been read by then, so that nothing goes on but the taking.
    for (limit, size) in [(4, 200), (16, 200), (16, 30_000)] {
        let (mut socket, far) = broken_socket_with(limit, size, Duration::from_millis(300), true).await;
        drop(far);
        for _ in 0..WAITING {
            tokio::time::sleep(Duration::from_millis(40)).await;
            assert!(matches!(socket.next().await, Some(Ok(_))), "{limit} of {size}");
        }
        assert_eq!(rest_of(socket).await, (0, "1000 false true".to_owned()));
    }
}

#[tokio::test]
async fn what_came_before_an_error_of_writing_is_given_to_who_takes_it() {
    let (socket, far) = broken_socket(Duration::from_mins(1), true).await;
    drop(far);
    assert_eq!(rest_of(socket).await, (WAITING, "1000 false true".to_owned()));
    let (socket, far) = broken_socket(Duration::from_mins(1), false).await;
    drop(far);
    assert_eq!(rest_of(socket).await, (WAITING, "1006 false true".to_owned()));
}

#[tokio::test]
async fn an_error_of_writing_ends_a_connection_of_which_nobody_takes_anything() {
    for (closed, ends, code) in [(true, true, 1000), (true, false, 1000), (false, true, 1006), (false, false, 1006)] {
        let (socket, far) = broken_socket(Duration::from_millis(50), closed).await;
        // Whether or not the peer ends its direction, nothing more is waited for.
        let far = (!ends).then_some(far);
        let event = socket.closed().await;
        assert_eq!((event.code, event.was_clean, socket.ready_state()), (code, false, ReadyState::Closed));
        assert!(matches!(socket.send(Message::from("late")).await, Err(Error::NotOpen(_))));
        let (messages, end) = rest_of(socket).await;
        assert!(messages < WAITING, "the others were discarded");
        assert_eq!(end, format!("{code} false true"));
        drop(far);
    }
}

#[tokio::test]
async fn who_only_sends_learns_that_the_connection_is_lost() {
    let door = Doorkeeper::new().await;
    let options = Options::new().fin_timeout(Duration::from_millis(50));
    let opening = connect(door.url("a")).options(options);
    let (socket, ()) = tokio::join!(async { opening.await.unwrap() }, async {
        let mut stream = door.next().await.welcome().await.into_stream();
        let messages = [&[0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 0][..], &vec![7; 1 << 20]].concat();
        // Until the client reads no more.
        while timeout(Duration::from_millis(300), stream.write_all(&messages)).await.is_ok() {}
        stream.set_zero_linger().unwrap();
    });
    let lost = async { while socket.send(vec![1; 1 << 20].into()).await.is_ok() {} };
    timeout(Duration::from_secs(30), lost).await.expect("sending ends");
    let (_, end) = rest_of(socket).await;
    assert_eq!(end, "1006 false true");
}

/// Frames of one segment, and what the server gets of a socket that sends every text back as it comes.
async fn echoed(frames: &[u8]) -> (Vec<String>, Vec<u8>) {
    let door = Doorkeeper::new().await;
    // The server waits for our end of TCP, so we have to give it.
    let options = Options::new().fin_timeout(Duration::from_millis(10));
    let socket = WebSocket::with_options(&door.url("a"), (), &options).unwrap();
    let echo = |socket: &WebSocket, event: &Event| {
        if let Event::Message(event) = event
            && let Message::Text(text) = &event.data
        {
            socket.send(text).unwrap();
            assert_eq!(socket.ready_state(), ReadyState::Open);
        }
    };
    socket.subscribe(echo).detach();
    tokio::join!(lines(&socket), async {
        let mut stream = door.next().await.welcome().await.into_stream();
        stream.write_all(frames).await.unwrap();
        let mut got = Vec::new();
        stream.read_to_end(&mut got).await.unwrap();
        unmasked(&got)
    })
}

/// Short masked frames without their masks.
fn unmasked(mut bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    while let [first, length, rest @ ..] = bytes {
        let length = length & 0x7f;
        let (mask, rest) = rest.split_at(4);
        let (payload, rest) = rest.split_at(length.into());
        plain.extend([*first, length]);
        plain.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes = rest;
    }
    plain
}

#[tokio::test]
async fn what_answers_a_message_goes_out_before_a_frame_behind_it_that_breaks_a_rule_has_its_effect() {
    let (seen, got) = echoed(b"\x81\x01a\x81\x01b\x83\x00").await;
    assert_eq!(seen, ["open", "text \"a\"", "text \"b\"", "error", "close 1006 \"\" unclean"]);
    assert_eq!(got, b"\x81\x01a\x81\x01b\x88\x02\x03\xea");
}

#[tokio::test]
async fn messages_of_several_frames_are_no_other() {
    let (seen, got) = echoed(b"\x01\x01a\x80\x01b\x81\x01c\x01\x01d\x81\x01e").await;
    assert_eq!(seen, ["open", "text \"ab\"", "text \"c\"", "error", "close 1006 \"\" unclean"]);
    assert_eq!(got, b"\x81\x02ab\x81\x01c\x88\x02\x03\xea");
}

#[tokio::test]
async fn what_answers_a_message_goes_out_before_the_answer_to_a_close_or_a_ping_behind_it() {
    let (seen, got) = echoed(b"\x81\x01a\x89\x01p\x81\x01b\x88\x02\x03\xe8").await;
    assert_eq!(seen, ["open", "text \"a\"", "text \"b\"", "close 1000 \"\" clean"]);
    assert_eq!(got, b"\x81\x01a\x8a\x01p\x81\x01b\x88\x02\x03\xe8");
}
