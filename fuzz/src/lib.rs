//! What must hold for any bytes: each function takes an input and panics where a claim about `wire` is wrong.
//!
//! Each is called by the target of its name in `fuzz_targets/`, and by `tests/replay.rs` with every input in `corpus/`.

mod decoder;
mod extensions;
mod handshake;
mod inflater;
mod session;

pub use self::decoder::decoder;
pub use self::extensions::extensions;
pub use self::handshake::handshake;
pub use self::inflater::inflater;

/// A target: its name, which is its folder's in `corpus/`, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 4] =
    [("decoder", decoder), ("extensions", extensions), ("handshake", handshake), ("inflater", inflater)];
