//! The limits of a reconnecting socket, and the requests of its handles.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::future::{pending, poll_fn};
use futures::stream::FusedStream;
use futures::{FutureExt, SinkExt, StreamExt};
use samesocket::reconnect::{Backoff, Cause, Limit, Outbox, Reconnecting, Sender, Status, StatusChanges, reconnect};
use samesocket::testing::{self, Network, Received};
use samesocket::{ConnectError, Control, Error, Message, Response};

use super::reconnecting::{describe, next_received, reconnecting_to};
use super::reconnecting_over;

const SECOND: Duration = Duration::from_secs(1);

/// Refuses each connection of a network, and records when it came, in milliseconds.
fn refuse_all(network: &Network) -> Arc<Mutex<Vec<u128>>> {
    let times = Arc::new(Mutex::new(Vec::new()));
    let (server, seen) = (network.clone(), Arc::clone(&times));
    network.spawn(async move {
        loop {
            let incoming = server.accept().await;
            seen.lock().unwrap().push(server.clock().now().as_millis());
            incoming.refuse();
        }
    });
    times
}

/// Takes the states that were not read.
fn unread(states: &mut StatusChanges) -> Vec<String> {
    std::iter::from_fn(|| states.next().now_or_never().flatten()).map(|state| describe(&state)).collect()
}

#[test]
fn connect_reconnects_with_the_same_options() {
    testing::run(|network| async move {
        let mut socket = network.connect("ws://a.example/x").subprotocols("chat").reconnect().start();
        let server = async {
            for _ in 0..2 {
                let incoming = network.accept().await;
                assert_eq!((incoming.url(), incoming.protocols()), ("ws://a.example/x", &["chat".to_owned()][..]));
                incoming.open().close(Some(1012), "");
            }
            network.accept().await.open().close(Some(1000), "");
        };
        assert!(futures::join!(socket.next(), server).0.is_none());
    });
}

/// Closes a socket whenever it is woken.
struct ClosingWaker(Sender);

impl Wake for ClosingWaker {
    fn wake(self: Arc<Self>) {
        self.0.close(None, None).unwrap();
    }
}

#[test]
fn close_during_a_restart_is_kept() {
    testing::run(|network| async move {
        let _times = refuse_all(&network);
        let mut socket = reconnecting_to(&network).start();
        assert!(socket.next().now_or_never().is_none());
        network.clock().sleep(Duration::from_millis(100)).await;
        assert!(socket.next().now_or_never().is_none());
        assert!(matches!(socket.status(), Status::Waiting { .. }));
        let sender = socket.sender();
        sender.close(None, None).unwrap();
        sender.restart();
        // The end is reported in the middle of the restart. This closes the socket once more.
        let mut ended = pin!(sender.closed());
        let waker = Waker::from(Arc::new(ClosingWaker(sender.clone())));
        assert!(ended.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert!(socket.next().await.is_none());
        assert!(matches!(socket.status(), Status::Ended { cause: Cause::Stopped }));
    });
}

#[test]
fn maximum_of_attempts_ends_with_the_last_cause() {
    for (max, times) in [(0, &[0][..]), (1, &[0]), (3, &[0, 500, 1500])] {
        testing::run(|network| async move {
            let seen = refuse_all(&network);
            let mut socket = reconnecting_to(&network).max_attempts(max).start();
            let Some(Err(cause)) = socket.next().await else { panic!("expected a cause") };
            let Cause::GaveUp { limit, cause: last } = &cause else { panic!("{cause:?}") };
            assert_eq!(*limit, Limit::Attempts(max.max(1)));
            let Cause::NotConnected(error) = &**last else { panic!("{last:?}") };
            assert!(matches!(**error, ConnectError::Failed(_)), "{error:?}");
            assert!(cause.to_string().starts_with("gave up after "), "{cause}");
            assert_eq!(socket.status(), Status::Ended { cause });
            assert!(socket.next().await.is_none());
            assert_eq!(*seen.lock().unwrap(), times);
        });
    }
}

#[test]
fn lost_connection_counts_as_an_attempt_until_it_has_lasted() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).max_attempts(2).start();
        let server = async {
            let peer = network.accept().await.open();
            network.clock().sleep(11 * SECOND).await;
            // It has lasted, so that its loss is the first failure.
            peer.fail();
            network.accept().await.open().fail();
        };
        let (end, ()) = futures::join!(socket.next(), server);
        let Some(Err(Cause::GaveUp { limit, cause })) = end else { panic!("{end:?}") };
        assert!(matches!((limit, &*cause), (Limit::Attempts(2), Cause::Lost(_))));
    });
}

