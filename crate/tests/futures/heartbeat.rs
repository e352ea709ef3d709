//! Whether the peer is still there: by messages on the network in memory, by pings of the protocol against the fault server.

use std::time::Duration;

use futures::{FutureExt, Stream};
use samesocket::testing::{self, Received};
use samesocket::{Error, Heartbeat, Message, connect};
use samesocket_fault_server::Until;

use super::lines;
use super::support::Stage;

fn heartbeat() -> Heartbeat {
    Heartbeat::new("ping".into(), |message| matches!(message, Message::Text(text) if text == "pong"))
}

#[test]
fn a_peer_that_answers_is_asked_again_and_answers_are_not_given() {
    testing::run(|network| async move {
        let connecting = network.connect("ws://a.example").heartbeat(heartbeat());
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
        assert_eq!(seen, ["text \"pong\""], "what nobody asked for is a message");
        assert_eq!(asked, [30, 65, 100]);
    });
}

#[test]
fn an_answer_behind_another_message_is_not_given_either() {
    testing::run(|network| async move {
        let connecting = network.connect("ws://a.example").heartbeat(heartbeat());
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
        assert_eq!(socket.size_hint().0, 0, "what waits may be an answer");
        assert_eq!(lines(&mut socket).await, ["text \"news\"", "text \"pong\""], "one was asked for");
    });
}

#[test]
fn a_peer_that_sends_is_not_asked() {
    testing::run(|network| async move {
        let connecting = network.connect("ws://a.example").heartbeat(heartbeat());
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
fn a_peer_that_does_not_answer_is_one_error_and_a_close() {
    testing::run(|network| async move {
        let connecting = network.connect("ws://a.example").heartbeat(heartbeat());
        let (socket, mut peer) = futures::join!(connecting, async { network.accept().await.open() });
        assert_eq!(lines(&mut socket.unwrap()).await, ["error the peer did not answer within 10s"]);
        assert_eq!(network.clock().now(), Duration::from_secs(40));
        assert!(matches!(peer.receive().await, Some(Received::Message(_))));
        assert!(matches!(peer.receive().await, Some(Received::Close { code: Some(4008), .. })));
    });
}

#[tokio::test]
async fn natively_a_ping_of_the_protocol_asks() {
    let stage = Stage::new().await;
    let patient = heartbeat().every(Duration::from_millis(10)).within(Duration::from_secs(1));
    let mut socket = connect(stage.url("a", "do=gate:go,close:1000")).heartbeat(patient).await.unwrap();
    let pings = || {
        let record = stage.store().record("a").unwrap();
        record.frames.iter().filter(|frame| frame.opcode == 9).count()
    };
    // Where it reads, the server answers pings; another one is sent only after an answer.
    let two_rounds = async {
        while pings() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stage.store().release("a", "go");
    };
    let (end, ()) = futures::join!(socket.next(), two_rounds);
    assert!(end.is_none(), "{end:?}");
    assert_eq!(stage.store().wait_record("a", Until::End).await.message_count, 0);

    let quick = heartbeat().every(Duration::from_millis(10)).within(Duration::from_millis(50));
    let mut socket = connect(stage.url("b", "do=read-never")).heartbeat(quick).await.unwrap();
    assert!(matches!(socket.next().await, Some(Err(Error::NoAnswer { .. }))));
    assert!(socket.next().await.is_none());
}
