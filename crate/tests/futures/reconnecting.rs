//! The socket that comes back, on the network in memory.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use samesocket::reconnect::{Backoff, Cause, Outbox, Reconnect, State, reconnect};
use samesocket::testing::{self, Network, Peer, Received};
use samesocket::{Error, Message, connect};

use super::{coming_back, line};

/// A socket that comes back over a network, with another URL each time and no jitter.
fn to(network: &Network) -> Reconnect {
    let network = network.clone();
    let attempts = AtomicU32::new(0);
    reconnect(move |_| {
        let attempt = attempts.fetch_add(1, Ordering::Relaxed);
        let connect = network.connect(format!("ws://a.example/{attempt}"));
        async move { Some(connect) }
    })
    .backoff(Backoff { jitter: 0.0, ..Backoff::default() })
}

/// What a peer was sent, in a line.
async fn next(peer: &mut Peer) -> String {
    match peer.receive().await {
        Some(Received::Message(message)) => line(&Ok(message)),
        Some(Received::Close { code, reason }) => format!("close {code:?} {reason:?}"),
        other => format!("{other:?}"),
    }
}

fn describe(state: &State) -> String {
    match state {
        State::Connecting { failures } => format!("connecting {failures}"),
        State::Open => "open".to_owned(),
        State::Waiting { cause, wait, unknown_bytes } => {
            format!("waiting {} ms: {cause}, {unknown_bytes} unknown", wait.as_millis())
        }
        other => format!("{other:?}").to_lowercase(),
    }
}

#[test]
fn an_hour_of_refusals_keeps_to_the_schedule() {
    testing::run(|network| async move {
        let knocks = Arc::new(Mutex::new(Vec::new()));
        let (server, seen) = (network.clone(), Arc::clone(&knocks));
        network.spawn(async move {
            loop {
                let knock = server.accept().await;
                seen.lock().unwrap().push(server.clock().now().as_millis());
                knock.refuse();
            }
        });
        let hour = Duration::from_hours(1);
        let mut socket = to(&network)
            .retry_while({
                let clock = network.clock();
                move |_, _| clock.now() < hour
            })
            .start();
        let Some(Err(Cause::NotConnected(_))) = socket.next().await else { panic!("it gave no cause") };
        assert!(socket.next().await.is_none(), "fused");
        let knocks = knocks.lock().unwrap();
        assert_eq!(knocks[..8], [0, 500, 1500, 3500, 7500, 15500, 31500, 61500]);
        assert!(knocks[7..].windows(2).all(|pair| pair[1] - pair[0] == 30_000));
        assert_eq!(knocks.len(), 8 + (3_600_000 - 61_500_usize).div_ceil(30_000));
    });
}

#[test]
fn jitter_spreads_the_attempts() {
    testing::run(|network| async move {
        let waits = Arc::new(Mutex::new(Vec::new()));
        let backoff = Backoff { factor: 1.0, first: Duration::from_secs(1), ..Backoff::default() };
        let mut socket = to(&network).backoff(backoff).retry_while(|_, failures| failures < 100).start();
        let mut states = socket.states();
        let server = network.clone();
        network.spawn(async move {
            loop {
                server.accept().await.refuse();
            }
        });
        let seen = Arc::clone(&waits);
        network.spawn(async move {
            while let Some(state) = states.next().await {
                if let State::Waiting { wait, .. } = state {
                    seen.lock().unwrap().push(wait.as_millis());
                }
            }
        });
        assert!(socket.next().await.unwrap().is_err());
        let waits = waits.lock().unwrap();
        let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        assert!((500..600).contains(least) && (900..=1000).contains(most), "{least} {most}");
    });
}

#[test]
fn it_comes_back_prepares_and_tells_its_states() {
    testing::run(|network| async move {
        let server = network.clone();
        network.spawn(async move {
            for attempt in 0..2 {
                let knock = server.accept().await;
                assert_eq!(knock.url(), format!("ws://a.example/{attempt}"), "a URL for each attempt");
                let mut peer = knock.open();
                assert_eq!(next(&mut peer).await, "text \"subscribe\"");
                peer.send(format!("answer {attempt}"));
                peer.send("news");
                if attempt == 1 {
                    peer.close(Some(1000), "");
                }
            }
        });
        let mut socket = to(&network)
            .prepare(|mut socket| async move {
                socket.send("subscribe".into()).await?;
                let answer = socket.next().await.transpose()?;
                assert!(matches!(answer, Some(Message::Text(text)) if text.starts_with("answer")));
                Ok(socket)
            })
            .start();
        let states = socket.states();
        let mut seen = Vec::new();
        while let Some(message) = socket.next().await {
            seen.push(line(&message.map_err(|cause| panic!("{cause}"))));
        }
        assert_eq!(seen, ["text \"news\"", "text \"news\""]);
        let states: Vec<_> = states.map(|state| describe(&state)).collect().await;
        assert_eq!(
            states,
            [
                "connecting 0",
                "open",
                "waiting 500 ms: the connection failed with code 1006, 0 unknown",
                "connecting 1",
                "open",
                "ended"
            ]
        );
    });
}

