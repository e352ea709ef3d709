//! What the tests of this package share: lines that break, a generator with a seed, and events in words.

mod line;
mod matrix;
mod random;
mod words;

pub use line::{Act, Direction, Line, Plan, Traffic};
pub use matrix::Peer;
pub use random::Random;
pub use words::{binary, digest, line, lines};
