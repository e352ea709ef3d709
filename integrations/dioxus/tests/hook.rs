//! The hook over the network in memory.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dioxus::core::{NoOpMutations, VirtualDom};
use dioxus::prelude::*;
use samesocket::reconnect::{LiveSocket, Status, TypedLiveSocket, reconnect};
use samesocket::testing::{self, Network, Peer, Received};
use samesocket_dioxus::typed::Json;
use samesocket_dioxus::{UseWebsocket, connect, use_typed_websocket, use_websocket_with};

/// What the component of a test shares with it.
#[derive(Clone)]
struct Test {
    network: Network,
    /// The calls of `configure`.
    configured: Rc<RefCell<Vec<String>>>,
    received: Rc<RefCell<Vec<String>>>,
    component: Rc<RefCell<Option<Rendered>>>,
}

/// What the component has after its first rendering.
struct Rendered {
    room: Signal<u32>,
    socket: UseWebsocket,
    /// A handle that is kept as a timer would keep it.
    kept: LiveSocket,
}

#[expect(non_snake_case, reason = "the name of a component")]
fn Chat() -> Element {
    let Test { network, configured, received, component } = use_context();
    let room = use_signal(|| 1);
    let token = format!("token {room}");
    let configure = move |url: String| {
        configured.borrow_mut().push(format!("{url} {token}"));
        let (connect, network) = (connect(url).network(&network), network.clone());
        connect.reconnect().executor(move |driver| network.spawn(driver))
    };
    let on_message =
        move |message: samesocket::OwnedMessage| received.borrow_mut().extend(message.as_text().map(str::to_owned));
    let socket = use_websocket_with(move || format!("ws://a.example/{room}"), configure, on_message);
    component.borrow_mut().get_or_insert_with(|| Rendered { room, socket, kept: socket.socket() });
    rsx! {}
}

/// Renders until nothing is left to do.
async fn settle(network: &Network, dom: &mut VirtualDom) {
    for _ in 0..10 {
        let idle = network.clock().sleep(Duration::from_millis(1));
        futures::future::select(std::pin::pin!(dom.wait_for_work()), idle).await;
        dom.render_immediate(&mut NoOpMutations);
    }
}

/// Renders the component, and opens its connection.
async fn open_chat(network: &Network) -> (Test, VirtualDom, Peer) {
    let test =
        Test { network: network.clone(), configured: Rc::default(), received: Rc::default(), component: Rc::default() };
    let mut dom = VirtualDom::new(Chat).with_root_context(test.clone());
    dom.rebuild_in_place();
    settle(network, &mut dom).await;
    let first = network.accept().await.open();
    settle(network, &mut dom).await;
    (test, dom, first)
}

#[test]
fn change_of_the_url_uses_the_current_closures_and_closes_the_old_socket() {
    testing::run(|network| async move {
        let (test, mut dom, mut first) = open_chat(&network).await;
        let Rendered { mut room, socket, kept: _kept } = test.component.take().expect("it was rendered");
        dom.in_scope(ScopeId::ROOT, || room.set(2));
        settle(&network, &mut dom).await;
        assert_eq!(*test.configured.borrow(), ["ws://a.example/1 token 1", "ws://a.example/2 token 2"]);
        assert!(matches!(first.receive().await, Some(Received::Close { .. })));
        let second = network.accept().await.open();
        first.send("old");
        second.send("new");
        settle(&network, &mut dom).await;
        assert_eq!(*test.received.borrow(), ["new"]);

        drop(dom);
        assert_eq!(socket.send("late").unwrap_err().into_message(), Some("late".into()));
        socket.restart();
    });
}

#[test]
fn message_after_a_change_of_the_url_is_for_the_new_one() {
    testing::run(|network| async move {
        let (test, mut dom, mut first) = open_chat(&network).await;
        let Rendered { mut room, socket, kept: _kept } = test.component.take().expect("it was rendered");
        dom.in_scope(ScopeId::ROOT, || {
            room.set(2);
            socket.send("hello room 2").unwrap();
        });
        settle(&network, &mut dom).await;
        assert!(matches!(first.receive().await, Some(Received::Close { .. })));
        let mut second = network.accept().await.open();
        let received = second.receive().await;
        assert!(matches!(received, Some(Received::Message(message)) if message.as_text() == Some("hello room 2")));
    });
}

