//! Where one expects something else of a process than of a page, with the rule that says so.
//!
//! The table is demanded to the letter: what a page would see is wrong there. Node is a process too, in which somebody
//! else's client carries the class. The scripts for a page that came over https are not performed here: they are about mixed
//! content, which a process knows nothing of.

use crate::subjects::Samesocket;
use crate::{Script, Subject, report, scripts};

/// What stands for the engine where there is none.
pub const ENGINE: &str = "native";

/// What stands for the engine in Node.
pub const NODE: &str = "node";

/// Where the whole list is performed.
pub const CONTEXT: &str = "process";

/// Gives the name of the report on the whole list.
#[must_use]
pub fn report() -> String {
    report::name(ENGINE, CONTEXT, Samesocket::NAME)
}

/// One line of the table.
#[derive(Debug)]
pub struct Natively {
    /// The script.
    pub script: &'static str,
    /// What stands for the engine where it is so.
    pub engines: &'static [&'static str],
    /// What one observes instead.
    pub seen: &'static [&'static str],
    /// The rule.
    pub rule: &'static str,
}

const NO_BASE: &str = "outside of a page there is no base URL, and a relative URL cannot be parsed without one";
const NOT_TO_BE_RECEIVED: &str = "RFC 6455, section 7.4, reserves the code or leaves it undefined: a Close frame that has it \
    breaks the protocol, whatever engines let pass";

/// Where there is no page.
const WITHOUT_PAGE: &[&str] = &[ENGINE, NODE];
/// Where our own client reads the frames.
const OWN_CLIENT: &[&str] = &[ENGINE];

/// What one observes of a relative URL, where reading, closing and waiting come to nothing.
const NOT_CONSTRUCTED: &[&str] = &["throws SyntaxError 12", "no socket", "no socket", "nothing: no Close event came"];
/// What one observes of a code that must not be received.
const REFUSED: &[&str] = &["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""];

/// The table.
pub const TABLE: &[Natively] = &[
    Natively {
        script: "a relative URL is resolved against the base URL",
        engines: WITHOUT_PAGE,
        seen: NOT_CONSTRUCTED,
        rule: NO_BASE,
    },
    Natively {
        script: "a URL without a scheme of its own is resolved too",
        engines: WITHOUT_PAGE,
        seen: NOT_CONSTRUCTED,
        rule: NO_BASE,
    },
    Natively { script: "a received 0 is passed on", engines: OWN_CLIENT, seen: REFUSED, rule: NOT_TO_BE_RECEIVED },
    Natively { script: "a received 999 is passed on", engines: OWN_CLIENT, seen: REFUSED, rule: NOT_TO_BE_RECEIVED },
    Natively { script: "a received 1004 is passed on", engines: OWN_CLIENT, seen: REFUSED, rule: NOT_TO_BE_RECEIVED },
    Natively { script: "a received 1016 is passed on", engines: OWN_CLIENT, seen: REFUSED, rule: NOT_TO_BE_RECEIVED },
    Natively { script: "a received 5000 is passed on", engines: OWN_CLIENT, seen: REFUSED, rule: NOT_TO_BE_RECEIVED },
    Natively { script: "a received 65535 is passed on", engines: OWN_CLIENT, seen: REFUSED, rule: NOT_TO_BE_RECEIVED },
];

/// Finds the line of a script, where this is a process.
#[must_use]
pub fn find(script: &str, engine: &str) -> Option<&'static Natively> {
    TABLE.iter().find(|line| line.script == script && line.engines.contains(&engine))
}

/// Demands that each line of the table is about a script, of which it says something else than the script itself.
///
/// # Panics
///
/// If one is not.
pub fn check() {
    for (index, line) in TABLE.iter().enumerate() {
        let mut known = scripts::all().chain(scripts::secure()).chain(scripts::long());
        let script: Option<&Script> = known.find(|script| script.name == line.script);
        let script = script.unwrap_or_else(|| panic!("no script is called {:?}", line.script));
        assert_ne!(script.seen, line.seen, "the line of {:?} says nothing new", line.script);
        assert!(TABLE[..index].iter().all(|other| other.script != line.script), "{:?} has two lines", line.script);
    }
}
