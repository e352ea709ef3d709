//! Futures that go on in the event that wakes them.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod support;

use std::cell::RefCell;
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;

use futures::channel::oneshot;
use futures::future::join3;
use futures::{FutureExt, StreamExt};
use gloo_timers::future::TimeoutFuture;
use samesocket::{Events, WebSocket, connect, poll_in_event};
use support::{Place, describe};
use wasm_bindgen_futures::spawn_local;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

type Heard = Rc<RefCell<Vec<String>>>;

/// Writes down what a stream gives, and who says so.
async fn listen(mut events: Events, who: &'static str, heard: Heard) {
    while let Some(event) = events.next().await {
        heard.borrow_mut().push(format!("{} {who}", describe(&event)));
    }
}

#[wasm_bindgen_test]
async fn a_future_goes_on_in_the_event_before_those_of_the_executor() {
    let place = Place::new("promptly-order").await;
    let socket: WebSocket = place.connect("do=text:a,text:b,close:1000");
    let heard = Heard::default();
    let called = Rc::clone(&heard);
    let _called = socket.subscribe(move |_, event| called.borrow_mut().push(format!("{} called", describe(event))));
    let later = listen(socket.events(), "later", Rc::clone(&heard));
    let prompt = poll_in_event(listen(socket.events(), "promptly", Rc::clone(&heard)));
    join3(later, spawned(prompt), socket.closed()).await;
    let expected: Vec<String> = ["open", "a", "b", "close 1000"]
        .iter()
        .flat_map(|event| ["called", "promptly", "later"].map(|who| format!("{event} {who}")))
        .collect();
    assert_eq!(*heard.borrow(), expected);
}

/// Has the executor poll it as a task of its own.
async fn spawned(future: impl Future<Output = ()> + 'static) {
    let (end, ended) = oneshot::channel();
    spawn_local(future.map(|()| drop(end)));
    // Its end is that nobody tells any more.
    let _: Result<(), _> = ended.await;
}

#[wasm_bindgen_test]
async fn a_conversation_gives_what_it_comes_to() {
    let place = Place::new("promptly-conversation").await;
    let url = place.server.socket_url(&place.id, "do=text:a,echo");
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
async fn what_is_no_event_of_a_socket_wakes_it_by_the_executor() {
    let (sender, receiver) = oneshot::channel();
    spawn_local(poll_in_event(async move {
        TimeoutFuture::new(1).await;
        sender.send("sent").unwrap();
    }));
    assert_eq!(poll_in_event(receiver).await, Ok("sent"));
}

#[wasm_bindgen_test]
async fn dropping_it_drops_its_future_when_that_is_polled_no_more() {
    type Holder = Rc<RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>>;
    let place = Place::new("promptly-dropped").await;
    let mut socket = connect(place.server.socket_url(&place.id, "do=echo")).await.unwrap();
    let (alive, holder) = (Rc::new(()), Holder::default());
    let (kept, inner) = (Rc::clone(&alive), Rc::clone(&holder));
    holder.replace(Some(Box::pin(poll_in_event(async move {
        socket.send("a".into()).await.unwrap();
        socket.next().await.unwrap().unwrap();
        drop(inner.take());
        assert_eq!(Rc::strong_count(&kept), 2, "it is being polled");
        pending::<()>().await;
    }))));
    assert_eq!(holder.borrow_mut().as_mut().unwrap().now_or_never(), None);
    // The answer comes in an event, which drops the future, and that its socket.
    place.ended().await;
    assert_eq!((Rc::strong_count(&alive), holder.borrow().is_none()), (1, true));
    let unpolled = poll_in_event({
        let kept = Rc::clone(&alive);
        async move { drop(kept) }
    });
    drop(unpolled);
    assert_eq!(Rc::strong_count(&alive), 1);
}
