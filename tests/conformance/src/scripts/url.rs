//! The constructor's URL: checklist 28-34 and 43.

use super::prelude::*;

/// How a connection ends that was given up.
const GIVEN_UP: [&str; 2] = ["error", "close 1006 \"\" unclean"];

/// A URL that is given, and the one that the socket has then; the connection is given up at once.
macro_rules! becomes {
    ($name:literal, $checklist:expr, $given:literal, $url:literal) => {
        script(
            $name,
            $checklist,
            &[ConnectTo($given, Absent), Read(&[Url]), Close(None, None), Until(Kind::Close)],
            &[concat!("url ", $url), GIVEN_UP[0], GIVEN_UP[1]],
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
    becomes!("http means ws", &[32, 43], "HTTP://{server}/a?b", "ws://server/a?b"),
    becomes!("https means wss", &[32, 43], "https://{server}/a?b", "wss://server/a?b"),
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
        &["url ws://localhost/", GIVEN_UP[0], GIVEN_UP[1], "url wss://localhost/", GIVEN_UP[0], GIVEN_UP[1]],
    ),
    becomes!("a relative URL is resolved against the base URL", &[28, 43], "/a/../b?c", "ws://page/b?c"),
    becomes!("a URL without a scheme of its own is resolved too", &[28, 43], "//{server}/a", "ws://server/a"),
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
        "the URL stays the same for ever",
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
        "a blocked port is no exception: the connection fails",
        &[41],
        &[
            ConnectTo("ws://127.0.0.1:25/", Absent),
            Read(&[ReadyState]),
            Until(Kind::Close),
            ConnectTo("ws://127.0.0.1:6000/", Absent),
            Until(Kind::Close),
        ],
        &["readyState CONNECTING", GIVEN_UP[0], GIVEN_UP[1], GIVEN_UP[0], GIVEN_UP[1]],
    ),
    script(
        "IPv6 is reached",
        &[76],
        &[ConnectTo("ws://{server6}/ws?id={id}&do=close:1000", Absent), Until(Kind::Close)],
        &["open", "close 1000 \"\" clean"],
    ),
];
