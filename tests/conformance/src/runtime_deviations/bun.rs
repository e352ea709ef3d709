//! Bun.

use super::refused_code;
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
];
