//! The servers that offer WebSockets over HTTP/2, with the socket and with the `h2` crate as their clients.
//!
//! `cargo xtask test` installs the programs. A test fails if its program is missing.

use std::{future::poll_fn, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::future::join_all;
use h2::{Ping, client, ext::Protocol};
use http::{Method, Request};
use samesocket::{Compression, Http2, Options};
use samesocket_peers::{FaultProxy, Http2Program, Http2Server, Peer, SUBPROTOCOLS};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName},
    },
};

/// The longest time that a conversation may take. Arbitrary.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Connects, opens two WebSockets on one connection, and returns what was observed of both.
async fn talk(server: &Http2Server) -> Vec<String> {
    let stream = TcpStream::connect(server.address).await.expect("the server listens");
    let Some(certificate) = &server.certificate else {
        return talk_over(stream).await;
    };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate.clone())).expect("the certificate is valid");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the versions are supported")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = ServerName::try_from("localhost").expect("the name is valid");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS works");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    talk_over(stream).await
}

async fn talk_over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Vec<String> {
    let (mut requests, mut connection) = client::handshake(stream).await.expect("the server speaks HTTP/2");
    let mut pings = connection.ping_pong().expect("it was not taken");
    let connection = tokio::spawn(connection);
    // The server's settings precede its answer.
    pings.ping(Ping::opaque()).await.expect("the server answers");
    let mut observed = vec![format!("enabled {}", requests.is_extended_connect_protocol_enabled())];
    for _ in 0..2 {
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri("https://localhost/")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-protocol", "other, chat")
            .body(())
            .expect("the request is valid");
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        poll_fn(|cx| requests.poll_ready(cx)).await.expect("the connection is open");
        let (response, mut send) = requests.send_request(request, false).expect("the request is sent");
        let (response, mut receive) = response.await.expect("the server responds").into_parts();
        let subprotocol = response.headers.get("sec-websocket-protocol").map(|value| value.to_str().expect("text"));
        observed.push(format!("{} {}", response.status.as_u16(), subprotocol.unwrap_or_default()));
        let mut received = BytesMut::new();
        for frame in [frame(1, b"hello"), frame(8, b"\x0b\xb8bye")] {
            send.send_data(frame, false).expect("the stream is open");
            while !is_complete(&received) {
                let data = receive.data().await.expect("the stream is open").expect("the stream is not reset");
                receive.flow_control().release_capacity(data.len()).expect("it was received");
                received.extend_from_slice(&data);
            }
            observed.push(received.split().escape_ascii().to_string());
        }
    }
    connection.abort();
    observed
}

/// Encodes a masked frame with FIN.
fn frame(opcode: u8, payload: &[u8]) -> Bytes {
    let length = u8::try_from(payload.len()).expect("the payload is short");
    [&[0x80 | opcode, 0x80 | length, 0, 0, 0, 0], payload].concat().into()
}

/// Returns whether the bytes are an unmasked frame with a short payload.
fn is_complete(bytes: &[u8]) -> bool {
    bytes.get(1).is_some_and(|length| bytes.len() == 2 + usize::from(*length))
}

/// Holds the conversations with this crate's client, which chooses HTTP/2 by ALPN or knows of it.
async fn hold_conversations(program: Http2Program) {
    for tls in [true, false] {
        let server = program.start(tls).await;
        let port = server.address.port();
        let (url, options) = match &server.certificate {
            Some(certificate) => {
                let options = Options::new().root_certificate(certificate).http2(Http2::if_offered());
                (format!("wss://localhost:{port}/"), options)
            }
            None => (format!("ws://{}/", server.address), Options::new().http2(Http2::prior_knowledge())),
        };
        let socket = samesocket::connect(&url).subprotocols(["chat"]).options(options.clone());
        let status = socket.await.expect("the server accepts").response().map(|response| response.status());
        assert_eq!(status, Some(200), "{program:?} was not reached over HTTP/2, TLS: {tls}");
        let is_complete = program != Http2Program::Hypercorn;
        let peer = Peer {
            url,
            options: options.compression(Compression::off()),
            // sockudo-ws would return both subprotocols.
            subprotocols: if program == Http2Program::Sockudo { &["chat"] } else { SUBPROTOCOLS },
            extensions: "",
            control_frames: is_complete,
            fragments: is_complete && program != Http2Program::Sockudo,
            repeats_reason: true,
        };
        timeout(TIMEOUT, peer.run_all()).await.expect("the conversations end in time");
    }
}

#[tokio::test]
async fn socket_talks_with_node_over_http2() {
    hold_conversations(Http2Program::Node).await;
}

