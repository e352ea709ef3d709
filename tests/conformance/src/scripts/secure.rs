//! Mixed content, which only a page that came over https can try: checklist 41 and 103.

use super::prelude::*;

pub(super) const SCRIPTS: &[Script] = &[
    script(
        "mixed content is no exception: the connection fails",
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
        "mixed content that is given up is CLOSING, then fails",
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
        "an error in the arguments wins over mixed content",
        &[38, 41],
        &[ConnectTo("ws://mixed.example/#", Absent), ConnectTo("ws://mixed.example/", List(&["a/b"]))],
        &["throws SyntaxError 12", "throws SyntaxError 12"],
    ),
];
