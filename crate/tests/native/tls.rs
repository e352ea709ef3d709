//! TLS: who shows which certificate, and which options hold beside each other.

use std::sync::Arc;

use samesocket::rustls::crypto::ring;
use samesocket::rustls::pki_types::CertificateDer;
use samesocket::rustls::server::WebPkiClientVerifier;
use samesocket::rustls::version::{TLS12, TLS13};
use samesocket::rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use samesocket::{Failure, Options, Stream, Target, WebSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::door::{Caller, Doorkeeper, failure_of, first_line};
use crate::identity::Identity;
use crate::support::{Stage, lines};

const DO: &str = "do=text:a,close:1000";
const HEARD: [&str; 3] = ["open", "text \"a\"", "close 1000 \"\" clean"];

fn roots(certificate: CertificateDer<'static>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    roots
}

/// A server's configuration that demands a certificate of this client.
fn demanding(server: &Identity, client: &Identity, version: &'static SupportedProtocolVersion) -> TlsAcceptor {
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
async fn a_server_that_demands_a_certificate_gets_the_one_of_the_options() {
    let (server, client) = (Identity::new("server"), Identity::new("client"));
    for version in [&TLS12, &TLS13] {
        let door = Doorkeeper::new().await;
        let acceptor = demanding(&server, &client, version);
        let options = Options::new()
            .root_certificate(server.certificate())
            .client_certificate(vec![client.certificate()], client.key());
        let url = door.url("a").replace("ws://", "wss://");
        let socket = WebSocket::with_options(&url, (), &options).unwrap();
        let stream = acceptor.accept(door.accept().await).await.unwrap();
        assert_eq!(stream.get_ref().1.peer_certificates(), Some(&[client.certificate()][..]));
        let caller = Caller::read(stream).await.welcome().await;
        assert_eq!(first_line(&socket).await, "open");
        drop(caller);
    }
}

#[tokio::test]
async fn a_server_that_demands_a_certificate_refuses_who_has_none_or_another() {
    let (server, client, other) = (Identity::new("server"), Identity::new("client"), Identity::new("other"));
    let none = Options::new().root_certificate(server.certificate());
    let wrong = none.clone().client_certificate(vec![other.certificate()], other.key());
    for version in [&TLS12, &TLS13] {
        for options in [&none, &wrong] {
            let door = Doorkeeper::new().await;
            let acceptor = demanding(&server, &client, version);
            let url = door.url("a").replace("ws://", "wss://");
            let accepting = async { acceptor.accept(door.accept().await).await.err() };
            let (failure, refused) = futures::join!(failure_of(&url, options), accepting);
            assert!(refused.is_some());
            // With TLS 1.3, a server can only tell when the client has done its part of the handshake.
            let (Failure::Tls { source, .. } | Failure::Lost { source }) = &failure else { panic!("{failure:?}") };
            assert!(source.to_string().contains("received fatal alert"), "{source}");
        }
    }
}

#[tokio::test]
async fn a_ready_made_configuration_is_used_as_it_is() {
    let stage = Stage::new().await;
    let pinned = |certificate| {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots(certificate))
            .with_no_client_auth();
        Options::new().tls_config(Arc::new(config))
    };
    let url = stage.secure_url("a", DO);
    let options = pinned(CertificateDer::from(stage.certificate().to_vec()));
    assert_eq!(lines(&WebSocket::with_options(&url, (), &options).unwrap()).await, HEARD);
    let failure = failure_of(&url, &pinned(Identity::new("other").certificate())).await;
    assert!(matches!(failure, Failure::Tls { .. }), "{failure:?}");
}

#[tokio::test]
async fn a_ready_made_configuration_and_what_it_replaces_connect_to_nothing_in_any_order() {
    let stage = Stage::new().await;
    let identity = Identity::new("other");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(identity.certificate()))
        .with_no_client_auth();
    let config = Arc::new(config);
    let chosen: [&dyn Fn(Options) -> Options; 3] = [
        &|options| options.root_certificate(CertificateDer::from(stage.certificate().to_vec())),
        &|options| options.client_certificate(vec![identity.certificate()], identity.key()),
        &Options::dangerous_accept_any_certificate,
    ];
    for choose in chosen {
        let before = choose(Options::new()).tls_config(Arc::clone(&config));
        let after = choose(Options::new().tls_config(Arc::clone(&config)));
        for options in [before, after] {
            for url in [stage.secure_url("never", DO), stage.url("never", DO)] {
                let failure = failure_of(&url, &options).await;
                assert!(matches!(failure, Failure::ContradictoryTls), "{failure:?}");
            }
        }
    }
    assert_eq!(stage.store().record("never"), None);
}

#[tokio::test]
async fn over_a_stream_of_the_users_tls_is_done_with_the_host_of_the_url() {
    let stage = Stage::new().await;
    let url = stage.secure_url("a", DO);
    let (_, address) = url.split_once("wss://").unwrap();
    let address = address.split_once('/').unwrap().0.to_owned();
    let trusting = Options::new().root_certificate(CertificateDer::from(stage.certificate().to_vec()));
    let over = |address: String| {
        let connector = move |target: &Target| {
            assert!(target.secure);
            let address = address.clone();
            async move { Ok(Box::new(TcpStream::connect(address).await?) as Box<dyn Stream>) }
        };
        trusting.clone().connector(connector)
    };
    let named = |host: &str| url.replace(&address, host);
    let options = over(address.clone());
    assert_eq!(lines(&WebSocket::with_options(&named("localhost"), (), &options).unwrap()).await, HEARD);
    let failure = failure_of(&named("elsewhere.invalid"), &options).await;
    assert!(matches!(&failure, Failure::Tls { host, .. } if host == "elsewhere.invalid"), "{failure:?}");
}

#[tokio::test]
async fn tls_says_farewell_after_a_clean_close() {
    let server = Identity::new("server");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![server.certificate()], server.key())
        .unwrap();
    let door = Doorkeeper::new().await;
    let options = Options::new().root_certificate(server.certificate());
    let socket = WebSocket::with_options(&door.url("a").replace("ws://", "wss://"), (), &options).unwrap();
    let (seen, rest) = tokio::join!(lines(&socket), async {
        let stream = TlsAcceptor::from(Arc::new(config)).accept(door.accept().await).await.unwrap();
        let mut stream = Caller::read(stream).await.welcome().await.into_stream();
        stream.write_all(&[0x88, 2, 3, 0xe8]).await.unwrap();
        stream.read_exact(&mut [0; 8]).await.unwrap();
        stream.shutdown().await.unwrap();
        // An end without a farewell would be an error.
        stream.read(&mut [0; 8]).await.map_err(|error| error.kind())
    });
    assert_eq!(seen, ["open", "close 1000 \"\" clean"]);
    assert_eq!(rest, Ok(0));
}
