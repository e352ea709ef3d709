//! workerd.

use super::in_crate;
use crate::known_deviations::{KnownDeviation, line};

const NAME: &str = "workerd";

/// The table.
pub(super) const TABLE: &[KnownDeviation] = &[
    line(
        NAME,
        "a missing connection header fails the connection",
        &[&["open", "close 1000 \"\" clean"]],
        "workerd performs the handshake and does not check the header",
    ),
    in_crate(
        NAME,
        "text and binary messages are echoed",
        &[&[
            "open",
            "message text \"grün € 😀\"",
            "message arraybuffer 3 pattern",
            "message text \"[object Blob]\"",
            "close 1000 \"\" clean",
        ]],
        "workerd sends a blob as the text `[object Blob]`; the npm class sends its bytes",
    ),
    in_crate(
        NAME,
        "bufferedAmount grows by the bytes of each send",
        &[
            &[
                "open",
                "bufferedAmount 0",
                "bufferedAmount 12",
                "bufferedAmount 1012",
                "bufferedAmount 1112",
                "bufferedAmount 1112",
                "message text \"grün€😀\"",
                "message blob 1000 pattern",
                "message text \"[object Blob]\"",
                "message text \"\"",
                "bufferedAmount 0",
                "close 1000 \"\" clean",
                "bufferedAmount 0",
            ],
            &[
                "open",
                "bufferedAmount 0",
                "bufferedAmount 12",
                "bufferedAmount 1012",
                "bufferedAmount 1025",
                "bufferedAmount 1025",
                "message text \"grün€😀\"",
                "message blob 1000 pattern",
                "message text \"[object Blob]\"",
                "message text \"\"",
                "bufferedAmount 0",
                "close 1000 \"\" clean",
                "bufferedAmount 0",
            ],
        ],
        "workerd sends a blob as the text `[object Blob]`; the npm class sends its bytes",
    ),
    in_crate(
        NAME,
        "messages are sent before the Close frame",
        &[&[
            "open",
            "close 3000 \"done\" clean",
            "server received text \"a\", text \"[object Blob]\", text \"b\", binary 5",
            "server saw Close 3000 \"done\"",
        ]],
        "workerd sends a blob as the text `[object Blob]`; the npm class sends its bytes",
    ),
    KnownDeviation {
        varies: true,
        ..line(
            NAME,
            "a megabyte of text and of bytes is echoed",
            &[&[
                "open",
                "bufferedAmount 2097152",
                "message text 1048576 all a",
                "message arraybuffer 1048576 pattern",
                "error",
                "close 1000 \"\" clean",
            ]],
            "workerd may fire `error` before a clean close",
        )
    },
    in_crate(
        NAME,
        "messages are sent in the order of the calls, from within events too",
        &[&[
            "open",
            "close 1000 \"\" clean",
            "server received text \"[object Blob]\", text \"a\", text \"[object Blob]\"",
        ]],
        "workerd sends a blob as the text `[object Blob]`; the npm class sends its bytes",
    ),
    line(
        NAME,
        "a received 1005 fails the connection",
        &[&["open", "close 1005 \"\" clean"]],
        "the event is the same as for a Close without a code",
    ),
    line(
        NAME,
        "a Close of one byte fails the connection",
        &[&["open", "close 1005 \"\" clean"]],
        "the event is the same as for a Close without a code",
    ),
    line(
        NAME,
        "a reason that is not UTF-8 fails the connection",
        &[&["open", "close 1000 \"�\" clean"]],
        "workerd replaces the bytes",
    ),
    line(
        NAME,
        "the state is CLOSING between the server's Close and the end of TCP",
        &[&["open", "close 1001 \"\" clean", "readyState CLOSED", "bufferedAmount 4", "server saw Close 1001 \"\""]],
        "workerd reports the end as soon as it has answered the Close",
    ),
    line(
        NAME,
        "a masked frame fails the connection",
        &[&["open", "message text \"a\"", "message text \"after\"", "close 1000 \"\" clean"]],
        "workerd accepts the frame",
    ),
    line(
        NAME,
        "a ping of more than 125 bytes fails the connection",
        &[&["open", "message text \"after\"", "close 1000 \"\" clean"]],
        "workerd accepts the frame",
    ),
    line(
        NAME,
        "a length that is not minimal fails the connection",
        &[&["open", "message text \"hello\"", "message text \"after\"", "close 1000 \"\" clean"]],
        "workerd accepts the frame",
    ),
    line(
        NAME,
        "text that is not UTF-8 fails the connection",
        &[&["open", "message text \"ok�\"", "message text \"after\"", "close 1000 \"\" clean"]],
        "workerd replaces the bytes",
    ),
    line(
        NAME,
        "bad UTF-8 is reported to the server with 1007",
        &[&["open", "message text \"ok�\"", "nothing: no Close event came"]],
        "workerd replaces the bytes",
    ),
];
