//! The chat with a server that restarts, and accepts one token at a time.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use futures::channel::mpsc;
use futures::future::ready;
use futures::{SinkExt as _, StreamExt as _, stream};
use samesocket::reconnect::Cause;
use samesocket_examples::chat::{Line, run, socket, status};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::{accept_async, accept_hdr_async};

use crate::support;

/// The tokens that clients used, each with the server's status.
type Attempts = Arc<Mutex<Vec<(String, u16)>>>;

/// A server that sends each line back. Dropping it ends all its connections.
struct Server {
    listener: Arc<TcpListener>,
    attempts: Attempts,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start(token: &'static str) -> Self {
        Self::start_on(Arc::new(support::listener().await), token)
    }

    fn start_on(listener: Arc<TcpListener>, token: &'static str) -> Self {
        let attempts = Attempts::default();
        let (accepting, seen) = (Arc::clone(&listener), Arc::clone(&attempts));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = accepting.accept().await {
                connections.spawn(serve(stream, token, Arc::clone(&seen)));
            }
        });
        Self { listener, attempts, _tasks: tasks }
    }

    /// Ends the server and all its connections. Its port stays taken, so that another server can have it.
    fn stop(self) -> Arc<TcpListener> {
        self.listener
    }

    fn url(&self) -> String {
        format!("ws://{}/chat", self.listener.local_addr().expect("it is bound"))
    }

    fn attempts(&self) -> Vec<(String, u16)> {
        self.attempts.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, token: &'static str, attempts: Attempts) {
    #[expect(clippy::result_large_err, reason = "the error is an HTTP response, in tungstenite's type")]
    let check = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        let value = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let found = value.strip_prefix("Bearer ").unwrap_or_default();
        let status = if found == token { StatusCode::SWITCHING_PROTOCOLS } else { StatusCode::UNAUTHORIZED };
        attempts.lock().unwrap().push((found.to_owned(), status.as_u16()));
        if found == token {
            return Ok(response);
        }
        let mut refusal = ErrorResponse::new(Some("the token has expired".to_owned()));
        *refusal.status_mut() = status;
        Err(refusal)
    };
    if let Ok(socket) = accept_hdr_async(stream, check).await {
        support::echo(socket).await;
    }
}

#[test]
fn chat_after_restart_uses_a_new_token() {
    support::run(async {
        let first = Server::start("first").await;
        let url = first.url();
        let token = Arc::new(Mutex::new("first"));
        let current = Arc::clone(&token);
        let socket = socket(url, move || {
            let token = current.lock().unwrap().to_owned();
            async { Some(token) }
        });
        let (mut enter, entered) = mpsc::unbounded();
        let (show, mut shown) = mpsc::unbounded();
        let chat = tokio::spawn(run(socket, entered, move |line| drop(show.unbounded_send(line))));

        assert_eq!(shown.next().await, Some(Line::Connected));
        enter.send("hello".to_owned()).await.unwrap();
        assert_eq!(shown.next().await, Some(Line::Received("hello".to_owned())));
        assert_eq!(first.attempts(), [("first".to_owned(), 101)]);

        let listener = first.stop();
        assert!(matches!(shown.next().await, Some(Line::Disconnected(Cause::Lost(_)))));
        enter.send("while away".to_owned()).await.unwrap();
        let second = Server::start_on(listener, "second");
        while !matches!(shown.next().await, Some(Line::Disconnected(cause)) if status(&cause) == Some(401)) {}
        *token.lock().unwrap() = "second";
        while !matches!(shown.next().await, Some(Line::Connected)) {}
        assert_eq!(shown.next().await, Some(Line::Received("while away".to_owned())));
        let mut attempts = second.attempts();
        attempts.dedup();
        assert_eq!(attempts, [("first".to_owned(), 401), ("second".to_owned(), 101)]);

        drop(enter);
        assert_eq!(chat.await.unwrap(), Ok(()));
    });
}

#[test]
fn chat_sends_lines_that_were_entered_before_it_is_connected() {
    support::run(async {
        let listener = support::listener().await;
        let url = format!("ws://{}/chat", listener.local_addr().expect("it is bound"));
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let messages = accept_async(stream).await.expect("a socket").filter_map(async |message| message.ok());
            messages
                .filter(|message| ready(message.is_text()))
                .map(|message| message.to_string())
                .collect::<Vec<_>>()
                .await
        });
        let socket = socket(url, || async { Some("token".to_owned()) });
        assert_eq!(run(socket, stream::iter(["one", "two"].map(str::to_owned)), |_| ()).await, Ok(()));
        assert_eq!(serving.await.unwrap(), ["one", "two"]);
        // Nothing waits to be sent, and the server never answers.
        let silent = support::listener().await;
        let url = format!("ws://{}/chat", silent.local_addr().expect("it is bound"));
        let waiting = samesocket_examples::chat::socket(url, || async { Some("token".to_owned()) });
        assert_eq!(run(waiting, stream::empty(), |_| ()).await, Ok(()));
    });
}

#[test]
fn chat_with_refused_tokens_gives_up_and_says_why() {
    support::run(async {
        let server = Server::start("right").await;
        let socket = socket(server.url(), || async { Some("wrong".to_owned()) });
        let end = run(socket, futures::stream::pending(), |_| ()).await;
        let cause = end.expect_err("no attempt succeeds");
        assert_eq!(status(&cause), Some(401));
        assert!(cause.to_string().contains("401"), "{cause}");
        assert_eq!(server.attempts(), vec![("wrong".to_owned(), 401); 5]);
    });
}

#[test]
fn chat_program_sends_and_prints_lines() {
    support::run(async {
        let server = Server::start("secret").await;
        let folder = tempfile::tempdir().expect("a folder");
        let token = folder.path().join("token");
        std::fs::write(&token, "secret\n").expect("the folder is writable");
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat"));
        command.arg(server.url()).arg(token).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut program = command.spawn().expect("it starts");
        let mut input = program.stdin.take().expect("it is piped");
        let mut output = BufReader::new(program.stdout.take().expect("it is piped")).lines();
        input.write_all(b"hello\n").await.expect("it reads");
        assert_eq!(output.next_line().await.unwrap().as_deref(), Some("[connected]"));
        assert_eq!(output.next_line().await.unwrap().as_deref(), Some("hello"));
        drop(input);
        assert_eq!(output.next_line().await.unwrap(), None);
        assert!(program.wait().await.unwrap().success());
    });
}
