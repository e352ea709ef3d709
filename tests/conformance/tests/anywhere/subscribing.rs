//! Callbacks, event streams, and the future that waits for the close.

use std::cell::RefCell;
use std::rc::Rc;

use crate::support::{Fixture, Token, collect, describe, until};
use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use samesocket::{Event, Events, Subscription, WebSocket};
use wasm_bindgen_test::wasm_bindgen_test;

/// Subscribes a callback that logs its events.
fn listen(socket: &WebSocket, log: &Rc<RefCell<Vec<String>>>) -> Subscription {
    let log = Rc::clone(log);
    socket.subscribe(move |_, event| log.borrow_mut().push(describe(event)))
}

#[wasm_bindgen_test]
async fn stream_after_close_receives_all_events() {
    let fixture = Fixture::new("late-stream").await;
    let socket = fixture.connect("do=text:a,text:b,close:1000");
    assert_eq!(socket.closed().await.code, 1000);
    fixture.settle().await;
    assert_eq!(collect(socket.events()).await, ["open", "a", "b", "close 1000"]);
    assert_eq!(collect(socket.events()).await, [""; 0], "the first subscriber took them");
}

#[wasm_bindgen_test]
async fn buffered_events_go_to_all_subscribers_of_one_task() {
    let fixture = Fixture::new("late-all").await;
    let socket = fixture.connect("do=text:a,gate:more,text:b,close:1000");
    fixture.settle_after_opening(&socket).await;
    let (first, second) = (Rc::default(), Rc::default());
    let _first = listen(&socket, &first);
    let _second = listen(&socket, &second);
    let events = socket.events();
    assert_eq!(*first.borrow(), [""; 0], "nothing is fired from within subscribe");
    fixture.server.release(&fixture.id, "more").await;
    let all = ["open", "a", "b", "close 1000"];
    assert_eq!(collect(events).await, all);
    assert_eq!((&**first.borrow(), &**second.borrow()), (&all.map(str::to_owned)[..], &all.map(str::to_owned)[..]));
}

#[wasm_bindgen_test]
async fn dropped_first_subscriber_consumes_no_buffered_events() {
    let fixture = Fixture::new("left").await;
    let socket = fixture.connect("do=text:a,close:1000");
    socket.closed().await;
    drop(socket.subscribe(|_, _| panic!("it left")));
    drop(socket.events());
    fixture.settle().await;
    assert_eq!(collect(socket.events()).await, ["open", "a", "close 1000"]);
}

#[wasm_bindgen_test]
async fn subscriber_dropped_before_events_consumes_nothing() {
    let fixture = Fixture::new("left-early").await;
    let socket = fixture.connect("do=text:a,close:1000");
    drop(socket.subscribe(|_, _| panic!("it left")));
    drop(socket.events());
    socket.closed().await;
    assert_eq!(collect(socket.events()).await, ["open", "a", "close 1000"]);
}

#[wasm_bindgen_test]
async fn dropping_handle_of_closed_socket_keeps_stream_events() {
    let fixture = Fixture::new("drop-closed").await;
    let socket = fixture.connect("do=text:a,close:1000");
    socket.closed().await;
    let events = socket.events();
    drop(socket);
    assert_eq!(collect(events).await, ["open", "a", "close 1000"]);
}

#[wasm_bindgen_test]
async fn dropping_last_handle_in_callback_discards_buffered_events() {
    let fixture = Fixture::new("drop-kept").await;
    let holder = Rc::new(RefCell::new(Some(fixture.connect("do=text:a,text:b,echo"))));
    fixture.settle().await;
    let log: Rc<RefCell<Vec<String>>> = Rc::default();
    let events = {
        let borrowed = holder.borrow();
        let socket = borrowed.as_ref().unwrap();
        let (holder, log) = (Rc::clone(&holder), Rc::clone(&log));
        socket
            .subscribe(move |_, event| {
                log.borrow_mut().push(describe(event));
                if describe(event) == "a" {
                    drop(holder.take());
                }
            })
            .detach();
        socket.events()
    };
    assert_eq!(collect(events).await, ["open", "a", "close 1005"]);
    assert_eq!(*log.borrow(), ["open", "a"]);
}

#[wasm_bindgen_test]
async fn close_discards_buffered_messages() {
    let fixture = Fixture::new("purge").await;
    let socket = fixture.connect("do=text:a,echo");
    fixture.settle_after_opening(&socket).await;
    socket.close(Some(1000), None).unwrap();
    assert_eq!(collect(socket.events()).await, ["open", "close 1000"]);
}

