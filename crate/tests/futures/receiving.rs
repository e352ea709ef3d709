//! Receiving: the stream of messages.

use std::time::Duration;

use futures::stream::FusedStream;
use futures::{FutureExt, Stream, StreamExt};
use samesocket::reconnect::reconnect;
use samesocket::{BinaryType, Error, Message, WebSocket, connect};
use samesocket_fault_server::Until;

use super::support::Stage;
use super::{line, lines};

#[tokio::test]
async fn clean_close_with_any_code_ends_the_stream() {
    for (close, code) in [("close:1000", 1000), ("close:4001:bye", 4001), ("close", 1005)] {
        let stage = Stage::new().await;
        let mut socket = connect(stage.url("a", &format!("do=text:a,bin:010203,{close}"))).await.unwrap();
        assert_eq!(lines(&mut socket).await, ["text \"a\"", "binary 3"]);
        assert!(socket.is_terminated() && StreamExt::next(&mut socket).await.is_none(), "fused");
        assert_eq!(socket.closed().await.code, code);
    }
}

#[tokio::test]
async fn failure_is_one_error_after_the_messages() {
    for end in ["drop", "reset", "badutf8", "close-hex:03e7", "raw:ff"] {
        let stage = Stage::new().await;
        let mut socket = connect(stage.url("a", &format!("do=text:a,gate:go,{end}"))).await.unwrap();
        assert_eq!(socket.next().await.as_ref().map(line).as_deref(), Some("text \"a\""));
        stage.store().release("a", "go");
        assert_eq!(lines(&mut socket).await, ["failed 1006 false"], "{end}");
        assert!(socket.is_terminated());
        assert!(socket.next().await.is_none());
        let event = socket.closed().await;
        assert_eq!((event.code, &*event.reason, event.was_clean), (1006, "", false), "{end}");
    }
}

#[tokio::test]
async fn next_is_a_branch_of_select() {
    let stage = Stage::new().await;
    let mut socket = connect(stage.url("a", "do=text:a,bin:0102,close:1000")).await.unwrap();
    let mut seen = Vec::new();
    loop {
        futures::select! {
            item = socket.next() => match item {
                Some(item) => seen.push(line(&item)),
                None => break,
            },
        }
    }
    assert_eq!(seen, ["text \"a\"", "binary 2"]);
}

#[tokio::test]
async fn items_and_errors_can_be_compared() {
    let stage = Stage::new().await;
    let mut socket = connect(stage.url("a", "do=text:a,drop")).await.unwrap();
    assert_eq!(socket.next().await, Some(Ok(Message::from("a"))));
    let lost = socket.next().await.unwrap().unwrap_err();
    assert_eq!(lost, lost.clone());
    assert_eq!(socket.send("b".into()).await, Err(Error::NotOpen("b".into())));
    assert_ne!(lost, Error::NotOpen("b".into()));
    let refused = connect(stage.url("b", "status=401")).await.unwrap_err();
    let missing = connect(stage.url("c", "status=404")).await.unwrap_err();
    assert_eq!(refused, connect(stage.url("d", "status=401")).await.unwrap_err());
    assert_ne!(refused, missing, "the causes differ");
}

#[tokio::test]
async fn cancelled_next_loses_no_message() {
    let stage = Stage::new().await;
    let mut socket = connect(stage.url("a", "do=gate:go,text:a,text:b,close:1000")).await.unwrap();
    assert!(socket.next().now_or_never().is_none());
    stage.store().release("a", "go");
    assert_eq!(lines(&mut socket).await, ["text \"a\"", "text \"b\""]);
}

#[tokio::test]
async fn binary_type_blob_yields_blobs() {
    let stage = Stage::new().await;
    let mut socket = connect(stage.url("a", "do=bin:0102,close:1000")).binary_type(BinaryType::Blob).await.unwrap();
    let Some(Ok(Message::Blob(blob))) = socket.next().await else { panic!("no blob") };
    assert_eq!(&*blob.bytes().await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn unread_messages_pause_the_server() {
    let stage = Stage::new().await;
    let (count, size) = (3000, 64_u64 << 10);
    let mut socket = connect(stage.url("a", &format!("do=flood:{count}:{size},close:1000"))).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(_))));
    // The server would finish within milliseconds if its 188 MiB were read.
    let sent_all = stage.store().wait_record("a", Until::End);
    assert!(tokio::time::timeout(Duration::from_millis(300), sent_all).await.is_err());
    assert!(socket.size_hint().0 <= 17, "{:?}", socket.size_hint());
    let rest = socket.by_ref().map(|item| item.unwrap().size()).collect::<Vec<_>>().await;
    assert_eq!(rest.len(), count - 1);
    assert!(rest.iter().all(|&bytes| bytes == size));
    assert_eq!(socket.closed().await.code, 1000);
}

