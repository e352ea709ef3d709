//! The fuzz target `http2`.
#![cfg_attr(fuzzing, no_main)]

samesocket_fuzz::program!(samesocket_fuzz::http2);
