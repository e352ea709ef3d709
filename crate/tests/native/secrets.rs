//! Secrets in the texts of all public types: credentials, queries, subprotocols, header values and cookies.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use futures::StreamExt;
use samesocket::reconnect::{Backoff, Cause, Losses, Outbox, State, reconnect};
use samesocket::testing::{self, Network, Received};
use samesocket::{
    BinaryType, Blob, Connect, Event, Failure, Heartbeat, LazyMessage, Message, Options, OwnedMessage, Proxy,
    ProxyFailure, ReuniteError, Socket, Subprotocol, Target, Text, WebSocket, connect,
};
use samesocket_protocol::{Limits, Request, Response, handshake};
use samesocket_spec::state::{Action, CloseAction, Feedback, SendAction, SocketState};
use samesocket_spec::subprotocol::Offer;
use samesocket_spec::{Argument, CloseEvent, Exception, ReadyState, RedactedUrl};

use crate::manual_server::{ManualServer, failure_of};

const SECRET: &str = "sEcReT";
const URL: &str = "ws://sEcReT:sEcReT@example.com/chat?token=sEcReT";

/// The public types that have no texts of their own, with the reason.
const WITHOUT_TEXT: [&str; 10] = [
    // Traits, which the program implements.
    "samesocket::Connector",
    "samesocket::CookieStore",
    "samesocket::IntoProtocols",
    "samesocket::IoStream",
    "samesocket::MaybeSend",
    "samesocket_spec::UrlRecord",
    // Names for other types.
    "samesocket::Connecting",
    "samesocket_spec::CloseFrame",
    "samesocket_protocol::Entropy",
    "samesocket_protocol::Sink",
];

/// The texts of one public type, or of some of its values.
struct Texts(&'static str, Vec<String>);

fn debug(name: &'static str, values: &[&dyn Debug]) -> Texts {
    Texts(name, values.iter().flat_map(|value| [format!("{value:?}"), format!("{value:#?}")]).collect())
}

fn display(name: &'static str, values: &[&dyn Display]) -> Texts {
    Texts(name, values.iter().map(ToString::to_string).collect())
}

/// Returns the texts of errors and of all their sources.
fn errors(name: &'static str, values: &[&dyn Error]) -> Texts {
    let mut texts = Vec::new();
    for value in values {
        let mut next = Some(*value);
        while let Some(error) = next {
            texts.extend([error.to_string(), format!("{error:?}"), format!("{error:#?}")]);
            next = error.source();
        }
    }
    Texts(name, texts)
}

/// Returns the names of all types that the sources of the three packages declare as public.
fn declared() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = Vec::new();
    for (package, folder) in
        [("samesocket", "src"), ("samesocket_spec", "spec/src"), ("samesocket_protocol", "protocol/src")]
    {
        collect(package, &root.join(folder), &mut names);
    }
    names.sort();
    names.dedup();
    names
}

fn collect(module: &str, folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        match stem {
            // These types exist in a browser only, and their twins are checked here.
            "web" => {}
            // These modules are public.
            "reconnect" | "testing" => collect(&format!("{module}::{stem}"), &path, names),
            _ if path.is_dir() => collect(module, &path, names),
            _ => names.extend(declared_in(&fs::read_to_string(&path).unwrap()).map(|name| format!("{module}::{name}"))),
        }
    }
}

fn declared_in(source: &str) -> impl Iterator<Item = String> {
    let kinds = ["struct ", "enum ", "union ", "trait ", "type "];
    source.lines().filter_map(move |line| {
        let rest = kinds.iter().find_map(|kind| line.strip_prefix("pub ")?.strip_prefix(kind))?;
        Some(rest.chars().take_while(|&character| character.is_alphanumeric()).collect())
    })
}