#[wasm_bindgen_test]
async fn dropped_guard_ends_calls_and_detached_one_does_not() {
    let fixture = Fixture::new("guards").await;
    let socket = fixture.connect("do=text:a,await:1,text:b,close:1000");
    let (dropped, detached) = (Rc::default(), Rc::default());
    let guard = listen(&socket, &dropped);
    listen(&socket, &detached).detach();
    let mut events = socket.events();
    until(&mut events, "a").await;
    drop(guard);
    socket.send("go on").unwrap();
    until(&mut events, "close 1000").await;
    assert_eq!(*dropped.borrow(), ["open", "a"]);
    assert_eq!(*detached.borrow(), ["open", "a", "b", "close 1000"]);
}

#[wasm_bindgen_test]
async fn callback_can_remove_itself_and_next_and_add_one() {
    let fixture = Fixture::new("within").await;
    let socket = fixture.connect("do=text:a,text:b,close:1000");
    let log: Rc<RefCell<Vec<String>>> = Rc::default();
    let guards: Rc<RefCell<Vec<Subscription>>> = Rc::default();
    let logger = |name: &'static str| {
        let log = Rc::clone(&log);
        move |event: &Event| log.borrow_mut().push(format!("{name} {}", describe(event)))
    };
    let (first, later, next, last) = (logger("first"), logger("later"), logger("next"), logger("last"));
    let mut later = Some(later);
    let in_first = Rc::clone(&guards);
    let guard = socket.subscribe(move |socket, event| {
        first(event);
        if describe(event) == "a" {
            // Remove this callback and the one that would be called next.
            let taken: Vec<_> = in_first.borrow_mut().drain(..).collect();
            drop(taken);
            let later = later.take().expect("it is called once with this message");
            socket.subscribe(move |_, event| later(event)).detach();
        }
    });
    guards.borrow_mut().push(guard);
    guards.borrow_mut().push(socket.subscribe(move |_, event| next(event)));
    let _last = socket.subscribe(move |_, event| last(event));
    socket.closed().await;
    assert_eq!(
        *log.borrow(),
        [
            "first open",
            "next open",
            "last open",
            "first a",
            "last a",
            "last b",
            "later b",
            "last close 1000",
            "later close 1000",
        ]
    );
}

#[wasm_bindgen_test]
async fn callback_can_drop_last_handle() {
    let fixture = Fixture::new("drop-within").await;
    let holder = Rc::new(RefCell::new(Some(fixture.connect("do=text:a,text:b,echo"))));
    let token = Token::default();
    let events = {
        let borrowed = holder.borrow();
        let socket = borrowed.as_ref().unwrap();
        let (holder, token) = (Rc::clone(&holder), token.clone());
        socket
            .subscribe(move |_, event| {
                let _ = &token;
                if describe(event) == "a" {
                    drop(holder.take());
                }
            })
            .detach();
        socket.events()
    };
    assert_eq!(collect(events).await, ["open", "a", "close 1005"]);
    assert_eq!(fixture.ended().await.close.unwrap().code, None);
    assert_eq!(token.others(), 0);
    assert_eq!(Rc::strong_count(&holder), 1);
}

#[wasm_bindgen_test]
async fn callback_can_close_and_connect_again() {
    let fixture = Fixture::new("anew").await;
    let socket = fixture.connect("do=text:a,text:b,echo");
    let successor: Rc<RefCell<Option<WebSocket>>> = Rc::default();
    let (slot, url) =
        (Rc::clone(&successor), fixture.server.socket_url(&format!("{}-2", fixture.id), "do=text:c,close:3000"));
    socket
        .subscribe(move |socket, event| {
            if describe(event) == "a" {
                socket.close(Some(4000), Some("moving")).unwrap();
                *slot.borrow_mut() = Some(WebSocket::new(&url, ()).unwrap());
            }
        })
        .detach();
    assert_eq!(collect(socket.events()).await, ["open", "a", "close 4000"]);
    let successor = successor.take().unwrap();
    assert_eq!(collect(successor.events()).await, ["open", "c", "close 3000"]);
}

#[wasm_bindgen_test]
async fn callback_that_owns_socket_is_freed_at_close() {
    let fixture = Fixture::new("cycle").await;
    let socket = fixture.connect("do=close:1000");
    let token = Token::default();
    let (own, kept, events) = (socket.clone(), token.clone(), socket.events());
    socket
        .subscribe(move |_, _| {
            let _ = (&own, &kept);
        })
        .detach();
    drop(socket);
    assert_eq!(token.others(), 1, "a handle in its own callback keeps both");
    assert_eq!(collect(events).await, ["open", "close 1000"]);
    fixture.settle().await;
    assert_eq!(token.others(), 0);
}

