//! What a socket leaves to others on its thread while its peer sends without a pause.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{Stream as _, StreamExt};
use samesocket::{Connecting, Event, Options, Stream, Target, WebSocket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::support::{Stage, line};

/// A stream that gives the answer to the handshake, and then as many empty messages as anybody reads.
struct Endless {
    stream: TcpStream,
    /// The last bytes of the answer, until its head is whole.
    head: Vec<u8>,
    /// Whether the next byte is the second one of a frame.
    within: bool,
}

impl Endless {
    fn connect(target: &Target) -> Connecting {
        let address = (target.host.clone(), target.port);
        Box::pin(async {
            let stream = TcpStream::connect(address).await?;
            Ok(Box::new(Self { stream, head: Vec::new(), within: false }) as Box<dyn Stream>)
        })
    }
}

impl AsyncRead for Endless {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.head.ends_with(b"\r\n\r\n") {
            // Byte by byte, so that nothing is read beyond the head.
            let mut byte = [0];
            let mut read = ReadBuf::new(&mut byte);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut read))?;
            this.head.extend_from_slice(read.filled());
            buffer.put_slice(read.filled());
            return Poll::Ready(Ok(()));
        }
        while buffer.remaining() > 0 {
            buffer.put_slice(&[if this.within { 0x00 } else { 0x82 }]);
            this.within = !this.within;
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

/// A socket on this thread whose peer sends without a pause.
fn flooded(stage: &Stage) -> WebSocket {
    let options = Options::new().connector(Endless::connect).runtime(Handle::current());
    WebSocket::with_options(&stage.url("a", ""), (), &options.closing_timeout(Duration::from_millis(100))).unwrap()
}

#[tokio::test]
async fn who_shares_the_thread_of_a_socket_takes_what_was_told_before_more_is_read() {
    let stage = Stage::new().await;
    let socket = flooded(&stage);
    let mut events = socket.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    for _ in 0..20_000 {
        assert!(matches!(events.next().await, Some(Event::Message(_))));
        let held = events.size_hint().0;
        assert!(held <= 1024, "{held} wait");
    }
}

#[tokio::test]
async fn a_peer_that_sends_without_a_pause_does_not_put_the_closing_deadline_off() {
    let stage = Stage::new().await;
    let socket = flooded(&stage);
    let mut events = socket.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    socket.close(None, None).unwrap();
    let is_message = |event: &Event| matches!(event, Event::Message(_));
    let rest = events.filter(|event| std::future::ready(!is_message(event))).map(|event| line(&event));
    assert_eq!(rest.collect::<Vec<_>>().await, ["close 1006 \"\" unclean"]);
}
