//! Bun.

use super::{in_crate, refused_code};
use crate::known_deviations::{KnownDeviation, line};

const NAME: &str = "bun";

/// The table.
pub(super) const TABLE: &[KnownDeviation] = &[
    line(
        NAME,
        "subprotocols that differ in case are two",
        &[&["error", "close 1006 \"\" unclean", "protocol \"\""]],
        "Bun rejects them before it connects",
    ),
    refused_code(NAME, "a received 0 is passed on", "Bun treats the code as a protocol error"),
    refused_code(NAME, "a received 999 is passed on", "Bun treats the code as a protocol error"),
    refused_code(NAME, "a received 1004 is passed on", "Bun treats the code as a protocol error"),
    refused_code(NAME, "a received 1016 is passed on", "Bun treats the code as a protocol error"),
    refused_code(NAME, "a received 5000 is passed on", "Bun treats the code as a protocol error"),
    refused_code(NAME, "a received 65535 is passed on", "Bun treats the code as a protocol error"),
    line(
        NAME,
        "the state is CLOSING between the server's Close and the end of TCP",
        &[&["open", "close 1001 \"\" clean", "readyState CLOSED", "bufferedAmount 4", "server saw Close 1001 \"\""]],
        "Bun reports the end as soon as it has answered the Close",
    ),
    line(
        NAME,
        "a length that is not minimal fails the connection",
        &[&["open", "message text \"hello\"", "message text \"after\"", "close 1000 \"\" clean"]],
        "Bun accepts the frame",
    ),
    in_crate(
        NAME,
        "compression is offered, and what is sent arrives",
        &[&[
            "open",
            "bufferedAmount 0",
            "message text 2000 all a",
            "close 1000 \"\" clean",
            "server was offered permessage-deflate",
        ]],
        "Bun does not count what it has written at once; the npm class does",
    ),
    in_crate(
        NAME,
        "bufferedAmount grows by the bytes of each send",
        &[&[
            "open",
            "bufferedAmount 0",
            "bufferedAmount 0",
            "bufferedAmount 0",
            "bufferedAmount 0",
            "bufferedAmount 0",
            "message text \"grün€😀\"",
            "message blob 1000 pattern",
            "message blob 100 pattern",
            "message text \"\"",
            "bufferedAmount 0",
            "close 1000 \"\" clean",
            "bufferedAmount 0",
        ]],
        "Bun does not count what it has written at once; the npm class does",
    ),
    in_crate(
        NAME,
        "a megabyte of text and of bytes is echoed",
        &[&[
            "open",
            "bufferedAmount 0",
            "message text 1048576 all a",
            "message arraybuffer 1048576 pattern",
            "close 1000 \"\" clean",
        ]],
        "Bun does not count what it has written at once; the npm class does",
    ),
];