#[tokio::test]
async fn no_text_of_a_public_type_contains_a_secret() {
    let mut texts = of_spec();
    texts.extend(of_protocol());
    texts.extend(of_values());
    texts.extend(of_options());
    texts.extend(of_failures().await);
    texts.extend(of_sockets().await);
    texts.extend(of_reconnect().await);
    for Texts(name, texts) in &texts {
        assert!(!texts.is_empty() && texts.iter().all(|text| !text.is_empty()), "{name}");
        for text in texts {
            assert!(!text.to_lowercase().contains(&SECRET.to_lowercase()), "{name}: {text}");
            // The Base64 of "sEcReT:sEcReT".
            assert!(!text.contains("c0VjUmVUOnNFY1JlVA"), "{name}: {text}");
        }
    }
    let mut formatted: Vec<_> = texts.iter().map(|Texts(name, _)| *name).chain(WITHOUT_TEXT).collect();
    formatted.sort_unstable();
    formatted.dedup();
    assert_eq!(formatted, declared(), "a public type is missing in this test, or it does not exist");
}

fn of_spec() -> Vec<Texts> {
    let secret = || SECRET.to_owned();
    let url = || URL.to_owned();
    let exceptions = [
        Exception::InvalidUrl { url: url(), base: None },
        Exception::InvalidUrl { url: "ws://u:sEcReT?sEcReT@h".to_owned(), base: Some(url()) },
        Exception::UnsupportedScheme { url: url(), scheme: "ws".to_owned() },
        Exception::UnsupportedScheme { url: "sEcReT:sEcReT@h".to_owned(), scheme: secret() },
        Exception::FragmentInUrl { url: format!("{URL}#sEcReT") },
        Exception::InvalidHost { url: url(), character: '%' },
        Exception::EmptySubprotocol { place: 0 },
        Exception::InvalidSubprotocol { subprotocol: secret(), character: '=', position: 7 },
        Exception::RepeatedSubprotocol { subprotocol: secret() },
        Exception::InvalidCloseCode { code: 1 },
        Exception::ReasonTooLong { bytes: 124 },
        Exception::StillConnecting,
    ];
    let mut state = SocketState::new(vec![secret()]);
    let established = || Feedback::<()>::Established { protocol: secret(), extensions: String::new() };
    let action = state.handle_feedback(established());
    assert_eq!(action, Action::Open);
    vec![
        errors("samesocket_spec::Exception", &exceptions.each_ref().map(|exception| exception as &dyn Error)),
        debug("samesocket_spec::Argument", &[&Argument::Url]),
        debug("samesocket_spec::ReadyState", &[&ReadyState::Open]),
        debug("samesocket_spec::CloseEvent", &[&CloseEvent::abnormal()]),
        debug("samesocket_spec::RedactedUrl", &[&RedactedUrl(URL)]),
        display("samesocket_spec::RedactedUrl", &[&RedactedUrl(URL)]),
        debug("samesocket_spec::Offer", &[&Offer::new(vec![secret()])]),
        debug("samesocket_spec::SocketState", &[&state]),
        debug("samesocket_spec::Feedback", &[&established()]),
        debug("samesocket_spec::Action", &[&action]),
        debug("samesocket_spec::SendAction", &[&SendAction::Transmit]),
        debug("samesocket_spec::CloseAction", &[&CloseAction::StartHandshake]),
    ]
}

