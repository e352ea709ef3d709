//! The target `inflater`: inputs come from libFuzzer under `cargo fuzz`, and otherwise from the files that are named as arguments.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| samesocket_fuzz::inflater(data));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    for path in std::env::args_os().skip(1) {
        samesocket_fuzz::inflater(&std::fs::read(path)?);
    }
    Ok(())
}
