//! Secrets in the texts of all public types: credentials, queries, subprotocols, header values and cookies.

mod packages;
mod sockets;

use std::error::Error;
use std::fmt::{Debug, Display};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::{fs, io};

use samesocket::reconnect::{Backoff, Losses, Outbox};
use samesocket::testing::Received;
use samesocket::{
    BinaryType, Blob, Failure, Heartbeat, LazyMessage, Message, Options, OwnedMessage, Proxy, ProxyFailure,
    Subprotocol, Target, Text, TrustStore, WebSocket, connect,
};

use self::packages::{of_protocol, of_spec};
use self::sockets::{of_reconnect, of_sockets};
use crate::manual_server::{ManualServer, failure_of};

const SECRET: &str = "sEcReT";
const URL: &str = "ws://sEcReT:sEcReT@example.com/chat?token=sEcReT";

/// The public types that have no texts of their own, with the reason.
const WITHOUT_TEXT: [&str; 16] = [
    // Traits, which the program implements.
    "samesocket::Connector",
    "samesocket::CookieStore",
    "samesocket::IntoProtocols",
    "samesocket::IoStream",
    "samesocket::MaybeSend",
    "samesocket::MaybeSync",
    "samesocket::typed::Codec",
    "samesocket_spec::UrlRecord",
    // Names for other types.
    "samesocket::Connecting",
    "samesocket_spec::CloseFrame",
    "samesocket_protocol::Entropy",
    "samesocket_protocol::Sink",
    "samesocket::typed::BoxError",
    // Native targets support all options. It holds nothing but the name of a method.
    "samesocket::UnsupportedOption",
    // A form of the text that it is given.
    "samesocket_spec::Quoted",
    // A unit, which exists only with the feature `serde`.
    "samesocket::typed::Json",
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
            "reconnect" | "testing" | "typed" => collect(&format!("{module}::{stem}"), &path, names),
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

/// Returns the secret as text, as numbers, and as the credentials of Basic authentication.
fn forms_of_the_secret() -> [String; 3] {
    let numbers = without_blanks(&format!("{:?}", SECRET.as_bytes()));
    [SECRET.to_lowercase(), numbers.trim_matches(['[', ']']).to_owned(), "c0VjUmVUOnNFY1JlVA".to_lowercase()]
}

fn without_blanks(text: &str) -> String {
    text.split_whitespace().collect::<String>().to_lowercase()
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
            let leaks = forms_of_the_secret().into_iter().any(|form| without_blanks(text).contains(&form));
            assert!(!leaks, "{name}: {text}");
        }
    }
    let mut formatted: Vec<_> = texts.iter().map(|Texts(name, _)| *name).chain(WITHOUT_TEXT).collect();
    formatted.sort_unstable();
    formatted.dedup();
    assert_eq!(formatted, declared(), "a public type is missing in this test, or it does not exist");
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
        debug("samesocket::TrustStore", &[&TrustStore::Platform]),
        display("samesocket::BinaryType", &[&BinaryType::Blob]),
        errors("samesocket::UnknownBinaryType", &[&"other".parse::<BinaryType>().unwrap_err()]),
        debug("samesocket::testing::Received", &[&Received::Message("hello".into())]),
        debug("samesocket::reconnect::Backoff", &[&Backoff::default()]),
        debug("samesocket::reconnect::Outbox", &[&Outbox::Return]),
        debug("samesocket::reconnect::Losses", &[&Losses::default()]),
        debug("samesocket::Compression", &[&samesocket::Compression::new()]),
        debug("samesocket::Http2", &[&samesocket::Http2::if_offered()]),
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
        .root_certificate(SECRET);
    let unstarted = || connect(URL).subprotocols([SECRET]).base_url(URL).options(options.clone());
    vec![
        errors("samesocket::InvalidOption", &invalid.each_ref().map(|error| error as &dyn Error)),
        errors("samesocket::StartError", &[&WebSocket::with_options(&format!("ftp{URL}"), (), &options).unwrap_err()]),
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
    let redirects = [
        "ws://sEcReT:sEcReT@127.0.0.1:25/?sEcReT",
        "sEcReT:sEcReT",
        "ws://sEcReT:sEcReT@",
        "/\r\nLocation: /sEcReT",
        "",
    ];
    for location in redirects {
        let socket = WebSocket::with_options(&url, [SECRET], &Options::new().max_redirects(1)).unwrap();
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n");
        drop(server.next().await.respond(&answer).await);
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
    assert_eq!((failures.len(), proxies.len()), (16, 6));
    let target = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&target);
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
