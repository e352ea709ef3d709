//! Mutual TLS through a proxy in this process. The server demands a certificate of the client.

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use samesocket_examples::mutual_tls::{Identity, connect_through};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_tungstenite::accept_async;

use crate::support;

/// An authority with a server and a proxy, and the files of a client.
struct World {
    url: String,
    proxy: String,
    folder: TempDir,
    client: CertificateDer<'static>,
    /// The certificates that clients showed.
    shown: Arc<Mutex<Vec<CertificateDer<'static>>>>,
    /// The first lines of the requests to the proxy.
    requests: Arc<Mutex<Vec<String>>>,
}

impl World {
    async fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut params = CertificateParams::new(Vec::new()).expect("valid parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
        let issue = |purpose| {
            let key = KeyPair::generate().expect("a key");
            let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a valid name");
            params.extended_key_usages = vec![purpose];
            (params.signed_by(&key, &authority).expect("a certificate"), key)
        };
        let (server, server_key) = issue(ExtendedKeyUsagePurpose::ServerAuth);
        let (client, client_key) = issue(ExtendedKeyUsagePurpose::ClientAuth);
        let write =
            |name, text: String| std::fs::write(folder.path().join(name), text).expect("the folder is writable");
        write("authority.pem", authority.pem());
        write("client.pem", client.pem());
        write("client.key", client_key.serialize_pem());

        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).expect("a valid root");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("valid versions").with_client_cert_verifier(verifier.build().expect("a verifier"));
        let config =
            config.with_single_cert(vec![server.der().clone()], server_key.into()).expect("a valid certificate");

        let shown = Arc::default();
        let requests = Arc::default();
        let port = serve(TlsAcceptor::from(Arc::new(config)), Arc::clone(&shown)).await;
        let proxy = start_proxy(Arc::clone(&requests)).await;
        let (url, proxy) = (format!("wss://localhost:{port}/"), format!("http://127.0.0.1:{proxy}"));
        Self { url, proxy, folder, client: client.der().clone(), shown, requests }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Starts a server that echoes, for clients with a certificate.
async fn serve(acceptor: TlsAcceptor, shown: Arc<Mutex<Vec<CertificateDer<'static>>>>) -> u16 {
    let listener = support::listener().await;
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, shown) = (acceptor.clone(), Arc::clone(&shown));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
                shown.lock().unwrap().extend(certificates.iter().map(|certificate| certificate.clone().into_owned()));
                support::echo(accept_async(stream).await.expect("a handshake")).await;
            });
        }
    });
    port
}

/// Starts a proxy that opens a tunnel for each CONNECT.
async fn start_proxy(requests: Arc<Mutex<Vec<String>>>) -> u16 {
    let listener = support::listener().await;
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let requests = Arc::clone(&requests);
            tokio::spawn(async move {
                let mut client = BufReader::new(stream);
                let mut head = Vec::new();
                loop {
                    let mut line = String::new();
                    client.read_line(&mut line).await.expect("a request");
                    if line.trim().is_empty() {
                        break;
                    }
                    head.push(line.trim().to_owned());
                }
                let target = head[0].split(' ').nth(1).expect("a target").to_owned();
                requests.lock().unwrap().push(head.swap_remove(0));
                let mut server = TcpStream::connect(target).await.expect("the server listens");
                client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.expect("the client reads");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}

#[test]
fn mutual_tls_through_a_proxy_shows_the_certificate() {
    support::run(async {
        let world = World::start().await;
        let mut arguments = vec![world.proxy.clone().into(), world.url.clone().into()];
        arguments.extend(["authority.pem", "client.pem", "client.key"].map(|name| world.file(name).into_os_string()));
        let output = support::output(env!("CARGO_BIN_EXE_mutual_tls"), arguments).await;
        assert_eq!(output, "hello\n");
        assert_eq!(*world.shown.lock().unwrap(), std::slice::from_ref(&world.client));
        let target = world.url.trim_start_matches("wss://").trim_end_matches('/');
        assert_eq!(*world.requests.lock().unwrap(), [format!("CONNECT {target} HTTP/1.1")]);
    });
}

#[test]
fn mutual_tls_without_a_certificate_fails_and_says_so() {
    support::run(async {
        let world = World::start().await;
        let error = connect_through(&world.proxy, &world.url, &world.file("authority.pem"), None).await.err();
        let texts = texts(&*error.expect("the server refuses"));
        assert!(texts.contains("CertificateRequired"), "{texts}");
        assert_eq!(*world.shown.lock().unwrap(), []);
    });
}

#[test]
fn mutual_tls_with_another_authority_fails() {
    support::run(async {
        let (world, other) = (World::start().await, World::start().await);
        let (certificates, key) = (world.file("client.pem"), world.file("client.key"));
        let identity = Identity { certificates: &certificates, key: &key };
        let error = connect_through(&world.proxy, &world.url, &other.file("authority.pem"), Some(identity)).await;
        let texts = texts(&*error.expect_err("the server is not trusted"));
        assert!(texts.contains("invalid peer certificate"), "{texts}");
    });
}

/// Returns the texts of an error and its sources, one a line.
fn texts(error: &(dyn Error + 'static)) -> String {
    let texts = std::iter::successors(Some(error), |error| <dyn Error>::source(*error));
    texts.map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
