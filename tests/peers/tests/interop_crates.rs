//! The client with the servers of other crates.

use futures::{SinkExt, StreamExt};
use samesocket::Options;
use samesocket_peers::{Peer, SUBPROTOCOLS};
use sockudo_ws::deflate::{DeflateConfig, negotiate_server_deflate};
use sockudo_ws::error::CloseReason;
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use sockudo_ws::{CompressedWebSocketStream, Config, Message as SockudoMessage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

/// A command of `interop`, parsed from a message.
enum Command<'a> {
    Echo,
    Close(Option<(u16, &'a str)>),
    Ping,
    Fragments,
    Drop,
}

impl<'a> Command<'a> {
    fn parse(text: &'a str) -> Self {
        match text.split(' ').collect::<Vec<_>>()[..] {
            ["!close"] => Self::Close(None),
            ["!close", code, reason] => Self::Close(Some((code.parse().expect("a code"), reason))),
            ["!ping"] => Self::Ping,
            ["!fragments"] => Self::Fragments,
            ["!drop"] => Self::Drop,
            _ => Self::Echo,
        }
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
    (listener, url)
}

/// Selects the subprotocol `chat`.
#[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "tungstenite prescribes the signature")]
fn pick(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("chat"));
    Ok(response)
}

async fn tungstenite(stream: TcpStream) {
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, pick).await.expect("a good handshake");
    // Reads on after a Close until TCP has ended.
    while let Some(Ok(message)) = socket.next().await {
        let command = message.to_text().map_or(Command::Echo, Command::parse);
        let sent = match (&message, command) {
            (Message::Close(_) | Message::Ping(_) | Message::Frame(_), _) => Ok(()),
            (Message::Pong(_), _) => socket.send(Message::text("pong")).await,
            (_, Command::Echo) => socket.send(message).await,
            (_, Command::Close(frame)) => {
                let frame = frame.map(|(code, reason)| CloseFrame { code: code.into(), reason: reason.into() });
                socket.close(frame).await
            }
            (_, Command::Ping) => socket.send(Message::Ping("are you there?".into())).await,
            (_, Command::Fragments) => {
                for (data, opcode, last) in
                    [("one", Data::Text, false), ("two", Data::Continue, false), ("three", Data::Continue, true)]
                {
                    let frame = Frame::message(data, OpCode::Data(opcode), last);
                    socket.send(Message::Frame(frame)).await.expect("the client is there");
                }
                Ok(())
            }
            (_, Command::Drop) => return,
        };
        sent.expect("the client is there");
    }
}

#[tokio::test]
async fn tungstenite_server_passes_all_conversations() {
    let (listener, url) = listen().await;
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a client");
            tokio::spawn(tungstenite(stream));
        }
    });
    let peer = Peer {
        url,
        options: Options::new(),
        subprotocols: SUBPROTOCOLS,
        extensions: "",
        control_frames: true,
        fragments: true,
        repeats_reason: true,
    };
    peer.run_all().await;
    serving.abort();
}

/// Serves a socket. A macro, because the two socket types have no trait in common.
macro_rules! serve_sockudo {
    ($socket:ident) => {
        while let Some(Ok(message)) = $socket.next().await {
            let text = match &message {
                SockudoMessage::Text(text) => String::from_utf8_lossy(text).into_owned(),
                _ => String::new(),
            };
            let sent = match (message, Command::parse(&text)) {
                (SockudoMessage::Close(_) | SockudoMessage::Ping(_), _) => Ok(()),
                (SockudoMessage::Pong(_), _) => $socket.send(SockudoMessage::Text("pong".into())).await,
                (message, Command::Echo | Command::Fragments) => $socket.send(message).await,
                (_, Command::Close(None)) => $socket.send(SockudoMessage::Close(None)).await,
                (_, Command::Close(Some((code, reason)))) => {
                    $socket.send(SockudoMessage::Close(Some(CloseReason::new(code, reason)))).await
                }
                (_, Command::Ping) => $socket.send(SockudoMessage::Ping("are you there?".into())).await,
                (_, Command::Drop) => return,
            };
            sent.expect("the client is there");
        }
    };
}

async fn sockudo(mut stream: TcpStream, compress: bool) {
    let mut head = Vec::new();
    let (accept, deflate) = loop {
        stream.read_buf(&mut head).await.expect("a request");
        if let Some((request, _)) = parse_request(&head).expect("a good request") {
            let offers = request.extensions.filter(|_| compress);
            let deflate = offers.and_then(|offers| negotiate_server_deflate(offers, &DeflateConfig::default()));
            break (generate_accept_key(request.key), deflate);
        }
    };
    let header = deflate.as_ref().map(sockudo_ws::deflate::DeflateNegotiation::to_response_header);
    let response = build_response(&accept, Some("chat"), header.as_deref());
    stream.write_all(&response).await.expect("the client is there");
    if let Some(deflate) = deflate {
        let mut socket = CompressedWebSocketStream::server(stream, Config::default(), deflate.config);
        serve_sockudo!(socket);
    } else {
        let mut socket = sockudo_ws::WebSocketStream::server(stream, Config::default());
        serve_sockudo!(socket);
    }
}

async fn test_sockudo(compress: bool, extensions: &'static str) {
    let (listener, url) = listen().await;
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a client");
            tokio::spawn(sockudo(stream, compress));
        }
    });
    // sockudo-ws cannot send a message in several frames.
    let peer = Peer {
        url,
        options: Options::new(),
        subprotocols: SUBPROTOCOLS,
        extensions,
        control_frames: true,
        fragments: false,
        repeats_reason: true,
    };
    peer.run_all().await;
    serving.abort();
}

#[tokio::test]
async fn sockudo_server_passes_all_conversations() {
    test_sockudo(false, "").await;
}

#[tokio::test]
async fn compressing_sockudo_server_passes_all_conversations() {
    test_sockudo(true, "permessage-deflate").await;
}
