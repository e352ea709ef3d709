//! Tests of the control plane.

use std::collections::BTreeMap;

use samesocket_fault_server::{End, Record};

use crate::raw_client::{Client, http, start, within};

const TEXT: u8 = 1;

#[tokio::test]
async fn record_request_waits_for_a_later_connection() {
    let server = start().await;
    let (head, body) = http(&server, "GET", "/control/record?id=x", "").await;
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    assert_eq!(body, "there is no connection with the id `x`\n");
    let visit = async {
        let mut client = Client::open(&server, "/ws?id=x").await;
        client.send(TEXT, b"hi").await;
        client.frame().await;
    };
    let asked = http(&server, "GET", "/control/record?id=x&until=end", "");
    let ((head, body), ()) = tokio::join!(asked, visit);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let record: Record = serde_json::from_str(&body).unwrap();
    assert_eq!((record.id.as_str(), record.path.as_str()), ("x", "/ws"));
    assert_eq!(record.messages[0].text.as_deref(), Some("hi"));
    assert_eq!(record.end, Some(End::Fin));
    assert!(body.contains(r#""end":"fin""#) && body.contains(r#""handshake":"accepted""#));
}

#[tokio::test]
async fn gate_opens_before_or_after_the_connection() {
    let server = start().await;
    http(&server, "GET", "/control/release?id=gated&gate=one", "").await;
    let mut client = Client::open(&server, "/ws?id=gated&do=gate:one,text:a,gate:two,text:b").await;
    assert_eq!(client.frame().await, (0x81, b"a".to_vec()));
    // The server answers pings while it waits for a gate.
    client.send(9, b"p").await;
    assert_eq!(client.frame().await, (0x8a, b"p".to_vec()));
    http(&server, "POST", "/control/release?id=gated&gate=two", "").await;
    assert_eq!(client.frame().await, (0x81, b"b".to_vec()));
}

#[tokio::test]
async fn live_connections_are_counted_by_prefix() {
    let server = start().await;
    let first = Client::open(&server, "/ws?id=live-1").await;
    let second = Client::open(&server, "/ws?id=live-2").await;
    let _other = Client::open(&server, "/ws?id=other").await;
    assert_eq!(http(&server, "GET", "/control/live?prefix=live-", "").await.1, "2");
    let asked = http(&server, "GET", "/control/live?prefix=live-&until=0", "");
    let leave = async { drop((first, second)) };
    assert_eq!(tokio::join!(asked, leave).0.1, "0");
    assert_eq!(server.store().live(""), 1);
}

#[tokio::test]
async fn posted_report_reaches_the_waiting_program() {
    let server = start().await;
    assert_eq!(server.report("r"), None);
    let posted = http(&server, "POST", "/control/report?name=r", "{\"ok\":true}");
    let (_, report) = tokio::join!(posted, within(server.wait_report("r")));
    assert_eq!(report, "{\"ok\":true}");
    assert_eq!(http(&server, "GET", "/control/report?name=r", "").await.1, report);
}

#[tokio::test]
async fn control_responses_allow_every_origin() {
    let server = start().await;
    let (head, body) = http(&server, "GET", "/control/ping", "").await;
    assert_eq!(body, "pong");
    for line in ["Access-Control-Allow-Origin: *", "Connection: close", "Content-Length: 4"] {
        assert!(head.contains(line), "{head}");
    }
    let (head, _) = http(&server, "OPTIONS", "/control/report?name=r", "").await;
    assert!(head.contains("Access-Control-Allow-Private-Network: true"));
}

#[tokio::test]
async fn invalid_request_is_answered_with_the_reason() {
    let server = start().await;
    for (target, status, text) in [
        ("/control/recrod", 404, "there is no control request `GET recrod`\n"),
        ("/control/record", 400, "the parameter `id` is missing\n"),
        ("/control/live?until=x", 400, "`until=x`: invalid digit found in string\n"),
        ("/ws", 426, "this path accepts only WebSocket connections\n"),
    ] {
        let (head, body) = http(&server, "GET", target, "").await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert_eq!(body, text);
    }
    let mut client = Client::connect(server.addresses().plain).await;
    client.write(b"\x16\x03\x01\x02\x00\x01\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn addresses_are_json_strings() {
    let server = start().await;
    let text = serde_json::to_string(server.addresses()).unwrap();
    let map: BTreeMap<String, Option<String>> = serde_json::from_str(&text).unwrap();
    assert_eq!(map["plain"].as_deref(), Some(server.addresses().plain.to_string().as_str()));
    assert!(map["tls"].as_deref().unwrap().starts_with("127.0.0.1:"));
}