#[test]
fn maximum_time_ends_a_wait_with_the_last_cause() {
    testing::run(|network| async move {
        let seen = refuse_all(&network);
        let mut socket = reconnecting_to(&network).max_time(3 * SECOND).start();
        let end = socket.next().await;
        let Some(Err(Cause::GaveUp { limit, cause })) = end else { panic!("{end:?}") };
        let Cause::NotConnected(error) = &*cause else { panic!("{cause:?}") };
        assert!(matches!(**error, ConnectError::Failed(_)), "{cause:?}");
        assert_eq!((limit, network.clock().now()), (Limit::Time(3 * SECOND), 3 * SECOND));
        assert_eq!(*seen.lock().unwrap(), [0, 500, 1500]);
    });
}

#[test]
fn maximum_time_ends_an_attempt_that_hangs() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).max_time(3 * SECOND).start();
        let (end, incoming) = futures::join!(socket.next(), network.accept());
        let Some(Err(Cause::GaveUp { cause, .. })) = end else { panic!("{end:?}") };
        assert_eq!(*cause, Cause::NotConnected(Arc::new(ConnectError::TimedOut { after: 3 * SECOND })));
        assert!(incoming.is_gone());
        assert_eq!(network.clock().now(), 3 * SECOND);
    });
}

#[test]
fn maximum_time_starts_again_after_a_connection_that_lasted() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).max_time(3 * SECOND).start();
        let server = async {
            let peer = network.accept().await.open();
            network.clock().sleep(20 * SECOND).await;
            peer.fail();
            refuse_all(&network);
        };
        let (end, ()) = futures::join!(socket.next(), server);
        assert!(matches!(end, Some(Err(Cause::GaveUp { limit: Limit::Time(_), .. }))), "{end:?}");
        assert_eq!(network.clock().now(), 23 * SECOND);
    });
}

#[test]
fn opening_timeout_is_retried() {
    testing::run(|network| async move {
        let mut socket = reconnecting_over(&network, |connect| connect.timeout(SECOND)).start();
        let mut states = socket.status_changes();
        let server = async {
            let hanging = network.accept().await;
            let peer = network.accept().await.open();
            assert!(hanging.is_gone());
            peer.close(Some(1000), "");
        };
        assert!(futures::join!(socket.next(), server).0.is_none());
        let cause = std::iter::from_fn(|| states.next().now_or_never().flatten()).find_map(|state| match state {
            Status::Waiting { cause, .. } => Some(cause),
            _ => None,
        });
        assert_eq!(cause, Some(Cause::NotConnected(Arc::new(ConnectError::TimedOut { after: SECOND }))));
    });
}

#[test]
fn reconnect_now_skips_a_wait_and_nothing_else() {
    testing::run(|network| async move {
        let hour = Duration::from_secs(3600);
        let backoff = Backoff { first: hour, longest: hour, jitter: 0.0, ..Backoff::default() };
        let mut socket = reconnecting_to(&network).backoff(backoff).start();
        let sender = socket.sender();
        let mut states = sender.status_changes();
        let server = async {
            let incoming = network.accept().await;
            // It connects already.
            sender.reconnect_now();
            network.clock().sleep(SECOND).await;
            incoming.refuse();
            network.clock().sleep(SECOND).await;
            assert!(matches!(sender.status(), Status::Waiting { failures: 1, .. }), "the request did not linger");
            sender.reconnect_now();
            let peer = network.accept().await.open();
            network.clock().sleep(SECOND).await;
            // It is open.
            sender.reconnect_now();
            network.clock().sleep(SECOND).await;
            peer.close(Some(1000), "");
        };
        assert!(futures::join!(socket.next(), server).0.is_none());
        sender.reconnect_now();
        assert!(socket.next().await.is_none(), "the end is not undone");
        assert_eq!(network.clock().now(), 4 * SECOND);
        assert_eq!(
            unread(&mut states),
            [
                "connecting 1",
                "waiting 3600000 ms after 1: the connection failed (code 1006), 0 unknown",
                "connecting 2",
                "open",
                "ended: the connection was closed with code 1000"
            ]
        );
    });
}

