//! Tests of scripts over HTTP/2.

use std::sync::Arc;

use h2::Reason;
use samesocket_fault_server::{CloseSeen, End, Handshake, HttpVersion, Until};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use crate::{
    http2_client::{Http2Client, start_http2},
    raw_client::{record, start, trusting, within},
};

const TEXT: u8 = 1;
const CLOSE: u8 = 8;

#[tokio::test]
async fn ports_for_http2_exist_only_if_asked_for() {
    let server = start().await;
    assert_eq!((server.addresses().h2, server.addresses().h2c), (None, None));
}

#[tokio::test]
async fn streams_share_a_connection_and_echo() {
    let server = start_http2().await;
    let mut client = Http2Client::connect(&server).await;
    let mut streams = Vec::new();
    for id in ["a", "b", "c"] {
        streams.push((id, client.open(&format!("/ws?id={id}")).await));
    }
    for (id, stream) in &mut streams {
        stream.send(TEXT, id.as_bytes());
        assert_eq!(stream.frame().await, (0x81, id.as_bytes().to_vec()));
        stream.send(CLOSE, b"\x03\xe8bye");
        assert_eq!(stream.rest().await, Ok(b"\x88\x05\x03\xe8bye".to_vec()));
        stream.send.send_data("".into(), true).unwrap();
        let seen = record(&server, id, Until::End).await;
        assert_eq!((seen.version, seen.connection, seen.end), (HttpVersion::Http2, 1, Some(End::Server)));
        assert_eq!(seen.close, Some(CloseSeen { code: Some(1000), reason: "bye".to_owned() }));
        assert_eq!(seen.message_count, 1);
    }
    let streams: Vec<_> = ["a", "b", "c"].map(|id| server.store().record(id).unwrap().stream).into();
    assert_eq!(streams, [Some(1), Some(3), Some(5)]);
    let [connection] = &server.store().connections()[..] else { panic!("not one connection") };
    assert_eq!((connection.version, connection.stream_count, connection.ended), (HttpVersion::Http2, 3, false));
}

