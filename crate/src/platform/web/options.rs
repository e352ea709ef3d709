//! What a user may choose beside the arguments of the interface: in a browser, nothing.

#[derive(Default)]
pub(crate) struct Options {}
