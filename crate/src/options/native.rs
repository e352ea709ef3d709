//! The options whose types exist on native targets only.

use std::sync::Arc;

use tokio::runtime::Handle;
#[cfg(feature = "__tls")]
use tokio_rustls::rustls::{ClientConfig, crypto::CryptoProvider};

use super::Options;
#[cfg(all(feature = "proxy", feature = "__tls"))]
use super::proxy::Proxy;
use crate::platform::api::Connector;

impl Options {
    /// Sets the tokio runtime that the socket lives on.
    ///
    /// By default, a socket lives on the tokio runtime in which it is created. It is created where
    /// [`Connect`](crate::Connect) is polled for the first time, or where [`WebSocket::new`](crate::WebSocket::new) is
    /// called. Outside of a runtime, and in one without an I/O or a time driver, it lives on the [background
    /// thread](Self::background_thread).
    ///
    /// This method sets another runtime, which needs both drivers. Without them, the connection fails at once. It also
    /// fails when the runtime shuts down.
    ///
    /// ```no_run
    /// # async fn example(sockets: tokio::runtime::Runtime) -> Result<(), samesocket::ConnectError> {
    /// use samesocket::{Options, connect};
    ///
    /// let options = Options::new().runtime(sockets.handle().clone());
    /// let socket = connect("wss://example.com/chat").options(options).await?;
    /// # drop(socket);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// On a current-thread runtime, the socket and its user take turns on one thread. The socket does nothing while
    /// another task keeps that thread, and nothing while the runtime is not driven. That includes pongs and timeouts.
    /// On a multi-thread runtime the socket is a task like any other. Callbacks run on the threads of the runtime.
    ///
    /// Wherever the socket lives, a call that sends may write to TCP on the caller's thread, without blocking. It does
    /// not if there is a [`connector`](Self::connector), a [`tls_config`](Self::tls_config) or a
    /// [`crypto_provider`](Self::crypto_provider), because those may run user code.
    ///
    /// The last call of this and of [`background_thread`](Self::background_thread) counts.
    #[must_use]
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.0.set_runtime(runtime);
        self
    }

    /// Sets a custom transport, such as a Unix socket or a pipe in a test. The default is TCP. [`Connector`] has an
    /// example.
    ///
    /// With a [`proxy`](Self::proxy), the connector makes the stream to the proxy: see
    /// [`Target::is_proxy`](crate::Target::is_proxy). Without one, the socket does not wait for the handshakes of others.
    /// A `wss:` URL still does TLS over the stream. The options of TCP have no effect.
    #[must_use]
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.0.set_connector(Arc::new(connector));
        self
    }
}

#[cfg(feature = "__tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
impl Options {
    /// Sets the cryptography of TLS with the server and with a proxy that has no TLS settings of its own.
    ///
    /// The default is ring with the feature `tls-ring`, or else aws-lc with the feature `tls-aws-lc-rs`. Without both,
    /// it is the provider that the program has installed for the process. With ring, another crate of the program that
    /// enables `tls-aws-lc-rs` changes nothing. It cannot be combined with [`tls_config`](Self::tls_config).
    ///
    /// ```
    /// use samesocket::Options;
    /// use samesocket::rustls::crypto::ring;
    /// use std::sync::Arc;
    ///
    /// let options = Options::new().crypto_provider(Arc::new(ring::default_provider()));
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn crypto_provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.0.set_crypto_provider(provider);
        self
    }

    /// Sets the whole TLS configuration for the server. The default is made from the other TLS options.
    ///
    /// It is not used for a proxy; see [`Proxy::tls_config`](crate::Proxy::tls_config). It cannot be combined with
    /// [`root_certificate`](Self::root_certificate), [`pinned_certificate`](Self::pinned_certificate),
    /// [`client_certificate`](Self::client_certificate), [`trust_store`](Self::trust_store),
    /// [`crypto_provider`](Self::crypto_provider), [`alpn_protocols`](Self::alpn_protocols), `tls_sni(false)` or
    /// [`dangerous_accept_any_certificate`](Self::dangerous_accept_any_certificate), in any order. A socket with both
    /// fails with [`Failure::ContradictoryTls`](crate::Failure::ContradictoryTls) before it connects, even for a `ws:`
    /// URL.
    ///
    /// ```
    /// use samesocket::Options;
    /// use samesocket::rustls::crypto::ring;
    /// use samesocket::rustls::{ClientConfig, RootCertStore};
    /// use std::sync::Arc;
    ///
    /// let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
    ///     .with_safe_default_protocol_versions()?
    ///     .with_root_certificates(RootCertStore::empty())
    ///     .with_no_client_auth();
    /// let options = Options::new().tls_config(Arc::new(config));
    /// # drop(options);
    /// # Ok::<(), samesocket::rustls::Error>(())
    /// ```
    #[must_use]
    pub fn tls_config(mut self, config: Arc<ClientConfig>) -> Self {
        self.0.set_tls_config(config);
        self
    }
}

#[cfg(all(feature = "proxy", feature = "__tls"))]
#[cfg_attr(docsrs, doc(cfg(all(feature = "proxy", feature = "tls"))))]
impl Proxy {
    /// Sets the whole TLS configuration for an `https` proxy. It cannot be combined with the other TLS settings of the
    /// proxy; see [`Options::tls_config`](crate::Options::tls_config).
    ///
    /// ```
    /// use samesocket::Proxy;
    /// use samesocket::rustls::crypto::ring;
    /// use samesocket::rustls::{ClientConfig, RootCertStore};
    /// use std::sync::Arc;
    ///
    /// let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
    ///     .with_safe_default_protocol_versions()?
    ///     .with_root_certificates(RootCertStore::empty())
    ///     .with_no_client_auth();
    /// let proxy = Proxy::new("https://proxy.example:3129")?.tls_config(Arc::new(config));
    /// # drop(proxy);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tls_config(mut self, config: Arc<ClientConfig>) -> Self {
        self.0.set_tls_config(config);
        self
    }
}