#[tokio::test]
async fn socket_talks_with_hypercorn_over_http2() {
    hold_conversations(Http2Program::Hypercorn).await;
}

#[tokio::test]
async fn socket_talks_through_haproxy_over_http2() {
    hold_conversations(Http2Program::Haproxy).await;
}

#[tokio::test]
async fn socket_talks_through_nghttpx_over_http2() {
    hold_conversations(Http2Program::Nghttpx).await;
}

#[tokio::test]
async fn socket_talks_with_sockudo_over_http2() {
    hold_conversations(Http2Program::Sockudo).await;
}

/// The server returns all offered subprotocols in one field. A client may accept only one that it has offered.
#[tokio::test]
async fn two_subprotocols_from_sockudo_are_refused() {
    let server = Http2Program::Sockudo.start(false).await;
    let connecting = samesocket::connect(format!("ws://{}/", server.address)).subprotocols(SUBPROTOCOLS);
    let outcome = connecting.options(Options::new().http2(Http2::prior_knowledge())).await;
    let expected = "the response's Sec-WebSocket-Protocol is \"…\"; expected one of the 2 that were offered";
    assert_eq!(outcome.expect_err("the response is not accepted").to_string(), expected);
}

/// The number of sockets that share a connection. Arbitrary.
const SOCKETS: usize = 8;
/// The size of the message that each of them sends and receives, in bytes. Arbitrary.
const LARGE: usize = 1 << 20;

/// Opens sockets through a proxy that refuses a second connection. All have sent before one of them receives.
async fn share_connection(server: &Http2Server) {
    let proxy = FaultProxy::start(server.address, None).await.expect("a free port");
    let url = format!("wss://localhost:{}/", proxy.address().port());
    let certificate = server.certificate.as_ref().expect("the server uses TLS");
    let options = Options::new().root_certificate(certificate).http2(Http2::if_offered());
    let connecting = (0..SOCKETS).map(|_| async { samesocket::connect(&url).options(options.clone()).await });
    let opened = join_all(connecting).await.into_iter();
    let mut sockets: Vec<_> = opened.map(|socket| socket.expect("the server accepts")).collect();
    for (number, socket) in (0_u8..).zip(&sockets) {
        socket.send(format!("text {number}").into()).await.expect("the socket is open");
        socket.send(vec![number; LARGE].into()).await.expect("the socket is open");
    }
    for (number, socket) in (0_u8..).zip(&mut sockets) {
        let text = socket.next().await.expect("a message").expect("the socket is open");
        assert_eq!(text, format!("text {number}").into());
        let binary = socket.next().await.expect("a message").expect("the socket is open");
        assert_eq!(binary, vec![number; LARGE].into());
    }
    for socket in sockets {
        let event = socket.close(Some(3000), Some("done")).await.expect("the connection is there");
        assert_eq!((event.code, &*event.reason, event.was_clean), (3000, "done", true));
    }
}

#[tokio::test]
async fn sockets_to_one_program_share_a_connection() {
    for program in Http2Program::ALL {
        let server = program.start(true).await;
        let sharing = timeout(TIMEOUT, share_connection(&server)).await;
        sharing.unwrap_or_else(|_| panic!("{program:?}: the sockets take too long"));
    }
}

async fn expect_echo_and_close(program: Http2Program) {
    for tls in [true, false] {
        let server = program.start(tls).await;
        let observed = timeout(TIMEOUT, talk(&server)).await.expect("the conversation ends in time");
        // A client that has offered both must refuse both.
        let response = if program == Http2Program::Sockudo { "200 other, chat" } else { "200 chat" };
        let stream = [response, "\\x81\\x05hello", "\\x88\\x05\\x0b\\xb8bye"];
        let expected = [&["enabled true"][..], &stream, &stream].concat();
        assert_eq!(observed, expected, "{program:?}, TLS: {tls}");
    }
}

#[tokio::test]
async fn node_speaks_websockets_over_http2() {
    expect_echo_and_close(Http2Program::Node).await;
}

#[tokio::test]
async fn hypercorn_speaks_websockets_over_http2() {
    expect_echo_and_close(Http2Program::Hypercorn).await;
}

#[tokio::test]
async fn haproxy_speaks_websockets_over_http2() {
    expect_echo_and_close(Http2Program::Haproxy).await;
}

#[tokio::test]
async fn nghttpx_speaks_websockets_over_http2() {
    expect_echo_and_close(Http2Program::Nghttpx).await;
}

#[tokio::test]
async fn sockudo_speaks_websockets_over_http2() {
    expect_echo_and_close(Http2Program::Sockudo).await;
}
