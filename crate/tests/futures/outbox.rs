//! Sending over a reconnecting socket, with and without a connection.

use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use samesocket::reconnect::Outbox;
use samesocket::testing;
use samesocket::{Error, Message};

use super::reconnecting::{next_received, reconnecting_to};
use super::reconnecting_over;

#[test]
fn outbox_is_sent_in_order_after_connecting() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).outbox(Outbox::Keep { messages: 2, bytes: 10 }).start();
        let sender = socket.sender();
        sender.send("a".into()).await.unwrap();
        sender.try_send("bc".into()).unwrap();
        assert!(matches!(sender.try_send("d".into()), Err(Error::Full(_))));
        let talk = async {
            let mut peer = network.accept().await.open();
            assert_eq!(
                (next_received(&mut peer).await, next_received(&mut peer).await),
                ("text \"a\"".into(), "text \"bc\"".into())
            );
            sender.send("direct".into()).await.unwrap();
            assert_eq!(next_received(&mut peer).await, "text \"direct\"");
            peer.pause();
            sender.send("12345".into()).await.unwrap();
            drop(peer);
            // The socket notices the end when its stream is polled.
            network.clock().sleep(Duration::from_millis(1)).await;
            assert_eq!(sender.losses().unknown_bytes, 5);
            sender.send("kept".into()).await.unwrap();
            let mut peer = network.accept().await.open();
            assert_eq!(next_received(&mut peer).await, "text \"kept\"");
            peer.close(Some(1000), "");
        };
        let (end, ()) = futures::join!(socket.next(), talk);
        assert!(end.is_none());
        assert!(matches!(sender.try_send("late".into()), Err(Error::NotOpen(_))));
    });
}

#[test]
fn outbox_waits_for_capacity_ahead_of_later_sends() {
    testing::run(|network| async move {
        let mut socket = reconnecting_over(&network, |connect| connect.high_water_mark(1))
            .outbox(Outbox::Keep { messages: 4, bytes: 100 })
            .start();
        let sender = socket.sender();
        for text in ["aa", "bb", "cc"] {
            sender.try_send(text.into()).unwrap();
        }
        let server = async {
            let incoming = network.accept().await;
            let mut peer = incoming.open();
            peer.pause();
            network.clock().sleep(Duration::from_millis(1)).await;
            assert_eq!(sender.control().unwrap().buffered_amount(), 2, "the mark and one message");
            sender.try_send("dd".into()).unwrap();
            sender.try_send("ee".into()).unwrap();
            assert!(matches!(sender.try_send("ff".into()), Err(Error::Full(_))));
            let mut waiting = pin!(sender.send("gg".into()));
            assert!(futures::poll!(&mut waiting).is_pending());
            peer.resume();
            waiting.await.unwrap();
            for text in ["aa", "bb", "cc", "dd", "ee", "gg"] {
                assert_eq!(next_received(&mut peer).await, format!("text {text:?}"));
            }
            peer.close(Some(1000), "");
        };
        let (end, ()) = futures::join!(socket.next(), server);
        assert!(end.is_none());
    });
}

#[test]
fn try_send_above_the_high_water_mark_is_full() {
    testing::run(|network| async move {
        for outbox in [Outbox::Return, Outbox::Drop, Outbox::Keep { messages: 9, bytes: 99 }] {
            let mut socket = reconnecting_over(&network, |connect| connect.high_water_mark(4)).outbox(outbox).start();
            let sender = socket.sender();
            let server = async {
                let mut peer = network.accept().await.open();
                network.clock().sleep(Duration::from_millis(1)).await;
                peer.pause();
                sender.try_send("1234".into()).unwrap();
                sender.try_send("5".into()).unwrap();
                let error = sender.try_send("mine".into()).unwrap_err();
                assert!(matches!(error, Error::Full(Message::Text(text)) if text == "mine"));
                assert_eq!(sender.control().unwrap().buffered_amount(), 5, "the mark and one message");
                peer.resume();
                sender.try_send("6".into()).unwrap();
                for text in ["1234", "5", "6"] {
                    assert_eq!(next_received(&mut peer).await, format!("text {text:?}"));
                }
                peer.close(Some(1000), "");
            };
            let (end, ()) = futures::join!(socket.next(), server);
            assert!(end.is_none());
            assert_eq!(sender.losses().dropped_messages, 0);
            assert!(matches!(sender.try_send("late".into()), Err(Error::NotOpen(_))));
        }
    });
}

