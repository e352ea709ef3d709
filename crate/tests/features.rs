//! A socket in builds with few features. `cargo xtask test` runs this with several sets of them.
#![cfg(not(target_family = "wasm"))]

use samesocket::{ConnectError, Failure, Message, connect};
use samesocket_fault_server::Server;

async fn server() -> Server {
    Server::builder().start().await.expect("a free port")
}

fn url(server: &Server, script: &str) -> String {
    format!("ws://{}/ws?id=a&{script}", server.addresses().plain)
}

/// Returns the failure of a connection that never opens.
#[allow(dead_code, reason = "a build with all features has no such failure")]
fn failure(error: &ConnectError) -> &Failure {
    let ConnectError::Failed(failed) = error else { panic!("{error:?}") };
    failed.failure().expect("a cause")
}

#[tokio::test]
async fn echo_over_ws_needs_no_feature() {
    let server = server().await;
    let mut socket = connect(url(&server, "deflate=1&do=echo")).await.unwrap();
    assert_eq!(socket.extensions().is_empty(), cfg!(not(feature = "compression")));
    let text = "long enough to be compressed ".repeat(100);
    socket.send(text.as_str().into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::from(text.as_str()));
    socket.send(vec![7; 100_000].into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::from(vec![7; 100_000]));
    let event = socket.close(Some(1000), Some("done")).await.unwrap();
    assert_eq!((event.code, event.was_clean), (1000, true));
}

#[cfg(not(feature = "compression"))]
#[tokio::test]
async fn answer_with_compression_fails_a_build_without_it() {
    use samesocket::ProtocolFailure;

    let server = server().await;
    let error = connect(url(&server, "extensions=permessage-deflate")).await.unwrap_err();
    let expected =
        ProtocolFailure::Extensions { rule: "an extension was not offered", found: "permessage-deflate".to_owned() };
    assert_eq!(failure(&error), &Failure::Protocol(expected));
}

#[cfg(not(feature = "__tls"))]
#[tokio::test]
async fn secure_url_names_the_feature_that_is_missing() {
    // Nothing listens on the port, and nothing is tried.
    let error = connect("wss://localhost:9999/").await.unwrap_err();
    assert_eq!(failure(&error), &Failure::MissingFeature { feature: "tls" });
    assert_eq!(failure(&error).to_string(), "this build has no TLS; enable the feature `tls` of samesocket");
}

#[cfg(all(feature = "proxy", not(feature = "__tls")))]
#[tokio::test]
async fn secure_proxy_names_the_feature_that_is_missing() {
    use samesocket::{Options, Proxy};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::new(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
    let error = connect("ws://localhost:9999/").options(Options::new().proxy(proxy)).await.unwrap_err();
    assert_eq!(failure(&error), &Failure::MissingFeature { feature: "tls" });
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "the proxy was dialed");
}

#[cfg(feature = "__tls")]
mod tls {
    use std::sync::Arc;

    use samesocket::rustls::crypto::CryptoProvider;
    use samesocket::{Options, TrustStore};

    use super::*;

    fn secure_url(server: &Server) -> String {
        format!("wss://{}/ws?id=a&do=close:1000", server.addresses().tls)
    }

    /// Connects with these options, and returns whether that succeeded.
    async fn connects(server: &Server, options: Options) -> Result<(), Failure> {
        match connect(secure_url(server)).options(options).await {
            Ok(mut socket) => {
                assert!(socket.next().await.is_none());
                Ok(())
            }
            Err(error) => Err(failure(&error).clone()),
        }
    }

    #[cfg(not(any(feature = "tls-aws-lc-rs", feature = "tls-ring")))]
    #[tokio::test]
    async fn build_without_a_provider_names_the_feature() {
        let server = server().await;
        let trusting = || Options::new().root_certificate(server.certificate());
        let expected = Failure::MissingFeature { feature: "tls-ring" };
        assert_eq!(connects(&server, trusting()).await, Err(expected));
    }

    #[cfg(any(feature = "tls-aws-lc-rs", feature = "tls-ring"))]
    #[tokio::test]
    async fn trusted_certificate_is_enough_for_tls() {
        let server = server().await;
        assert_eq!(connects(&server, Options::new().root_certificate(server.certificate())).await, Ok(()));
        let pinned = Options::new().pinned_certificate(server.certificate());
        assert_eq!(connects(&server, pinned).await, Ok(()));
    }

    #[cfg(all(
        any(feature = "tls-aws-lc-rs", feature = "tls-ring"),
        not(any(feature = "tls-platform-roots", feature = "tls-webpki-roots"))
    ))]
    #[tokio::test]
    async fn build_without_roots_names_the_feature() {
        let server = server().await;
        let expected = Failure::MissingFeature { feature: "tls-platform-roots" };
        assert_eq!(connects(&server, Options::new()).await, Err(expected));
    }

    #[cfg(any(feature = "tls-aws-lc-rs", feature = "tls-ring"))]
    #[tokio::test]
    async fn trust_store_that_is_empty_trusts_only_added_roots() {
        let server = server().await;
        let none = || Options::new().trust_store(TrustStore::None);
        assert!(matches!(connects(&server, none()).await, Err(Failure::Tls { .. })));
        assert_eq!(connects(&server, none().root_certificate(server.certificate())).await, Ok(()));
        let contradiction = none().pinned_certificate(server.certificate());
        assert_eq!(connects(&server, contradiction).await, Err(Failure::ContradictoryTls));
    }

    /// A store that the other features do not replace.
    #[cfg(all(feature = "tls-webpki-roots", any(feature = "tls-aws-lc-rs", feature = "tls-ring")))]
    #[tokio::test]
    async fn webpki_roots_are_a_store_beside_added_ones() {
        let server = server().await;
        let webpki = || Options::new().trust_store(TrustStore::WebPki);
        assert!(matches!(connects(&server, webpki()).await, Err(Failure::Tls { .. })));
        assert_eq!(connects(&server, webpki().root_certificate(server.certificate())).await, Ok(()));
    }

    #[cfg(any(feature = "tls-aws-lc-rs", feature = "tls-ring"))]
    #[tokio::test]
    async fn crypto_provider_of_the_options_is_used() {
        let server = server().await;
        #[cfg(feature = "tls-aws-lc-rs")]
        let other = samesocket::rustls::crypto::aws_lc_rs::default_provider();
        #[cfg(not(feature = "tls-aws-lc-rs"))]
        let other = samesocket::rustls::crypto::ring::default_provider();
        let options =
            |provider| Options::new().root_certificate(server.certificate()).crypto_provider(Arc::new(provider));
        assert_eq!(connects(&server, options(other.clone())).await, Ok(()));
        // Without cipher suites, a handshake that used the provider fails.
        let empty = CryptoProvider { cipher_suites: Vec::new(), ..other };
        assert!(matches!(connects(&server, options(empty)).await, Err(Failure::Tls { .. })));
    }
}
