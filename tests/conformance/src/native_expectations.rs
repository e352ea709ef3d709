//! The scripts for which a process outside a browser expects other lines than a page, with the rule for each.
//!
//! The table is exact: the lines that a page expects are wrong in such a process. The JavaScript runtimes are such
//! processes, too. The scripts for a page from https do not run here, because they test mixed content.

use crate::runtime_deviations::RUNTIMES;
use crate::server::Server;
use crate::subjects::Samesocket;
use crate::{Script, Subject, report, scripts};

/// The engine name of a native process.
pub const ENGINE: &str = "native";

/// The context name of runs outside a browser.
pub const CONTEXT: &str = "process";

/// Returns the name of the report on all scripts.
#[must_use]
pub fn report() -> String {
    report::name(ENGINE, CONTEXT, Samesocket::NAME)
}

/// One line of the table.
#[derive(Debug)]
pub struct NativeExpectation {
    /// The name of the script.
    pub script: &'static str,
    /// Whether the line holds only where our own client reads the frames. Otherwise it holds in runtimes, too.
    pub own_client: bool,
    /// The lines that are expected instead.
    pub seen: &'static [&'static str],
    /// The rule that requires them.
    pub rule: &'static str,
}

const NO_BASE: &str = "outside a page there is no base URL, and a relative URL cannot be parsed without one";
const NOT_TO_BE_RECEIVED: &str = "RFC 6455, section 7.4, reserves the code or leaves it undefined, so a Close frame \
    with it violates the protocol, although engines accept it";

/// The lines for a relative URL, where the constructor throws and no socket exists.
const NOT_CONSTRUCTED: &[&str] = &["throws SyntaxError 12", "no socket", "no socket", "nothing: no Close event came"];
/// The lines for a close code that must not be received.
const REFUSED: &[&str] = &["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""];

/// The table.
pub const TABLE: &[NativeExpectation] = &[
    NativeExpectation {
        script: "a relative URL is resolved against the base URL",
        own_client: false,
        seen: NOT_CONSTRUCTED,
        rule: NO_BASE,
    },
    NativeExpectation {
        script: "a URL without a scheme is resolved against the base URL",
        own_client: false,
        seen: NOT_CONSTRUCTED,
        rule: NO_BASE,
    },
    NativeExpectation {
        script: "a received 0 is passed on",
        own_client: true,
        seen: REFUSED,
        rule: NOT_TO_BE_RECEIVED,
    },
    NativeExpectation {
        script: "a received 999 is passed on",
        own_client: true,
        seen: REFUSED,
        rule: NOT_TO_BE_RECEIVED,
    },
    NativeExpectation {
        script: "a received 1004 is passed on",
        own_client: true,
        seen: REFUSED,
        rule: NOT_TO_BE_RECEIVED,
    },
    NativeExpectation {
        script: "a received 1016 is passed on",
        own_client: true,
        seen: REFUSED,
        rule: NOT_TO_BE_RECEIVED,
    },
    NativeExpectation {
        script: "a received 5000 is passed on",
        own_client: true,
        seen: REFUSED,
        rule: NOT_TO_BE_RECEIVED,
    },
    NativeExpectation {
        script: "a received 65535 is passed on",
        own_client: true,
        seen: REFUSED,
        rule: NOT_TO_BE_RECEIVED,
    },
];

const NO_FIELD: &str =
    "an extended CONNECT has no such field: RFC 8441, section 5, replaces it by `:protocol` and the status";
const SUCCESS: &str =
    "by RFC 8441, section 5, an extended CONNECT succeeds with a status of 2xx; without frames, the stream ends then";

/// The lines for a response that is wrong over HTTP/1.1 only.
const ACCEPTED: &[&str] = &["open", "close 1000 \"\" clean"];

/// The lines that are expected over HTTP/2 instead.
pub const OVER_HTTP2: &[NativeExpectation] = &[
    NativeExpectation {
        script: "status 200 fails the connection",
        own_client: true,
        seen: &["open", "error", "close 1006 \"\" unclean"],
        rule: SUCCESS,
    },
    NativeExpectation {
        script: "a wrong accept key fails the connection",
        own_client: true,
        seen: ACCEPTED,
        rule: NO_FIELD,
    },
    NativeExpectation {
        script: "a missing accept key fails the connection",
        own_client: true,
        seen: ACCEPTED,
        rule: NO_FIELD,
    },
    NativeExpectation {
        script: "another upgrade fails the connection",
        own_client: true,
        seen: ACCEPTED,
        rule: NO_FIELD,
    },
    NativeExpectation {
        script: "a missing upgrade header fails the connection",
        own_client: true,
        seen: ACCEPTED,
        rule: NO_FIELD,
    },
    NativeExpectation {
        script: "a missing connection header fails the connection",
        own_client: true,
        seen: ACCEPTED,
        rule: NO_FIELD,
    },
];

/// Finds the line of a script for an engine and the way to the server.
#[must_use]
pub fn find(script: &str, server: &Server) -> Option<&'static NativeExpectation> {
    let holds = |line: &NativeExpectation| {
        server.engine == ENGINE || !line.own_client && RUNTIMES.contains(&server.engine.as_str())
    };
    let over_http2 = if server.is_http2 { OVER_HTTP2 } else { &[] };
    TABLE.iter().chain(over_http2).find(|line| line.script == script && holds(line))
}

/// Asserts that each line of the table names a script once, and that its lines differ from those of the script.
///
/// # Panics
///
/// If one is not.
pub fn check() {
    let lines: Vec<_> = TABLE.iter().chain(OVER_HTTP2).collect();
    for (index, line) in lines.iter().enumerate() {
        let mut known = scripts::all().chain(scripts::secure()).chain(scripts::long());
        let script: Option<&Script> = known.find(|script| script.name == line.script);
        let script = script.unwrap_or_else(|| panic!("no script is called {:?}", line.script));
        assert_ne!(script.seen, line.seen, "the line of {:?} repeats the script", line.script);
        assert!(lines[..index].iter().all(|other| other.script != line.script), "{:?} has two lines", line.script);
    }
}
