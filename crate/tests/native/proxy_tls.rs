//! TLS with an HTTPS proxy, whose settings are not those of the server behind it.

use std::sync::Arc;

use samesocket::rustls::crypto::ring;
use samesocket::rustls::version::{TLS12, TLS13};
use samesocket::rustls::{ClientConfig, RootCertStore};
use samesocket::{Failure, Options, Proxy, ProxyFailure, WebSocket};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificates::TestCertificate;
use crate::manual_server::{ManualConnection, ManualServer, failure_of, first_event};
use crate::tls::demanding;

const URL: &str = "ws://somewhere.invalid/a";

/// A proxy, with its URL.
struct TestProxy {
    server: ManualServer,
    acceptor: TlsAcceptor,
}

impl TestProxy {
    async fn new(acceptor: TlsAcceptor) -> Self {
        Self { server: ManualServer::new().await, acceptor }
    }

    fn settings(&self) -> Proxy {
        Proxy::new(&format!("https://{}", self.server.address())).unwrap()
    }

    /// Accepts the next tunnel.
    async fn accept(&self) -> ManualConnection<TlsStream<TcpStream>> {
        let stream = self.acceptor.accept(self.server.accept().await).await.unwrap();
        let connection = ManualConnection::read(stream).await;
        assert!(connection.path.starts_with("somewhere.invalid:"), "{}", connection.path);
        connection
    }

    /// Returns whether a socket with these options opens through the proxy.
    async fn opens(&self, options: &Options) -> bool {
        let socket = WebSocket::with_options(URL, (), options).unwrap();
        let connection = self.accept().await.open_tunnel().await.accept_upgrade().await;
        let opened = first_event(&socket).await == "open";
        drop(connection);
        opened
    }

    /// Returns the failure of a socket that does not trust the proxy.
    async fn failure(&self, options: &Options) -> Failure {
        let accepting = async { self.acceptor.accept(self.server.accept().await).await.err() };
        let (failure, refused) = futures::join!(failure_of(URL, options), accepting);
        assert!(refused.is_some());
        failure
    }
}

#[tokio::test]
async fn proxy_is_verified_by_its_own_settings() {
    let identity = TestCertificate::new("proxy");
    let proxy = TestProxy::new(identity.acceptor()).await;
    let settings = || proxy.settings();
    let own = Options::new();
    for trusting in [
        settings().root_certificate(identity.certificate()),
        settings().pinned_certificate(identity.certificate()),
        settings().dangerous_accept_any_certificate(),
        settings().tls_config(config(&identity)),
    ] {
        assert!(proxy.opens(&own.clone().proxy(trusting)).await);
    }
    // A proxy without settings of its own is verified by the root certificates for the server, too.
    let shared = own.clone().root_certificate(identity.certificate());
    assert!(proxy.opens(&shared.clone().proxy(settings())).await);
    let other = TestCertificate::new("other");
    for doubting in [
        own.clone().proxy(settings()),
        own.clone().proxy(settings().pinned_certificate(other.certificate())),
        shared.proxy(settings().root_certificate(other.certificate())),
    ] {
        let failure = proxy.failure(&doubting).await;
        assert!(matches!(&failure, Failure::Tls { host, .. } if host == "127.0.0.1"), "{failure:?}");
    }
}

fn config(trusted: &TestCertificate) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.certificate()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

#[tokio::test]
async fn trust_in_the_server_does_not_extend_to_the_proxy() {
    let identity = TestCertificate::new("proxy");
    let proxy = TestProxy::new(identity.acceptor()).await;
    for options in [
        Options::new().dangerous_accept_any_certificate(),
        Options::new().pinned_certificate(identity.certificate()),
        Options::new().tls_config(config(&identity)),
    ] {
        let failure = proxy.failure(&options.proxy(proxy.settings())).await;
        assert!(matches!(&failure, Failure::Tls { host, .. } if host == "127.0.0.1"), "{failure:?}");
    }
}

