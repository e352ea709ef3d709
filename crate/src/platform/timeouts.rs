//! The timeouts of a connection: one for each of its two handshakes.

use std::time::Duration;

/// The default timeout of the opening handshake. Arbitrary.
pub(crate) const OPENING_TIMEOUT: Duration = Duration::from_secs(60);

/// The default timeout of the closing handshake. Arbitrary: the value of Firefox and of others.
pub(crate) const CLOSING_TIMEOUT: Duration = Duration::from_secs(10);

/// The timeouts that a back end with a clock of its own applies to one connection.
// Code size: without content in a page, where the browser has timeouts of its own.
#[derive(Clone, Copy)]
pub(crate) struct Timeouts {
    /// The timeout of the opening handshake.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    pub(crate) opening: Duration,
    /// Whether the back end applies `opening`. Otherwise the caller gives up the connection by itself.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    pub(crate) applies_opening: bool,
    /// The time without progress of the closing handshake.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    pub(crate) closing: Duration,
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
impl Timeouts {
    pub(crate) const fn new(opening: Duration, applies_opening: bool, closing: Duration) -> Self {
        Self { opening, applies_opening, closing }
    }
}

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
impl Timeouts {
    pub(crate) const fn new(_: Duration, _: bool, _: Duration) -> Self {
        Self {}
    }
}
