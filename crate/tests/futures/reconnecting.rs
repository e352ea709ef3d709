//! The reconnecting socket, on the network in memory.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use samesocket::reconnect::{Backoff, Cause, Reconnect, Status, reconnect};
use samesocket::testing::{self, Network, Peer, Received};
use samesocket::{Error, Exception, Message, connect};

use super::line;

/// Builds a reconnecting socket with another URL for each attempt and without jitter.
pub(super) fn reconnecting_to(network: &Network) -> Reconnect {
    let network = network.clone();
    let attempts = AtomicU32::new(0);
    reconnect(move |_| {
        let attempt = attempts.fetch_add(1, Ordering::Relaxed);
        let connect = network.connect(format!("ws://a.example/{attempt}"));
        async move { Some(connect) }
    })
    .backoff(Backoff { jitter: 0.0, ..Backoff::default() })
}

/// Describes the next item that a peer receives.
pub(super) async fn next_received(peer: &mut Peer) -> String {
    match peer.receive().await {
        Some(Received::Message(message)) => line(&Ok(message)),
        Some(Received::Close { code, reason }) => format!("close {code:?} {reason:?}"),
        other => format!("{other:?}"),
    }
}

pub(super) fn describe(state: &Status) -> String {
    match state {
        Status::Connecting { attempt } => format!("connecting {attempt}"),
        Status::Open => "open".to_owned(),
        Status::Waiting { failures, cause, wait, unknown_bytes, .. } => {
            format!("waiting {} ms after {failures}: {cause}, {unknown_bytes} unknown", wait.as_millis())
        }
        Status::Ended { cause } => format!("ended: {cause}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

#[test]
fn refused_attempts_follow_the_backoff() {
    testing::run(|network| async move {
        let attempts_at = Arc::new(Mutex::new(Vec::new()));
        let (server, seen) = (network.clone(), Arc::clone(&attempts_at));
        network.spawn(async move {
            loop {
                let incoming = server.accept().await;
                seen.lock().unwrap().push(server.clock().now().as_millis());
                incoming.refuse();
            }
        });
        let hour = Duration::from_secs(3600);
        let mut socket = reconnecting_to(&network)
            .retry_while({
                let clock = network.clock();
                move |_, _| clock.now() < hour
            })
            .start();
        let Some(Err(Cause::NotConnected(_))) = socket.next().await else { panic!("expected a cause") };
        assert!(socket.next().await.is_none(), "fused");
        let attempts_at = attempts_at.lock().unwrap();
        assert_eq!(attempts_at[..8], [0, 500, 1500, 3500, 7500, 15500, 31500, 61500]);
        assert!(attempts_at[7..].windows(2).all(|pair| pair[1] - pair[0] == 30_000));
        assert_eq!(attempts_at.len(), 8 + (3_600_000 - 61_500_usize).div_ceil(30_000));
    });
}

#[test]
fn jitter_spreads_the_waits() {
    testing::run(|network| async move {
        let waits = Arc::new(Mutex::new(Vec::new()));
        let backoff = Backoff { factor: 1.0, first: Duration::from_secs(1), ..Backoff::default() };
        let mut socket = reconnecting_to(&network).backoff(backoff).retry_while(|_, failures| failures < 100).start();
        let mut states = socket.status_changes();
        let server = network.clone();
        network.spawn(async move {
            loop {
                server.accept().await.refuse();
            }
        });
        let seen = Arc::clone(&waits);
        network.spawn(async move {
            while let Some(state) = states.next().await {
                if let Status::Waiting { wait, .. } = state {
                    seen.lock().unwrap().push(wait.as_millis());
                }
            }
        });
        assert!(matches!(socket.next().await, Some(Err(Cause::NotConnected(_)))));
        let waits = waits.lock().unwrap();
        let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        assert!((500..600).contains(least) && (900..=1000).contains(most), "{least} {most}");
    });
}

#[test]
fn lost_connection_reconnects_prepares_and_reports_states() {
    testing::run(|network| async move {
        let server = network.clone();
        network.spawn(async move {
            for attempt in 0..2 {
                let incoming = server.accept().await;
                assert_eq!(incoming.url(), format!("ws://a.example/{attempt}"), "a URL for each attempt");
                let mut peer = incoming.open();
                assert_eq!(next_received(&mut peer).await, "text \"subscribe\"");
                peer.send(format!("answer {attempt}"));
                peer.send("news");
                if attempt == 1 {
                    peer.close(Some(1000), "");
                }
            }
        });
        let mut socket = reconnecting_to(&network)
            .prepare(|mut socket| async move {
                socket.send("subscribe".into()).await?;
                let answer = socket.next().await.transpose()?;
                assert!(matches!(answer, Some(Message::Text(text)) if text.starts_with("answer")));
                Ok(socket)
            })
            .start();
        let states = socket.status_changes();
        let mut seen = Vec::new();
        while let Some(message) = socket.next().await {
            seen.push(line(&message.map_err(|cause| panic!("{cause}"))));
        }
        assert_eq!(seen, ["text \"news\"", "text \"news\""]);
        let states: Vec<_> = states.map(|state| describe(&state)).collect().await;
        assert_eq!(
            states,
            [
                "connecting 1",
                "open",
                "waiting 500 ms after 1: the connection failed (code 1006), 0 unknown",
                "connecting 2",
                "open",
                "ended: the connection was closed with code 1000"
            ]
        );
    });
}

#[test]
fn states_dropped_in_a_loop_do_not_disturb_others() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).start();
        let states = socket.status_changes();
        assert!(socket.next().now_or_never().is_none());
        for _ in 0..1000 {
            drop(socket.status_changes());
        }
        let server = async { network.accept().await.open().close(Some(1000), "") };
        let (end, ()) = futures::join!(socket.next(), server);
        assert!(end.is_none());
        let states: Vec<_> = states.map(|state| describe(&state)).collect().await;
        assert_eq!(states, ["connecting 1", "open", "ended: the connection was closed with code 1000"]);
    });
}