fn of_protocol() -> Vec<Texts> {
    use samesocket_protocol::{BorrowedMessage, Connection, Failure, Kind, Message, Payload, deflate, extensions};

    let secret = || SECRET.to_owned();
    let request = Request {
        host: "h".to_owned(),
        path: "/".to_owned(),
        query: Some(secret()),
        protocols: vec![secret()],
        origin: Some(secret()),
        headers: vec![("Authorization".to_owned(), secret())],
    };
    let mut invalid = Vec::new();
    for change in [
        |request: &mut Request| request.host = "sEcReT sEcReT".to_owned(),
        |request: &mut Request| request.path = "sEcReT sEcReT".to_owned(),
        |request: &mut Request| request.query = Some("sEcReT sEcReT".to_owned()),
        |request: &mut Request| request.protocols = vec!["sEcReT sEcReT".to_owned()],
        |request: &mut Request| request.origin = Some("sEcReT\nsEcReT".to_owned()),
        |request: &mut Request| request.headers = vec![("sEcReT sEcReT".to_owned(), String::new())],
        |request: &mut Request| request.headers = vec![("Authorization".to_owned(), "sEcReT\n".to_owned())],
    ] {
        let mut request = request.clone();
        change(&mut request);
        invalid.push(request.check().unwrap_err());
    }
    let response = Response { status: 200, headers: vec![("Set-Cookie".to_owned(), SECRET.into())] };
    let answered = |answer: &str| {
        let random = |bytes: &mut [u8]| bytes.fill(7);
        let mut connection = Connection::new(&request, Limits::default(), Box::new(random), Duration::ZERO).unwrap();
        let sent = String::from_utf8(connection.pending_bytes().to_vec()).unwrap();
        let key = sent.split_once("Sec-WebSocket-Key: ").unwrap().1.split_once('\r').unwrap().0;
        let accept = handshake::accept_key(key);
        let head = format!(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\
             Set-Cookie: sEcReT\r\n{answer}\r\n"
        );
        let before = format!("{connection:?}{connection:#?}");
        connection.advance_written(sent.len(), Duration::ZERO);
        connection.receive(head.as_bytes());
        while connection.poll_event(Duration::ZERO).is_some() {}
        (before, connection)
    };
    let mut connections = Vec::new();
    let mut failures = Vec::new();
    for answer in ["Sec-WebSocket-Protocol: sEcReT\r\n", "", "Sec-WebSocket-Protocol: a, SECRET\r\n"] {
        let (before, connection) = answered(answer);
        connections.extend([before, format!("{connection:?}"), format!("{connection:#?}")]);
        failures.extend(connection.failure().cloned());
    }
    assert!(matches!(&failures[..], [Failure::MissingHeader { .. }, Failure::WrongHeader { .. }]), "{failures:?}");
    let extension = extensions::accept("permessage-deflate").unwrap();
    vec![
        debug("samesocket_protocol::Request", &[&request]),
        errors("samesocket_protocol::InvalidRequest", &invalid.iter().map(|error| error as _).collect::<Vec<_>>()),
        debug("samesocket_protocol::Response", &[&response]),
        Texts("samesocket_protocol::Connection", connections),
        errors("samesocket_protocol::Failure", &failures.iter().map(|error| error as _).collect::<Vec<_>>()),
        debug("samesocket_protocol::Limits", &[&Limits::default()]),
        debug("samesocket_protocol::StreamAction", &[&samesocket_protocol::StreamAction::Keep]),
        debug("samesocket_protocol::Deflate", &[&extension]),
        debug("samesocket_protocol::Inflater", &[&deflate::Inflater::new(&extension)]),
        debug("samesocket_protocol::Deflater", &[&deflate::Deflater::new(&extension)]),
        // Messages are shown with their contents. They are the program's own data.
        debug("samesocket_protocol::Kind", &[&Kind::Text]),
        debug("samesocket_protocol::Message", &[&Message::Binary(Vec::new().into())]),
        debug("samesocket_protocol::BorrowedMessage", &[&BorrowedMessage::Binary(b"")]),
        debug("samesocket_protocol::Payload", &[&Payload::Borrowed(b"")]),
    ]
}

/// Values. Those that carry payloads are shown with their contents, which are the program's own data.
fn of_values() -> Vec<Texts> {
    let blob_error = Blob::from_file("missing").unwrap_err();
    let subprotocol = Subprotocol::from_static("chat");
    vec![
        debug("samesocket::Message", &[&Message::from("hello")]),
        debug("samesocket::OwnedMessage", &[&OwnedMessage::from("hello")]),
        debug("samesocket::LazyMessage", &[&LazyMessage::from(SECRET)]),
        debug("samesocket::Text", &[&Text::from("hello")]),
        display("samesocket::Text", &[&Text::from("hello")]),
        debug("samesocket::Blob", &[&Blob::new(b"hello")]),
        debug("samesocket::Data", &[&samesocket::Data::from("hello")]),
        errors("samesocket::BlobError", &[&blob_error]),
        // The value is the text, as of a string. Programs that pass a token as a subprotocol have to take care of it.
        debug("samesocket::Subprotocol", &[&subprotocol]),
        display("samesocket::Subprotocol", &[&subprotocol]),
        debug("samesocket::BinaryType", &[&BinaryType::Blob]),
        display("samesocket::BinaryType", &[&BinaryType::Blob]),
        errors("samesocket::UnknownBinaryType", &[&"other".parse::<BinaryType>().unwrap_err()]),
        debug("samesocket::testing::Received", &[&Received::Message("hello".into())]),
        debug("samesocket::reconnect::Backoff", &[&Backoff::default()]),
        debug("samesocket::reconnect::Outbox", &[&Outbox::Return]),
        debug("samesocket::reconnect::Losses", &[&Losses::default()]),
        debug("samesocket::Heartbeat", &[&Heartbeat::new(SECRET.into(), |_| true)]),
    ]
}

