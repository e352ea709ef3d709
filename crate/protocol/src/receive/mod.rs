//! The receiving side, in the order in which bytes pass: read buffer, frame decoder, message assembler, UTF-8 validation.

pub(crate) mod assembler;
pub(crate) mod decoder;
mod dialogue;
pub(crate) mod read_buffer;
pub(crate) mod utf8;
