//! Futures that are polled in the event that wakes them.

use std::cell::RefCell;
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;

use crate::support::{Fixture, describe};
use futures::channel::oneshot;
use futures::future::join3;
use futures::{FutureExt, StreamExt};
use gloo_timers::future::TimeoutFuture;
use samesocket::{Events, WebSocket, connect, poll_in_event};
use wasm_bindgen_futures::spawn_local;
use wasm_bindgen_test::wasm_bindgen_test;

type Log = Rc<RefCell<Vec<String>>>;

/// Logs the events of a stream, with the name of the reader.
async fn listen(mut events: Events, reader: &'static str, log: Log) {
    while let Some(event) = events.next().await {
        log.borrow_mut().push(format!("{} {reader}", describe(&event)));
    }
}

#[wasm_bindgen_test]
async fn future_is_polled_in_event_before_executor_runs() {
    let fixture = Fixture::new("promptly-order").await;
    let socket: WebSocket = fixture.connect("do=text:a,text:b,close:1000");
    let log = Log::default();
    let called = Rc::clone(&log);
    let _called = socket.subscribe(move |_, event| called.borrow_mut().push(format!("{} called", describe(event))));
    let later = listen(socket.events(), "later", Rc::clone(&log));
    let prompt = poll_in_event(listen(socket.events(), "promptly", Rc::clone(&log)));
    join3(later, spawned(prompt), socket.closed()).await;
    let expected: Vec<String> = ["open", "a", "b", "close 1000"]
        .iter()
        .flat_map(|event| ["called", "promptly", "later"].map(|reader| format!("{event} {reader}")))
        .collect();
    assert_eq!(*log.borrow(), expected);
}

/// Spawns a future as a task of its own, and waits for its end.
async fn spawned(future: impl Future<Output = ()> + 'static) {
    let (end, ended) = oneshot::channel();
    spawn_local(future.map(|()| drop(end)));
    // The sender is dropped when the future ends.
    let _: Result<(), _> = ended.await;
}

#[wasm_bindgen_test]
async fn conversation_returns_its_output() {
    let fixture = Fixture::new("promptly-conversation").await;
    let url = fixture.server.socket_url(&fixture.id, "do=text:a,echo");
    let conversation = poll_in_event(async move {
        let mut socket = connect(url).await.unwrap();
        let mut sizes = Vec::new();
        for reply in ["bc", "def"] {
            sizes.push(socket.next().await.unwrap().unwrap().size());
            socket.send(reply.into()).await.unwrap();
        }
        sizes.push(socket.next().await.unwrap().unwrap().size());
        (sizes, socket.close(Some(3000), None).await.unwrap().code)
    });
    assert_eq!(conversation.await, (vec![1, 2, 3], 3000));
}

#[wasm_bindgen_test]
async fn wake_outside_listener_is_polled_by_executor() {
    let (sender, receiver) = oneshot::channel();
    spawn_local(poll_in_event(async move {
        TimeoutFuture::new(1).await;
        sender.send("sent").unwrap();
    }));
    assert_eq!(poll_in_event(receiver).await, Ok("sent"));
}

#[wasm_bindgen_test]
async fn dropped_in_own_poll_drops_future_afterwards() {
    type Holder = Rc<RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>>;
    let fixture = Fixture::new("promptly-dropped").await;
    let mut socket = connect(fixture.server.socket_url(&fixture.id, "do=echo")).await.unwrap();
    let (alive, holder) = (Rc::new(()), Holder::default());
    let (kept, inner) = (Rc::clone(&alive), Rc::clone(&holder));
    holder.replace(Some(Box::pin(poll_in_event(async move {
        socket.send("a".into()).await.unwrap();
        socket.next().await.unwrap().unwrap();
        drop(inner.take());
        assert_eq!(Rc::strong_count(&kept), 2, "the future is being polled");
        pending::<()>().await;
    }))));
    assert_eq!(holder.borrow_mut().as_mut().unwrap().now_or_never(), None);
    // The echo arrives in an event, which drops the future and its socket.
    fixture.ended().await;
    assert_eq!((Rc::strong_count(&alive), holder.borrow().is_none()), (1, true));
    let unpolled = poll_in_event({
        let kept = Rc::clone(&alive);
        async move { drop(kept) }
    });
    drop(unpolled);
    assert_eq!(Rc::strong_count(&alive), 1);
}
