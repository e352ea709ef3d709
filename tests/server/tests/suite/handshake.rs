//! Tests of the opening handshake.

use samesocket_fault_server::{End, Handshake, Until};
use tokio::io::{AsyncReadExt as _, BufReader};

use crate::raw_client::{ACCEPT, Client, http, record, start, within};

#[tokio::test]
async fn subprotocols_are_recorded_and_picked() {
    let server = start().await;
    let offer = &["Sec-WebSocket-Protocol: a, b", "Origin: http://here"];
    for (target, picked) in [
        ("/ws?id=s", Some("a")),
        ("/ws?id=s&pick=last", Some("b")),
        ("/ws?id=s&pick=upper", Some("A")),
        ("/ws?id=s&pick=none", None),
        ("/ws?id=s&subprotocol=c%20d", Some("c d")),
    ] {
        let head = Client::request(&server, target, offer).await.head().await;
        let named = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
        assert_eq!(named, picked, "{target}");
    }
    let record = server.store().nth_record("s", 2).unwrap();
    assert_eq!(record.offered, ["a", "b"]);
    assert_eq!(record.origin.as_deref(), Some("http://here"));
    assert_eq!(record.target, "/ws?id=s&pick=last");
    assert_eq!(record.headers["sec-websocket-version"], "13");
}

#[tokio::test]
async fn required_headers_can_be_wrong() {
    let server = start().await;
    for (query, has, has_not) in [
        ("accept=wrong", "Sec-WebSocket-Accept: ", ACCEPT),
        ("accept=missing", "101", "Accept"),
        ("accept=padded", ACCEPT, "Accept: s3"),
        ("upgrade=missing", "Connection: Upgrade", "websocket"),
        ("connection=close", "Connection: close", "Connection: Upgrade"),
        ("extensions=x-foo", "Extensions: x-foo", "deflate"),
    ] {
        let mut client = Client::request(&server, &format!("/ws?{query}"), &[]).await;
        let head = client.head().await;
        assert!(head.contains(has), "{query}: {head}");
        assert!(!head.contains(has_not), "{query}: {head}");
    }
}

#[tokio::test]
async fn status_refuses_the_connection() {
    let server = start().await;
    let mut client = Client::request(&server, "/ws?id=r&status=302&location=http://there/&header=A:%20b", &[]).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 302 Found\r\nLocation: http://there/\r\nA: b\r\n"));
    assert_eq!(client.rest().await.unwrap(), b"status 302\n");
    let refused = record(&server, "r", Until::Handshake).await;
    assert_eq!(refused.handshake, Some(Handshake::Refused));
}

#[tokio::test]
async fn early_hints_precede_the_response() {
    let server = start().await;
    let mut client = Client::request(&server, "/ws?early=1", &[]).await;
    assert!(client.head().await.starts_with("HTTP/1.1 103 Early Hints\r\n"));
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
}

#[tokio::test]
async fn unknown_key_or_step_is_named_in_a_400_response() {
    let server = start().await;
    for (query, text) in [("stauts=1", "unknown key `stauts`"), ("do=ecko", "unknown step `ecko`")] {
        let mut client = Client::request(&server, &format!("/ws?id=typo&{query}"), &[]).await;
        assert!(client.head().await.starts_with("HTTP/1.1 400 "));
        assert_eq!(client.rest().await.unwrap(), format!("{text}\n").as_bytes());
        let refused = record(&server, "typo", Until::Handshake).await;
        assert_eq!(refused.error.as_deref(), Some(text));
    }
}

#[tokio::test]
async fn handshake_faults_abort_the_response() {
    let server = start().await;
    for (fault, end) in [
        ("garbage", End::Server),
        ("half", End::Server),
        ("drop", End::Server),
        ("nothing", End::Fin),
        ("reset", End::Server),
    ] {
        let mut client = Client::request(&server, &format!("/ws?id={fault}&handshake={fault}"), &[]).await;
        let aborted = record(&server, fault, Until::Handshake).await;
        assert_eq!(aborted.handshake, Some(Handshake::Aborted), "{fault}");
        if fault != "nothing" {
            let rest = client.rest().await;
            match fault {
                "garbage" => assert!(!rest.unwrap().starts_with(b"HTTP")),
                "half" => {
                    let rest = rest.unwrap();
                    assert!(rest.starts_with(b"HTTP/1.1 101 ") && !rest.ends_with(b"\r\n\r\n"));
                }
                "drop" => assert_eq!(rest.unwrap(), b""),
                _ => assert_eq!(rest.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset),
            }
        }
        drop(client);
        assert_eq!(record(&server, fault, Until::End).await.end, Some(end), "{fault}");
    }
}

#[tokio::test]
async fn held_response_waits_for_its_gate() {
    let server = start().await;
    let mut client = Client::request(&server, "/ws?id=held&hold=handshake", &[]).await;
    assert_eq!(record(&server, "held", Until::Request).await.handshake, None);
    server.store().release("held", "handshake");
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    assert_eq!(server.store().live("held"), 1);
}

#[tokio::test]
async fn disconnect_during_a_held_handshake_is_recorded() {
    let server = start().await;
    let client = Client::request(&server, "/ws?id=left&hold=handshake", &[]).await;
    record(&server, "left", Until::Request).await;
    drop(client);
    let left = record(&server, "left", Until::End).await;
    assert_eq!((left.handshake, left.end), (Some(Handshake::Aborted), Some(End::Fin)));
}

#[tokio::test]
async fn packet_joins_the_response_and_the_first_steps() {
    let server = start().await;
    let steps = "do=text:a,close:1001,gate:never";
    let mut client = Client::request(&server, &format!("/ws?packet=1&{steps}"), &[]).await;
    let chunk = client.chunk().await.unwrap();
    assert!(chunk.starts_with(b"HTTP/1.1 101 "));
    assert!(chunk.ends_with(b"\r\n\r\n\x81\x01a\x88\x02\x03\xe9"));
}

#[tokio::test]
async fn head_is_sent_by_its_name_with_the_message() {
    let server = start().await;
    let find = |name: &str| samesocket_fault_server::heads().iter().find(|head| head.name == name).unwrap();
    for (name, bytes) in [
        (
            "version HTTP/1.0",
            format!(
                "HTTP/1.0 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
            ),
        ),
        (
            "one 199",
            format!(
                "HTTP/1.1 199 X\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
            ),
        ),
        ("code 302", "HTTP/1.1 302 Found\r\nLocation: /other\r\n\r\n".to_owned()),
    ] {
        let client = Client::request(&server, &format!("/ws?{}", find(name).query), &[]).await;
        let mut received = vec![0; bytes.len() + 4];
        within(BufReader::new(client.stream).read_exact(&mut received)).await.unwrap();
        assert_eq!(received, [bytes.as_bytes(), b"\x81\x02hi"].concat(), "{name}");
    }
    let (_, list) = http(&server, "GET", "/control/heads", "").await;
    assert_eq!(list.matches("\"query\":").count(), samesocket_fault_server::heads().len());
}