struct Cookies;

impl samesocket::CookieStore for Cookies {
    fn cookies(&self, _: &str) -> Option<String> {
        Some(SECRET.to_owned())
    }

    fn set_cookies(&self, _: &str, _: &[&[u8]]) {}
}

fn of_options() -> Vec<Texts> {
    let invalid = [
        Options::new().header("sEcReT: sEcReT", "").unwrap_err(),
        Options::new().header("Authorization", "sEcReT\n").unwrap_err(),
        Options::new().origin("sEcReT\n").unwrap_err(),
        Proxy::new("sEcReT:sEcReT@h").unwrap_err(),
        Proxy::new("sEcReT:sEcReT@h://x").unwrap_err(),
        Proxy::new("ftp://sEcReT:sEcReT@h").unwrap_err(),
        Proxy::new("http://sEcReT:sEcReT/sEcReT@h").unwrap_err(),
        Proxy::new(&format!("socks5://{}@h", SECRET.repeat(50))).unwrap_err(),
    ];
    let proxy = || Proxy::new("http://sEcReT:sEcReT@h/sEcReT?sEcReT").unwrap();
    let options = Options::new()
        .header("Authorization", SECRET)
        .and_then(|options| options.origin(SECRET))
        .unwrap()
        .cookies(Cookies)
        .proxy(proxy())
        .root_certificate(SECRET.as_bytes().to_vec().into());
    let unstarted = || connect(URL).subprotocols([SECRET]).base_url(URL).options(options.clone());
    vec![
        errors("samesocket::InvalidOption", &invalid.each_ref().map(|error| error as &dyn Error)),
        debug("samesocket::Proxy", &[&proxy()]),
        debug("samesocket::Options", &[&options]),
        debug("samesocket::Connect", &[&unstarted()]),
    ]
}

/// Failures of the network, with all that a program and a server may call a secret.
async fn of_failures() -> Vec<Texts> {
    let server = ManualServer::new().await;
    let url = format!("ws://sEcReT:sEcReT@{}/chat?token=sEcReT", server.address());
    let mut failures = vec![
        Failure::Resolve { host: "h".to_owned(), source: None },
        Failure::BadPort { port: 1 },
        Failure::ContradictoryTls,
        Failure::Runtime,
    ];
    for answer in [
        "HTTP/1.1 403 Forbidden\r\nSet-Cookie: sEcReT\r\nWWW-Authenticate: sEcReT\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: ws://sEcReT:sEcReT@h/?sEcReT\r\n\r\n",
        "sEcReT\r\n\r\n",
        "",
    ] {
        let socket = WebSocket::with_options(&url, [SECRET], &Options::new()).unwrap();
        drop(server.next().await.respond(answer).await);
        socket.closed().await;
        failures.extend(socket.failure());
    }
    let mut proxies = Vec::new();
    for answer in ["HTTP/1.1 407 x\r\nProxy-Authenticate: sEcReT\r\n\r\n", "sEcReT\r\n\r\n", ""] {
        let proxy = Proxy::new(&format!("http://sEcReT:sEcReT@{}", server.address())).unwrap();
        let options = Options::new().proxy(proxy);
        let answered = async { drop(server.next().await.respond(answer).await) };
        let (failure, ()) = futures::join!(failure_of("ws://sEcReT:sEcReT@h/?sEcReT", &options), answered);
        let Failure::Proxy(proxy) = &failure else { panic!("{failure:?}") };
        proxies.push(proxy.clone());
        failures.push(failure);
    }
    proxies.extend([
        ProxyFailure::InvalidUrl { variable: "http_proxy" },
        ProxyFailure::NotUtf8 { variable: "http_proxy" },
        ProxyFailure::Cgi { variable: "http_proxy" },
    ]);
    assert_eq!((failures.len(), proxies.len()), (11, 6));
    let target = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&target);
    let connector = move |target: &Target| {
        seen.lock().unwrap().push(target.clone());
        async { Err(io::Error::other("no way")) }
    };
    failures.push(failure_of(URL, &Options::new().connector(connector)).await);
    vec![
        errors("samesocket::Failure", &failures.iter().map(|failure| failure as _).collect::<Vec<_>>()),
        errors("samesocket::ProxyFailure", &proxies.iter().map(|failure| failure as _).collect::<Vec<_>>()),
        debug("samesocket::Target", &[&target.lock().unwrap()]),
    ]
}

