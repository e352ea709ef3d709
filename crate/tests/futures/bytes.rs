//! `ByteStream`: reading and writing bytes over binary messages.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use futures::io::{AsyncReadExt, AsyncWriteExt, Cursor};
use futures::{SinkExt, StreamExt};
use samesocket::testing::{self, pair};
use samesocket::{BinaryType, connect};
use samesocket_fault_server::Until;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::support::Stage;

#[test]
fn read_skips_empty_messages_and_message_boundaries() {
    testing::run(|_| async {
        let (socket, peer) = pair();
        for bytes in [&b"ab"[..], b"", b"", b"cdef", b""] {
            peer.send(Bytes::from_static(bytes));
        }
        peer.close(Some(1000), "");
        let mut stream = socket.into_bytes();
        let mut three = [0; 3];
        stream.read_exact(&mut three).await.unwrap();
        assert_eq!(&three, b"abc");
        assert_eq!(stream.read(&mut []).await.unwrap(), 0);
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"def");
    });
}

#[test]
fn read_fails_on_a_text_and_on_a_lost_connection() {
    testing::run(|_| async {
        let (socket, peer) = pair();
        peer.send(vec![1]);
        peer.send("text");
        drop(peer);
        let mut stream = socket.into_bytes();
        let mut rest = Vec::new();
        assert_eq!(stream.read_to_end(&mut rest).await.unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(stream.read_to_end(&mut rest).await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
        assert_eq!(rest, [1]);
        assert_eq!(stream.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn byte_stream_of_a_blob_socket_receives_bytes() {
    testing::run(|network| async move {
        let connecting = network.connect("ws://a.example").binary_type(BinaryType::Blob);
        let (socket, peer) = futures::join!(connecting, async { network.accept().await.open() });
        let mut stream = socket.unwrap().into_bytes();
        peer.send(vec![1, 2]);
        let mut two = [0; 2];
        stream.read_exact(&mut two).await.unwrap();
        assert_eq!(two, [1, 2]);
    });
}

#[test]
fn into_parts_returns_socket_and_unread_bytes() {
    testing::run(|_| async {
        let (socket, peer) = pair();
        peer.send(vec![1, 2, 3]);
        peer.send("text");
        let mut stream = socket.into_bytes();
        stream.read_exact(&mut [0]).await.unwrap();
        let (mut socket, rest) = stream.into_parts();
        assert_eq!(&*rest, [2, 3]);
        assert_eq!(socket.next().await.unwrap().unwrap().size(), 4);
    });
}

#[tokio::test]
async fn copy_round_trips_three_megabytes() {
    let stage = Stage::new().await;
    let bytes: Vec<u8> = (0..=250).cycle().take(3_000_000).collect();
    let stream = connect(stage.url("a", "")).await.unwrap().into_bytes().half_close_timeout(Duration::ZERO);
    let (mut reader, mut writer) = stream.split();
    let mut back = vec![0; bytes.len()];
    let write = async {
        assert_eq!(futures::io::copy(Cursor::new(&bytes), &mut writer).await.unwrap(), 3_000_000);
        writer.flush().await.unwrap();
    };
    let ((), read) = futures::join!(write, reader.read_exact(&mut back));
    read.unwrap();
    assert!(back == bytes);
    writer.close().await.unwrap();
    assert_eq!(reader.read(&mut [0]).await.unwrap(), 0);
    let record = stage.store().wait_record("a", Until::End).await;
    assert!(record.close.is_some());
}

#[tokio::test]
async fn read_after_a_close_that_timed_out_is_timed_out() {
    let stage = Stage::new().await;
    let connect = connect(stage.url("a", "do=await-close,gate:go")).close_timeout(Duration::from_millis(30));
    let mut stream = connect.await.unwrap().into_bytes();
    drop(stream.control().close(Some(1000), None));
    let error = stream.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    stage.store().release("a", "go");
}

#[tokio::test]
async fn codec_frames_round_trip() {
    let stage = Stage::new().await;
    let stream = connect(stage.url("a", "")).await.unwrap().into_bytes().half_close_timeout(Duration::ZERO);
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
