//! The cryptography of TLS that belongs to the program: it may use its socket, because no lock is held when it runs.
//!
//! `cargo xtask test` runs this with several sets of features. A set with TLS and without a provider uses that of the process.
#![cfg(all(not(target_family = "wasm"), feature = "__tls"))]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use samesocket::rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter, MessageEncrypter, OutboundOpaqueMessage,
    OutboundPlainMessage, Tls13AeadAlgorithm, UnsupportedOperationError,
};
use samesocket::rustls::crypto::{CipherSuiteCommon, CryptoProvider, ring};
use samesocket::rustls::{ConnectionTrafficSecrets, Error, SupportedCipherSuite, Tls13CipherSuite};
use samesocket::{Control, Options, connect};
use samesocket_fault_server::Server;

/// The socket that the cryptography uses, and how often it did.
#[derive(Default)]
struct Own {
    socket: OnceLock<Control>,
    uses: AtomicUsize,
}

impl Own {
    /// Calls methods of the socket that take its lock.
    fn use_socket(&self) {
        if let Some(socket) = self.socket.get() {
            let _ = (socket.buffered_amount(), socket.ready_state(), socket.received_pings());
            self.uses.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// An algorithm, or a part of one, that uses the socket in each call.
struct Reentrant<T> {
    inner: T,
    own: Arc<Own>,
}

impl<T> Reentrant<T> {
    fn boxed(inner: T, own: &Arc<Own>) -> Box<Self> {
        Box::new(Self { inner, own: Arc::clone(own) })
    }
}

impl Tls13AeadAlgorithm for Reentrant<&'static dyn Tls13AeadAlgorithm> {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Reentrant::boxed(self.inner.encrypter(key, iv), &self.own)
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Reentrant::boxed(self.inner.decrypter(key, iv), &self.own)
    }

    fn key_len(&self) -> usize {
        self.inner.key_len()
    }

    fn extract_keys(&self, key: AeadKey, iv: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.inner.extract_keys(key, iv)
    }
}

impl MessageEncrypter for Reentrant<Box<dyn MessageEncrypter>> {
    fn encrypt(&mut self, message: OutboundPlainMessage<'_>, number: u64) -> Result<OutboundOpaqueMessage, Error> {
        self.own.use_socket();
        self.inner.encrypt(message, number)
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        self.inner.encrypted_payload_len(length)
    }
}

impl MessageDecrypter for Reentrant<Box<dyn MessageDecrypter>> {
    fn decrypt<'a>(
        &mut self,
        message: InboundOpaqueMessage<'a>,
        number: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        self.own.use_socket();
        self.inner.decrypt(message, number)
    }
}

/// Returns the cryptography of ring, with one cipher suite of TLS 1.3 that uses the socket.
fn provider(own: &Arc<Own>) -> CryptoProvider {
    let provider = ring::default_provider();
    let suite = provider.cipher_suites.iter().find_map(SupportedCipherSuite::tls13).expect("TLS 1.3");
    let CipherSuiteCommon { suite: name, hash_provider, confidentiality_limit } = suite.common;
    let suite = Tls13CipherSuite {
        common: CipherSuiteCommon { suite: name, hash_provider, confidentiality_limit },
        hkdf_provider: suite.hkdf_provider,
        aead_alg: Box::leak(Reentrant::boxed(suite.aead_alg, own)),
        quic: None,
    };
    CryptoProvider { cipher_suites: vec![SupportedCipherSuite::Tls13(Box::leak(Box::new(suite)))], ..provider }
}

/// Exchanges messages over TLS. Fails the test if a message hangs, for example in a deadlock.
fn exchange(own: Arc<Own>, with_cryptography: impl FnOnce(Options) -> Options + Send + 'static) {
    let (done, finished) = mpsc::channel();
    // Another thread, because a deadlock would block this one as well.
    drop(thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::builder().start().await.unwrap();
            let options = with_cryptography(Options::new().pinned_certificate(server.certificate()));
            let url = format!("wss://{}/ws?do=echo", server.addresses().tls);
            let mut socket = connect(url).options(options).await.unwrap();
            assert!(own.socket.set(socket.control()).is_ok());
            for number in 0..100 {
                let text = format!("a request, whose answer is awaited: {number}");
                socket.send((&*text).into()).await.unwrap();
                assert_eq!(socket.next().await.unwrap().unwrap(), (&*text).into());
            }
            done.send(own.uses.load(Ordering::Relaxed)).unwrap();
        });
    }));
    let uses = finished.recv_timeout(Duration::from_secs(30)).expect("the socket is deadlocked, or has failed");
    assert!(uses >= 200, "{uses}: each message is encrypted, and each answer is decrypted");
}

#[test]
fn provider_of_the_options_may_use_the_socket() {
    let own = Arc::<Own>::default();
    exchange(Arc::clone(&own), move |options| options.crypto_provider(Arc::new(provider(&own))));
}

#[cfg(not(any(feature = "tls-aws-lc-rs", feature = "tls-ring")))]
#[test]
fn provider_of_the_process_may_use_the_socket() {
    let own = Arc::<Own>::default();
    provider(&own).install_default().unwrap();
    exchange(own, |options| options);
}