#[test]
fn disconnected_socket_connects_only_when_asked() {
    let requests: [fn(&Sender); 2] = [Sender::reconnect_now, Sender::restart];
    for request in requests {
        testing::run(|network| async move {
            let outbox = Outbox::Keep { messages: 1, bytes: 9 };
            let mut socket = reconnecting_to(&network).outbox(outbox).disconnected().start();
            let (sender, mut states) = (socket.sender(), socket.status_changes());
            assert_eq!(sender.status(), Status::Idle);
            sender.send("kept".into()).await.unwrap();
            let server = async {
                network.clock().sleep(SECOND).await;
                assert_eq!((sender.status(), network.accept().now_or_never().is_none()), (Status::Idle, true));
                request(&sender);
                let mut peer = network.accept().await.open();
                assert_eq!(next_received(&mut peer).await, "text \"kept\"");
                peer.close(Some(1000), "");
            };
            assert!(futures::join!(socket.next(), server).0.is_none());
            assert_eq!(
                unread(&mut states),
                ["idle", "connecting 1", "open", "ended: the connection was closed with code 1000"]
            );
        });
    }
}

#[test]
fn disconnected_socket_can_be_closed() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).disconnected().start();
        let (sender, closed) = (socket.sender(), socket.closed());
        assert!(socket.next().now_or_never().is_none());
        sender.close(None, None).unwrap();
        assert!(socket.next().await.is_none());
        assert_eq!(closed.await, Cause::Stopped);
    });
}

#[test]
fn restart_after_the_end_forgets_failures_and_keeps_messages() {
    testing::run(|network| async move {
        let outbox = Outbox::Keep { messages: 9, bytes: 99 };
        let mut socket = reconnecting_to(&network).max_attempts(2).outbox(outbox).start();
        let (sender, mut states) = (socket.sender(), socket.status_changes());
        sender.send("kept".into()).await.unwrap();
        let refusing = async {
            network.accept().await.refuse();
            network.accept().await.refuse();
        };
        let (end, ()) = futures::join!(socket.next(), refusing);
        assert!(matches!(end, Some(Err(Cause::GaveUp { .. }))), "{end:?}");
        assert!(socket.next().await.is_none() && socket.is_terminated());
        assert!(matches!(sender.send("late".into()).await, Err(Error::NotOpen(_))));
        let first = unread(&mut states);
        assert_eq!((first.len(), states.next().await, states.is_terminated()), (4, None, true));

        sender.restart();
        assert!(!socket.is_terminated());
        // `select!` asks again after each poll.
        assert!(socket.next().now_or_never().is_none() && !socket.is_terminated());
        let server = async {
            network.accept().await.refuse();
            let mut peer = network.accept().await.open();
            assert_eq!(next_received(&mut peer).await, "text \"kept\"");
            sender.send("new".into()).await.unwrap();
            assert_eq!(next_received(&mut peer).await, "text \"new\"");
            peer.close(Some(1000), "");
        };
        assert!(futures::join!(socket.next(), server).0.is_none());
        assert!(!states.is_terminated());
        assert_eq!(
            unread(&mut states),
            [
                "connecting 1",
                "waiting 500 ms after 1: the connection failed (code 1006), 0 unknown",
                "connecting 2",
                "open",
                "ended: the connection was closed with code 1000"
            ]
        );
    });
}

#[test]
fn restart_wakes_a_task_that_has_seen_the_end() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).start();
        let sender = socket.sender();
        sender.close(None, None).unwrap();
        assert!(socket.next().await.is_none());
        // A driver of the program's own, which waits for a restart.
        let driving = poll_fn(|context| match socket.poll_next_unpin(context) {
            std::task::Poll::Ready(None) => std::task::Poll::Pending,
            other => other,
        });
        let server = async {
            network.clock().sleep(SECOND).await;
            sender.restart();
            network.accept().await.open().send("again");
            std::future::pending::<()>().await;
        };
        let item = futures::select_biased! {
            item = driving.fuse() => item,
            () = server.fuse() => None,
        };
        assert!(matches!(item, Some(Ok(Message::Text(text))) if text == "again"));
    });
}

#[test]
fn restart_while_closing_waits_for_the_end_unless_closed_again() {
    testing::run(|network| async move {
        for closed_again in [false, true] {
            let mut socket = reconnecting_to(&network).start();
            let sender = socket.sender();
            let server = async {
                let mut peer = network.accept().await.open();
                network.clock().sleep(SECOND).await;
                // It is open, so this does nothing.
                sender.restart();
                network.clock().sleep(SECOND).await;
                sender.close(Some(1000), None).unwrap();
                sender.restart();
                if closed_again {
                    sender.close(None, None).unwrap();
                } else {
                    assert!(matches!(peer.receive().await, Some(Received::Close { .. })));
                    network.accept().await.open().close(Some(1000), "");
                }
            };
            assert!(futures::join!(socket.next(), server).0.is_none());
            assert!(network.accept().now_or_never().is_none());
        }
    });
}

