//! The known deviations of engines, which a wrapper around the engine's socket cannot correct, with a reason for each.
//!
//! The table is exact: if an engine no longer deviates, the run fails until the line is removed. A line with `varies` is
//! not checked that way, because the deviation does not occur in every run.
//!
//! [`runtime_deviations`] has the lines of runtimes outside browsers.

use serde::Serialize;

use crate::{runtime_deviations, scripts};

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

/// Creates a line that holds in every run and for every wrapper.
pub(crate) const fn line(
    engine: &'static str,
    script: &'static str,
    seen: &'static [&'static [&'static str]],
    reason: &'static str,
) -> KnownDeviation {
    KnownDeviation { script, engine, seen, varies: false, reason }
}

/// The table.
pub const TABLE: &[KnownDeviation] = &[
    line(
        "chromium",
        "an early hint does not end the handshake",
        &[&["error", "close 1006 \"\" unclean"]],
        "the engine performs the handshake and treats any first status other than 101 as final",
    ),
    line(
        "chromium",
        "data after the server's Close is ignored",
        &[&["open", "error", "close 1006 \"\" unclean"]],
        "the engine reads the frames and fails the connection",
    ),
    line(
        "chromium",
        "bad UTF-8 is reported to the server with 1007",
        &[&["open", "error", "close 1006 \"\" unclean", "server saw the code 1002"]],
        "the engine sends the Close frame, always with 1002",
    ),
    line(
        "firefox",
        "a protocol error is reported to the server with 1002",
        &[&["open", "error", "close 1006 \"\" unclean", "server saw no code"]],
        "the engine sends no Close frame",
    ),
    line(
        "firefox",
        "bad UTF-8 is reported to the server with 1007",
        &[&["open", "error", "close 1006 \"\" unclean", "server saw no code"]],
        "the engine sends no Close frame",
    ),
    line(
        "firefox",
        "a subprotocol that was not asked for fails the connection",
        &[&["open", "message text \"a\"", "close 1000 \"\" clean"]],
        "the engine opens the connection with an empty protocol",
    ),
    line(
        "firefox",
        "extensions is the server's header from open on, and after close",
        &[&[
            "extensions \"\"",
            "open",
            "extensions permessage-deflate",
            "close 1000 \"\" clean",
            "extensions permessage-deflate",
        ]],
        "the engine omits the parameters from extensions, and no other API returns them",
    ),
    line(
        "firefox",
        "a received 1005 fails the connection",
        &[&["open", "close 1005 \"\" clean"]],
        "the event is the same as for a Close without a code",
    ),
    line(
        "firefox",
        "a received 0 is passed on",
        &[&["open", "close 0 \"\" clean", "server saw an empty Close"]],
        "the engine answers with an empty Close",
    ),
    line(
        "firefox",
        "a Close of one byte fails the connection",
        &[&["open", "close 1005 \"\" clean"]],
        "the event is the same as for a Close without a code",
    ),
    line(
        "firefox",
        "a masked frame fails the connection",
        &[&["open", "message text \"a\"", "message text \"after\"", "close 1000 \"\" clean"]],
        "the engine accepts the frame",
    ),
    KnownDeviation {
        varies: true,
        ..line(
            "firefox",
            "a violation in the packet of the handshake fires open, then fails",
            &[&["error", "close 1006 \"\" unclean"]],
            "the engine may read the frame before it fires open",
        )
    },
    line(
        "firefox",
        "the state is CLOSING between the server's Close and the end of TCP",
        &[&["open", "close 1001 \"\" clean", "readyState CLOSED", "bufferedAmount 4", "server saw Close 1001 \"\""]],
        "the engine closes TCP itself as soon as it has answered the Close",
    ),
    line(
        "webkit",
        "the state is CLOSING between the server's Close and the end of TCP",
        &[&["open", "close 1001 \"\" clean", "readyState CLOSED", "bufferedAmount 4", "server saw Close 1001 \"\""]],
        "the engine closes TCP itself as soon as it has answered the Close",
    ),
    line(
        "webkit",
        "two headers with a subprotocol fail the connection",
        &[&["open", "close 1000 \"\" clean"]],
        "the engine reads only one of the headers",
    ),
    line(
        "webkit",
        "a redirect fails the connection",
        &[&["open", "close 1000 \"\" clean"]],
        "the engine follows the redirect",
    ),
    line(
        "webkit",
        "a Close without a code gives 1005 and is answered without one",
        &[&["open", "close 1005 \"\" clean", "server saw Close 1000 \"\""]],
        "the engine answers with 1000",
    ),
    line(
        "webkit",
        "a received 0 is passed on",
        &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        "the engine treats the code as a protocol error",
    ),
    line(
        "webkit",
        "a received 999 is passed on",
        &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        "the engine treats the code as a protocol error",
    ),
    line(
        "webkit",
        "a received 1004 is passed on",
        &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        "the engine treats the code as a protocol error",
    ),
    line(
        "webkit",
        "a received 1016 is passed on",
        &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        "the engine treats the code as a protocol error",
    ),
    line(
        "webkit",
        "a received 5000 is passed on",
        &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        "the engine treats the code as a protocol error",
    ),
    line(
        "webkit",
        "a received 65535 is passed on",
        &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        "the engine treats the code as a protocol error",
    ),
    KnownDeviation {
        varies: true,
        ..line(
            "webkit",
            "sending within open after the server's Close arrived is no error",
            &[&["open", "close 3000 \"\" unclean"]],
            "the engine treats the message as a violation of the closing handshake",
        )
    },
    line(
        "webkit",
        "a reserved control opcode fails the connection",
        &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        "the engine reports the failure after the other messages of the same packet",
    ),
    line(
        "webkit",
        "a ping of more than 125 bytes fails the connection",
        &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        "the engine reports the failure after the other messages of the same packet",
    ),
    line(
        "webkit",
        "a fragmented ping fails the connection",
        &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        "the engine reports the failure after the other messages of the same packet",
    ),
    line(
        "webkit",
        "a continuation without a start fails the connection",
        &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        "the engine reports the failure after the other messages of the same packet",
    ),
    line(
        "webkit",
        "text that is not UTF-8 fails the connection",
        &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        "the engine reports the failure after the other messages of the same packet",
    ),
    line(
        "firefox",
        "a Close that is never answered ends in 1006 without error",
        &[&["open", "readyState CLOSING", "error", "close 1006 \"\" unclean", "server saw Close 3000 \"anybody?\""]],
        "the Standard defines neither the timeout nor whether it is a failure; the engine treats it as one",
    ),
];

/// Returns the table that holds for an engine.
#[must_use]
pub fn table(engine: &str) -> &'static [KnownDeviation] {
    runtime_deviations::table(engine).unwrap_or(TABLE)
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