#[tokio::test]
async fn request_is_recorded_with_pseudo_headers() {
    let server = start_http2().await;
    let mut client = Http2Client::connect(&server).await;
    let headers = [
        ("sec-websocket-protocol", "a, b"),
        ("origin", "http://here"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("sec-websocket-extensions", "permessage-deflate"),
    ];
    let stream = client.request("/ws?id=r&pick=last&deflate=1&header=Set-Cookie:%20c=3", &headers).await.unwrap();
    assert_eq!(stream.header("sec-websocket-protocol"), Some("b"));
    assert_eq!(
        stream.header("sec-websocket-extensions"),
        Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
    );
    assert_eq!((stream.header("set-cookie"), stream.header("sec-websocket-accept")), (Some("c=3"), None));
    let seen = record(&server, "r", Until::Handshake).await;
    assert_eq!((seen.handshake, seen.offered), (Some(Handshake::Accepted), vec!["a".to_owned(), "b".to_owned()]));
    let expected = [
        (":authority", "h"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        ("cookie", "a=1; b=2"),
        ("origin", "http://here"),
        ("sec-websocket-extensions", "permessage-deflate"),
        ("sec-websocket-protocol", "a, b"),
        ("sec-websocket-version", "13"),
    ];
    let headers: Vec<_> = seen.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(headers, expected);
    assert_eq!((seen.target.as_str(), seen.secure), ("/ws?id=r&pick=last&deflate=1&header=Set-Cookie:%20c=3", false));
}

#[tokio::test]
async fn refusals_have_status_headers_and_body() {
    let server = start_http2().await;
    let mut client = Http2Client::connect(&server).await;
    for (target, status, body) in [
        ("/ws?id=x&status=404", 404, "status 404\n"),
        ("/ws?id=x&status=301&location=http://there/", 301, "status 301\n"),
        ("/ws?id=x&stauts=1", 400, "unknown key `stauts`\n"),
        ("/ws?id=x&head=none", 400, "the key `head` cannot be `none`\n"),
        ("/ws?id=x&head=code%20302", 400, "the key `head` needs HTTP/1.1\n"),
        ("/elsewhere", 404, "there is nothing at `/elsewhere`\n"),
    ] {
        let mut stream = client.request(target, &[]).await.unwrap();
        assert_eq!(stream.response.status(), status, "{target}");
        assert_eq!(stream.header("content-length"), Some(&*body.len().to_string()), "{target}");
        assert_eq!(stream.header("location"), (status == 301).then_some("http://there/"), "{target}");
        assert_eq!(stream.rest().await, Ok(body.as_bytes().to_vec()), "{target}");
        if target != "/elsewhere" {
            let refused = record(&server, "x", Until::Handshake).await;
            assert_eq!(refused.handshake, Some(Handshake::Refused), "{target}");
        }
    }
}

#[tokio::test]
async fn step_of_http2_is_refused_over_http1() {
    let server = start_http2().await;
    for query in ["do=pings:1", "first=ignore-pings", "end-stream=1", "status=101"] {
        let mut client = crate::raw_client::Client::request(&server, &format!("/ws?{query}"), &[]).await;
        assert!(client.head().await.starts_with("HTTP/1.1 400 "), "{query}");
    }
}

#[tokio::test]
async fn reset_has_its_code_before_and_after_the_response() {
    let server = start_http2().await;
    let mut client = Http2Client::connect(&server).await;
    for (query, code) in [
        ("handshake=reset", Reason::CANCEL),
        ("handshake=reset:refused-stream", Reason::REFUSED_STREAM),
        ("handshake=reset:13", Reason::HTTP_1_1_REQUIRED),
        ("handshake=drop", Reason::CANCEL),
    ] {
        let error = client.request(&format!("/ws?id=h&{query}"), &[]).await.err().unwrap();
        assert_eq!((error.is_reset(), error.reason()), (true, Some(code)), "{query}");
        let aborted = record(&server, "h", Until::End).await;
        assert_eq!((aborted.handshake, aborted.end), (Some(Handshake::Aborted), Some(End::Server)), "{query}");
    }
    for (steps, received, code) in [
        ("reset", &b""[..], Reason::CANCEL),
        ("text:a,reset:internal-error", b"\x81\x01a", Reason::INTERNAL_ERROR),
        ("raw:810561,reset:2", b"\x81\x05a", Reason::INTERNAL_ERROR),
        ("close:1000,reset:0", b"\x88\x02\x03\xe8", Reason::NO_ERROR),
    ] {
        // The client's stream drops what it has not read when it is reset, so it reads before the reset.
        let (before, reset) = steps.rsplit_once("reset").unwrap();
        let mut stream = client.open(&format!("/ws?id=s&do={before}gate:go,reset{reset}")).await;
        let mut got = Vec::new();
        while got.len() < received.len() {
            let data = within(stream.receive.data()).await.unwrap().unwrap();
            got.extend_from_slice(&data);
        }
        assert_eq!(got, received, "{steps}");
        server.store().release("s", "go");
        assert_eq!(stream.rest().await, Err(code), "{steps}");
    }
}

#[tokio::test]
async fn fin_and_drop_end_the_stream_without_a_close() {
    let server = start_http2().await;
    let mut client = Http2Client::connect(&server).await;
    let mut stream = client.open("/ws?id=fin&do=text:a,fin").await;
    assert_eq!(stream.rest().await, Ok(b"\x81\x01a".to_vec()));
    stream.send(TEXT, b"received");
    let seen = record(&server, "fin", Until::Message).await;
    assert_eq!((seen.message_count, seen.end), (1, None));
    stream.send.send_data("".into(), true).unwrap();
    assert_eq!(record(&server, "fin", Until::End).await.end, Some(End::Server));
    let mut stream = client.open("/ws?id=drop&do=text:a,drop").await;
    assert_eq!(stream.rest().await, Ok(b"\x81\x01a".to_vec()));
    assert_eq!(within(std::future::poll_fn(|cx| stream.send.poll_reset(cx))).await.unwrap(), Reason::NO_ERROR);
}

#[tokio::test]
async fn record_distinguishes_end_of_stream_from_reset() {
    let server = start_http2().await;
    let mut client = Http2Client::connect(&server).await;
    for steps in ["echo", "gate:never", "end", "read-never", "read-slow:10,end"] {
        for (code, end) in [(None, End::Fin), (Some(Reason::CANCEL), End::Reset), (Some(Reason::from(99)), End::Reset)]
        {
            let mut stream = client.open(&format!("/ws?id=g&do={steps}")).await;
            record(&server, "g", Until::Handshake).await;
            match code {
                None => stream.send.send_data("".into(), true).unwrap(),
                Some(code) => stream.send.send_reset(code),
            }
            let seen = record(&server, "g", Until::End).await;
            assert_eq!((seen.end, seen.stream_error), (Some(end), code.map(u32::from)), "{steps}");
        }
    }
}

#[tokio::test]
async fn lost_connection_ends_all_its_streams() {
    let server = start_http2().await;
    let mut client = Http2Client::connect(&server).await;
    let _first = client.open("/ws?id=lost-1&do=gate:never").await;
    let _second = client.open("/ws?id=lost-2&do=gate:never").await;
    client.connection.abort();
    for id in ["lost-1", "lost-2"] {
        assert_eq!(record(&server, id, Until::End).await.end, Some(End::Fin));
    }
    within(server.store().wait_connection(1, |seen| seen.ended)).await;
}

#[tokio::test]
async fn unread_stream_does_not_stop_the_others() {
    let server = start_http2().await;
    let mut client = Http2Client::connect(&server).await;
    let mut unread = client.open("/ws?id=u&do=read-gate:go,end").await;
    unread.send.reserve_capacity(200_000);
    // The header of a message that does not end.
    let header = [&[0x82, 0xff], &200_000_u64.to_be_bytes()[..], &[0; 4]].concat();
    let mut sent = header.len();
    unread.send.send_data(header.into(), false).unwrap();
    while sent < 65_535 {
        let capacity = within(std::future::poll_fn(|cx| unread.send.poll_capacity(cx))).await.unwrap().unwrap();
        unread.send.send_data(vec![0; capacity].into(), false).unwrap();
        sent += capacity;
    }
    assert_eq!(sent, 65_535);
    let mut echo = client.open("/ws?id=e").await;
    echo.send(TEXT, b"hi");
    assert_eq!(echo.frame().await, (0x81, b"hi".to_vec()));
    server.store().release("u", "go");
    assert!(within(std::future::poll_fn(|cx| unread.send.poll_capacity(cx))).await.unwrap().unwrap() > 0);
}

#[tokio::test]
async fn other_requests_are_answered_over_http2() {
    let server = start_http2().await;
    let mut client = Http2Client::connect(&server).await;
    assert_eq!(client.get("/control/ping").await, (200, "pong".to_owned()));
    assert_eq!(client.get("/ws").await, (426, "this path accepts only WebSocket connections\n".to_owned()));
    assert_eq!(client.get("/nothing").await.0, 404);
}

#[tokio::test]
async fn alpn_chooses_the_version_on_the_h2_port() {
    let server = start_http2().await;
    let config = trusting(&server);
    for (offered, version) in [("h2", HttpVersion::Http2), ("http/1.1", HttpVersion::Http1)] {
        let mut config = config.clone();
        config.alpn_protocols = vec![offered.into()];
        let stream = TcpStream::connect(server.addresses().h2.unwrap()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(offered.as_bytes()));
        if offered == "h2" {
            let mut client = Http2Client::over(stream).await;
            client.open("/ws?id=alpn").await;
        } else {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let request = b"GET /ws?id=alpn HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut head = [0; 12];
            within(stream.read_exact(&mut head)).await.unwrap();
            assert_eq!(&head, b"HTTP/1.1 101");
        }
        let seen = record(&server, "alpn", Until::Handshake).await;
        assert_eq!((seen.version, seen.secure), (version, true));
    }
}
