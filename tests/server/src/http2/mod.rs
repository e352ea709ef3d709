//! HTTP/2 connections ([RFC 9113](https://www.rfc-editor.org/rfc/rfc9113)), on which extended CONNECT requests open
//! WebSockets ([RFC 8441](https://www.rfc-editor.org/rfc/rfc8441)).
//!
//! The `h2` crate serves a connection. Between it and the client is a `relay`, which follows each frame, so that a
//! script can do what `h2` refuses to: it holds frames back, replaces them and adds others (`frames`). `wire` is the
//! state that the relay shares with the streams. A `stream` is a byte stream on which a script runs as it runs on a
//! TCP connection; `handshake` answers its request. `misbehaviour` has the steps that only HTTP/2 has.

mod frames;
mod handshake;
mod misbehaviour;
mod relay;
mod settings;
mod stream;
mod wire;

use std::{future::Future, sync::Arc};

use bytes::{Bytes, BytesMut};
use h2::{
    RecvStream,
    ext::Protocol,
    server::{self, SendResponse},
};
use tokio::{io::duplex, task::JoinSet};

pub(crate) use frames::parse_error_code;
pub(crate) use handshake::{answer, break_response, refuse};
pub(crate) use misbehaviour::{Misbehaviour, run as misbehave};
pub use settings::Http2;
pub(crate) use stream::Stream;

use self::{
    relay::relay,
    wire::{Wire, WireStream},
};
use crate::{
    http::{Request, Response},
    record::HttpVersion,
    socket::Socket,
    store::ConnectionHandle,
};

/// The bytes that the server and the relay may be apart. Arbitrary.
const RELAY_BUFFER_LEN: usize = 64 * 1024;

/// The largest header list of a request, in bytes. Arbitrary.
const MAX_HEADER_LIST_LEN: u32 = 1 << 20;

/// The largest request body, in bytes. Arbitrary.
const MAX_BODY_LEN: usize = 16 * 1024 * 1024;

/// Serves a connection. `serve_stream` serves each of its streams.
pub(crate) async fn serve<F>(
    socket: Socket,
    settings: Http2,
    seen: ConnectionHandle,
    serve_stream: impl Fn(Request, Incoming) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let is_secure = socket.is_secure();
    let (wire, commands) = Wire::new(seen);
    wire.update(|state| state.ignore_pings = !settings.answer_pings);
    let (near, far) = duplex(RELAY_BUFFER_LEN);
    let connection_window = settings.connection_window;
    let serve_all = async {
        let mut builder = server::Builder::new();
        builder
            .enable_connect_protocol()
            .initial_connection_window_size(connection_window)
            .max_header_list_size(MAX_HEADER_LIST_LEN)
            // A script decides what is too much.
            .max_pending_accept_reset_streams(usize::MAX)
            .max_local_error_reset_streams(None)
            .data_frame_budget(usize::MAX);
        let Ok(mut connection) = builder.handshake::<_, Bytes>(near).await else {
            return;
        };
        // The streams end with the connection, which they record.
        let mut streams = JoinSet::new();
        while let Some(Ok((request, respond))) = connection.accept().await {
            let (parts, body) = request.into_parts();
            let id = respond.stream_id().as_u32();
            let stream = WireStream { wire: Arc::clone(&wire), id };
            let request = convert(&parts, id);
            let incoming = Incoming { body, respond, stream, is_secure };
            streams.spawn(serve_stream(request, incoming));
            while streams.try_join_next().is_some() {}
        }
        drop(connection);
        while streams.join_next().await.is_some() {}
    };
    tokio::join!(relay(socket, far, &wire, commands, settings), serve_all);
}

/// A request whose response was not sent.
#[derive(Debug)]
pub(crate) struct Incoming {
    body: RecvStream,
    respond: SendResponse<Bytes>,
    stream: WireStream,
    is_secure: bool,
}

impl Incoming {
    /// Returns the byte stream of an extended CONNECT request.
    pub(crate) fn into_stream(self) -> Stream {
        Stream::new(self.stream, self.body, self.respond, self.is_secure)
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Reads the whole body.
    pub(crate) async fn read_body(&mut self) -> Option<Vec<u8>> {
        let mut body = BytesMut::new();
        while let Some(data) = self.body.data().await {
            let data = data.ok()?;
            body.extend_from_slice(&data);
            self.body.flow_control().release_capacity(data.len()).ok()?;
            if body.len() > MAX_BODY_LEN {
                return None;
            }
        }
        Some(body.to_vec())
    }

    /// Sends a response that is not part of a script.
    pub(crate) async fn respond(self, response: &Response, with_body: bool) {
        let body: &[u8] = if with_body { response.body() } else { b"" };
        let mut stream = self.into_stream();
        if stream.respond(response.status(), &response.fields(), body.is_empty()).is_ok() {
            use tokio::io::AsyncWriteExt as _;
            let _ = stream.write_all(body).await;
            let _ = stream.shutdown().await;
        }
    }
}

/// Converts the head of a request. Pseudo-headers come first, as headers whose names start with a colon.
fn convert(parts: &http::request::Parts, stream: u32) -> Request {
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    let protocol = parts.extensions.get::<Protocol>().map(Protocol::as_str);
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let pseudo = [(":protocol", protocol), (":scheme", parts.uri.scheme_str()), (":authority", authority)];
    headers.extend(pseudo.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
    for (name, value) in &parts.headers {
        let value = value.as_bytes();
        // A client may split `Cookie` (RFC 9113, section 8.2.3).
        match headers.iter_mut().find(|(key, _)| key == "cookie").filter(|_| name == http::header::COOKIE) {
            Some((_, cookies)) => *cookies = [&cookies[..], b"; ", value].concat(),
            None => headers.push((name.as_str().to_owned(), value.to_vec())),
        }
    }
    Request {
        method: parts.method.as_str().to_owned(),
        target: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers,
        version: HttpVersion::Http2,
        stream: Some(stream),
    }
}