#[test]
fn closed_returns_the_cause_of_the_end_to_all() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).start();
        let (first, second) = (socket.closed(), socket.sender().closed());
        let server = async { network.accept().await.open().close(Some(1008), "no") };
        let (end, first, second, ()) = futures::join!(socket.next(), first, second, server);
        let Some(Err(cause)) = end else { panic!("{end:?}") };
        assert_eq!(cause.event().map(|event| (event.code, &*event.reason)), Some((1008, "no")));
        assert_eq!([&first, &second, &socket.closed().await], [&cause; 3]);
        // A drop is an end, too.
        let socket = reconnecting_to(&network).start();
        let closed = socket.closed();
        drop(socket);
        assert_eq!(closed.await, Cause::Stopped);
    });
}

#[test]
fn sink_follows_the_outbox_and_waits_for_capacity() {
    testing::run(|network| async move {
        let socket = reconnecting_to(&network).start();
        let error = SinkExt::send(&mut socket.sender(), "mine".into()).await.unwrap_err();
        assert!(matches!(error, Error::NotOpen(Message::Text(text)) if text == "mine"));

        let mut socket = reconnecting_over(&network, |connect| connect.high_water_mark(1))
            .outbox(Outbox::Keep { messages: 2, bytes: 9 })
            .start();
        let mut sender = socket.sender();
        let messages = futures::stream::iter(["aa", "bb"].map(|text| Ok(Message::from(text))));
        SinkExt::send_all(&mut sender, &mut messages.fuse()).await.unwrap();
        assert!(matches!(SinkExt::send(&mut sender, "cc".into()).await, Err(Error::Full(_))));
        let server = async {
            let peer = network.accept().await.open();
            peer.pause();
            network.clock().sleep(SECOND).await;
            let mut feeding = pin!(SinkExt::feed(&mut sender, "dd".into()));
            assert!(futures::poll!(&mut feeding).is_pending());
            // The connection is lost while the sink waits. The next one is not full.
            drop(peer);
            feeding.await.unwrap();
            let mut peer = network.accept().await.open();
            for text in ["bb", "dd"] {
                assert_eq!(next_received(&mut peer).await, format!("text {text:?}"));
            }
            // Closing the sink closes the socket for good.
            let (closed, close) = futures::join!(SinkExt::close(&mut sender), next_received(&mut peer));
            assert!(closed.is_ok());
            assert_eq!(close, "close None \"\"");
        };
        assert!(futures::join!(socket.next(), server).0.is_none());
        assert!(SinkExt::close(&mut sender).await.is_ok(), "it has ended already");
    });
}

#[test]
fn cancelled_sink_blocks_no_other_handle() {
    testing::run(|network| async move {
        let mut socket = reconnecting_over(&network, |connect| connect.high_water_mark(1)).start();
        assert!(socket.next().now_or_never().is_none());
        let peer = network.accept().await.open();
        assert!(socket.next().now_or_never().is_none());
        peer.pause();
        let (sender, mut sink) = (socket.sender(), socket.sender());
        sender.try_send("much".into()).unwrap();
        assert!(SinkExt::feed(&mut sink, "cancelled".into()).now_or_never().is_none());
        peer.resume();
        sender.try_send("more".into()).unwrap();
    });
}

#[test]
fn reconnecting_socket_is_a_sink() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).outbox(Outbox::Keep { messages: 2, bytes: 9 }).start();
        SinkExt::send(&mut socket, "kept".into()).await.unwrap();
        let server = async {
            let mut peer = network.accept().await.open();
            peer.send("hello");
            assert_eq!(next_received(&mut peer).await, "text \"kept\"");
            peer
        };
        let (item, _peer) = futures::join!(socket.next(), server);
        assert!(matches!(item, Some(Ok(Message::Text(text))) if text == "hello"));
        assert!(SinkExt::close(&mut socket).now_or_never().is_some(), "it does not wait for the end");
        assert!(matches!(SinkExt::send(&mut socket, "late".into()).await, Err(Error::NotOpen(_))));
    });
}

