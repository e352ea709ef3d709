//! Frames that violate the protocol: rules 73, 82, 116 to 121 and 126.

use super::prelude::*;

/// A script with a violation after the handshake; a message in the same packet must not be delivered.
macro_rules! fails {
    ($name:literal, $checklist:expr, $steps:literal) => {
        script(
            $name,
            $checklist,
            &[
                Connect(concat!("do=gate:now,together,", $steps, ",text:after,close:1000"), &[]),
                Until(Kind::Open),
                Release("now"),
                Until(Kind::Close),
                Settle,
            ],
            &["open", "error", "close 1006 \"\" unclean"],
        )
    };
}

pub(super) const SCRIPTS: &[Script] = &[
    fails!("a masked frame fails the connection", &[116], "masked:a"),
    fails!("the first reserved bit fails the connection", &[117], "rsv:4"),
    fails!("the second reserved bit fails the connection", &[117], "rsv:2"),
    fails!("the third reserved bit fails the connection", &[117], "rsv:1"),
    fails!("a reserved data opcode fails the connection", &[117], "opcode:3"),
    fails!("a reserved control opcode fails the connection", &[117], "opcode:11"),
    fails!("a ping of more than 125 bytes fails the connection", &[118], "big-ping"),
    fails!("a fragmented ping fails the connection", &[118], "fragmented-ping"),
    fails!("a continuation without a start fails the connection", &[119], "lone-continuation"),
    fails!("a message inside a message fails the connection", &[119], "nested-start"),
    fails!("a length that is not minimal fails the connection", &[120], "nonminimal"),
    fails!("a length of more than 63 bits fails the connection", &[120], "huge-length"),
    fails!("text that is not UTF-8 fails the connection", &[121], "badutf8"),
    fails!("a bad byte in an unfinished message fails the connection", &[121], "badutf8-split"),
    script(
        "a protocol error is reported to the server with 1002",
        &[126],
        &[
            Connect("do=gate:now,rsv:2,await-close,fin", &[]),
            Until(Kind::Open),
            Release("now"),
            Until(Kind::Close),
            Server(Field::CloseCode),
        ],
        &["open", "error", "close 1006 \"\" unclean", "server saw the code 1002"],
    ),
    script(
        "bad UTF-8 is reported to the server with 1007",
        &[121, 126],
        &[
            Connect("do=gate:now,badutf8,await-close,fin", &[]),
            Until(Kind::Open),
            Release("now"),
            Until(Kind::Close),
            Server(Field::CloseCode),
        ],
        &["open", "error", "close 1006 \"\" unclean", "server saw the code 1007"],
    ),
    script(
        "a violation in the packet of the handshake fires open, then fails",
        &[73, 82],
        &[Connect("packet=1&do=rsv:4,close:1000", &[]), Until(Kind::Close)],
        &["open", "error", "close 1006 \"\" unclean"],
    ),
    script(
        "a message before a violation is delivered",
        &[82],
        &[
            Connect("do=gate:first,text:a,gate:now,opcode:3,close:1000", &[]),
            Until(Kind::Open),
            Release("first"),
            Until(Kind::Message),
            Release("now"),
            Until(Kind::Close),
        ],
        &["open", "message text \"a\"", "error", "close 1006 \"\" unclean"],
    ),
];
