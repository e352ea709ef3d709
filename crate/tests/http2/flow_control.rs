//! Windows of streams: backpressure in both directions, and nothing for neighbours.

use std::time::Duration;

use bytes::Bytes;
use samesocket::{Http2, Options, connect};
use tokio::time::timeout;

use crate::server::{Server, frame};
use crate::{check_echo, open, options, run};

/// The time after which a stream counts as stopped.
pub(crate) const STALL: Duration = Duration::from_millis(300);

/// The window of the client's streams.
const WINDOW: u32 = 64 << 10;

#[test]
fn slow_reader_stops_its_stream_and_not_its_neighbour() {
    run(async {
        let mut server = Server::start().await;
        let http2 = Http2::prior_knowledge().stream_window(WINDOW).max_streams(2);
        let options = Options::new().http2(http2);
        let opening = tokio::spawn(connect(server.url("slow")).options(options.clone()).into_future());
        let mut flood = server.next().await.accept();
        let mut slow = opening.await.unwrap().unwrap();
        let opening = tokio::spawn(connect(server.url("")).options(options).into_future());
        let echo = tokio::spawn(server.next().await.accept().echo());
        let mut neighbour = opening.await.unwrap().unwrap();
        assert_eq!(server.connections(), 1);

        let total = 16 << 20;
        let message = frame(0x82, &vec![7; 16 << 10]);
        let mut sent = 0;
        // The server sends as long as the client grants capacity.
        while let Ok(done) = timeout(STALL, flood.send_all(message.clone())).await {
            done.unwrap();
            sent += message.len();
            assert!(sent < total, "the client takes everything");
        }
        // One MiB of messages in the socket, the window, and buffers on the way.
        assert!(sent < 4 << 20, "{sent} bytes were taken");
        for _ in 0..20 {
            check_echo(&mut neighbour, "hello").await;
        }
        // When it reads again, everything arrives.
        let reading = async {
            let mut messages = 0;
            while messages < sent / message.len() {
                assert_eq!(slow.next().await.unwrap().unwrap().size(), 16 << 10);
                messages += 1;
            }
        };
        reading.await;
        drop((slow, neighbour));
        echo.await.unwrap();
    });
}

#[test]
fn small_messages_wait_for_a_slow_reader() {
    run(async {
        let mut server = Server::start().await;
        let options = Options::new().http2(Http2::prior_knowledge().max_streams(1));
        let opening = tokio::spawn(connect(server.url("")).options(options).into_future());
        let mut stream = server.next().await.accept();
        let mut socket = opening.await.unwrap().unwrap();
        let count = 20_000;
        // Each is a DATA frame of its own, and takes more memory than its bytes.
        for _ in 0..count {
            stream.text("x").await;
        }
        for _ in 0..count {
            assert_eq!(socket.next().await.unwrap().unwrap().size(), 1);
        }
    });
}

#[test]
fn buffered_amount_falls_as_the_server_grants_capacity() {
    run(async {
        let mut server = Server::start().await;
        let opening = tokio::spawn(open(server.url("")));
        let mut stream = server.next().await.accept();
        let socket = opening.await.unwrap();
        let payload = Bytes::from(vec![7; 4 << 20]);
        let control = socket.control();
        socket.sender().try_send(payload.clone().into()).unwrap();
        // Without a read, at most the window of the server and our buffer have left.
        let first = stream.receive.data().await.unwrap().unwrap();
        tokio::task::yield_now().await;
        let waiting = control.buffered_amount();
        assert!(waiting > 3 << 20, "{waiting}");
        stream.receive.flow_control().release_capacity(first.len()).unwrap();
        // The message has four fragments.
        let size = payload.len() + 4 * 14;
        let mut received = first.len();
        while received < size {
            received += stream.receive().await.unwrap().unwrap();
        }
        assert_eq!(received, size);
        while control.buffered_amount() > 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn large_messages_pass_in_both_directions() {
    run(async {
        let server = Server::start().await.echo();
        let mut socket = connect(server.url("")).options(options()).await.unwrap();
        let text = "0123456789abcdef".repeat(1 << 18);
        check_echo(&mut socket, &text).await;
        check_echo(&mut socket, "small").await;
    });
}
