//! Tests of messages and frames after the opening handshake.

use std::io::Write as _;

use flate2::{Compression, write::DeflateEncoder};
use samesocket_fault_server::Until;

use crate::raw_client::{Client, record, start};

const TEXT: u8 = 1;
const PING: u8 = 9;

#[tokio::test]
async fn steps_run_in_order() {
    let server = start().await;
    let steps = "text:a,bin:00ff,ping:p,frames:text:b|c,bytes:300,chars:3,await:1,offered,echo:1,text:z";
    let mut client = Client::open(&server, &format!("/ws?do={steps}")).await;
    for wanted in [
        (0x81, b"a".to_vec()),
        (0x82, vec![0, 255]),
        (0x89, b"p".to_vec()),
        (0x01, b"b".to_vec()),
        (0x80, b"c".to_vec()),
        (0x82, (0..300_u16).map(|i| u8::try_from(i % 251).unwrap()).collect()),
        (0x81, b"aaa".to_vec()),
    ] {
        assert_eq!(client.frame().await, wanted);
    }
    client.send(TEXT, b"one").await;
    assert_eq!(client.frame().await, (0x81, Vec::new()));
    client.send(TEXT, b"two").await;
    assert_eq!(client.frame().await, (0x81, b"two".to_vec()));
    assert_eq!(client.frame().await, (0x81, b"z".to_vec()));
}

#[tokio::test]
async fn together_coalesces_steps_into_one_write() {
    let server = start().await;
    let steps = "gate:now,together,text:a,opcode:3,close:1001,gate:later,text:b";
    let mut client = Client::open(&server, &format!("/ws?id=t&do={steps}")).await;
    server.store().release("t", "now");
    assert_eq!(client.chunk().await.unwrap(), b"\x81\x01a\x83\x00\x88\x02\x03\xe9");
    server.store().release("t", "later");
    assert_eq!(client.chunk().await.unwrap(), b"\x81\x01b");
}

#[tokio::test]
async fn flood_numbers_its_messages() {
    let server = start().await;
    let mut client = Client::open(&server, "/ws?do=flood:1000:2000,echo").await;
    for index in 0..1000_u32 {
        let (first, payload) = client.frame().await;
        assert_eq!((first, payload.len()), (0x82, 2000));
        assert_eq!(payload[..5], [&index.to_be_bytes()[..], &[4]].concat());
    }
}

#[tokio::test]
async fn fragments_are_joined_and_pings_between_answered() {
    let server = start().await;
    let mut client = Client::open(&server, "/ws?id=f").await;
    client.send_with(TEXT, b"he").await;
    client.send(PING, b"now").await;
    assert_eq!(client.frame().await, (0x8a, b"now".to_vec()));
    client.send_with(0x80, b"llo").await;
    assert_eq!(client.frame().await, (0x81, b"hello".to_vec()));
    let record = record(&server, "f", Until::Message).await;
    assert_eq!(record.messages[0].sha1, "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
    let frames: Vec<_> = record.frames.iter().map(|frame| (frame.opcode, frame.fin)).collect();
    assert_eq!(frames, [(1, false), (9, true), (0, true)]);
    assert_eq!(record.frames[1].text.as_deref(), Some("now"));
}

#[tokio::test]
async fn negotiated_compression_works_in_both_directions() {
    let server = start().await;
    let offer = &["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"];
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&[b'a'; 500]).unwrap();
    encoder.flush().unwrap();
    let mut compressed = encoder.get_ref().clone();
    assert!(compressed.ends_with(&[0, 0, 0xff, 0xff]));
    compressed.truncate(compressed.len() - 4);

    let mut client = Client::request(&server, "/ws?id=z&deflate=1", offer).await;
    assert!(client.head().await.contains("Sec-WebSocket-Extensions: permessage-deflate; "));
    client.send_with(0xc1, &compressed).await;
    assert_eq!(client.frame().await, (0x81, vec![b'a'; 500]));
    let record = record(&server, "z", Until::Message).await;
    assert!(record.frames[0].compressed && record.frames[0].rsv == 4);
    assert_eq!(record.frames[0].length, compressed.len());
    assert_eq!(record.messages[0].length, 500);

    let mut client = Client::request(&server, "/ws?deflate=send&do=chars:500", offer).await;
    client.head().await;
    let (first, payload) = client.frame().await;
    assert_eq!(first, 0xc1);
    assert!(payload.len() < 50);
}

#[tokio::test]
async fn invalid_frame_is_recorded_as_an_error() {
    let server = start().await;
    let mut client = Client::open(&server, "/ws?id=bad").await;
    client.send(3, b"").await;
    let record = record(&server, "bad", Until::End).await;
    let error = record.error.unwrap();
    assert!(error.starts_with("the client broke the protocol"), "{error}");
    assert_eq!(client.rest().await.unwrap(), b"");
}

#[tokio::test]
async fn large_writes_of_both_sides_do_not_deadlock() {
    let server = start().await;
    let mut client = Client::open(&server, "/ws?do=bytes:20000000,echo:1").await;
    // The client sends its whole message before it reads, so the server has to read while its
    // own write is blocked.
    let length = 20_000_000_u64;
    let mut frame = vec![0x82, 0xff];
    frame.extend(length.to_be_bytes());
    frame.extend([0; 4]);
    frame.resize(frame.len() + 20_000_000, 9);
    client.write(&frame).await;
    assert_eq!(client.frame().await.1.len(), 20_000_000);
    assert!(client.frame().await.1 == vec![9; 20_000_000]);
}