/// Uses every method of a handle that takes a lock.
fn use_handle(sender: &Sender) {
    let _ = (sender.status(), sender.status_changes(), sender.closed(), sender.control(), sender.losses());
    let _ = sender.try_send("a".into());
    sender.reconnect_now();
}

#[test]
fn functions_of_the_program_may_use_the_handles() {
    testing::run(|network| async move {
        let handle: Arc<Mutex<Option<Sender>>> = Arc::default();
        let using = || {
            let handle = Arc::clone(&handle);
            move || {
                let sender = handle.lock().unwrap().clone();
                use_handle(&sender.expect("the socket was created"));
            }
        };
        let (in_attempt, in_prepare, in_rule) = (using(), using(), using());
        let connect = network.connect("ws://a.example");
        let mut socket: Reconnecting = reconnect(move |_| {
            in_attempt();
            let connect = connect.clone();
            async { Some(connect) }
        })
        .prepare(move |socket| {
            in_prepare();
            async { Ok(socket) }
        })
        .retry_while(move |_, failures| {
            in_rule();
            failures < 3
        })
        .outbox(Outbox::Keep { messages: 99, bytes: 999 })
        .start();
        *handle.lock().unwrap() = Some(socket.sender());
        let server = async {
            for _ in 0..3 {
                network.accept().await.open().fail();
            }
        };
        let (end, ()) = futures::join!(socket.next(), server);
        assert!(matches!(end, Some(Err(Cause::Lost(_)))), "{end:?}");
    });
}

#[test]
fn connection_that_cannot_be_prepared_is_closed_although_a_handle_is_kept() {
    testing::run(|network| async move {
        let kept = Arc::<Mutex<Vec<Control>>>::default();
        let seen = Arc::clone(&kept);
        let mut results = vec![true, false].into_iter();
        let mut socket = reconnecting_to(&network)
            .prepare(move |socket| {
                seen.lock().unwrap().push(socket.control());
                let fails = results.next().unwrap();
                async move { if fails { Err(Error::NotOpen("a".into())) } else { pending().await } }
            })
            .start();
        let sender = socket.sender();
        let server = async {
            let mut failed = network.accept().await.open();
            assert_eq!(next_received(&mut failed).await, "close None \"\"");
            let mut stopped = network.accept().await.open();
            // It is prepared meanwhile.
            network.clock().sleep(Duration::from_millis(1)).await;
            sender.close(Some(1000), None).unwrap();
            assert_eq!(next_received(&mut stopped).await, "close None \"\"");
        };
        assert!(futures::join!(socket.next(), server).0.is_none());
        assert_eq!(kept.lock().unwrap().len(), 2);
    });
}

#[test]
fn stream_ends_without_an_error_after_a_requested_close_that_fails() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).start();
        let server = async { network.accept().await.open() };
        let (pending, peer) = futures::join!(poll_fn(|context| Poll::Ready(socket.poll_next_unpin(context))), server);
        assert!(pending.is_pending());
        assert!(socket.next().now_or_never().is_none());
        peer.hold_close();
        socket.sender().close(Some(1000), None).unwrap();
        assert!(socket.next().now_or_never().is_none());
        peer.fail();
        assert!(socket.next().await.is_none());
        assert!(matches!(socket.status(), Status::Ended { cause: Cause::Lost(_) }), "{:?}", socket.status());
    });
}

/// Refuses the next connection of a network with this response.
async fn refuse_with(network: &Network, response: Response) {
    network.accept().await.refuse_with(response);
}

/// Returns the waits of the states that were not read, in milliseconds.
fn waits(states: &mut StatusChanges) -> Vec<u128> {
    std::iter::from_fn(|| states.next().now_or_never().flatten())
        .filter_map(|state| match state {
            Status::Waiting { wait, .. } => Some(wait.as_millis()),
            _ => None,
        })
        .collect()
}

#[test]
fn status_that_stays_ends_the_socket_with_that_error() {
    testing::run(|network| async move {
        for status in [301, 400, 401, 403, 404, 410] {
            let mut socket = reconnecting_to(&network).start();
            let refusing = refuse_with(&network, Response::new(status).with_header("Retry-After", "1"));
            let (end, ()) = futures::join!(socket.next(), refusing);
            let Some(Err(cause @ Cause::NotConnected(_))) = end else { panic!("{end:?}") };
            assert_eq!(cause.response().map(Response::status), Some(status));
            assert!(socket.next().await.is_none());
        }
        assert_eq!(network.clock().now(), Duration::ZERO);
    });
}

