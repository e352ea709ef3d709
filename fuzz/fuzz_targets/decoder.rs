//! The fuzz target `decoder`.
#![cfg_attr(fuzzing, no_main)]

samesocket_fuzz::program!(samesocket_fuzz::decoder);
