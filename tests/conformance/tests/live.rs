//! Live sockets, in a page.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use gloo_timers::future::TimeoutFuture;
use samesocket::reconnect::{Backoff, LiveSocket, Reconnect, Sent, Status, Update, reconnect};
use samesocket::typed::Json;
use samesocket::{BinaryType, Error, OwnedMessage, connect};
use support::{Alive, Fixture};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Builds a socket that uses another query for each connection, and the last one again and again.
fn to(fixture: &Fixture, queries: &'static [&'static str]) -> Reconnect {
    let attempts = Cell::new(0);
    let url = fixture.server.socket_url(&fixture.id, "");
    let wait = Duration::from_millis(10);
    reconnect(move |_| {
        let query = queries[attempts.replace(attempts.get() + 1).min(queries.len() - 1)];
        let connect = connect(format!("{url}&{query}"));
        async { Some(connect) }
    })
    .backoff(Backoff { first: wait, longest: wait, ..Backoff::default() })
}

fn text(update: Update) -> String {
    match update {
        Update::Status(Status::Waiting { failures, .. }) => format!("waiting after {failures}"),
        Update::Status(status) => status.to_string(),
        Update::Message(OwnedMessage::Text(text)) => text.to_string(),
        Update::Message(OwnedMessage::Binary(bytes)) => format!("{bytes:?}"),
        other => format!("{other:?}"),
    }
}

/// Starts a live socket whose updates arrive as text.
fn live(builder: Reconnect) -> (LiveSocket, UnboundedReceiver<String>) {
    let (sender, receiver) = unbounded();
    (builder.drive(move |update| sender.unbounded_send(text(update)).unwrap()), receiver)
}

/// Waits until this update comes, and returns all until then.
async fn until(updates: &mut UnboundedReceiver<String>, last: &str) -> Vec<String> {
    let mut seen = Vec::new();
    while seen.last().is_none_or(|update| update != last) {
        seen.push(updates.next().await.unwrap_or_else(|| panic!("the end, after {seen:?}")));
    }
    seen
}

#[wasm_bindgen_test]
async fn messages_sent_while_the_server_refuses_arrive_once() {
    let fixture = Fixture::new("live-refused").await;
    let queries = &["do=text:hello,await:1,drop", "status=503", "status=503", "do=text:back,echo"];
    let (live, mut updates) = live(to(&fixture, queries));
    assert_eq!(live.status(), Status::Connecting { attempt: 1 });
    assert_eq!(live.send("0"), Ok(Sent::Kept));
    let first = until(&mut updates, "waiting after 1").await;
    assert_eq!(first, ["connecting", "open", "hello", "waiting after 1"]);
    assert_eq!((live.send("1"), live.send("2")), (Ok(Sent::Kept), Ok(Sent::Kept)));
    assert!(live.time_left().is_some_and(|left| left <= Duration::from_millis(10)));
    let rest = until(&mut updates, "2").await;
    let attempts = ["connecting (attempt 2)", "waiting after 2", "connecting (attempt 3)", "waiting after 3"];
    assert_eq!(rest, [&attempts[..], &["connecting (attempt 4)", "open", "back", "1", "2"]].concat());
    live.close(Some(3000), Some("done")).unwrap();
    assert_eq!(live.send("late"), Err(Error::NotOpen("late".into())));
    assert_eq!(until(&mut updates, "ended: the connection was closed with code 3000").await.len(), 1);
    assert_eq!((live.status().code(), live.status().reason()), (Some(3000), Some("done")));
    // The same handle starts again.
    live.restart();
    assert_eq!(until(&mut updates, "back").await, ["connecting", "open", "back"]);
}

#[wasm_bindgen_test]
async fn burst_arrives_whole_and_in_order() {
    let fixture = Fixture::new("live-burst").await;
    let (live, mut updates) = live(to(&fixture, &["do=echo"]));
    let mut expected = vec!["connecting".to_owned(), "open".to_owned()];
    for number in 0..200 {
        live.send(number.to_string()).unwrap();
        expected.push(number.to_string());
    }
    assert_eq!(until(&mut updates, "199").await, expected);
}

#[wasm_bindgen_test]
async fn quick_toggles_leave_one_socket_and_then_nothing() {
    let fixture = Fixture::new("live-toggles").await;
    fixture.settle().await;
    let before = Alive::now();
    let one = Fixture::new("live-one").await;
    let mut kept = live(to(&fixture, &["do=text:hello,echo"]));
    for round in 0..10 {
        if round % 3 == 0 {
            until(&mut kept.1, "hello").await;
        }
        kept = live(to(&fixture, &["do=text:hello,echo"]));
    }
    drop(kept);
    fixture.server.all_gone(&fixture.id).await;
    let (live, mut updates) = live(to(&one, &["do=text:hello,echo"]));
    until(&mut updates, "hello").await;
    live.send("last words").unwrap();
    drop(live);
    let record = one.ended().await;
    let messages: Vec<_> = record.messages.iter().map(|message| message.text.as_deref()).collect();
    assert_eq!((messages, record.close.unwrap().code), (vec![Some("last words")], None));
    assert_eq!(updates.next().await, None, "the callback is dropped, and was not called");
    fixture.settle().await;
    assert_eq!(Alive::now(), before, "nothing is left");
}

