//! The hook over the network in memory.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use dioxus::core::{NoOpMutations, VirtualDom};
use dioxus::prelude::*;
use samesocket::reconnect::LiveSocket;
use samesocket::testing::{self, Network, Received};
use samesocket_dioxus::{UseWebsocket, connect, use_websocket_with};

/// What the component of a test shares with it.
#[derive(Clone)]
struct Test {
    network: Network,
    /// The calls of `configure`.
    configured: Rc<RefCell<Vec<String>>>,
    received: Rc<RefCell<Vec<String>>>,
    /// The room, and the socket of the first rendering, kept as a timer would keep it.
    component: Rc<RefCell<Option<(Signal<u32>, UseWebsocket, LiveSocket)>>>,
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
    component.borrow_mut().get_or_insert_with(|| (room, socket, socket.socket()));
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

#[test]
fn change_of_the_url_uses_the_current_closures_and_closes_the_old_socket() {
    testing::run(|network| async move {
        let test = Test {
            network: network.clone(),
            configured: Rc::default(),
            received: Rc::default(),
            component: Rc::default(),
        };
        let mut dom = VirtualDom::new(Chat).with_root_context(test.clone());
        dom.rebuild_in_place();
        settle(&network, &mut dom).await;
        let mut first = network.accept().await.open();
        settle(&network, &mut dom).await;

        let (mut room, socket, _kept) = test.component.take().expect("it was rendered");
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
