//! The list of scripts, by what they are about.

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

/// What the scripts are written with.
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

/// All scripts, in order.
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

/// Scripts for a page that came over https, beside the [`selection`].
pub fn secure() -> impl Iterator<Item = &'static Script> {
    secure::SCRIPTS.iter()
}

/// Scripts that wait for minutes, the engines' or natively our own.
pub fn long() -> impl Iterator<Item = &'static Script> {
    long::SCRIPTS.iter()
}

/// A few scripts that touch every part, for the places where the whole list would add nothing but time.
///
/// # Panics
///
/// If a name of the selection is no script's.
pub fn selection() -> impl Iterator<Item = &'static Script> {
    const NAMES: &[&str] = &[
        "a relative URL is resolved against the base URL",
        "a repeated subprotocol throws",
        "an offered subprotocol that the server does not choose fails the connection",
        "a text and binary messages are echoed",
        "a binary message is a blob unless the binary type says otherwise",
        "bufferedAmount grows by the bytes of each send",
        "sending after close is counted and dropped",
        "close with a reason and no code sends 1000",
        "closing while connecting fails the connection",
        "the server's code and reason come with the close event",
        "no message event comes after close",
        "a connection that is lost gives error, then close 1006",
    ];
    NAMES
        .iter()
        .map(|name| all().find(|script| script.name == *name).expect("each name of the selection is a script's"))
}
