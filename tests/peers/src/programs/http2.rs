//! Servers that offer WebSockets over HTTP/2 (RFC 8441). All echo messages and obey the commands of `interop`.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    task::JoinSet,
};

use super::{OutputLines, listen, npm_ws, script, sockudo, spawn_server, spawn_with_output, variable};

/// A program that offers WebSockets over HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http2Program {
    /// Node's `http2`; npm's `ws` reads and writes the frames of a stream.
    Node,
    /// Python's hypercorn, an ASGI server. It cannot send pings and fragments.
    Hypercorn,
    /// haproxy in front of npm's `ws`, to which it speaks HTTP/1.1.
    Haproxy,
    /// nghttpx in front of npm's `ws`, to which it speaks HTTP/1.1.
    Nghttpx,
    /// The crate `sockudo-ws`. It returns all offered subprotocols, and cannot send fragments.
    Sockudo,
}

/// A server that listens. Dropping it ends it.
#[derive(Debug)]
pub struct Http2Server {
    /// The address, on 127.0.0.1.
    pub address: SocketAddr,
    /// The certificate for `localhost`, in DER, if the server uses TLS.
    pub certificate: Option<Vec<u8>>,
    // The front ends before their back end.
    _children: Vec<Child>,
    _tasks: JoinSet<()>,
    _folder: TempDir,
}

impl Http2Program {
    /// All programs.
    pub const ALL: [Self; 5] = [Self::Node, Self::Hypercorn, Self::Haproxy, Self::Nghttpx, Self::Sockudo];

    /// Starts a server: with TLS, for HTTP/2 by ALPN, or without, for HTTP/2 with prior knowledge.
    ///
    /// # Panics
    ///
    /// The program is not installed or does not start.
    pub async fn start(self, tls: bool) -> Http2Server {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let certificate = tls.then(|| Certificate::create(folder.path()));
        let files = certificate.as_ref();
        let mut children = Vec::new();
        let mut command = match self {
            Self::Node => {
                let mut command = Command::new("node");
                command.arg(script("http2.mjs")).arg(variable("SAMESOCKET_NPM"));
                command.args(files.into_iter().flat_map(|files| [&files.chain, &files.key]));
                command
            }
            Self::Hypercorn => {
                let mut command = Command::new(variable("SAMESOCKET_HYPERCORN"));
                command.arg(script("asgi.py"));
                command.args(files.into_iter().flat_map(|files| [&files.chain, &files.key]));
                command
            }
            Self::Haproxy | Self::Nghttpx => {
                let (backend, port) = npm_ws().await;
                children.push(backend);
                if self == Self::Haproxy { haproxy(folder.path(), files, port) } else { nghttpx(files, port) }
            }
            Self::Sockudo => {
                let (tasks, port) = sockudo::start(files.map(|files| (files.der.clone(), files.key_der.clone()))).await;
                return Http2Server::new(port, certificate, children, tasks, folder);
            }
        };
        let (child, port) = spawn_server(&mut command).await;
        children.insert(0, child);
        Http2Server::new(port, certificate, children, JoinSet::new(), folder)
    }
}

/// Starts Node's `http2` with a response or an ending at each path, with TLS. The lines are the reports of its page.
///
/// # Panics
///
/// The program is not installed or does not start.
pub async fn http2_cases() -> (Http2Server, OutputLines) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = Certificate::create(folder.path());
    let mut command = Command::new("node");
    command.arg(script("http2_cases.mjs")).args([&files.chain, &files.key]);
    let (child, port, lines) = spawn_with_output(&mut command).await;
    (Http2Server::new(port, Some(files), vec![child], JoinSet::new(), folder), lines)
}

impl Http2Server {
    fn new(
        port: u16,
        certificate: Option<Certificate>,
        children: Vec<Child>,
        tasks: JoinSet<()>,
        folder: TempDir,
    ) -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            certificate: certificate.map(|files| files.der),
            _children: children,
            _tasks: tasks,
            _folder: folder,
        }
    }
}

fn haproxy(folder: &Path, files: Option<&Certificate>, backend: u16) -> Command {
    let speaks = match files {
        Some(files) => format!("ssl crt {} alpn h2,http/1.1", files.both.display()),
        None => "proto h2".to_owned(),
    };
    let configuration = format!(
        "defaults
            mode http
            timeout connect 30s
            timeout client 60s
            timeout server 60s
            timeout tunnel 60s
        frontend front
            bind fd@{{fd}} {speaks}
            default_backend back
        backend back
            server ws 127.0.0.1:{backend}\n"
    );
    let file = folder.join("haproxy.cfg");
    fs::write(&file, configuration).expect("the file is written");
    let mut command = listen(&file, variable("SAMESOCKET_HAPROXY"));
    command.args(["-db", "-q", "-f"]).arg(file);
    command
}

fn nghttpx(files: Option<&Certificate>, backend: u16) -> Command {
    let mut command = listen("NGHTTPX_ACCEPT_1=tcp,{fd}", variable("SAMESOCKET_NGHTTPX"));
    command.args(["--single-process", "--conf=/dev/null", "--no-ocsp"]).arg(format!("--backend=127.0.0.1,{backend}"));
    match files {
        Some(files) => command.arg("--frontend=127.0.0.1,{port}").args([&files.key, &files.chain]),
        None => command.arg("--frontend=127.0.0.1,{port};no-tls"),
    };
    // It reports its configuration.
    command.stderr(Stdio::null());
    command
}

/// The files of a certificate for `localhost`.
#[derive(Debug)]
struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    both: PathBuf,
    der: Vec<u8>,
    key_der: Vec<u8>,
}

impl Certificate {
    fn create(folder: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let write = |name: &str, text: &str| {
            let file = folder.join(name);
            fs::write(&file, text).expect("the file is written");
            file
        };
        Self {
            both: write("both.pem", &format!("{certificate}{key}")),
            chain: write("cert.pem", &certificate),
            key: write("key.pem", &key),
            der: made.cert.der().to_vec(),
            key_der: made.signing_key.serialize_der(),
        }
    }
}
