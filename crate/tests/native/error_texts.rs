//! The texts of errors: `Display` names the reason, and the chain of sources repeats nothing.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, join};
use rcgen::date_time_ymd;
use samesocket::reconnect::Cause;
use samesocket::{
    Blob, ConnectError, Error, Failure, IoStream, Message, Options, ProtocolFailure, Proxy, ProxyFailure,
    RedirectFailure, Response, Socket, Target, connect, rustls, typed,
};
use tokio::net::TcpStream;

use crate::certificates::TestCertificate;
use crate::manual_server::ManualServer;
use crate::streams::over;
use crate::support::{TestServer, UnusedAddress};

/// Returns the texts of an error and of its sources, after a check that no text contains one behind it.
#[track_caller]
fn chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    let errors = std::iter::successors(Some(error), |error| (*error).source());
    let texts: Vec<String> = errors.map(ToString::to_string).collect();
    for (index, text) in texts.iter().enumerate() {
        assert!(!text.is_empty(), "{error:?}");
        let repeated = texts.iter().skip(index + 1).find(|source| text.contains(&***source));
        assert_eq!(repeated, None, "{texts:?}");
    }
    texts
}

/// Connects in vain. Returns the error.
async fn refused(url: &str, options: Options) -> ConnectError {
    connect(url).options(options).await.expect_err("no socket opens")
}

/// Connects to a server that closes the connection after this answer. Returns the text of the error.
async fn text_after(answer: &str) -> String {
    let server = ManualServer::new().await;
    let answered = async { drop(server.next().await.respond(answer).await) };
    let url = server.url("");
    let (error, ()) = join!(refused(&url, Options::new()), answered);
    let texts = chain(&error);
    assert_eq!(texts.len(), 1, "{texts:?}");
    error.to_string()
}

#[test]
fn only_the_first_addresses_of_a_name_are_shown() {
    let text = |count: u8| {
        let attempts = (1..=count).map(|number| (([192, 0, 2, number], 80).into(), Arc::new(io::Error::other("no"))));
        Failure::Connect { host: "a.test".to_owned(), port: 80, attempts: attempts.collect() }.to_string()
    };
    let all = (1..=8).map(|number| format!("192.0.2.{number}:80: no")).collect::<Vec<_>>().join("; ");
    assert_eq!(text(8), format!("no connection to a.test:80: {all}"));
    assert_eq!(text(200), format!("no connection to a.test:80: {all}; and 192 more"));
}

#[tokio::test]
async fn refusal_names_the_status_of_the_server() {
    for (answer, text) in [
        ("HTTP/1.1 401 x\r\n\r\n", "the server answered 401 Unauthorized"),
        ("HTTP/1.1 302 x\r\nLocation: /a\r\n\r\n", "the server answered 302 Found"),
        ("HTTP/1.1 599 Mine\r\n\r\n", "the server answered 599"),
        ("HTTP/1.1 101 x\r\n\r\n", "the response has no Upgrade; expected websocket"),
        ("SSH-2.0-x\r\n", "the head of the response is malformed: it does not begin with HTTP"),
        ("", "the connection ended before the response was complete"),
    ] {
        assert_eq!(text_after(answer).await, text, "{answer:?}");
    }
}

#[tokio::test]
async fn unreachable_server_is_named_with_the_error_of_the_system() {
    let reserved = UnusedAddress::new();
    let unused = reserved.get();
    let port = unused.port();
    let system = TcpStream::connect(unused).await.unwrap_err();
    for (host, text) in [
        ("127.0.0.1", format!("no connection to 127.0.0.1:{port}: {system}")),
        ("[::1]", format!("no connection to [::1]:{port}: {system}")),
        ("localhost", format!("no connection to localhost:{port}: [::1]:{port}: {system}; 127.0.0.1:{port}: {system}")),
    ] {
        assert_eq!(chain(&refused(&format!("ws://{host}:{port}/"), Options::new()).await), [text]);
    }
    let label = "a".repeat(64);
    let error = refused(&format!("ws://{label}.invalid/"), Options::new()).await;
    assert!(error.to_string().starts_with(&format!("no address for `{label}.invalid`: ")), "{error}");
    chain(&error);
    assert_eq!(
        chain(&refused("ws://localhost:25/", Options::new()).await),
        ["port 25 is blocked by the Fetch Standard"]
    );
    let proxy = Proxy::new(&format!("http://{unused}")).unwrap();
    let text = format!("no connection to 127.0.0.1:{port}: {system}");
    assert_eq!(chain(&refused("ws://a.invalid/", Options::new().proxy(proxy)).await), [text]);
}

