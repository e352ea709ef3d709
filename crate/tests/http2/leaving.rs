//! Sent messages leave although a runtime ends, and received ones arrive although a connection ends.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use samesocket::{Event, Http2, IoStream, Options, WebSocket};
use tokio::io::{AsyncRead, ReadBuf, duplex};
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::raw_server::{DATA, PING, RawServer};
use crate::server::{Server, frame};
use crate::{open, rest_of, run, streams};

/// Returns options for one connection over this stream, on this runtime.
fn over(stream: impl IoStream + 'static) -> Options {
    streams::over(stream).http2(Http2::prior_knowledge()).runtime(Handle::current())
}

#[test]
fn what_was_drained_arrives_although_the_runtime_ends() {
    run(async {
        let mut server = Server::start().await;
        let url = server.url("");
        let client = tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let socket = runtime.block_on(async {
                let socket = open(url).await;
                socket.send("x".into()).await.unwrap();
                socket.drained().await.unwrap();
                // It is kept, because dropping it would send a Close frame.
                socket
            });
            drop(runtime);
            drop(socket);
        });
        let mut stream = server.next().await.accept();
        client.await.unwrap();
        assert_eq!(stream.frame().await, Some((0x81, b"x".to_vec())));
    });
}

#[tokio::test(start_paused = true)]
async fn message_before_our_close_arrives_although_the_server_reads_late() {
    let (near, far) = duplex(1 << 10);
    let socket = WebSocket::with_options("ws://a.example/", (), &over(near)).unwrap();
    let mut server = RawServer::over(far).await;
    let stream = server.accept_request().await;
    let mut list = socket.events();
    assert!(matches!(list.next().await, Some(Event::Open)));
    // As much as the first window allows, and more than is written at once.
    socket.send(&*vec![7; 60_000]).unwrap();
    tokio::task::yield_now().await;
    server.send(DATA, stream, &frame(0x88, &[0x03, 0xe8])).await;
    // The server has two seconds to end TCP after both Close frames.
    sleep(Duration::from_secs(3)).await;
    let mut received = Vec::new();
    // With the heads of both frames.
    while received.len() < 60_000 + 8 + 8 {
        received.extend(server.next(DATA).await.1);
    }
    drop(server);
    assert_eq!(rest_of(list).await, ["close 1000 true"]);
}

/// Checks that messages are delivered that have arrived before a write error. The connection reads so many bytes at a time, at most.
async fn check_messages_before_write_error(read_size: usize) {
    let (near, far) = duplex(1 << 20);
    let near = streams::read_with(near, move |stream, context, buffer| {
        let size = read_size.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(size));
        let read = stream.poll_read(context, &mut part);
        let count = part.filled().len();
        buffer.advance(count);
        read
    });
    let (stream, is_broken) = streams::breaking(near);
    let options = over(stream);
    let socket = WebSocket::with_options("ws://a.example/", (), &options).unwrap();
    let mut server = RawServer::over(far).await;
    let stream = server.accept_request().await;
    let list = socket.events();
    // More than the task of the connection reads in one poll. It does not run before all of it waits.
    is_broken.store(true, Ordering::Relaxed);
    server.send(PING, 0, &[0; 8]).await;
    for _ in 0..20 {
        server.send(DATA, stream, &frame(0x82, &[7; 15_000])).await;
    }
    server.send(DATA, stream, &frame(0x88, &[0x03, 0xe8])).await;
    drop(server);
    let seen = rest_of(list).await;
    let expected = [vec!["open"], vec!["text "; 20], vec!["close 1000 false"]].concat();
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn messages_before_a_write_error_are_delivered() {
    check_messages_before_write_error(usize::MAX).await;
}

#[tokio::test(start_paused = true)]
async fn messages_of_many_reads_before_a_write_error_are_delivered() {
    // So many reads use up the budget of a task, which counts 128 of them.
    check_messages_before_write_error(100).await;
}