#[wasm_bindgen_test]
async fn subscribing_after_close_holds_nothing() {
    let fixture = Fixture::new("after").await;
    let socket = fixture.connect("do=close:1000");
    assert_eq!(collect(socket.events()).await, ["open", "close 1000"]);
    let token = Token::default();
    let kept = token.clone();
    let _guard = socket.subscribe(move |_, _| {
        let _ = &kept;
    });
    assert_eq!(token.others(), 0);
    assert_eq!(collect(socket.events()).await, [""; 0]);
}

#[wasm_bindgen_test]
async fn unread_stream_is_bounded_and_reports_lag() {
    let fixture = Fixture::new("lag").await;
    let socket = fixture.connect(&format!("do=flood:{}:8,close:1000", Events::MAX_MESSAGES + 5));
    let events = socket.events();
    socket.closed().await;
    let all = collect(events).await;
    assert_eq!(all.len(), Events::MAX_MESSAGES + 3);
    assert_eq!((&*all[0], &*all[1]), ("open", "8 bytes"));
    assert_eq!(all[Events::MAX_MESSAGES + 1..], ["lagged 5 40", "close 1000"]);
}

#[wasm_bindgen_test]
async fn flood_that_is_read_arrives_complete_in_order() {
    let fixture = Fixture::new("flood").await;
    let socket = fixture.connect("do=flood:20000:8,close:1000");
    socket.set_binary_type(samesocket::BinaryType::ArrayBuffer);
    let mut events = socket.events();
    let mut next = 0_u32;
    while let Some(event) = events.next().await {
        match event {
            Event::Message(message) => {
                let samesocket::Message::Binary(bytes) = message.data else { panic!("a binary message") };
                assert_eq!(bytes[..4], next.to_be_bytes());
                next += 1;
            }
            Event::Lagged(lagged) => panic!("{lagged:?} after {next}"),
            _ => {}
        }
    }
    assert_eq!(next, 20_000);
}

#[wasm_bindgen_test]
async fn many_waiters_see_the_close_before_and_after() {
    let fixture = Fixture::new("closed").await;
    let socket = fixture.connect("do=gate:now,close:3000:bye");
    let waiting: Vec<_> = (0..5).map(|_| socket.closed()).collect();
    let mut cancelled = socket.closed();
    assert!((&mut cancelled).now_or_never().is_none());
    drop(cancelled);
    fixture.server.release(&fixture.id, "now").await;
    for close in join_all(waiting).await {
        assert_eq!((close.code, &*close.reason, close.was_clean), (3000, "bye", true));
    }
    assert_eq!(socket.closed().await.code, 3000);
}

#[wasm_bindgen_test]
async fn streams_and_waiters_see_close_of_dropped_socket() {
    let fixture = Fixture::new("abandoned").await;
    let socket = fixture.connect("");
    let (mut events, closed) = (socket.events(), socket.closed());
    until(&mut events, "open").await;
    drop(socket);
    assert_eq!(collect(events).await, ["close 1005"]);
    assert_eq!(closed.await.code, 1005);
    assert_eq!(fixture.ended().await.close.unwrap().code, None);
}

#[wasm_bindgen_test]
async fn a_socket_dropped_at_once_fails_for_those_who_wait() {
    let fixture = Fixture::new("at-once").await;
    let events = fixture.connect("handshake=nothing").events();
    assert_eq!(collect(events).await, ["error", "close 1006"]);
}

#[wasm_bindgen_test]
async fn a_stream_sees_the_close_of_a_socket_that_is_dropped_at_its_error() {
    let fixture = Fixture::new("drop-at-error").await;
    let holder = Rc::new(RefCell::new(Some(fixture.connect("do=gate:now,drop"))));
    let (mut events, closed) = {
        let borrowed = holder.borrow();
        let socket = borrowed.as_ref().unwrap();
        let holder = Rc::clone(&holder);
        socket
            .subscribe(move |_, event| {
                if describe(event) == "error" {
                    drop(holder.take());
                }
            })
            .detach();
        (socket.events(), socket.closed())
    };
    until(&mut events, "open").await;
    fixture.server.release(&fixture.id, "now").await;
    assert_eq!(collect(events).await, ["error", "close 1006"]);
    assert_eq!(closed.await.code, 1006);
    assert_eq!(Rc::strong_count(&holder), 1);
}

#[wasm_bindgen_test]
async fn a_clone_is_a_handle() {
    let fixture = Fixture::new("clone").await;
    let socket = fixture.connect("");
    let mut events = socket.events();
    until(&mut events, "open").await;
    let clone = socket.clone();
    drop(socket);
    clone.send("still here").unwrap();
    until(&mut events, "still here").await;
    drop(clone);
    assert_eq!(collect(events).await, ["close 1005"]);
}
