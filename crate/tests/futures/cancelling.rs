//! Cancellation at every await: the connection ends, on the network in memory and at the server.

use std::cell::Cell;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::SinkExt;
use futures::future::{Either, select};
use samesocket::reconnect::Outbox;
use samesocket::testing::{self, Network, Received};
use samesocket::{Connect, Message, ReadyState, Socket, connect};
use samesocket_fault_server::Until;

use super::reconnecting_over;
use super::support::Stage;

/// Returns the text of a message of any kind of socket.
fn text<M: Into<Message>, E: Debug>(item: Option<Result<M, E>>) -> String {
    match item.expect("a message").expect("no error").into() {
        Message::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A conversation that uses every kind of wait.
async fn converse(connect: Connect) {
    let mut socket = connect.await.unwrap();
    assert_eq!(text(socket.next().await), "a");
    socket.send(Bytes::from(vec![7; 4 << 20]).into()).await.unwrap();
    socket.send("more".into()).await.unwrap();
    socket.drained().await.unwrap();
    let (sender, mut receiver) = socket.split();
    sender.send("last".into()).await.unwrap();
    assert_eq!(text(receiver.next().await), "b");
    sender.control().close(Some(1000), None).await.unwrap();
}

/// Polls a future at most `polls` times, then drops it. Returns whether it completed.
async fn poll_up_to(future: impl Future<Output = ()>, polls: usize) -> bool {
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

/// Serves one connection in a way that makes the client wait at each await, and stays until its end.
async fn serve(network: Network, has_connected: &Cell<bool>) {
    let incoming = network.accept().await;
    has_connected.set(true);
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

/// The conversation over a remote.
async fn converse_remotely(connect: Connect, network: Network) {
    let mut remote = connect.high_water_mark(1).await.unwrap().into_remote_by(|driver| network.spawn(driver));
    assert_eq!(text(remote.next().await), "a");
    remote.send(Bytes::from(vec![7; 10]).into()).await.unwrap();
    let (mut sender, mut receiver) = remote.split();
    sender.send("more".into()).await.unwrap();
    sender.feed("last".into()).await.unwrap();
    SinkExt::flush(&mut sender).await.unwrap();
    sender.drained().await.unwrap();
    assert_eq!(sender.ready_state().await, ReadyState::Open);
    assert_eq!(text(receiver.next().await), "b");
    sender.close(Some(1000), None).await.unwrap();
}

/// The conversation over a reconnecting socket.
async fn converse_reconnecting(network: Network) {
    let clock = network.clock();
    let prepare = |mut socket: Socket| async {
        assert_eq!(text(socket.next().await), "a");
        Ok(socket)
    };
    let outbox = Outbox::Keep { messages: 2, bytes: 100 };
    let mut socket =
        reconnecting_over(&network, |connect| connect.high_water_mark(1)).prepare(prepare).outbox(outbox).start();
    let sender = socket.sender();
    let sending = async {
        for text in ["kept", "more", "last"] {
            while sender.send(text.into()).await.is_err() {
                clock.sleep(Duration::from_millis(200)).await;
            }
        }
    };
    let (message, ()) = futures::join!(socket.next(), sending);
    assert_eq!(text(message), "b");
    sender.close(Some(1000), None).unwrap();
    assert!(socket.next().await.is_none());
}

/// Cancels a conversation after one poll, after two, and so on, until it completes. Returns the number of polls.
fn polls_to_complete<F: Future<Output = ()>>(conversation: impl Fn(Network) -> F) -> usize {
    for polls in 1.. {
        let ended = testing::run(|network| {
            let conversation = poll_up_to(conversation(network.clone()), polls);
            async move {
                let has_connected = Cell::new(false);
                let mut serving = pin!(serve(network, &has_connected));
                match select(pin!(conversation), serving.as_mut()).await {
                    Either::Right(((), conversation)) => conversation.await,
                    Either::Left((ended, _)) => {
                        // A client that was cancelled before it connected never reaches the server.
                        if futures::poll!(serving.as_mut()).is_pending() && has_connected.get() {
                            serving.await;
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
    unreachable!("the range has no end")
}

#[test]
fn cancel_at_any_poll_ends_the_connection_in_memory() {
    testing::run(|network| async move { drop(converse(network.connect("ws://a.example"))) });
    let polls = [
        polls_to_complete(|network| converse(network.connect("ws://a.example"))),
        polls_to_complete(|network| converse_remotely(network.connect("ws://a.example"), network.clone())),
        polls_to_complete(converse_reconnecting),
    ];
    assert!(polls.iter().all(|&polls| polls > 5), "{polls:?} polls are too few to reach each await");
}

#[tokio::test]
async fn cancel_at_any_poll_ends_the_connection_at_the_server() {
    let stage = Stage::new().await;
    for polls in 1..12 {
        let id = format!("p{polls}-");
        poll_up_to(converse(connect(stage.url(&id, "do=text:a,await:3,text:b,answer"))), polls).await;
        stage.store().wait_live(&id, 0).await;
    }
    let whole = "whole";
    converse(connect(stage.url(whole, "do=text:a,await:3,text:b,answer"))).await;
    let record = stage.store().wait_record(whole, Until::End).await;
    assert_eq!((record.message_count, record.close.and_then(|close| close.code)), (3, Some(1000)));
}
