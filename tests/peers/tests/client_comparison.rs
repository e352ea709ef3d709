//! A comparison of three clients on the same server.
//!
//! For each case, the client's events and the server's record must match the table, except for a list of known
//! differences of the other clients.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use samesocket::{BinaryType, Event, Options, WebSocket};
use samesocket_fault_server::{Kind, Server, Until};
use samesocket_peers::{describe, describe_binary, summarize};
use sockudo_ws::client::WebSocketClient;
use sockudo_ws::error::CloseReason;
use sockudo_ws::{Config, Http1, Message as SockudoMessage};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

/// One conversation with the server.
struct Case {
    query: &'static str,
    /// Whether the client offers the subprotocol `chat`.
    offers: bool,
    /// The client's actions: one after each event, the first after `open`.
    actions: &'static [Action],
    /// The events of samesocket, then the server's record of it.
    observed: &'static [&'static str],
}

/// An action of the client.
#[derive(Clone, Copy)]
enum Action {
    Text(&'static str),
    Bytes(usize),
    Close(Option<(u16, &'static str)>),
}

const fn case(query: &'static str, actions: &'static [Action], observed: &'static [&'static str]) -> Case {
    Case { query, offers: false, actions, observed }
}

use Action::{Bytes, Close, Text};

/// The longest time that another client's conversation may take. Arbitrary.
const TIMEOUT: Duration = Duration::from_secs(5);

const BYE: Action = Close(Some((1000, "bye")));

const CASES: [Case; 36] = [
    case(
        "",
        &[Text("a"), Text(""), Text("grün"), BYE],
        &[
            "open",
            "text \"a\"",
            "text \"\"",
            "text \"grün\"",
            "closed 1000 \"bye\"",
            "sent text of 1",
            "sent text of 0",
            "sent text of 5",
            "sent close 1000 \"bye\"",
        ],
    ),
    case(
        "",
        &[Bytes(0), Bytes(3), Bytes(1 << 20), BYE],
        &[
            "open",
            "binary ",
            "binary \\x00\\x01\\x02",
            "binary: 1048576 counting up",
            "closed 1000 \"bye\"",
            "sent binary of 0",
            "sent binary of 3",
            "sent binary of 1048576",
            "sent close 1000 \"bye\"",
        ],
    ),
    case("", &[Close(None)], &["open", "closed without code", "sent close without code"]),
    case("", &[Close(Some((4999, "")))], &["open", "closed 4999 \"\"", "sent close 4999 \"\""]),
    Case {
        query: "subprotocol=chat",
        offers: true,
        actions: &[BYE],
        observed: &["open chat", "closed 1000 \"bye\"", "sent close 1000 \"bye\""],
    },
    Case { query: "pick=none", offers: true, actions: &[BYE], observed: &["failed", "sent no close"] },
    Case { query: "subprotocol=CHAT", offers: true, actions: &[BYE], observed: &["failed", "sent no close"] },
    case("subprotocol=chat", &[BYE], &["failed", "sent no close"]),
    case("extensions=x-foo", &[BYE], &["failed", "sent no close"]),
    case("accept=wrong", &[], &["failed", "sent no close"]),
    case("accept=missing", &[], &["failed", "sent no close"]),
    case("upgrade=missing", &[], &["failed", "sent no close"]),
    case("connection=missing", &[], &["failed", "sent no close"]),
    case("connection=keep-alive,%20Upgrade", &[BYE], &["open", "closed 1000 \"bye\"", "sent close 1000 \"bye\""]),
    case("status=404", &[], &["failed", "sent no close"]),
    case(
        "packet=1&do=text:a,close:1000:bye",
        &[],
        &["open", "text \"a\"", "closed 1000 \"bye\"", "sent close 1000 \"bye\""],
    ),
    case(
        "do=frames:text:one|two||three,interleave:a|b,frames:bin:|x,close:1001:gone",
        &[],
        &[
            "open",
            "text \"onetwothree\"",
            "text \"ab\"",
            "binary x",
            "closed 1001 \"gone\"",
            "sent close 1001 \"gone\"",
        ],
    ),
    case(
        "do=ping:x,pong:y,text:a,close:3000",
        &[],
        &["open", "text \"a\"", "closed 3000 \"\"", "sent close 3000 \"\""],
    ),
    case("do=close", &[], &["open", "closed without code", "sent close without code"]),
    case("do=close:1005", &[], &["open", "failed", "sent close 1002 \"\""]),
    case("do=close:2999", &[], &["open", "failed", "sent close 1002 \"\""]),
    case("do=close:5000", &[], &["open", "failed", "sent close 1002 \"\""]),
    case("do=close-hex:03", &[], &["open", "failed", "sent close 1002 \"\""]),
    case("do=close-hex:03e8ff", &[], &["open", "failed", "sent close 1007 \"\""]),
    case("do=badutf8,await-close", &[], &["open", "failed", "sent close 1007 \"\""]),
    case("do=rsv:4,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    case("do=opcode:3,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    case("do=masked:a,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    case("do=lone-continuation,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    case("do=nested-start,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    case("do=big-ping,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    case("do=fragmented-ping,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    case("do=nonminimal,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    case("do=huge-length,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    case("do=text:a,drop", &[], &["open", "text \"a\"", "failed", "sent no close"]),
    case("do=text:a,fin", &[], &["open", "text \"a\"", "failed", "sent no close"]),
];

/// Another client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OtherClient {
    Tungstenite,
    Sockudo,
}

/// A known difference of another client.
struct Difference {
    other: OtherClient,
    queries: &'static [&'static str],
    /// The observation in place of the table's.
    observed: &'static [&'static str],
    reason: &'static str,
}

const fn differs(
    other: OtherClient,
    queries: &'static [&'static str],
    observed: &'static [&'static str],
    reason: &'static str,
) -> Difference {
    Difference { other, queries, observed, reason }
}

