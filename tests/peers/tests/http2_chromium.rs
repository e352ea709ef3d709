//! Chromium and the socket as clients of the same servers over HTTP/2: the fields of their requests, and the events of
//! their sockets.
//!
//! Each expected difference is in one of the tables. Any other one fails, and so does one that is no longer there.
//! `cargo xtask test` installs the programs. A test fails if its program is missing or does not start.

use std::time::Duration;

use futures::StreamExt as _;
use samesocket::{Event, Http2, Message, Options, WebSocket};
use samesocket_peers::{Chromium, FaultProxy, Http2Program, Http2Server, http2_cases};
use serde_json::{Value, json};
use tokio::time::timeout;

/// The longest time that all conversations of one client may take. Arbitrary.
const TIMEOUT: Duration = Duration::from_secs(90);

/// The fields that only Chromium sends.
const FIELDS_OF_CHROMIUM: [(&str, &str); 3] = [
    ("user-agent", "a program names itself by an option, if it wants to"),
    ("accept-encoding", "a response that accepts has no content"),
    ("accept-language", "a program has no list of languages"),
];

/// The order of the pseudo-headers, which has no meaning (RFC 9113, section 8.3). That of the socket is the order of `h2`.
const PSEUDO_HEADERS_OF_CHROMIUM: [&str; 5] = [":method", ":authority", ":scheme", ":path", ":protocol"];
const PSEUDO_HEADERS_OF_SOCKET: [&str; 5] = [":method", ":scheme", ":authority", ":path", ":protocol"];

/// The fields of HTTP/1.1 that no request over HTTP/2 has (RFC 8441, section 5).
const FIELDS_OF_HTTP1: [&str; 4] = ["connection", "host", "sec-websocket-key", "upgrade"];

/// The conversations after which Chromium fires no `error`. The Standard demands it when a connection is lost. Over
/// HTTP/1.1, Chromium deviates in the same way (`tests/deviations.md`).
const WITHOUT_ERROR: [&str; 7] =
    ["/end", "/end-without-data", "/reset", "Node: !drop", "Haproxy: !drop", "Nghttpx: !drop", "Sockudo: !drop"];

/// The response that only Chromium refuses. Any status of 2xx accepts (RFC 8441, section 5).
const REFUSED_BY_CHROMIUM: &str = "/created";

/// The paths at which Chromium resets the stream (`CANCEL`) and sends no frame. The socket answers a Close, and ends its side
/// without a reset. Both are permitted, because the server has ended its side or the socket is open.
const RESET_BY_CHROMIUM: [&str; 6] =
    ["/close-and-end", "/end", "/end-without-data", "/refuse", "/redirect", REFUSED_BY_CHROMIUM];

/// A conversation of both clients with a server.
struct Case {
    name: String,
    /// The URLs for Chromium and for the socket.
    urls: [String; 2],
    certificate: Vec<u8>,
    subprotocols: &'static [&'static str],
    /// The client takes one action after each event.
    actions: Vec<Action>,
}

