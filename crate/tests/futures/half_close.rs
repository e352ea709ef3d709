//! `ByteStream`: the effect of a shutdown of the writing side on the reading side and on the connection.

use std::io::ErrorKind;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use samesocket::testing::{self, Network, Peer, Received, pair};
use samesocket::{ByteStream, Connect, Message, connect};
use samesocket_fault_server::{Record, Until};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, copy_bidirectional, duplex, split};

use super::support::Stage;

/// Returns a local side that has written six bytes and ended its writing, and the end of it to copy from.
async fn half_closed_local_side() -> (DuplexStream, DuplexStream) {
    let (mut far, near) = duplex(1024);
    far.write_all(b"hello\n").await.unwrap();
    far.shutdown().await.unwrap();
    (far, near)
}

/// Returns a byte stream over the network in memory, and its peer.
async fn stream_and_peer(network: &Network, configure: fn(Connect) -> Connect) -> (ByteStream, Peer) {
    let connecting = configure(network.connect("ws://a.example"));
    let (socket, peer) = futures::join!(connecting, async { network.accept().await.open() });
    (socket.unwrap().into_bytes(), peer)
}

/// Receives everything until the end of the connection: the bytes of messages, and the code of the Close frame.
async fn rest_of(peer: &mut Peer) -> (Vec<u8>, Vec<Option<u16>>) {
    let (mut bytes, mut codes) = (Vec::new(), Vec::new());
    while let Some(received) = peer.receive().await {
        match received {
            Received::Message(Message::Binary(message)) => bytes.extend(message),
            Received::Close { code, .. } => codes.push(code),
            other => panic!("{other:?}"),
        }
    }
    (bytes, codes)
}

/// Returns the number of messages of a client, and the code of its Close frame.
fn messages_and_code(record: &Record) -> (u64, Option<u16>) {
    (record.message_count, record.close.as_ref().expect("the client sent a Close frame").code)
}

#[tokio::test]
async fn copy_bidirectional_gets_the_answer_after_a_half_close() {
    let stage = Stage::new().await;
    let (mut far, mut near) = half_closed_local_side().await;
    let mut stream = connect(stage.url("a", "do=await:1,bytes:5,close:1000")).await.unwrap().into_bytes();
    let copied = copy_bidirectional(&mut near, &mut stream).await;
    assert_eq!(copied.unwrap(), (6, 5));
    drop((near, stream));
    let mut answer = Vec::new();
    assert_eq!(far.read_to_end(&mut answer).await.unwrap(), 5);
    stage.store().wait_record("a", Until::End).await;
}

#[tokio::test]
async fn dropping_after_a_shutdown_closes_with_a_code() {
    let stage = Stage::new().await;
    for (id, is_shut_down, expected) in [("a", true, Some(1000)), ("b", false, None)] {
        let mut stream = connect(stage.url(id, "do=bytes:5,await:1,echo")).await.unwrap().into_bytes();
        stream.read_exact(&mut [0; 5]).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        if is_shut_down {
            stream.shutdown().await.unwrap();
        }
        drop(stream);
        let record = stage.store().wait_record(id, Until::End).await;
        assert_eq!(messages_and_code(&record), (1, expected));
    }
}

#[tokio::test]
async fn half_close_timeout_ends_the_copy_of_a_silent_server() {
    let stage = Stage::new().await;
    for (id, timeout) in [("a", Duration::ZERO), ("b", Duration::from_millis(50))] {
        let (_far, mut near) = half_closed_local_side().await;
        let socket = connect(stage.url(id, "do=await:1,answer")).await.unwrap();
        let mut stream = socket.into_bytes().half_close_timeout(timeout);
        assert_eq!(copy_bidirectional(&mut near, &mut stream).await.unwrap(), (6, 0));
        let record = stage.store().wait_record(id, Until::End).await;
        assert_eq!(messages_and_code(&record), (1, Some(1000)));
    }
}

#[test]
fn shutdown_flushes_and_later_writes_fail() {
    testing::run(|network| async move {
        for by_futures in [false, true] {
            let (mut stream, mut peer) = stream_and_peer(&network, |connect| connect).await;
            peer.pause();
            stream.write_all(b"abc").await.unwrap();
            let mut shut_down = async || {
                if by_futures { futures::AsyncWriteExt::close(&mut stream).await } else { stream.shutdown().await }
            };
            assert!(shut_down().now_or_never().is_none(), "three bytes are not sent");
            peer.resume();
            shut_down().await.unwrap();
            shut_down().await.unwrap();
            for bytes in [&b"x"[..], b""] {
                assert_eq!(stream.write(bytes).await.unwrap_err().kind(), ErrorKind::BrokenPipe);
            }
            stream.flush().await.unwrap();
            peer.send(vec![7; 3]);
            stream.read_exact(&mut [0; 3]).await.unwrap();
            peer.close(Some(1001), "");
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
            drop(stream);
            assert_eq!(rest_of(&mut peer).await, (b"abc".to_vec(), Vec::new()));
        }
    });
}

