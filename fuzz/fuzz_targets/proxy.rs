//! The fuzz target `proxy`.
#![cfg_attr(fuzzing, no_main)]

samesocket_fuzz::program!(samesocket_fuzz::proxy);
