//! A client over the `h2` crate: each stream writes and reads single WebSocket frames.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use h2::{
    Reason, RecvStream, SendStream,
    client::{self, SendRequest},
    ext::Protocol,
};
use http::{Method, Request, Response};
use samesocket_fault_server::Server;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};

use crate::raw_client::within;

/// A connection on which streams are opened.
pub(crate) struct Http2Client {
    pub(crate) requests: SendRequest<Bytes>,
    /// The connection's task, which returns the error that ended it.
    pub(crate) connection: JoinHandle<Result<(), h2::Error>>,
}

/// A stream of an accepted WebSocket.
pub(crate) struct Http2Stream {
    pub(crate) response: Response<()>,
    pub(crate) send: SendStream<Bytes>,
    pub(crate) receive: RecvStream,
    buffer: BytesMut,
}

/// Starts a server with the ports for HTTP/2.
pub(crate) async fn start_http2() -> Server {
    Server::builder().http2().start().await.unwrap()
}

impl Http2Client {
    /// Connects to the port without TLS, and waits for the server's settings.
    pub(crate) async fn connect(server: &Server) -> Self {
        let address: SocketAddr = server.addresses().h2c.unwrap();
        let stream = within(TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream).await
    }

    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (requests, mut connection) = within(client::handshake(stream)).await.unwrap();
        let mut pings = connection.ping_pong().unwrap();
        let connection = tokio::spawn(connection);
        // The server's settings precede its answer.
        within(pings.ping(h2::Ping::opaque())).await.unwrap();
        Self { requests, connection }
    }

    /// Sends an extended CONNECT request with these headers.
    pub(crate) async fn request(&mut self, target: &str, headers: &[(&str, &str)]) -> Result<Http2Stream, h2::Error> {
        let mut request = Request::builder().method(Method::CONNECT).uri(format!("https://h{target}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.header("sec-websocket-version", "13").body(()).unwrap();
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        let (response, send) = self.requests.send_request(request, false)?;
        let (parts, receive) = within(response).await?.into_parts();
        Ok(Http2Stream { response: Response::from_parts(parts, ()), send, receive, buffer: BytesMut::new() })
    }

    /// Completes an opening handshake.
    pub(crate) async fn open(&mut self, target: &str) -> Http2Stream {
        let stream = self.request(target, &[]).await.unwrap();
        assert_eq!(stream.response.status(), 200, "{target}");
        stream
    }

    /// Sends a request that is no WebSocket, and returns the status and the body of the response.
    pub(crate) async fn get(&mut self, target: &str) -> (u16, String) {
        let request = Request::get(format!("https://h{target}")).body(()).unwrap();
        let (response, _) = self.requests.send_request(request, true).unwrap();
        let (parts, receive) = within(response).await.unwrap().into_parts();
        let mut stream = receive;
        let mut body = Vec::new();
        while let Some(data) = within(stream.data()).await {
            body.extend(data.unwrap());
        }
        (parts.status.as_u16(), String::from_utf8(body).unwrap())
    }
}

impl Http2Stream {
    /// Sends a masked frame with FIN.
    pub(crate) fn send(&mut self, opcode: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).unwrap();
        assert!(length < 126);
        let mut frame = vec![0x80 | opcode, 0x80 | length, 1, 2, 3, 4];
        frame.extend(payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(a, b)| a ^ b));
        self.send.send_data(frame.into(), false).unwrap();
    }

    /// Reads a frame. Returns its first byte and its payload.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        loop {
            if let Some((&[first, length], rest)) = self.buffer.split_first_chunk::<2>() {
                let length = usize::from(length);
                assert!(length < 126);
                if rest.len() >= length {
                    let frame = self.buffer.split_to(2 + length);
                    return (first, frame[2..].to_vec());
                }
            }
            assert!(self.fill().await.unwrap(), "the frame is incomplete");
        }
    }

    /// Reads until the server ends the stream. Returns the bytes, or the error code of a reset.
    pub(crate) async fn rest(&mut self) -> Result<Vec<u8>, Reason> {
        while self.fill().await.map_err(|error| error.reason().unwrap())? {}
        Ok(std::mem::take(&mut self.buffer).to_vec())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    async fn fill(&mut self) -> Result<bool, h2::Error> {
        let Some(data) = within(self.receive.data()).await else {
            return Ok(false);
        };
        let data = data?;
        self.receive.flow_control().release_capacity(data.len())?;
        self.buffer.extend_from_slice(&data);
        Ok(true)
    }
}
