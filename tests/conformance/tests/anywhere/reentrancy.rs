//! Callbacks that call random methods of their socket; a failed assertion names the seed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::support::{Alive, Fixture, Token, describe};
use futures::StreamExt;
use futures::future::join_all;
use samesocket::{BinaryType, Events, ReadyState, Subscription, WebSocket};
use wasm_bindgen_futures::spawn_local;
use wasm_bindgen_test::wasm_bindgen_test;

/// The number of messages that the server sends unasked.
const MESSAGES: usize = 24;

/// The state that all callbacks of one socket share.
struct Scenario {
    seed: Cell<u32>,
    /// The handles; `None` when they have been dropped.
    handles: RefCell<Vec<WebSocket>>,
    guards: RefCell<Vec<Subscription>>,
    /// The events that each callback and each stream received.
    logs: RefCell<Vec<Vec<String>>>,
    /// Whether a callback is running.
    calling: Cell<bool>,
    /// The number of messages to expect.
    numbers: Cell<usize>,
    /// The latest event.
    latest: RefCell<String>,
    /// The event in which `close` was called, which the other callbacks still receive.
    closed_in: RefCell<Option<String>>,
    token: Token,
}

impl Scenario {
    fn random(&self, of: u32) -> u32 {
        // The generator of Numerical Recipes; its high bits are the better ones.
        let next = self.seed.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.seed.set(next);
        (next >> 16) % of
    }

    fn add_log(&self) -> usize {
        let mut logs = self.logs.borrow_mut();
        logs.push(Vec::new());
        logs.len() - 1
    }

    fn subscribe(self: &Rc<Self>, socket: &WebSocket) {
        let (log, scenario, token) = (self.add_log(), Rc::clone(self), self.token.clone());
        let guard = socket.subscribe(move |socket, event| {
            let _ = &token;
            assert!(!scenario.calling.replace(true), "no callback is called within another");
            let event = describe(event);
            scenario.latest.borrow_mut().clone_from(&event);
            if event.parse::<usize>().is_ok() {
                assert!(
                    scenario.closed_in.borrow().as_ref().is_none_or(|last| *last == event),
                    "no message after close"
                );
            }
            scenario.logs.borrow_mut()[log].push(event);
            scenario.act(socket);
            scenario.calling.set(false);
        });
        match self.random(3) {
            0 => guard.detach(),
            _ => self.guards.borrow_mut().push(guard),
        }
    }

    fn listen(self: &Rc<Self>, mut events: Events) {
        let (log, scenario) = (self.add_log(), Rc::clone(self));
        spawn_local(async move {
            while let Some(event) = events.next().await {
                scenario.logs.borrow_mut()[log].push(describe(&event));
                if scenario.random(40) == 0 {
                    return;
                }
            }
            scenario.logs.borrow_mut()[log].push("end".to_owned());
        });
    }

    /// Takes a random action, usually a small one.
    fn act(self: &Rc<Self>, socket: &WebSocket) {
        match self.random(60) {
            0..6 => self.subscribe(socket),
            6..9 => self.listen(socket.events()),
            9..14 => {
                let guard = {
                    let mut guards = self.guards.borrow_mut();
                    let index = self.random(16) as usize;
                    (index < guards.len()).then(|| guards.swap_remove(index))
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
                // The server echoes it as the number after those that it sends.
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

/// Runs one scenario, and asserts what holds for every sequence of actions.
async fn run_scenario(fixture: Fixture, seed: u32) {
    let texts: Vec<_> = (0..MESSAGES).map(|number| format!("text:{number}")).collect();
    let query = format!("do={},echo", texts.join(","));
    let socket = fixture.connect(&query);
    let scenario = Rc::new(Scenario {
        seed: Cell::new(seed),
        handles: RefCell::new(vec![socket.clone()]),
        guards: RefCell::default(),
        logs: RefCell::default(),
        calling: Cell::new(false),
        numbers: Cell::new(MESSAGES),
        latest: RefCell::default(),
        closed_in: RefCell::default(),
        token: Token::default(),
    });
    if scenario.random(3) == 0 {
        // Events that arrive before the first subscriber are buffered.
        fixture.server.record(&fixture.id, "handshake").await.unwrap();
        fixture.settle().await;
    }
    for _ in 0..=scenario.random(3) {
        scenario.subscribe(&socket);
    }
    if scenario.random(2) == 0 {
        scenario.listen(socket.events());
    }
    let closed = socket.closed();
    let keeper = (scenario.random(2) == 0).then(|| socket.clone());
    drop(socket);
    fixture.server.record(&fixture.id, "handshake").await.unwrap();
    fixture.settle().await;
    if let Some(socket) = keeper {
        scenario.close(&socket);
    }
    drop(scenario.handles.take());
    drop(scenario.guards.take());
    let end = format!("close {}", closed.await.code);
    fixture.settle().await;
    assert_eq!(scenario.token.others(), 0, "seed {seed}: every callback is freed");
    let numbers = (0..scenario.numbers.get()).map(|number| number.to_string());
    let expected: Vec<_> = std::iter::once("open".to_owned()).chain(numbers).collect();
    for log in &*scenario.logs.borrow() {
        let run: Vec<_> = log.iter().filter(|event| **event != end && *event != "end").cloned().collect();
        let is_run = run.is_empty() || expected.windows(run.len()).any(|window| window == run);
        assert!(is_run, "seed {seed}: {log:?} has everything once, in order");
        let rest = &log[run.len()..];
        let ends = [&[][..], &[end.as_str()], &[end.as_str(), "end"], &["end"]];
        assert!(ends.iter().any(|ends| rest.iter().eq(ends.iter())), "seed {seed}: {log:?} ends with {end}");
    }
}

#[wasm_bindgen_test]
async fn reentrant_callbacks_receive_each_event_once_in_order() {
    let fixture = Fixture::new("reentering").await;
    fixture.settle().await;
    let before = Alive::now();
    for round in 0..8 {
        let scenarios = (0..10).map(|number| {
            let seed = round * 10 + number;
            run_scenario(Fixture { server: fixture.server.clone(), id: format!("{}-{seed}", fixture.id) }, seed)
        });
        join_all(scenarios).await;
    }
    fixture.settle().await;
    assert_eq!(Alive::now(), before, "nothing is left");
}
