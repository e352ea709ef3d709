//! A process that is stopped while its answers arrive: no deadline has an effect before they are read.
//!
//! When the process continues, its timers have ended, and the reactor has not looked at the sockets yet.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt, join_all};
use samesocket::{Heartbeat, Options, WebSocket, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Barrier, watch};

use crate::child_process;
use crate::manual_server::ManualServer;
use crate::support::event_lines;

/// The time of each deadline. The process is stopped for longer.
const DEADLINE: Duration = Duration::from_secs(3);

/// The runtimes that sockets live on.
const RUNTIMES: [&str; 3] = ["background", "current-thread", "multi-thread"];

/// The deadlines, each with the outcome if the answer beats it.
const OUTCOMES: [(&str, &str); 6] = [
    ("opening_timeout", "open"),
    ("connect_timeout", "open"),
    ("closing_timeout", "close 1000 \"\" clean"),
    ("close_timeout", "1000 true"),
    ("idle_timeout", "a message"),
    ("heartbeat", "a message"),
];

/// A text message, a Close frame with code 1000, and a pong, as a server sends them.
const TEXT: [u8; 3] = [0x81, 1, b'a'];
const CLOSE: [u8; 4] = [0x88, 2, 3, 0xe8];
const PONG: [u8; 2] = [0x8a, 0];

#[test]
fn answers_that_arrive_while_stopped_beat_all_deadlines() {
    if let Some(argument) = child_process::argument() {
        return child(&argument);
    }
    let servers = Runtime::new().unwrap();
    let count = OUTCOMES.len() * RUNTIMES.len();
    // The servers wait here twice: before their answers, and after them.
    let (barrier, release) = (Arc::new(Barrier::new(count + 1)), watch::Sender::new(false));
    let mut urls = Vec::new();
    for _ in RUNTIMES {
        for (deadline, _) in OUTCOMES {
            // A server for each socket, because opening handshakes with the same one wait for each other.
            let server = servers.block_on(ManualServer::new());
            urls.push(server.url(deadline));
            servers.spawn(serve(server, deadline, Arc::clone(&barrier), release.subscribe()));
        }
    }
    let test = "stopped_process::answers_that_arrive_while_stopped_beat_all_deadlines";
    let child = child_process::command(test, &urls.join(" ")).spawn().unwrap();
    servers.block_on(barrier.wait());
    signal("-STOP", child.id());
    while !fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap().contains(") T ") {
        thread::yield_now();
    }
    let stopped = Instant::now();
    release.send(true).unwrap();
    servers.block_on(barrier.wait());
    // The time during which the process is stopped is the subject of the test.
    thread::sleep((DEADLINE + Duration::from_millis(200)).saturating_sub(stopped.elapsed()));
    signal("-CONT", child.id());
    child_process::check(&child.wait_with_output().unwrap());
}

fn signal(signal: &str, process: u32) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

/// Serves one socket up to the answer that it waits for, and answers once that is released.
async fn serve(
    server: ManualServer,
    deadline: &'static str,
    barrier: Arc<Barrier>,
    mut release: watch::Receiver<bool>,
) {
    let mut connection = server.next().await;
    let is_opening = matches!(deadline, "opening_timeout" | "connect_timeout");
    let answer: &[u8] = match deadline {
        "opening_timeout" | "connect_timeout" => &[],
        _ => {
            connection = connection.accept_upgrade().await;
            // What the client has to send before it waits: a Close frame with a code, a ping, or nothing.
            let (sent, answer): (usize, &[u8]) = match deadline {
                "closing_timeout" | "close_timeout" => (8, &CLOSE),
                "heartbeat" => (6, &PONG),
                _ => (0, &TEXT),
            };
            connection.read_exact(sent).await;
            answer
        }
    };
    barrier.wait().await;
    release.wait_for(|release| *release).await.unwrap();
    if is_opening {
        connection = connection.accept_upgrade().await;
    }
    let mut stream = connection.into_stream();
    stream.write_all(answer).await.unwrap();
    if answer == CLOSE {
        stream.shutdown().await.unwrap();
    }
    barrier.wait().await;
    if deadline == "heartbeat" {
        // The answer to the next ping is a message, so that the client ends.
        let _ = stream.read_exact(&mut [0; 6]).await;
        let _ = stream.write_all(&TEXT).await;
    }
    // Until the client closes.
    while stream.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {}
}

