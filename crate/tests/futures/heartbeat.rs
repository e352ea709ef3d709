//! The heartbeat: with messages and with ping frames on the network in memory, and with ping frames against the fault server.

use std::time::Duration;

use futures::{FutureExt, Stream};
use samesocket::testing::{self, Received};
use samesocket::{Error, Heartbeat, Message, PingError, connect};
use samesocket_fault_server::Until;

use super::lines;
use super::support::Stage;

fn heartbeat() -> Heartbeat {
    Heartbeat::new("ping".into(), |message| matches!(message, Message::Text(text) if text == "pong"))
}

#[test]
fn answered_heartbeat_repeats_and_hides_answers() {
    testing::run(|network| async move {
        let connecting = network.without_pings().connect("ws://a.example").heartbeat(heartbeat());
        let (socket, mut peer) = futures::join!(connecting, async { network.accept().await.open() });
        let mut socket = socket.unwrap();
        let clock = network.clock();
        let server = async {
            let mut asked = Vec::new();
            for _ in 0..3 {
                let received = peer.receive().await;
                assert!(matches!(received, Some(Received::Message(Message::Text(text))) if text == "ping"));
                asked.push(clock.now().as_secs());
                clock.sleep(Duration::from_secs(5)).await;
                peer.send("pong");
            }
            peer.send("pong");
            peer.close(Some(1000), "");
            asked
        };
        let (seen, asked) = futures::join!(lines(&mut socket), server);
        assert_eq!(seen, ["text \"pong\""], "an unsolicited answer is a message");
        assert_eq!(asked, [30, 65, 100]);
    });
}

#[test]
fn answer_behind_another_message_is_hidden() {
    testing::run(|network| async move {
        let connecting = network.without_pings().connect("ws://a.example").heartbeat(heartbeat());
        let (socket, mut peer) = futures::join!(connecting, async { network.accept().await.open() });
        let mut socket = socket.unwrap();
        assert!(socket.next().now_or_never().is_none());
        network.clock().advance(Duration::from_secs(30));
        assert!(socket.next().now_or_never().is_none());
        assert!(peer.receive().await.is_some());
        for text in ["news", "pong", "pong"] {
            peer.send(text);
        }
        peer.close(Some(1000), "");
        assert_eq!(socket.size_hint().0, 0, "a queued message may be an answer");
        assert_eq!(lines(&mut socket).await, ["text \"news\"", "text \"pong\""], "only one of them is an answer");
    });
}

#[test]
fn heartbeat_is_silent_while_messages_arrive() {
    testing::run(|network| async move {
        let connecting = network.without_pings().connect("ws://a.example").heartbeat(heartbeat());
        let (socket, mut peer) = futures::join!(connecting, async { network.accept().await.open() });
        let mut socket = socket.unwrap();
        let server = async {
            for _ in 0..10 {
                network.clock().sleep(Duration::from_secs(29)).await;
                peer.send("news");
            }
            peer.close(Some(1000), "");
            assert!(peer.receive().await.is_none());
        };
        assert_eq!(futures::join!(lines(&mut socket), server).0.len(), 10);
    });
}

#[test]
fn unanswered_heartbeat_is_one_error_and_a_close() {
    testing::run(|network| async move {
        let connecting = network.without_pings().connect("ws://a.example").heartbeat(heartbeat());
        let (socket, mut peer) = futures::join!(connecting, async { network.accept().await.open() });
        assert_eq!(lines(&mut socket.unwrap()).await, ["error the server did not answer the heartbeat within 10s"]);
        assert_eq!(network.clock().now(), Duration::from_secs(40));
        assert!(matches!(peer.receive().await, Some(Received::Message(_))));
        assert!(matches!(peer.receive().await, Some(Received::Close { code: Some(4008), .. })));
    });
}

#[test]
fn closure_of_a_heartbeat_may_own_anything() {
    testing::run(|network| async move {
        let answer = String::from("pong");
        let heartbeat = Heartbeat::new("ping".into(), move |message| message.as_text() == Some(&answer));
        let connecting = network.without_pings().connect("ws://a.example").heartbeat(heartbeat.clone());
        let (socket, mut peer) = futures::join!(connecting, async { network.accept().await.open() });
        let server = async {
            assert!(matches!(peer.receive().await, Some(Received::Message(_))));
            peer.send("pong");
            peer.close(Some(1000), "");
        };
        let mut socket = socket.unwrap();
        assert!(futures::join!(lines(&mut socket), server).0.is_empty());
        drop(heartbeat);
    });
}