#[test]
fn what_was_kept_is_sent_in_order_once_there_is_a_connection() {
    testing::run(|network| async move {
        let mut socket = to(&network).outbox(Outbox::Keep { messages: 2, bytes: 10 }).start();
        let sender = socket.sender();
        sender.send("a".into()).await.unwrap();
        sender.try_send("bc".into()).unwrap();
        assert!(matches!(sender.try_send("d".into()), Err(Error::Full(_))));
        let talk = async {
            let mut peer = network.accept().await.open();
            assert_eq!((next(&mut peer).await, next(&mut peer).await), ("text \"a\"".into(), "text \"bc\"".into()));
            sender.send("direct".into()).await.unwrap();
            assert_eq!(next(&mut peer).await, "text \"direct\"");
            peer.pause();
            sender.send("12345".into()).await.unwrap();
            drop(peer);
            // The end is seen when the stream is polled.
            network.clock().sleep(Duration::from_millis(1)).await;
            assert_eq!(sender.losses().unknown_bytes, 5);
            sender.send("kept".into()).await.unwrap();
            let mut peer = network.accept().await.open();
            assert_eq!(next(&mut peer).await, "text \"kept\"");
            peer.close(Some(1000), "");
        };
        let (end, ()) = futures::join!(socket.next(), talk);
        assert!(end.is_none());
        assert!(matches!(sender.try_send("late".into()), Err(Error::NotOpen(_))));
    });
}

#[test]
fn what_was_kept_waits_for_room_and_what_is_sent_meanwhile_waits_behind_it() {
    testing::run(|network| async move {
        let mut socket = coming_back(&network, |connect| connect.high_water_mark(1))
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
            assert_eq!(sender.control().unwrap().buffered_amount(), 2, "no more than the mark and one message");
            sender.try_send("dd".into()).unwrap();
            sender.try_send("ee".into()).unwrap();
            assert!(matches!(sender.try_send("ff".into()), Err(Error::Full(_))));
            let mut waiting = pin!(sender.send("gg".into()));
            assert!(futures::poll!(&mut waiting).is_pending());
            peer.resume();
            waiting.await.unwrap();
            for text in ["aa", "bb", "cc", "dd", "ee", "gg"] {
                assert_eq!(next(&mut peer).await, format!("text {text:?}"));
            }
            peer.close(Some(1000), "");
        };
        let (end, ()) = futures::join!(socket.next(), server);
        assert!(end.is_none());
    });
}

#[test]
fn dropping_it_closes_the_connection_though_somebody_waits_for_room_in_it() {
    testing::run(|network| async move {
        let mut socket = coming_back(&network, |connect| connect.high_water_mark(1)).start();
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
        assert_eq!((next(&mut peer).await, next(&mut peer).await), ("text \"much\"".into(), "close None \"\"".into()));
    });
}

#[test]
fn without_a_connection_messages_come_back_or_are_dropped_and_counted() {
    testing::run(|network| async move {
        let socket = to(&network).start();
        let error = socket.send("mine".into()).await.unwrap_err();
        assert!(matches!(error.into_message(), Some(Message::Text(text)) if text == "mine"));
        let socket = to(&network).outbox(Outbox::Drop).start();
        socket.send("12345".into()).await.unwrap();
        let losses = socket.sender().losses();
        assert_eq!((losses.dropped_messages, losses.dropped_bytes, losses.unknown_bytes), (1, 5, 0));
    });
}

#[test]
fn what_was_never_sent_can_be_taken() {
    testing::run(|network| async move {
        let socket = to(&network).outbox(Outbox::Keep { messages: 9, bytes: 99 }).start();
        let sender = socket.sender();
        sender.send("a".into()).await.unwrap();
        drop(socket);
        assert!(matches!(sender.send("b".into()).await, Err(Error::NotOpen(_))));
        assert_eq!(sender.take_kept().len(), 1);
    });
}

