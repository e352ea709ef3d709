//! The settings of a native socket, behind the public [`Options`](crate::Options).

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
#[cfg(feature = "__tls")]
use tokio_rustls::rustls::{ClientConfig, crypto::CryptoProvider};

#[cfg(feature = "__tls")]
use crate::platform::TlsSetters;
use crate::platform::native::dial::connector::Connector;
use crate::platform::native::dial::proxy::ProxyServer;
use crate::platform::native::dial::proxy_settings::ProxySettings;
use crate::platform::native::dial::tcp_settings::TcpSettings;
use crate::platform::native::dial::tls::TlsSettings;
#[cfg(feature = "__tls")]
use crate::platform::native::dial::tls::check_server_name;
use crate::platform::native::runtime::choice::RuntimeChoice;
use crate::platform::{Backend, Settings};
use crate::types::compression::Compression;
use crate::types::cookie_store::SharedCookieStore;
#[cfg(feature = "http2")]
use crate::types::http2::{Http2, Http2Choice};
use crate::types::invalid_option::InvalidOption;
use crate::types::request_fields::RequestFields;
#[cfg(feature = "__tls")]
use crate::types::trust_store::TrustStore;
use samesocket_protocol::{Limits, Request};

/// The settings of a native socket, all of which it applies.
#[derive(Clone, Default)]
pub(crate) struct PlatformSettings {
    pub(in crate::platform::native) limits: Limits,
    fields: RequestFields,
    pub(in crate::platform::native) cookies: Option<SharedCookieStore>,
    pub(in crate::platform::native) proxy_settings: ProxySettings,
    /// The settings for TLS with the server.
    pub(in crate::platform::native) tls: TlsSettings,
    /// The part of `tls` that also counts for a proxy: the root certificates, the trust store, and the crypto provider.
    pub(in crate::platform::native) tls_with_proxies: TlsSettings,
    /// The name for TLS in place of the host of the URL.
    tls_server_name: Option<String>,
    pub(in crate::platform::native) tcp: TcpSettings,
    pub(in crate::platform::native) connector: Option<Arc<dyn Connector>>,
    runtime: RuntimeChoice,
    compression: Compression,
    /// The end of the opening timeout, which the caller or the protocol applies. `None` if it is too far away.
    pub(in crate::platform::native) opening_end: Option<Instant>,
    /// The handshakes with one server at a time. Zero counts as one.
    pub(in crate::platform::native) max_concurrent_handshakes: usize,
    /// The redirects that are followed, at most.
    pub(in crate::platform::native) max_redirects: u32,
    #[cfg(feature = "http2")]
    pub(in crate::platform::native) http2: Http2,
}

impl PlatformSettings {
    pub(crate) fn set_runtime(&mut self, runtime: Handle) {
        self.runtime = RuntimeChoice::Given(runtime);
    }

    pub(crate) fn set_connector(&mut self, connector: Arc<dyn Connector>) {
        self.connector = Some(connector);
    }

    #[cfg(feature = "__tls")]
    pub(crate) fn set_tls_config(&mut self, config: Arc<ClientConfig>) {
        self.tls.set_custom(config);
    }

    #[cfg(feature = "__tls")]
    pub(crate) fn set_crypto_provider(&mut self, provider: Arc<CryptoProvider>) {
        self.tls_with_proxies.set_provider(Arc::clone(&provider));
        self.tls.set_provider(provider);
    }

    /// Returns the runtime of a socket that is created here and now, or `None` for the background thread.
    pub(in crate::platform::native) fn runtime(&self) -> Option<Handle> {
        self.runtime.runtime()
    }

    /// Returns whether no user code runs when the stream is read or written.
    #[cfg(not(all(test, shuttle)))]
    pub(in crate::platform::native) const fn has_builtin_stream(&self) -> bool {
        self.connector.is_none() && !self.tls.is_custom() && !self.proxy_settings.has_custom_tls()
    }

    /// Returns whether the stream of the model stands for a stream of this crate.
    #[cfg(all(test, shuttle))]
    pub(in crate::platform::native) fn has_builtin_stream(&self) -> bool {
        self.fields.origin().is_none()
    }

    /// Returns a copy of the request for dialing, which needs it only if HTTP/2 is used.
    #[cfg_attr(not(feature = "http2"), allow(clippy::unused_self, reason = "it is that of a build with the feature"))]
    pub(in crate::platform::native) fn request_for_dialing(&self, request: &Request) -> Option<Request> {
        #[cfg(feature = "http2")]
        let is_needed = self.http2.choice != Http2Choice::Never;
        #[cfg(not(feature = "http2"))]
        let is_needed = false;
        is_needed.then(|| request.clone())
    }

    /// Returns the name for TLS in place of the host of the URL.
    pub(in crate::platform::native) fn tls_server_name(&self) -> Option<&str> {
        self.tls_server_name.as_deref()
    }

    /// Returns the `Host` field in place of the one made from the URL.
    pub(in crate::platform::native) fn host(&self) -> Option<&str> {
        self.fields.host()
    }

