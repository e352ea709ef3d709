//! The reasons for which a connection fails.
//!
//! They are plain data of `samesocket-spec`, so that a program in a page can name them without this package.

#[doc(inline)]
pub use samesocket_spec::ProtocolFailure as Failure;
