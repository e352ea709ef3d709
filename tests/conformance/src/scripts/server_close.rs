//! Closing by the server, and lost connections: rules 45, 46, 48, 60, 65, 73, 77 to 84, 121, 122, 124 and 125.

use super::prelude::*;

/// A script with a Close frame of the server, the event, and the answer of the client.
macro_rules! closes {
    ($name:literal, $checklist:expr, $step:literal, $event:literal, $answer:literal) => {
        script(
            $name,
            $checklist,
            &[Connect(concat!("do=", $step), &[]), Until(Kind::Close), Server(Field::Close)],
            &["open", $event, $answer],
        )
    };
}

/// A script with a Close frame of the server that fails the connection.
macro_rules! fails {
    ($name:literal, $checklist:expr, $step:literal) => {
        script(
            $name,
            $checklist,
            &[Connect(concat!("do=gate:now,", $step), &[]), Until(Kind::Open), Release("now"), Until(Kind::Close)],
            &["open", "error", "close 1006 \"\" unclean"],
        )
    };
}

pub(super) const SCRIPTS: &[Script] = &[
    closes!(
        "the server's code and reason come with the close event",
        &[79, 80, 81, 124],
        "close:1001:bye",
        "close 1001 \"bye\" clean",
        "server saw Close 1001 \"bye\""
    ),
    closes!(
        "a Close without a code gives 1005 and is answered without one",
        &[80, 124],
        "close",
        "close 1005 \"\" clean",
        "server saw an empty Close"
    ),
    closes!(
        "the greatest code and a non-ASCII reason are passed on",
        &[80, 81],
        "close:4999:%C3%A9%C3%A9%C3%A9",
        "close 4999 \"ééé\" clean",
        "server saw Close 4999 \"ééé\""
    ),
    fails!("a received 1005 fails the connection", &[84], "close:1005"),
    fails!("a received 1005 with a reason fails the connection", &[84], "close:1005:x"),
    fails!("a received 1006 fails the connection", &[84], "close:1006"),
    fails!("a received 1015 fails the connection", &[84], "close:1015"),
    closes!("a received 0 is passed on", &[84], "close:0", "close 0 \"\" clean", "server saw Close 0 \"\""),
    closes!("a received 999 is passed on", &[84], "close:999", "close 999 \"\" clean", "server saw Close 999 \"\""),
    closes!("a received 1004 is passed on", &[84], "close:1004", "close 1004 \"\" clean", "server saw Close 1004 \"\""),
    closes!("a received 1016 is passed on", &[84], "close:1016", "close 1016 \"\" clean", "server saw Close 1016 \"\""),
    closes!("a received 5000 is passed on", &[84], "close:5000", "close 5000 \"\" clean", "server saw Close 5000 \"\""),
    closes!(
        "a received 65535 is passed on",
        &[84],
        "close:65535",
        "close 65535 \"\" clean",
        "server saw Close 65535 \"\""
    ),
    fails!("a Close of one byte fails the connection", &[122], "close-hex:03"),
    fails!("a reason that is not UTF-8 fails the connection", &[121], "close-hex:03e8ff"),
    closes!(
        "a Close inside an unfinished message is a normal close",
        &[125],
        "raw:010161,close:1000",
        "close 1000 \"\" clean",
        "server saw Close 1000 \"\""
    ),
    closes!(
        "a Close that arrives in pieces is one",
        &[124],
        "raw:88,raw:0203,raw:e8,await-close,fin",
        "close 1000 \"\" clean",
        "server saw Close 1000 \"\""
    ),
    script(
        "data after the server's Close is ignored",
        &[125],
        &[
            Connect("do=gate:now,raw:8800810161,await-close,fin", &[]),
            Until(Kind::Open),
            Release("now"),
            Until(Kind::Close),
        ],
        &["open", "close 1005 \"\" clean"],
    ),
    script(
        "the state is CLOSING between the server's Close and the end of TCP",
        &[77],
        &[
            Connect("do=close:1001,gate:fin", &[]),
            Until(Kind::Open),
            ServerHas(Progress::CloseFrame),
            Settle,
            Read(&[ReadyState]),
            Send(Text(Just("late"))),
            Read(&[BufferedAmount]),
            Close(Some(3000.0), None),
            Release("fin"),
            Until(Kind::Close),
            Server(Field::Close),
        ],
        &["open", "readyState CLOSING", "bufferedAmount 4", "close 1001 \"\" clean", "server saw Close 1001 \"\""],
    ),
    script(
        "a lost connection fires error, then close 1006",
        &[78, 82],
        &[Connect("do=text:a,gate:now,drop", &[]), Until(Kind::Message), Release("now"), Until(Kind::Close), Settle],
        &["open", "message text \"a\"", "error", "close 1006 \"\" unclean"],
    ),
    script(
        "a reset connection fires error, then close 1006",
        &[78, 82],
        &[Connect("do=gate:now,reset", &[]), Until(Kind::Open), Release("now"), Until(Kind::Close), Settle],
        &["open", "error", "close 1006 \"\" unclean"],
    ),
    script(
        "a connection lost inside a message delivers no message",
        &[82],
        &[Connect("do=gate:now,raw:010161,drop", &[]), Until(Kind::Open), Release("now"), Until(Kind::Close)],
        &["open", "error", "close 1006 \"\" unclean"],
    ),
    script(
        "attributes stay readable after a lost connection",
        &[45, 46, 48],
        &[
            Connect("do=gate:now,drop", &["chat"]),
            Until(Kind::Open),
            Release("now"),
            Until(Kind::Close),
            Read(&[ReadyState, Protocol, BufferedAmount]),
            Send(Text(Just("abc"))),
            Read(&[BufferedAmount]),
        ],
        &[
            "open",
            "error",
            "close 1006 \"\" unclean",
            "readyState CLOSED",
            "protocol chat",
            "bufferedAmount 0",
            "bufferedAmount 3",
        ],
    ),
    script(
        "the server's Close within the handshake's packet",
        &[73, 77],
        &[Connect("packet=1&do=close:3000:now", &[]), Until(Kind::Close)],
        &["open", "close 3000 \"now\" clean"],
    ),
    script(
        "sending within open after the server's Close arrived is no error",
        &[60, 65],
        &[Connect("packet=1&do=close:3000", &[]), Within(Kind::Open, &[Send(Text(Just("abc")))]), Until(Kind::Close)],
        &["open", "close 3000 \"\" clean"],
    ),
];
