//! Drives the chat in Bevy as a person in a terminal would.

use std::process::Stdio;
use std::time::{Duration, Instant};

use samesocket_fault_server::Server;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

/// The longest wait for a line. Arbitrary.
const PATIENCE: Duration = Duration::from_secs(20);

struct Terminal {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    program: Child,
}

impl Terminal {
    fn start(server: &Server) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bevy-chat"));
        command.arg(format!("ws://{}", server.addresses().plain));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut program = command.spawn().expect("it starts");
        let input = program.stdin.take().expect("it is piped");
        let output = BufReader::new(program.stdout.take().expect("it is piped")).lines();
        Self { input, output, program }
    }

    async fn enter(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.expect("it reads");
    }

    /// Returns the next line that satisfies `is_it`.
    async fn next(&mut self, is_it: impl Fn(&str) -> bool) -> String {
        loop {
            let line = timeout(PATIENCE, self.output.next_line()).await.expect("a line comes in time");
            let line = line.expect("it writes UTF-8").expect("it has not ended");
            if is_it(&line) {
                return line;
            }
        }
    }

    /// Returns the next line with a message.
    async fn message(&mut self) -> String {
        self.next(|line| !line.starts_with('[')).await
    }
}

/// Starts a server at a port that another one has left. A connection of another program may have it for a moment.
async fn server_again(port: u16) -> Server {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Server::builder().plain_port(port).start().await {
            Ok(server) => return server,
            Err(error) => assert!(Instant::now() < deadline, "the port is not free again: {error}"),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn sockets(server: &Server, prefix: &str, count: usize) {
    let waited = timeout(PATIENCE, server.store().wait_live(prefix, count)).await;
    assert!(waited.is_ok(), "{prefix}: {count} sockets expected, there are {}", server.store().live(prefix));
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_survives_its_server_and_leaves_no_socket() {
    let server = Server::builder().start().await.expect("a free port");
    let port = server.addresses().plain.port();
    let mut terminal = Terminal::start(&server);
    sockets(&server, "", 2).await;
    terminal.enter("lobby hello").await;
    assert_eq!(terminal.message().await, "lobby hello");

    drop(server);
    terminal.next(|line| line.starts_with("[lobby: connecting again")).await;
    terminal.enter("lobby I keep this for you").await;
    terminal.next(|line| line.starts_with("[lobby: connecting again")).await;
    let server = server_again(port).await;
    assert_eq!(terminal.message().await, "lobby I keep this for you");
    sockets(&server, "", 2).await;

    for number in 0..200 {
        terminal.enter(&format!("games burst {number}")).await;
    }
    for number in 0..200 {
        assert_eq!(terminal.message().await, format!("games burst {number}"));
    }

    terminal.enter("/leave games").await;
    sockets(&server, "games", 0).await;
    for _ in 0..10 {
        terminal.enter("/join games").await;
        terminal.enter("/leave games").await;
    }
    terminal.enter("/join games").await;
    terminal.enter("games who is here?").await;
    assert_eq!(terminal.message().await, "games who is here?");
    sockets(&server, "games", 1).await;
    sockets(&server, "lobby", 1).await;

    drop(terminal.input);
    let status = timeout(PATIENCE, terminal.program.wait()).await.expect("it ends").expect("it was started");
    assert!(status.success());
    sockets(&server, "", 0).await;
}
