//! Properties that hold for all inputs. Each function takes an input, and panics if a property does not hold.
//!
//! Each function is called by the target of its name in `fuzz_targets/`, and by `tests/replay.rs` with every input in `corpus/`.
//! `no_proxy` and `proxy` need private code of `samesocket`, which it exports with `--cfg fuzzing` only, so that only the targets
//! call them. libFuzzer begins with the inputs in `corpus/`, too.
//!
//! `script` reads an input as decisions, and `server` is a model of a server for them. `session` and `stream` are what carries
//! the bytes: a bare connection of the protocol, and a stream for a socket.

mod connection;
mod decoder;
mod driver;
mod extensions;
mod handshake;
mod http2;
mod inflater;
#[cfg(fuzzing)]
mod no_proxy;
#[cfg(fuzzing)]
mod proxy;
mod reconnect;
mod request;
mod script;
mod server;
mod session;
mod stream;

pub use self::connection::connection;
pub use self::decoder::decoder;
pub use self::driver::driver;
pub use self::extensions::extensions;
pub use self::handshake::handshake;
pub use self::http2::http2;
pub use self::inflater::inflater;
#[cfg(fuzzing)]
pub use self::no_proxy::no_proxy;
#[cfg(fuzzing)]
pub use self::proxy::proxy;
pub use self::reconnect::reconnect;
pub use self::request::request;

/// A fuzz target: its name, which is also that of its folder in `corpus/`, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All fuzz targets but those that need private code.
pub const TARGETS: [Target; 9] = [
    ("connection", connection),
    ("decoder", decoder),
    ("driver", driver),
    ("extensions", extensions),
    ("handshake", handshake),
    ("http2", http2),
    ("inflater", inflater),
    ("reconnect", reconnect),
    ("request", request),
];

/// Defines the program of a target. Without libFuzzer, it does nothing.
#[macro_export]
macro_rules! program {
    ($target:path) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $target(data));

        #[cfg(not(fuzzing))]
        fn main() {
            eprintln!("Run this with `cargo xtask fuzz`.");
        }
    };
}
