//! Tests of Close frames and of the end of the TCP connection.

use std::sync::Arc;

use samesocket_fault_server::{CloseSeen, End, Until};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use crate::raw_client::{Client, http, record, start, trusting, within};

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PONG: u8 = 10;

#[tokio::test]
async fn close_is_answered_as_the_step_says() {
    let server = start().await;
    for (steps, body) in [
        ("echo", &b"\x0b\xb8x"[..]),
        ("answer", b"\x0b\xb8x"),
        ("answer:1001:gone", b"\x03\xe9gone"),
        ("answer-empty", b""),
        ("await-close,close-hex:03", b"\x03"),
    ] {
        let mut client = Client::open(&server, &format!("/ws?id=c&do={steps}")).await;
        client.send(CLOSE, b"\x0b\xb8x").await;
        assert_eq!(client.frame().await, (0x88, body.to_vec()), "{steps}");
        assert_eq!(client.rest().await.unwrap(), b"", "{steps}");
        drop(client);
        let closed = record(&server, "c", Until::End).await;
        let reason = "x".to_owned();
        assert_eq!(closed.close, Some(CloseSeen { code: Some(3000), reason }));
        assert_eq!(closed.end, Some(End::Server));
    }
}

#[tokio::test]
async fn own_close_waits_for_the_clients_close_then_ends_tcp() {
    let server = start().await;
    let mut client = Client::open(&server, "/ws?id=own&do=close:4000:why,text:late").await;
    assert_eq!(client.frame().await, (0x88, b"\x0f\xa0why".to_vec()));
    assert_eq!(client.frame().await, (0x81, b"late".to_vec()));
    assert_eq!(server.store().record("own").unwrap().end, None);
    client.send(CLOSE, b"\x0f\xa0").await;
    assert_eq!(client.rest().await.unwrap(), b"");
}

#[tokio::test]
async fn unanswered_close_leaves_the_connection_open() {
    let server = start().await;
    let mut client = Client::open(&server, "/ws?id=mute&do=await-close").await;
    client.send(CLOSE, b"").await;
    let closed = record(&server, "mute", Until::CloseFrame).await;
    assert_eq!(closed.close.unwrap().code, None);
    assert_eq!(closed.end, None);
    drop(client);
    assert_eq!(record(&server, "mute", Until::End).await.end, Some(End::Fin));
}

#[tokio::test]
async fn awaited_pong_has_arrived_before_the_next_step() {
    let server = start().await;
    let mut client = Client::open(&server, "/ws?id=p&do=ping:a,await-pong,text:b,await-pong,text:c,drop").await;
    assert_eq!(client.frame().await, (0x89, b"a".to_vec()));
    client.send(TEXT, b"no pong").await;
    assert_eq!(server.store().wait_record("p", Until::Message).await.end, None);
    client.send(PONG, b"a").await;
    assert_eq!(client.frame().await, (0x81, b"b".to_vec()));
    client.send(PONG, b"a").await;
    assert_eq!(client.rest().await.unwrap(), b"\x81\x01c");
}

#[tokio::test]
async fn fin_and_drop_end_tcp_without_a_close() {
    let server = start().await;
    for step in ["fin", "drop"] {
        let mut client = Client::open(&server, &format!("/ws?id=e&do=await:1,text:a,{step}")).await;
        client.send(TEXT, b"go").await;
        assert_eq!(client.rest().await.unwrap(), b"\x81\x01a", "{step}");
        drop(client);
        assert_eq!(record(&server, "e", Until::End).await.end, Some(End::Server));
    }
}

#[tokio::test]
async fn fin_keeps_reading() {
    let server = start().await;
    let mut client = Client::open(&server, "/ws?id=half&do=fin").await;
    assert_eq!(client.rest().await.unwrap(), b"");
    client.send(9, b"unanswered").await;
    client.send(TEXT, b"received").await;
    let record = record(&server, "half", Until::Message).await;
    assert_eq!((record.message_count, record.end), (1, None));
}

#[tokio::test]
async fn reset_step_resets_the_connection() {
    let server = start().await;
    let mut client = Client::open(&server, "/ws?do=await:1,reset").await;
    client.send(TEXT, b"go").await;
    let error = client.rest().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn record_distinguishes_fin_from_reset_of_the_client() {
    let server = start().await;
    for steps in ["echo", "gate:never", "end", "read-never", "read-slow:10,end"] {
        for (reset, end) in [(false, End::Fin), (true, End::Reset)] {
            let client = Client::open(&server, &format!("/ws?id=g&do={steps}")).await;
            record(&server, "g", Until::Handshake).await;
            assert_eq!(server.store().live("g"), 1);
            if reset {
                client.stream.set_zero_linger().unwrap();
            }
            drop(client);
            within(server.store().wait_live("g", 0)).await;
            let record = server.store().record("g").unwrap();
            assert_eq!(record.end, Some(end), "{steps}");
        }
    }
}

#[tokio::test]
async fn read_never_records_no_frames() {
    let server = start().await;
    let mut client = Client::open(&server, "/ws?id=n&do=text:a,read-never").await;
    assert_eq!(client.frame().await.1, b"a");
    client.send(TEXT, b"unread").await;
    drop(client);
    let record = record(&server, "n", Until::End).await;
    assert_eq!((record.frame_count, record.end), (0, Some(End::Fin)));
}

#[tokio::test]
async fn read_gate_reads_after_the_release() {
    let server = start().await;
    let mut client = Client::open(&server, "/ws?id=w&do=read-gate:go,await:1,text:read").await;
    client.send(TEXT, b"waiting").await;
    // An answer on another connection shows that the server has run in between.
    assert_eq!(http(&server, "GET", "/control/ping", "").await.1, "pong");
    assert_eq!(server.store().record("w").unwrap().frame_count, 0);
    server.store().release("w", "go");
    assert_eq!(client.frame().await, (0x81, b"read".to_vec()));
}

#[tokio::test]
async fn drop_over_tls_sends_no_close_notify() {
    let server = start().await;
    let config = trusting(&server);
    for (step, cut_off) in [("fin", false), ("drop", true)] {
        let stream = TcpStream::connect(server.addresses().tls).await.unwrap();
        let connector = TlsConnector::from(Arc::new(config.clone()));
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = within(connector.connect(name, stream)).await.unwrap();
        let request =
            format!("GET /ws?id=tls&do={step} HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let rest = within(stream.read_to_end(&mut Vec::new())).await;
        let expected = if cut_off { Err(std::io::ErrorKind::UnexpectedEof) } else { Ok(()) };
        assert_eq!(rest.map(drop).map_err(|error| error.kind()), expected, "{step}");
        drop(stream);
        let record = record(&server, "tls", Until::End).await;
        assert_eq!((record.secure, record.end), (true, Some(End::Server)));
    }
}

#[tokio::test]
async fn dropped_server_ends_its_connections() {
    let server = start().await;
    let mut client = Client::open(&server, "/ws?do=gate:never").await;
    let address = server.addresses().plain;
    drop(server);
    let rest = client.rest().await;
    assert!(rest.is_err() || rest.unwrap().is_empty());
    let refused = within(tokio::net::TcpStream::connect(address)).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}
