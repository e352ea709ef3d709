//! TLS: certificates of servers and clients, and options that contradict each other.

use std::sync::Arc;

use samesocket::rustls::crypto::ring;
use samesocket::rustls::pki_types::CertificateDer;
use samesocket::rustls::server::WebPkiClientVerifier;
use samesocket::rustls::version::{TLS12, TLS13};
use samesocket::rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use samesocket::{Failure, IoStream, Options, Target, WebSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::certificates::TestCertificate;
use crate::manual_server::{ManualConnection, ManualServer, failure_of, first_event};
use crate::support::{TestServer, event_lines};

const DO: &str = "do=text:a,close:1000";
const EVENTS: [&str; 3] = ["open", "text \"a\"", "close 1000 \"\" clean"];

fn roots(certificate: CertificateDer<'static>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    roots
}

/// Returns the acceptor of a server that demands the certificate of this client.
pub(crate) fn demanding(
    server: &TestCertificate,
    client: &TestCertificate,
    version: &'static SupportedProtocolVersion,
) -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots(client.certificate()).into(), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![server.certificate()], server.key())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn client_certificate_is_sent_to_a_server_that_demands_it() {
    let (server, client) = (TestCertificate::new("server"), TestCertificate::new("client"));
    for version in [&TLS12, &TLS13] {
        let manual_server = ManualServer::new().await;
        let acceptor = demanding(&server, &client, version);
        let options = Options::new()
            .root_certificate(server.certificate())
            .client_certificate([client.certificate()], client.key().secret_der())
            .unwrap();
        let url = manual_server.url("a").replace("ws://", "wss://");
        let socket = WebSocket::with_options(&url, (), &options).unwrap();
        let stream = acceptor.accept(manual_server.accept().await).await.unwrap();
        assert_eq!(stream.get_ref().1.peer_certificates(), Some(&[client.certificate()][..]));
        let connection = ManualConnection::read(stream).await.accept_upgrade().await;
        assert_eq!(first_event(&socket).await, "open");
        drop(connection);
    }
}

#[tokio::test]
async fn missing_or_wrong_client_certificate_is_refused() {
    let (server, client, other) =
        (TestCertificate::new("server"), TestCertificate::new("client"), TestCertificate::new("other"));
    let none = Options::new().root_certificate(server.certificate());
    let wrong = none.clone().client_certificate([other.certificate()], other.key().secret_der()).unwrap();
    for version in [&TLS12, &TLS13] {
        for options in [&none, &wrong] {
            let manual_server = ManualServer::new().await;
            let acceptor = demanding(&server, &client, version);
            let url = manual_server.url("a").replace("ws://", "wss://");
            let accepting = async { acceptor.accept(manual_server.accept().await).await.err() };
            let (failure, refused) = futures::join!(failure_of(&url, options), accepting);
            assert!(refused.is_some());
            // With TLS 1.3, the server refuses after the client's part of the handshake, so the client may see it on a
            // read.
            let (Failure::Tls { source, .. } | Failure::Lost { source }) = &failure else { panic!("{failure:?}") };
            let starts =
                ["the server demands", "the server refuses", "the server does not know", "received fatal alert"];
            assert!(starts.iter().any(|start| source.to_string().starts_with(start)), "{source}");
            assert!(!failure.is_temporary(), "{failure:?}");
        }
    }
}

#[tokio::test]
async fn custom_tls_config_is_used_unchanged() {
    let test_server = TestServer::new().await;
    let pinned = |certificate| {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots(certificate))
            .with_no_client_auth();
        Options::new().tls_config(Arc::new(config))
    };
    let url = test_server.secure_url("a", DO);
    let options = pinned(CertificateDer::from(test_server.certificate().to_vec()));
    assert_eq!(event_lines(&WebSocket::with_options(&url, (), &options).unwrap()).await, EVENTS);
    let failure = failure_of(&url, &pinned(TestCertificate::new("other").certificate())).await;
    assert!(matches!(failure, Failure::Tls { .. }), "{failure:?}");
}

#[tokio::test]
async fn custom_tls_config_contradicts_other_tls_options() {
    let test_server = TestServer::new().await;
    let identity = TestCertificate::new("other");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(identity.certificate()))
        .with_no_client_auth();
    let config = Arc::new(config);
    let chosen: [&dyn Fn(Options) -> Options; 5] = [
        &|options| options.root_certificate(CertificateDer::from(test_server.certificate().to_vec())),
        &|options| options.client_certificate([identity.certificate()], identity.key().secret_der()).unwrap(),
        &Options::dangerous_accept_any_certificate,
        &|options| options.alpn_protocols(["http/1.1"]).unwrap(),
        &|options| options.tls_sni(false),
    ];
    for choose in chosen {
        let before = choose(Options::new()).tls_config(Arc::clone(&config));
        let after = choose(Options::new().tls_config(Arc::clone(&config)));
        for options in [before, after] {
            for url in [test_server.secure_url("never", DO), test_server.url("never", DO)] {
                let failure = failure_of(&url, &options).await;
                assert!(matches!(failure, Failure::ContradictoryTls), "{failure:?}");
            }
        }
    }
    assert_eq!(test_server.store().record("never"), None);
}

#[tokio::test]
async fn custom_transport_does_tls_with_the_host_of_the_url() {
    let test_server = TestServer::new().await;
    let url = test_server.secure_url("a", DO);
    let (_, address) = url.split_once("wss://").unwrap();
    let address = address.split_once('/').unwrap().0.to_owned();
    let trusting = Options::new().root_certificate(CertificateDer::from(test_server.certificate().to_vec()));
    let over = |address: String| {
        let connector = move |target: &Target| {
            assert!(target.secure);
            let address = address.clone();
            async move { Ok(Box::new(TcpStream::connect(address).await?) as Box<dyn IoStream>) }
        };
        trusting.clone().connector(connector)
    };
    let named = |host: &str| url.replace(&address, host);
    let options = over(address.clone());
    assert_eq!(event_lines(&WebSocket::with_options(&named("localhost"), (), &options).unwrap()).await, EVENTS);
    let failure = failure_of(&named("elsewhere.invalid"), &options).await;
    assert!(matches!(&failure, Failure::Tls { host, .. } if host == "elsewhere.invalid"), "{failure:?}");
}

#[tokio::test]
async fn clean_close_sends_tls_close_notify() {
    let server = TestCertificate::new("server");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![server.certificate()], server.key())
        .unwrap();
    let manual_server = ManualServer::new().await;
    let options = Options::new().root_certificate(server.certificate());
    let socket = WebSocket::with_options(&manual_server.url("a").replace("ws://", "wss://"), (), &options).unwrap();
    let (seen, rest) = tokio::join!(event_lines(&socket), async {
        let stream = TlsAcceptor::from(Arc::new(config)).accept(manual_server.accept().await).await.unwrap();
        let mut stream = ManualConnection::read(stream).await.accept_upgrade().await.into_stream();
        stream.write_all(&[0x88, 2, 3, 0xe8]).await.unwrap();
        stream.read_exact(&mut [0; 8]).await.unwrap();
        stream.shutdown().await.unwrap();
        // An end without close_notify would be an error.
        stream.read(&mut [0; 8]).await.map_err(|error| error.kind())
    });
    assert_eq!(seen, ["open", "close 1000 \"\" clean"]);
    assert_eq!(rest, Ok(0));
}
