//! Everything given up at each of its awaits: nothing is left, on the network in memory and at the server.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use samesocket::testing::{self, Network, Received};
use samesocket::{Connect, connect};
use samesocket_fault_server::Until;

use super::support::Stage;

/// A life with every kind of wait in it.
async fn live(connect: Connect) {
    let mut socket = connect.await.unwrap();
    assert!(socket.next().await.unwrap().is_ok());
    socket.send(Bytes::from(vec![7; 4 << 20]).into()).await.unwrap();
    socket.send("more".into()).await.unwrap();
    socket.drained().await.unwrap();
    let (sender, mut receiver) = socket.split();
    sender.send("last".into()).await.unwrap();
    assert!(receiver.next().await.unwrap().is_ok());
    sender.control().close(Some(1000), None).await.unwrap();
}

/// Polls a future so many times, and then drops it; whether it ended before.
async fn given_up(future: impl Future<Output = ()>, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A peer that has everything awaited, and stays until the connection is over.
async fn attend(network: Network) {
    let incoming = network.accept().await;
    if incoming.is_gone() {
        return;
    }
    let mut peer = incoming.open();
    peer.pause();
    network.clock().sleep(std::time::Duration::from_secs(1)).await;
    peer.send("a");
    network.clock().sleep(std::time::Duration::from_secs(1)).await;
    peer.resume();
    while let Some(received) = peer.receive().await {
        if matches!(received, Received::Message(message) if message.size() == 4) {
            peer.send("b");
        }
    }
    assert!(peer.is_over());
}

#[test]
fn in_memory_the_peer_sees_it_gone_whenever_that_is() {
    let mut polls = 0;
    loop {
        let ended = testing::run(|network| async move {
            if polls == 0 {
                drop(live(network.connect("ws://a.example")));
                return false;
            }
            let (ended, ()) =
                futures::join!(given_up(live(network.connect("ws://a.example")), polls), attend(network.clone()));
            ended
        });
        if ended {
            break;
        }
        polls += 1;
    }
    assert!(polls > 5, "{polls} is too few to have met each await");
}

#[tokio::test]
async fn at_the_server_the_connection_ends_whenever_it_was_given_up() {
    let stage = Stage::new().await;
    for polls in 1..12 {
        let id = format!("p{polls}-");
        given_up(live(connect(stage.url(&id, "do=text:a,await:3,text:b,answer"))), polls).await;
        stage.store().wait_live(&id, 0).await;
    }
    let whole = "whole";
    live(connect(stage.url(whole, "do=text:a,await:3,text:b,answer"))).await;
    let record = stage.store().wait_record(whole, Until::End).await;
    assert_eq!((record.message_count, record.close.and_then(|close| close.code)), (3, Some(1000)));
}
