//! Live sockets: reconnecting sockets that drive themselves, on the network in memory.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::FusedStream;
use futures::{FutureExt, StreamExt};
use samesocket::reconnect::{
    Backoff, Cause, LiveSocket, Outbox, Reconnect, Sent, Status, TypedLiveSocket, Update, Updates, WeakLiveSocket,
    reconnect,
};
use samesocket::testing::{self, Network, Peer, Received};
use samesocket::typed::{BoxError, Codec};
use samesocket::{BinaryType, Error, Exception, Message, OwnedMessage};

use super::reconnecting::{describe, next_received, reconnecting_to};

/// The updates that a callback has seen, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, update: &Update) {
        self.0.lock().unwrap().push(text(update));
    }

    /// Returns the updates since the last call.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn text(update: &Update) -> String {
    match update {
        Update::Status(status) => describe(status),
        Update::Message(OwnedMessage::Text(text)) => format!("text {text}"),
        Update::Message(OwnedMessage::Binary(bytes)) => format!("binary {bytes:?}"),
        other => format!("{other:?}"),
    }
}

/// Runs the task of a live socket beside the test.
fn on(network: &Network, builder: Reconnect) -> Reconnect {
    let network = network.clone();
    builder.executor(move |driver| network.spawn(driver))
}

/// Builds a live socket without jitter, and a log of its updates.
fn live_on(network: &Network, configure: impl FnOnce(Reconnect) -> Reconnect) -> (LiveSocket, Log) {
    let log = Log::default();
    let seen = log.clone();
    let builder = configure(reconnecting_to(network));
    (on(network, builder).drive(move |update| seen.add(&update)), log)
}

/// Lets all tasks of the test run until they wait.
async fn settle(network: &Network) {
    network.clock().sleep(Duration::from_millis(1)).await;
}

#[test]
fn callback_sees_statuses_and_messages_in_order() {
    testing::run(|network| async move {
        let (live, log) = live_on(&network, |builder| builder);
        assert_eq!(live.status(), Status::Connecting { attempt: 1 });
        let peer = network.accept().await.open();
        peer.send("one");
        peer.send(vec![2]);
        peer.fail();
        network.accept().await.refuse();
        let peer = network.accept().await.open();
        peer.send("three");
        peer.close(Some(1000), "done");
        settle(&network).await;
        let lost = "the connection failed (code 1006), 0 unknown";
        assert_eq!(
            log.take(),
            [
                "connecting 1".to_owned(),
                "open".to_owned(),
                "text one".to_owned(),
                "binary b\"\\x02\"".to_owned(),
                format!("waiting 500 ms after 1: {lost}"),
                "connecting 2".to_owned(),
                format!("waiting 1000 ms after 2: {lost}"),
                "connecting 3".to_owned(),
                "open".to_owned(),
                "text three".to_owned(),
                "ended: the connection was closed with code 1000".to_owned(),
            ]
        );
        let status = live.status();
        assert_eq!((status.code(), status.reason(), status.is_ended()), (Some(1000), Some("done"), true));
        assert_eq!(live.send("late"), Err(Error::NotOpen("late".into())));
    });
}

#[test]
fn burst_arrives_whole_and_in_order() {
    testing::run(|network| async move {
        let (live, log) = live_on(&network, |builder| builder);
        let peer = network.accept().await.open();
        for number in 0..200 {
            peer.send(number.to_string());
        }
        settle(&network).await;
        let expected: Vec<_> = ["connecting 1".to_owned(), "open".to_owned()]
            .into_iter()
            .chain((0..200).map(|number| format!("text {number}")))
            .collect();
        assert_eq!(log.take(), expected);
        drop(live);
    });
}