#[test]
fn retry_after_is_the_least_wait_up_to_its_maximum() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).max_retry_after(100 * SECOND).start();
        let mut states = socket.status_changes();
        let server = async {
            let refused = |status: u16, value| Response::new(status).with_header("Retry-After", value);
            refuse_with(&network, refused(429, "60")).await;
            network.clock().sleep(SECOND).await;
            // The hint does not end a wait that the server has asked for.
            network.clock().come_back();
            refuse_with(&network, refused(503, "3600")).await;
            // Less than the backoff.
            refuse_with(&network, refused(503, "1")).await;
            let date = refused(500, "Sun, 06 Nov 1994 08:50:07 GMT");
            refuse_with(&network, date.with_header("Date", "Sun, 06 Nov 1994 08:49:37 GMT")).await;
            refuse_with(&network, refused(503, "soon")).await;
            network.accept().await.open().close(Some(1000), "");
        };
        assert!(futures::join!(socket.next(), server).0.is_none());
        assert_eq!(waits(&mut states), [60_000, 100_000, 2_000, 30_000, 8_000]);
        assert_eq!(network.clock().now(), 200 * SECOND);
    });
}

#[test]
fn retry_after_can_be_ignored_and_skipped() {
    testing::run(|network| async move {
        for (max, expected) in [(Duration::ZERO, 500), (60 * SECOND, 60_000)] {
            let mut socket = reconnecting_to(&network).max_retry_after(max).start();
            let (sender, mut states) = (socket.sender(), socket.status_changes());
            let server = async {
                refuse_with(&network, Response::new(503).with_header("Retry-After", "60")).await;
                network.clock().sleep(SECOND).await;
                sender.reconnect_now();
                network.accept().await.open().close(Some(1000), "");
            };
            assert!(futures::join!(socket.next(), server).0.is_none());
            assert_eq!(waits(&mut states), [expected]);
        }
        assert_eq!(network.clock().now(), 2 * SECOND);
    });
}

#[test]
fn closed_reports_the_first_end_after_many_later_changes() {
    testing::run(|network| async move {
        let backoff = Backoff { first: Duration::from_millis(1), factor: 1.0, jitter: 0.0, ..Backoff::default() };
        let mut socket = reconnecting_to(&network).backoff(backoff).start();
        let (mut closed, sender) = (socket.closed(), socket.sender());
        sender.close(None, None).unwrap();
        assert!(socket.next().await.is_none());
        sender.restart();
        let server = async {
            for _ in 0..100 {
                network.accept().await.refuse();
            }
            network.accept().await.open().close(Some(1000), "");
        };
        let (end, ()) = futures::join!(socket.next(), server);
        assert!(end.is_none());
        assert_eq!((&mut closed).now_or_never(), Some(Cause::Stopped), "the first end");
        assert!(matches!(socket.closed().now_or_never(), Some(Cause::Closed(event)) if event.code == 1000));
    });
}

#[test]
fn close_passes_kept_messages_above_the_high_water_mark() {
    testing::run(|network| async move {
        let outbox = Outbox::Keep { messages: 9, bytes: 99 };
        let mut socket = reconnecting_over(&network, |connect| connect.high_water_mark(1)).outbox(outbox).start();
        let sender = socket.sender();
        for text in ["aa", "bb", "cc"] {
            sender.try_send(text.into()).unwrap();
        }
        let server = async {
            let mut peer = network.accept().await.open();
            peer.pause();
            network.clock().sleep(Duration::from_millis(1)).await;
            sender.close(Some(1000), Some("bye")).unwrap();
            assert!(sender.take_kept().is_empty(), "they were passed");
            peer.resume();
            for expected in ["text \"aa\"", "text \"bb\"", "text \"cc\"", "close Some(1000) \"bye\""] {
                assert_eq!(next_received(&mut peer).await, expected);
            }
        };
        let (end, ()) = futures::join!(socket.next(), server);
        assert!(end.is_none());
    });
}

#[test]
fn try_next_returns_the_cause_outside_the_option() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).max_attempts(1).start();
        let server = async {
            let peer = network.accept().await.open();
            peer.send("a");
            peer.fail();
        };
        let (first, ()) = futures::join!(socket.try_next(), server);
        assert_eq!(first, Ok(Some("a".into())));
        assert!(matches!(socket.try_next().await, Err(Cause::GaveUp { .. })));
        assert_eq!(socket.try_next().await, Ok(None));
    });
}
