//! Drives the chat in egui as a person would, without a window.

#[path = "../src/main.rs"]
mod chat;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _, by};
use samesocket_egui::WebSocket;
use samesocket_fault_server::Server;
use tokio::runtime::Runtime;

use self::chat::Chat;

/// The longest wait for a change. Arbitrary.
const PATIENCE: Duration = Duration::from_secs(20);

/// A person in front of the chat. The room `lobby` is the first one, `games` the second one.
struct Person<'a> {
    harness: Harness<'a, Option<Chat>>,
    repaints: mpsc::Receiver<()>,
}

impl Person<'_> {
    fn start(server: &Server) -> Self {
        let (repaint, repaints) = mpsc::channel();
        let url = format!("ws://{}", server.addresses().plain);
        let show = move |ui: &mut egui::Ui, chat: &mut Option<Chat>| {
            let chat = chat.get_or_insert_with(|| Chat::new(ui.ctx(), &url));
            chat.receive();
            chat.show(ui);
        };
        let harness = Harness::builder().with_size([600.0, 8000.0]).build_ui_state(show, None);
        harness.ctx.set_request_repaint_callback(move |_| repaint.send(()).unwrap_or_default());
        Self { harness, repaints }
    }

    /// Draws a frame whenever one is requested, until what it shows satisfies `is_it`.
    fn wait_for(&mut self, what: &str, is_it: impl Fn(&[String]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        self.harness.step();
        while !is_it(&self.labels()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let repaint = self.repaints.recv_timeout(left);
            assert!(repaint.is_ok(), "waited for {what}, and no repaint was requested: {:?}", self.labels());
            self.harness.step();
        }
    }

    /// Returns the labels in the order in which they are shown: statuses and messages.
    fn labels(&self) -> Vec<String> {
        let labels = self.harness.query_all(by().role(Role::Label));
        let texts = labels.filter_map(|node| node.value().or_else(|| node.accesskit_node().label()));
        texts.filter(|text| text != "Say:").collect()
    }

    fn click(&mut self, label: &str, nth: usize) {
        self.harness.query_all_by_label(label).nth(nth).expect("it is shown").click();
        self.harness.step();
        self.harness.step();
    }

    /// Types a text into the field of the nth room, and sends it.
    fn say(&mut self, nth: usize, text: &str) {
        let field = self.harness.query_all(by().role(Role::TextInput)).nth(nth).expect("a field");
        field.click();
        self.harness.step();
        self.harness.event(egui::Event::Text(text.to_owned()));
        self.harness.step();
        self.click("Send", nth);
    }
}

/// Starts a server. A port that was used before may belong to a connection of another program for a moment.
async fn start(port: u16) -> Server {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Server::builder().plain_port(port).start().await {
            Ok(server) => return server,
            Err(error) => assert!(Instant::now() < deadline, "the port is not free: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn chat_survives_its_server_and_leaves_no_socket() {
    let runtime = Runtime::new().expect("a runtime");
    let start = |port| runtime.block_on(start(port));
    let sockets = |server: &Server, prefix: &str, count: usize| {
        let waiting = async { tokio::time::timeout(PATIENCE, server.store().wait_live(prefix, count)).await };
        let waited = runtime.block_on(waiting);
        assert!(waited.is_ok(), "{prefix}: {count} sockets expected, there are {}", server.store().live(prefix));
    };
    let server = start(0);
    let port = server.addresses().plain.port();
    let mut person = Person::start(&server);
    person.wait_for("both rooms", |labels| labels == ["open", "open"]);
    person.say(0, "hello");
    person.wait_for("the first message", |labels| labels == ["open", "hello", "open"]);

    drop(server);
    person.wait_for("the loss", |labels| !labels.contains(&"open".to_owned()));
    person.say(0, "I keep this for you");
    let server = start(port);
    person.wait_for("a button", |labels| labels.len() == 3);
    person.wait_for("the kept message", |labels| labels == ["open", "hello", "I keep this for you", "open"]);
    sockets(&server, "", 2);

    let mut expected = vec!["open".to_owned(), "hello".to_owned(), "I keep this for you".to_owned(), "open".to_owned()];
    for number in 0..10 {
        person.say(1, &format!("line {number}"));
        expected.push(format!("line {number}"));
        // The field moves down with each message, so a click has to wait for the last one.
        person.wait_for("the message", |labels| labels == expected);
    }

    person.click("Join or leave the games", 0);
    sockets(&server, "games", 0);
    for _ in 0..11 {
        person.click("Join or leave the games", 0);
    }
    person.wait_for("the empty room", |labels| labels == ["open", "hello", "I keep this for you", "open"]);
    sockets(&server, "games", 1);
    person.say(1, "who is here?");
    expected.truncate(4);
    expected.push("who is here?".to_owned());
    person.wait_for("the answer", |labels| labels == expected);
    sockets(&server, "games", 1);
    drop(person);
    sockets(&server, "", 0);
}

#[test]
fn burst_between_two_frames_arrives_in_order() {
    let runtime = Runtime::new().expect("a runtime");
    let server = runtime.block_on(Server::builder().start()).expect("a free port");
    let (repaint, repaints) = mpsc::channel();
    let context = egui::Context::default();
    context.set_request_repaint_callback(move |_| repaint.send(()).unwrap_or_default());
    let url = format!("ws://{}/ws?id=burst&do=flood:200:4,end", server.addresses().plain);
    let mut socket = WebSocket::connect(&context, url);
    let mut received = Vec::new();
    while received.len() < 200 {
        repaints.recv_timeout(PATIENCE).expect("a repaint is requested");
        received.extend(socket.messages());
        // The end of a frame, after which another repaint can be requested.
        context.run_ui(egui::RawInput::default(), |_| ()).textures_delta.clear();
    }
    let expected: Vec<_> = (0..200_u32).map(|number| number.to_be_bytes().to_vec().into()).collect();
    assert_eq!(received, expected);
}
