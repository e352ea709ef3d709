//! The options of the network and of the request, checked in the requests that a server receives.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex};

use samesocket::rustls::server::Acceptor;
use samesocket::{CookieStore, Failure, IoStream, Options, Proxy, Target, WebSocket};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::LazyConfigAcceptor;

use crate::certificates::TestCertificate;
use crate::manual_server::{ManualConnection, ManualServer, failure_of, first_event};

/// Connects to `url`, and returns the request that `server` gets.
async fn request(server: &ManualServer, url: &str, options: &Options) -> ManualConnection {
    let _socket = WebSocket::with_options(url, (), options).unwrap();
    server.next().await
}

struct Cookies;

impl CookieStore for Cookies {
    fn cookies(&self, _: &str) -> Option<String> {
        Some("of=store".to_owned())
    }

    fn set_cookies(&self, _: &str, _: &[&[u8]]) {}
}

/// A store that returns this value.
struct Fixed(&'static str);

impl CookieStore for Fixed {
    fn cookies(&self, _: &str) -> Option<String> {
        Some(self.0.to_owned())
    }

    fn set_cookies(&self, _: &str, _: &[&[u8]]) {}
}

#[tokio::test]
async fn empty_or_invalid_cookies_add_no_field() {
    let server = ManualServer::new().await;
    for (value, expected) in [
        ("", &[][..]),
        ("a=1\r\nX: y", &[]),
        ("a=1\n", &[]),
        ("a=\0", &[]),
        ("a=\t", &[]),
        ("a=\u{85}", &[]),
        ("a=1", &["a=1"]),
        ("a=\u{e4}", &["a=\u{e4}"]),
    ] {
        let sent = request(&server, &server.url("a"), &Options::new().cookies(Fixed(value))).await;
        assert_eq!((sent.fields("Cookie"), sent.fields("X")), (expected.to_vec(), vec![]), "{value:?}");
    }
}

/// A field, the options that set it in this order, and the values that the server gets.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

#[tokio::test]
async fn field_that_occurs_once_is_sent_once() {
    let server = ManualServer::new().await;
    let url = server.url("a").replace("ws://", "ws://me:secret@");
    let cases: [Case<'_>; 9] = [
        ("Origin", &[("origin()", "https://a.test"), ("Origin", "https://b.test")], &["https://b.test"]),
        ("Origin", &[("ORIGIN", "https://b.test"), ("origin()", "https://a.test")], &["https://a.test"]),
        ("Host", &[("host()", "a.test"), ("host", "b.test:1")], &["b.test:1"]),
        ("Host", &[("Host", "b.test:1"), ("host()", "a.test")], &["a.test"]),
        ("User-Agent", &[("User-Agent", "a"), ("User-Agent", "b")], &["b"]),
        ("Authorization", &[("Authorization", "Bearer a"), ("Authorization", "Bearer b")], &["Bearer b"]),
        ("Cookie", &[("Cookie", "a=1"), ("cookies()", ""), ("Cookie", "b=2")], &["b=2"]),
        ("Cache-Control", &[("Cache-Control", "no-store")], &["no-store"]),
        ("X-One", &[("X-One", "a"), ("X-One", "b")], &["a", "b"]),
    ];
    for (name, set, expected) in cases {
        let options = set.iter().fold(Options::new(), |options, &(field, value)| match field {
            "origin()" => options.origin(value).unwrap(),
            "host()" => options.host(value).unwrap(),
            "cookies()" => options.cookies(Cookies),
            _ => options.header(field, value).unwrap(),
        });
        assert_eq!(request(&server, &url, &options).await.fields(name), expected, "{set:?}");
    }
    // Without an option, each of these fields comes from the URL or the store.
    let sent = request(&server, &url, &Options::new().cookies(Cookies)).await;
    let host = server.address().to_string();
    for (name, value) in [("Host", &*host), ("Authorization", "Basic bWU6c2VjcmV0"), ("Cookie", "of=store")] {
        assert_eq!(sent.fields(name), [value]);
    }
    assert_eq!(sent.fields("Origin").len() + sent.fields("User-Agent").len(), 0);
}

#[cfg_attr(target_os = "macos", ignore = "the loopback interface has one address")]
#[tokio::test]
async fn resolved_addresses_are_tried_and_the_name_is_kept() {
    let server = ManualServer::new().await;
    let port = server.address().port();
    let url = format!("ws://Somewhere.invalid:{port}/");
    // Nothing listens at the first address.
    let addresses = [IpAddr::from([127, 0, 0, 77]), server.address().ip()];
    let options = Options::new().resolve("somewhere.INVALID", addresses).unwrap();
    let sent = request(&server, &url, &options).await;
    assert_eq!(sent.fields("Host"), [format!("somewhere.invalid:{port}")]);

    let failure = failure_of(&url, &options.clone().resolve("somewhere.invalid", []).unwrap()).await;
    assert!(matches!(&failure, Failure::Resolve { host, source: None } if host == "somewhere.invalid"), "{failure:?}");
    let failure = failure_of("ws://elsewhere.invalid/", &options).await;
    assert!(matches!(&failure, Failure::Resolve { source: Some(_), .. }), "{failure:?}");

    // The name of a proxy is resolved in the same way.
    let options = options.proxy(Proxy::new(&format!("http://somewhere.invalid:{port}")).unwrap());
    assert_eq!(request(&server, "ws://elsewhere.invalid/", &options).await.path, "elsewhere.invalid:80");
    for invalid in ["127.0.0.1", "[::1]", "a b", ""] {
        assert!(Options::new().resolve(invalid, []).is_err(), "{invalid}");
    }
}

#[cfg_attr(target_os = "macos", ignore = "the loopback interface has one address")]
#[tokio::test]
async fn local_address_is_the_one_the_server_sees() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let own = Ipv4Addr::new(127, 0, 0, 9);
    let _socket = WebSocket::with_options(&format!("ws://{address}/"), (), &Options::new().local_address(own)).unwrap();
    assert_eq!(server.accept().await.unwrap().1.ip(), own);

    let other_family = Options::new().local_address(Ipv6Addr::LOCALHOST);
    let failure = failure_of(&format!("ws://{address}/"), &other_family).await;
    let Failure::Connect { attempts, .. } = &failure else { panic!("{failure:?}") };
    assert_eq!(attempts.len(), 1);
    assert!(failure.to_string().contains("local address of the options is of the other family"), "{failure}");
}

