//! Sending: the methods, the sink, and their waits.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, Sink, SinkExt, StreamExt};
use samesocket::{Error, Exception, Message, ReadyState, connect};
use samesocket_fault_server::Until;

use super::support::Stage;

#[tokio::test]
async fn messages_of_all_send_methods_arrive_in_order() {
    let stage = Stage::new().await;
    let mut socket = connect(stage.url("a", "")).await.unwrap();
    socket.send("a".into()).await.unwrap();
    socket.try_send(vec![1, 2].into()).unwrap();
    SinkExt::send(&mut socket, "b".into()).await.unwrap();
    let (first, mut second) = (socket.control(), socket);
    second.feed(Bytes::from_static(b"xyz").into()).await.unwrap();
    let event = first.close(Some(3000), Some("done")).await.unwrap();
    assert_eq!((event.code, &*event.reason, event.was_clean), (3000, "done", true));
    let record = stage.store().wait_record("a", Until::End).await;
    let lengths: Vec<_> = record.messages.iter().map(|message| message.length).collect();
    assert_eq!(lengths, [1, 2, 1, 3]);
}

#[tokio::test]
async fn every_send_from_closing_on_returns_the_message() {
    let stage = Stage::new().await;
    let mut socket = connect(stage.url("a", "do=await-close,gate:go,answer")).await.unwrap();
    let closing = socket.close(None, None);
    for state in [ReadyState::Closing, ReadyState::Closed] {
        if state == ReadyState::Closed {
            stage.store().release("a", "go");
            assert!(socket.closed().await.was_clean);
        }
        assert_eq!(socket.ready_state(), state);
        let errors = [
            socket.send("mine".into()).await.unwrap_err(),
            socket.try_send("mine".into()).unwrap_err(),
            SinkExt::send(&mut socket, "mine".into()).await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::NotOpen(_)));
            assert!(matches!(error.into_message(), Some(Message::Text(text)) if text == "mine"));
        }
        assert_eq!(socket.buffered_amount(), 0, "no message was queued");
    }
    assert!(closing.await.unwrap().was_clean);
}

#[tokio::test]
async fn send_after_the_servers_close_returns_the_message() {
    let stage = Stage::new().await;
    let mut socket = connect(stage.url("a", "do=close:1001")).await.unwrap();
    assert!(socket.next().await.is_none());
    assert!(matches!(socket.send("mine".into()).await, Err(Error::NotOpen(_))));
}

#[tokio::test]
async fn sink_close_waits_for_the_servers_answer() {
    let stage = Stage::new().await;
    let mut socket = connect(stage.url("a", "do=await-close,gate:go,answer")).await.unwrap();
    {
        let mut closing = pin!(SinkExt::close(&mut socket));
        assert!(futures::poll!(&mut closing).is_pending());
        stage.store().release("a", "go");
        closing.await.unwrap();
    }
    assert_eq!(socket.ready_state(), ReadyState::Closed);
    SinkExt::close(&mut socket).await.unwrap();
}

#[tokio::test]
async fn closing_handshake_has_a_timeout() {
    let stage = Stage::new().await;
    let timeout = Duration::from_millis(30);
    let mut socket = connect(stage.url("a", "do=await-close,gate:go,answer")).close_timeout(timeout).await.unwrap();
    for error in [SinkExt::close(&mut socket).await.unwrap_err(), socket.close(None, None).await.unwrap_err()] {
        assert!(matches!(error, Error::CloseTimedOut { after } if after == timeout), "{error:?}");
    }
    let event = socket.closed().await;
    assert_eq!((event.code, event.was_clean, socket.ready_state()), (1006, false, ReadyState::Closed));
    stage.store().release("a", "go");
}

#[tokio::test]
async fn failed_closing_handshake_is_an_error_of_the_sink_only() {
    let stage = Stage::new().await;
    let mut socket = connect(stage.url("a", "do=await-close,drop")).await.unwrap();
    assert!(!socket.close(None, None).await.unwrap().was_clean);
    assert!(matches!(SinkExt::close(&mut socket).await, Err(Error::Failed(failed)) if failed.event().code == 1006));
}

#[tokio::test]
async fn close_with_invalid_arguments_changes_nothing() {
    let stage = Stage::new().await;
    let socket = connect(stage.url("a", "")).await.unwrap();
    let error = socket.close(Some(1001), None).await.unwrap_err();
    assert!(matches!(error, Error::Exception(Exception::InvalidCloseCode { code: 1001 })));
    assert_eq!(socket.ready_state(), ReadyState::Open);
}

