//! Split halves, waits and byte streams of the futures API, in an engine.

use std::time::Duration;

use crate::support::Fixture;
use bytes::Bytes;
use futures::future::join;
use futures::io::{AsyncReadExt, AsyncWriteExt, Cursor};
use futures::{FutureExt, SinkExt, StreamExt};
use samesocket::{Connect, Error, Message, ReadyState, Socket, connect};
use tokio_util::codec::{Framed, LengthDelimitedCodec};
use wasm_bindgen_test::wasm_bindgen_test;

/// Returns a connection attempt to the fault server.
fn to(fixture: &Fixture, query: &str) -> Connect {
    connect(fixture.server.socket_url(&fixture.id, query))
}

#[wasm_bindgen_test]
async fn reunite_accepts_own_halves_and_returns_others() {
    let (fixture, elsewhere) = (Fixture::new("reunite").await, Fixture::new("reunite-other").await);
    let (sender, receiver) = to(&fixture, "").await.unwrap().split();
    let (other, _) = to(&elsewhere, "").await.unwrap().split();
    let error = Socket::reunite(other, receiver).unwrap_err();
    let mut socket = Socket::reunite(sender.clone(), error.receiver).unwrap();
    sender.send("a".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().size(), 1);
}

#[wasm_bindgen_test]
async fn control_outlives_split_halves_and_closes() {
    let fixture = Fixture::new("control").await;
    let socket = to(&fixture, "subprotocol=chat").subprotocols("chat").await.unwrap();
    let control = socket.control();
    let (sender, mut receiver) = socket.split();
    let closed = control.close(Some(3001), Some("enough"));
    assert!(receiver.next().await.is_none());
    drop((sender, receiver));
    assert_eq!(closed.await.unwrap().code, 3001);
    assert_eq!((control.ready_state(), &*control.protocol()), (ReadyState::Closed, "chat"));
    assert_eq!(control.closed().await, control.clone().closed().await);
}

#[wasm_bindgen_test]
async fn dropping_last_handle_closes() {
    let fixture = Fixture::new("last").await;
    let socket = to(&fixture, "").await.unwrap();
    let control = socket.control();
    let (sender, receiver) = socket.split();
    drop(receiver);
    sender.send("still".into()).await.unwrap();
    drop(sender);
    assert_eq!(control.ready_state(), ReadyState::Open);
    drop(control);
    let record = fixture.ended().await;
    assert_eq!((record.message_count, record.close.unwrap().code), (1, None));
}

#[wasm_bindgen_test]
async fn sink_feeds_flushes_closes_then_returns_messages() {
    let fixture = Fixture::new("sink").await;
    let (mut sender, receiver) = to(&fixture, "").await.unwrap().split();
    for text in ["a", "b", "c"] {
        sender.feed(text.into()).await.unwrap();
    }
    SinkExt::<Message>::flush(&mut sender).await.unwrap();
    sender.drained().await.unwrap();
    let texts = receiver.take(3).map(|item| item.unwrap().size()).collect::<Vec<_>>().await;
    assert_eq!(texts, [1, 1, 1]);
    SinkExt::<Message>::close(&mut sender).await.unwrap();
    assert!(matches!(sender.try_send("d".into()), Err(Error::NotOpen(Message::Text(text))) if text == "d"));
}

#[wasm_bindgen_test]
async fn waits_of_open_socket_can_be_cancelled() {
    let fixture = Fixture::new("cancelled").await;
    let query = "do=read-gate:go,text:a,await:2,await-close,answer";
    let mut socket = to(&fixture, query).high_water_mark(0).await.unwrap();
    assert!(socket.next().now_or_never().is_none());
    socket.send(vec![7; 32 << 20].into()).await.unwrap();
    assert!(socket.send("cancelled".into()).now_or_never().is_none());
    assert!(socket.drained().now_or_never().is_none());
    assert!(socket.closed().now_or_never().is_none());
    fixture.server.release(&fixture.id, "go").await;
    socket.send("kept".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().size(), 1);
    socket.drained().await.unwrap();
    assert!(socket.close(Some(3000), None).now_or_never().is_none());
    let record = fixture.ended().await;
    assert_eq!((record.message_count, record.close.unwrap().code), (2, Some(3000)));
    assert!(socket.closed().await.was_clean);
}

#[wasm_bindgen_test]
async fn byte_stream_echoes_a_copy_of_bytes() {
    let fixture = Fixture::new("copy").await;
    let bytes: Vec<u8> = (0..=250).cycle().take(3_000_000).collect();
    let stream = to(&fixture, "").await.unwrap().into_bytes().half_close_timeout(Duration::ZERO);
    let (mut reader, mut writer) = stream.split();
    let mut back = vec![0; bytes.len()];
    let write = async {
        assert_eq!(futures::io::copy(Cursor::new(&bytes), &mut writer).await.unwrap(), 3_000_000);
        writer.flush().await.unwrap();
    };
    let ((), read) = join(write, reader.read_exact(&mut back)).await;
    read.unwrap();
    assert!(back == bytes);
    writer.close().await.unwrap();
    assert_eq!(reader.read(&mut [0]).await.unwrap(), 0);
    assert!(fixture.ended().await.close.is_some());
}

#[wasm_bindgen_test]
async fn empty_message_does_not_end_byte_stream() {
    let fixture = Fixture::new("empty").await;
    let mut stream = to(&fixture, "do=bin:6162,bin:,bin:6364,close:1000").await.unwrap().into_bytes();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"abcd");
}

#[wasm_bindgen_test]
async fn codec_frames_are_echoed() {
    let fixture = Fixture::new("codec").await;
    let stream = to(&fixture, "").await.unwrap().into_bytes().half_close_timeout(Duration::ZERO);
    let mut framed = Framed::new(stream, LengthDelimitedCodec::new());
    for size in [0, 1, 100_000, 3] {
        framed.send(Bytes::from(vec![7; size])).await.unwrap();
    }
    for size in [0, 1, 100_000, 3] {
        assert_eq!(framed.next().await.unwrap().unwrap().len(), size);
    }
    SinkExt::<Bytes>::close(&mut framed).await.unwrap();
    assert!(framed.next().await.is_none());
}