#[tokio::test]
async fn trust_in_the_proxy_does_not_extend_to_the_server() {
    let (identity, server) = (TestCertificate::new("proxy"), TestCertificate::new("somewhere.invalid"));
    let proxy = TestProxy::new(identity.acceptor()).await;
    for settings in [
        proxy.settings().dangerous_accept_any_certificate(),
        proxy.settings().root_certificate(identity.certificate()).root_certificate(server.certificate()),
        proxy.settings().pinned_certificate(identity.certificate()).pinned_certificate(server.certificate()),
    ] {
        let options = Options::new().proxy(settings);
        let accepting = async {
            let tunnel = proxy.accept().await.respond("HTTP/1.1 200 OK\r\n\r\n").await;
            server.acceptor().accept(tunnel).await.err()
        };
        let (failure, refused) = futures::join!(failure_of("wss://somewhere.invalid/", &options), accepting);
        assert!(refused.is_some());
        assert!(matches!(&failure, Failure::Tls { host, .. } if host == "somewhere.invalid"), "{failure:?}");
    }
}

#[tokio::test]
async fn proxy_gets_only_a_client_certificate_of_its_own() {
    let [identity, server, mine, proxys] =
        ["proxy", "somewhere.invalid", "client", "proxy-client"].map(TestCertificate::new);
    for given in [false, true] {
        let proxy = TestProxy::new(identity.acceptor_of_client(&proxys)).await;
        let mut settings = proxy.settings().root_certificate(identity.certificate());
        if given {
            settings = settings.client_certificate([proxys.certificate()], proxys.key().secret_der()).unwrap();
        }
        let options = Options::new()
            .root_certificate(server.certificate())
            .client_certificate([mine.certificate()], mine.key().secret_der())
            .unwrap()
            .proxy(settings);
        let socket = WebSocket::with_options("wss://somewhere.invalid/", (), &options).unwrap();
        let tunnel = proxy.accept().await.respond("HTTP/1.1 200 OK\r\n\r\n").await;
        let expected = given.then(|| proxys.certificate());
        assert_eq!(tunnel.get_ref().1.peer_certificates(), expected.as_ref().map(std::slice::from_ref));
        let stream = server.acceptor_of_client(&mine).accept(tunnel).await.unwrap();
        assert_eq!(stream.get_ref().1.peer_certificates(), Some(&[mine.certificate()][..]));
        let connection = ManualConnection::read(stream).await.accept_upgrade().await;
        assert_eq!(first_event(&socket).await, "open");
        drop(connection);
    }
}

#[tokio::test]
async fn proxy_that_demands_a_certificate_is_a_lasting_failure() {
    let [identity, client] = ["proxy", "proxy-client"].map(TestCertificate::new);
    for version in [&TLS12, &TLS13] {
        let proxy = TestProxy::new(demanding(&identity, &client, version)).await;
        let options = Options::new().proxy(proxy.settings().root_certificate(identity.certificate()));
        let failure = proxy.failure(&options).await;
        let (Failure::Tls { source, .. } | Failure::Proxy(ProxyFailure::Lost { source })) = &failure else {
            panic!("{failure:?}")
        };
        assert!(source.to_string().starts_with("the server "), "{source}");
        assert!(!failure.is_temporary(), "{failure:?}");
    }
}

#[tokio::test]
async fn contradictory_settings_of_a_proxy_fail_before_connecting() {
    let identity = TestCertificate::new("proxy");
    let proxy = || Proxy::new("https://127.0.0.1:81").unwrap().pinned_certificate(identity.certificate());
    for proxy in [
        proxy().tls_config(config(&identity)),
        proxy().root_certificate(identity.certificate()),
        proxy().dangerous_accept_any_certificate(),
    ] {
        let failure = failure_of(URL, &Options::new().proxy(proxy)).await;
        assert!(matches!(failure, Failure::ContradictoryTls), "{failure:?}");
    }
}