const NO_CLOSE_SENT: &str = "it drops the connection without a Close, which RFC 6455, section 7.1.7, requires first";

/// Protocol errors that both other clients detect and answer in the same way.
const VIOLATIONS: &[&str] = &[
    "do=close-hex:03",
    "do=close-hex:03e8ff",
    "do=badutf8,await-close",
    "do=rsv:4,await-close",
    "do=opcode:3,await-close",
    "do=masked:a,await-close",
    "do=lone-continuation,await-close",
    "do=nested-start,await-close",
    "do=big-ping,await-close",
    "do=fragmented-ping,await-close",
    "do=huge-length,await-close",
];

use OtherClient::{Sockudo, Tungstenite};

const DIFFERENCES: [Difference; 8] = [
    differs(
        Tungstenite,
        &["connection=keep-alive,%20Upgrade"],
        &["failed", "sent no close"],
        "it accepts only `Upgrade` alone, but the header is a list; RFC 6455, section 4.1",
    ),
    differs(
        Tungstenite,
        &["extensions=x-foo"],
        &["open", "closed 1000 \"bye\"", "sent close 1000 \"bye\""],
        "it accepts an extension that was not offered; RFC 6455, section 4.1",
    ),
    differs(
        Sockudo,
        &["pick=none", "extensions=x-foo"],
        &["open", "closed 1000 \"bye\"", "sent close 1000 \"bye\""],
        "it accepts a response without an offered subprotocol, and any extension; Fetch and RFC 6455, section 4.1",
    ),
    differs(
        Tungstenite,
        &["do=close:1005", "do=close:2999", "do=close:5000"],
        &["open", "closed 1002 \"Protocol violation\"", "sent close 1002 \"Protocol violation\""],
        "it reports a code that is not allowed in a frame as if the server had sent 1002",
    ),
    differs(
        Tungstenite,
        &["do=nonminimal,await-close"],
        &["timeout", "sent no close"],
        "it accepts a length in more bytes than necessary; RFC 6455, section 5.2",
    ),
    differs(Tungstenite, VIOLATIONS, &["open", "failed", "sent no close"], NO_CLOSE_SENT),
    differs(Sockudo, VIOLATIONS, &["open", "failed", "sent no close"], NO_CLOSE_SENT),
    differs(
        Sockudo,
        &["do=close:1005", "do=close:2999", "do=close:5000", "do=nonminimal,await-close"],
        &["open", "failed", "sent no close"],
        NO_CLOSE_SENT,
    ),
];