#[tokio::test]
async fn certificate_problem_is_told_in_plain_words() {
    let valid = TestCertificate::with(&["localhost"], |_| {});
    let expired = TestCertificate::with(&["localhost"], |parameters| {
        (parameters.not_before, parameters.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2024, 2, 29));
    });
    let early = TestCertificate::with(&["localhost"], |parameters| {
        (parameters.not_before, parameters.not_after) = (date_time_ymd(3000, 1, 1), date_time_ymd(3001, 1, 1));
    });
    let named = TestCertificate::with(&["a.test", "192.0.2.1"], |_| {});
    let trusting = |server: &TestCertificate| Options::new().root_certificate(server.certificate());
    for (server, options, text) in [
        (&expired, trusting(&expired), "the certificate expired on 2024-02-29 at 00:00:00 UTC"),
        (&early, trusting(&early), "the certificate is not valid before 3000-01-01 at 00:00:00 UTC"),
        (&named, trusting(&named), "the certificate is not valid for the name localhost, only for a.test, 192.0.2.1"),
        (&valid, trusting(&TestCertificate::new("other")), "the issuer of the certificate is unknown"),
    ] {
        let manual_server = ManualServer::new().await;
        let url = format!("wss://localhost:{}/", manual_server.address().port());
        let accepting = async { server.acceptor().accept(manual_server.accept().await).await.err() };
        let (error, _) = join!(refused(&url, options), accepting);
        let texts = chain(&error);
        assert_eq!(texts[0], format!("the TLS handshake with localhost failed: {text}"));
        // The details of rustls stay in the chain.
        let rustls = error.source().and_then(<dyn StdError>::downcast_ref::<rustls::Error>);
        assert!(matches!(rustls, Some(rustls::Error::InvalidCertificate(_))), "{texts:?}");
    }
}

#[tokio::test]
async fn server_without_tls_is_told_in_plain_words() {
    for (answer, text) in [
        (
            "HTTP/1.1 400 Bad Request\r\n\r\n",
            "the answer is not TLS; a server without TLS has a URL that begins with ws://",
        ),
        ("", "the server closed the connection during the handshake"),
    ] {
        let server = ManualServer::new().await;
        let answering = async {
            let mut stream = server.accept().await;
            tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4096]).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await.unwrap();
        };
        let url = format!("wss://127.0.0.1:{}/", server.address().port());
        let (error, ()) = join!(refused(&url, Options::new()), answering);
        assert_eq!(chain(&error)[0], format!("the TLS handshake with 127.0.0.1 failed: {text}"));
    }
}

/// Returns the error with which a socket ends.
/// The system's number of `ECONNRESET`.
const RESET: i32 = if cfg!(target_os = "linux") {
    104
} else if cfg!(windows) {
    10054
} else {
    54
};

async fn end_of(mut socket: Socket) -> Error {
    loop {
        if let Err(error) = socket.next().await.expect("the end is an error") {
            return error;
        }
    }
}

#[tokio::test]
async fn end_of_an_open_connection_names_the_reason() {
    let test_server = TestServer::new().await;
    let reset = io::Error::from_raw_os_error(RESET);
    for (script, text) in [
        ("do=drop", "the connection ended without a Close frame in each direction".to_owned()),
        ("do=masked:a", "a frame of the server is masked".to_owned()),
        ("do=text:a,reset", format!("the connection was lost: {reset}")),
    ] {
        let error = end_of(connect(test_server.url("a", script)).await.unwrap()).await;
        assert_eq!(chain(&error), [text], "{script}");
    }
}

