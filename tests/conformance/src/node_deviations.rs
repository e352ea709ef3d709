//! The known deviations of the npm package's class in Node, where undici performs the handshake and reads the frames.
//!
//! The table is exact, as the table of the engines is: if undici changes, the run fails until the line is removed.

use crate::known_deviations::KnownDeviation;
use crate::native_expectations::NODE;

/// The table.
pub const TABLE: &[KnownDeviation] = &[
    KnownDeviation {
        script: "subprotocols that differ in case are two",
        engine: NODE,
        seen: &[&["error", "close 1006 \"\" unclean", "protocol \"\""]],
        varies: false,
        reason: "undici rejects them before it connects",
    },
    KnownDeviation {
        script: "an accept key among spaces is accepted",
        engine: NODE,
        seen: &[&["error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "undici performs the handshake and compares the header without trimming it",
    },
    KnownDeviation {
        script: "upgrade is one of several connection tokens",
        engine: NODE,
        seen: &[&["error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "undici performs the handshake and accepts the token only alone",
    },
    KnownDeviation {
        script: "an unknown parameter of an extension fails the connection",
        engine: NODE,
        seen: &[&["open", "close 1000 \"\" clean"]],
        varies: false,
        reason: "undici performs the handshake and does not check the parameter",
    },
    KnownDeviation {
        script: "a byte order mark and a NUL stay in the text",
        engine: NODE,
        seen: &[&["open", "message text \"a\\0b\"", "close 1000 \"bye\" clean"]],
        varies: false,
        reason: "undici decodes the text and removes the byte order mark",
    },
    KnownDeviation {
        script: "a server that ends TCP instead of answering gives 1006 without error",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "undici fires `error` as for any failure",
    },
    KnownDeviation {
        script: "the server's code and reason come with the close event",
        engine: NODE,
        seen: &[&["open", "close 1001 \"bye\" clean", "server saw Close 1001 \"\""]],
        varies: false,
        reason: "undici answers without the reason",
    },
    KnownDeviation {
        script: "the greatest code and a non-ASCII reason are passed on",
        engine: NODE,
        seen: &[&["open", "close 4999 \"ééé\" clean", "server saw Close 4999 \"\""]],
        varies: false,
        reason: "undici answers without the reason",
    },
    KnownDeviation {
        script: "a received 0 is passed on",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
        varies: false,
        reason: "undici treats the code as a protocol error",
    },
    KnownDeviation {
        script: "a received 999 is passed on",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
        varies: false,
        reason: "undici treats the code as a protocol error",
    },
    KnownDeviation {
        script: "a received 1004 is passed on",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
        varies: false,
        reason: "undici treats the code as a protocol error",
    },
    KnownDeviation {
        script: "a received 1016 is passed on",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
        varies: false,
        reason: "undici treats the code as a protocol error",
    },
    KnownDeviation {
        script: "a received 5000 is passed on",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
        varies: false,
        reason: "undici treats the code as a protocol error",
    },
    KnownDeviation {
        script: "a received 65535 is passed on",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
        varies: false,
        reason: "undici treats the code as a protocol error",
    },
    KnownDeviation {
        script: "a length that is not minimal fails the connection",
        engine: NODE,
        seen: &[&["open", "message text \"hello\"", "message text \"after\"", "close 1000 \"\" clean"]],
        varies: false,
        reason: "undici accepts the frame",
    },
    KnownDeviation {
        script: "text that is not UTF-8 fails the connection",
        engine: NODE,
        seen: &[&["open", "close 1000 \"\" clean"]],
        varies: false,
        reason: "undici ignores the message",
    },
];