/// Runs a case with samesocket, and describes its events.
async fn run_samesocket(case: &Case, url: &str) -> Vec<String> {
    let protocols: &[&str] = if case.offers { &["chat"] } else { &[] };
    let socket = WebSocket::with_options(url, protocols, &Options::new()).expect("the URL is valid");
    socket.set_binary_type(BinaryType::ArrayBuffer);
    let (mut events, mut actions, mut observed) = (socket.events(), case.actions.iter(), Vec::new());
    while let Some(event) = events.next().await {
        match event {
            Event::Open => observed.push(opened(&socket.protocol())),
            Event::Close(close) if close.was_clean => {
                observed.push(closed((close.code != 1005).then_some((close.code, &*close.reason))));
            }
            Event::Close(_) => observed.push("failed".to_owned()),
            Event::Error => continue,
            event => observed.push(describe(&event)),
        }
        match actions.next() {
            Some(Text(text)) => socket.send(*text),
            Some(Bytes(count)) => socket.send(&counting(*count)),
            Some(Close(frame)) => socket.close(frame.map(|frame| frame.0), frame.map(|frame| frame.1)),
            None => Ok(()),
        }
        .expect("the action is valid");
    }
    observed
}

/// Runs a case with tokio-tungstenite, and describes its events.
async fn run_tungstenite(case: &Case, url: &str) -> Vec<String> {
    let mut request = url.into_client_request().expect("the URL is valid");
    if case.offers {
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("chat"));
    }
    let Ok((mut socket, response)) = tokio_tungstenite::connect_async(request).await else {
        return vec!["failed".to_owned()];
    };
    let protocol = response.headers().get("Sec-WebSocket-Protocol").map_or("", |value| value.to_str().unwrap_or("?"));
    let (mut observed, mut actions, mut end) = (vec![opened(protocol)], case.actions.iter(), None);
    loop {
        match actions.next() {
            Some(Text(text)) => socket.send(Message::text(*text)).await,
            Some(Bytes(count)) => socket.send(Message::binary(counting(*count))).await,
            Some(Close(frame)) => {
                let frame = frame.map(|(code, reason)| CloseFrame { code: code.into(), reason: reason.into() });
                socket.close(frame).await
            }
            None => Ok(()),
        }
        .expect("the action is valid");
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => observed.push(text_line(&text)),
                Some(Ok(Message::Binary(bytes))) => observed.push(describe_binary(&bytes)),
                Some(Ok(Message::Close(frame))) => {
                    end = Some(closed(frame.as_ref().map(|frame| (frame.code.into(), &*frame.reason))));
                    continue;
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => {
                    observed.push(end.unwrap_or_else(|| "failed".to_owned()));
                    return observed;
                }
            }
            break;
        }
    }
}