    /// Removes what is meant for the origin of the URL only, because a redirect leads to another one. The
    /// documentation of `Options` has the table.
    pub(in crate::platform::native) fn leave_origin(&mut self) {
        self.fields.leave_origin();
        self.tls_server_name = None;
        self.tls.forget_client();
    }

    /// Returns the part of the handshake's request that the options decide, but for the host.
    pub(in crate::platform::native) fn request(&self) -> Request {
        let (origin, headers) = (self.fields.origin(), self.fields.headers());
        let compression = self.compression.is_on.then_some(samesocket_protocol::Compression {
            level: self.compression.level,
            min_size: self.compression.min_bytes,
            client_max_window_bits: self.compression.client_window_bits,
            server_max_window_bits: self.compression.server_window_bits,
            client_context_takeover: self.compression.client_context_takeover,
            server_context_takeover: self.compression.server_context_takeover,
        });
        Request { origin: origin.map(str::to_owned), headers: headers.to_vec(), compression, ..Request::default() }
    }
}

impl Settings for PlatformSettings {
    fn unsupported(&self) -> Option<&'static str> {
        None
    }

    fn show_limits(&self, shown: &mut fmt::DebugStruct<'_, '_>) {
        let Limits { head, frame, message, queue, .. } = &self.limits;
        shown.field("max_head_bytes", head).field("max_frame_bytes", frame);
        shown.field("max_message_bytes", message).field("max_queued_bytes", queue);
    }

    fn backend(&self) -> &dyn Backend {
        self
    }

    fn fields(&mut self) -> &mut RequestFields {
        &mut self.fields
    }

    fn set_cookies(&mut self, store: SharedCookieStore) {
        self.cookies = Some(store);
    }

    fn set_proxy(&mut self, proxy: ProxyServer) {
        self.proxy_settings = ProxySettings::Fixed(proxy);
    }

    fn set_proxy_from_environment(&mut self) {
        self.proxy_settings = ProxySettings::Environment;
    }

    fn set_resolved(&mut self, host: &str, addresses: Vec<IpAddr>) -> Result<(), InvalidOption> {
        self.tcp.set_resolved(host, addresses)
    }

    fn set_local_address(&mut self, address: IpAddr) {
        self.tcp.set_local_address(address);
    }

    fn set_max_redirects(&mut self, count: u32) {
        self.max_redirects = count;
    }

    #[cfg(feature = "http2")]
    fn set_http2(&mut self, http2: Http2) {
        self.http2 = http2;
    }

    fn set_tcp_nodelay(&mut self, no_delay: bool) {
        self.tcp.set_no_delay(no_delay);
    }

    fn set_tcp_keepalive(&mut self, idle: Duration) {
        self.tcp.set_keepalive(idle);
    }

    fn set_tcp_keepalive_interval(&mut self, interval: Duration) {
        self.tcp.set_keepalive_interval(interval);
    }

    fn set_tcp_keepalive_retries(&mut self, retries: u32) {
        self.tcp.set_keepalive_retries(retries);
    }

    fn set_compression(&mut self, compression: Compression) {
        self.compression = compression;
    }

    fn set_background_thread(&mut self) {
        self.runtime = RuntimeChoice::Background;
    }

    fn set_max_concurrent_handshakes(&mut self, count: usize) {
        self.max_concurrent_handshakes = count;
    }

    fn set_max_head_bytes(&mut self, bytes: usize) {
        self.limits.head = bytes;
    }

    fn set_max_frame_bytes(&mut self, bytes: u64) {
        self.limits.frame = bytes;
    }

    fn set_max_message_bytes(&mut self, bytes: u64) {
        self.limits.message = bytes;
    }

    fn set_max_queued_bytes(&mut self, bytes: u64) {
        self.limits.queue = bytes;
    }
}

#[cfg(feature = "__tls")]
impl TlsSetters for PlatformSettings {
    fn add_root(&mut self, certificate: &[u8]) {
        self.tls_with_proxies.add_root(certificate);
        self.tls.add_root(certificate);
    }

    fn add_pinned(&mut self, certificate: &[u8]) {
        self.tls.add_pinned(certificate);
    }

    fn set_client(&mut self, chain: Vec<Vec<u8>>, key: &[u8]) -> Result<(), InvalidOption> {
        self.tls.set_client(chain, key)
    }

    fn accept_any_certificate(&mut self) {
        self.tls.accept_any();
    }

    fn set_trust_store(&mut self, store: TrustStore) {
        self.tls_with_proxies.set_trust(store);
        self.tls.set_trust(store);
    }

    fn set_alpn_protocols(&mut self, protocols: Vec<Vec<u8>>) -> Result<(), InvalidOption> {
        self.tls.set_alpn(protocols)
    }

    fn set_tls_sni(&mut self, is_sent: bool) {
        self.tls.set_sni(is_sent);
    }

    fn set_tls_server_name(&mut self, name: &str) -> Result<(), InvalidOption> {
        check_server_name(name)?;
        self.tls_server_name = Some(name.to_owned());
        Ok(())
    }
}