#[test]
fn heartbeat_sends_pings_on_the_network_in_memory() {
    for heartbeat in [Heartbeat::pings(), heartbeat()] {
        testing::run(|network| async move {
            let connecting = network.connect("ws://a.example").heartbeat(heartbeat);
            let (socket, mut peer) = futures::join!(connecting, async { network.accept().await.open() });
            let server = async {
                network.clock().sleep(Duration::from_secs(95)).await;
                assert_eq!(peer.pings(), 3);
                peer.hold_pongs();
            };
            let mut socket = socket.unwrap();
            let (seen, ()) = futures::join!(lines(&mut socket), server);
            assert_eq!(seen, ["error the server did not answer the heartbeat within 10s"]);
            assert_eq!((network.clock().now(), peer.pings()), (Duration::from_secs(130), 4));
            let Some(Received::Close { code, .. }) = peer.receive().await else { panic!("a ping is no message") };
            assert_eq!(code, Some(4008));
        });
    }
}

#[test]
fn heartbeat_of_pings_asks_nothing_without_ping_frames() {
    testing::run(|network| async move {
        let connecting = network.without_pings().connect("ws://a.example").heartbeat(Heartbeat::pings());
        let (socket, mut peer) = futures::join!(connecting, async { network.accept().await.open() });
        let server = async {
            network.clock().sleep(Duration::from_secs(1000)).await;
            peer.close(Some(1000), "");
            assert!(peer.receive().await.is_none());
        };
        let mut socket = socket.unwrap();
        assert!(futures::join!(lines(&mut socket), server).0.is_empty());
    });
}

#[test]
fn ping_measures_the_time_of_the_network_in_memory() {
    testing::run(|network| async move {
        let connecting = network.connect("ws://a.example");
        let (socket, peer) = futures::join!(connecting, async { network.accept().await.open() });
        let (socket, second) = (socket.unwrap(), Duration::from_secs(1));
        assert_eq!(socket.ping().await, Ok(Duration::ZERO));
        peer.hold_pongs();
        let held = [socket.ping(), socket.ping()];
        network.clock().advance(second);
        peer.send_pongs();
        assert_eq!(futures::future::join_all(held).await, [Ok(second); 2]);
        peer.pause();
        let unread = socket.ping();
        network.clock().advance(second);
        assert_eq!(peer.pings(), 3);
        peer.resume();
        assert_eq!((unread.await, peer.pings()), (Ok(second), 4));
        peer.ping();
        network.clock().advance(second);
        let pings = socket.control().received_pings().unwrap();
        assert_eq!((pings.count, pings.since_last), (1, Some(second)));
        peer.hold_pongs();
        let lost = socket.ping();
        drop(peer);
        assert_eq!((lost.await, socket.ping().await), (Err(PingError::Closed), Err(PingError::NotOpen)));
    });
}

#[tokio::test]
async fn heartbeat_sends_ping_frames_on_native_targets() {
    let stage = Stage::new().await;
    let long_timeout = heartbeat().every(Duration::from_millis(10)).within(Duration::from_secs(1));
    let mut socket = connect(stage.url("a", "do=gate:go,close:1000")).heartbeat(long_timeout).await.unwrap();
    let pings = || {
        let record = stage.store().record("a").unwrap();
        record.frames.iter().filter(|frame| frame.opcode == 9).count()
    };
    // The server answers pings while it reads. The client sends another ping only after an answer.
    let two_rounds = async {
        while pings() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stage.store().release("a", "go");
    };
    let (end, ()) = futures::join!(socket.next(), two_rounds);
    assert!(end.is_none(), "{end:?}");
    assert_eq!(stage.store().wait_record("a", Until::End).await.message_count, 0);

    let short_timeout = heartbeat().every(Duration::from_millis(10)).within(Duration::from_millis(50));
    let mut socket = connect(stage.url("b", "do=read-never")).heartbeat(short_timeout).await.unwrap();
    assert!(matches!(socket.next().await, Some(Err(Error::NoAnswer { .. }))));
    assert!(socket.next().await.is_none());
}
