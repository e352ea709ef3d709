//! Certificates that are trusted for one server: which ones are accepted, and the errors of the others.

use std::error::Error;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa};
use samesocket::rustls::crypto::ring;
use samesocket::rustls::version::{TLS12, TLS13};
use samesocket::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use samesocket::{Failure, Options, WebSocket};

use crate::certificates::TestCertificate;
use crate::manual_server::{ManualConnection, ManualServer, failure_of, first_event};

const HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];
const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// Makes the certificate one of an issuer, as `openssl req -x509` does.
fn mark_as_issuer(parameters: &mut CertificateParams) {
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

/// Connects to a server that has this certificate. Returns the texts of the failure and of its sources, if it fails.
async fn connect(
    server: &TestCertificate,
    version: &'static SupportedProtocolVersion,
    host: &str,
    options: &Options,
) -> Result<(), Vec<String>> {
    let manual_server = ManualServer::new().await;
    let acceptor = server.acceptor_of(&[version]);
    let url = format!("wss://{host}:{}/", manual_server.address().port());
    let socket = WebSocket::with_options(&url, (), options).unwrap();
    match acceptor.accept(manual_server.accept().await).await {
        Ok(stream) if stream.get_ref().1.protocol_version() == Some(version.version) => {
            // With TLS 1.2 and 1.3, a client that refuses the certificate does so before it sends its request.
            let connection = ManualConnection::read(stream).await.accept_upgrade().await;
            assert_eq!(first_event(&socket).await, "open");
            drop(connection);
            Ok(())
        }
        Ok(_) => panic!("another version"),
        Err(_) => {
            socket.closed().await;
            let failure = socket.failure().unwrap();
            assert!(matches!(failure, Failure::Tls { .. }), "{failure:?}");
            let mut texts = Vec::new();
            let mut next: Option<&dyn Error> = Some(&failure);
            while let Some(error) = next {
                texts.push(error.to_string());
                next = error.source();
            }
            Err(texts)
        }
    }
}

fn pinned(certificate: &TestCertificate) -> Options {
    Options::new().pinned_certificate(certificate.certificate())
}

#[tokio::test]
async fn pinned_certificate_is_trusted_whoever_issued_it() {
    for server in [
        TestCertificate::with(&HOSTS, |_| {}),
        TestCertificate::with(&HOSTS, mark_as_issuer),
        // Without names, as `openssl req -x509 -subj /CN=localhost` makes it.
        TestCertificate::with(&[], mark_as_issuer),
        TestCertificate::with(&HOSTS, |parameters| {
            parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            parameters.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        }),
    ] {
        for version in VERSIONS {
            for host in HOSTS {
                assert_eq!(connect(&server, version, host, &pinned(&server)).await, Ok(()));
            }
        }
    }
}

#[tokio::test]
async fn certificate_other_than_the_pinned_one_is_refused() {
    let server = TestCertificate::with(&HOSTS, mark_as_issuer);
    for other in [
        TestCertificate::with(&HOSTS, mark_as_issuer),
        server.reissued(&HOSTS, |parameters| {
            mark_as_issuer(parameters);
            parameters.serial_number = Some(7_u64.into());
        }),
        server.reissued(&HOSTS, |_| {}),
    ] {
        for version in VERSIONS {
            let failed = connect(&other, version, "localhost", &pinned(&server)).await.unwrap_err();
            let expected = "the TLS handshake with localhost failed: the certificate is not the one that \
                            `pinned_certificate` trusts";
            assert_eq!(failed, [expected]);
        }
    }
}

#[tokio::test]
async fn one_of_several_pinned_certificates_is_enough() {
    let [old, new, third] = [(); 3].map(|()| TestCertificate::with(&HOSTS, mark_as_issuer));
    let options = pinned(&old).pinned_certificate(new.certificate());
    for server in [&old, &new] {
        assert_eq!(connect(server, &TLS13, "localhost", &options).await, Ok(()));
    }
    assert!(connect(&third, &TLS13, "localhost", &options).await.is_err());
}

#[tokio::test]
async fn pinned_certificate_is_refused_out_of_its_time() {
    for (from, to, expected) in [(1999, 2000, "certificate expired"), (2999, 3000, "certificate not valid yet")] {
        for is_issuer in [false, true] {
            let server = TestCertificate::with(&HOSTS, |parameters| {
                parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
                parameters.not_after = rcgen::date_time_ymd(to, 1, 1);
                if is_issuer {
                    mark_as_issuer(parameters);
                }
            });
            for version in VERSIONS {
                let failed = connect(&server, version, "localhost", &pinned(&server)).await.unwrap_err();
                assert!(failed[1].contains(expected), "{failed:?}");
            }
        }
    }
}

#[tokio::test]
async fn pinned_certificate_is_refused_for_other_names() {
    let server = TestCertificate::with(&["elsewhere.test", "192.0.2.1"], mark_as_issuer);
    for version in VERSIONS {
        for host in HOSTS {
            let failed = connect(&server, version, host, &pinned(&server)).await.unwrap_err();
            assert!(failed[1].contains("certificate not valid for name"), "{failed:?}");
        }
    }
}

#[tokio::test]
async fn pinned_certificate_needs_its_key() {
    // The server presents the pinned certificate, but signs with another key.
    let server = TestCertificate::with(&HOSTS, mark_as_issuer);
    let thief = TestCertificate::with(&HOSTS, mark_as_issuer);
    for version in VERSIONS {
        let manual_server = ManualServer::new().await;
        let url = format!("wss://localhost:{}/", manual_server.address().port());
        let options = pinned(&server);
        let acceptor = thief.acceptor_presenting(&server, version);
        let accepting = async { acceptor.accept(manual_server.accept().await).await.err() };
        let (failure, refused) = futures::join!(failure_of(&url, &options), accepting);
        assert!(refused.is_some());
        let Failure::Tls { source, .. } = &failure else { panic!("{failure:?}") };
        assert!(source.to_string().contains("signature"), "{source}");
    }
}

#[tokio::test]
async fn root_certificate_of_an_issuer_names_the_option_to_use() {
    let server = TestCertificate::with(&HOSTS, mark_as_issuer);
    for version in VERSIONS {
        for options in [Options::new().root_certificate(server.certificate()), Options::new()] {
            let failed = connect(&server, version, "localhost", &options).await.unwrap_err();
            assert!(failed[0].starts_with("the TLS handshake with localhost failed: "), "{failed:?}");
            assert!(failed[0].contains("CA:TRUE") && failed[0].contains("`pinned_certificate`"), "{failed:?}");
            assert!(failed[1].contains("CaUsedAsEndEntity"), "{failed:?}");
        }
    }
    // A root certificate that is not marked so is trusted as before.
    let server = TestCertificate::with(&HOSTS, |_| {});
    let options = Options::new().root_certificate(server.certificate());
    assert_eq!(connect(&server, &TLS13, "localhost", &options).await, Ok(()));
}

#[tokio::test]
async fn pinned_certificate_contradicts_other_ways_to_trust() {
    let server = TestCertificate::with(&HOSTS, mark_as_issuer);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    for options in [
        pinned(&server).root_certificate(server.certificate()),
        pinned(&server).dangerous_accept_any_certificate(),
        pinned(&server).tls_config(Arc::new(config)),
    ] {
        let failure = failure_of("ws://127.0.0.1:81/", &options).await;
        assert!(matches!(failure, Failure::ContradictoryTls), "{failure:?}");
        assert!(failure.to_string().contains("`pinned_certificate`"), "{failure}");
    }
}
