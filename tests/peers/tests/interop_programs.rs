//! The client with other programs: npm's `ws` and Python's `websockets`, directly, behind nginx with TLS, and through
//! proxies.
//!
//! `cargo xtask test` installs the programs. A test fails if its program is missing.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use samesocket::rustls::pki_types::CertificateDer;
use samesocket::{Options, Proxy};
use samesocket_peers::{Peer, START_TIMEOUT, SUBPROTOCOLS, npm_ws, script, spawn, spawn_server, variable};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The extensions that `ws` negotiates.
const WS: &str = "permessage-deflate";
/// The extensions that `websockets` negotiates.
const WEBSOCKETS: &str = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12";

async fn python_websockets() -> (Child, u16) {
    spawn_server(Command::new(variable("SAMESOCKET_PYTHON")).arg(script("server.py"))).await
}

/// Returns a free port, for programs that cannot choose one themselves.
async fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Waits until a program listens on a port, for programs that do not report it.
async fn wait_for_listener(port: u16) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let trying = async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(START_TIMEOUT, trying).await.unwrap_or_else(|_| panic!("nothing listens at {address}"));
}

fn peer_at(url: String, options: Options, extensions: &'static str) -> Peer {
    Peer {
        url,
        options,
        subprotocols: SUBPROTOCOLS,
        extensions,
        control_frames: true,
        fragments: true,
        repeats_reason: true,
    }
}

#[tokio::test]
async fn npm_ws_server_passes_all_conversations() {
    let (_server, port) = npm_ws().await;
    peer_at(format!("ws://127.0.0.1:{port}/"), Options::new(), WS).run_all().await;
}

#[tokio::test]
async fn python_websockets_server_passes_all_conversations() {
    let (_server, port) = python_websockets().await;
    peer_at(format!("ws://127.0.0.1:{port}/"), Options::new(), WEBSOCKETS).run_all().await;
}

#[tokio::test]
async fn nginx_with_tls_passes_all_conversations() {
    let (_server, port) = npm_ws().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::write(folder.path().join("cert.pem"), made.cert.pem()).expect("the file is written");
    fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).expect("the file is written");
    let front = free_port().await;
    let configuration = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr crit;
        events {{}}
        http {{
            access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            server {{
                listen 127.0.0.1:{front} ssl;
                ssl_certificate cert.pem; ssl_certificate_key key.pem;
                location / {{
                    proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1;
                    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
                }}
            }}
        }}"
    );
    let file = folder.path().join("nginx.conf");
    fs::write(&file, configuration).expect("the file is written");
    let _nginx = spawn(Command::new(variable("SAMESOCKET_NGINX")).arg("-p").arg(folder.path()).arg("-c").arg(&file));
    wait_for_listener(front).await;
    let options = Options::new().root_certificate(CertificateDer::from(made.cert.der().to_vec()));
    peer_at(format!("wss://localhost:{front}/"), options, WS).run_all().await;
}

#[tokio::test]
async fn socks5_proxy_with_password_passes_all_conversations() {
    let (_server, port) = npm_ws().await;
    let proxy = free_port().await;
    let mut command = Command::new("microsocks");
    command.args(["-i", "127.0.0.1", "-p", &proxy.to_string(), "-u", "me", "-P", "secret"]);
    let _microsocks = spawn(command.stderr(Stdio::null()));
    wait_for_listener(proxy).await;
    let proxy = Proxy::new(&format!("socks5://me:secret@127.0.0.1:{proxy}")).expect("the URL is valid");
    peer_at(format!("ws://127.0.0.1:{port}/"), Options::new().proxy(proxy), WS).run_all().await;
}

#[tokio::test]
async fn http_proxy_with_password_passes_all_conversations() {
    let (_server, port) = python_websockets().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let proxy = free_port().await;
    let file = folder.path().join("tinyproxy.conf");
    let configuration = format!(
        "Port {proxy}\nListen 127.0.0.1\nTimeout 60\nBasicAuth me secret\nConnectPort {port}\nLogLevel Error\n"
    );
    fs::write(&file, configuration).expect("the file is written");
    let _tinyproxy = spawn(Command::new("tinyproxy").arg("-d").arg("-c").arg(&file).stdout(Stdio::null()));
    wait_for_listener(proxy).await;
    let proxy = Proxy::new(&format!("http://me:secret@127.0.0.1:{proxy}")).expect("the URL is valid");
    peer_at(format!("ws://127.0.0.1:{port}/"), Options::new().proxy(proxy), WEBSOCKETS).run_all().await;
}
