//! The receiving side: read buffer, frame decoder, message assembler, UTF-8 validation.

pub mod assembler;
pub mod decoder;
pub mod read_buffer;
pub mod utf8;
