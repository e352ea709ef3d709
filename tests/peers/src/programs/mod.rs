//! Starts other programs. `cargo xtask test` installs them, and tells their paths by environment variables.

mod chromium;
mod http2;
mod sockudo;

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

pub use chromium::Chromium;
pub use http2::{Http2Program, Http2Server, http2_cases};

/// The longest time that a program may take to start on a busy machine. Arbitrary.
pub const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the path in an environment variable.
///
/// # Panics
///
/// The variable is not set.
pub fn variable(name: &str) -> PathBuf {
    env::var_os(name).unwrap_or_else(|| panic!("{name} is not set; `cargo xtask test` sets it")).into()
}

/// Returns the path of a script in `programs/`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs").join(name)
}

/// Starts a server that prints its port. Dropping the child kills it.
///
/// # Panics
///
/// The server cannot be started, or prints no port.
pub async fn spawn_server(command: &mut Command) -> (Child, u16) {
    let (child, port, _) = spawn_with_output(command).await;
    (child, port)
}

/// The lines that a program prints.
pub type OutputLines = Lines<BufReader<ChildStdout>>;

/// Starts a server like [`spawn_server`]. Returns the lines after the port, too.
async fn spawn_with_output(command: &mut Command) -> (Child, u16, OutputLines) {
    let mut child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let mut lines = BufReader::new(child.stdout.take().expect("the output is piped")).lines();
    let line = timeout(START_TIMEOUT, lines.next_line()).await.expect("the server starts in time");
    let port =
        line.expect("the output is UTF-8").expect("the server prints a line").parse().expect("the line is a port");
    (child, port, lines)
}

/// Starts a program. Dropping the child kills it.
///
/// # Panics
///
/// The program cannot be started.
pub fn spawn(command: &mut Command) -> Child {
    command.kill_on_drop(true).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Starts the echo server on npm's `ws`.
///
/// # Panics
///
/// It cannot be started.
pub async fn npm_ws() -> (Child, u16) {
    spawn_server(Command::new("node").arg(script("server.mjs")).arg(variable("SAMESOCKET_NPM"))).await
}

/// Returns a command that gives a listening socket to a program. It replaces `{fd}` and `{port}` in its arguments, and in
/// `target`: a file, or `NAME=VALUE` for the environment.
fn listen(target: impl Into<OsString>, program: PathBuf) -> Command {
    let mut command = Command::new(variable("SAMESOCKET_PYTHON"));
    command.arg(script("listen.py")).arg(target.into()).arg(program);
    command
}
