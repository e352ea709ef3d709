//! The scripts for which a process outside a browser expects other lines than a page, with the rule for each.
//!
//! The table is exact: the lines that a page expects are wrong in such a process. Node is such a process too, and the
//! class of the npm package runs there on undici. The scripts for a page from https do not run here, because they test
//! mixed content.

use crate::subjects::Samesocket;
use crate::{Script, Subject, report, scripts};

/// The engine name of a native process.
pub const ENGINE: &str = "native";

/// The engine name of Node.
pub const NODE: &str = "node";

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
    /// The engine names for which the line holds.
    pub engines: &'static [&'static str],
    /// The lines that are expected instead.
    pub seen: &'static [&'static str],
    /// The rule that requires them.
    pub rule: &'static str,
}

const NO_BASE: &str = "outside a page there is no base URL, and a relative URL cannot be parsed without one";
const NOT_TO_BE_RECEIVED: &str = "RFC 6455, section 7.4, reserves the code or leaves it undefined, so a Close frame \
    with it violates the protocol, although engines accept it";

/// The engines without a page.
const WITHOUT_PAGE: &[&str] = &[ENGINE, NODE];
/// The engines in which our own client reads the frames.
const OWN_CLIENT: &[&str] = &[ENGINE];

/// The lines for a relative URL, where the constructor throws and no socket exists.
const NOT_CONSTRUCTED: &[&str] = &["throws SyntaxError 12", "no socket", "no socket", "nothing: no Close event came"];
/// The lines for a close code that must not be received.
const REFUSED: &[&str] = &["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""];

/// The table.
pub const TABLE: &[NativeExpectation] = &[
    NativeExpectation {
        script: "a relative URL is resolved against the base URL",
        engines: WITHOUT_PAGE,
        seen: NOT_CONSTRUCTED,
        rule: NO_BASE,
    },
    NativeExpectation {
        script: "a URL without a scheme is resolved against the base URL",
        engines: WITHOUT_PAGE,
        seen: NOT_CONSTRUCTED,
        rule: NO_BASE,
    },
    NativeExpectation {
        script: "a received 0 is passed on",
        engines: OWN_CLIENT,
        seen: REFUSED,
        rule: NOT_TO_BE_RECEIVED,
    },
    NativeExpectation {
        script: "a received 999 is passed on",
        engines: OWN_CLIENT,
        seen: REFUSED,
        rule: NOT_TO_BE_RECEIVED,
    },
    NativeExpectation {
        script: "a received 1004 is passed on",
        engines: OWN_CLIENT,
        seen: REFUSED,
        rule: NOT_TO_BE_RECEIVED,
    },
    NativeExpectation {
        script: "a received 1016 is passed on",
        engines: OWN_CLIENT,
        seen: REFUSED,
        rule: NOT_TO_BE_RECEIVED,
    },
    NativeExpectation {
        script: "a received 5000 is passed on",
        engines: OWN_CLIENT,
        seen: REFUSED,
        rule: NOT_TO_BE_RECEIVED,
    },
    NativeExpectation {
        script: "a received 65535 is passed on",
        engines: OWN_CLIENT,
        seen: REFUSED,
        rule: NOT_TO_BE_RECEIVED,
    },
];

/// Finds the line of a script for an engine.
#[must_use]
pub fn find(script: &str, engine: &str) -> Option<&'static NativeExpectation> {
    TABLE.iter().find(|line| line.script == script && line.engines.contains(&engine))
}

/// Asserts that each line of the table names a script once, and that its lines differ from those of the script.
///
/// # Panics
///
/// If one is not.
pub fn check() {
    for (index, line) in TABLE.iter().enumerate() {
        let mut known = scripts::all().chain(scripts::secure()).chain(scripts::long());
        let script: Option<&Script> = known.find(|script| script.name == line.script);
        let script = script.unwrap_or_else(|| panic!("no script is called {:?}", line.script));
        assert_ne!(script.seen, line.seen, "the line of {:?} repeats the script", line.script);
        assert!(TABLE[..index].iter().all(|other| other.script != line.script), "{:?} has two lines", line.script);
    }
}
