//! Mixed content, which only a page from https can test: rules 38, 41, 55 and 103.

use super::prelude::*;

pub(super) const SCRIPTS: &[Script] = &[
    script(
        "mixed content throws nothing; the connection fails",
        &[41, 103],
        &[
            ConnectTo("ws://mixed.example/", Absent),
            Read(&[Url, ReadyState, BufferedAmount]),
            Until(Kind::Close),
            Read(&[ReadyState]),
        ],
        &[
            "url ws://mixed.example/",
            "readyState CONNECTING",
            "bufferedAmount 0",
            "error",
            "close 1006 \"\" unclean",
            "readyState CLOSED",
        ],
    ),
    script(
        "closing mixed content sets CLOSING, then fails the connection",
        &[41, 55],
        &[
            ConnectTo("http://mixed.example/", Absent),
            Close(None, None),
            Send(Text(Just("abc"))),
            Read(&[ReadyState, BufferedAmount]),
            Until(Kind::Close),
            Settle,
        ],
        &["readyState CLOSING", "bufferedAmount 3", "error", "close 1006 \"\" unclean"],
    ),
    script(
        "wrong arguments throw before mixed content is checked",
        &[38, 41],
        &[ConnectTo("ws://mixed.example/#", Absent), ConnectTo("ws://mixed.example/", List(&["a/b"]))],
        &["throws SyntaxError 12", "throws SyntaxError 12"],
    ),
];
