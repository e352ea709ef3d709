//! Limits that protect the client, and that no lawful server meets.

use std::cell::Cell;
use std::pin::pin;

use bytes::Bytes;
use futures::future::{join, join_all, select};
use samesocket::{Http2, Options, connect};
use tokio::net::TcpListener;

use crate::flow_control::STALL;
use crate::raw_server::{DATA, PING, PRIORITY, RESET, RawServer};
use crate::server::Server;
use crate::streams::over;
use crate::{open, run};

#[test]
fn aborted_sockets_do_not_end_their_neighbours() {
    // More than the streams that h2 remembers, and than the resets that it counts before it ends a connection.
    const SOCKETS: usize = 60;
    const REMEMBERED: u32 = 30;
    const LATE: usize = 1100;
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut server = RawServer::accept(&listener).await;
            let mut last = 0;
            for _ in 1..SOCKETS {
                last = server.next(RESET).await.0;
            }
            // A server that has not seen the reset of the last socket goes on for a while.
            for _ in 0..LATE {
                server.send(DATA, last, &[0x81, 1, b'a']).await;
                assert_eq!(server.next(RESET).await.0, last);
            }
            server.send(DATA, 1, &[0x81, 1, b'a']).await;
            server
        });
        let options = Options::new().http2(Http2::prior_knowledge().max_streams(REMEMBERED));
        let open = || connect(&url).options(options.clone());
        let mut neighbour = open().await.unwrap();
        for _ in 1..SOCKETS {
            open().await.unwrap().control().abort();
        }
        assert_eq!(neighbour.next().await.unwrap().unwrap().size(), 1);
        drop(serving.await.unwrap());
    });
}

#[test]
fn late_frames_of_aborted_sockets_are_ignored() {
    const SOCKETS: usize = 60;
    run(async {
        let (near, far) = tokio::io::duplex(1 << 16);
        let serving = tokio::spawn(async move {
            let mut server = RawServer::over(far).await;
            let mut aborted = Vec::new();
            while aborted.len() < SOCKETS {
                aborted.push(server.next(RESET).await.0);
            }
            for stream in aborted {
                server.send(DATA, stream, &[0x81, 1, b'a']).await;
            }
            // The client writes the answer to a ping before resets, so that these come before the second answer.
            for _ in 0..2 {
                server.send(PING, 0, &[7; 8]).await;
                assert_eq!(server.next_of(&[RESET, PING]).await.0, PING);
            }
        });
        let options = over(near).http2(Http2::prior_knowledge());
        let open = || connect("ws://a.example/").options(options.clone()).into_future();
        let neighbour = open().await.unwrap();
        for socket in join_all((0..SOCKETS).map(|_| open())).await {
            socket.unwrap().control().abort();
        }
        serving.await.unwrap();
        drop(neighbour);
    });
}

#[test]
fn flood_that_leads_to_resets_ends_although_none_is_read() {
    run(async {
        let (near, far) = tokio::io::duplex(1 << 16);
        let flooding = async {
            let mut server = RawServer::over(far).await;
            server.accept_request().await;
            // Each stream depends on itself, which is an error of that stream.
            for id in (2..1 << 20_u32).step_by(2) {
                server.send(PRIORITY, id, &[&id.to_be_bytes()[..], &[0]].concat()).await;
            }
            panic!("the client takes everything");
        };
        let receiving = async {
            let mut socket =
                connect("ws://a.example/").options(over(near).http2(Http2::prior_knowledge())).await.unwrap();
            assert!(matches!(socket.next().await, Some(Err(_))));
        };
        select(pin!(flooding), pin!(receiving)).await;
    });
}

#[test]
fn connection_without_numbers_for_streams_is_replaced() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut first = RawServer::accept(&listener).await;
            let id = first.accept_request().await;
            // The last of all streams depends on itself. The client resets it, and has no higher number then.
            let last = u32::MAX >> 1;
            first.send(PRIORITY, last, &[&last.to_be_bytes()[..], &[0]].concat()).await;
            assert_eq!(first.next(RESET).await.0, last);
            first.send(DATA, id, &[0x81, 1, b'a']).await;
            let mut second = RawServer::accept(&listener).await;
            second.accept_request().await;
            (first, second)
        });
        let mut old = open(url.clone()).await;
        assert_eq!(old.next().await.unwrap().unwrap().size(), 1);
        let _new = open(url).await;
        drop(serving.await.unwrap());
    });
}

#[test]
fn small_messages_to_a_slow_reader_are_backpressure() {
    run(async {
        let mut server = Server::start().await;
        let options = Options::new().http2(Http2::prior_knowledge().stream_window(0).max_streams(1));
        let opening = tokio::spawn(connect(server.url("")).options(options).into_future());
        let mut stream = server.next().await.accept();
        let mut socket = opening.await.unwrap().unwrap();
        let (sent, is_stalled) = (Cell::new(0), Cell::new(false));
        let sending = async {
            // The smallest messages, each in a DATA frame of its own.
            while !is_stalled.get() {
                stream.send_all(Bytes::from_static(&[0x81, 0])).await.unwrap();
                sent.set(sent.get() + 1);
                assert!(sent.get() < 1 << 20, "the client takes everything");
            }
            stream.text("end").await;
        };
        let reading = async {
            let mut before = None;
            while before.replace(sent.get()) != Some(sent.get()) {
                tokio::time::sleep(STALL).await;
            }
            is_stalled.set(true);
            let mut received = 0;
            while socket.next().await.unwrap().unwrap().size() == 0 {
                received += 1;
            }
            received
        };
        assert_eq!(join(sending, reading).await.1, sent.get());
    });
}
