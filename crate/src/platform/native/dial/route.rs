//! The way to a server: a new stream, directly or through a proxy, with TLS or without.

use std::sync::Arc;

use crate::platform::native::dial::connector::Connector;
use crate::platform::native::dial::handshake_queue::{HandshakePermit, HandshakeSlot, ServerAddress};
use crate::platform::native::dial::http_versions::HttpVersions;
use crate::platform::native::dial::io_stream::IoStream;
use crate::platform::native::dial::proxy::ProxyServer;
use crate::platform::native::dial::target::Target;
use crate::platform::native::dial::{happy_eyeballs, tls};
use crate::platform::native::settings::PlatformSettings;
use crate::trace::event;
use crate::types::failure::Failure;
use samesocket_spec::Response;

/// A stream that reaches the server.
pub(in crate::platform::native) struct Dialed {
    pub(in crate::platform::native) stream: Box<dyn IoStream>,
    /// The permit for the opening handshake. A [`Connector`] needs none, and neither does a stream of HTTP/2.
    pub(in crate::platform::native) permit: Option<HandshakePermit>,
    /// Whether HTTP/2 was negotiated or is used.
    #[cfg_attr(not(feature = "http2"), allow(dead_code, reason = "it is never used"))]
    pub(in crate::platform::native) is_http2: bool,
    /// The head of the response, if the stream is that of an extended CONNECT.
    pub(in crate::platform::native) response: Option<Response>,
}

/// The way to the server of one socket.
pub(super) struct Route<'a> {
    pub(super) target: Target,
    pub(super) proxy: Option<ProxyServer>,
    pub(super) options: &'a PlatformSettings,
    pub(super) slot: &'a HandshakeSlot,
}

impl Route<'_> {
    /// Connects a new stream, which does TLS if the URL says so.
    pub(super) async fn connect(&self, versions: HttpVersions) -> Result<Dialed, Failure> {
        let Self { target, proxy, options, .. } = self;
        let (stream, permit) = match proxy {
            Some(proxy) => self.through(proxy).await?,
            None => self.directly().await?,
        };
        if !target.secure {
            return Ok(Dialed { stream, permit, is_http2: versions == HttpVersions::Http2, response: None });
        }
        let name = options.tls_server_name().unwrap_or(&target.host);
        let (stream, is_http2) = tls::connect(&options.tls, name, stream, versions).await?;
        Ok(Dialed { stream, permit, is_http2, response: None })
    }

    /// Connects a stream to the server itself, by the connector of the options or by TCP.
    async fn directly(&self) -> Result<(Box<dyn IoStream>, Option<HandshakePermit>), Failure> {
        let Self { target, options, slot, .. } = self;
        if let Some(connector) = &options.connector {
            return Ok((connect_by(&**connector, target).await?, None));
        }
        let connecting = happy_eyeballs::connect_with_permit(&target.host, target.port, &options.tcp, slot);
        let (stream, permit) = connecting.await?;
        Ok((Box::new(stream), Some(permit)))
    }

    /// Opens a tunnel to the server over a stream to the proxy, which the connector of the options makes, or TCP.
    async fn through(&self, proxy: &ProxyServer) -> Result<(Box<dyn IoStream>, Option<HandshakePermit>), Failure> {
        let Self { target, options, slot, .. } = self;
        proxy.check_features(&options.tls_with_proxies)?;
        let mut permit = Some(slot.acquire(ServerAddress::behind_proxy(&target.host, target.port)).await);
        event!(current, DEBUG, "connecting through a proxy", proxy = %format_args!("{proxy:?}"));
        let address = proxy.target();
        let stream: Box<dyn IoStream> = match &options.connector {
            Some(connector) => connect_by(&**connector, &address).await?,
            None => Box::new(happy_eyeballs::connect(&address.host, address.port, &options.tcp).await?),
        };
        let tunnel = proxy.connect(stream, target, &options.tls_with_proxies, options.opening_end, &mut permit);
        Ok((tunnel.await?, permit))
    }
}

async fn connect_by(connector: &dyn Connector, target: &Target) -> Result<Box<dyn IoStream>, Failure> {
    let connected = connector.connect(target).await;
    event!(current, DEBUG, "connector returned", connected = connected.is_ok());
    connected.map_err(|error| Failure::Connector { source: Arc::new(error) })
}
