//! The server of the crate `sockudo-ws`.

use std::{net::Ipv4Addr, sync::Arc};

use futures::{SinkExt as _, StreamExt as _};
use sockudo_ws::{Config, Http2, Message, Stream, WebSocketServer, WebSocketStream, error::CloseReason};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// Starts a server, with the certificate and the key in DER if it uses TLS. Returns its tasks and its port.
pub(super) async fn start(tls: Option<(Vec<u8>, Vec<u8>)>) -> (JoinSet<()>, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let acceptor = tls.map(|(certificate, key)| acceptor(certificate, key));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                match acceptor {
                    None => serve(stream).await,
                    // TLS fails if the client does not trust the certificate, or has left.
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            serve(stream).await;
                        }
                    }
                }
            });
        }
    });
    (tasks, port)
}

fn acceptor(certificate: Vec<u8>, key: Vec<u8>) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the versions are supported")
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(certificate)], key)
        .expect("the certificate is valid");
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send) {
    // The connection ends with an error if the client just leaves.
    let _ = WebSocketServer::<Http2>::new(Config::default()).serve(stream, |socket, _| run(socket)).await;
}

/// Echoes, and runs commands. It cannot send a message in several frames.
async fn run(mut socket: WebSocketStream<Stream<Http2>>) {
    while let Some(Ok(message)) = socket.next().await {
        let text = match &message {
            Message::Text(text) => String::from_utf8_lossy(text).into_owned(),
            _ => String::new(),
        };
        let answer = match (&message, text.split(' ').collect::<Vec<_>>().as_slice()) {
            // The crate answers these.
            (Message::Close(_) | Message::Ping(_), _) => continue,
            (Message::Pong(_), _) => Message::Text("pong".into()),
            (_, ["!close"]) => Message::Close(None),
            (_, ["!close", code, reason]) => {
                Message::Close(Some(CloseReason::new(code.parse().unwrap_or_default(), *reason)))
            }
            (_, ["!ping"]) => Message::Ping("are you there?".into()),
            (_, ["!drop"]) => return,
            _ => message,
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}