#[tokio::test]
async fn message_larger_than_the_receive_limit_is_received() {
    let stage = Stage::new().await;
    let mut socket = connect(stage.url("a", "do=flood:5:5000,close:1000")).receive_limit(1, 1).await.unwrap();
    assert_eq!(lines(&mut socket).await, ["binary 5000"; 5]);
}

#[tokio::test]
async fn idle_timeout_is_one_error_and_a_close() {
    let stage = Stage::new().await;
    let timeout = Duration::from_millis(50);
    let mut socket = connect(stage.url("a", "do=text:a,answer")).idle_timeout(timeout).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(_))));
    match socket.next().await {
        Some(Err(Error::Idle { after })) => assert_eq!(after, timeout),
        other => panic!("{other:?}"),
    }
    assert!(socket.next().await.is_none());
    let record = stage.store().wait_record("a", Until::End).await;
    assert_eq!(record.close.unwrap().code, Some(4008));
}

#[tokio::test]
async fn blob_is_forwarded_unread() {
    let stage = Stage::new().await;
    let query = "do=bytes:100000,await:1,close:1000";
    let mut socket = connect(stage.url("a", query)).binary_type(BinaryType::Blob).await.unwrap();
    let message = socket.next().await.unwrap().unwrap();
    assert!(matches!(&message, Message::Blob(blob) if blob.size() == 100_000));
    socket.send(message).await.unwrap();
    assert!(socket.next().await.is_none());
    let record = stage.store().wait_record("a", Until::End).await;
    assert_eq!(record.messages[0].length, 100_000);
}

#[tokio::test]
async fn every_native_socket_has_backpressure() {
    let stage = Stage::new().await;
    for connect in
        [connect(stage.url("a", "do=close:1000")), connect(stage.url("b", "do=close:1000")).with_backpressure()]
    {
        let socket = connect.await.unwrap();
        assert!(socket.control().has_backpressure());
        assert_eq!(socket.closed().await.code, 1000);
    }
}

#[tokio::test]
async fn lazy_messages_are_forwarded_unread() {
    let stage = Stage::new().await;
    let url = stage.url("a", "do=text:gr%C3%BCn,bytes:1000,await:2,close:1000");
    let mut socket = connect(url).lazy().await.unwrap();
    let mut sizes = Vec::new();
    for _ in 0..2 {
        let message = socket.next().await.unwrap().unwrap();
        let Message::Lazy(lazy) = &message else { panic!("{message:?}") };
        sizes.push((lazy.is_text(), lazy.size(), lazy.read().size()));
        socket.send(message).await.unwrap();
    }
    assert_eq!(sizes, [(true, 5, 5), (false, 1000, 1000)]);
    let record = stage.store().wait_record("a", Until::End).await;
    assert_eq!(record.messages[0].text.as_deref(), Some("grün"));
    assert_eq!(record.messages[1].length, 1000);
}

/// Asserts that a stream is not terminated before it has returned `None`, so that a `select!` polls it until then.
async fn assert_terminated_by_none<S: FusedStream + Unpin>(mut stream: S) {
    while !stream.is_terminated() {
        if StreamExt::next(&mut stream).await.is_none() {
            assert!(stream.is_terminated());
            assert!(StreamExt::next(&mut stream).await.is_none());
            return;
        }
    }
    panic!("the stream is terminated and has not returned `None`");
}

#[tokio::test]
async fn streams_are_terminated_once_they_returned_none() {
    for end in ["close:1000", "drop"] {
        let stage = Stage::new().await;
        let url = |id| stage.url(id, &format!("do=text:a,text:b,{end}"));
        assert_terminated_by_none(connect(url("socket")).await.unwrap()).await;
        assert_terminated_by_none(connect(url("remote")).await.unwrap().into_remote()).await;
        assert_terminated_by_none(WebSocket::new(&url("events"), ()).unwrap().events()).await;
        let url = url("reconnecting");
        let connecting = move |_| {
            let connecting = connect(url.clone());
            async { Some(connecting) }
        };
        let socket = reconnect(connecting).retry_while(|_, _| false).start();
        let states = socket.status_changes();
        assert_terminated_by_none(socket).await;
        assert_terminated_by_none(states).await;
    }
}