#[test]
fn request_after_a_change_of_the_url_is_for_the_new_one() {
    testing::run(|network| async move {
        let (test, mut dom, mut first) = open_chat(&network).await;
        let Rendered { mut room, socket, kept: old } = test.component.take().expect("it was rendered");
        dom.in_scope(ScopeId::ROOT, || {
            room.set(2);
            socket.close(Some(4000), Some("for room 2")).unwrap();
            assert!(socket.socket() != old);
        });
        settle(&network, &mut dom).await;
        let Some(Received::Close { code, .. }) = first.receive().await else { panic!("a Close") };
        assert_eq!(code, None);
        let status = dom.in_scope(ScopeId::ROOT, || socket.status.peek().clone());
        assert!(status.is_ended(), "{status}");

        dom.in_scope(ScopeId::ROOT, || {
            room.set(3);
            socket.restart();
        });
        assert_eq!(network.accept().await.url(), "ws://a.example/3");
        dom.in_scope(ScopeId::ROOT, || {
            room.set(4);
            assert_eq!(socket.socket().status(), Status::Idle);
        });
    });
}

#[test]
fn panic_in_configure_leaves_the_next_url_alone() {
    type Kept = Rc<RefCell<Option<(Signal<u32>, UseWebsocket)>>>;
    #[expect(non_snake_case, reason = "the name of a component")]
    fn Faulty() -> Element {
        let room = use_signal(|| 1);
        let configure = |url: String| {
            assert_ne!(url, "/chat/2", "a fault of the program");
            connect(url).reconnect()
        };
        let socket = use_websocket_with(move || format!("/chat/{room}"), configure, |_| ());
        *use_context::<Kept>().borrow_mut() = Some((room, socket));
        rsx! {}
    }
    let kept = Kept::default();
    let mut dom = VirtualDom::new(Faulty).with_root_context(Rc::clone(&kept));
    dom.rebuild_in_place();
    let (mut room, socket) = kept.take().expect("it was rendered");
    dom.in_scope(ScopeId::ROOT, || {
        let old = socket.socket();
        room.set(2);
        let send = std::panic::AssertUnwindSafe(|| socket.send("lost"));
        assert!(std::panic::catch_unwind(send).is_err());
        room.set(3);
        socket.send("hello room 3").unwrap();
        assert!(socket.socket() != old);
        assert_eq!(socket.socket().take_kept(), ["hello room 3".into()]);
    });
}

#[test]
fn callback_that_changes_the_url_answers_to_the_new_one() {
    #[derive(Clone)]
    struct Moving(Network);
    #[expect(non_snake_case, reason = "the name of a component")]
    fn Mover() -> Element {
        let Moving(network) = use_context();
        let mut room = use_signal(|| 1);
        let mut slot = use_signal(|| None::<UseWebsocket>);
        let configure = move |url: String| {
            let (connect, network) = (connect(url).network(&network), network.clone());
            connect.reconnect().executor(move |driver| network.spawn(driver))
        };
        let on_message = move |message: samesocket::OwnedMessage| {
            room += 1;
            let socket = slot.peek().expect("it was set");
            socket.send(message).unwrap();
        };
        let socket = use_websocket_with(move || format!("ws://a.example/{room}"), configure, on_message);
        use_hook(|| slot.set(Some(socket)));
        rsx! {}
    }
    testing::run(|network| async move {
        let mut dom = VirtualDom::new(Mover).with_root_context(Moving(network.clone()));
        dom.rebuild_in_place();
        settle(&network, &mut dom).await;
        let mut first = network.accept().await.open();
        first.send("move on");
        settle(&network, &mut dom).await;
        assert!(matches!(first.receive().await, Some(Received::Close { .. })));
        let incoming = network.accept().await;
        assert_eq!(incoming.url(), "ws://a.example/2");
        let mut second = incoming.open();
        let received = second.receive().await;
        assert!(matches!(received, Some(Received::Message(message)) if message.as_text() == Some("move on")));
    });
}

