//! What no wrapper can level: where an engine's behaviour is all that there is, with the reason.
//!
//! The table ratchets: an engine that no longer does what its line says fails the run until the line goes. A line that
//! says that the engine varies cannot: what it says may happen and need not.

use serde::Serialize;

use crate::{in_node, natively, scripts};

/// One line of the table.
#[derive(Debug, Serialize)]
pub struct Unlevelled {
    /// The script.
    pub script: &'static str,
    /// The engine.
    pub engine: &'static str,
    /// What is seen there instead; more than one where the engine varies.
    pub seen: &'static [&'static [&'static str]],
    /// Whether the engine does at times what the Standard says.
    pub varies: bool,
    /// Why it cannot be levelled.
    pub reason: &'static str,
}

/// The table.
pub const TABLE: &[Unlevelled] = &[
    Unlevelled {
        script: "an early hint does not end the handshake",
        engine: "chromium",
        seen: &[&["error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine makes the handshake, and takes any first status other than 101 for its end",
    },
    Unlevelled {
        script: "data after the server's Close is ignored",
        engine: "chromium",
        seen: &[&["open", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine reads the frames, and fails the connection",
    },
    Unlevelled {
        script: "the server is told of bad UTF-8 with 1007",
        engine: "chromium",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw the code 1002"]],
        varies: false,
        reason: "the engine tells the server, always with 1002",
    },
    Unlevelled {
        script: "the server is told of a protocol error with 1002",
        engine: "firefox",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw no code"]],
        varies: false,
        reason: "the engine tells the server nothing",
    },
    Unlevelled {
        script: "the server is told of bad UTF-8 with 1007",
        engine: "firefox",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw no code"]],
        varies: false,
        reason: "the engine tells the server nothing",
    },
    Unlevelled {
        script: "a subprotocol that was not asked for fails the connection",
        engine: "firefox",
        seen: &[&["open", "message text \"a\"", "close 1000 \"\" clean"]],
        varies: false,
        reason: "the engine opens, and shows an empty protocol",
    },
    Unlevelled {
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
        reason: "the engine leaves the parameters out of extensions, and nothing else tells them",
    },
    Unlevelled {
        script: "a received 1005 fails the connection",
        engine: "firefox",
        seen: &[&["open", "close 1005 \"\" clean"]],
        varies: false,
        reason: "the event is the same as for a Close without a code",
    },
    Unlevelled {
        script: "a received 0 is passed on",
        engine: "firefox",
        seen: &[&["open", "close 0 \"\" clean", "server saw an empty Close"]],
        varies: false,
        reason: "the engine answers, with an empty Close",
    },
    Unlevelled {
        script: "a Close of one byte fails the connection",
        engine: "firefox",
        seen: &[&["open", "close 1005 \"\" clean"]],
        varies: false,
        reason: "the event is the same as for a Close without a code",
    },
    Unlevelled {
        script: "a masked frame fails the connection",
        engine: "firefox",
        seen: &[&["open", "message text \"a\"", "message text \"after\"", "close 1000 \"\" clean"]],
        varies: false,
        reason: "the engine accepts the frame",
    },
    Unlevelled {
        script: "a violation that comes with the handshake fails an open connection",
        engine: "firefox",
        seen: &[&["error", "close 1006 \"\" unclean"]],
        varies: true,
        reason: "the engine may read the frame before it tells of the handshake",
    },
    Unlevelled {
        script: "CLOSING is seen between the server's Close and the end of TCP",
        engine: "firefox",
        seen: &[&[
            "open",
            "close 1001 \"\" clean",
            "readyState CLOSED",
            "bufferedAmount 4",
            "server saw Close 1001 \"\"",
        ]],
        varies: false,
        reason: "the engine ends TCP itself as soon as it has answered the Close",
    },
    Unlevelled {
        script: "CLOSING is seen between the server's Close and the end of TCP",
        engine: "webkit",
        seen: &[&[
            "open",
            "close 1001 \"\" clean",
            "readyState CLOSED",
            "bufferedAmount 4",
            "server saw Close 1001 \"\"",
        ]],
        varies: false,
        reason: "the engine ends TCP itself as soon as it has answered the Close",
    },
    Unlevelled {
        script: "two headers with a subprotocol fail the connection",
        engine: "webkit",
        seen: &[&["open", "close 1000 \"\" clean"]],
        varies: false,
        reason: "the engine looks at one of the headers",
    },
    Unlevelled {
        script: "a redirect fails the connection",
        engine: "webkit",
        seen: &[&["open", "close 1000 \"\" clean"]],
        varies: false,
        reason: "the engine follows it",
    },
    Unlevelled {
        script: "a Close without a code gives 1005 and is answered without one",
        engine: "webkit",
        seen: &[&["open", "close 1005 \"\" clean", "server saw Close 1000 \"\""]],
        varies: false,
        reason: "the engine answers, with 1000",
    },
    Unlevelled {
        script: "a received 0 is passed on",
        engine: "webkit",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        varies: false,
        reason: "the engine takes the code for a protocol error",
    },
    Unlevelled {
        script: "a received 999 is passed on",
        engine: "webkit",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        varies: false,
        reason: "the engine takes the code for a protocol error",
    },
    Unlevelled {
        script: "a received 1004 is passed on",
        engine: "webkit",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        varies: false,
        reason: "the engine takes the code for a protocol error",
    },
    Unlevelled {
        script: "a received 1016 is passed on",
        engine: "webkit",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        varies: false,
        reason: "the engine takes the code for a protocol error",
    },
    Unlevelled {
        script: "a received 5000 is passed on",
        engine: "webkit",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        varies: false,
        reason: "the engine takes the code for a protocol error",
    },
    Unlevelled {
        script: "a received 65535 is passed on",
        engine: "webkit",
        seen: &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]],
        varies: false,
        reason: "the engine takes the code for a protocol error",
    },
    Unlevelled {
        script: "sending within open after the server's Close arrived is no error",
        engine: "webkit",
        seen: &[&["open", "close 3000 \"\" unclean"]],
        varies: true,
        reason: "the engine takes what is sent for a breach of the closing handshake",
    },
    Unlevelled {
        script: "a reserved control opcode fails the connection",
        engine: "webkit",
        seen: &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine tells of the failure after what came in the same packet",
    },
    Unlevelled {
        script: "a ping of more than 125 bytes fails the connection",
        engine: "webkit",
        seen: &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine tells of the failure after what came in the same packet",
    },
    Unlevelled {
        script: "a fragmented ping fails the connection",
        engine: "webkit",
        seen: &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine tells of the failure after what came in the same packet",
    },
    Unlevelled {
        script: "a continuation of nothing fails the connection",
        engine: "webkit",
        seen: &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine tells of the failure after what came in the same packet",
    },
    Unlevelled {
        script: "text that is not UTF-8 fails the connection",
        engine: "webkit",
        seen: &[&["open", "message text \"after\"", "error", "close 1006 \"\" unclean"]],
        varies: false,
        reason: "the engine tells of the failure after what came in the same packet",
    },
    Unlevelled {
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
        reason: "the Standard does not say how long to wait nor whether it is a failure; the engine takes it for one",
    },
];

/// Gives the table that holds in an engine.
#[must_use]
pub fn table(engine: &str) -> &'static [Unlevelled] {
    if engine == natively::NODE { in_node::TABLE } else { TABLE }
}

/// Demands that each line of a table is about a script, and about none twice in an engine.
///
/// # Panics
///
/// If one is not.
pub fn check(table: &[Unlevelled]) {
    for (index, line) in table.iter().enumerate() {
        let known = scripts::all().chain(scripts::secure()).chain(scripts::long());
        assert!(known.into_iter().any(|script| script.name == line.script), "no script is called {:?}", line.script);
        let former = find(&table[..index], line.script, line.engine);
        assert!(former.is_none(), "{:?} has two lines for {}", line.script, line.engine);
    }
}

/// Finds the line of a script in an engine.
#[must_use]
pub fn find<'a>(table: &'a [Unlevelled], script: &str, engine: &str) -> Option<&'a Unlevelled> {
    table.iter().find(|line| line.script == script && line.engine == engine)
}
