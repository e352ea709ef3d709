//! Pings of both directions, on native targets.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{FutureExt, join};
use samesocket::{Error, Heartbeat, PingError, Socket, WebSocket, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::manual_server::{ManualConnection, ManualServer};
use crate::streams::over;

/// Returns an open socket and the server's end of its connection.
async fn open() -> (Socket, TcpStream) {
    let server = ManualServer::new().await;
    let connecting = connect(server.url("a")).into_future();
    let (socket, stream) = tokio::join!(connecting, async { server.next().await.accept_upgrade().await.into_stream() });
    (socket.unwrap(), stream)
}

/// Reads a ping of the client, and returns its payload.
async fn read_ping(stream: &mut TcpStream) -> [u8; 8] {
    let mut frame = [0; 14];
    stream.read_exact(&mut frame).await.unwrap();
    let [0x89, 0x88, key @ .., _, _, _, _, _, _, _, _] = frame else { panic!("no ping: {frame:?}") };
    std::array::from_fn(|index| frame[6 + index] ^ key[index % 4])
}

async fn pong(stream: &mut TcpStream, payload: &[u8]) {
    let frame = [&[0x8a, u8::try_from(payload.len()).unwrap()], payload].concat();
    stream.write_all(&frame).await.unwrap();
}

#[tokio::test]
async fn ping_returns_the_time_until_its_pong() {
    let (socket, mut stream) = open().await;
    let before = std::time::Instant::now();
    let mut ping = socket.ping();
    let payload = read_ping(&mut stream).await;
    for other in [&b""[..], b"\0", &[7; 8], &[0; 9]] {
        pong(&mut stream, other).await;
    }
    // The answer to a ping of the server comes after the pongs were read.
    stream.write_all(&[0x89, 0]).await.unwrap();
    stream.read_exact(&mut [0; 6]).await.unwrap();
    assert!((&mut ping).now_or_never().is_none(), "a pong with another payload answers no ping");
    pong(&mut stream, &payload).await;
    let round_trip = ping.await.unwrap();
    assert!(round_trip > Duration::ZERO && round_trip <= before.elapsed());
}

#[tokio::test]
async fn pong_answers_its_ping_and_earlier_ones() {
    let (socket, mut stream) = open().await;
    let mut payloads = Vec::new();
    let mut pings = Vec::new();
    for _ in 0..3 {
        pings.push(socket.ping());
        payloads.push(read_ping(&mut stream).await);
    }
    let different: BTreeSet<_> = payloads.iter().collect();
    assert_eq!(different.len(), 3, "each ping has a payload of its own");
    drop(pings.remove(0));
    pong(&mut stream, &payloads[1]).await;
    assert!(pings.remove(0).await.is_ok());
    assert!((&mut pings[0]).now_or_never().is_none());
    pong(&mut stream, &payloads[2]).await;
    assert!(pings.remove(0).await.is_ok());
    // A server may answer only the latest one.
    let earlier = socket.ping();
    read_ping(&mut stream).await;
    let latest = socket.ping();
    let payload = read_ping(&mut stream).await;
    pong(&mut stream, &payload).await;
    let (earlier, latest) = (earlier.await.unwrap(), latest.await.unwrap());
    assert!(earlier >= latest);
}

#[tokio::test]
async fn ping_of_a_socket_that_ends_is_an_error() {
    let (socket, mut stream) = open().await;
    let control = socket.control();
    let ping = socket.ping();
    read_ping(&mut stream).await;
    drop(stream);
    assert_eq!(ping.await, Err(PingError::Closed));
    assert_eq!(control.closed().await.code, 1006);
    assert_eq!(control.ping().await, Err(PingError::NotOpen));

    let (socket, mut stream) = open().await;
    let ping = socket.ping();
    read_ping(&mut stream).await;
    socket.abort();
    assert_eq!(ping.await, Err(PingError::Closed));

    let server = ManualServer::new().await;
    let connecting = WebSocket::new(&server.url("a"), ()).unwrap();
    assert_eq!(connecting.ping().await, Err(PingError::NotOpen));
}

#[tokio::test]
async fn pings_of_the_server_are_counted() {
    let (socket, mut stream) = open().await;
    let control = socket.control();
    let pings = control.received_pings().unwrap();
    assert_eq!((pings.count, pings.since_last), (0, None));
    stream.write_all(&[0x89, 1, b'a', 0x89, 1, b'b']).await.unwrap();
    stream.read_exact(&mut [0; 14]).await.unwrap();
    let pings = control.received_pings().unwrap();
    assert_eq!((pings.count, pings.since_last.is_some()), (2, true));
    socket.abort();
    control.closed().await;
    assert_eq!(control.received_pings(), None);
}

/// Reads a frame of a client, a kibibyte a second; returns its first byte and its payload.
async fn read_slowly(stream: &mut DuplexStream) -> (u8, Vec<u8>) {
    let first = stream.read_u8().await.unwrap();
    let length = match stream.read_u8().await.unwrap() & 0x7f {
        126 => usize::from(stream.read_u16().await.unwrap()),
        short => usize::from(short),
    };
    let mut mask = [0; 4];
    stream.read_exact(&mut mask).await.unwrap();
    let mut payload = vec![0; length];
    for piece in payload.chunks_mut(1 << 10) {
        stream.read_exact(piece).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    payload.iter_mut().zip(mask.into_iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    (first, payload)
}

#[tokio::test(start_paused = true)]
async fn heartbeat_waits_for_what_was_sent_before_its_ping() {
    for answers in [true, false] {
        let (near, far) = duplex(1 << 10);
        let heartbeat = Heartbeat::pings().every(Duration::from_secs(30)).within(Duration::from_secs(10));
        let opening = connect("ws://a.example").options(over(near)).heartbeat(heartbeat).into_future();
        let (socket, mut stream) =
            join!(opening, async { ManualConnection::read(far).await.accept_upgrade().await.into_stream() });
        let mut socket = socket.unwrap();
        assert!(timeout(Duration::from_secs(29), socket.next()).await.is_err());
        // It takes longer than the server has for its answer.
        socket.send(vec![7; 60 << 10].into()).await.unwrap();
        let start = Instant::now();
        let serving = tokio::spawn(async move {
            assert_eq!(read_slowly(&mut stream).await, (0x82, vec![7; 60 << 10]));
            let (ping, payload) = read_slowly(&mut stream).await;
            assert_eq!(ping, 0x89);
            if answers {
                stream.write_all(&[&[0x8a, 8], &*payload, b"\x81\x01a"].concat()).await.unwrap();
            }
            stream
        });
        let received = socket.next().await.expect("a message or an error");
        assert!(start.elapsed() > Duration::from_secs(55), "{:?}", start.elapsed());
        if answers {
            assert_eq!(received.unwrap(), "a".into());
        } else {
            assert_eq!(received.unwrap_err(), Error::NoAnswer { after: Duration::from_secs(10) });
            assert!(start.elapsed() < Duration::from_secs(90), "{:?}", start.elapsed());
        }
        drop(serving.await.unwrap());
    }
}