/// Connects over TLS, and returns the name and the protocols of the `ClientHello`, and whether the socket opens.
async fn client_hello(options: &Options, certificate: &TestCertificate) -> (Option<String>, Option<Vec<String>>, bool) {
    let server = ManualServer::new().await;
    let port = server.address().port();
    let options = options.clone().resolve("somewhere.invalid", [server.address().ip()]).unwrap();
    let socket = WebSocket::with_options(&format!("wss://somewhere.invalid:{port}/"), (), &options).unwrap();
    let started = LazyConfigAcceptor::new(Acceptor::default(), server.accept().await).await.unwrap();
    let hello = started.client_hello();
    let name = hello.server_name().map(str::to_owned);
    let protocols = hello.alpn().map(|names| names.map(|name| String::from_utf8(name.to_vec()).unwrap()).collect());
    let stream = started.into_stream(certificate.config()).await;
    let opens = match stream {
        Ok(stream) => {
            let connection = ManualConnection::read(stream).await;
            let connection = connection.accept_upgrade().await;
            let opens = first_event(&socket).await == "open";
            drop(connection);
            opens
        }
        Err(_) => false,
    };
    (name, protocols, opens)
}

#[tokio::test]
async fn tls_sends_the_name_and_protocols_of_the_options() {
    let [server, other] = ["somewhere.invalid", "other.test"].map(TestCertificate::new);
    let trusting = || Options::new().root_certificate(server.certificate()).root_certificate(other.certificate());
    let name = |name: &str| Some(name.to_owned());
    let names = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
    let http = || names(&["http/1.1"]);

    assert_eq!(client_hello(&trusting(), &server).await, (name("somewhere.invalid"), http(), true));
    assert_eq!(client_hello(&trusting(), &other).await, (name("somewhere.invalid"), http(), false));
    let two = trusting().alpn_protocols(["http/1.1", "x-other"]).unwrap();
    assert_eq!(client_hello(&two, &server).await, (name("somewhere.invalid"), names(&["http/1.1", "x-other"]), true));
    let none = trusting().alpn_protocols([""; 0]).unwrap();
    assert_eq!(client_hello(&none, &server).await, (name("somewhere.invalid"), None, true));
    assert!(Options::new().alpn_protocols([""]).is_err());
    assert!(Options::new().alpn_protocols([[b'a'; 256]]).is_err());

    // Without SNI, the certificate is still verified.
    let hidden = trusting().tls_sni(false);
    assert_eq!(client_hello(&hidden, &server).await, (None, http(), true));
    assert_eq!(client_hello(&hidden, &other).await, (None, http(), false));

    let renamed = trusting().tls_server_name("other.test").unwrap();
    assert_eq!(client_hello(&renamed, &other).await, (name("other.test"), http(), true));
    assert_eq!(client_hello(&renamed, &server).await, (name("other.test"), http(), false));
    let by_address = trusting().tls_server_name("127.0.0.1").unwrap();
    assert_eq!(client_hello(&by_address, &other).await, (None, http(), true));
    assert!(Options::new().tls_server_name("a b").is_err());
}

#[tokio::test]
async fn connector_makes_the_stream_to_the_proxy() {
    let server = TestCertificate::new("proxy.test");
    for scheme in ["http", "https"] {
        let proxy = ManualServer::new().await;
        let address = proxy.address();
        let targets = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&targets);
        let options = Options::new()
            .root_certificate(server.certificate())
            .proxy(Proxy::new(&format!("{scheme}://proxy.test:8080")).unwrap())
            .connector(move |target: &Target| {
                seen.lock().unwrap().push((target.secure, target.host.clone(), target.port, target.is_proxy));
                async move { Ok(Box::new(TcpStream::connect(address).await?) as Box<dyn IoStream>) }
            });
        let socket = WebSocket::with_options("ws://somewhere.invalid/", (), &options).unwrap();
        let stream: Box<dyn IoStream> = match scheme {
            "https" => Box::new(server.acceptor().accept(proxy.accept().await).await.unwrap()),
            _ => Box::new(proxy.accept().await),
        };
        let connect = ManualConnection::read(stream).await;
        assert_eq!(connect.path, "somewhere.invalid:80");
        let connection = connect.open_tunnel().await.accept_upgrade().await;
        assert_eq!(first_event(&socket).await, "open");
        assert_eq!(*targets.lock().unwrap(), [(scheme == "https", "proxy.test".to_owned(), 8080, true)]);
        drop(connection);
    }
}
