//! The list of scripts, one file for each subject of the Standard.

mod close;
mod handshake;
mod long;
mod messages;
mod secure;
mod send;
mod server_close;
mod subprotocols;
mod url;
mod violations;

use crate::Script;

/// The names that every list of scripts uses.
mod prelude {
    pub(super) use crate::Script;
    pub(super) use crate::script::Attribute::{BinaryType, BufferedAmount, Extensions, Protocol, ReadyState, Url};
    pub(super) use crate::script::Characters::{Just, Repeated};
    pub(super) use crate::script::Payload::{Blob, Bytes, Text};
    pub(super) use crate::script::Protocols::{Absent, List, Object, One};
    pub(super) use crate::script::Step::{
        Close, Connect, ConnectTo, Drop, Read, Release, Send, Server, ServerHas, SetBinaryType, Settle, Until, Within,
    };
    pub(super) use crate::script::{Field, Kind, Progress, script};
}

/// Returns all scripts, in order.
pub fn all() -> impl Iterator<Item = &'static Script> {
    [
        url::SCRIPTS,
        subprotocols::SCRIPTS,
        handshake::SCRIPTS,
        messages::SCRIPTS,
        send::SCRIPTS,
        close::SCRIPTS,
        server_close::SCRIPTS,
        violations::SCRIPTS,
    ]
    .into_iter()
    .flatten()
}

/// Returns the scripts for a page from https, which run in addition to the [`selection`].
pub fn secure() -> impl Iterator<Item = &'static Script> {
    secure::SCRIPTS.iter()
}

/// Returns the scripts that take minutes, on native targets and in engines.
pub fn long() -> impl Iterator<Item = &'static Script> {
    long::SCRIPTS.iter()
}

/// Returns a few scripts that cover every part, for contexts in which the whole list would only take time.
///
/// # Panics
///
/// If a name of the selection is not the name of a script.
pub fn selection() -> impl Iterator<Item = &'static Script> {
    const NAMES: &[&str] = &[
        "a relative URL is resolved against the base URL",
        "a repeated subprotocol throws",
        "an offered subprotocol that the server does not choose fails the connection",
        "text and binary messages are echoed",
        "a binary message is a blob unless the binary type says otherwise",
        "bufferedAmount grows by the bytes of each send",
        "sending after close is counted and dropped",
        "close with a reason and no code sends 1000",
        "closing while connecting fails the connection",
        "the server's code and reason come with the close event",
        "no message event comes after close",
        "a lost connection fires error, then close 1006",
    ];
    NAMES
        .iter()
        .map(|name| all().find(|script| script.name == *name).expect("each name of the selection names a script"))
}