#[test]
fn messages_sent_without_a_connection_arrive_once_in_order() {
    testing::run(|network| async move {
        let (live, _log) = live_on(&network, |builder| builder);
        let mut peer = network.accept().await.open();
        settle(&network).await;
        assert_eq!(live.send("0"), Ok(Sent::Queued));
        assert_eq!(next_received(&mut peer).await, "text \"0\"");
        peer.fail();
        settle(&network).await;
        for number in 1..=3 {
            assert_eq!(live.send(number.to_string()), Ok(Sent::Kept));
            network.accept().await.refuse();
        }
        assert_eq!(live.kept(), 3);
        let mut peer = network.accept().await.open();
        for number in 1..=3 {
            assert_eq!(next_received(&mut peer).await, format!("text \"{number}\""));
        }
        live.send("last").unwrap();
        assert_eq!(next_received(&mut peer).await, "text \"last\"");
        assert_eq!((live.kept(), live.losses().dropped_messages), (0, 0));
    });
}

#[test]
fn send_says_what_became_of_the_message() {
    testing::run(|network| async move {
        let keep = Outbox::Keep { messages: 2, bytes: 4 };
        for (outbox, expected) in [
            (Outbox::Return, Err(Error::NotOpen("a".into()))),
            (Outbox::Drop, Ok(Sent::Dropped)),
            (keep, Ok(Sent::Kept)),
        ] {
            let (live, _log) = live_on(&network, |builder| builder.outbox(outbox).disconnected());
            assert_eq!(live.send("a"), expected);
        }
        let (live, _log) = live_on(&network, |builder| builder.outbox(keep).disconnected());
        assert_eq!(live.send("12345"), Err(Error::Full("12345".into())), "too many bytes");
        assert_eq!((live.send("1"), live.send("2")), (Ok(Sent::Kept), Ok(Sent::Kept)));
        assert_eq!(live.send("3"), Err(Error::Full("3".into())), "too many messages");
        live.close(None, None).unwrap();
        assert_eq!(live.send("4"), Err(Error::NotOpen("4".into())));
        settle(&network).await;
        assert_eq!(live.take_kept(), ["1".into(), "2".into()]);
        assert_eq!((live.kept(), live.status()), (0, Status::Ended { cause: Cause::Stopped }));
    });
}

#[test]
fn messages_above_the_high_water_mark_wait_in_the_outbox() {
    testing::run(|network| async move {
        let builder = network.connect("ws://a.example").high_water_mark(1).reconnect();
        let live = on(&network, builder.outbox(Outbox::Keep { messages: 2, bytes: 99 })).drive(|_| {});
        let mut peer = network.accept().await.open();
        settle(&network).await;
        peer.pause();
        live.send("aa").unwrap();
        settle(&network).await;
        assert_eq!((live.send("b"), live.send("c")), (Ok(Sent::Queued), Ok(Sent::Queued)));
        settle(&network).await;
        assert_eq!((live.kept(), live.send("d")), (2, Err(Error::Full("d".into()))));
        peer.resume();
        for text in ["aa", "b", "c"] {
            assert_eq!(next_received(&mut peer).await, format!("text {text:?}"));
        }
        // Messages that a lost connection did not take leave with the next one.
        peer.pause();
        live.send("lost").unwrap();
        settle(&network).await;
        live.send("kept").unwrap();
        settle(&network).await;
        drop(peer);
        let mut peer = network.accept().await.open();
        assert_eq!(next_received(&mut peer).await, "text \"kept\"");
        assert_eq!(live.losses().unknown_bytes, 4);
    });
}

#[test]
fn lost_connection_counts_what_the_outbox_does_not_keep() {
    testing::run(|network| async move {
        let builder = network.connect("ws://a.example").high_water_mark(1).reconnect();
        let live = on(&network, builder.outbox(Outbox::Return)).drive(|_| {});
        let peer = network.accept().await.open();
        settle(&network).await;
        peer.pause();
        live.send("12").unwrap();
        settle(&network).await;
        live.send("345").unwrap();
        drop(peer);
        let mut peer = network.accept().await.open();
        settle(&network).await;
        live.send("new").unwrap();
        assert_eq!(next_received(&mut peer).await, "text \"new\"");
        assert_eq!((live.losses().unknown_bytes, live.kept()), (5, 0));

        let builder = network.connect("ws://a.example").high_water_mark(1).reconnect();
        let live = on(&network, builder.outbox(Outbox::Drop)).drive(|_| {});
        let peer = network.accept().await.open();
        settle(&network).await;
        peer.pause();
        live.send("12").unwrap();
        settle(&network).await;
        live.send("345").unwrap();
        drop(peer);
        settle(&network).await;
        let losses = live.losses();
        assert_eq!((losses.unknown_bytes, losses.dropped_messages, losses.dropped_bytes), (2, 1, 3));
    });
}

