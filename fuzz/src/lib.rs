//! Properties of `samesocket-protocol` that hold for all bytes. Each function takes an input, and panics if one does not hold.
//!
//! Each function is called by the target of its name in `fuzz_targets/`, and by `tests/replay.rs` with every input in `corpus/`.

mod decoder;
mod extensions;
mod handshake;
mod inflater;
mod session;

pub use self::decoder::decoder;
pub use self::extensions::extensions;
pub use self::handshake::handshake;
pub use self::inflater::inflater;

/// A fuzz target: its name, which is also that of its folder in `corpus/`, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All fuzz targets.
pub const TARGETS: [Target; 4] =
    [("decoder", decoder), ("extensions", extensions), ("handshake", handshake), ("inflater", inflater)];
