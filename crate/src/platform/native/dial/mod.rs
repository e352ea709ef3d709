//! Dialing: from a URL and options to a stream of bytes that reaches the server.
//!
//! Read in this order:
//!
//! 1. [`target`], [`io_stream`], [`connector`]: the server to reach, the stream, and custom transports.
//! 2. [`blocked_ports`], [`resolve`], [`tcp`], [`happy_eyeballs`]: TCP to a name or address.
//! 3. [`handshake_queue`]: one opening handshake at a time with each server.
//! 4. [`proxy`], [`prefixed_stream`], [`socks5`]: tunnels by HTTP CONNECT and SOCKS5. [`proxy_settings`] chooses a
//!    proxy, and [`no_proxy`] the hosts without one.
//! 5. [`tls`]: TLS over any of these streams.
//! 6. [`request`] and [`basic_auth`]: the HTTP request that the driver sends first over the stream.

mod basic_auth;
mod blocked_ports;
pub(super) mod connector;
#[cfg(fuzzing)]
pub mod fuzzing;
pub(super) mod handshake_queue;
mod happy_eyeballs;
pub(super) mod io_stream;
mod no_proxy;
mod prefixed_stream;
pub(super) mod proxy;
pub(super) mod proxy_settings;
pub(super) mod request;
mod resolve;
mod socks5;
pub(super) mod target;
pub(super) mod tcp;
pub(super) mod tls;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::platform::native::catch_panic::catch_as_failure;
use crate::platform::native::dial::handshake_queue::{HandshakePermit, HandshakeSlot, ServerAddress};
use crate::platform::native::dial::io_stream::IoStream;
use crate::platform::native::dial::target::Target;
use crate::platform::native::failure::Failure;
use crate::platform::native::options::Options;
use crate::platform::native::url::Url;

/// A stream to a server, with the permit for its opening handshake. A [`Connector`](connector::Connector) needs no
/// permit.
pub(super) type DialedStream = (Box<dyn IoStream>, Option<HandshakePermit>);

/// Connects a stream to the server of `url`. Dropping the future cancels it and closes every stream that it has opened.
pub(super) async fn connect(url: Url, options: Options, slot: HandshakeSlot) -> Result<DialedStream, Failure> {
    check_timers()?;
    if options.tls.is_contradictory() || options.proxy_settings.is_contradictory() {
        return Err(Failure::ContradictoryTls);
    }
    let target = Target::new(&url);
    if blocked_ports::is_blocked(target.port) {
        return Err(Failure::BadPort { port: target.port });
    }
    let (stream, permit): DialedStream = if let Some(connector) = &options.connector {
        let connected = connector.connect(&target).await;
        (connected.map_err(|error| Failure::Connector { source: Arc::new(error) })?, None)
    } else if let Some(proxy) = options.proxy_settings.proxy_for(&target).map_err(Failure::Proxy)? {
        let permit = slot.acquire(ServerAddress::behind_proxy(&target.host, target.port)).await;
        (proxy.connect(&target, &options.tls_with_proxies).await?, Some(permit))
    } else {
        let (stream, permit) = happy_eyeballs::connect_with_permit(&target.host, target.port, &slot).await?;
        (Box::new(stream), Some(permit))
    };
    let stream = if target.secure { tls::connect(&options.tls, &target.host, stream).await? } else { stream };
    Ok((stream, permit))
}

/// Checks that the runtime has timers, which the deadlines of a socket need.
fn check_timers() -> Result<(), Failure> {
    catch_as_failure(|| drop(sleep(Duration::ZERO))).map_err(|_| Failure::RuntimeDriver { missing: "time" })
}