#[derive(Clone, Copy)]
enum Action {
    /// Sends a text so many times, in one message.
    Send(&'static str, usize),
    Close(u16, &'static str),
}

/// The events of both clients in one conversation, in the form that the page reports.
#[derive(Debug)]
struct Observed {
    name: String,
    chromium: Value,
    socket: Value,
}

impl Case {
    /// Returns the conversation for the page.
    fn for_page(&self) -> Value {
        let actions = self.actions.iter().map(|action| match action {
            Action::Send(text, count) => json!(["send", text, count]),
            Action::Close(code, reason) => json!(["close", code, reason]),
        });
        json!({ "url": self.urls[0], "subprotocols": self.subprotocols, "actions": actions.collect::<Vec<_>>() })
    }

    /// Runs the conversation with the socket, and returns its events.
    async fn run(&self, origin: &str) -> Value {
        let options = Options::new().root_certificate(&self.certificate).http2(Http2::if_offered()).origin(origin);
        let options = options.expect("the origin is valid");
        let socket = WebSocket::with_options(&self.urls[1], self.subprotocols, &options).expect("the URL is valid");
        let mut events = socket.events();
        let mut actions = self.actions.iter();
        let mut observed = Vec::new();
        while let Some(event) = events.next().await {
            observed.push(match event {
                Event::Open => json!(["open", &*socket.protocol(), &*socket.extensions()]),
                Event::Message(message) => match &message.data {
                    Message::Text(text) => json!(["message", text.as_str()]),
                    other => json!(["message", format!("{other:?}")]),
                },
                Event::Error => json!(["error"]),
                Event::Close(event) => json!(["close", event.code, &*event.reason, event.was_clean]),
                other => json!([format!("{other:?}")]),
            });
            match actions.next() {
                Some(Action::Send(text, count)) => socket.send(&text.repeat(*count)).expect("the socket is open"),
                Some(Action::Close(code, reason)) => {
                    socket.close(Some(*code), Some(reason)).expect("the code is valid");
                }
                None => {}
            }
        }
        observed.into()
    }
}

/// The server that has a page for the browser and a response or an ending at each path.
struct Site {
    server: Http2Server,
    reports: samesocket_peers::OutputLines,
}

impl Site {
    async fn start() -> Self {
        let (server, reports) = http2_cases().await;
        Self { server, reports }
    }

    fn case(&self, path: &str, subprotocols: &'static [&'static str], actions: &[Action]) -> Case {
        let url = format!("wss://localhost:{}{path}", self.server.address.port());
        let certificate = self.server.certificate.clone().expect("the server uses TLS");
        Case { name: path.to_owned(), urls: [url.clone(), url], certificate, subprotocols, actions: actions.to_vec() }
    }

    /// Runs the conversations with both clients.
    async fn run(self, cases: Vec<Case>) -> Vec<Observed> {
        let Self { server, mut reports } = self;
        let origin = format!("https://localhost:{}", server.address.port());
        let mut of_socket = Vec::new();
        for case in &cases {
            let events = timeout(TIMEOUT, case.run(&origin)).await;
            of_socket.push(events.unwrap_or_else(|_| panic!("{}: the socket does not end", case.name)));
        }
        let reading = tokio::spawn(async move {
            let mut lines = Vec::new();
            while let Ok(Some(line)) = reports.next_line().await {
                lines.push(line);
            }
            lines
        });
        let list: Value = cases.iter().map(Case::for_page).collect();
        let mut chromium = Chromium::open(&format!("{origin}/#{list}"));
        let status = timeout(TIMEOUT, chromium.ended()).await;
        // The reports end with the server.
        drop(server);
        let lines = reading.await.expect("no panic");
        let missing = cases.get(lines.len()).map(|case| &case.name);
        assert_eq!(missing, None, "Chromium did not end this conversation; its status is {status:?}");
        let of_chromium = lines.iter().map(|line| serde_json::from_str(line).expect("the page reports JSON"));
        let both = of_chromium.zip(of_socket).zip(cases);
        both.map(|((chromium, socket), case)| Observed { name: case.name, chromium, socket }).collect()
    }
}

impl Observed {
    /// Checks that the events are those of the socket, but for what the tables say.
    fn check(&self) {
        let mut expected = self.socket.clone();
        if self.name == REFUSED_BY_CHROMIUM {
            assert_eq!(self.socket[0][0], "open");
            expected = json!([["error"], ["close", 1006, "", false]]);
        } else if WITHOUT_ERROR.contains(&&*self.name) {
            let events = expected.as_array_mut().expect("a list of events");
            assert_eq!(events.remove(events.len() - 2), json!(["error"]), "{self:?}");
        }
        assert_eq!(self.chromium, expected, "{}", self.name);
    }
}

/// Returns the message that the server sends first.
fn message(events: &Value) -> &str {
    events[1][1].as_str().unwrap_or_else(|| panic!("no message in {events}"))
}

/// Returns the names and the values of a request's fields, which the server has sent.
fn fields(events: &Value) -> Vec<(String, String)> {
    let fields: Vec<String> = serde_json::from_str(message(events)).expect("the server sends a list");
    fields.chunks(2).map(|field| (field[0].clone(), field[1].clone())).collect()
}

#[tokio::test]
async fn requests_of_chromium_and_socket_are_equal() {
    let site = Site::start().await;
    let cases = vec![site.case("/fields", &[], &[]), site.case("/fields", &["chat", "other"], &[])];
    for Observed { chromium, socket, .. } in site.run(cases).await {
        assert_eq!([&chromium[0], &chromium[2]], [&socket[0], &socket[2]]);
        let (mut chromium, mut socket) = (fields(&chromium), fields(&socket));
        let names =
            |fields: &[(String, String)]| fields.iter().take(5).map(|field| field.0.clone()).collect::<Vec<_>>();
        assert_eq!(names(&chromium), PSEUDO_HEADERS_OF_CHROMIUM);
        assert_eq!(names(&socket), PSEUDO_HEADERS_OF_SOCKET);
        chromium[..5].sort();
        socket[..5].sort();
        for (name, _) in FIELDS_OF_CHROMIUM {
            let position = chromium.iter().position(|field| field.0 == name);
            chromium.remove(position.unwrap_or_else(|| panic!("Chromium sends no {name}")));
        }
        assert_eq!(chromium, socket);
        let names: Vec<&str> = socket.iter().map(|field| &*field.0).collect();
        assert!(!FIELDS_OF_HTTP1.iter().any(|name| names.contains(name)), "{names:?}");
    }
}

/// After each conversation, another one asks the server what the client has done.
#[tokio::test]
async fn chromium_and_socket_end_alike() {
    let site = Site::start().await;
    let close = [Action::Close(3000, "done")];
    let cases = [
        site.case("/close", &[], &[]),
        site.case("/close-and-end", &[], &[]),
        site.case("/end", &[], &[]),
        site.case("/end-without-data", &[], &[]),
        site.case("/reset", &[], &[]),
        site.case("/reset-before-response", &[], &[]),
        site.case("/end-instead-of-close", &[], &close),
        site.case("/reset-instead-of-close", &[], &close),
        site.case("/refuse", &[], &[]),
        site.case(REFUSED_BY_CHROMIUM, &[], &[]),
        site.case("/redirect", &[], &[]),
        site.case("/subprotocol", &[], &[]),
        site.case("/no-subprotocol", &["chat"], &[]),
        site.case("/extension", &[], &[]),
    ];
    let cases = cases.into_iter().flat_map(|case| [case, site.case("/record", &[], &[])]).collect();
    for pair in site.run(cases).await.chunks(2) {
        let [ending, record] = pair else { unreachable!("there are two conversations for each path") };
        ending.check();
        let (chromium, socket) = (message(&record.chromium), message(&record.socket));
        let is_reset = RESET_BY_CHROMIUM.contains(&&*ending.name);
        assert_eq!(chromium == socket, !is_reset, "{}: {chromium} and {socket}", ending.name);
        if is_reset {
            assert_eq!(chromium, "[[],8]", "{}", ending.name);
        }
    }
}

#[tokio::test]
async fn chromium_and_socket_talk_alike_with_each_program() {
    let site = Site::start().await;
    let (mut cases, mut servers, mut proxies) = (Vec::new(), Vec::new(), Vec::new());
    for program in Http2Program::ALL {
        let server = program.start(true).await;
        let certificate = server.certificate.clone().expect("the server uses TLS");
        for last in [
            Action::Close(3000, "done"),
            Action::Send("!close", 1),
            Action::Send("!close 4001 over", 1),
            Action::Send("!drop", 1),
        ] {
            let mut urls = [const { String::new() }; 2];
            for url in &mut urls {
                // It refuses a second connection, and the first one is of HTTP/2.
                let proxy = FaultProxy::start(server.address, None).await.expect("a free port");
                *url = format!("wss://localhost:{}/", proxy.address().port());
                proxies.push(proxy);
            }
            let end = match last {
                Action::Send(text, _) => text,
                Action::Close(..) => "close",
            };
            cases.push(Case {
                name: format!("{program:?}: {end}"),
                urls,
                certificate: certificate.clone(),
                subprotocols: &["chat"],
                actions: vec![Action::Send("hello", 1), Action::Send("large ", 200_000), last],
            });
        }
        servers.push(server);
    }
    site.run(cases).await.iter().for_each(Observed::check);
}
