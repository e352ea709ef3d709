//! Handles that any thread may use.

use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, SinkExt, StreamExt, executor::block_on, stream};
use samesocket::testing::{self, Peer, Received};
use samesocket::{Error, Message, OwnedMessage, ReadyState, Remote, connect};
use samesocket_fault_server::Until;

use super::support::Stage;

/// What a stream gives, in a line.
fn line(item: &Result<OwnedMessage, Error<OwnedMessage>>) -> String {
    match item {
        Ok(OwnedMessage::Text(text)) => format!("text {text:?}"),
        Ok(OwnedMessage::Binary(bytes)) => format!("binary {}", bytes.len()),
        Err(Error::Failed(failed)) => format!("failed {}", failed.event().code),
        Err(error) => format!("error {error}"),
    }
}

/// A remote whose actor runs beside the test.
fn pair(network: &testing::Network) -> impl Future<Output = (Remote, Peer)> + use<> {
    let network = network.clone();
    async move {
        let server = network.clone();
        let (socket, peer) = futures::join!(network.connect("ws://a.example"), async { server.accept().await.open() });
        (socket.unwrap().into_remote_by(|actor| network.spawn(actor)), peer)
    }
}

#[test]
fn another_thread_holds_the_whole_conversation() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::new());
    let url = stage.url("a", "subprotocol=chat&do=text:a,bin:0102,echo");
    let mut remote = block_on(connect(url).subprotocols("chat")).unwrap().into_remote();
    let held = thread::spawn(move || {
        block_on(async {
            assert_eq!((remote.sender().protocol(), remote.sender().extensions()), ("chat", ""));
            assert!(remote.sender().url().contains("subprotocol=chat"));
            assert_eq!(remote.sender().ready_state().await, ReadyState::Open);
            remote.send("hello".into()).await.unwrap();
            for expected in ["text \"a\"", "binary 2", "text \"hello\""] {
                assert_eq!(line(&remote.next().await.unwrap()), expected);
            }
            remote.drained().await.unwrap();
            assert_eq!(remote.sender().buffered_amount().await, 0);
            let event = remote.close(Some(3000), Some("done")).await.unwrap();
            assert_eq!((event.code, &*event.reason, event.was_clean), (3000, "done", true));
            assert!(remote.next().await.is_none());
            assert!(
                matches!(remote.send("late".into()).await, Err(Error::NotOpen(OwnedMessage::Text(text))) if text == "late")
            );
            assert_eq!(remote.sender().ready_state().await, ReadyState::Closed);
            assert_eq!(remote.closed().await, remote.sender().closed().await);
        });
    });
    held.join().unwrap();
}

#[test]
fn messages_that_nobody_waits_to_send_any_more_are_not_kept() {
    struct Kept {
        _counted: Arc<()>,
    }
    impl AsRef<[u8]> for Kept {
        fn as_ref(&self) -> &[u8] {
            &[0; 64]
        }
    }
    testing::run(|network| async move {
        let server = network.clone();
        let (socket, peer) = futures::join!(network.connect("ws://a.example").high_water_mark(0), async {
            server.accept().await.open()
        });
        peer.pause();
        let actors = network.clone();
        let remote = socket.unwrap().into_remote_by(|actor| actors.spawn(actor));
        remote.send("it fills the line".into()).await.unwrap();
        let mut first = pin!(remote.send("it waits for room".into()));
        assert!(futures::poll!(&mut first).is_pending());
        let kept = Arc::new(());
        for _ in 0..1000 {
            let parcel = OwnedMessage::Binary(Bytes::from_owner(Kept { _counted: Arc::clone(&kept) }));
            assert!(remote.send(parcel).now_or_never().is_none());
            // The actor has its turn.
            assert_eq!(remote.sender().ready_state().await, ReadyState::Open);
        }
        assert!(Arc::strong_count(&kept) < 40, "{} are kept", Arc::strong_count(&kept));
        peer.resume();
        first.await.unwrap();
    });
}

#[test]
fn dropping_the_last_handle_closes() {
    testing::run(|network| async move {
        let (remote, mut peer) = pair(&network).await;
        let (sender, receiver) = remote.split();
        let (second, closed) = (sender.clone(), sender.closed());
        drop((sender, receiver));
        second.send("still".into()).await.unwrap();
        assert!(matches!(peer.receive().await, Some(Received::Message(message)) if message.size() == 5));
        drop(second);
        assert!(matches!(peer.receive().await, Some(Received::Close { code: None, .. })));
        assert_eq!(closed.await.code, 1005);
    });
}

#[test]
fn who_waits_for_a_closing_handshake_is_told_its_end_though_the_handles_are_gone() {
    testing::run(|network| async move {
        let (remote, mut peer) = pair(&network).await;
        peer.hold_close();
        let closing = remote.close(Some(4000), Some("bye"));
        drop(remote);
        let answering = async {
            assert!(matches!(peer.receive().await, Some(Received::Close { code: Some(4000), .. })));
            network.clock().sleep(Duration::from_secs(1)).await;
            peer.answer_close();
        };
        let (event, ()) = futures::join!(closing, answering);
        let event = event.unwrap();
        assert_eq!((event.code, &*event.reason, event.was_clean), (4000, "bye", true));
    });
}

#[test]
fn a_receiver_alone_keeps_the_socket_open() {
    testing::run(|network| async move {
        let (remote, peer) = pair(&network).await;
        let (sender, mut receiver) = remote.split();
        drop(sender);
        peer.send("a");
        assert_eq!(line(&receiver.next().await.unwrap()), "text \"a\"");
        peer.close(Some(1000), "bye");
        assert!(receiver.next().await.is_none());
    });
}