#[test]
fn a_close_ends_it_in_every_state() {
    testing::run(|network| async move {
        // While it waits.
        let mut socket = to(&network).start();
        let sender = socket.sender();
        let closing = async {
            network.accept().await.refuse();
            network.clock().sleep(Duration::from_millis(1)).await;
            sender.close(None, None).unwrap();
        };
        let (end, ()) = futures::join!(socket.next(), closing);
        assert!(end.is_none() && network.clock().now() < Duration::from_millis(500));
        // While it connects.
        let mut socket = to(&network).start();
        let sender = socket.sender();
        let closing = async {
            let knock = network.accept().await;
            sender.close(None, None).unwrap();
            knock
        };
        let (end, knock) = futures::join!(socket.next(), closing);
        assert!(end.is_none() && knock.is_gone());
        // While it is open.
        let mut socket = to(&network).start();
        let sender = socket.sender();
        let closing = async {
            let mut peer = network.accept().await.open();
            network.clock().sleep(Duration::from_millis(1)).await;
            assert!(sender.close(Some(1001), None).is_err(), "bad arguments do nothing");
            sender.close(Some(3000), Some("done")).unwrap();
            next(&mut peer).await
        };
        let (end, close) = futures::join!(socket.next(), closing);
        assert!(end.is_none());
        assert_eq!(close, "close Some(3000) \"done\"");
    });
}

#[test]
fn the_rule_sees_the_close_event_and_ends_with_the_cause_if_it_was_a_failure() {
    testing::run(|network| async move {
        for (code, rule) in [(1000, true), (3000, true), (1012, false)] {
            let mut socket = to(&network).start();
            let server = async {
                network.accept().await.open().close(Some(code), "");
                if !rule {
                    network.accept().await.open().close(Some(1000), "");
                }
            };
            let (end, ()) = futures::join!(socket.next(), server);
            assert!(end.is_none(), "a clean close is no failure");
        }
        let mut socket =
            to(&network).retry_while(|cause, _| cause.event().is_none_or(|event| event.code != 1006)).start();
        let (end, ()) = futures::join!(socket.next(), async { network.accept().await.refuse() });
        assert!(matches!(end, Some(Err(Cause::NotConnected(_)))));
    });
}

#[test]
fn an_exception_is_not_tried_again_and_no_attempt_is() {
    testing::run(|network| async move {
        let mut socket = reconnect(|_| async { Some(connect("nothing")) }).start();
        assert!(matches!(socket.next().await, Some(Err(Cause::NotConnected(_)))));
        let inner = network.clone();
        let mut socket = reconnect(move |failures| {
            let network = inner.clone();
            async move { (failures != 1).then(|| network.connect("ws://a.example")) }
        })
        .retry_while(|cause, failures| !matches!(cause, Cause::NoAttempt) || failures < 2)
        .start();
        let (end, ()) = futures::join!(socket.next(), async { network.accept().await.refuse() });
        assert!(matches!(end, Some(Err(Cause::NoAttempt))));
    });
}

#[test]
fn a_connection_that_lasts_has_failures_forgotten_and_one_that_does_not_has_not() {
    testing::run(|network| async move {
        let mut socket = to(&network).start();
        let mut states = socket.states();
        let server = async {
            network.accept().await.open().fail();
            network.accept().await.open().fail();
            let peer = network.accept().await.open();
            network.clock().sleep(Duration::from_secs(11)).await;
            peer.fail();
            network.accept().await.open().close(Some(1000), "");
        };
        futures::join!(socket.next(), server);
        let mut waits = Vec::new();
        while let Some(state) = states.next().now_or_never().flatten() {
            if let State::Waiting { wait, .. } = state {
                waits.push(wait.as_millis());
            }
        }
        assert_eq!(waits, [500, 1000, 500]);
    });
}

#[test]
fn coming_back_online_ends_the_wait() {
    testing::run(|network| async move {
        let backoff =
            Backoff { first: Duration::from_hours(1), longest: Duration::from_hours(1), ..Backoff::default() };
        let mut socket = to(&network).backoff(backoff).start();
        let server = async {
            network.accept().await.refuse();
            network.clock().sleep(Duration::from_secs(1)).await;
            network.clock().come_back();
            network.accept().await.open().close(Some(1000), "");
        };
        futures::join!(socket.next(), server);
        assert_eq!(network.clock().now(), Duration::from_secs(1));
    });
}

#[test]
fn dropping_it_closes_the_connection_though_a_sender_is_kept() {
    testing::run(|network| async move {
        let mut socket = to(&network).start();
        let (_sender, mut states) = (socket.sender(), socket.states());
        let mut peer = {
            let mut polling = Box::pin(socket.next());
            assert!((&mut polling).now_or_never().is_none());
            let peer = network.accept().await.open();
            assert!((&mut polling).now_or_never().is_none());
            peer
        };
        drop(socket);
        assert_eq!(next(&mut peer).await, "close None \"\"");
        let mut last = None;
        while let Some(state) = states.next().await {
            last = Some(state);
        }
        assert!(matches!(last, Some(State::Ended)));
    });
}

#[expect(dead_code, reason = "it is compiled, which is the claim")]
fn everything_is_send_and_sync(network: &Network) {
    fn both<T: Send + Sync + Unpin + 'static>(_: &T) {}
    let socket = to(network).start();
    both(&socket);
    both(&socket.sender());
    both(&socket.states());
    both(network);
}