#[tokio::test]
async fn unclean_close_has_code_reason_and_cause() {
    let server = ManualServer::new().await;
    let url = server.url("");
    // The server closes with 4001 and "bye", and accepts nothing more.
    let (socket, stream) = tokio::io::duplex(4096);
    let options = over(socket);
    let accepting = async {
        let connection = crate::manual_server::ManualConnection::read(stream).await.accept_upgrade().await;
        let mut stream = connection.into_stream();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"\x88\x05\x0f\xa1bye").await.unwrap();
        drop(stream);
    };
    let (socket, ()) = join!(async { connect(&url).options(options).await }, accepting);
    let texts = chain(&end_of(socket.unwrap()).await);
    let start = "the connection did not close cleanly: code 4001 with the reason \"bye\"; the connection was lost: ";
    assert!(texts[0].starts_with(start), "{texts:?}");
}

/// An error with a source, as a codec or a connector of a program may return it.
#[derive(Debug)]
struct Nested(io::Error);

impl std::fmt::Display for Nested {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the outer text")
    }
}

impl StdError for Nested {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

fn nested() -> Nested {
    Nested(io::Error::other("the inner text"))
}

#[tokio::test]
async fn chain_of_each_failure_repeats_nothing() {
    let source = || Arc::new(io::Error::other(nested()));
    let missing = tempfile::tempdir().unwrap().path().join("missing");
    let response = || Response::new(503).with_header("Retry-After", "1");
    let failures = [
        (Failure::BadPort { port: 1 }, 1),
        (Failure::ContradictoryTls, 1),
        (Failure::Resolve { host: "h".to_owned(), source: None }, 1),
        (Failure::Resolve { host: "h".to_owned(), source: Some(source()) }, 2),
        (
            Failure::Connect {
                host: "h".to_owned(),
                port: 1,
                attempts: vec![([127, 0, 0, 1], 1)].into_iter().map(|address| (address.into(), source())).collect(),
            },
            1,
        ),
        (Failure::Connector { source: source() }, 2),
        (Failure::Tls { host: "h".to_owned(), source: source() }, 2),
        (Failure::Refused(response()), 1),
        (Failure::Redirect { reason: RedirectFailure::TooMany, followed: 1, response: response() }, 1),
        (Failure::Protocol(ProtocolFailure::OpeningTimeout), 1),
        (Failure::Lost { source: source() }, 2),
        (Failure::Blob(Blob::from_file(&missing).unwrap_err()), 1),
        (Failure::System { source: source() }, 2),
        (Failure::Runtime, 1),
        (Failure::RuntimeDriver { missing: "time" }, 1),
        (Failure::Panicked { message: Some("text".to_owned()) }, 1),
        (Failure::Proxy(ProxyFailure::InvalidUrl { variable: "http_proxy" }), 1),
        (Failure::Proxy(ProxyFailure::NotUtf8 { variable: "http_proxy" }), 1),
        (Failure::Proxy(ProxyFailure::Cgi { variable: "http_proxy" }), 1),
        (Failure::Proxy(ProxyFailure::Refused(response())), 1),
        (Failure::Proxy(ProxyFailure::MalformedHead), 1),
        (Failure::Proxy(ProxyFailure::Lost { source: source() }), 2),
        (Failure::Proxy(ProxyFailure::Socks { source: source() }), 2),
    ];
    for (failure, length) in &failures {
        let texts = chain(failure);
        assert_eq!(texts.len(), *length, "{texts:?}");
        assert!(*length == 1 || texts[0].contains("the outer text") && texts[1] == "the inner text", "{texts:?}");
    }
}

#[tokio::test]
async fn chain_of_each_error_repeats_nothing() {
    let connector = |_: &Target| async { Err::<Box<dyn IoStream>, _>(io::Error::other(nested())) };
    let failed = || async { refused("ws://h/", Options::new().connector(connector)).await };
    let expected = ["the connector of the options returned an error: the outer text", "the inner text"];
    let ConnectError::Failed(connection_failed) = failed().await else { panic!("another error") };
    let exception = connect("/").await.unwrap_err();
    let lost = || Error::<Message>::Failed(connection_failed.clone());
    let typed = |error: Error| typed::Error::<Error>::Socket(error);
    let prepared = Cause::NotPrepared(Arc::new(Error::Failed(connection_failed.clone())));
    let long: [(&dyn StdError, &[&str]); 5] = [
        (&connection_failed, &expected),
        (&failed().await, &expected),
        (&lost(), &expected),
        (&Cause::NotConnected(Arc::new(failed().await)), &expected),
        (&typed(lost()), &expected),
    ];
    for (error, expected) in long {
        assert_eq!(chain(error), expected);
    }
    assert_eq!(chain(&prepared)[1], "the inner text");

    let missing = tempfile::tempdir().unwrap().path().join("missing");
    let blob = Blob::from_file(&missing).unwrap_err();
    let timed_out = ConnectError::TimedOut { after: Duration::from_secs(1) };
    let decode = typed::Error::<Error>::Decode { message: Message::from("a"), source: Box::new(nested()) };
    let encode = typed::Error::<Error>::Encode { source: Box::new(nested()) };
    assert_eq!(chain(&decode), ["a message of 1 byte could not be decoded: the outer text", "the inner text"]);
    assert_eq!(chain(&encode), ["a value could not be encoded: the outer text", "the inner text"]);
    let option = Options::new().header("Connection", "a").unwrap_err();
    let (sender, _) = samesocket::testing::pair().0.split();
    let (_, receiver) = samesocket::testing::pair().0.split();
    let reunite = Socket::reunite(sender, receiver).unwrap_err();
    let single: [&dyn StdError; 12] = [
        &exception,
        &timed_out,
        &blob,
        &option,
        &reunite,
        &Error::<Message>::Unreadable(blob.clone()),
        &Error::<Message>::Undelivered { bytes: 1 },
        &Error::<Message>::Idle { after: Duration::from_secs(1) },
        &Error::<Message>::NoAnswer { after: Duration::from_secs(1) },
        &Error::<Message>::CloseTimedOut { after: Duration::from_secs(1) },
        &Error::<Message>::ReceiveLimit { messages: 1, bytes: 1 },
        &Error::<Message>::NotOpen(Message::from("a")),
    ];
    for error in single {
        assert_eq!(chain(error).len(), 1);
    }
}

#[tokio::test]
async fn byte_stream_error_repeats_nothing() {
    let test_server = TestServer::new().await;
    let stream = connect(test_server.url("a", "do=masked:a")).await.unwrap().into_bytes();
    let mut framed = tokio_util::codec::Framed::new(stream, tokio_util::codec::LinesCodec::new());
    let error = loop {
        match framed.next().await {
            Some(Err(error)) => break error,
            Some(Ok(_)) => {}
            None => panic!("the end is an error"),
        }
    };
    assert_eq!(chain(&error).len(), 1);
}

#[tokio::test]
async fn url_that_is_refused_says_what_is_missing() {
    for (url, text) in [
        ("example.com/chat", r#"the URL "example.com/chat" has no scheme; it begins with wss:// or ws://"#),
        ("127.0.0.1:8080", r#"the URL "127.0.0.1:8080" has no scheme; it begins with wss:// or ws://"#),
        ("", r#"the URL "" has no scheme; it begins with wss:// or ws://"#),
        ("localhost:8080/a", r#"the URL "localhost:8080/a" has the scheme "localhost", not ws, wss, http or https"#),
        ("wss://", r#"the URL "wss://" has no host, or an invalid host or port"#),
        ("wss://h:99999/", r#"the URL "wss://h:99999/" has no host, or an invalid host or port"#),
    ] {
        assert_eq!(connect(url).await.unwrap_err().to_string(), text);
    }
}
