//! One socket from its constructor to its end.

use futures::StreamExt;
use samesocket::{BinaryType, Blob, Event, Options, ReadyState, WebSocket};
use samesocket_fault_server::Until;

use crate::support::{TestServer, event_line, event_lines};

#[tokio::test]
async fn socket_exchanges_messages_from_open_to_close() {
    let test_server = TestServer::new().await;
    let socket = WebSocket::new(&test_server.url("a", "subprotocol=chat&do=text:hi,echo"), ["chat"]).unwrap();
    let mut events = socket.events();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        if matches!(event, Event::Open) {
            assert_eq!((socket.ready_state(), &*socket.protocol()), (ReadyState::Open, "chat"));
            socket.set_binary_type(BinaryType::ArrayBuffer);
            socket.send("hello").unwrap();
            socket.send(&[1, 2, 3]).unwrap();
            socket.send(&Blob::new(b"last")).unwrap();
        }
        seen.push(event_line(&event));
        if seen.last().is_some_and(|event_line| event_line == "binary 4") {
            socket.close(Some(3000), Some("done")).unwrap();
        }
    }
    assert_eq!(seen, ["open", "text \"hi\"", "text \"hello\"", "binary 3", "binary 4", "close 3000 \"done\" clean"]);
    assert_eq!((socket.ready_state(), socket.buffered_amount()), (ReadyState::Closed, 0));
    assert!(socket.failure().is_none());
}

#[tokio::test]
async fn binary_type_set_before_delivery_applies_to_queued_messages() {
    let test_server = TestServer::new().await;
    let socket = WebSocket::new(&test_server.url("a", "do=bytes:3,bytes:4,close:1000"), ()).unwrap();
    socket.closed().await;
    socket.set_binary_type(BinaryType::ArrayBuffer);
    socket.set_binary_type(BinaryType::Blob);
    socket.set_binary_type(BinaryType::ArrayBuffer);
    assert_eq!(event_lines(&socket).await, ["open", "binary 3", "binary 4", "close 1000 \"\" clean"]);
}

#[test]
fn socket_needs_no_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let test_server = runtime.block_on(TestServer::new());
    let socket = WebSocket::new(&test_server.url("a", "do=text:a,close:1000"), ()).unwrap();
    assert_eq!(futures::executor::block_on(event_lines(&socket)), ["open", "text \"a\"", "close 1000 \"\" clean"]);
}

#[tokio::test]
async fn last_handle_dropped_closes_in_the_background() {
    let test_server = TestServer::new().await;
    let socket = WebSocket::new(&test_server.url("a", ""), ()).unwrap();
    let mut events = socket.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    drop((socket, events));
    let record = test_server.store().wait_record("a", Until::End).await;
    assert!(record.close.is_some_and(|close| close.code.is_none()), "an empty Close");
    test_server.store().wait_live("a", 0).await;
}

#[tokio::test]
async fn callback_that_panics_ends_neither_socket_nor_callbacks() {
    let test_server = TestServer::new().await;
    let socket = WebSocket::new(&test_server.url("a", "do=text:a,text:b,close:1000"), ()).unwrap();
    let (sender, mut receiver) = futures::channel::mpsc::unbounded();
    socket.subscribe(|_, _| panic!("on purpose")).detach();
    socket.subscribe(move |_, event| sender.unbounded_send(event_line(event)).unwrap()).detach();
    let mut seen = Vec::new();
    while let Some(event_line) = receiver.next().await {
        seen.push(event_line);
    }
    assert_eq!(seen, ["open", "text \"a\"", "text \"b\"", "close 1000 \"\" clean"]);
}

#[tokio::test]
async fn runtime_that_shuts_down_fails_its_sockets_at_once() {
    let test_server = TestServer::new().await;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let options = Options::new().runtime(runtime.handle().clone());
    let socket = WebSocket::with_options(&test_server.url("a", ""), (), &options).unwrap();
    let mut events = socket.events();
    assert!(matches!(events.next().await, Some(Event::Open)));
    runtime.shutdown_background();
    let rest: Vec<_> = events.map(|event| event_line(&event)).collect().await;
    assert_eq!(rest, ["error", "close 1006 \"\" unclean"]);
    assert_eq!(socket.failure().unwrap().to_string(), "the runtime of the socket has shut down");
    let late = WebSocket::with_options(&test_server.url("a", ""), (), &options).unwrap();
    assert_eq!(event_lines(&late).await, ["error", "close 1006 \"\" unclean"]);
}

#[test]
fn handles_are_send_and_sync() {
    fn any_thread<T: Send + Sync>() {}
    any_thread::<WebSocket>();
    any_thread::<samesocket::Events>();
    any_thread::<samesocket::Closed>();
    any_thread::<samesocket::Subscription>();
    any_thread::<Event>();
    any_thread::<Blob>();
    any_thread::<Options>();
    any_thread::<samesocket::Failure>();
}