#[test]
fn try_send_does_not_overtake_a_waiting_send() {
    testing::run(|network| async move {
        let mut socket = reconnecting_over(&network, |connect| connect.high_water_mark(1)).start();
        let sender = socket.sender();
        let server = async {
            let mut peer = network.accept().await.open();
            network.clock().sleep(Duration::from_millis(1)).await;
            peer.pause();
            sender.try_send("first".into()).unwrap();
            let mut waiting = pin!(sender.send("second".into()));
            assert!(futures::poll!(&mut waiting).is_pending());
            peer.resume();
            // There is capacity now, but the send that waits comes first.
            assert_eq!(sender.control().unwrap().buffered_amount(), 0);
            assert!(matches!(sender.try_send("third".into()), Err(Error::Full(_))));
            waiting.await.unwrap();
            sender.try_send("third".into()).unwrap();
            for text in ["first", "second", "third"] {
                assert_eq!(next_received(&mut peer).await, format!("text {text:?}"));
            }
            // A cancelled send no longer blocks.
            peer.pause();
            sender.try_send("fourth".into()).unwrap();
            assert!(sender.send("cancelled".into()).now_or_never().is_none());
            peer.resume();
            sender.try_send("fifth".into()).unwrap();
            for text in ["fourth", "fifth"] {
                assert_eq!(next_received(&mut peer).await, format!("text {text:?}"));
            }
            peer.close(Some(1000), "");
        };
        let (end, ()) = futures::join!(socket.next(), server);
        assert!(end.is_none());
    });
}

#[test]
fn try_send_after_a_loss_does_not_overtake_a_waiting_send() {
    testing::run(|network| async move {
        let outbox = Outbox::Keep { messages: 9, bytes: 99 };
        let mut socket = reconnecting_over(&network, |connect| connect.high_water_mark(1)).outbox(outbox).start();
        let sender = socket.sender();
        let server = async {
            let peer = network.accept().await.open();
            network.clock().sleep(Duration::from_millis(1)).await;
            peer.pause();
            sender.try_send("lost".into()).unwrap();
            let mut waiting = pin!(sender.send("first".into()));
            assert!(futures::poll!(&mut waiting).is_pending());
            drop(peer);
            network.clock().sleep(Duration::from_millis(1)).await;
            assert!(sender.control().is_none(), "the connection is lost");
            assert!(matches!(sender.try_send("second".into()), Err(Error::Full(_))));
            waiting.await.unwrap();
            sender.try_send("second".into()).unwrap();
            let mut peer = network.accept().await.open();
            for text in ["first", "second"] {
                assert_eq!(next_received(&mut peer).await, format!("text {text:?}"));
            }
            peer.close(Some(1000), "");
        };
        let (end, ()) = futures::join!(socket.next(), server);
        assert!(end.is_none());
    });
}

#[test]
fn drop_closes_the_connection_despite_a_waiting_send() {
    testing::run(|network| async move {
        let mut socket = reconnecting_over(&network, |connect| connect.high_water_mark(1)).start();
        let sender = socket.sender();
        assert!(socket.next().now_or_never().is_none());
        let mut peer = network.accept().await.open();
        assert!(socket.next().now_or_never().is_none());
        peer.pause();
        sender.send("much".into()).await.unwrap();
        let mut waiting = pin!(sender.send("more".into()));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(socket);
        assert!(matches!(waiting.await, Err(Error::NotOpen(_))));
        peer.resume();
        assert_eq!(
            (next_received(&mut peer).await, next_received(&mut peer).await),
            ("text \"much\"".into(), "close None \"\"".into())
        );
    });
}

#[test]
fn send_without_connection_returns_or_drops_the_message() {
    testing::run(|network| async move {
        let socket = reconnecting_to(&network).start();
        let error = socket.send("mine".into()).await.unwrap_err();
        assert!(matches!(error.into_message(), Some(Message::Text(text)) if text == "mine"));
        let socket = reconnecting_to(&network).outbox(Outbox::Drop).start();
        socket.send("12345".into()).await.unwrap();
        let losses = socket.sender().losses();
        assert_eq!((losses.dropped_messages, losses.dropped_bytes, losses.unknown_bytes), (1, 5, 0));
    });
}

#[test]
fn take_kept_returns_unsent_messages() {
    testing::run(|network| async move {
        let socket = reconnecting_to(&network).outbox(Outbox::Keep { messages: 9, bytes: 99 }).start();
        let sender = socket.sender();
        sender.send("a".into()).await.unwrap();
        drop(socket);
        assert!(matches!(sender.send("b".into()).await, Err(Error::NotOpen(_))));
        let kept = sender.take_kept();
        assert!(matches!(&kept[..], [Message::Text(text)] if &**text == "a"), "{kept:?}");
    });
}