#[test]
fn close_ends_the_socket_in_every_state() {
    testing::run(|network| async move {
        // While the socket waits.
        let mut socket = reconnecting_to(&network).start();
        let sender = socket.sender();
        let closing = async {
            network.accept().await.refuse();
            network.clock().sleep(Duration::from_millis(1)).await;
            sender.close(None, None).unwrap();
        };
        let (end, ()) = futures::join!(socket.next(), closing);
        assert!(end.is_none() && network.clock().now() < Duration::from_millis(500));
        // While the socket connects.
        let mut socket = reconnecting_to(&network).start();
        let sender = socket.sender();
        let closing = async {
            let incoming = network.accept().await;
            sender.close(None, None).unwrap();
            incoming
        };
        let (end, incoming) = futures::join!(socket.next(), closing);
        assert!(end.is_none() && incoming.is_gone());
        // While the socket is open.
        let mut socket = reconnecting_to(&network).start();
        let sender = socket.sender();
        let closing = async {
            let mut peer = network.accept().await.open();
            network.clock().sleep(Duration::from_millis(1)).await;
            let invalid = sender.close(Some(1001), None).unwrap_err();
            assert!(matches!(invalid, Error::Exception(Exception::InvalidCloseCode { code: 1001 })), "{invalid:?}");
            sender.close(Some(3000), Some("done")).unwrap();
            next_received(&mut peer).await
        };
        let (end, close) = futures::join!(socket.next(), closing);
        assert!(end.is_none());
        assert_eq!(close, "close Some(3000) \"done\"");
    });
}

