//! Dialing: from a URL and options to a stream of bytes that reaches the server.
//!
//! Read in this order:
//!
//! 1. [`target`], [`io_stream`], [`connector`]: the server to reach, the stream, and custom transports.
//! 2. [`blocked_ports`], [`resolve`], [`happy_eyeballs`]: TCP to a name or address.
//! 3. [`handshake_queue`]: one opening handshake at a time with each server.
//! 4. [`proxy`], [`prefixed_stream`] and [`proxy_settings`]: HTTP CONNECT and SOCKS5, and how a proxy is chosen.
//! 5. [`tls`]: TLS over any of these streams.
//! 6. [`request`] and [`basic_auth`]: the HTTP request that the driver sends first over the stream.

mod basic_auth;
mod blocked_ports;
pub(super) mod connector;
pub(super) mod handshake_queue;
mod happy_eyeballs;
pub(super) mod io_stream;
mod prefixed_stream;
pub(super) mod proxy;
pub(super) mod proxy_settings;
pub(super) mod request;
mod resolve;
pub(super) mod target;
pub(super) mod tls;

use std::sync::Arc;

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
    if options.tls.is_contradictory() {
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
        (proxy.connect(&target, &options.tls).await?, Some(permit))
    } else {
        let (stream, permit) = happy_eyeballs::connect_with_permit(&target.host, target.port, &slot).await?;
        (Box::new(stream), Some(permit))
    };
    let stream = if target.secure { tls::connect(&options.tls, &target.host, stream).await? } else { stream };
    Ok((stream, permit))
}
