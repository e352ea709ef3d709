//! The settings of a browser's socket. They are not applied; those that must not be ignored are remembered.

use std::net::IpAddr;

use super::socket::DefaultBackend;
#[cfg(feature = "__tls")]
use crate::platform::TlsSetters;
use crate::platform::{Backend, Settings, Url};
use crate::types::cookie_store::SharedCookieStore;
use crate::types::invalid_option::InvalidOption;
use crate::types::request_fields::RequestFields;
use crate::types::response_cookies::ResponseCookies;
#[cfg(feature = "__tls")]
use crate::types::trust_store::TrustStore;
use samesocket_spec::{RedirectFailure, Response};

/// The settings of a browser's socket.
#[derive(Clone, Default)]
pub(crate) struct PlatformSettings {
    /// The header fields, which only the network in memory can show.
    fields: RequestFields,
    /// The settings that a page must not ignore, in the order in which they were set.
    refused: Vec<&'static str>,
}

impl PlatformSettings {
    /// Returns the header fields that the settings add to the request of the opening handshake, for the network in memory.
    pub(crate) fn request_headers(&self, _: &Url) -> Vec<(String, String)> {
        let named = [("Host", self.fields.host()), ("Origin", self.fields.origin())];
        let named = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        named.chain(self.fields.headers().iter().cloned()).collect()
    }

    /// Returns the store for the cookies of the response, for the network in memory: none, because a page has no such option.
    #[allow(clippy::unused_self, reason = "the native back end has the same method")]
    pub(crate) const fn response_cookies(&self, _: &Url) -> Option<ResponseCookies> {
        None
    }

    fn refuse(&mut self, option: &'static str) {
        self.refused.push(option);
    }

    /// Lifts the refusal of an option, because a later call has replaced it.
    fn accept(&mut self, option: &'static str) {
        self.refused.retain(|&refused| refused != option);
    }
}

impl Settings for PlatformSettings {
    fn unsupported(&self) -> Option<&'static str> {
        let field = if self.fields.host().is_some() {
            Some("host")
        } else if self.fields.origin().is_some() {
            Some("origin")
        } else if self.fields.headers().is_empty() {
            None
        } else {
            Some("header")
        };
        field.or_else(|| self.refused.first().copied())
    }

    fn backend(&self) -> &dyn Backend {
        &DefaultBackend {}
    }

    fn fields(&mut self) -> &mut RequestFields {
        &mut self.fields
    }

    fn set_cookies(&mut self, _: SharedCookieStore) {
        self.refuse("cookies");
    }

    fn set_proxy(&mut self, _: ProxyServer) {
        self.refuse("proxy");
    }

    fn set_proxy_from_environment(&mut self) {
        self.accept("proxy");
    }

    fn set_resolved(&mut self, _: &str, _: Vec<IpAddr>) -> Result<(), InvalidOption> {
        self.refuse("resolve");
        Ok(())
    }

    fn set_local_address(&mut self, _: IpAddr) {
        self.refuse("local_address");
    }

    fn set_max_redirects(&mut self, count: u32) {
        self.accept("max_redirects");
        if count > 0 {
            self.refuse("max_redirects");
        }
    }
}

#[cfg(feature = "__tls")]
impl TlsSetters for PlatformSettings {
    fn add_root(&mut self, _: &[u8]) {
        self.refuse("root_certificate");
    }

    fn add_pinned(&mut self, _: &[u8]) {
        self.refuse("pinned_certificate");
    }

    fn set_client(&mut self, _: Vec<Vec<u8>>, _: &[u8]) -> Result<(), InvalidOption> {
        self.refuse("client_certificate");
        Ok(())
    }

    fn accept_any_certificate(&mut self) {
        self.refuse("dangerous_accept_any_certificate");
    }

    fn set_trust_store(&mut self, _: TrustStore) {
        self.refuse("trust_store");
    }

    fn set_alpn_protocols(&mut self, _: Vec<Vec<u8>>) -> Result<(), InvalidOption> {
        self.refuse("alpn_protocols");
        Ok(())
    }

    fn set_tls_sni(&mut self, is_sent: bool) {
        self.accept("tls_sni");
        if !is_sent {
            self.refuse("tls_sni");
        }
    }

    fn set_tls_server_name(&mut self, _: &str) -> Result<(), InvalidOption> {
        self.refuse("tls_server_name");
        Ok(())
    }
}

/// The redirects of one connection. It is never made, because a page follows none.
#[derive(Clone)]
#[allow(dead_code, reason = "the native back end makes it")]
pub(crate) struct Redirects(Url);

#[allow(
    dead_code,
    clippy::unused_self,
    clippy::needless_pass_by_ref_mut,
    reason = "the native back end has the same methods"
)]
impl Redirects {
    pub(crate) const fn new(_: &Url, _: &[String], _: &PlatformSettings) -> Option<Self> {
        None
    }

    pub(crate) const fn follow(&mut self, _: &Response) -> Result<(), RedirectFailure> {
        Err(RedirectFailure::TooMany)
    }

    pub(crate) const fn followed(&self) -> u32 {
        0
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.0
    }

    pub(crate) const fn response_url(&self) -> Option<String> {
        None
    }

    pub(crate) const fn request_headers(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    pub(crate) const fn response_cookies(&self) -> Option<ResponseCookies> {
        None
    }
}

/// A proxy, which a page cannot choose. Its settings are not stored, because it is refused when it is used.
#[derive(Clone, Debug)]
pub(crate) struct ProxyServer;

#[cfg(feature = "proxy")]
#[allow(clippy::unnecessary_wraps, reason = "the native back end has the same function")]
impl ProxyServer {
    pub(crate) const fn parse(_: &str) -> Result<Self, InvalidOption> {
        Ok(Self)
    }
}

#[cfg(all(feature = "proxy", feature = "__tls"))]
#[allow(clippy::unnecessary_wraps, clippy::unused_self, reason = "the native back end has the same methods")]
impl ProxyServer {
    pub(crate) const fn add_root(&mut self, _: &[u8]) {}

    pub(crate) const fn add_pinned(&mut self, _: &[u8]) {}

    pub(crate) fn set_client(&mut self, _: Vec<Vec<u8>>, _: &[u8]) -> Result<(), InvalidOption> {
        Ok(())
    }

    pub(crate) const fn accept_any_certificate(&mut self) {}
}