#[tokio::test]
async fn sends_above_the_high_water_mark_wait_and_are_woken() {
    let stage = Stage::new().await;
    let mark = 1 << 20;
    let socket = connect(stage.url("a", "do=read-gate:go,await-close,answer")).high_water_mark(mark).await.unwrap();
    let (mut sender, _receiver) = socket.split();
    let piece = Bytes::from(vec![7; 64 << 10]);
    let mut sent = 0;
    // The kernel's buffers accept some messages first. A long wait shows that they are full.
    while tokio::time::timeout(Duration::from_millis(500), sender.send(piece.clone().into())).await.is_ok() {
        sent += 1;
    }
    assert!(sender.control().buffered_amount() > mark);
    assert!(matches!(sender.try_send(piece.clone().into()), Err(Error::Full(_))));
    let other = sender.clone();
    {
        let mut waiting_send = pin!(other.send(piece.clone().into()));
        let mut drained = pin!(other.drained());
        assert!(futures::poll!(&mut waiting_send).is_pending());
        assert!(futures::poll!(&mut drained).is_pending());
        assert!(poll_fn(|context| Poll::Ready(Pin::new(&mut sender).poll_ready(context))).await.is_pending());
        assert!(poll_fn(|context| Poll::Ready(Pin::new(&mut sender).poll_flush(context))).await.is_pending());
        stage.store().release("a", "go");
        waiting_send.await.unwrap();
        SinkExt::flush(&mut sender).await.unwrap();
        drained.await.unwrap();
    }
    assert_eq!(sender.control().buffered_amount(), 0);
    sender.control().close(None, None).await.unwrap();
    let record = stage.store().wait_record("a", Until::End).await;
    assert_eq!(record.message_count, sent + 1);
}

#[tokio::test]
async fn waiting_send_is_woken_when_the_socket_closes() {
    let stage = Stage::new().await;
    let socket = connect(stage.url("a", "do=read-gate:go,drop")).high_water_mark(0).await.unwrap();
    let piece = Bytes::from(vec![7; 32 << 20]);
    socket.send(piece.clone().into()).await.unwrap();
    let mut waiting = pin!(socket.send("mine".into()));
    let mut drained = pin!(socket.drained());
    assert!(futures::poll!(&mut waiting).is_pending());
    assert!(futures::poll!(&mut drained).is_pending());
    stage.store().release("a", "go");
    assert!(matches!(waiting.await, Err(Error::NotOpen(_))));
    assert!(matches!(drained.await, Err(Error::Undelivered { bytes }) if bytes > 0));
}

#[tokio::test]
async fn waiting_send_is_woken_by_our_own_close() {
    let stage = Stage::new().await;
    let socket = connect(stage.url("a", "do=read-never")).high_water_mark(0).await.unwrap();
    socket.send(Bytes::from(vec![7; 32 << 20]).into()).await.unwrap();
    let mut waiting = Box::pin(socket.send("mine".into()));
    assert!((&mut waiting).now_or_never().is_none());
    drop(socket.close(None, None));
    assert!(matches!(waiting.await, Err(Error::NotOpen(_))));
}

#[tokio::test]
async fn cancelled_send_sends_nothing() {
    let stage = Stage::new().await;
    let socket = connect(stage.url("a", "do=read-gate:go,await-close,answer")).high_water_mark(0).await.unwrap();
    socket.send(Bytes::from(vec![7; 32 << 20]).into()).await.unwrap();
    assert!(socket.send("cancelled".into()).now_or_never().is_none());
    stage.store().release("a", "go");
    socket.send("kept".into()).await.unwrap();
    socket.close(None, None).await.unwrap();
    let record = stage.store().wait_record("a", Until::End).await;
    assert_eq!(record.message_count, 2);
}

#[tokio::test]
async fn receiver_forwards_into_sender() {
    let stage = Stage::new().await;
    let socket = connect(stage.url("a", "do=text:a,text:b,await:2,close:1000")).await.unwrap();
    let (sender, receiver) = socket.split();
    let echoed = receiver.forward(sender).await;
    assert!(echoed.is_ok(), "{echoed:?}");
    let record = stage.store().wait_record("a", Until::End).await;
    assert_eq!(record.message_count, 2);
}

#[expect(dead_code, reason = "the test is that this compiles")]
fn handles_are_send_and_sync(socket: &samesocket::Socket) {
    fn both<T: Send + Sync + Unpin + 'static>(_: &T) {}
    fn sendable<F: Future + Send>(_: F) {}
    both(socket);
    both(&socket.control());
    both(&socket.close(None, None));
    both(&connect(""));
    sendable(socket.send("".into()));
    sendable(socket.drained());
}
