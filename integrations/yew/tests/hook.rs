//! The hook in a page, over the network in memory.

#![cfg(target_family = "wasm")]

use std::cell::RefCell;
use std::rc::Rc;

use futures::StreamExt;
use futures::channel::mpsc;
use samesocket::reconnect::{LiveSocket, Status};
use samesocket::testing::{Network, Received};
use samesocket_yew::{connect, use_websocket_with};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use yew::AppHandle;
use yew::prelude::*;
use yew::suspense::Suspension;

wasm_bindgen_test_configure!(run_in_browser);

/// The values that a component shares with its test.
struct Shared {
    network: Network,
    renderings: mpsc::UnboundedSender<LiveSocket>,
    messages: mpsc::UnboundedSender<String>,
    /// The calls of `configure`.
    configured: RefCell<Vec<String>>,
}

#[derive(Clone, Properties)]
struct ChatProps {
    url: AttrValue,
    /// Stands before each message that arrives.
    prefix: AttrValue,
    shared: Rc<Shared>,
}

impl PartialEq for ChatProps {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url && self.prefix == other.prefix && Rc::ptr_eq(&self.shared, &other.shared)
    }
}

#[component]
fn Chat(props: &ChatProps) -> Html {
    use_chat(props);
    Html::default()
}

#[hook]
fn use_chat(props: &ChatProps) {
    let ChatProps { url, prefix, shared } = props;
    let configure = |url: AttrValue| {
        shared.configured.borrow_mut().push(url.to_string());
        connect(url.to_string()).network(&shared.network).reconnect()
    };
    let (messages, prefix) = (shared.messages.clone(), prefix.clone());
    // The callback answers with it.
    let slot = use_mut_ref(|| None::<LiveSocket>);
    let answering = Rc::clone(&slot);
    // The receivers are gone when a test ends.
    let socket = use_websocket_with(url.clone(), configure, move |message| {
        if message.as_text() == Some("ping")
            && let Some(socket) = &*answering.borrow()
        {
            socket.send("pong").expect("it is open");
        }
        let _ = messages.unbounded_send(format!("{prefix}{}", message.as_text().unwrap_or_default()));
    });
    *slot.borrow_mut() = Some(socket.clone());
    let _ = shared.renderings.unbounded_send(socket);
}

/// A component that is suspended while its URL is not that of the first room, so that its effects do not run.
#[component]
fn SuspendedChat(props: &ChatProps) -> HtmlResult {
    use_chat(props);
    let suspended = use_state(Suspension::new);
    if props.url.ends_with("/1") { Ok(Html::default()) } else { Err(suspended.0.clone().into()) }
}

#[component]
fn Suspending(props: &ChatProps) -> Html {
    let ChatProps { url, prefix, shared } = props.clone();
    html! { <Suspense><SuspendedChat {url} {prefix} {shared} /></Suspense> }
}

/// A mounted component.
struct Mounted<C: BaseComponent = Chat> {
    app: AppHandle<C>,
    props: ChatProps,
    /// The handle of each rendering.
    renderings: mpsc::UnboundedReceiver<LiveSocket>,
    messages: mpsc::UnboundedReceiver<String>,
}

impl<C: BaseComponent<Properties = ChatProps>> Mounted<C> {
    fn new(network: &Network) -> Self {
        Self::at(network, "ws://a.example/1")
    }

    fn at(network: &Network, url: &'static str) -> Self {
        let (renderings, messages) = (mpsc::unbounded(), mpsc::unbounded());
        let shared = Shared {
            network: network.clone(),
            renderings: renderings.0,
            messages: messages.0,
            configured: RefCell::default(),
        };
        let props = ChatProps { url: url.into(), prefix: "".into(), shared: Rc::new(shared) };
        let document = web_sys::window().expect("a window").document().expect("a document");
        let root = document.create_element("div").expect("a div");
        let app = yew::Renderer::<C>::with_root_and_props(root, props.clone()).render();
        Self { app, props, renderings: renderings.1, messages: messages.1 }
    }