#[wasm_bindgen_test]
async fn waiting_socket_leaves_neither_timer_nor_listener() {
    let fixture = Fixture::new("live-waiting").await;
    fixture.settle().await;
    let before = Alive::now();
    let hour = Duration::from_secs(3600);
    let builder = to(&fixture, &["status=503"]).backoff(Backoff { first: hour, longest: hour, ..Backoff::default() });
    let (live, mut updates) = live(builder);
    until(&mut updates, "waiting after 1").await;
    drop(live);
    assert_eq!(updates.next().await, None);
    fixture.settle().await;
    assert_eq!(Alive::now(), before, "nothing is left");
}

#[wasm_bindgen_test]
async fn callback_may_drop_the_last_handle() {
    let fixture = Fixture::new("live-own").await;
    let slot = Rc::new(RefCell::new(None));
    let (own, log) = (Rc::clone(&slot), Rc::new(RefCell::new(Vec::new())));
    let seen = Rc::clone(&log);
    // The callback is not `Send`, while the handle is.
    let live = to(&fixture, &["do=text:a,text:b,echo"]).drive(move |update| {
        let is_message = matches!(update, Update::Message(_));
        seen.borrow_mut().push(text(update));
        if is_message {
            let live: Option<LiveSocket> = own.borrow_mut().take();
            drop(live);
        }
    });
    *slot.borrow_mut() = Some(live);
    fixture.ended().await;
    fixture.settle().await;
    assert_eq!((Rc::strong_count(&slot), Rc::strong_count(&log)), (1, 1), "the callback is dropped");
    assert_eq!(*log.borrow(), ["connecting", "open", "a"]);
}

#[wasm_bindgen_test]
async fn frame_loop_takes_updates_when_it_is_woken() {
    let fixture = Fixture::new("live-frames").await;
    let (live, mut updates) = to(&fixture, &["do=bin:0102,text:a,echo"]).drive_stream();
    let (wake, mut wakes) = unbounded();
    updates.on_wake(move || wake.unbounded_send(()).unwrap());
    let mut seen = Vec::new();
    while seen.last().is_none_or(|update| update != "a") {
        wakes.next().await;
        seen.extend(std::iter::from_fn(|| updates.try_next()).map(text));
    }
    assert_eq!(seen, ["connecting", "open", "b\"\\x01\\x02\"", "a"]);
    drop(live);
    assert_eq!(updates.next().await, None);
}

#[wasm_bindgen_test]
async fn blobs_arrive_read_and_in_order() {
    let fixture = Fixture::new("live-blobs").await;
    let url = fixture.server.socket_url(&fixture.id, "do=bin:01,text:a,bin:02,echo");
    // Messages that arrive during the preparation are blobs, or bytes, as the browser has decided.
    let builder = connect(url).binary_type(BinaryType::Blob).reconnect().prepare(|socket| async {
        TimeoutFuture::new(50).await;
        Ok(socket)
    });
    let (live, mut updates) = live(builder);
    live.send("z").unwrap();
    let expected = ["connecting", "open", "b\"\\x01\"", "a", "b\"\\x02\"", "z"];
    assert_eq!(until(&mut updates, "z").await, expected);
}

#[wasm_bindgen_test]
async fn typed_socket_sends_and_receives_values() {
    let fixture = Fixture::new("live-typed").await;
    let (live, mut updates) = to(&fixture, &["do=text:no,echo"]).typed::<Vec<u8>, Vec<u8>>(Json).drive_stream();
    live.send(&vec![1, 2]).unwrap();
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.push(match updates.next().await.unwrap() {
            Update::Status(status) => status.to_string(),
            Update::Message(Ok(value)) => format!("{value:?}"),
            Update::Message(Err(error)) => format!("undecodable {:?}", error.message.as_text()),
            other => format!("{other:?}"),
        });
    }
    assert_eq!(seen, ["connecting", "open", "undecodable Some(\"no\")", "[1, 2]"]);
}

#[wasm_bindgen_test]
async fn disconnected_socket_connects_on_demand() {
    let fixture = Fixture::new("live-idle").await;
    let (live, mut updates) = live(to(&fixture, &["do=echo"]).disconnected());
    fixture.settle().await;
    assert_eq!((live.status(), live.send("kept"), live.kept()), (Status::Idle, Ok(Sent::Kept), 1));
    live.reconnect_now();
    assert_eq!(until(&mut updates, "kept").await, ["connecting", "open", "kept"]);
}
