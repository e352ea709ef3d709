//! The process-wide provider of cryptography, which is the program's affair: none is needed, none is changed.
#![cfg(not(target_family = "wasm"))]

use futures::StreamExt;
use samesocket::rustls::crypto::{CryptoProvider, ring};
use samesocket::rustls::pki_types::CertificateDer;
use samesocket::{Event, Failure, Options, WebSocket};
use samesocket_fault_server::Server;

/// Opens what is trusted, what is not, and what is dangerous.
async fn sockets_do_tls(server: &Server) {
    let url = format!("wss://{}/ws?do=close:1000", server.addresses().tls);
    let trusting = Options::new().root_certificate(CertificateDer::from(server.certificate().to_vec()));
    let careless = Options::new().dangerous_accept_any_certificate();
    for options in [trusting, careless] {
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
async fn a_provider_of_the_process_is_neither_needed_nor_used_nor_changed() {
    let server = Server::builder().start().await.unwrap();
    assert!(CryptoProvider::get_default().is_none());
    sockets_do_tls(&server).await;
    assert!(CryptoProvider::get_default().is_none());

    // One that can do nothing, so that whoever used it would not get far.
    let helpless = CryptoProvider { cipher_suites: Vec::new(), kx_groups: Vec::new(), ..ring::default_provider() };
    helpless.install_default().unwrap();
    sockets_do_tls(&server).await;
    assert!(CryptoProvider::get_default().is_some_and(|provider| provider.cipher_suites.is_empty()));
}
