//! The scripts that a subject has no means to run.
//!
//! The table is exact: a run fails if another script is not applicable, and if one of these passes.

use crate::script::{Protocols, Step};
use crate::{Script, Subject, scripts};

/// The scripts with values that only Web IDL can convert.
const WEB_IDL: &[&str] = &[
    "an object as second argument becomes a string that is not a token",
    "an unknown binary type is ignored",
    "a code of 999.5 is rounded to 1000",
    "a code of 999.9 is rounded to 1000",
    "a code of 2999.6 is rounded to 3000",
    "a code of 4999.5 or 4999.9 is rounded to 5000 and throws",
    "a code that is not a number throws",
    "a code beyond 16 bits is clamped and throws",
];

/// The scripts that drop the last handle of a socket.
const DROPPING: &[&str] =
    &["dropping the last handle sends an empty Close", "dropping the last handle within an event sends an empty Close"];

/// The scripts that use what the futures API lacks: a socket before the connection is open, sending that is counted when it is not
/// open any more, and changing the binary type.
const FUTURES: &[&str] = &[
    "a relative URL is resolved against the base URL",
    "a URL without a scheme is resolved against the base URL",
    "a number sign that is encoded is no fragment",
    "http is replaced by ws",
    "https is replaced by wss",
    "the default port is dropped",
    "the URL is serialized: lower case, a path, the credentials",
    "a host of full-width letters is mapped to ASCII",
    "the query is encoded as UTF-8",
    "the URL never changes",
    "a blocked port throws nothing; the connection fails",
    "protocol is the server's choice from open on, and after close",
    "an offered subprotocol that the server does not choose fails the connection",
    "a new socket is CONNECTING and its attributes are empty",
    "extensions is the server's header from open on, and after close",
    "the binary type is read back as it was set, in every state",
    "the binary type applies from the next message on",
    "the binary type is decided when the message is dispatched, not when it arrives",
    "sending while connecting throws and counts nothing",
    "sending after close is counted and dropped",
    "sending after closing while connecting is counted and dropped",
    "bad arguments throw in every state and change none",
    "closing while connecting fails the connection",
    "closing while connecting ignores code and reason",
    "a connection closed while the server answers never opens",
    "the state is CLOSING between the server's Close and the end of TCP",
    "attributes stay readable after a lost connection",
];

/// Returns the reason why a subject cannot take the steps, including nested ones.
pub(crate) fn missing_means<S: Subject>(steps: &[Step]) -> Option<&'static str> {
    if !S::DROP_CLOSES && contains(steps, &drops) {
        Some("the subject is closed by a later garbage collection")
    } else if !S::WEB_IDL && contains(steps, &needs_web_idl) {
        Some("the argument types exclude values that only Web IDL can convert")
    } else {
        None
    }
}

/// Returns whether any of the steps, including nested ones, satisfies the predicate.
fn contains(steps: &[Step], is_one: &impl Fn(&Step) -> bool) -> bool {
    steps.iter().any(|step| is_one(step) || matches!(step, Step::Within(_, steps) if contains(steps, is_one)))
}

/// Returns whether a step passes a value that only Web IDL can convert.
fn needs_web_idl(step: &Step) -> bool {
    match step {
        Step::Close(Some(code), _) => (0..=u16::MAX).all(|whole| f64::from(whole).to_bits() != code.to_bits()),
        Step::ConnectTo(_, Protocols::Object) => true,
        Step::SetBinaryType(value) => !["blob", "arraybuffer"].contains(value),
        _ => false,
    }
}

fn drops(step: &Step) -> bool {
    matches!(step, Step::Drop)
}

/// Returns whether a script is not applicable to the subject of this name.
pub(crate) fn is_listed(subject: &str, script: &str) -> bool {
    let lists: &[&[&str]] = match subject {
        "samesocket" => &[WEB_IDL],
        "futures" => &[WEB_IDL, FUTURES],
        "class" | "platform" => &[DROPPING],
        _ => &[],
    };
    lists.iter().any(|list| list.contains(&script))
}

/// Asserts that the lists have the scripts with the steps that they are for, and name only existing scripts.
///
/// # Panics
///
/// If one does not.
pub fn check() {
    let names = |is_one: fn(&Script) -> bool| -> Vec<&str> {
        let all = scripts::all().chain(scripts::secure()).chain(scripts::long());
        all.filter(|script| is_one(script)).map(|script| script.name).collect()
    };
    assert_eq!(names(|script| contains(script.steps, &needs_web_idl)), WEB_IDL);
    assert_eq!(names(|script| contains(script.steps, &drops)), DROPPING);
    let unknown: Vec<_> = FUTURES.iter().filter(|name| !names(|_| true).contains(name)).collect();
    assert!(unknown.is_empty(), "no scripts are called {unknown:?}");
}