#[test]
fn dropping_the_last_handle_releases_everything() {
    testing::run(|network| async move {
        let token = Arc::new(());
        let held = Arc::clone(&token);
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let live = on(&network, reconnecting_to(&network)).drive(move |_| {
            let _ = &held;
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let other = live.clone();
        assert_eq!(live, other);
        let mut peer = network.accept().await.open();
        settle(&network).await;
        drop(live);
        peer.send("still received");
        settle(&network).await;
        other.send("last words").unwrap();
        let seen = calls.load(Ordering::Relaxed);
        drop(other);
        peer.send("too late");
        assert_eq!(next_received(&mut peer).await, "text \"last words\"");
        assert_eq!(next_received(&mut peer).await, "close None \"\"");
        settle(&network).await;
        assert_eq!((seen, calls.load(Ordering::Relaxed)), (3, 3), "no call after the drop");
        assert_eq!(Arc::strong_count(&token), 1, "the callback is dropped");
        assert!(peer.is_over());
        assert!(network.accept().now_or_never().is_none());
    });
}

#[test]
fn quick_toggles_leave_one_connection() {
    testing::run(|network| async move {
        let live = |_| on(&network, reconnecting_to(&network)).drive(|_| {});
        let mut kept = live(0);
        for round in 0..10 {
            if round % 2 == 0 {
                settle(&network).await;
            }
            kept = live(round);
        }
        let mut peers: Vec<Peer> = Vec::new();
        while let Some(incoming) = network.accept().now_or_never() {
            peers.push(incoming.open());
        }
        settle(&network).await;
        while let Some(incoming) = network.accept().now_or_never() {
            peers.push(incoming.open());
        }
        settle(&network).await;
        assert_eq!(peers.iter().filter(|peer| !peer.is_over()).count(), 1);
        drop(kept);
        settle(&network).await;
        for peer in &mut peers {
            while peer.receive().await.is_some() {}
        }
        assert!(peers.iter().all(Peer::is_over));
    });
}

/// A place for a handle that a callback uses.
type Slot = Arc<Mutex<Option<LiveSocket>>>;

#[test]
fn callback_may_drop_the_last_handle() {
    testing::run(|network| async move {
        let (slot, log) = (Slot::default(), Log::default());
        let (own, seen) = (Arc::clone(&slot), log.clone());
        let live = on(&network, reconnecting_to(&network)).drive(move |update| {
            seen.add(&update);
            if matches!(update, Update::Message(_)) {
                let handle = own.lock().unwrap().take();
                drop(handle);
            }
        });
        *slot.lock().unwrap() = Some(live);
        let mut peer = network.accept().await.open();
        peer.send("a");
        peer.send("b");
        assert_eq!(next_received(&mut peer).await, "close None \"\"");
        settle(&network).await;
        assert_eq!(log.take(), ["connecting 1", "open", "text a"]);
        assert_eq!(Arc::strong_count(&slot), 1, "the callback is dropped");
    });
}

#[test]
fn callback_may_call_every_method() {
    testing::run(|network| async move {
        let (slot, log) = (Slot::default(), Log::default());
        let (own, seen) = (Arc::clone(&slot), log.clone());
        let live = on(&network, reconnecting_to(&network).outbox(Outbox::Keep { messages: 9, bytes: 99 })).drive(
            move |update| {
                seen.add(&update);
                let live = own.lock().unwrap().clone().unwrap();
                let _ = (live.kept(), live.losses(), live.time_left(), live.downgrade().upgrade(), format!("{live:?}"));
                match update {
                    Update::Status(status) => {
                        assert_eq!(live.status(), status);
                        live.send("sent in the callback").ok();
                        live.reconnect_now();
                    }
                    Update::Message(_) => live.close(Some(3000), Some("bye")).unwrap(),
                    _ => {}
                }
            },
        );
        *slot.lock().unwrap() = Some(live);
        network.accept().await.refuse();
        let mut peer = network.accept().await.open();
        peer.send("end");
        let mut received = Vec::new();
        while let Some(item) = peer.receive().await {
            received.push(match item {
                Received::Message(Message::Text(text)) => text.to_string(),
                other => format!("{other:?}"),
            });
        }
        let sent = "sent in the callback".to_owned();
        let close = "Close { code: Some(3000), reason: \"bye\" }".to_owned();
        assert_eq!(received, [sent.clone(), sent.clone(), sent.clone(), sent, close]);
        settle(&network).await;
        assert_eq!(
            log.take(),
            [
                "connecting 1",
                "waiting 500 ms after 1: the connection failed (code 1006), 0 unknown",
                "connecting 2",
                "open",
                "text end",
                "ended: the connection was closed with code 3000",
            ]
        );
        let live = slot.lock().unwrap().take();
        drop(live);
    });
}

#[test]
fn panic_of_the_callback_ends_only_the_call() {
    testing::run(|network| async move {
        let (log, seen) = (Log::default(), Log::default());
        let own = seen.clone();
        let live = on(&network, reconnecting_to(&network)).drive(move |update| {
            own.add(&update);
            assert!(!matches!(update, Update::Message(_)), "an intentional panic of a callback");
        });
        let mut peer = network.accept().await.open();
        peer.send("a");
        peer.send("b");
        settle(&network).await;
        live.send("c").unwrap();
        assert_eq!(next_received(&mut peer).await, "text \"c\"");
        assert_eq!(seen.take(), ["connecting 1", "open", "text a", "text b"]);
        drop(log);
    });
}

#[test]
fn panic_of_a_function_of_the_attempts_ends_the_socket_and_says_so() {
    testing::run(|network| async move {
        for place in ["attempt", "attempting", "prepare", "preparing", "rule"] {
            let panics = Arc::new(AtomicBool::new(true));
            let armed = Arc::clone(&panics);
            let panic_at = Arc::new(move |here: &str| {
                assert!(here != place || !armed.swap(false, Ordering::Relaxed), "the test panics here: {here}");
            });
            let [in_attempt, in_prepare, in_rule] = [(); 3].map(|()| Arc::clone(&panic_at));
            let connect = network.connect("ws://a.example");
            let builder = reconnect(move |_| {
                in_attempt("attempt");
                let (connect, in_attempt) = (connect.clone(), Arc::clone(&in_attempt));
                async move {
                    in_attempt("attempting");
                    Some(connect)
                }
            });
            let builder = builder.prepare(move |socket| {
                in_prepare("prepare");
                let in_prepare = Arc::clone(&in_prepare);
                async move {
                    in_prepare("preparing");
                    Ok(socket)
                }
            });
            let builder = builder.retry_while(move |_, _| {
                in_rule("rule");
                true
            });
            let log = Log::default();
            let seen = log.clone();
            let live = on(&network, builder).drive(move |update| seen.add(&update));
            if place != "attempt" && place != "attempting" {
                drop(network.accept().await.open());
            }
            settle(&network).await;
            assert_eq!(live.status(), Status::Ended { cause: Cause::Panicked }, "{place}");
            assert_eq!(log.take().last().unwrap(), "ended: a function of the program panicked", "{place}");
            live.restart();
            let _peer = network.accept().await.open();
            settle(&network).await;
            assert!(live.status().is_open(), "{place}");
        }
    });
}

#[test]
fn end_is_awaited_by_any_number_and_keeps_nothing_alive() {
    testing::run(|network| async move {
        let (live, _log) = live_on(&network, |builder| builder);
        let mut peer = network.accept().await.open();
        settle(&network).await;
        let (mut first, second, cancelled) = (live.closed(), live.closed(), live.closed());
        assert!((&mut first).now_or_never().is_none());
        drop(cancelled);
        live.send("bye").unwrap();
        live.close(Some(1000), None).unwrap();
        let received = async {
            assert_eq!(next_received(&mut peer).await, "text \"bye\"");
            assert_eq!(next_received(&mut peer).await, "close Some(1000) \"\"");
        };
        let (one, other, ()) = futures::join!(first, second, received);
        assert!(matches!(&one, Cause::Closed(event) if event.code == 1000), "{one}");
        assert_eq!((&other, live.closed().now_or_never()), (&one, Some(one.clone())));

        live.restart();
        let _peer = network.accept().await.open();
        settle(&network).await;
        let mut closed = live.closed();
        assert!((&mut closed).now_or_never().is_none());
        drop(live);
        assert_eq!(closed.await, Cause::Stopped);
    });
}

#[test]
fn close_flushes_kept_messages_to_an_open_connection() {
    testing::run(|network| async move {
        let builder = network.connect("ws://a.example").high_water_mark(1).reconnect();
        let live = on(&network, builder).drive(|_| {});
        let mut peer = network.accept().await.open();
        settle(&network).await;
        peer.pause();
        for text in ["aa", "bb", "cc"] {
            live.send(text).unwrap();
        }
        settle(&network).await;
        assert_eq!(live.kept(), 2);
        live.close(Some(1000), Some("bye")).unwrap();
        assert_eq!(live.send("late"), Err(Error::NotOpen("late".into())));
        peer.resume();
        for expected in ["text \"aa\"", "text \"bb\"", "text \"cc\"", "close Some(1000) \"bye\""] {
            assert_eq!(next_received(&mut peer).await, expected);
        }
        assert!(matches!(live.close(Some(1), None), Err(Error::Exception(Exception::InvalidCloseCode { code: 1 }))));
    });
}

#[test]
fn close_before_the_last_handle_is_dropped_keeps_its_code() {
    testing::run(|network| async move {
        let live = on(&network, reconnecting_to(&network)).drive(|_| {});
        let mut peer = network.accept().await.open();
        settle(&network).await;
        live.send("last words").unwrap();
        live.close(Some(3000), Some("bye")).unwrap();
        drop(live);
        assert_eq!(next_received(&mut peer).await, "text \"last words\"");
        assert_eq!(next_received(&mut peer).await, "close Some(3000) \"bye\"");
        settle(&network).await;
        assert!(peer.is_over());
    });
}

#[test]
fn send_after_close_fails_in_each_update() {
    testing::run(|network| async move {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (results, place) = (Arc::clone(&sent), Arc::new(Mutex::new(None::<WeakLiveSocket>)));
        let own = Arc::clone(&place);
        let live = on(&network, reconnecting_to(&network)).drive(move |update| {
            let live = own.lock().unwrap().as_ref().and_then(WeakLiveSocket::upgrade);
            results.lock().unwrap().push((update, live.map(|live| live.send("late"))));
        });
        *place.lock().unwrap() = Some(live.downgrade());
        live.close(None, None).unwrap();
        settle(&network).await;
        let refused = || Some(Err(Error::NotOpen("late".into())));
        let expected = [
            (Update::Status(Status::Connecting { attempt: 1 }), refused()),
            (Update::Status(Status::Ended { cause: Cause::Stopped }), refused()),
        ];
        assert_eq!(*sent.lock().unwrap(), expected);
    });
}

#[test]
fn restart_after_the_end_sends_what_was_kept() {
    testing::run(|network| async move {
        let (live, log) = live_on(&network, |builder| builder);
        live.send("kept").unwrap();
        live.close(None, None).unwrap();
        settle(&network).await;
        assert_eq!(log.take(), ["connecting 1", "ended: the program closed the socket"]);
        assert_eq!(live.send("refused"), Err(Error::NotOpen("refused".into())));
        live.restart();
        settle(&network).await;
        assert_eq!(live.send("next"), Ok(Sent::Kept));
        let mut peer = network.accept().await.open();
        assert_eq!(
            (next_received(&mut peer).await, next_received(&mut peer).await),
            ("text \"kept\"".into(), "text \"next\"".into())
        );
        assert_eq!(log.take(), ["connecting 1", "open"]);
        // A close that is followed by a restart begins anew at once.
        live.close(Some(1000), None).unwrap();
        live.restart();
        assert_eq!(next_received(&mut peer).await, "close Some(1000) \"\"");
        let _peer = network.accept().await.open();
        settle(&network).await;
        assert_eq!(log.take(), ["ended: the connection was closed with code 1000", "connecting 1", "open"]);
    });
}

#[test]
fn reconnect_now_skips_the_wait() {
    testing::run(|network| async move {
        let hour = Duration::from_secs(3600);
        let backoff = Backoff { first: hour, longest: hour, ..Backoff::default() };
        let (live, _log) = live_on(&network, |builder| builder.backoff(backoff));
        assert_eq!(live.time_left(), None);
        network.accept().await.refuse();
        settle(&network).await;
        let left = live.time_left().unwrap().as_secs();
        assert!((1790..=3600).contains(&left), "{left} s");
        live.reconnect_now();
        let _peer = network.accept().await.open();
        assert!(network.clock().now() < Duration::from_secs(1));
        settle(&network).await;
        assert_eq!((live.status(), live.time_left()), (Status::Open, None));
    });
}

#[test]
fn disconnected_socket_connects_when_it_is_asked_to() {
    testing::run(|network| async move {
        let (live, log) = live_on(&network, Reconnect::disconnected);
        assert_eq!((live.status(), live.send("kept")), (Status::Idle, Ok(Sent::Kept)));
        settle(&network).await;
        assert!(network.accept().now_or_never().is_none());
        assert!(log.take().is_empty());
        live.reconnect_now();
        let mut peer = network.accept().await.open();
        assert_eq!(next_received(&mut peer).await, "text \"kept\"");
        assert_eq!(log.take(), ["connecting 1", "open"]);
    });
}

#[test]
fn disconnected_socket_is_released_without_a_task() {
    let token = Arc::new(());
    let held = Arc::clone(&token);
    let spawned = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&spawned);
    let builder = samesocket::connect("ws://127.0.0.1:1").reconnect().disconnected();
    let live = builder.executor(move |_| flag.store(true, Ordering::Relaxed)).drive(move |_| drop(Arc::clone(&held)));
    live.send("kept").unwrap();
    drop(live);
    assert_eq!((Arc::strong_count(&token), spawned.load(Ordering::Relaxed)), (1, false));
}

#[test]
fn dropped_task_ends_the_socket() {
    testing::run(|network| async move {
        let (slot, own) = (Arc::new(Mutex::new(None)), network.clone());
        let place = Arc::clone(&slot);
        let builder = reconnecting_to(&own).executor(move |driver| *place.lock().unwrap() = Some(driver));
        let (live, mut updates) = builder.drive_stream();
        live.send("kept").unwrap();
        let driver = slot.lock().unwrap().take();
        drop(driver);
        assert_eq!(live.status(), Status::Ended { cause: Cause::Stopped });
        assert_eq!(live.send("a"), Err(Error::NotOpen("a".into())));
        assert_eq!((live.take_kept(), updates.next().await), (vec!["kept".into()], None));
        live.restart();
        assert_eq!(live.status(), Status::Ended { cause: Cause::Stopped });
    });
}

/// Builds a live socket and the queue of its updates.
fn stream_on(network: &Network) -> (LiveSocket, Updates) {
    on(network, reconnecting_to(network)).drive_stream()
}

#[test]
fn stream_ends_after_the_last_handle_was_dropped() {
    testing::run(|network| async move {
        let (live, mut updates) = stream_on(&network);
        let peer = network.accept().await.open();
        peer.send("a");
        settle(&network).await;
        drop(live);
        settle(&network).await;
        let seen: Vec<_> = updates.by_ref().map(|update| text(&update)).collect().await;
        assert_eq!(seen, ["connecting 1", "open", "text a"]);
        assert!(updates.is_terminated() && updates.try_next().is_none());
    });
}

#[test]
fn frame_loop_is_woken_and_takes_all() {
    testing::run(|network| async move {
        let (live, mut updates) = stream_on(&network);
        let wakes = Arc::new(AtomicUsize::new(0));
        let frame = |updates: &mut Updates| {
            std::iter::from_fn(|| updates.try_next()).map(|update| text(&update)).collect::<Vec<_>>()
        };
        let counter = Arc::clone(&wakes);
        updates.on_wake(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let woken = || wakes.swap(0, Ordering::Relaxed);
        settle(&network).await;
        assert_eq!((woken(), frame(&mut updates)), (1, vec!["connecting 1".to_owned()]));
        let peer = network.accept().await.open();
        for text in ["a", "b", "c"] {
            peer.send(text);
        }
        settle(&network).await;
        assert_eq!(woken(), 1, "once until the queue is empty");
        assert_eq!(frame(&mut updates), ["open", "text a", "text b", "text c"]);
        assert!(!updates.is_terminated());
        drop(live);
        settle(&network).await;
        assert_eq!((woken(), frame(&mut updates), updates.is_terminated()), (1, Vec::new(), true));
        // There is something to see already.
        let counter = Arc::clone(&wakes);
        updates.on_wake(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(woken(), 1);
    });
}

#[test]
fn full_queue_pauses_reading_and_loses_nothing() {
    testing::run(|network| async move {
        let builder = network.connect("ws://a.example").receive_limit(10, 1 << 20).reconnect();
        let (live, mut updates) = on(&network, builder).drive_stream();
        let mut peer = network.accept().await.open();
        for number in 0..1000 {
            peer.send(number.to_string());
        }
        settle(&network).await;
        assert!(format!("{updates:?}").contains("queued: 256"), "{updates:?}");
        // Sending goes on.
        live.send("sent").unwrap();
        assert_eq!(next_received(&mut peer).await, "text \"sent\"");
        let mut seen = Vec::new();
        while seen.len() < 1002 {
            seen.push(text(&updates.next().await.unwrap()));
        }
        let expected: Vec<_> = ["connecting 1".to_owned(), "open".to_owned()]
            .into_iter()
            .chain((0..1000).map(|number| format!("text {number}")))
            .collect();
        assert_eq!(seen, expected);
        // A program that takes none can still end the socket.
        for number in 0..1000 {
            peer.send(number.to_string());
        }
        settle(&network).await;
        drop(live);
        assert_eq!(next_received(&mut peer).await, "close None \"\"");
    });
}

#[test]
fn dropped_stream_discards_and_the_socket_goes_on() {
    testing::run(|network| async move {
        let (live, updates) = stream_on(&network);
        let mut peer = network.accept().await.open();
        for number in 0..1000 {
            peer.send(number.to_string());
        }
        settle(&network).await;
        drop(updates);
        settle(&network).await;
        live.send("sent").unwrap();
        assert_eq!(next_received(&mut peer).await, "text \"sent\"");
        peer.fail();
        let mut peer = network.accept().await.open();
        settle(&network).await;
        live.send("again").unwrap();
        assert_eq!(next_received(&mut peer).await, "text \"again\"");
    });
}

#[test]
fn blobs_and_lazy_messages_arrive_read() {
    testing::run(|network| async move {
        for lazy in [false, true] {
            let connect = network.connect("ws://a.example").binary_type(BinaryType::Blob);
            let connect = if lazy { connect.lazy() } else { connect };
            let log = Log::default();
            let seen = log.clone();
            let live = on(&network, connect.reconnect()).drive(move |update| seen.add(&update));
            let peer = network.accept().await.open();
            // The task does not know of the connection yet, so that this arrives as a blob.
            peer.send(vec![1]);
            peer.send("a");
            settle(&network).await;
            peer.send(vec![2]);
            peer.close(Some(1000), "");
            settle(&network).await;
            assert_eq!(
                log.take(),
                [
                    "connecting 1",
                    "open",
                    "binary b\"\\x01\"",
                    "text a",
                    "binary b\"\\x02\"",
                    "ended: the connection was closed with code 1000",
                ]
            );
            drop(live);
        }
    });
}

/// A codec of numbers, most significant byte first.
struct Numbers;

impl Codec<u16, u16> for Numbers {
    fn decode(&self, message: &Message) -> Result<u16, BoxError> {
        Ok(u16::from_be_bytes(message.as_bytes().ok_or("not in memory")?.try_into()?))
    }

    fn encode(&self, value: &u16) -> Result<Message, BoxError> {
        if *value == 0 { Err("zero".into()) } else { Ok(value.to_be_bytes().to_vec().into()) }
    }
}

#[test]
fn typed_socket_decodes_and_encodes() {
    testing::run(|network| async move {
        let builder = on(&network, reconnecting_to(&network));
        let (live, mut updates) = builder.typed::<u16, u16>(Numbers).drive_stream();
        let mut peer = network.accept().await.open();
        peer.send(vec![1, 2]);
        peer.send(vec![3]);
        settle(&network).await;
        assert_eq!(live.send(&0x0405).unwrap(), Sent::Queued);
        let Some(Received::Message(Message::Binary(sent))) = peer.receive().await else { panic!("no message") };
        assert_eq!(sent, Bytes::from_static(&[4, 5]));
        assert_eq!(live.send(&0).unwrap_err().to_string(), "a value could not be encoded: zero");
        let mut seen = Vec::new();
        while let Some(update) = updates.try_next() {
            seen.push(match update {
                Update::Status(status) => describe(&status),
                Update::Message(Ok(number)) => format!("{number:#06x}"),
                Update::Message(Err(error)) => error.to_string(),
                other => format!("{other:?}"),
            });
        }
        let undecodable = "a message of 1 byte could not be decoded: could not convert slice to array";
        assert_eq!(seen, ["connecting 1", "open", "0x0102", undecodable]);
        assert_eq!(live.socket().status(), Status::Open);
    });
}

#[test]
fn typed_callback_goes_on_after_an_undecodable_message() {
    testing::run(|network| async move {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let live: TypedLiveSocket<u16, u16> =
            on(&network, reconnecting_to(&network)).typed(Numbers).drive(move |update| {
                if let Update::Message(decoded) = update {
                    log.lock().unwrap().push(decoded.map_err(|error| error.message.size()));
                }
            });
        let peer = network.accept().await.open();
        peer.send("abc");
        peer.send(vec![0, 7]);
        settle(&network).await;
        assert_eq!(*seen.lock().unwrap(), [Err(3), Ok(7)]);
        assert_eq!(live.clone(), live);
    });
}

#[test]
fn task_of_a_live_socket_is_one_of_the_test() {
    testing::run(|network| async move {
        let (live, mut updates) = reconnecting_to(&network).drive_stream();
        let mut peer = network.accept().await.open();
        live.send("hello").unwrap();
        assert!(matches!(peer.receive().await, Some(Received::Message(message)) if message.as_text() == Some("hello")));
        assert_eq!(updates.next().await, Some(Update::Status(Status::Connecting { attempt: 1 })));
        assert_eq!(updates.next().await, Some(Update::Status(Status::Open)));
        // Nothing but the test could wait for the hour.
        network.clock().sleep(Duration::from_secs(3600)).await;
        peer.send("bye");
        assert_eq!(updates.next().await, Some(Update::Message("bye".into())));
    });
}
