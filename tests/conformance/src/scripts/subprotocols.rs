//! Subprotocols, offered and selected: rules 12, 35 to 37, 39, 46, 72, 73, 98, 108, 112 and 113.

use super::prelude::*;

const FAILED: &[&str] = &["error", "close 1006 \"\" unclean"];

/// Steps and exceptions for names that each contain one invalid character.
macro_rules! refused {
    ($($name:literal),+ $(,)?) => {
        (&[$(ConnectTo("ws://{server}/", List(&[$name]))),+], &[$(refused!(@ $name)),+])
    };
    (@ $name:literal) => { "throws SyntaxError 12" };
}

const SEPARATORS: (&[crate::script::Step], &[&str]) = refused!(
    "a(", "a)", "a<", "a>", "a@", "a,", "a;", "a:", "a\\", "a\"", "a/", "a[", "a]", "a?", "a=", "a{", "a}", "a ",
    "a\t",
);

const CONTROLS: (&[crate::script::Step], &[&str]) =
    refused!("\0", "a\n", "a\r", "\u{1f}", "\u{7f}", "\u{80}", "é", "a\u{2028}", "😀");

pub(super) const SCRIPTS: &[Script] = &[
    script(
        "a repeated subprotocol throws",
        &[37],
        &[ConnectTo("ws://{server}/", List(&["chat", "a", "chat"]))],
        &["throws SyntaxError 12"],
    ),
    script(
        "subprotocols that differ in case are two",
        &[37],
        &[Connect("pick=last&do=close:1000", &["echo", "eCho"]), Until(Kind::Close), Read(&[Protocol])],
        &["open", "close 1000 \"\" clean", "protocol eCho"],
    ),
    script(
        "the empty string is no subprotocol",
        &[35],
        &[ConnectTo("ws://{server}/", List(&["a", ""])), ConnectTo("ws://{server}/", One(""))],
        &["throws SyntaxError 12", "throws SyntaxError 12"],
    ),
    script("a separator in a subprotocol throws", &[36], SEPARATORS.0, SEPARATORS.1),
    script("a control or a character beyond ASCII in a subprotocol throws", &[36], CONTROLS.0, CONTROLS.1),
    script(
        "two names in one string are not a token",
        &[35, 36],
        &[ConnectTo("ws://{server}/", One("a, b"))],
        &["throws SyntaxError 12"],
    ),
    script(
        "an object as second argument becomes a string that is not a token",
        &[12, 36],
        &[ConnectTo("ws://{server}/", Object)],
        &["throws SyntaxError 12"],
    ),
    script(
        "every character of a token is accepted",
        &[36],
        &[
            Connect("do=close:1000", &["!#$%&'*+-.^_`|~09azAZ", "chat.example.com"]),
            Until(Kind::Close),
            Read(&[Protocol]),
        ],
        &["open", "close 1000 \"\" clean", "protocol !#$%&'*+-.^_`|~09azAZ"],
    ),
    script(
        "a string is a list of one",
        &[35],
        &[ConnectTo("ws://{server}/ws?id={id}&do=close:1000", One("chat")), Until(Kind::Close), Server(Field::Offered)],
        &["open", "close 1000 \"\" clean", "server was offered [\"chat\"]"],
    ),
    script(
        "subprotocols are offered in order, in one header",
        &[98],
        &[
            Connect("pick=last&do=close:1000", &["b", "a"]),
            Until(Kind::Close),
            Server(Field::Header("sec-websocket-protocol")),
        ],
        &["open", "close 1000 \"\" clean", "server saw sec-websocket-protocol: b, a"],
    ),
    script(
        "no header is sent when no subprotocol is offered",
        &[98],
        &[Connect("do=close:1000", &[]), Until(Kind::Close), Server(Field::Header("sec-websocket-protocol"))],
        &["open", "close 1000 \"\" clean", "server saw no sec-websocket-protocol"],
    ),
    script(
        "protocol is the server's choice from open on, and after close",
        &[39, 46, 72],
        &[
            Connect("pick=last&do=close:1000", &["a", "b"]),
            Read(&[Protocol]),
            Within(Kind::Open, &[Read(&[Protocol])]),
            Within(Kind::Close, &[Read(&[Protocol])]),
            Until(Kind::Close),
        ],
        &["protocol \"\"", "open", "protocol b", "close 1000 \"\" clean", "protocol b"],
    ),
    script(
        "an offered subprotocol that the server does not choose fails the connection",
        &[108],
        &[
            Connect("pick=none&do=close:1000", &["chat"]),
            Within(Kind::Close, &[Read(&[Protocol, Extensions, BufferedAmount])]),
            Until(Kind::Close),
            Settle,
        ],
        &["error", "close 1006 \"\" unclean", "protocol \"\"", "extensions \"\"", "bufferedAmount 0"],
    ),
    script(
        "an empty choice fails the connection",
        &[108],
        &[Connect("pick=none&subprotocol=&do=close:1000", &["chat"]), Until(Kind::Close)],
        FAILED,
    ),
    script(
        "a connection that fails for its subprotocol delivers no message",
        &[73, 108],
        &[Connect("pick=none&packet=1&do=text:a,close:1000", &["chat"]), Until(Kind::Close), Settle],
        FAILED,
    ),
    script(
        "a subprotocol that was not asked for fails the connection",
        &[112],
        &[Connect("pick=none&subprotocol=chat&do=text:a,close:1000", &[]), Until(Kind::Close), Settle],
        FAILED,
    ),
    script(
        "a subprotocol other than those offered fails the connection",
        &[112],
        &[Connect("pick=none&subprotocol=other&do=close:1000", &["chat"]), Until(Kind::Close)],
        FAILED,
    ),
    script(
        "a subprotocol in other case fails the connection",
        &[112],
        &[Connect("pick=upper&do=close:1000", &["chat"]), Until(Kind::Close)],
        FAILED,
    ),
    script(
        "two headers with a subprotocol fail the connection",
        &[113],
        &[Connect("pick=none&subprotocol=chat&subprotocol=chat&do=close:1000", &["chat"]), Until(Kind::Close)],
        FAILED,
    ),
    script(
        "a list of subprotocols fails the connection",
        &[113],
        &[Connect("pick=none&subprotocol=a,%20b&do=close:1000", &["a", "b"]), Until(Kind::Close)],
        FAILED,
    ),
];
