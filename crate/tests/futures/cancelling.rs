//! Everything given up at each of its awaits: nothing is left, on the network in memory and at the server.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::SinkExt;
use futures::future::{Either, select};
use samesocket::reconnect::Outbox;
use samesocket::testing::{self, Network, Received};
use samesocket::{Connect, ReadyState, Socket, connect};
use samesocket_fault_server::Until;

use super::coming_back;
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
async fn attend(network: Network, knocked: &Cell<bool>) {
    let incoming = network.accept().await;
    knocked.set(true);
    if incoming.is_gone() {
        return;
    }
    let mut peer = incoming.open();
    peer.pause();
    network.clock().sleep(Duration::from_secs(1)).await;
    peer.send("a");
    network.clock().sleep(Duration::from_secs(1)).await;
    peer.resume();
    while let Some(received) = peer.receive().await {
        if matches!(received, Received::Message(message) if message.size() == 4) {
            peer.send("b");
        }
    }
    assert!(peer.is_over());
}

/// The same with handles for any thread.
async fn live_remotely(connect: Connect, network: Network) {
    let mut remote = connect.high_water_mark(1).await.unwrap().into_remote_by(|actor| network.spawn(actor));
    assert!(remote.next().await.unwrap().is_ok());
    remote.send(Bytes::from(vec![7; 10]).into()).await.unwrap();
    let (mut sender, mut receiver) = remote.split();
    sender.send("more".into()).await.unwrap();
    sender.feed("last".into()).await.unwrap();
    SinkExt::flush(&mut sender).await.unwrap();
    sender.drained().await.unwrap();
    assert_eq!(sender.ready_state().await, ReadyState::Open);
    assert!(receiver.next().await.unwrap().is_ok());
    sender.close(Some(1000), None).await.unwrap();
}

/// The same with a socket that comes back.
async fn live_again(network: Network) {
    let clock = network.clock();
    let prepare = |mut socket: Socket| async {
        assert!(socket.next().await.unwrap().is_ok());
        Ok(socket)
    };
    let outbox = Outbox::Keep { messages: 2, bytes: 100 };
    let mut socket =
        coming_back(&network, |connect| connect.high_water_mark(1)).prepare(prepare).outbox(outbox).start();
    let sender = socket.sender();
    let sending = async {
        for text in ["kept", "more", "last"] {
            while sender.send(text.into()).await.is_err() {
                clock.sleep(Duration::from_millis(200)).await;
            }
        }
    };
    let (message, ()) = futures::join!(socket.next(), sending);
    assert!(message.unwrap().is_ok());
    sender.close(Some(1000), None).unwrap();
    assert!(socket.next().await.is_none());
}

/// Gives a life up after one poll, two polls and so on until it is lived to its end; how many that takes.
fn polls_of<L: Future<Output = ()>>(life: impl Fn(Network) -> L) -> usize {
    for polls in 1.. {
        let ended = testing::run(|network| {
            let life = given_up(life(network.clone()), polls);
            async move {
                let knocked = Cell::new(false);
                let mut attending = pin!(attend(network, &knocked));
                match select(pin!(life), attending.as_mut()).await {
                    Either::Right(((), life)) => life.await,
                    Either::Left((ended, _)) => {
                        // Who never knocked is not waited for.
                        if futures::poll!(attending.as_mut()).is_pending() && knocked.get() {
                            attending.await;
                        }
                        ended
                    }
                }
            }
        });
        if ended {
            return polls;
        }
    }
    unreachable!("there are enough numbers")
}

#[test]
fn in_memory_the_peer_sees_it_gone_whenever_that_is() {
    testing::run(|network| async move { drop(live(network.connect("ws://a.example"))) });
    let polls = [
        polls_of(|network| live(network.connect("ws://a.example"))),
        polls_of(|network| live_remotely(network.connect("ws://a.example"), network.clone())),
        polls_of(live_again),
    ];
    assert!(polls.iter().all(|&polls| polls > 5), "{polls:?} are too few to have met each await");
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
