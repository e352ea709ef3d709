//! The fuzz target `handshake`.
#![cfg_attr(fuzzing, no_main)]

samesocket_fuzz::program!(samesocket_fuzz::handshake);
