//! workerd.

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
