//! The fuzz target `no_proxy`.
#![cfg_attr(fuzzing, no_main)]

samesocket_fuzz::program!(samesocket_fuzz::no_proxy);
