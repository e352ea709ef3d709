//! Proxies in a build without the feature `proxy`: each server is dialed directly.

/// The proxy.
pub(in crate::platform::native) mod proxy {
    use tokio::time::Instant;

    use crate::platform::native::dial::handshake_queue::HandshakePermit;
    use crate::platform::native::dial::io_stream::IoStream;
    use crate::platform::native::dial::target::Target;
    use crate::platform::native::dial::tls::TlsSettings;
    use crate::types::failure::Failure;

    /// A proxy: an uninhabited type.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum ProxyServer {}

    impl ProxyServer {
        pub(in crate::platform::native::dial) const fn target(&self) -> Target {
            match *self {}
        }

        pub(in crate::platform::native::dial) const fn check_features(&self, _: &TlsSettings) -> Result<(), Failure> {
            match *self {}
        }

        #[allow(clippy::unused_async, reason = "the function is that of a build with the feature")]
        pub(in crate::platform::native::dial) async fn connect(
            &self,
            _: Box<dyn IoStream>,
            _: &Target,
            _: &TlsSettings,
            _: Option<Instant>,
            _: &mut Option<HandshakePermit>,
        ) -> Result<Box<dyn IoStream>, Failure> {
            match *self {}
        }
    }
}

/// The choice of a proxy.
pub(in crate::platform::native) mod proxy_settings {
    use super::proxy::ProxyServer;
    use crate::platform::native::dial::target::Target;
    use crate::types::failure::ProxyFailure;

    /// The proxy settings of a socket. `None` is the only value.
    #[derive(Clone, Default)]
    pub(in crate::platform::native) enum ProxySettings {
        #[default]
        None,
        /// Never exists.
        Fixed(ProxyServer),
        /// Not used.
        #[allow(dead_code, reason = "`Options` has no method for it")]
        Environment,
    }

    #[allow(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "the methods are those of a build with the feature"
    )]
    impl ProxySettings {
        pub(in crate::platform::native::dial) const fn is_contradictory(&self) -> bool {
            false
        }

        pub(in crate::platform::native) const fn has_custom_tls(&self) -> bool {
            false
        }

        pub(in crate::platform::native::dial) const fn proxy_for(
            &self,
            _: &Target,
        ) -> Result<Option<ProxyServer>, ProxyFailure> {
            Ok(None)
        }
    }
}
