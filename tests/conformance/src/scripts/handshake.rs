//! The opening handshake: rules 39, 40, 45, 72, 73, 83, 96, 97, 99, 106, 107, 109 to 111, 115 and 127.

use super::prelude::*;

const FAILED: &[&str] = &["error", "close 1006 \"\" unclean"];
const DONE: &[&str] = &["open", "close 1000 \"\" clean"];

/// A script with a handshake that fails; `$query` tells the server what to do. If the connection opens, the server closes.
macro_rules! fails {
    ($name:literal, $checklist:expr, $query:literal) => {
        script(
            $name,
            $checklist,
            &[Connect(concat!($query, "&do=close:1000"), &[]), Until(Kind::Close), Settle],
            FAILED,
        )
    };
}

/// A script with a handshake that succeeds.
macro_rules! opens {
    ($name:literal, $checklist:expr, $query:literal) => {
        script($name, $checklist, &[Connect(concat!($query, "&do=close:1000"), &[]), Until(Kind::Close)], DONE)
    };
}

pub(super) const SCRIPTS: &[Script] = &[
    script(
        "a new socket is CONNECTING and its attributes are empty",
        &[39, 40],
        &[
            Connect("do=close:1000", &["a"]),
            Read(&[ReadyState, BufferedAmount, Extensions, Protocol, BinaryType]),
            Until(Kind::Close),
            Read(&[ReadyState]),
        ],
        &[
            "readyState CONNECTING",
            "bufferedAmount 0",
            "extensions \"\"",
            "protocol \"\"",
            "binaryType blob",
            "open",
            "close 1000 \"\" clean",
            "readyState CLOSED",
        ],
    ),
    script(
        "messages that come with the handshake come after open, in order",
        &[72, 73, 115],
        &[Connect("packet=1&do=text:a,text:b,close:1000:bye", &[]), Until(Kind::Close)],
        &["open", "message text \"a\"", "message text \"b\"", "close 1000 \"bye\" clean"],
    ),
    script(
        "extensions is empty when none was negotiated",
        &[45],
        &[Connect("do=close:1000", &[]), Within(Kind::Open, &[Read(&[Extensions])]), Until(Kind::Close)],
        &["open", "extensions \"\"", "close 1000 \"\" clean"],
    ),
    script(
        "extensions is the server's header from open on, and after close",
        &[45, 72],
        &[
            Connect("deflate=1&do=close:1000", &[]),
            Read(&[Extensions]),
            Within(Kind::Open, &[Read(&[Extensions])]),
            Within(Kind::Close, &[Read(&[Extensions])]),
            Until(Kind::Close),
        ],
        &[
            "extensions \"\"",
            "open",
            "extensions permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "close 1000 \"\" clean",
            "extensions permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ],
    ),
    script(
        "compression is offered, and what is sent arrives",
        &[99, 127],
        &[
            Connect("deflate=1", &[]),
            Within(Kind::Open, &[Send(Text(Repeated('a', 2000))), Read(&[BufferedAmount])]),
            Until(Kind::Message),
            Close(Some(1000.0), None),
            Until(Kind::Close),
            Server(Field::Extension("permessage-deflate")),
        ],
        &[
            "open",
            "bufferedAmount 2000",
            "message text 2000 all a",
            "close 1000 \"\" clean",
            "server was offered permessage-deflate",
        ],
    ),
    script(
        "the handshake asks for version 13",
        &[97],
        &[Connect("do=close:1000", &[]), Until(Kind::Close), Server(Field::Header("sec-websocket-version"))],
        &["open", "close 1000 \"\" clean", "server saw sec-websocket-version: 13"],
    ),
    opens!("an accept key among spaces is accepted", &[110], "accept=padded"),
    opens!("the upgrade header is compared without case", &[109], "upgrade=WebSocket"),
    opens!("upgrade is one of several connection tokens", &[109], "connection=keep-alive,%20Upgrade"),
    opens!("an early hint does not end the handshake", &[107], "early=1"),
    fails!("status 200 fails the connection", &[107, 83], "status=200"),
    fails!("a redirect fails the connection", &[96, 107], "status=301&location=/ws%3Fdo=close:1000"),
    fails!("status 401 fails the connection without asking", &[106], "status=401"),
    fails!("status 403 fails the connection", &[107, 83], "status=403"),
    fails!("status 500 fails the connection", &[107, 83], "status=500"),
    fails!("an answer that is not HTTP fails the connection", &[83], "handshake=garbage"),
    fails!("a server that ends without an answer fails the connection", &[83], "handshake=drop"),
    fails!("a server that resets without an answer fails the connection", &[83], "handshake=reset"),
    fails!("half an answer fails the connection", &[83], "handshake=half"),
    fails!("a wrong accept key fails the connection", &[110], "accept=wrong"),
    fails!("a missing accept key fails the connection", &[110], "accept=missing"),
    fails!("another upgrade fails the connection", &[109], "upgrade=h2c"),
    fails!("a missing upgrade header fails the connection", &[109], "upgrade=missing"),
    fails!("a missing connection header fails the connection", &[109], "connection=missing"),
    fails!("an extension that was not offered fails the connection", &[111], "extensions=x-unasked"),
    fails!(
        "an unknown parameter of an extension fails the connection",
        &[111],
        "extensions=permessage-deflate;%20x-unknown"
    ),
];