/// Returns an open socket and its peer.
async fn open(network: &Network) -> (Socket, testing::Peer, Vec<Texts>) {
    let mut connecting = network.connect(URL).subprotocols([SECRET]);
    let mut texts = Vec::new();
    let accepting = async {
        let incoming = network.accept().await;
        texts.push(debug("samesocket::testing::Incoming", &[&incoming]));
        incoming.open_with(SECRET, "")
    };
    let (socket, peer) = futures::join!(&mut connecting, accepting);
    texts.push(debug("samesocket::Connect", &[&connecting as &Connect]));
    texts.push(debug("samesocket::testing::Peer", &[&peer]));
    (socket.unwrap(), peer, texts)
}

async fn of_sockets() -> Vec<Texts> {
    let network = Network::new();
    let (socket, peer, mut texts) = open(&network).await;
    let (other, other_peer, _) = open(&network).await;
    texts.push(debug("samesocket::Socket", &[&socket]));
    texts.push(debug("samesocket::Control", &[&socket.control()]));
    texts.push(debug("samesocket::Closed", &[&socket.closed()]));
    let (sender, receiver) = socket.split();
    let (other_sender, other_receiver) = other.split();
    texts.push(debug("samesocket::Sender", &[&sender]));
    texts.push(debug("samesocket::Receiver", &[&receiver]));
    let error = Socket::reunite(sender, other_receiver).unwrap_err();
    texts.push(errors("samesocket::ReuniteError", &[&error]));
    let ReuniteError { sender, receiver: other_receiver } = error;
    let bytes = Socket::reunite(sender, receiver).unwrap().into_bytes();
    texts.push(debug("samesocket::ByteStream", &[&bytes]));
    let mut drivers = Vec::new();
    let remote = Socket::reunite(other_sender, other_receiver).unwrap().into_remote_by(|driver| drivers.push(driver));
    texts.push(debug("samesocket::Remote", &[&remote]));
    texts.push(debug("samesocket::RemoteDriver", &[&drivers[0]]));
    let (remote_sender, remote_receiver) = remote.split();
    texts.push(debug("samesocket::RemoteSender", &[&remote_sender]));
    texts.push(debug("samesocket::RemoteReceiver", &[&remote_receiver]));
    texts.push(debug("samesocket::testing::Network", &[&network]));
    texts.push(debug("samesocket::testing::Clock", &[&network.clock()]));
    drop((peer, other_peer));

    let server = ManualServer::new().await;
    let url = format!("ws://sEcReT:sEcReT@{}/chat?token=sEcReT", server.address());
    let socket = WebSocket::with_options(&url, (), &Options::new().header("X", SECRET).unwrap()).unwrap();
    let mut events = socket.events();
    let subscription = socket.subscribe(|_, _| {});
    let connection = server.next().await.accept_upgrade().await;
    let stream = connection.respond("\u{1}").await;
    drop(stream);
    texts.push(debug("samesocket::WebSocket", &[&socket]));
    texts.push(debug("samesocket::Events", &[&events]));
    texts.push(debug("samesocket::Subscription", &[&subscription]));
    while let Some(event) = events.next().await {
        texts.push(debug("samesocket::Event", &[&event]));
    }
    texts.push(debug("samesocket::Closed", &[&socket.closed()]));
    texts.push(debug("samesocket::WebSocket", &[&socket]));
    texts.extend(of_events().await);
    texts.extend(of_errors().await);
    texts
}

