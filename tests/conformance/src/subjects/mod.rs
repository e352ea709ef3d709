//! The subjects of every target; the wasm target adds the JavaScript classes in [`target`](crate::target).

mod futures;
mod samesocket;

pub use self::futures::Futures;
pub use self::samesocket::Samesocket;
