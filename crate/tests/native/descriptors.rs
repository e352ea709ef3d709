//! Processes without a free file descriptor.
#![cfg(unix)]

use std::fs::File;
use std::io;

use futures::executor::block_on;
use samesocket::{ConnectError, Failure, WebSocket, connect};
use tokio::runtime::Runtime;

use crate::child_process;
use crate::manual_server::failure_of;
use crate::support::{TestServer, event_lines};

/// Opens files until the process has no descriptor left.
fn exhaust() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

/// The error of the system for a process without a free descriptor.
fn is_exhausted(error: &io::Error) -> bool {
    error.raw_os_error() == Some(24)
}

/// Checks that a socket connects.
fn check_connects(url: &str) {
    let socket = WebSocket::new(url, ()).unwrap();
    assert_eq!(block_on(event_lines(&socket)), ["open", "close 1000 \"\" clean"]);
}

#[test]
fn first_socket_without_a_descriptor_fails_and_says_so() {
    let Some(url) = child_process::argument() else {
        let servers = Runtime::new().unwrap();
        let test_server = servers.block_on(TestServer::new());
        let test = "descriptors::first_socket_without_a_descriptor_fails_and_says_so";
        let mut command = child_process::command(test, &test_server.url("a", "do=close:1000"));
        return child_process::check(&child_process::limit_descriptors(&mut command, 64).output().unwrap());
    };
    let files = exhaust();
    let options = samesocket::Options::new();
    let failure = block_on(failure_of(&url, &options));
    assert!(matches!(&failure, Failure::System { source } if is_exhausted(source)), "{failure:?}");
    let start = "the system has no thread, file descriptor or random numbers for the socket: Too many open files";
    assert!(failure.to_string().starts_with(start), "{failure}");
    let error = block_on(connect(&*url).into_future()).unwrap_err();
    let ConnectError::Failed(failed) = error else { panic!("{error:?}") };
    assert!(matches!(failed.failure(), Some(Failure::System { .. })), "{failed:?}");
    drop(files);
    check_connects(&url);
}

#[test]
fn later_socket_without_a_descriptor_fails_and_says_so() {
    let Some(url) = child_process::argument() else {
        let servers = Runtime::new().unwrap();
        let test_server = servers.block_on(TestServer::new());
        let test = "descriptors::later_socket_without_a_descriptor_fails_and_says_so";
        let mut command = child_process::command(test, &test_server.url("a", "do=close:1000"));
        return child_process::check(&child_process::limit_descriptors(&mut command, 64).output().unwrap());
    };
    check_connects(&url);
    let files = exhaust();
    let failure = block_on(failure_of(&url, &samesocket::Options::new()));
    let Failure::Connect { attempts, .. } = &failure else { panic!("{failure:?}") };
    assert!(attempts.iter().all(|(_, error)| is_exhausted(error)) && !attempts.is_empty(), "{failure}");
    drop(files);
    check_connects(&url);
}
