//! Compression, as the options and single sends have it.
#![cfg(feature = "compression")]

use futures::SinkExt;
use samesocket::{Blob, Compression, Data, Failure, Options, ProtocolFailure, Socket, WebSocket, connect};
use samesocket_fault_server::Until;
use samesocket_protocol::handshake::accept_key;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::manual_server::{ManualServer, first_event};
use crate::support::{TestServer, event_lines};

/// Accepts the next opening handshake with this answer. Returns the offer, and the stream.
async fn accept_with(server: &ManualServer, answer: &str) -> (Option<String>, TcpStream) {
    let connection = server.next().await;
    let offer = connection.field("Sec-WebSocket-Extensions").map(str::to_owned);
    let accept = accept_key(connection.field("Sec-WebSocket-Key").unwrap());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{answer}\r\n"
    );
    (offer, connection.respond(&head).await)
}

#[tokio::test]
async fn offer_follows_the_options() {
    let server = ManualServer::new().await;
    let new = Compression::new;
    for (compression, expected) in [
        (new(), Some("permessage-deflate; client_max_window_bits")),
        (Compression::off(), None),
        (
            new().server_context_takeover(false).server_window_bits(9).unwrap(),
            Some("permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits"),
        ),
        (
            new().client_context_takeover(false).client_window_bits(10).unwrap(),
            Some("permessage-deflate; client_no_context_takeover; client_max_window_bits=10"),
        ),
    ] {
        let options = Options::new().compression(compression);
        let socket = WebSocket::with_options(&server.url("a"), (), &options).unwrap();
        let (offer, _stream) = accept_with(&server, "").await;
        assert_eq!(offer.as_deref(), expected);
        assert_eq!((first_event(&socket).await, &*socket.extensions()), ("open".to_owned(), ""));
    }
}

#[tokio::test]
async fn answer_that_violates_the_options_fails_the_connection() {
    let server = ManualServer::new().await;
    let new = Compression::new;
    for (compression, answer) in [
        (Compression::off(), "permessage-deflate"),
        (new().server_context_takeover(false), "permessage-deflate"),
        (new().server_window_bits(10).unwrap(), "permessage-deflate; server_max_window_bits=11"),
        (new().client_window_bits(10).unwrap(), "permessage-deflate; client_max_window_bits=11"),
    ] {
        let options = Options::new().compression(compression);
        let socket = WebSocket::with_options(&server.url("a"), (), &options).unwrap();
        let _stream = accept_with(&server, &format!("Sec-WebSocket-Extensions: {answer}\r\n")).await;
        assert_eq!(event_lines(&socket).await, ["error", "close 1006 \"\" unclean"], "{answer}");
        let failure = socket.failure();
        assert!(matches!(failure, Some(Failure::Protocol(ProtocolFailure::Extensions { .. }))), "{failure:?}");
    }
}

/// Reads the frames of a client until its Close frame. Returns which of them are compressed, and the size of all.
async fn read_frames(stream: &mut TcpStream) -> (Vec<bool>, usize) {
    let (mut compressed, mut size) = (Vec::new(), 0);
    loop {
        let [first, length] = [stream.read_u8().await.unwrap(), stream.read_u8().await.unwrap() & 0x7f];
        let length = match length {
            126 => usize::from(stream.read_u16().await.unwrap()),
            127 => usize::try_from(stream.read_u64().await.unwrap()).unwrap(),
            length => usize::from(length),
        };
        stream.read_exact(&mut vec![0; 4 + length]).await.unwrap();
        if first == 0x88 {
            stream.write_all(&[0x88, 0]).await.unwrap();
            return (compressed, size);
        }
        compressed.push(first & 0x40 != 0);
        size += length;
    }
}

const ACCEPTED: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

#[tokio::test]
async fn messages_without_compression_are_sent_as_they_are() {
    let (server, text) = (ManualServer::new().await, "text ".repeat(200));
    let connecting = connect(server.url("a")).into_future();
    let (socket, (_, mut stream)) = tokio::join!(connecting, accept_with(&server, ACCEPTED));
    let socket = socket.unwrap();
    let plain = socket.sender().without_compression();
    socket.send(text.clone().into()).await.unwrap();
    plain.send(text.clone().into()).await.unwrap();
    plain.try_send(text.clone().into()).unwrap();
    SinkExt::send(&mut plain.clone(), text.clone().into()).await.unwrap();
    // Long enough to wait in the queue.
    plain.send("text ".repeat(20_000).into()).await.unwrap();
    socket.send("text ".repeat(20_000).into()).await.unwrap();
    drop((socket, plain));
    let (compressed, _) = read_frames(&mut stream).await;
    assert_eq!(compressed, [true, false, false, false, false, true]);
}

