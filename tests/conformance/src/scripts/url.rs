//! The URL of the constructor: rules 28 to 34 and 43.

use super::prelude::*;

/// The events of a connection that is closed while connecting.
const FAILED: [&str; 2] = ["error", "close 1006 \"\" unclean"];

/// A script that checks the serialized form of a URL, and closes the connection at once.
macro_rules! becomes {
    ($name:literal, $checklist:expr, $given:literal, $url:literal) => {
        script(
            $name,
            $checklist,
            &[ConnectTo($given, Absent), Read(&[Url]), Close(None, None), Until(Kind::Close)],
            &[concat!("url ", $url), FAILED[0], FAILED[1]],
        )
    };
}

pub(super) const SCRIPTS: &[Script] = &[
    script(
        "a URL that cannot be parsed throws",
        &[29, 30],
        &[ConnectTo("ws://", Absent), ConnectTo("ws://h:99999/", Absent), ConnectTo("http://[::1/", Absent)],
        &["throws SyntaxError 12", "throws SyntaxError 12", "throws SyntaxError 12"],
    ),
    script("a space in the host throws", &[31], &[ConnectTo("ws://foo bar.com/", Absent)], &["throws SyntaxError 12"]),
    script(
        "a percent-encoded space in the host throws",
        &[31],
        &[ConnectTo("ws://foo%20bar.com/", Absent)],
        &["throws SyntaxError 12"],
    ),
    script(
        "other forbidden code points in the host throw",
        &[31],
        &[
            ConnectTo("ws://a<b/", Absent),
            ConnectTo("ws://a^b/", Absent),
            ConnectTo("ws://a|b/", Absent),
            ConnectTo("ws://a%b/", Absent),
        ],
        &["throws SyntaxError 12", "throws SyntaxError 12", "throws SyntaxError 12", "throws SyntaxError 12"],
    ),
    script(
        "schemes other than ws, wss, http and https throw",
        &[33],
        &[
            ConnectTo("ftp://h/", Absent),
            ConnectTo("mailto:a@h", Absent),
            ConnectTo("about:blank", Absent),
            ConnectTo("data:,a", Absent),
            ConnectTo("file:///a", Absent),
            ConnectTo("javascript:0", Absent),
            ConnectTo("blob:http://h/0", Absent),
        ],
        &[
            "throws SyntaxError 12",
            "throws SyntaxError 12",
            "throws SyntaxError 12",
            "throws SyntaxError 12",
            "throws SyntaxError 12",
            "throws SyntaxError 12",
            "throws SyntaxError 12",
        ],
    ),
    script(
        "a fragment throws, an empty one too",
        &[34],
        &[
            ConnectTo("ws://{server}/#f", Absent),
            ConnectTo("ws://{server}/#", Absent),
            ConnectTo("http://{server}/#", Absent),
            ConnectTo("#f", Absent),
            ConnectTo("#", Absent),
        ],
        &[
            "throws SyntaxError 12",
            "throws SyntaxError 12",
            "throws SyntaxError 12",
            "throws SyntaxError 12",
            "throws SyntaxError 12",
        ],
    ),
    becomes!("a number sign that is encoded is no fragment", &[34, 43], "ws://{server}/%23?%23", "ws://server/%23?%23"),
    becomes!("http is replaced by ws", &[32, 43], "HTTP://{server}/a?b", "ws://server/a?b"),
    becomes!("https is replaced by wss", &[32, 43], "https://{server}/a?b", "wss://server/a?b"),
    script(
        "a connection over http's scheme is a WebSocket connection",
        &[32, 95],
        &[ConnectTo("http://{server}/ws?id={id}&do=text:a,close:1000", Absent), Until(Kind::Close)],
        &["open", "message text \"a\"", "close 1000 \"\" clean"],
    ),
    script(
        "the default port is dropped",
        &[32, 43],
        &[
            ConnectTo("ws://localhost:80/", Absent),
            Read(&[Url]),
            Close(None, None),
            Until(Kind::Close),
            ConnectTo("https://localhost:443/", Absent),
            Read(&[Url]),
            Close(None, None),
            Until(Kind::Close),
        ],
        &["url ws://localhost/", FAILED[0], FAILED[1], "url wss://localhost/", FAILED[0], FAILED[1]],
    ),
    becomes!("a relative URL is resolved against the base URL", &[28, 43], "/a/../b?c", "ws://page/b?c"),
    becomes!("a URL without a scheme is resolved against the base URL", &[28, 43], "//{server}/a", "ws://server/a"),
    becomes!(
        "the URL is serialized: lower case, a path, the credentials",
        &[43],
        " WS://User:Word@LocalHost:{port} ",
        "ws://User:Word@localhost:port/"
    ),
    becomes!(
        "a host of full-width letters is mapped to ASCII",
        &[43],
        "ws://ｌｏｃａｌｈｏｓｔ:{port}/",
        "ws://localhost:port/"
    ),
    becomes!("the query is encoded as UTF-8", &[29, 43], "ws://{server}/ä?ä€", "ws://server/%C3%A4?%C3%A4%E2%82%AC"),
    script(
        "the URL never changes",
        &[43],
        &[
            ConnectTo("ws://{server}/ws?do=close:1000", Absent),
            Within(Kind::Close, &[Read(&[Url])]),
            Read(&[Url]),
            Until(Kind::Close),
            Read(&[Url]),
        ],
        &[
            "url ws://server/ws?do=close:1000",
            "open",
            "close 1000 \"\" clean",
            "url ws://server/ws?do=close:1000",
            "url ws://server/ws?do=close:1000",
        ],
    ),
    script(
        "a blocked port throws nothing; the connection fails",
        &[41],
        &[
            ConnectTo("ws://127.0.0.1:25/", Absent),
            Read(&[ReadyState]),
            Until(Kind::Close),
            ConnectTo("ws://127.0.0.1:6000/", Absent),
            Until(Kind::Close),
        ],
        &["readyState CONNECTING", FAILED[0], FAILED[1], FAILED[0], FAILED[1]],
    ),
    script(
        "an IPv6 address can be reached",
        &[76],
        &[ConnectTo("ws://{server6}/ws?id={id}&do=close:1000", Absent), Until(Kind::Close)],
        &["open", "close 1000 \"\" clean"],
    ),
];
