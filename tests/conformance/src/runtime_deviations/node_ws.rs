//! Node over the class of the npm package `ws`.

use super::refused_code;
use crate::known_deviations::{KnownDeviation, line};

const NAME: &str = "node-ws";

/// The table.
pub(super) const TABLE: &[KnownDeviation] = &[
    line(
        NAME,
        "subprotocols are offered in order, in one header",
        &[&["open", "close 1000 \"\" clean", "server saw sec-websocket-protocol: b,a"]],
        "ws writes the list without spaces",
    ),
    line(
        NAME,
        "extensions is the server's header from open on, and after close",
        &[&[
            "extensions \"\"",
            "open",
            "extensions permessage-deflate",
            "close 1000 \"\" clean",
            "extensions permessage-deflate",
        ]],
        "ws omits the parameters from extensions, and no other API returns them",
    ),
    refused_code(NAME, "a received 0 is passed on", "ws treats the code as a protocol error"),
    refused_code(NAME, "a received 999 is passed on", "ws treats the code as a protocol error"),
    refused_code(NAME, "a received 1004 is passed on", "ws treats the code as a protocol error"),
    refused_code(NAME, "a received 1016 is passed on", "ws treats the code as a protocol error"),
    refused_code(NAME, "a received 5000 is passed on", "ws treats the code as a protocol error"),
    refused_code(NAME, "a received 65535 is passed on", "ws treats the code as a protocol error"),
    line(
        NAME,
        "the state is CLOSING between the server's Close and the end of TCP",
        &[&["open", "close 1001 \"\" clean", "readyState CLOSED", "bufferedAmount 4", "server saw Close 1001 \"\""]],
        "ws reports the end as soon as it has answered the Close",
    ),
    line(
        NAME,
        "a length that is not minimal fails the connection",
        &[&["open", "message text \"hello\"", "message text \"after\"", "close 1000 \"\" clean"]],
        "ws accepts the frame",
    ),
];
