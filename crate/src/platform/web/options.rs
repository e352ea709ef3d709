//! The platform's options: a browser has none.

#[derive(Default)]
pub(crate) struct Options {}
