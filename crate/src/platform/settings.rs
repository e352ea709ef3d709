//! The settings of a back end, behind the public [`Options`](crate::Options).

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::platform::{Backend, ProxyServer};
use crate::types::compression::Compression;
use crate::types::cookie_store::SharedCookieStore;
#[cfg(feature = "http2")]
use crate::types::http2::Http2;
use crate::types::invalid_option::InvalidOption;
use crate::types::request_fields::RequestFields;
#[cfg(feature = "__tls")]
use crate::types::trust_store::TrustStore;

/// The settings of a back end, behind the public [`Options`](crate::Options), which has the documentation of each.
///
/// A setter with an implementation here only tunes, so a back end without that setting ignores it. Every other setter has
/// to be implemented, because its loss would be unsafe. A back end that cannot apply such a setting remembers its name
/// for [`unsupported`](Self::unsupported).
#[allow(dead_code, reason = "`Options` calls those setters whose features are enabled")]
pub(crate) trait Settings: Clone + Default {
    /// Returns the name of a setting that the back end cannot apply, as the method of `Options` is called.
    fn unsupported(&self) -> Option<&'static str>;

    /// Adds the limits to the `Debug` output of the options. All other settings may be secret.
    fn show_limits(&self, _: &mut fmt::DebugStruct<'_, '_>) {}

    /// Returns the back end with these settings.
    fn backend(&self) -> &dyn Backend;

    /// Returns the header fields, to be changed.
    fn fields(&mut self) -> &mut RequestFields;

    fn set_cookies(&mut self, store: SharedCookieStore);
    fn set_proxy(&mut self, proxy: ProxyServer);
    fn set_resolved(&mut self, host: &str, addresses: Vec<IpAddr>) -> Result<(), InvalidOption>;
    fn set_local_address(&mut self, address: IpAddr);
    fn set_max_redirects(&mut self, count: u32);

    /// Does nothing by default: where there are no environment variables, none names a proxy.
    fn set_proxy_from_environment(&mut self) {}

    fn set_compression(&mut self, _: Compression) {}
    #[cfg(feature = "http2")]
    fn set_http2(&mut self, _: Http2) {}
    fn set_max_concurrent_handshakes(&mut self, _: usize) {}
    fn set_background_thread(&mut self) {}
    fn set_max_head_bytes(&mut self, _: usize) {}
    fn set_max_frame_bytes(&mut self, _: u64) {}
    fn set_max_message_bytes(&mut self, _: u64) {}
    fn set_max_queued_bytes(&mut self, _: u64) {}
    fn set_tcp_nodelay(&mut self, _: bool) {}
    fn set_tcp_keepalive(&mut self, _: Duration) {}
    fn set_tcp_keepalive_interval(&mut self, _: Duration) {}
    fn set_tcp_keepalive_retries(&mut self, _: u32) {}
}

/// The settings of a back end for TLS with the server. None of them may be ignored.
#[cfg(feature = "__tls")]
pub(crate) trait TlsSetters {
    fn add_root(&mut self, certificate: &[u8]);
    fn add_pinned(&mut self, certificate: &[u8]);
    fn set_client(&mut self, chain: Vec<Vec<u8>>, key: &[u8]) -> Result<(), InvalidOption>;
    fn accept_any_certificate(&mut self);
    fn set_trust_store(&mut self, store: TrustStore);
    fn set_alpn_protocols(&mut self, protocols: Vec<Vec<u8>>) -> Result<(), InvalidOption>;
    fn set_tls_sni(&mut self, is_sent: bool);
    fn set_tls_server_name(&mut self, name: &str) -> Result<(), InvalidOption>;
}
