//! A server that writes frames of HTTP/2 as a test says, even wrong ones.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RESET: u8 = 3;
const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// The flags of frames.
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The field `:status: 200` of the static table.
const STATUS_200: u8 = 0x88;

/// A connection whose WebSockets are all accepted.
pub(crate) struct RawServer<S = TcpStream>(S);

impl RawServer {
    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream).await
    }

    /// Resets TCP.
    #[expect(deprecated, reason = "a linger of zero does not block")]
    pub(crate) fn reset(self) {
        self.0.set_linger(Some(Duration::ZERO)).unwrap();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> RawServer<S> {
    /// Begins HTTP/2 over a stream.
    pub(crate) async fn over(mut stream: S) -> Self {
        stream.read_exact(&mut [0; 24]).await.unwrap();
        let mut server = Self(stream);
        // ENABLE_CONNECT_PROTOCOL is 1.
        server.send(SETTINGS, 0, &[0, 8, 0, 0, 0, 1]).await;
        server
    }

    /// Sends a frame.
    pub(crate) async fn send(&mut self, kind: u8, stream: u32, payload: &[u8]) {
        self.send_flagged(kind, 0, stream, payload).await;
    }

    async fn send_flagged(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        self.0.write_all(&frame).await.unwrap();
    }

    /// Reads up to the next frame of this kind; returns its stream and payload. It accepts requests, and answers pings and settings.
    pub(crate) async fn next(&mut self, wanted: u8) -> (u32, Vec<u8>) {
        let (_, stream, payload) = self.next_of(&[wanted]).await;
        (stream, payload)
    }

    /// Does the same for several kinds; returns that of the frame as well.
    pub(crate) async fn next_of(&mut self, wanted: &[u8]) -> (u8, u32, Vec<u8>) {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.unwrap();
            let length = usize::from(head[1]) << 8 | usize::from(head[2]);
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await.unwrap();
            let (kind, stream) = (head[3], u32::from_be_bytes(head[5..].try_into().unwrap()));
            if wanted.contains(&kind) {
                return (kind, stream, payload);
            }
            match kind {
                HEADERS => self.send_flagged(HEADERS, END_HEADERS, stream, &[STATUS_200]).await,
                PING if head[4] & ACK == 0 => self.send_flagged(PING, ACK, 0, &payload).await,
                SETTINGS if head[4] & ACK == 0 => self.send_flagged(SETTINGS, ACK, 0, &[]).await,
                _ => {}
            }
        }
    }

    /// Sends the beginning of a frame.
    pub(crate) async fn send_part(&mut self) {
        self.0.write_all(&[0, 0, 8, PING]).await.unwrap();
    }

    /// Answers a ping that [`next`](Self::next) has returned.
    pub(crate) async fn answer_ping(&mut self, payload: &[u8]) {
        self.send_flagged(PING, ACK, 0, payload).await;
    }

    /// Lets the client send as much as it wants, on all streams.
    pub(crate) async fn widen_windows(&mut self) {
        // INITIAL_WINDOW_SIZE, and the rest of the connection's window.
        self.send(SETTINGS, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]).await;
        self.send(WINDOW_UPDATE, 0, &[0x7f, 0xff, 0, 0]).await;
    }

    /// Waits for a request, and accepts it; returns its stream.
    pub(crate) async fn accept_request(&mut self) -> u32 {
        let (stream, _) = self.next(HEADERS).await;
        self.send_flagged(HEADERS, END_HEADERS, stream, &[STATUS_200]).await;
        stream
    }

    /// Waits until the client has ended the connection, and returns an error if it has reset it.
    pub(crate) async fn wait_for_end(mut self) -> io::Result<()> {
        self.0.read_to_end(&mut Vec::new()).await.map(drop)
    }

    /// Ends the connection after what was sent.
    pub(crate) async fn end(mut self) {
        self.0.shutdown().await.unwrap();
        // The client may reset the connection then.
        let _ = self.wait_for_end().await;
    }
}