/// Runs a case with sockudo-ws, and describes its events.
async fn run_sockudo(case: &Case, url: &str) -> Vec<String> {
    let (host, path) = url.trim_start_matches("ws://").split_once('/').expect("the URL has a path");
    let stream = TcpStream::connect(host).await.expect("the server listens");
    let client = WebSocketClient::<Http1>::new(Config::builder().max_message_size(64 << 20).build());
    let connected = client.connect(stream, host, &format!("/{path}"), case.offers.then_some("chat")).await;
    let Ok((mut socket, handshake)) = connected else { return vec!["failed".to_owned()] };
    let protocol = handshake.protocol.unwrap_or_default();
    let (mut observed, mut actions, mut end) = (vec![opened(&protocol)], case.actions.iter(), None);
    loop {
        match actions.next() {
            Some(Text(text)) => socket.send(SockudoMessage::Text((*text).into())).await,
            Some(Bytes(count)) => socket.send(SockudoMessage::Binary(counting(*count).into())).await,
            Some(Close(frame)) => {
                let frame = frame.map(|(code, reason)| CloseReason::new(code, reason));
                socket.send(SockudoMessage::Close(frame)).await
            }
            None => Ok(()),
        }
        .expect("the action is valid");
        loop {
            match socket.next().await {
                Some(Ok(SockudoMessage::Text(text))) => observed.push(text_line(&String::from_utf8_lossy(&text))),
                Some(Ok(SockudoMessage::Binary(bytes))) => observed.push(describe_binary(&bytes)),
                Some(Ok(SockudoMessage::Close(frame))) => {
                    end = Some(closed(frame.as_ref().map(|frame| (frame.code, &*frame.reason))));
                    continue;
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => {
                    observed.push(end.unwrap_or_else(|| "failed".to_owned()));
                    return observed;
                }
            }
            break;
        }
    }
}

fn counting(count: usize) -> Vec<u8> {
    (0..251).cycle().take(count).collect()
}

fn opened(protocol: &str) -> String {
    format!("open {protocol}").trim_end().to_owned()
}

fn closed(frame: Option<(u16, &str)>) -> String {
    frame.map_or_else(|| "closed without code".to_owned(), |(code, reason)| format!("closed {code} {reason:?}"))
}

fn text_line(text: &str) -> String {
    if text.len() <= 64 { format!("text {text:?}") } else { format!("text: {}", summarize(text.as_bytes())) }
}

/// Waits until a client has disconnected, and describes the server's record of it.
async fn observed_by_server(server: &Server, id: &str) -> Vec<String> {
    let record = server.store().wait_record(id, Until::End).await;
    let mut observed: Vec<_> = record
        .messages
        .iter()
        .map(|message| {
            let kind = if message.kind == Kind::Text { "text" } else { "binary" };
            format!("sent {kind} of {}", message.length)
        })
        .collect();
    observed.push(match record.close {
        None => "sent no close".to_owned(),
        Some(close) => closed(close.code.map(|code| (code, &*close.reason))).replace("closed", "sent close"),
    });
    observed
}

#[tokio::test]
async fn samesocket_matches_the_table() {
    let server = Server::builder().start().await.expect("a free port");
    for (index, case) in CASES.iter().enumerate() {
        let id = format!("ours-{index}");
        let url = format!("ws://{}/ws?id={id}&{}", server.addresses().plain, case.query);
        let mut observed = run_samesocket(case, &url).await;
        observed.extend(observed_by_server(&server, &id).await);
        assert_eq!(observed, case.observed, "{}", case.query);
    }
}

#[tokio::test]
async fn other_clients_match_except_for_listed_differences() {
    let server = Server::builder().start().await.expect("a free port");
    let mut wrong = Vec::new();
    for (index, case) in CASES.iter().enumerate() {
        for other in [OtherClient::Tungstenite, OtherClient::Sockudo] {
            let id = format!("{other:?}-{index}");
            let url = format!("ws://{}/ws?id={id}&{}", server.addresses().plain, case.query);
            let mut observed = match other {
                OtherClient::Tungstenite => timeout(TIMEOUT, run_tungstenite(case, &url)).await,
                OtherClient::Sockudo => timeout(TIMEOUT, run_sockudo(case, &url)).await,
            }
            .unwrap_or_else(|_| vec!["timeout".to_owned()]);
            observed.extend(observed_by_server(&server, &id).await);
            let listed =
                DIFFERENCES.iter().find(|listed| listed.other == other && listed.queries.contains(&case.query));
            let expected = listed.map_or(case.observed, |listed| listed.observed);
            // A listed difference that no longer occurs must be removed from the list.
            if observed != expected || listed.is_some() && observed == case.observed {
                let reason = listed.map_or("no difference is listed", |listed| listed.reason);
                wrong.push(format!("{other:?} {:?} {observed:?} ({reason})", case.query));
            }
        }
    }
    for query in DIFFERENCES.iter().flat_map(|listed| listed.queries) {
        assert!(CASES.iter().any(|case| case.query == *query), "no case has the query {query}");
    }
    assert!(wrong.is_empty(), "other results than in the table and the list:\n{}", wrong.join("\n"));
}
