//! Three clients of one server: what they hear and what the server hears of them is the same, but for a list.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use samesocket::{BinaryType, Event, Options, WebSocket};
use samesocket_fault_server::{Kind, Server, Until};
use samesocket_peers::{binary, digest, line};
use sockudo_ws::client::WebSocketClient;
use sockudo_ws::error::CloseReason;
use sockudo_ws::{Config, Http1, Message as SockudoMessage};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

/// One conversation.
struct Scene {
    query: &'static str,
    /// Whether `chat` is offered.
    offers: bool,
    /// What is done after each event that is heard, the opening being the first.
    deeds: &'static [Deed],
    /// What our client hears, then what the server hears of it.
    heard: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Deed {
    Text(&'static str),
    Bytes(usize),
    Close(Option<(u16, &'static str)>),
}

const fn scene(query: &'static str, deeds: &'static [Deed], heard: &'static [&'static str]) -> Scene {
    Scene { query, offers: false, deeds, heard }
}

use Deed::{Bytes, Close, Text};

/// After how long a conversation of another client that has not ended is given up.
const PATIENCE: Duration = Duration::from_secs(5);

const BYE: Deed = Close(Some((1000, "bye")));

const SCENES: [Scene; 36] = [
    scene(
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
    scene(
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
    scene("", &[Close(None)], &["open", "closed without code", "sent close without code"]),
    scene("", &[Close(Some((4999, "")))], &["open", "closed 4999 \"\"", "sent close 4999 \"\""]),
    Scene {
        query: "subprotocol=chat",
        offers: true,
        deeds: &[BYE],
        heard: &["open chat", "closed 1000 \"bye\"", "sent close 1000 \"bye\""],
    },
    Scene { query: "pick=none", offers: true, deeds: &[BYE], heard: &["failed", "sent no close"] },
    Scene { query: "subprotocol=CHAT", offers: true, deeds: &[BYE], heard: &["failed", "sent no close"] },
    scene("subprotocol=chat", &[BYE], &["failed", "sent no close"]),
    scene("extensions=x-foo", &[BYE], &["failed", "sent no close"]),
    scene("accept=wrong", &[], &["failed", "sent no close"]),
    scene("accept=missing", &[], &["failed", "sent no close"]),
    scene("upgrade=missing", &[], &["failed", "sent no close"]),
    scene("connection=missing", &[], &["failed", "sent no close"]),
    scene("connection=keep-alive,%20Upgrade", &[BYE], &["open", "closed 1000 \"bye\"", "sent close 1000 \"bye\""]),
    scene("status=404", &[], &["failed", "sent no close"]),
    scene(
        "packet=1&do=text:a,close:1000:bye",
        &[],
        &["open", "text \"a\"", "closed 1000 \"bye\"", "sent close 1000 \"bye\""],
    ),
    scene(
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
    scene(
        "do=ping:x,pong:y,text:a,close:3000",
        &[],
        &["open", "text \"a\"", "closed 3000 \"\"", "sent close 3000 \"\""],
    ),
    scene("do=close", &[], &["open", "closed without code", "sent close without code"]),
    scene("do=close:1005", &[], &["open", "failed", "sent close 1002 \"\""]),
    scene("do=close:2999", &[], &["open", "failed", "sent close 1002 \"\""]),
    scene("do=close:5000", &[], &["open", "failed", "sent close 1002 \"\""]),
    scene("do=close-hex:03", &[], &["open", "failed", "sent close 1002 \"\""]),
    scene("do=close-hex:03e8ff", &[], &["open", "failed", "sent close 1007 \"\""]),
    scene("do=badutf8,await-close", &[], &["open", "failed", "sent close 1007 \"\""]),
    scene("do=rsv:4,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    scene("do=opcode:3,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    scene("do=masked:a,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    scene("do=lone-continuation,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    scene("do=nested-start,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    scene("do=big-ping,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    scene("do=fragmented-ping,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    scene("do=nonminimal,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    scene("do=huge-length,await-close", &[], &["open", "failed", "sent close 1002 \"\""]),
    scene("do=text:a,drop", &[], &["open", "text \"a\"", "failed", "sent no close"]),
    scene("do=text:a,fin", &[], &["open", "text \"a\"", "failed", "sent no close"]),
];

/// Another client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    Tungstenite,
    Sockudo,
}

/// Where another client differs from ours.
struct Difference {
    other: Other,
    queries: &'static [&'static str],
    /// What is heard instead of what the table has.
    heard: &'static [&'static str],
    why: &'static str,
}

const fn differs(
    other: Other,
    queries: &'static [&'static str],
    heard: &'static [&'static str],
    why: &'static str,
) -> Difference {
    Difference { other, queries, heard, why }
}

const SILENT: &str = "it drops the connection without a Close; RFC 6455, section 7.1.7, wants one before";

/// What both other clients see, and answer in the same way.
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

use Other::{Sockudo, Tungstenite};

const DIFFERENCES: [Difference; 8] = [
    differs(
        Tungstenite,
        &["connection=keep-alive,%20Upgrade"],
        &["failed", "sent no close"],
        "it wants `Upgrade` alone, though the field is a list; RFC 6455, section 4.1",
    ),
    differs(
        Tungstenite,
        &["extensions=x-foo"],
        &["open", "closed 1000 \"bye\"", "sent close 1000 \"bye\""],
        "it takes an extension that was not offered; RFC 6455, section 4.1",
    ),
    differs(
        Sockudo,
        &["pick=none", "extensions=x-foo"],
        &["open", "closed 1000 \"bye\"", "sent close 1000 \"bye\""],
        "it takes an answer without one of the subprotocols, and any extension; Fetch and RFC 6455, section 4.1",
    ),
    differs(
        Tungstenite,
        &["do=close:1005", "do=close:2999", "do=close:5000"],
        &["open", "closed 1002 \"Protocol violation\"", "sent close 1002 \"Protocol violation\""],
        "it tells of a code that no frame may carry as if the peer had sent 1002",
    ),
    differs(
        Tungstenite,
        &["do=nonminimal,await-close"],
        &["no end", "sent no close"],
        "it takes a length in more bytes than are needed; RFC 6455, section 5.2",
    ),
    differs(Tungstenite, VIOLATIONS, &["open", "failed", "sent no close"], SILENT),
    differs(Sockudo, VIOLATIONS, &["open", "failed", "sent no close"], SILENT),
    differs(
        Sockudo,
        &["do=close:1005", "do=close:2999", "do=close:5000", "do=nonminimal,await-close"],
        &["open", "failed", "sent no close"],
        SILENT,
    ),
];

async fn ours(scene: &Scene, url: &str) -> Vec<String> {
    let protocols: &[&str] = if scene.offers { &["chat"] } else { &[] };
    let socket = WebSocket::with_options(url, protocols, &Options::new()).expect("a good URL");
    socket.set_binary_type(BinaryType::ArrayBuffer);
    let (mut events, mut deeds, mut heard) = (socket.events(), scene.deeds.iter(), Vec::new());
    while let Some(event) = events.next().await {
        match event {
            Event::Open => heard.push(opened(&socket.protocol())),
            Event::Close(close) if close.was_clean => {
                heard.push(closed((close.code != 1005).then_some((close.code, &*close.reason))));
            }
            Event::Close(_) => heard.push("failed".to_owned()),
            Event::Error => continue,
            event => heard.push(line(&event)),
        }
        match deeds.next() {
            Some(Text(text)) => socket.send(*text),
            Some(Bytes(count)) => socket.send(&counting(*count)),
            Some(Close(frame)) => socket.close(frame.map(|frame| frame.0), frame.map(|frame| frame.1)),
            None => Ok(()),
        }
        .expect("nothing to refuse");
    }
    heard
}

async fn tungstenite(scene: &Scene, url: &str) -> Vec<String> {
    let mut request = url.into_client_request().expect("a good URL");
    if scene.offers {
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("chat"));
    }
    let Ok((mut socket, response)) = tokio_tungstenite::connect_async(request).await else {
        return vec!["failed".to_owned()];
    };
    let protocol = response.headers().get("Sec-WebSocket-Protocol").map_or("", |value| value.to_str().unwrap_or("?"));
    let (mut heard, mut deeds, mut end) = (vec![opened(protocol)], scene.deeds.iter(), None);
    loop {
        match deeds.next() {
            Some(Text(text)) => socket.send(Message::text(*text)).await,
            Some(Bytes(count)) => socket.send(Message::binary(counting(*count))).await,
            Some(Close(frame)) => {
                let frame = frame.map(|(code, reason)| CloseFrame { code: code.into(), reason: reason.into() });
                socket.close(frame).await
            }
            None => Ok(()),
        }
        .expect("nothing to refuse");
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => heard.push(text_line(&text)),
                Some(Ok(Message::Binary(bytes))) => heard.push(binary(&bytes)),
                Some(Ok(Message::Close(frame))) => {
                    end = Some(closed(frame.as_ref().map(|frame| (frame.code.into(), &*frame.reason))));
                    continue;
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => {
                    heard.push(end.unwrap_or_else(|| "failed".to_owned()));
                    return heard;
                }
            }
            break;
        }
    }
}

async fn sockudo(scene: &Scene, url: &str) -> Vec<String> {
    let (host, path) = url.trim_start_matches("ws://").split_once('/').expect("a path");
    let stream = TcpStream::connect(host).await.expect("the server listens");
    let client = WebSocketClient::<Http1>::new(Config::builder().max_message_size(64 << 20).build());
    let connected = client.connect(stream, host, &format!("/{path}"), scene.offers.then_some("chat")).await;
    let Ok((mut socket, handshake)) = connected else { return vec!["failed".to_owned()] };
    let protocol = handshake.protocol.unwrap_or_default();
    let (mut heard, mut deeds, mut end) = (vec![opened(&protocol)], scene.deeds.iter(), None);
    loop {
        match deeds.next() {
            Some(Text(text)) => socket.send(SockudoMessage::Text((*text).into())).await,
            Some(Bytes(count)) => socket.send(SockudoMessage::Binary(counting(*count).into())).await,
            Some(Close(frame)) => {
                let frame = frame.map(|(code, reason)| CloseReason::new(code, reason));
                socket.send(SockudoMessage::Close(frame)).await
            }
            None => Ok(()),
        }
        .expect("nothing to refuse");
        loop {
            match socket.next().await {
                Some(Ok(SockudoMessage::Text(text))) => heard.push(text_line(&String::from_utf8_lossy(&text))),
                Some(Ok(SockudoMessage::Binary(bytes))) => heard.push(binary(&bytes)),
                Some(Ok(SockudoMessage::Close(frame))) => {
                    end = Some(closed(frame.as_ref().map(|frame| (frame.code, &*frame.reason))));
                    continue;
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => {
                    heard.push(end.unwrap_or_else(|| "failed".to_owned()));
                    return heard;
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
    if text.len() <= 64 { format!("text {text:?}") } else { format!("text: {}", digest(text.as_bytes())) }
}

/// What the server heard of a client, once that has gone.
async fn heard_by(server: &Server, id: &str) -> Vec<String> {
    let record = server.store().wait_record(id, Until::End).await;
    let mut heard: Vec<_> = record
        .messages
        .iter()
        .map(|message| {
            let kind = if message.kind == Kind::Text { "text" } else { "binary" };
            format!("sent {kind} of {}", message.length)
        })
        .collect();
    heard.push(match record.close {
        None => "sent no close".to_owned(),
        Some(close) => closed(close.code.map(|code| (code, &*close.reason))).replace("closed", "sent close"),
    });
    heard
}

#[tokio::test]
async fn our_client_hears_and_says_what_the_table_has() {
    let server = Server::builder().start().await.expect("a free port");
    for (index, scene) in SCENES.iter().enumerate() {
        let id = format!("ours-{index}");
        let url = format!("ws://{}/ws?id={id}&{}", server.addresses().plain, scene.query);
        let mut heard = ours(scene, &url).await;
        heard.extend(heard_by(&server, &id).await);
        assert_eq!(heard, scene.heard, "{}", scene.query);
    }
}

#[tokio::test]
async fn other_clients_hear_and_say_the_same_but_for_the_list_of_differences() {
    let server = Server::builder().start().await.expect("a free port");
    let mut wrong = Vec::new();
    for (index, scene) in SCENES.iter().enumerate() {
        for other in [Other::Tungstenite, Other::Sockudo] {
            let id = format!("{other:?}-{index}");
            let url = format!("ws://{}/ws?id={id}&{}", server.addresses().plain, scene.query);
            let mut heard = match other {
                Other::Tungstenite => timeout(PATIENCE, tungstenite(scene, &url)).await,
                Other::Sockudo => timeout(PATIENCE, sockudo(scene, &url)).await,
            }
            .unwrap_or_else(|_| vec!["no end".to_owned()]);
            heard.extend(heard_by(&server, &id).await);
            let listed =
                DIFFERENCES.iter().find(|listed| listed.other == other && listed.queries.contains(&scene.query));
            let expected = listed.map_or(scene.heard, |listed| listed.heard);
            // A difference that is none any more is taken off the list.
            if heard != expected || listed.is_some() && heard == scene.heard {
                let why = listed.map_or("no difference is listed", |listed| listed.why);
                wrong.push(format!("{other:?} {:?} {heard:?} ({why})", scene.query));
            }
        }
    }
    for query in DIFFERENCES.iter().flat_map(|listed| listed.queries) {
        assert!(SCENES.iter().any(|scene| scene.query == *query), "no scene is {query}");
    }
    assert!(wrong.is_empty(), "not as the table and the list have it:\n{}", wrong.join("\n"));
}
