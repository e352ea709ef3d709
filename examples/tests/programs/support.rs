//! Starts programs and servers, and ends them.

use std::env;
use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// The longest time of a test. Arbitrary; each takes seconds.
const LIMIT: Duration = Duration::from_secs(40);

/// Runs a test on a runtime, with a limit on its time.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let limited = async { tokio::time::timeout(LIMIT, test).await.expect("the test ends in time") };
    runtime.expect("a runtime").block_on(limited);
}

/// Runs a program to its end, and returns its standard output.
pub(crate) async fn output(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} failed:\n{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Returns the path of an installed program: from a variable, which `cargo xtask examples` sets, or its name.
pub(crate) fn installed(variable: &str, name: &str) -> PathBuf {
    env::var_os(variable).map_or_else(|| PathBuf::from(name), PathBuf::from)
}

/// A listener on a port that the system chose.
pub(crate) async fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port")
}

/// A server in a process of its own. It is killed when this is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    _child: Child,
}

/// Starts a server that has to be told its port, and waits until it says that it is ready.
///
/// Another program may take the port first, so it tries a few.
pub(crate) async fn start(command: impl Fn(u16) -> Command, ready: impl Fn(&str, u16) -> bool) -> Server {
    let mut log = String::new();
    for _ in 0..3 {
        let port = listener().await.local_addr().expect("it is bound").port();
        let mut command = command(port);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{:?} does not start: {error}", command.as_std()));
        let standard = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let errors = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let lines = |lines| futures::stream::unfold(lines, next_line).boxed();
        let mut lines = futures::stream::select(lines(Lines::Standard(standard)), lines(Lines::Errors(errors)));
        while let Some(line) = lines.next().await {
            if ready(&line, port) {
                // A full pipe would stop the server.
                tokio::spawn(lines.for_each(|_| async {}));
                return Server { port, _child: child };
            }
            log = log + &line + "\n";
        }
    }
    panic!("the server did not become ready:\n{log}");
}

enum Lines {
    Standard(tokio::io::Lines<BufReader<tokio::process::ChildStdout>>),
    Errors(tokio::io::Lines<BufReader<tokio::process::ChildStderr>>),
}

async fn next_line(mut lines: Lines) -> Option<(String, Lines)> {
    let line = match &mut lines {
        Lines::Standard(lines) => lines.next_line().await,
        Lines::Errors(lines) => lines.next_line().await,
    };
    Some((line.ok()??, lines))
}

/// Sends back each message until the client closes.
pub(crate) async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>) {
    while let Some(Ok(message)) = socket.next().await {
        if matches!(message, Message::Text(_) | Message::Binary(_)) {
            socket.send(message).await.expect("the client reads");
        }
    }
}