#[test]
fn shutdown_of_a_lost_connection_reports_unsent_bytes() {
    testing::run(|network| async move {
        let (mut stream, peer) = stream_and_peer(&network, |connect| connect).await;
        peer.pause();
        stream.write_all(b"abc").await.unwrap();
        drop(peer);
        assert_eq!(stream.shutdown().await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
        let (mut stream, peer) = stream_and_peer(&network, |connect| connect).await;
        stream.write_all(b"abc").await.unwrap();
        drop(peer);
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
    });
}

#[test]
fn half_close_timeout_restarts_with_each_message() {
    testing::run(|network| async move {
        let second = Duration::from_secs(1);
        let (stream, mut peer) = stream_and_peer(&network, |connect| connect).await;
        let mut stream = stream.half_close_timeout(10 * second);
        // Before the shutdown, silence has no limit.
        let clock = network.clock();
        let waiting = async { stream.read_exact(&mut [0]).await.map(drop) };
        let late = async {
            clock.sleep(60 * second).await;
            peer.send(vec![1]);
        };
        futures::join!(waiting, late).0.unwrap();
        stream.shutdown().await.unwrap();
        let server = async {
            for _ in 0..5 {
                clock.sleep(9 * second).await;
                peer.send(vec![1]);
            }
            rest_of(&mut peer).await
        };
        let mut answer = Vec::new();
        let (read, seen) = futures::join!(stream.read_to_end(&mut answer), server);
        assert_eq!((read.unwrap(), seen), (5, (Vec::new(), vec![Some(1000)])));
        assert_eq!(clock.now(), (60 + 45 + 10) * second);
    });
}

#[test]
fn half_close_timeout_reaches_a_reader_that_waits_already() {
    testing::run(|network| async move {
        let (stream, mut peer) = stream_and_peer(&network, |connect| connect).await;
        let (mut reader, mut writer) = split(stream.half_close_timeout(Duration::from_secs(10)));
        let server = async { rest_of(&mut peer).await };
        let mut byte = [0];
        let reading = async {
            // Nothing but its own waker polls this future again.
            let mut read = FuturesUnordered::from_iter([reader.read(&mut byte)]);
            read.next().await.unwrap().unwrap()
        };
        let writing = async {
            network.clock().sleep(Duration::from_secs(1)).await;
            writer.shutdown().await.unwrap();
        };
        assert_eq!(futures::join!(reading, writing, server), (0, (), (Vec::new(), vec![Some(1000)])));
        assert_eq!(network.clock().now(), Duration::from_secs(11));
    });
}

#[test]
fn half_close_timeout_reaches_a_reader_that_came_before_the_flush() {
    testing::run(|network| async move {
        let (stream, mut peer) = stream_and_peer(&network, |connect| connect).await;
        let (mut reader, mut writer) = split(stream.half_close_timeout(Duration::from_secs(10)));
        peer.pause();
        writer.write_all(b"abc").await.unwrap();
        let writing = async { writer.shutdown().await.unwrap() };
        let mut byte = [0];
        let reading = async {
            // Its first poll follows that of the shutdown. Nothing but its own waker polls it again.
            let mut read = FuturesUnordered::from_iter([reader.read(&mut byte)]);
            read.next().await.unwrap().unwrap()
        };
        let server = async {
            network.clock().sleep(Duration::from_secs(1)).await;
            peer.resume();
            rest_of(&mut peer).await
        };
        assert_eq!(futures::join!(writing, reading, server), ((), 0, (b"abc".to_vec(), vec![Some(1000)])));
        assert_eq!(network.clock().now(), Duration::from_secs(11));
    });
}

#[test]
fn half_close_timeout_ends_though_no_close_is_answered() {
    testing::run(|network| async move {
        let limited = |connect: Connect| connect.close_timeout(Duration::from_secs(3));
        for (timeout, end) in [(Duration::ZERO, 3), (Duration::from_secs(5), 3 + 8)] {
            let (stream, peer) = stream_and_peer(&network, limited).await;
            let mut stream = stream.half_close_timeout(timeout);
            peer.hold_close();
            let ended = async {
                stream.shutdown().await?;
                stream.read(&mut [0]).await
            };
            assert_eq!(ended.await.unwrap_err().kind(), ErrorKind::TimedOut);
            assert_eq!(network.clock().now(), Duration::from_secs(end));
            drop(peer);
        }
    });
}

#[test]
fn shutdown_fails_if_the_server_closes_before_all_was_passed_on() {
    testing::run(|network| async move {
        for (timeout, bytes) in [(Duration::ZERO, 3), (Duration::from_secs(5), 4)] {
            let (stream, peer) = stream_and_peer(&network, |connect| connect).await;
            let mut stream = stream.half_close_timeout(timeout);
            peer.pause();
            stream.write_all(&vec![7; bytes]).await.unwrap();
            peer.close(Some(1000), "");
            let error = stream.shutdown().await.unwrap_err().to_string();
            assert_eq!(error, format!("the socket closed before {bytes} bytes were sent"));
        }
    });
}

#[test]
fn parts_after_a_shutdown_are_an_open_socket() {
    testing::run(|_| async {
        let (socket, mut peer) = pair();
        let mut stream = socket.into_bytes();
        stream.shutdown().await.unwrap();
        let (socket, _) = stream.into_parts();
        socket.send(vec![1].into()).await.unwrap();
        drop(socket);
        assert_eq!(rest_of(&mut peer).await, (vec![1], vec![None]));
    });
}

#[test]
fn dropped_stream_closes_though_a_control_is_left() {
    testing::run(|_| async {
        let (socket, mut peer) = pair();
        let mut stream = socket.into_bytes();
        let control = stream.control();
        stream.shutdown().await.unwrap();
        drop(stream);
        assert_eq!(rest_of(&mut peer).await, (Vec::new(), vec![Some(1000)]));
        assert_eq!(control.closed().await.code, 1000);
    });
}

#[test]
fn control_closes_a_byte_stream_with_a_code() {
    testing::run(|_| async {
        let (socket, mut peer) = pair();
        let mut stream = socket.into_bytes();
        stream.write_all(b"abc").await.unwrap();
        assert_eq!(stream.control().close(Some(3000), None).await.unwrap().code, 3000);
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(rest_of(&mut peer).await, (b"abc".to_vec(), vec![Some(3000)]));
    });
}
