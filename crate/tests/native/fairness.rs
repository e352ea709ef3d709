//! A server that sends without a pause must not starve the other tasks of the thread.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::{Either, join_all, select};
use futures::{Stream as _, StreamExt};
use samesocket::{Connecting, Event, IoStream, Message, Options, Target, WebSocket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::support::{TestServer, event_line};

/// A stream that returns the response of the handshake, and then frames again and again.
struct Endless {
    stream: TcpStream,
    /// The bytes of the response so far, until its head is complete.
    head: Vec<u8>,
    frame: Arc<[u8]>,
    /// The bytes of the frame that were returned.
    done: usize,
    /// The number of frames that follow.
    left: usize,
}

impl Endless {
    fn connector(frame: Arc<[u8]>, count: usize) -> impl Fn(&Target) -> Connecting {
        move |target| {
            let (address, frame) = ((target.host.clone(), target.port), frame.clone());
            Box::pin(async move {
                let stream = TcpStream::connect(address).await?;
                Ok(Box::new(Self { stream, head: Vec::new(), frame, done: 0, left: count }) as Box<dyn IoStream>)
            })
        }
    }
}

impl AsyncRead for Endless {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.head.ends_with(b"\r\n\r\n") {
            // Byte by byte, so that no byte after the head is read.
            let mut byte = [0];
            let mut read = ReadBuf::new(&mut byte);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut read))?;
            this.head.extend_from_slice(read.filled());
            buffer.put_slice(read.filled());
            return Poll::Ready(Ok(()));
        }
        if this.left == 0 {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        while this.left > 0 && buffer.remaining() > 0 {
            let rest = &this.frame[this.done..];
            let piece = &rest[..rest.len().min(buffer.remaining())];
            buffer.put_slice(piece);
            this.done += piece.len();
            if this.done == this.frame.len() {
                (this.done, this.left) = (0, this.left - 1);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Returns a socket on this thread whose server sends without a pause.
fn flooded(test_server: &TestServer) -> WebSocket {
    let connector = Endless::connector([0x82, 0x00].into(), usize::MAX);
    let options = Options::new().connector(connector).runtime(Handle::current());
    WebSocket::with_options(&test_server.url("a", ""), (), &options.closing_timeout(Duration::from_millis(100)))
        .unwrap()
}

#[tokio::test]
async fn subscriber_on_the_same_thread_runs_before_more_is_read() {
    let test_server = TestServer::new().await;
    let socket = flooded(&test_server);
    let mut events = socket.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    for _ in 0..20_000 {
        assert!(matches!(events.next().await, Some(Event::Message(_))));
        let held = events.size_hint().0;
        assert!(held <= 1024, "{held} wait");
    }
}

#[tokio::test]
async fn endless_messages_do_not_delay_the_closing_timeout() {
    let test_server = TestServer::new().await;
    let socket = flooded(&test_server);
    let mut events = socket.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    socket.close(None, None).unwrap();
    let is_message = |event: &Event| matches!(event, Event::Message(_));
    let rest = events.filter(|event| std::future::ready(!is_message(event))).map(|event| event_line(&event));
    assert_eq!(rest.collect::<Vec<_>>().await, ["close 1006 \"\" unclean"]);
}

/// Returns a compressed message of 1 + 258 * `matches` zeros, as a frame of a server.
fn bomb(matches: usize) -> Vec<u8> {
    // A block with fixed codes: the literal 0, then matches of 258 bytes at distance 1.
    let mut bits = vec![false, true, false, false, false, true, true, false, false, false, false];
    for _ in 0..matches {
        bits.extend([true, true, false, false, false, true, false, true, false, false, false, false, false]);
    }
    // The end of the block, and the header of an empty block.
    bits.extend([false; 7 + 3]);
    let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
    let payload: Vec<u8> = bits.chunks(8).map(byte).collect();
    let mut frame = vec![0xc2, 127];
    frame.extend((payload.len() as u64).to_be_bytes());
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn bombs_leave_other_tasks_their_share_of_the_thread() {
    const STEP: usize = 64 << 10;
    let test_server = TestServer::new().await;
    let size = 1 + 258 * 65_000;
    let options = Options::new().connector(Endless::connector(bomb(65_000).into(), 1)).runtime(Handle::current());
    for sockets in [1, 3] {
        let polls = Arc::new(AtomicUsize::new(0));
        let other = tokio::spawn({
            let polls = polls.clone();
            async move {
                loop {
                    polls.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }
        });
        let receive = async |_| {
            let socket = WebSocket::with_options(&test_server.url("a", "deflate=1"), (), &options).unwrap();
            let mut events = socket.events();
            assert!(matches!(events.next().await, Some(Event::Open)));
            let before = polls.load(Ordering::Relaxed);
            let Some(Event::Message(message)) = events.next().await else { panic!("the message is next") };
            assert!(matches!(message.data, Message::Blob(blob) if blob.size() == size as u64));
            polls.load(Ordering::Relaxed) - before
        };
        for between in join_all((0..sockets).map(receive)).await {
            // The first and the last steps need not have a poll in between.
            let expected = size / STEP * 9 / 10;
            assert!(
                between >= expected,
                "{sockets} sockets: {between} polls of another task, at least {expected} expected"
            );
        }
        other.abort();
    }
}

#[tokio::test]
async fn frames_without_a_message_leave_other_tasks_their_share_of_the_thread() {
    const FRAMES: usize = 200_000;
    let test_server = TestServer::new().await;
    let options = Options::new().connector(Endless::connector([0x89, 0x00].into(), FRAMES)).runtime(Handle::current());
    let socket = WebSocket::with_options(&test_server.url("a", ""), (), &options).unwrap();
    let mut turns = 0;
    while socket.received_pings().is_none_or(|pings| pings.count < FRAMES as u64) {
        turns += 1;
        tokio::task::yield_now().await;
    }
    assert!(turns > FRAMES / 2000, "{turns} turns");
}

#[tokio::test]
async fn echo_goes_on_while_a_bomb_is_inflated() {
    let test_server = TestServer::new().await;
    let options = Options::new().runtime(Handle::current());
    let echo = WebSocket::with_options(&test_server.url("echo", "do=echo"), (), &options).unwrap();
    let mut echoed = echo.events();
    assert!(matches!(echoed.next().await, Some(Event::Open)));
    let bombs = options.connector(Endless::connector(bomb(255_000).into(), 1));
    let socket = WebSocket::with_options(&test_server.url("bomb", "deflate=1"), (), &bombs).unwrap();
    let mut events = socket.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    let mut bomb = pin!(events.next());
    let mut rounds = 0;
    loop {
        echo.send(&[7][..]).unwrap();
        match select(&mut bomb, echoed.next()).await {
            Either::Left((message, _)) => {
                assert!(matches!(message, Some(Event::Message(_))));
                break;
            }
            Either::Right((message, _)) => assert!(matches!(message, Some(Event::Message(_)))),
        }
        rounds += 1;
    }
    assert!(rounds > 100, "{rounds} messages were echoed");
}