#[tokio::test]
async fn messages_of_a_remote_may_be_sent_as_they_are() {
    let (server, text) = (ManualServer::new().await, "text ".repeat(200));
    let connecting = connect(server.url("a")).into_future();
    let (socket, (_, mut stream)) = tokio::join!(connecting, accept_with(&server, ACCEPTED));
    let remote = socket.unwrap().into_remote();
    let plain = remote.sender().without_compression();
    remote.send((&*text).into()).await.unwrap();
    plain.send((&*text).into()).await.unwrap();
    SinkExt::send(&mut plain.clone(), (&*text).into()).await.unwrap();
    remote.sender().send((&*text).into()).await.unwrap();
    drop((remote, plain));
    let (compressed, _) = read_frames(&mut stream).await;
    assert_eq!(compressed, [true, false, false, true]);
}

#[tokio::test]
async fn sender_without_compression_stays_so_when_converted() {
    let (server, text) = (ManualServer::new().await, "text ".repeat(200));
    for is_remote in [false, true] {
        let connecting = connect(server.url("a")).into_future();
        let (socket, (_, mut stream)) = tokio::join!(connecting, accept_with(&server, ACCEPTED));
        let (sender, receiver) = socket.unwrap().split();
        let compressing = sender.clone();
        let socket = Socket::reunite(sender.without_compression(), receiver).unwrap();
        if is_remote {
            let remote = socket.into_remote();
            remote.send((&*text).into()).await.unwrap();
            remote.sender().send((&*text).into()).await.unwrap();
        } else {
            let mut bytes = socket.into_bytes();
            for _ in 0..2 {
                bytes.write_all(text.as_bytes()).await.unwrap();
            }
            bytes.flush().await.unwrap();
        }
        compressing.send(text.clone().into()).await.unwrap();
        drop(compressing);
        let (compressed, _) = read_frames(&mut stream).await;
        assert_eq!(compressed, [false, false, true], "remote: {is_remote}");
    }
}

#[tokio::test]
async fn data_and_files_without_compression_are_sent_as_they_are() {
    let (server, text) = (ManualServer::new().await, "text ".repeat(200));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &text).unwrap();
    let socket = WebSocket::new(&server.url("a"), ()).unwrap();
    let (_, mut stream) = accept_with(&server, ACCEPTED).await;
    assert_eq!(first_event(&socket).await, "open");
    let blob = Blob::from_file(file.path()).unwrap();
    for compress in [true, false] {
        for data in [Data::from(&text), Data::from(text.as_bytes()), Data::from(&blob), Data::from(&text)] {
            socket.send(if compress { data } else { data.without_compression() }).unwrap();
        }
    }
    socket.close(Some(1000), None).unwrap();
    let (compressed, _) = read_frames(&mut stream).await;
    assert_eq!(compressed, [[true; 4], [false; 4]].concat());
}

#[tokio::test]
async fn size_and_level_follow_the_options() {
    let server = ManualServer::new().await;
    let text = (0..2000).fold(String::new(), |text, number| text + &format!("{number}={},", number * number));
    let mut sizes = Vec::new();
    for compression in [
        Compression::new().min_bytes(1 << 20),
        Compression::new().min_bytes(100),
        Compression::new().min_bytes(100).level(9).unwrap(),
    ] {
        let connecting = connect(server.url("a")).options(Options::new().compression(compression)).into_future();
        let (socket, (_, mut stream)) = tokio::join!(connecting, accept_with(&server, ACCEPTED));
        let socket = socket.unwrap();
        for text in ["a".repeat(99), "a".repeat(100), text.clone()] {
            socket.send(text.into()).await.unwrap();
        }
        drop(socket);
        let (compressed, size) = read_frames(&mut stream).await;
        sizes.push(size);
        let expected = if sizes.len() == 1 { [false; 3] } else { [false, true, true] };
        assert_eq!(compressed, expected);
    }
    assert!(sizes[0] > sizes[1] && sizes[1] > sizes[2], "{sizes:?}");
}

#[tokio::test]
async fn compressed_messages_of_all_settings_arrive() {
    let server = TestServer::new().await;
    for (index, compression) in [
        Compression::new().level(9).unwrap().min_bytes(0),
        Compression::new().client_window_bits(9).unwrap().client_context_takeover(false),
        Compression::off(),
    ]
    .into_iter()
    .enumerate()
    {
        let id = index.to_string();
        let connecting = connect(server.url(&id, "")).options(Options::new().compression(compression));
        let socket = connecting.await.unwrap();
        for size in [0, 1, 255, 256, 100_000] {
            socket.send("ab".repeat(size).into()).await.unwrap();
        }
        socket.close(Some(1000), None).await.unwrap();
        assert_eq!(server.store().wait_record(&id, Until::End).await.message_count, 5);
    }
}
