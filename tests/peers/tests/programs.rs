//! Our client with programs from elsewhere: npm's `ws` and Python's `websockets`, directly, behind nginx with TLS, and
//! through proxies. `cargo xtask test` installs them; where one is missing, this fails.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use samesocket::rustls::pki_types::CertificateDer;
use samesocket::{Options, Proxy};
use samesocket_peers::Peer;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a program may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `ws` and `websockets` agree on, the one as its answer has it, the other likewise.
const WS: &str = "permessage-deflate";
const WEBSOCKETS: &str = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12";

fn variable(name: &str) -> PathBuf {
    env::var_os(name).unwrap_or_else(|| panic!("{name} is not set; `cargo xtask test` sets it")).into()
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs").join(name)
}

/// A server that tells its port, and that ends when it is dropped.
async fn telling(command: &mut Command) -> (Child, u16) {
    let mut child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let output = child.stdout.take().expect("it is piped");
    let line = timeout(PATIENCE, BufReader::new(output).lines().next_line()).await.expect("it starts in time");
    let port = line.expect("text").expect("a line").parse().expect("a port");
    (child, port)
}

fn spawn(command: &mut Command) -> Child {
    command.kill_on_drop(true).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

async fn npm_ws() -> (Child, u16) {
    telling(Command::new("node").arg(script("server.mjs")).arg(variable("SAMESOCKET_NPM"))).await
}

async fn python_websockets() -> (Child, u16) {
    telling(Command::new(variable("SAMESOCKET_PYTHON")).arg(script("server.py"))).await
}

/// A port that was free a moment ago, for programs that cannot choose one themselves.
async fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Waits until a program listens, which it does not tell.
async fn listening(port: u16) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let trying = async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, trying).await.unwrap_or_else(|_| panic!("nothing listens at {address}"));
}

fn peer(url: String, options: Options, extensions: &'static str) -> Peer {
    Peer { url, options, extensions, fragments: true, repeats_reason: true }
}

#[tokio::test]
async fn npms_ws_and_our_client_understand_each_other() {
    let (_server, port) = npm_ws().await;
    peer(format!("ws://127.0.0.1:{port}/"), Options::new(), WS).holds_every_conversation().await;
}

#[tokio::test]
async fn pythons_websockets_and_our_client_understand_each_other() {
    let (_server, port) = python_websockets().await;
    peer(format!("ws://127.0.0.1:{port}/"), Options::new(), WEBSOCKETS).holds_every_conversation().await;
}

#[tokio::test]
async fn nginx_may_do_tls_and_stand_before_a_server() {
    let (_server, port) = npm_ws().await;
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::write(folder.path().join("cert.pem"), made.cert.pem()).expect("it is written");
    fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).expect("it is written");
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
    fs::write(&file, configuration).expect("it is written");
    let _nginx = spawn(Command::new(variable("SAMESOCKET_NGINX")).arg("-p").arg(folder.path()).arg("-c").arg(&file));
    listening(front).await;
    let options = Options::new().root_certificate(CertificateDer::from(made.cert.der().to_vec()));
    peer(format!("wss://localhost:{front}/"), options, WS).holds_every_conversation().await;
}

#[tokio::test]
async fn microsocks_leads_to_a_server_for_those_who_know_its_password() {
    let (_server, port) = npm_ws().await;
    let proxy = free_port().await;
    let mut command = Command::new("microsocks");
    command.args(["-i", "127.0.0.1", "-p", &proxy.to_string(), "-u", "me", "-P", "secret"]);
    let _microsocks = spawn(command.stderr(Stdio::null()));
    listening(proxy).await;
    let proxy = Proxy::new(&format!("socks5://me:secret@127.0.0.1:{proxy}")).expect("a good URL");
    peer(format!("ws://127.0.0.1:{port}/"), Options::new().proxy(proxy), WS).holds_every_conversation().await;
}

#[tokio::test]
async fn tinyproxy_leads_to_a_server_for_those_who_know_its_password() {
    let (_server, port) = python_websockets().await;
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = free_port().await;
    let file = folder.path().join("tinyproxy.conf");
    let configuration = format!(
        "Port {proxy}\nListen 127.0.0.1\nTimeout 60\nBasicAuth me secret\nConnectPort {port}\nLogLevel Error\n"
    );
    fs::write(&file, configuration).expect("it is written");
    let _tinyproxy = spawn(Command::new("tinyproxy").arg("-d").arg("-c").arg(&file).stdout(Stdio::null()));
    listening(proxy).await;
    let proxy = Proxy::new(&format!("http://me:secret@127.0.0.1:{proxy}")).expect("a good URL");
    peer(format!("ws://127.0.0.1:{port}/"), Options::new().proxy(proxy), WEBSOCKETS).holds_every_conversation().await;
}