#[test]
fn retry_rule_sees_the_close_event_and_decides_the_end() {
    testing::run(|network| async move {
        for (code, again) in [(Some(1000), false), (Some(1012), true), (None, true)] {
            let mut socket = reconnecting_to(&network).start();
            let server = async {
                network.accept().await.open().close(code, "");
                if again {
                    network.accept().await.open().close(Some(1000), "");
                }
            };
            let (end, ()) = futures::join!(socket.next(), server);
            assert!(end.is_none(), "a clean close with 1000 is no error");
        }
        for code in [1002, 1008, 3000, 4000] {
            let mut socket = reconnecting_to(&network).start();
            let server = async { network.accept().await.open().close(Some(code), "") };
            let (end, ()) = futures::join!(socket.next(), server);
            assert!(matches!(end, Some(Err(Cause::Closed(event))) if event.code == code), "the complaint is an error");
            assert!(socket.next().await.is_none());
        }
        let mut socket = reconnecting_to(&network)
            .retry_while(|cause, _| cause.event().is_none_or(|event| event.code != 1006))
            .start();
        let (end, ()) = futures::join!(socket.next(), async { network.accept().await.refuse() });
        assert!(matches!(end, Some(Err(Cause::NotConnected(_)))));
    });
}

#[test]
fn exception_is_final_and_a_missing_attempt_is_retried() {
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
fn lasting_connection_resets_the_failures() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).start();
        let mut states = socket.status_changes();
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
            if let Status::Waiting { wait, .. } = state {
                waits.push(wait.as_millis());
            }
        }
        assert_eq!(waits, [500, 1000, 500]);
    });
}

#[test]
fn short_connection_that_is_polled_late_keeps_the_failures() {
    let network = Network::new();
    let mut socket = reconnecting_to(&network).start();
    let mut states = socket.status_changes();
    let mut attempts = Vec::new();
    for _ in 0..2 {
        assert!(socket.next().now_or_never().is_none());
        let peer = network.accept().now_or_never().expect("a connection").open();
        assert!(socket.next().now_or_never().is_none());
        peer.fail();
        // The socket is polled only after the connection would have lasted, and then after the backoff.
        network.clock().advance(Duration::from_secs(60));
        assert!(socket.next().now_or_never().is_none());
        network.clock().advance(Duration::from_secs(60));
    }
    while let Some(state) = states.next().now_or_never().flatten() {
        if let Status::Connecting { attempt } = state {
            attempts.push(attempt);
        }
    }
    assert_eq!(attempts, [1, 2]);
    assert!(socket.next().now_or_never().is_none());
    assert!(matches!(states.next().now_or_never(), Some(Some(Status::Connecting { attempt: 3 }))));
}

#[test]
fn retry_hint_ends_the_wait() {
    testing::run(|network| async move {
        let backoff =
            Backoff { first: Duration::from_secs(3600), longest: Duration::from_secs(3600), ..Backoff::default() };
        let mut socket = reconnecting_to(&network).backoff(backoff).start();
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
fn drop_closes_the_connection_despite_a_sender() {
    testing::run(|network| async move {
        let mut socket = reconnecting_to(&network).start();
        let (_sender, mut states) = (socket.sender(), socket.status_changes());
        let mut peer = {
            let mut polling = Box::pin(socket.next());
            assert!((&mut polling).now_or_never().is_none());
            let peer = network.accept().await.open();
            assert!((&mut polling).now_or_never().is_none());
            peer
        };
        drop(socket);
        assert_eq!(next_received(&mut peer).await, "close None \"\"");
        let mut last = None;
        while let Some(state) = states.next().await {
            last = Some(state);
        }
        assert_eq!(last, Some(Status::Ended { cause: Cause::Stopped }));
    });
}

#[expect(dead_code, reason = "the test is that this compiles")]
fn handles_are_send_and_sync(network: &Network) {
    fn both<T: Send + Sync + Unpin + 'static>(_: &T) {}
    let socket = reconnecting_to(network).start();
    both(&socket);
    both(&socket.sender());
    both(&socket.status_changes());
    both(network);
}