#[test]
fn component_on_server_is_idle_and_starts_nothing() {
    // On a server, effects do not run.
    type Kept = Rc<RefCell<Option<UseWebsocket>>>;
    #[expect(non_snake_case, reason = "the name of a component")]
    fn Page() -> Element {
        let mut room = use_signal(|| 1);
        let configure = |url: String| connect(url).reconnect().executor(|_| panic!("nothing connects"));
        let socket = use_websocket_with(move || format!("/chat/{room}"), configure, |_| ());
        socket.send("hello").unwrap();
        use_hook(|| room.set(2));
        socket.send("hello room 2").unwrap();
        *use_context::<Kept>().borrow_mut() = Some(socket);
        rsx! { "{socket.status}" }
    }
    let kept = Kept::default();
    let mut dom = VirtualDom::new(Page).with_root_context(Rc::clone(&kept));
    dom.rebuild_in_place();
    let socket = kept.take().expect("it was rendered");
    dom.in_scope(ScopeId::ROOT, || assert_eq!(*socket.status.peek(), Status::Idle));
    assert_eq!(socket.socket().kept(), 1);
}

#[test]
fn unmounting_closes_the_socket_and_drops_the_closures() {
    type Shown = Rc<RefCell<Option<Signal<bool>>>>;
    #[derive(Clone)]
    struct Door {
        network: Network,
        /// The value that the closures of the last child share.
        shared: Rc<RefCell<Weak<()>>>,
        shown: Shown,
    }
    #[expect(non_snake_case, reason = "the name of a component")]
    fn Parent() -> Element {
        let shown = use_signal(|| true);
        *use_context::<Door>().shown.borrow_mut() = Some(shown);
        rsx! {
            if shown() {
                Child {}
            }
        }
    }
    #[expect(non_snake_case, reason = "the name of a component")]
    fn Child() -> Element {
        let Door { network, shared, .. } = use_context();
        let in_configure = Rc::new(());
        let (in_url, in_callback) = (Rc::clone(&in_configure), Rc::clone(&in_configure));
        *shared.borrow_mut() = Rc::downgrade(&in_configure);
        let url = move || {
            let _ = &in_url;
            "ws://a.example/1".to_owned()
        };
        let configure = move |url: String| {
            let _ = &in_configure;
            let (connect, network) = (connect(url).network(&network), network.clone());
            connect.reconnect().executor(move |driver| network.spawn(driver))
        };
        use_websocket_with(url, configure, move |_| drop(Rc::clone(&in_callback)));
        rsx! {}
    }
    testing::run(|network| async move {
        let door = Door { network: network.clone(), shared: Rc::default(), shown: Shown::default() };
        let mut dom = VirtualDom::new(Parent).with_root_context(door.clone());
        dom.rebuild_in_place();
        let mut shown = door.shown.take().expect("it was rendered");
        for _ in 0..3 {
            settle(&network, &mut dom).await;
            let mut peer = network.accept().await.open();
            settle(&network, &mut dom).await;
            assert_eq!(door.shared.borrow().strong_count(), 3);
            dom.in_scope(ScopeId::ROOT, || shown.set(false));
            settle(&network, &mut dom).await;
            assert!(matches!(peer.receive().await, Some(Received::Close { .. })));
            assert_eq!(door.shared.borrow().strong_count(), 0);
            dom.in_scope(ScopeId::ROOT, || shown.set(true));
        }
    });
}

#[test]
fn close_and_restart_use_the_current_token() {
    #[derive(Clone)]
    struct Login {
        network: Network,
        token: Arc<AtomicU32>,
        socket: Rc<RefCell<Option<UseWebsocket>>>,
    }
    #[expect(non_snake_case, reason = "the name of a component")]
    fn User() -> Element {
        let Login { network, token, socket } = use_context();
        let tasks = network.clone();
        let configure = move |url: String| {
            let (network, token, tasks) = (network.clone(), Arc::clone(&token), tasks.clone());
            let attempt = move |_| {
                let connect = connect(format!("{url}?token={}", token.load(Ordering::Relaxed))).network(&network);
                async move { Some(connect) }
            };
            reconnect(attempt).executor(move |driver| tasks.spawn(driver))
        };
        let hook = use_websocket_with(|| "ws://a.example/1".to_owned(), configure, |_| ());
        *socket.borrow_mut() = Some(hook);
        rsx! {}
    }
    testing::run(|network| async move {
        let login = Login { network: network.clone(), token: Arc::new(AtomicU32::new(1)), socket: Rc::default() };
        let mut dom = VirtualDom::new(User).with_root_context(login.clone());
        dom.rebuild_in_place();
        settle(&network, &mut dom).await;
        let incoming = network.accept().await;
        assert_eq!(incoming.url(), "ws://a.example/1?token=1");
        let mut first = incoming.open();
        settle(&network, &mut dom).await;
        login.token.store(2, Ordering::Relaxed);
        let socket = login.socket.take().expect("it was rendered");
        socket.close(None, None).unwrap();
        socket.restart();
        assert!(matches!(first.receive().await, Some(Received::Close { .. })));
        assert_eq!(network.accept().await.url(), "ws://a.example/1?token=2");
    });
}

