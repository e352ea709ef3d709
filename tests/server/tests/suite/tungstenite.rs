//! Tests of connections without faults, with tungstenite's client.

use std::{net::SocketAddr, net::TcpStream, sync::Arc};

use samesocket_fault_server::{CloseSeen, End, Kind, Until};
use tokio_rustls::rustls::{ClientConnection, StreamOwned, pki_types::ServerName};
use tungstenite::{Message, protocol::CloseFrame};

use crate::raw_client::{record, start, trusting};

/// Runs a conversation over TCP, on a thread that may block.
async fn echo(address: SocketAddr, id: &'static str) {
    tokio::task::spawn_blocking(move || {
        let stream = TcpStream::connect(address).unwrap();
        converse(stream, &format!("ws://{address}/ws?id={id}"));
    })
    .await
    .unwrap();
}

/// Sends two messages, receives their echoes, and closes with 1000.
fn converse(stream: impl std::io::Read + std::io::Write, url: &str) {
    let (mut socket, _) = tungstenite::client::client(url, stream).ok().unwrap();
    socket.send(Message::text("hello")).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("hello"));
    let bytes = vec![7; 100_000];
    socket.send(Message::binary(bytes.clone())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::binary(bytes));
    let close = CloseFrame { code: 1000.into(), reason: "bye".into() };
    socket.close(Some(close.clone())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Close(Some(close)));
    assert!(matches!(socket.read(), Err(tungstenite::Error::ConnectionClosed)));
}

#[tokio::test]
async fn messages_are_echoed_and_the_close_answered() {
    let server = start().await;
    echo(server.addresses().plain, "echo").await;
    let record = record(&server, "echo", Until::End).await;
    assert_eq!(record.end, Some(End::Server));
    assert_eq!(record.message_count, 2);
    assert_eq!(record.messages[0].text.as_deref(), Some("hello"));
    assert_eq!(record.messages[1].kind, Kind::Binary);
    assert_eq!(record.messages[1].length, 100_000);
    assert!(record.frames.iter().all(|frame| frame.masked));
    let reason = "bye".to_owned();
    assert_eq!(record.close, Some(CloseSeen { code: Some(1000), reason }));
}

#[tokio::test]
async fn ipv6_is_served_on_the_same_port() {
    let server = start().await;
    let address = server.addresses().plain6.expect("the server listens on ::1");
    assert_eq!(address.port(), server.addresses().plain.port());
    echo(address, "six").await;
    assert!(!record(&server, "six", Until::End).await.secure);
}

#[tokio::test]
async fn certificate_is_valid_for_each_loopback_name() {
    let server = start().await;
    let config = trusting(&server);
    let config = Arc::new(config);
    let address = server.addresses().tls;
    for name in ["localhost", "127.0.0.1", "::1"] {
        let config = Arc::clone(&config);
        tokio::task::spawn_blocking(move || {
            let name = ServerName::try_from(name).unwrap();
            let connection = ClientConnection::new(config, name).unwrap();
            let stream = TcpStream::connect(address).unwrap();
            converse(StreamOwned::new(connection, stream), "ws://localhost/echo?id=tls");
        })
        .await
        .unwrap();
    }
    assert!(record(&server, "tls", Until::End).await.secure);
    assert_eq!(server.store().nth_record("tls", 3).unwrap().path, "/echo");
}
