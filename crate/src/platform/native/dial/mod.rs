//! Dialing: from a URL and options to a stream of bytes that reaches the server.
//!
//! Read in this order:
//!
//! 1. [`target`], [`io_stream`], [`connector`]: the server to reach, the stream, and custom transports.
//! 2. [`blocked_ports`], [`resolve`] on [`lookup_threads`], [`tcp`], [`tcp_settings`], [`happy_eyeballs`]: TCP to a name or address.
//! 3. [`handshake_queue`]: a bounded number of opening handshakes at a time with each server.
//! 4. [`proxy`], [`prefixed_stream`], [`socks5`]: tunnels by HTTP CONNECT and SOCKS5. [`proxy_settings`] chooses a
//!    proxy, and [`no_proxy`] the hosts without one.
//! 5. [`tls`]: TLS over any of these streams.
//! 6. [`request`] and [`basic_auth`]: the HTTP request that the driver sends first over the stream.
//! 7. [`redirects`]: where a redirect leads, and what goes along.
//! 8. [`route`]: all of these together. [`http_versions`] has what TLS offers.
//! 9. [`http2`]: streams of HTTP/2 connections that sockets share.
//!
//! In a build without a feature, `without_http2`, `without_proxy` or `without_tls` replaces the modules for it.

mod basic_auth;
mod blocked_ports;
pub(super) mod connector;
#[cfg(all(fuzzing, feature = "proxy"))]
pub mod fuzzing;
pub(super) mod handshake_queue;
mod happy_eyeballs;
#[cfg(feature = "http2")]
mod http2;
#[cfg(not(feature = "http2"))]
#[path = "without_http2.rs"]
mod http2;
mod http_versions;
pub(super) mod io_stream;
mod lookup_threads;
#[cfg(feature = "proxy")]
mod no_proxy;
#[cfg(feature = "proxy")]
mod prefixed_stream;
#[cfg(feature = "proxy")]
pub(super) mod proxy;
#[cfg(feature = "proxy")]
pub(super) mod proxy_settings;
pub(super) mod redirects;
pub(super) mod request;
mod resolve;
pub(super) mod route;
#[cfg(feature = "proxy")]
mod socks5;
pub(super) mod target;
pub(super) mod tcp;
pub(super) mod tcp_settings;
#[cfg(feature = "__tls")]
pub(super) mod tls;
#[cfg(not(feature = "__tls"))]
#[path = "without_tls.rs"]
pub(super) mod tls;
#[cfg(not(feature = "proxy"))]
mod without_proxy;

#[cfg(not(feature = "proxy"))]
pub(super) use self::without_proxy::{proxy, proxy_settings};

use std::time::Duration;

use tokio::time::sleep;

use crate::platform::native::catch_panic::catch_as_failure;
use crate::platform::native::dial::handshake_queue::HandshakeSlot;
use crate::platform::native::dial::route::{Dialed, Route};
use crate::platform::native::dial::target::Target;
use crate::platform::native::settings::PlatformSettings;
use crate::platform::native::url::Url;
use crate::types::failure::Failure;
use samesocket_protocol::Request;

/// Connects a stream to the server of `url`. Dropping the future cancels it and closes every stream that it has opened.
///
/// `request` is needed only if the options use HTTP/2.
pub(super) async fn connect(
    url: Url,
    options: PlatformSettings,
    request: Option<Request>,
    slot: HandshakeSlot,
) -> Result<Dialed, Failure> {
    check_timers()?;
    if options.tls.is_contradictory() || options.proxy_settings.is_contradictory() {
        return Err(Failure::ContradictoryTls);
    }
    let target = Target::new(&url);
    if target.secure {
        options.tls.check_features()?;
    }
    if blocked_ports::is_blocked(target.port) {
        return Err(Failure::BadPort { port: target.port });
    }
    let proxy = options.proxy_settings.proxy_for(&target).map_err(Failure::Proxy)?;
    let route = Route { target, proxy, options: &options, slot: &slot };
    http2::connect(&route, request.as_ref()).await
}

/// Checks that the runtime has timers, which the deadlines of a socket need.
fn check_timers() -> Result<(), Failure> {
    catch_as_failure(|| drop(sleep(Duration::ZERO))).map_err(|_| Failure::RuntimeDriver { missing: "time" })
}
