//! What the class cannot level in Node, where it stands on undici's, which makes the handshake and the frames.
//!
//! The table ratchets as that of engines does: what undici no longer does fails the run until its line goes.

use crate::natively::NODE;
use crate::unlevelled::Unlevelled;

/// The table.
pub const TABLE: &[Unlevelled] = &[
    Unlevelled {
        script: "subprotocols that differ in case are two",
        engine: NODE,
        seen: &[&["error", "close 1006 \"\" unclean", "protocol \"\""]],
        varies: false,
        reason: "undici refuses them before it connects",
    },
    Unlevelled {
        script: "an accept key among spaces is accepted",
        engine: NODE,
        seen: &[&["error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "undici makes the handshake, and compares the header as it came",
    },
    Unlevelled {
        script: "upgrade is one of several connection tokens",
        engine: NODE,
        seen: &[&["error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "undici makes the handshake, and wants the token alone",
    },
    Unlevelled {
        script: "an unknown parameter of an extension fails the connection",
        engine: NODE,
        seen: &[&["open", "close 1000 \"\" clean"]],
        varies: false,
        reason: "undici makes the handshake, and does not look at the parameter",
    },
    Unlevelled {
        script: "a byte order mark and a NUL stay in the text",
        engine: NODE,
        seen: &[&["open", "message text \"a\\0b\"", "close 1000 \"bye\" clean"]],
        varies: false,
        reason: "undici decodes the text, without the byte order mark",
    },
    Unlevelled {
        script: "a server that ends TCP instead of answering gives 1006 without error",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "undici tells `error` of it as of any failure",
    },
    Unlevelled {
        script: "the server's code and reason come with the close event",
        engine: NODE,
        seen: &[&["open", "close 1001 \"bye\" clean", "server saw Close 1001 \"\""]],
        varies: false,
        reason: "undici answers, without the reason",
    },
    Unlevelled {
        script: "the greatest code and a reason beyond ASCII pass",
        engine: NODE,
        seen: &[&["open", "close 4999 \"ééé\" clean", "server saw Close 4999 \"\""]],
        varies: false,
        reason: "undici answers, without the reason",
    },
    Unlevelled {
        script: "a received 0 is passed on",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
        varies: false,
        reason: "undici takes the code for a protocol error",
    },
    Unlevelled {
        script: "a received 999 is passed on",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
        varies: false,
        reason: "undici takes the code for a protocol error",
    },
    Unlevelled {
        script: "a received 1004 is passed on",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
        varies: false,
        reason: "undici takes the code for a protocol error",
    },
    Unlevelled {
        script: "a received 1016 is passed on",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
        varies: false,
        reason: "undici takes the code for a protocol error",
    },
    Unlevelled {
        script: "a received 5000 is passed on",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
        varies: false,
        reason: "undici takes the code for a protocol error",
    },
    Unlevelled {
        script: "a received 65535 is passed on",
        engine: NODE,
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
        varies: false,
        reason: "undici takes the code for a protocol error",
    },
    Unlevelled {
        script: "a length that is not minimal fails the connection",
        engine: NODE,
        seen: &[&["open", "message text \"hello\"", "message text \"after\"", "close 1000 \"\" clean"]],
        varies: false,
        reason: "undici accepts the frame",
    },
    Unlevelled {
        script: "text that is not UTF-8 fails the connection",
        engine: NODE,
        seen: &[&["open", "close 1000 \"\" clean"]],
        varies: false,
        reason: "undici ignores the message",
    },
];