/// The values of the component that a test uses.
type Mounted = Rc<RefCell<Option<(Signal<u32>, UseWebsocket)>>>;

/// A URL of a plain value, and a signal that only `configure` reads.
#[derive(Clone)]
struct Plain {
    network: Network,
    room: Rc<RefCell<u32>>,
    component: Mounted,
}

#[expect(non_snake_case, reason = "the name of a component")]
fn PlainChat() -> Element {
    let Plain { network, room, component } = use_context();
    let token = use_signal(|| 1);
    let room = *room.borrow();
    let configure = move |url: String| {
        let _ = token();
        let (connect, network) = (connect(url).network(&network), network.clone());
        connect.reconnect().executor(move |driver| network.spawn(driver))
    };
    let socket = use_websocket_with(move || format!("ws://a.example/{room}"), configure, |_| ());
    *component.borrow_mut() = Some((token, socket));
    rsx! {}
}

#[test]
fn url_of_a_plain_value_follows_the_rendering() {
    testing::run(|network| async move {
        let test = Plain { network: network.clone(), room: Rc::new(RefCell::new(1)), component: Rc::default() };
        let mut dom = VirtualDom::new(PlainChat).with_root_context(test.clone());
        dom.rebuild_in_place();
        settle(&network, &mut dom).await;
        assert_eq!(network.accept().await.url(), "ws://a.example/1");
        *test.room.borrow_mut() = 2;
        dom.mark_dirty(ScopeId::APP);
        settle(&network, &mut dom).await;
        assert_eq!(network.accept().await.url(), "ws://a.example/2");
    });
}

#[test]
fn signal_that_configure_reads_does_not_reconnect() {
    testing::run(|network| async move {
        let test = Plain { network: network.clone(), room: Rc::new(RefCell::new(1)), component: Rc::default() };
        let mut dom = VirtualDom::new(PlainChat).with_root_context(test.clone());
        dom.rebuild_in_place();
        settle(&network, &mut dom).await;
        drop(network.accept().await.open());
        settle(&network, &mut dom).await;
        *test.room.borrow_mut() = 2;
        dom.mark_dirty(ScopeId::APP);
        settle(&network, &mut dom).await;
        drop(network.accept().await);
        // The attempt has failed, and the next one is due later.
        settle(&network, &mut dom).await;
        let (mut token, socket) = test.component.take().expect("it was rendered");
        let waiting = socket.socket().status();
        assert!(matches!(waiting, Status::Waiting { .. }), "{waiting}");
        dom.in_scope(ScopeId::ROOT, || token.set(2));
        settle(&network, &mut dom).await;
        let status = socket.socket().status();
        assert!(matches!(status, Status::Waiting { .. }), "{status}");
    });
}

#[test]
fn value_after_the_unmount_is_an_error() {
    type Kept = Rc<RefCell<Option<UseWebsocket<TypedLiveSocket<u32, u32>>>>>;
    #[expect(non_snake_case, reason = "the name of a component")]
    fn Sum() -> Element {
        let socket = use_typed_websocket(|| "/sum".to_owned(), Json, |_| ());
        *use_context::<Kept>().borrow_mut() = Some(socket);
        rsx! {}
    }
    let kept = Kept::default();
    let mut dom = VirtualDom::new(Sum).with_root_context(Rc::clone(&kept));
    dom.rebuild_in_place();
    drop(dom);
    let socket = kept.take().expect("it was rendered");
    assert_eq!(socket.send(&1).unwrap_err().to_string(), "a value could not be encoded: the component was unmounted");
    socket.close(None, None).unwrap();
}
