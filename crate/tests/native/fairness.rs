//! A server that sends without a pause must not starve the other tasks of the thread.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{Stream as _, StreamExt};
use samesocket::{Connecting, Event, IoStream, Options, Target, WebSocket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::support::{TestServer, event_line};

/// A stream that returns the response of the handshake, and then an endless flow of empty messages.
struct Endless {
    stream: TcpStream,
    /// The bytes of the response so far, until its head is complete.
    head: Vec<u8>,
    /// Whether the next byte is the second byte of a frame.
    in_frame: bool,
}

impl Endless {
    fn connect(target: &Target) -> Connecting {
        let address = (target.host.clone(), target.port);
        Box::pin(async {
            let stream = TcpStream::connect(address).await?;
            Ok(Box::new(Self { stream, head: Vec::new(), in_frame: false }) as Box<dyn IoStream>)
        })
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
        while buffer.remaining() > 0 {
            buffer.put_slice(&[if this.in_frame { 0x00 } else { 0x82 }]);
            this.in_frame = !this.in_frame;
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
    let options = Options::new().connector(Endless::connect).runtime(Handle::current());
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
