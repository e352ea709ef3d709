//! Closing by `close()`: rules 15, 16, 50 to 60, 74, 78, 80 and 82.

use super::prelude::*;

/// A script that passes wrong codes, which throw and leave the socket open.
macro_rules! refused {
    ($name:literal, $checklist:expr, $($code:expr),+) => {
        script(
            $name,
            $checklist,
            &[
                Connect("", &[]),
                Until(Kind::Open),
                $(Close(Some($code), None),)+
                Read(&[ReadyState]),
                Close(Some(1000.0), None),
                Until(Kind::Close),
            ],
            &["open", $(refused!(@ $code),)+ "readyState OPEN", "close 1000 \"\" clean"],
        )
    };
    (@ $code:expr) => { "throws InvalidAccessError 15" };
}

/// A script that checks the Close frame for some arguments, and the event after an echoing server answers.
macro_rules! sends {
    ($name:literal, $checklist:expr, $code:expr, $reason:expr, $wire:literal, $event:literal) => {
        script(
            $name,
            $checklist,
            &[
                Connect("", &[]),
                Until(Kind::Open),
                Close($code, $reason),
                Read(&[ReadyState]),
                Until(Kind::Close),
                Server(Field::Close),
            ],
            &["open", "readyState CLOSING", $event, $wire],
        )
    };
}

