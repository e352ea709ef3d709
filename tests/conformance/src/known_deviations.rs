//! The known deviations of engines, which a wrapper around the engine's socket cannot correct, with a reason for each.
//!
//! The table is exact: if an engine no longer deviates, the run fails until the line is removed. A line with `varies` is
//! not checked that way, because the deviation does not occur in every run.

use serde::Serialize;

use crate::{native_expectations, node_deviations, scripts};

/// One line of the table.
#[derive(Debug, Serialize)]
pub struct KnownDeviation {
    /// The name of the script.
    pub script: &'static str,
    /// The engine.
    pub engine: &'static str,
    /// The observed lines; several alternatives if the engine varies.
    pub seen: &'static [&'static [&'static str]],
    /// Whether the engine sometimes follows the Standard.
    pub varies: bool,
    /// The reason why a wrapper cannot correct it.
    pub reason: &'static str,
}

/// The table.
pub const TABLE: &[KnownDeviation] = &[
    KnownDeviation {
        script: "an early hint does not end the handshake",
        engine: "chromium",
        seen: &[&["error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine performs the handshake and treats any first status other than 101 as final",
    },
    KnownDeviation {
        script: "data after the server's Close is ignored",
        engine: "chromium",
        seen: &[&["open", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine reads the frames and fails the connection",
    },
    KnownDeviation {
        script: "bad UTF-8 is reported to the server with 1007",
        engine: "chromium",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw the code 1002"]],
        varies: false,
        reason: "the engine sends the Close frame, always with 1002",
    },
    KnownDeviation {
        script: "a protocol error is reported to the server with 1002",
        engine: "firefox",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw no code"]],
        varies: false,
        reason: "the engine sends no Close frame",
    },
    KnownDeviation {
        script: "bad UTF-8 is reported to the server with 1007",
        engine: "firefox",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw no code"]],
        varies: false,
        reason: "the engine sends no Close frame",
    },
    KnownDeviation {
        script: "a subprotocol that was not asked for fails the connection",
        engine: "firefox",
        seen: &[&["open", "message text \"a\"", "close 1000 \"\" clean"]],
        varies: false,
        reason: "the engine opens the connection with an empty protocol",
    },
    KnownDeviation {
        script: "extensions is the server's header from open on, and after close",
        engine: "firefox",
        seen: &[&[
            "extensions \"\"",
            "open",
            "extensions permessage-deflate",
            "close 1000 \"\" clean",
            "extensions permessage-deflate",
        ]],
        varies: false,
        reason: "the engine omits the parameters from extensions, and no other API returns them",
    },
    KnownDeviation {
        script: "a received 1005 fails the connection",
        engine: "firefox",
        seen: &[&["open", "close 1005 \"\" clean"]],
        varies: false,
        reason: "the event is the same as for a Close without a code",
    },
    KnownDeviation {
        script: "a received 0 is passed on",
        engine: "firefox",
        seen: &[&["open", "close 0 \"\" clean", "server saw an empty Close"]],
        varies: false,
        reason: "the engine answers with an empty Close",
    },
    KnownDeviation {
        script: "a Close of one byte fails the connection",
        engine: "firefox",
        seen: &[&["open", "close 1005 \"\" clean"]],
        varies: false,
        reason: "the event is the same as for a Close without a code",
    },
    KnownDeviation {
        script: "a masked frame fails the connection",
        engine: "firefox",
        seen: &[&["open", "message text \"a\"", "message text \"after\"", "close 1000 \"\" clean"]],
        varies: false,
        reason: "the engine accepts the frame",
    },
    KnownDeviation {
        script: "a violation in the packet of the handshake fires open, then fails",
        engine: "firefox",
        seen: &[&["error", "close 1006 \"\" unclean"]],
        varies: true,
        reason: "the engine may read the frame before it fires open",
    },
    KnownDeviation {
        script: "the state is CLOSING between the server's Close and the end of TCP",
        engine: "firefox",
        seen: &[&[
            "open",
            "close 1001 \"\" clean",
            "readyState CLOSED",
            "bufferedAmount 4",
            "server saw Close 1001 \"\"",
        ]],
        varies: false,
        reason: "the engine closes TCP itself as soon as it has answered the Close",
    },
    KnownDeviation {
        script: "the state is CLOSING between the server's Close and the end of TCP",
        engine: "webkit",
        seen: &[&[
            "open",
            "close 1001 \"\" clean",
            "readyState CLOSED",
            "bufferedAmount 4",
            "server saw Close 1001 \"\"",
        ]],
        varies: false,
        reason: "the engine closes TCP itself as soon as it has answered the Close",
    },
    KnownDeviation {
        script: "two headers with a subprotocol fail the connection",
        engine: "webkit",
        seen: &[&["open", "close 1000 \"\" clean"]],
        varies: false,
        reason: "the engine reads only one of the headers",
    },
    KnownDeviation {
        script: "a redirect fails the connection",
        engine: "webkit",
        seen: &[&["open", "close 1000 \"\" clean"]],
        varies: false,
        reason: "the engine follows the redirect",
    },
    KnownDeviation {
        script: "a Close without a code gives 1005 and is answered without one",
        engine: "webkit",
        seen: &[&["open", "close 1005 \"\" clean", "server saw Close 1000 \"\""]],
        varies: false,
        reason: "the engine answers with 1000",
    },
    KnownDeviation {
        script: "a received 0 is passed on",
        engine: "webkit",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        varies: false,
        reason: "the engine treats the code as a protocol error",
    },
    KnownDeviation {
        script: "a received 999 is passed on",
        engine: "webkit",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        varies: false,
        reason: "the engine treats the code as a protocol error",
    },
    KnownDeviation {
        script: "a received 1004 is passed on",
        engine: "webkit",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        varies: false,
        reason: "the engine treats the code as a protocol error",
    },
    KnownDeviation {
        script: "a received 1016 is passed on",
        engine: "webkit",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        varies: false,
        reason: "the engine treats the code as a protocol error",
    },
    KnownDeviation {
        script: "a received 5000 is passed on",
        engine: "webkit",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        varies: false,
        reason: "the engine treats the code as a protocol error",
    },
    KnownDeviation {
        script: "a received 65535 is passed on",
        engine: "webkit",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        varies: false,
        reason: "the engine treats the code as a protocol error",
    },
    KnownDeviation {
        script: "sending within open after the server's Close arrived is no error",
        engine: "webkit",
        seen: &[&["open", "close 3000 \"\" unclean"]],
        varies: true,
        reason: "the engine treats the message as a violation of the closing handshake",
    },
    KnownDeviation {
        script: "a reserved control opcode fails the connection",
        engine: "webkit",
        seen: &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine reports the failure after the other messages of the same packet",
    },
    KnownDeviation {
        script: "a ping of more than 125 bytes fails the connection",
        engine: "webkit",
        seen: &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine reports the failure after the other messages of the same packet",
    },
    KnownDeviation {
        script: "a fragmented ping fails the connection",
        engine: "webkit",
        seen: &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine reports the failure after the other messages of the same packet",
    },
    KnownDeviation {
        script: "a continuation without a start fails the connection",
        engine: "webkit",
        seen: &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine reports the failure after the other messages of the same packet",
    },
    KnownDeviation {
        script: "text that is not UTF-8 fails the connection",
        engine: "webkit",
        seen: &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine reports the failure after the other messages of the same packet",
    },
    KnownDeviation {
        script: "a Close that is never answered ends in 1006 without error",
        engine: "firefox",
        seen: &[&[
            "open",
            "readyState CLOSING",
            "error",
            "close 1006 \"\" unclean",
            "server saw Close 3000 \"anybody?\"",
        ]],
        varies: false,
        reason: "the Standard defines neither the timeout nor whether it is a failure; the engine treats it as one",
    },
];

/// Returns the table that holds for an engine.
#[must_use]
pub fn table(engine: &str) -> &'static [KnownDeviation] {
    if engine == native_expectations::NODE { node_deviations::TABLE } else { TABLE }
}

/// Asserts that each line of a table names a script, and that no two lines name the same script and engine.
///
/// # Panics
///
/// If one is not.
pub fn check(table: &[KnownDeviation]) {
    for (index, line) in table.iter().enumerate() {
        let known = scripts::all().chain(scripts::secure()).chain(scripts::long());
        assert!(known.into_iter().any(|script| script.name == line.script), "no script is called {:?}", line.script);
        let former = find(&table[..index], line.script, line.engine);
        assert!(former.is_none(), "{:?} has two lines for {}", line.script, line.engine);
    }
}

/// Finds the line of a script for an engine.
#[must_use]
pub fn find<'a>(table: &'a [KnownDeviation], script: &str, engine: &str) -> Option<&'a KnownDeviation> {
    table.iter().find(|line| line.script == script && line.engine == engine)
}