/// Connects to all servers, and checks that no deadline has an effect.
fn child(urls: &str) {
    let mut urls = urls.split(' ').map(str::to_owned);
    let mut threads = Vec::new();
    for kind in RUNTIMES {
        let urls: Vec<_> = urls.by_ref().take(OUTCOMES.len()).collect();
        threads.push((kind, thread::spawn(move || outcomes(kind, &urls))));
    }
    let expected: BTreeMap<_, _> = OUTCOMES.map(|(deadline, outcome)| (deadline, outcome.to_owned())).into();
    let all: Vec<_> = threads.into_iter().map(|(kind, thread)| (kind, thread.join().unwrap())).collect();
    assert_eq!(all, RUNTIMES.map(|kind| (kind, expected.clone())));
}

/// Returns the outcome of each deadline for sockets on one kind of runtime.
fn outcomes(kind: &str, urls: &[String]) -> BTreeMap<&'static str, String> {
    let runtime = match kind {
        "background" => None,
        "current-thread" => Some(Builder::new_current_thread().enable_all().build().unwrap()),
        _ => Some(Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()),
    };
    let mut options = Options::new().opening_timeout(Duration::from_secs(60));
    if let Some(runtime) = &runtime {
        options = options.runtime(runtime.handle().clone());
    }
    let outcomes = join_all(
        OUTCOMES
            .into_iter()
            .zip(urls)
            .map(|((deadline, _), url)| outcome(deadline, url, options.clone()).map(move |seen| (deadline, seen))),
    );
    match runtime {
        None => block_on(outcomes),
        Some(runtime) => runtime.block_on(outcomes),
    }
    .into_iter()
    .collect()
}

/// Returns the outcome of a socket with one deadline.
fn outcome<'a>(deadline: &'static str, url: &'a str, options: Options) -> BoxFuture<'a, String> {
    let socket = |options: Options| WebSocket::with_options(url, (), &options).unwrap();
    match deadline {
        "opening_timeout" => {
            let socket = socket(options.opening_timeout(DEADLINE));
            async move { crate::manual_server::first_event(&socket).await }.boxed()
        }
        "closing_timeout" => {
            let socket = socket(options.closing_timeout(DEADLINE));
            socket.subscribe(|socket, _| socket.close(Some(1000), None).unwrap()).detach();
            async move { event_lines(&socket).await.pop().unwrap() }.boxed()
        }
        _ => {
            let mut connect = connect(url).options(options).close_timeout(DEADLINE);
            match deadline {
                "connect_timeout" => connect = connect.timeout(DEADLINE),
                "idle_timeout" => connect = connect.idle_timeout(DEADLINE),
                "heartbeat" => {
                    let heartbeat = Heartbeat::new("".into(), |_| false);
                    connect = connect.heartbeat(heartbeat.every(Duration::from_millis(10)).within(DEADLINE));
                }
                _ => {}
            }
            async move {
                let mut socket = match connect.await {
                    Ok(socket) => socket,
                    Err(error) => return error.to_string(),
                };
                match deadline {
                    "connect_timeout" => "open".to_owned(),
                    "close_timeout" => match socket.close(Some(1000), None).await {
                        Ok(event) => format!("{} {}", event.code, event.was_clean),
                        Err(error) => error.to_string(),
                    },
                    _ => match socket.next().await {
                        Some(Ok(_)) => "a message".to_owned(),
                        other => format!("{other:?}"),
                    },
                }
            }
            .boxed()
        }
    }
}