    /// Waits for a rendering with an open socket.
    async fn open(&mut self) -> LiveSocket {
        loop {
            let socket = self.renderings.next().await.expect("the component is mounted");
            if socket.status().is_open() {
                return socket;
            }
        }
    }
}

#[wasm_bindgen_test]
async fn change_of_the_url_closes_the_old_socket_and_shows_only_the_new_one() {
    let network = Network::new();
    let mut component = Mounted::<Chat>::new(&network);
    let mut first = network.accept().await.open();
    let old = component.open().await;

    component.props.url = "ws://a.example/2".into();
    component.app.update(component.props.clone());
    let second = network.accept().await.open();
    assert!(matches!(first.receive().await, Some(Received::Close { .. })));
    let new = component.open().await;
    assert!(old != new);
    assert!(matches!(old.status(), Status::Ended { .. }));
    first.send("old");
    second.send("new");
    assert_eq!(component.messages.next().await.as_deref(), Some("new"));
    assert_eq!(*component.props.shared.configured.borrow(), ["ws://a.example/1", "ws://a.example/2"]);
}

#[wasm_bindgen_test]
async fn other_properties_replace_the_callback_and_keep_the_socket() {
    let network = Network::new();
    let mut component = Mounted::<Chat>::new(&network);
    let peer = network.accept().await.open();
    let socket = component.open().await;
    component.props.prefix = "they said: ".into();
    component.app.update(component.props.clone());
    assert!(component.renderings.next().await.expect("the component is mounted") == socket);
    peer.send("hello");
    assert_eq!(component.messages.next().await.as_deref(), Some("they said: hello"));
}

#[wasm_bindgen_test]
async fn unmounting_closes_the_socket_that_its_callback_owns() {
    let network = Network::new();
    let mut component = Mounted::<Chat>::new(&network);
    let mut peer = network.accept().await.open();
    let kept = component.open().await;
    peer.send("ping");
    assert!(matches!(peer.receive().await, Some(Received::Message(message)) if message.as_text() == Some("pong")));
    assert_eq!(component.messages.next().await.as_deref(), Some("ping"));
    component.app.destroy();
    assert!(matches!(peer.receive().await, Some(Received::Close { .. })));
    peer.send("late");
    // The callback of the component was dropped, and with it the sender of the slot.
    drop(component.props);
    assert_eq!(component.messages.next().await, None);
    assert!(matches!(kept.status(), Status::Ended { .. }));
}

#[wasm_bindgen_test]
async fn unmounting_before_the_effects_closes_the_socket() {
    let network = Network::new();
    let mut component = Mounted::<Suspending>::at(&network, "ws://a.example/2");
    let first = component.renderings.next().await.expect("it was rendered");
    assert_eq!(first.status(), Status::Idle);
    component.props.url = "ws://a.example/3".into();
    component.app.update(component.props.clone());
    let second = component.renderings.next().await.expect("it was rendered");
    assert!(first != second);
    component.app.destroy();
    // The callback of the component was dropped, and with it the sender of the slot.
    drop(component.props);
    assert_eq!(component.messages.next().await, None);
    for socket in [first, second] {
        socket.closed().await;
        assert!(socket.send("late").is_err());
    }
}

#[wasm_bindgen_test]
async fn url_that_comes_back_after_a_suspension_connects() {
    let network = Network::new();
    let mut component = Mounted::<Suspending>::new(&network);
    let mut first = network.accept().await.open();
    let mut last = component.open().await;
    for url in ["ws://a.example/2", "ws://a.example/1"] {
        component.props.url = url.into();
        component.app.update(component.props.clone());
        // Each URL has a socket of its own.
        while let Some(socket) = component.renderings.next().await {
            if socket != last {
                last = socket;
                break;
            }
        }
    }
    assert!(matches!(first.receive().await, Some(Received::Close { .. })));
    let incoming = network.accept().await;
    assert_eq!(incoming.url(), "ws://a.example/1");
    let _second = incoming.open();
    component.open().await;
}
