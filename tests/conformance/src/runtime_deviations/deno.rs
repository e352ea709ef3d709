//! Deno.

use super::refused_code;
use crate::known_deviations::{KnownDeviation, line};

const NAME: &str = "deno";

/// The table.
pub(super) const TABLE: &[KnownDeviation] = &[
    line(
        NAME,
        "subprotocols that differ in case are two",
        &[&["error", "close 1006 \"\" unclean", "protocol \"\""]],
        "Deno rejects them before it connects",
    ),
    line(
        NAME,
        "two headers with a subprotocol fail the connection",
        &[&["open", "close 1000 \"\" clean"]],
        "Deno reads only one of the headers",
    ),
    line(
        NAME,
        "extensions is the server's header from open on, and after close",
        &[&["extensions \"\"", "open", "extensions \"\"", "close 1000 \"\" clean", "extensions \"\""]],
        "Deno does not offer compression",
    ),
    line(
        NAME,
        "compression is offered, and what is sent arrives",
        &[&[
            "open",
            "bufferedAmount 2000",
            "message text 2000 all a",
            "close 1000 \"\" clean",
            "server was not offered permessage-deflate",
        ]],
        "Deno does not offer compression",
    ),
    line(
        NAME,
        "upgrade is one of several connection tokens",
        &[&["error", "close 1006 \"\" unclean"]],
        "Deno performs the handshake and accepts the token only alone",
    ),
    line(
        NAME,
        "a wrong accept key fails the connection",
        &[&["open", "close 1000 \"\" clean"]],
        "Deno performs the handshake and does not check the header",
    ),
    line(
        NAME,
        "a missing accept key fails the connection",
        &[&["open", "close 1000 \"\" clean"]],
        "Deno performs the handshake and does not check the header",
    ),
    line(
        NAME,
        "an extension that was not offered fails the connection",
        &[&["open", "close 1000 \"\" clean"]],
        "Deno performs the handshake and does not check the header",
    ),
    line(
        NAME,
        "an unknown parameter of an extension fails the connection",
        &[&["open", "close 1000 \"\" clean"]],
        "Deno performs the handshake and does not check the parameter",
    ),
    line(
        NAME,
        "a server that ends TCP instead of answering gives 1006 without error",
        &[&["open", "close 1005 \"\" clean"]],
        "the event is the same as for a Close without a code",
    ),
    refused_code(NAME, "a received 0 is passed on", "Deno treats the code as a protocol error"),
    refused_code(NAME, "a received 999 is passed on", "Deno treats the code as a protocol error"),
    refused_code(NAME, "a received 1004 is passed on", "Deno treats the code as a protocol error"),
    refused_code(NAME, "a received 1016 is passed on", "Deno treats the code as a protocol error"),
    refused_code(NAME, "a received 5000 is passed on", "Deno treats the code as a protocol error"),
    refused_code(NAME, "a received 65535 is passed on", "Deno treats the code as a protocol error"),
    line(
        NAME,
        "the state is CLOSING between the server's Close and the end of TCP",
        &[&["open", "close 1001 \"\" clean", "readyState CLOSED", "bufferedAmount 4", "server saw Close 1001 \"\""]],
        "Deno reports the end as soon as it has answered the Close",
    ),
    line(
        NAME,
        "a masked frame fails the connection",
        &[&["open", "message text \"\\u{c}\"", "message text \"after\"", "close 1000 \"\" clean"]],
        "Deno accepts the frame",
    ),
    line(
        NAME,
        "a length that is not minimal fails the connection",
        &[&["open", "message text \"hello\"", "message text \"after\"", "close 1000 \"\" clean"]],
        "Deno accepts the frame",
    ),
    line(
        NAME,
        "a protocol error is reported to the server with 1002",
        &[&["open", "error", "close 1006 \"\" unclean", "server saw no code"]],
        "Deno sends no Close frame",
    ),
    line(
        NAME,
        "bad UTF-8 is reported to the server with 1007",
        &[&["open", "error", "close 1006 \"\" unclean", "server saw no code"]],
        "Deno sends no Close frame",
    ),
];