#[test]
fn a_failure_is_one_error_and_the_end() {
    testing::run(|network| async move {
        let (remote, peer) = pair(&network).await;
        peer.send("a");
        peer.fail();
        let lines: Vec<_> = remote.map(|item| line(&item)).collect().await;
        assert_eq!(lines, ["text \"a\"", "failed 1006"]);
    });
}

#[test]
fn an_actor_that_is_dropped_is_a_failure() {
    let (socket, _peer) = testing::pair();
    let mut remote = socket.into_remote_by(drop);
    block_on(async {
        assert_eq!(line(&remote.next().await.unwrap()), "failed 1006");
        assert!(remote.next().await.is_none());
        assert!(matches!(remote.send("a".into()).await, Err(Error::NotOpen(_))));
        assert_eq!(remote.closed().await.code, 1006);
        assert_eq!(remote.close(None, None).await.unwrap().code, 1006);
        assert_eq!(
            (remote.sender().ready_state().await, remote.sender().buffered_amount().await),
            (ReadyState::Closed, 0)
        );
        assert!(matches!(remote.close(Some(1001), None).await, Err(Error::Exception(_))));
    });
}

#[test]
fn a_send_waits_while_much_is_queued_and_comes_back_when_the_socket_closes() {
    testing::run(|network| async move {
        let (remote, mut peer) = pair(&network).await;
        peer.pause();
        remote.send(vec![7; 2 << 20].into()).await.unwrap();
        let (sender, cancelled) = (remote.sender(), remote.sender());
        // Given up while it waits, it is never sent.
        let mut cancelled = Box::pin(cancelled.send("never".into()));
        assert!(cancelled.as_mut().now_or_never().is_none());
        drop(cancelled);
        let mut waiting = Box::pin(sender.send("mine".into()));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(remote.sender().buffered_amount().await, 2 << 20);
        drop(remote.close(Some(1000), None));
        assert!(matches!(waiting.await, Err(Error::NotOpen(OwnedMessage::Text(text))) if text == "mine"));
        peer.resume();
        assert!(matches!(peer.receive().await, Some(Received::Message(message)) if message.size() == 2 << 20));
        assert!(matches!(peer.receive().await, Some(Received::Close { code: Some(1000), .. })));
    });
}

#[test]
fn a_stream_is_forwarded_in_order_and_ends_with_the_closing_handshake() {
    testing::run(|network| async move {
        let (remote, mut peer) = pair(&network).await;
        let closed = remote.closed();
        let messages = (0..100).map(|number| Ok(OwnedMessage::from(number.to_string().as_str())));
        let told = async {
            let mut told = Vec::new();
            loop {
                match peer.receive().await {
                    Some(Received::Message(Message::Text(text))) => told.push(text.to_string()),
                    last => return (told, last),
                }
            }
        };
        let (forwarded, (told, last)) = futures::join!(stream::iter(messages).forward(remote), told);
        forwarded.unwrap();
        assert_eq!(told, (0..100).map(|number| number.to_string()).collect::<Vec<_>>());
        assert!(matches!(last, Some(Received::Close { code: None, .. })));
        assert_eq!(closed.await.code, 1005);
    });
}

#[test]
fn a_sink_goes_on_without_answers_up_to_a_bound_and_gives_back_what_was_not_handed_over() {
    testing::run(|network| async move {
        let (mut remote, mut peer) = pair(&network).await;
        peer.pause();
        remote.send(vec![7; 2 << 20].into()).await.unwrap();
        let mut fed = 0;
        while let Some(fitted) = remote.feed(fed.to_string().as_str().into()).now_or_never() {
            fitted.unwrap();
            fed += 1;
        }
        assert_eq!(fed, 16);
        assert!(SinkExt::<OwnedMessage>::flush(&mut remote).now_or_never().is_none());
        drop(remote.close(Some(1000), None));
        for number in 0..fed {
            let error = SinkExt::<OwnedMessage>::flush(&mut remote).await.unwrap_err();
            assert!(matches!(error, Error::NotOpen(OwnedMessage::Text(text)) if text == number.to_string().as_str()));
        }
        SinkExt::<OwnedMessage>::flush(&mut remote).await.unwrap();
        peer.resume();
        assert!(matches!(peer.receive().await, Some(Received::Message(message)) if message.size() == 2 << 20));
        assert!(matches!(peer.receive().await, Some(Received::Close { code: Some(1000), .. })));
    });
}

#[test]
fn who_reads_slowly_has_the_peer_wait() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let stage = Stage::new().await;
        let messages = 200;
        let socket = connect(stage.url("a", &format!("do=flood:{messages}:1048576,close:1000"))).await.unwrap();
        let mut remote = socket.into_remote();
        let mut count = 0;
        while let Some(item) = remote.next().await {
            assert_eq!(line(&item), "binary 1048576");
            count += 1;
            if count == 1 {
                // The flood does not end by itself while nobody reads.
                let ended =
                    tokio::time::timeout(Duration::from_millis(300), stage.store().wait_record("a", Until::End));
                assert!(ended.await.is_err());
            }
        }
        assert_eq!(count, messages);
    });
}

#[test]
fn a_blob_that_cannot_be_read_is_an_error_whose_source_is_the_systems() {
    let missing = tempfile::tempdir().unwrap().path().join("missing");
    let error: Error = Error::Unreadable(samesocket::Blob::from_file(missing).unwrap_err());
    assert!(std::error::Error::source(&error).is_some(), "{error}");
}
