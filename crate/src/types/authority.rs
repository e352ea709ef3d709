//! A host with its port.

use std::fmt;

/// A host, without brackets, and a port. It is shown as in a URL: an IPv6 address has brackets.
#[derive(Clone, Copy)]
pub(crate) struct Authority<'a>(pub(crate) &'a str, pub(crate) u16);

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(host, port) = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}