async fn of_events() -> Vec<Texts> {
    let server = crate::support::TestServer::new().await;
    let url = server.url("a", "do=text:a,close:1000").replace("ws://", "ws://sEcReT:sEcReT@");
    let socket = WebSocket::new(&url, ()).unwrap();
    let events: Vec<_> = socket.events().collect().await;
    let Event::Message(message) = &events[1] else { panic!("{events:?}") };
    // `Lagged` has numbers only.
    let lagged = vec!["two numbers".to_owned()];
    vec![
        debug("samesocket::Event", &events.iter().map(|event| event as _).collect::<Vec<_>>()),
        debug("samesocket::MessageEvent", &[message]),
        debug("samesocket::Origin", &[&message.origin]),
        display("samesocket::Origin", &[&message.origin]),
        Texts("samesocket::Lagged", lagged),
    ]
}

/// Returns the error of a connection that a server refuses.
async fn refused() -> samesocket::ConnectionFailed {
    let server = ManualServer::new().await;
    let url = format!("ws://sEcReT:sEcReT@{}/chat?token=sEcReT", server.address());
    let refusing = async { drop(server.next().await.respond("HTTP/1.1 401 x\r\nSet-Cookie: sEcReT\r\n\r\n").await) };
    let (refused, ()) = futures::join!(connect(url).subprotocols([SECRET]), refusing);
    match refused.unwrap_err() {
        samesocket::ConnectError::Failed(failed) => failed,
        other => panic!("{other:?}"),
    }
}

async fn of_errors() -> Vec<Texts> {
    use samesocket::ConnectError;

    let failed = refused().await;
    let invalid = connect("ws://sEcReT:sEcReT@h/?sEcReT#sEcReT").await.unwrap_err();
    let repeated = connect(URL).subprotocols([SECRET, SECRET]).await.unwrap_err();
    let network = Network::new();
    let (socket, peer, _) = open(&network).await;
    let closing = socket.close(Some(3000), None);
    let texts = debug("samesocket::Closing", &[&closing]);
    drop(peer);
    let unsent: samesocket::Error = socket.try_send("hello".into()).unwrap_err();
    let lost: samesocket::Error = samesocket::Error::Failed(failed.clone());
    vec![
        texts,
        errors("samesocket::ConnectionFailed", &[&failed]),
        errors("samesocket::ConnectError", &[&ConnectError::Failed(failed.clone()), &invalid, &repeated]),
        errors("samesocket::Error", &[&unsent, &lost]),
    ]
}

async fn of_reconnect() -> Vec<Texts> {
    let network = Network::new();
    let attempts = network.clone();
    let builder = reconnect(move |_| {
        let connecting = attempts.connect(URL).subprotocols([SECRET]);
        async { Some(connecting) }
    });
    let builder_texts = debug("samesocket::reconnect::Reconnect", &[&builder]);
    let reconnecting = builder.start();
    let failed = refused().await;
    let exception = connect(URL).subprotocols([SECRET, SECRET]).await.unwrap_err();
    let causes = [
        Cause::NoAttempt,
        Cause::NotConnected(exception),
        Cause::NotPrepared(samesocket::Error::Failed(failed.clone())),
        Cause::Lost(samesocket::Error::Failed(failed)),
        Cause::Closed(CloseEvent::abnormal()),
    ];
    let waiting = State::Waiting { cause: causes[1].clone(), wait: Duration::ZERO, unknown_bytes: 0 };
    vec![
        builder_texts,
        debug("samesocket::reconnect::Reconnecting", &[&reconnecting]),
        debug("samesocket::reconnect::Sender", &[&reconnecting.sender()]),
        debug("samesocket::reconnect::States", &[&reconnecting.states()]),
        debug("samesocket::reconnect::State", &[&waiting, &State::Open]),
        errors("samesocket::reconnect::Cause", &causes.each_ref().map(|cause| cause as &dyn Error)),
    ]
}