pub(super) const SCRIPTS: &[Script] = &[
    sends!(
        "close without arguments sends an empty Close",
        &[57, 80],
        None,
        None,
        "server saw an empty Close",
        "close 1005 \"\" clean"
    ),
    sends!(
        "close with 1000 sends it",
        &[58],
        Some(1000.0),
        None,
        "server saw Close 1000 \"\"",
        "close 1000 \"\" clean"
    ),
    sends!(
        "close with 3000 and a reason sends both",
        &[58],
        Some(3000.0),
        Some(Just("bye")),
        "server saw Close 3000 \"bye\"",
        "close 3000 \"bye\" clean"
    ),
    sends!(
        "a reason of 123 bytes is sent",
        &[51],
        Some(4999.0),
        Some(Just("éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééa")),
        "server saw Close 4999 \"éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééa\"",
        "close 4999 \"éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééa\" clean"
    ),
    sends!(
        "close with a reason and no code sends 1000",
        &[16, 59],
        None,
        Some(Just("x")),
        "server saw Close 1000 \"x\"",
        "close 1000 \"x\" clean"
    ),
    sends!(
        "close with an empty reason and no code sends an empty Close",
        &[16, 59],
        None,
        Some(Just("")),
        "server saw an empty Close",
        "close 1005 \"\" clean"
    ),
    sends!(
        "a code of 999.5 is rounded to 1000",
        &[15],
        Some(999.5),
        None,
        "server saw Close 1000 \"\"",
        "close 1000 \"\" clean"
    ),
    sends!(
        "a code of 999.9 is rounded to 1000",
        &[15],
        Some(999.9),
        None,
        "server saw Close 1000 \"\"",
        "close 1000 \"\" clean"
    ),
    sends!(
        "a code of 2999.6 is rounded to 3000",
        &[15],
        Some(2999.6),
        None,
        "server saw Close 3000 \"\"",
        "close 3000 \"\" clean"
    ),
    refused!("a code of 4999.5 or 4999.9 is rounded to 5000 and throws", &[15], 4999.5, 4999.9),
    refused!("a code that is not a number throws", &[15, 50], f64::NAN),
    refused!("a code beyond 16 bits is clamped and throws", &[15, 50], 66536.0, -1.0),
    refused!("the code 0 throws", &[50], 0.0),
    refused!("codes from 1001 to 2999 throw", &[50], 1001.0, 1005.0, 1006.0, 1015.0, 1016.0, 2999.0),
    refused!("codes from 5000 up throw", &[50], 5000.0, 65535.0),
    script(
        "a reason of more than 123 bytes throws",
        &[51],
        &[
            Connect("", &[]),
            Until(Kind::Open),
            Close(Some(1000.0), Some(Repeated('a', 124))),
            Close(Some(1000.0), Some(Repeated('é', 62))),
            Close(None, Some(Repeated('a', 124))),
            Read(&[ReadyState]),
            Close(Some(1000.0), Some(Repeated('a', 123))),
            Until(Kind::Close),
        ],
        &[
            "open",
            "throws SyntaxError 12",
            "throws SyntaxError 12",
            "throws SyntaxError 12",
            "readyState OPEN",
            "close 1000 \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" clean",
        ],
    ),
    script(
        "a wrong code is reported before a long reason",
        &[52],
        &[
            Connect("", &[]),
            Until(Kind::Open),
            Close(Some(0.0), Some(Repeated('a', 200))),
            Close(Some(1000.0), None),
            Until(Kind::Close),
        ],
        &["open", "throws InvalidAccessError 15", "close 1000 \"\" clean"],
    ),
    script(
        "bad arguments throw in every state and change none",
        &[52],
        &[
            Connect("", &[]),
            Close(Some(1001.0), None),
            Close(Some(1000.0), Some(Repeated('a', 124))),
            Read(&[ReadyState]),
            Until(Kind::Open),
            Close(Some(1000.0), None),
            Close(Some(1001.0), None),
            Close(Some(1000.0), Some(Repeated('a', 124))),
            Read(&[ReadyState]),
            Until(Kind::Close),
            Close(Some(1001.0), None),
            Close(Some(1000.0), Some(Repeated('a', 124))),
            Read(&[ReadyState]),
        ],
        &[
            "throws InvalidAccessError 15",
            "throws SyntaxError 12",
            "readyState CONNECTING",
            "open",
            "throws InvalidAccessError 15",
            "throws SyntaxError 12",
            "readyState CLOSING",
            "close 1000 \"\" clean",
            "throws InvalidAccessError 15",
            "throws SyntaxError 12",
            "readyState CLOSED",
        ],
    ),
    script(
        "closing again does nothing",
        &[54],
        &[
            Connect("", &[]),
            Within(Kind::Close, &[Close(None, None), Close(Some(4000.0), None)]),
            Until(Kind::Open),
            Close(Some(1000.0), None),
            Close(Some(3000.0), Some(Just("again"))),
            Until(Kind::Close),
            Close(None, None),
            Settle,
            Read(&[ReadyState]),
            Server(Field::Close),
        ],
        &["open", "close 1000 \"\" clean", "readyState CLOSED", "server saw Close 1000 \"\""],
    ),
    script(
        "closing while connecting fails the connection",
        &[55, 78],
        &[
            Connect("hold=handshake", &[]),
            Close(None, None),
            Read(&[ReadyState]),
            Until(Kind::Close),
            Read(&[ReadyState, Protocol, Extensions]),
            // Firefox keeps one of its six connections to the server in use until the request is answered.
            Release("handshake"),
        ],
        &[
            "readyState CLOSING",
            "error",
            "close 1006 \"\" unclean",
            "readyState CLOSED",
            "protocol \"\"",
            "extensions \"\"",
        ],
    ),
    script(
        "closing while connecting ignores code and reason",
        &[55],
        &[Connect("", &["a"]), Close(Some(3000.0), Some(Just("no"))), Until(Kind::Close), Settle],
        &["error", "close 1006 \"\" unclean"],
    ),
    script(
        "a connection closed while the server answers never opens",
        &[55],
        &[
            Connect("hold=handshake&do=text:a,close:1000", &[]),
            ServerHas(Progress::Request),
            Close(None, None),
            Release("handshake"),
            Until(Kind::Close),
            Settle,
        ],
        // The record of the server depends on timing: nothing, or the Close frame of an established connection.
        &["error", "close 1006 \"\" unclean"],
    ),
    script(
        "closing within open",
        &[56],
        &[
            Connect("", &[]),
            Within(Kind::Open, &[Close(Some(3001.0), Some(Just("at once"))), Read(&[ReadyState])]),
            Until(Kind::Close),
        ],
        &["open", "readyState CLOSING", "close 3001 \"at once\" clean"],
    ),
    script(
        "no message event comes after close",
        &[74],
        &[
            Connect("packet=1&do=text:a,text:b,text:c,bytes:70000,text:d,echo", &[]),
            Within(Kind::Message, &[Close(Some(1000.0), None)]),
            Until(Kind::Close),
            Settle,
        ],
        // The state of an event is read before the steps within it, so it is still OPEN.
        &["open", "message text \"a\"", "close 1000 \"\" clean"],
    ),
    script(
        "no message event comes for what is sent after our Close",
        &[74, 125],
        &[
            Connect("do=await-close,text:a,bytes:5,answer", &[]),
            Until(Kind::Open),
            Close(Some(1000.0), None),
            Until(Kind::Close),
            Settle,
        ],
        &["open", "close 1000 \"\" clean"],
    ),
    script(
        "the code of the close event is the server's, not ours",
        &[80],
        &[
            Connect("do=await-close,answer:1001:PASS", &[]),
            Until(Kind::Open),
            Close(None, None),
            Until(Kind::Close),
            Server(Field::Close),
        ],
        &["open", "close 1001 \"PASS\" clean", "server saw an empty Close"],
    ),
    script(
        "an answer without a code gives 1005, whatever code was sent",
        &[80],
        &[
            Connect("do=await-close,answer-empty", &[]),
            Until(Kind::Open),
            Close(Some(3000.0), Some(Just("a"))),
            Until(Kind::Close),
        ],
        &["open", "close 1005 \"\" clean"],
    ),
    script(
        "a server that ends TCP instead of answering gives 1006 without error",
        &[78, 82],
        &[Connect("do=await-close,drop", &[]), Until(Kind::Open), Close(Some(1000.0), None), Until(Kind::Close)],
        &["open", "close 1006 \"\" unclean"],
    ),
    script(
        "dropping the last handle sends an empty Close",
        &[87, 88, 90],
        &[Connect("", &[]), Until(Kind::Open), Drop, Server(Field::Close)],
        &["open", "server saw an empty Close"],
    ),
    script(
        "dropping the last handle within an event sends an empty Close",
        &[88, 90],
        &[
            Connect("do=text:a,text:b,echo", &[]),
            Within(Kind::Message, &[Drop]),
            Until(Kind::Message),
            Server(Field::Close),
        ],
        &["open", "message text \"a\"", "server saw an empty Close"],
    ),
];
