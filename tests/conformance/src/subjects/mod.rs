//! The subjects that there are everywhere; a page has the platform's own class too, [`Platform`](crate::place).

mod futures;
mod samesocket;

pub use self::futures::Futures;
pub use self::samesocket::Samesocket;
