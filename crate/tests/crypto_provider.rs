//! The process-wide crypto provider of rustls belongs to the program: sockets neither need, use nor change it.
#![cfg(not(target_family = "wasm"))]

use futures::StreamExt;
use samesocket::rustls::crypto::{CryptoProvider, ring};
use samesocket::rustls::pki_types::CertificateDer;
use samesocket::{Event, Failure, Options, WebSocket};
use samesocket_fault_server::Server;

/// Connects with a trusted certificate, without certificate checks, and with an untrusted certificate.
async fn sockets_do_tls(server: &Server) {
    let url = format!("wss://{}/ws?do=close:1000", server.addresses().tls);
    let trusted = Options::new().root_certificate(CertificateDer::from(server.certificate().to_vec()));
    let unchecked = Options::new().dangerous_accept_any_certificate();
    for options in [trusted, unchecked] {
        let socket = WebSocket::with_options(&url, (), &options).unwrap();
        let events: Vec<_> = socket.events().collect().await;
        let [Event::Open, Event::Close(close)] = &events[..] else { panic!("{events:?}, {:?}", socket.failure()) };
        assert_eq!((close.code, close.was_clean), (1000, true));
    }
    let socket = WebSocket::new(&url, ()).unwrap();
    assert_eq!(socket.closed().await.code, 1006);
    assert!(matches!(socket.failure(), Some(Failure::Tls { .. })));
}

#[tokio::test]
async fn process_crypto_provider_is_neither_used_nor_changed() {
    let server = Server::builder().start().await.unwrap();
    assert!(CryptoProvider::get_default().is_none());
    sockets_do_tls(&server).await;
    assert!(CryptoProvider::get_default().is_none());

    // A provider without cipher suites, so that a socket that used it would fail.
    let empty = CryptoProvider { cipher_suites: Vec::new(), kx_groups: Vec::new(), ..ring::default_provider() };
    empty.install_default().unwrap();
    sockets_do_tls(&server).await;
    assert!(CryptoProvider::get_default().is_some_and(|provider| provider.cipher_suites.is_empty()));
}
