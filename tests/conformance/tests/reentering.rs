//! Callbacks that do whatever they like with their socket, by a seed that is told when a claim does not hold.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::StreamExt;
use futures::future::join_all;
use samesocket::{BinaryType, Events, ReadyState, Subscription, WebSocket};
use support::{Alive, Place, Token, describe};
use wasm_bindgen_futures::spawn_local;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// What the server sends by itself.
const MESSAGES: usize = 24;

/// One socket, and what its callbacks have in common.
struct Scene {
    seed: Cell<u32>,
    /// The handles of users; none when they have been dropped.
    handles: RefCell<Vec<WebSocket>>,
    guards: RefCell<Vec<Subscription>>,
    /// What each callback and each stream has heard.
    heard: RefCell<Vec<Vec<String>>>,
    /// Whether a callback is being called.
    calling: Cell<bool>,
    /// How many messages there are to hear.
    numbers: Cell<usize>,
    /// The latest event.
    latest: RefCell<String>,
    /// The one in which `close` was called, which goes on to the others.
    closed_in: RefCell<Option<String>>,
    token: Token,
}

impl Scene {
    fn chance(&self, of: u32) -> u32 {
        // The generator of Numerical Recipes; its high bits are the better ones.
        let next = self.seed.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.seed.set(next);
        (next >> 16) % of
    }

    fn place(&self) -> usize {
        let mut heard = self.heard.borrow_mut();
        heard.push(Vec::new());
        heard.len() - 1
    }

    fn subscribe(self: &Rc<Self>, socket: &WebSocket) {
        let (place, scene, token) = (self.place(), Rc::clone(self), self.token.clone());
        let guard = socket.subscribe(move |socket, event| {
            let _ = &token;
            assert!(!scene.calling.replace(true), "no callback is called within another");
            let event = describe(event);
            scene.latest.borrow_mut().clone_from(&event);
            if event.parse::<usize>().is_ok() {
                assert!(scene.closed_in.borrow().as_ref().is_none_or(|last| *last == event), "no message after close");
            }
            scene.heard.borrow_mut()[place].push(event);
            scene.act(socket);
            scene.calling.set(false);
        });
        match self.chance(3) {
            0 => guard.detach(),
            _ => self.guards.borrow_mut().push(guard),
        }
    }

    fn listen(self: &Rc<Self>, mut events: Events) {
        let (place, scene) = (self.place(), Rc::clone(self));
        spawn_local(async move {
            while let Some(event) = events.next().await {
                scene.heard.borrow_mut()[place].push(describe(&event));
                if scene.chance(40) == 0 {
                    return;
                }
            }
            scene.heard.borrow_mut()[place].push("end".to_owned());
        });
    }

    /// Does something, mostly little.
    fn act(self: &Rc<Self>, socket: &WebSocket) {
        match self.chance(60) {
            0..6 => self.subscribe(socket),
            6..9 => self.listen(socket.events()),
            9..14 => {
                let guard = {
                    let mut guards = self.guards.borrow_mut();
                    let place = self.chance(16) as usize;
                    (place < guards.len()).then(|| guards.swap_remove(place))
                };
                drop(guard);
            }
            14 => self.close(socket),
            15 => {
                let handles = self.handles.take();
                drop(handles);
            }
            16 => self.handles.borrow_mut().push(socket.clone()),
            17..20 => drop(socket.events()),
            20..24 if socket.ready_state() == ReadyState::Open => {
                // It comes back, as the number after those that the server sends.
                socket.send(&self.numbers.replace(self.numbers.get() + 1).to_string()).unwrap();
            }
            24..28 => socket.set_binary_type(BinaryType::ArrayBuffer),
            28 => drop(socket.closed()),
            29 => {
                let guards = self.guards.take();
                drop(guards);
            }
            _ => {}
        }
    }

    fn close(&self, socket: &WebSocket) {
        if socket.ready_state() < ReadyState::Closing {
            self.closed_in.replace(Some(self.latest.borrow().clone()));
        }
        socket.close(Some(4000), None).unwrap();
        assert!(socket.ready_state() >= ReadyState::Closing);
    }
}

/// Plays a scene, and demands what holds whatever happened in it.
async fn play(place: Place, seed: u32) {
    let texts: Vec<_> = (0..MESSAGES).map(|number| format!("text:{number}")).collect();
    let query = format!("do={},echo", texts.join(","));
    let socket = place.connect(&query);
    let scene = Rc::new(Scene {
        seed: Cell::new(seed),
        handles: RefCell::new(vec![socket.clone()]),
        guards: RefCell::default(),
        heard: RefCell::default(),
        calling: Cell::new(false),
        numbers: Cell::new(MESSAGES),
        latest: RefCell::default(),
        closed_in: RefCell::default(),
        token: Token::default(),
    });
    if scene.chance(3) == 0 {
        // What comes before anybody is there is kept.
        place.server.record(&place.id, "handshake").await.unwrap();
        place.settle().await;
    }
    for _ in 0..=scene.chance(3) {
        scene.subscribe(&socket);
    }
    if scene.chance(2) == 0 {
        scene.listen(socket.events());
    }
    let closed = socket.closed();
    let keeper = (scene.chance(2) == 0).then(|| socket.clone());
    drop(socket);
    place.server.record(&place.id, "handshake").await.unwrap();
    place.settle().await;
    if let Some(socket) = keeper {
        scene.close(&socket);
    }
    drop(scene.handles.take());
    drop(scene.guards.take());
    let end = format!("close {}", closed.await.code);
    place.settle().await;
    assert_eq!(scene.token.others(), 0, "seed {seed}: every callback is freed");
    let numbers = (0..scene.numbers.get()).map(|number| number.to_string());
    let expected: Vec<_> = std::iter::once("open".to_owned()).chain(numbers).collect();
    for heard in &*scene.heard.borrow() {
        let run: Vec<_> = heard.iter().filter(|event| **event != end && *event != "end").cloned().collect();
        let is_run = run.is_empty() || expected.windows(run.len()).any(|window| window == run);
        assert!(is_run, "seed {seed}: {heard:?} has everything once, in order");
        let rest = &heard[run.len()..];
        let ends = [&[][..], &[end.as_str()], &[end.as_str(), "end"], &["end"]];
        assert!(ends.iter().any(|ends| rest.iter().eq(ends.iter())), "seed {seed}: {heard:?} ends with {end}");
    }
}

#[wasm_bindgen_test]
async fn whatever_callbacks_do_each_hears_everything_once_and_in_order_and_nothing_is_left() {
    let place = Place::new("reentering").await;
    place.settle().await;
    let before = Alive::now();
    for round in 0..8 {
        let scenes = (0..10).map(|number| {
            let seed = round * 10 + number;
            play(Place { server: place.server.clone(), id: format!("{}-{seed}", place.id) }, seed)
        });
        join_all(scenes).await;
    }
    place.settle().await;
    assert_eq!(Alive::now(), before, "nothing is left");
}
