//! How often our clients ask for memory while they receive and send, and what the bare frames take: counted, so that no clock
//! can be at fault.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use samesocket_bench::instructions;
use samesocket_bench_report::{Sample, WIRE};

const PROGRAM: &str = env!("CARGO_BIN_EXE_samesocket-bench-counted");

/// A client, a job, and how often memory may be asked for, a message: once wherever something is received and kept, and what
/// the first messages need besides is little among so many.
///
/// How many of the short messages share memory varies with how many the socket's own thread finds together.
const BUDGETS: [(&str, &str, f64); 23] = [
    ("samesocket (wire)", "recv64", 0.05),
    ("samesocket (wire)", "recv16k", 0.05),
    ("samesocket (wire)", "lat64", 0.05),
    ("samesocket (wire)", "send64", 0.05),
    ("samesocket (interface)", "recv64", 0.1),
    ("samesocket (interface)", "recvtext16k", 1.02),
    ("samesocket (interface)", "recv16k", 1.02),
    ("samesocket (interface)", "lat64", 1.02),
    ("samesocket (interface)", "send64", 0.05),
    ("samesocket (futures)", "recv64", 0.1),
    ("samesocket (futures)", "recvtext16k", 1.02),
    ("samesocket (futures)", "recv16k", 1.02),
    ("samesocket (futures)", "lat64", 1.02),
    ("samesocket (futures)", "send64", 0.05),
    ("samesocket (interface on tokio)", "recv64", 0.1),
    ("samesocket (interface on tokio)", "recv16k", 0.25),
    ("samesocket (interface on tokio)", "lat64", 1.02),
    ("samesocket (interface on tokio)", "send64", 0.05),
    ("samesocket (futures on tokio)", "recv64", 0.1),
    ("samesocket (futures on tokio)", "recvtext16k", 1.02),
    ("samesocket (futures on tokio)", "recv16k", 0.25),
    ("samesocket (futures on tokio)", "lat64", 1.02),
    ("samesocket (futures on tokio)", "send64", 0.05),
];

/// The messages that are counted: many more than a socket takes in before anybody asks for the first.
fn messages(job: &str) -> &'static str {
    if job == "recv64" { "100000" } else { "4000" }
}

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(PROGRAM).arg("serve").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn no_client_of_ours_asks_for_memory_more_often_than_its_budget_allows() {
    let server = Server::start();
    let mut over = Vec::new();
    for (client, job, budget) in BUDGETS {
        let output =
            Command::new(PROGRAM).args(["client", client, job, &server.address, messages(job)]).output().unwrap();
        assert!(output.status.success(), "{client} failed at {job}: {}", String::from_utf8_lossy(&output.stderr));
        let sample: Sample = serde_json::from_slice(&output.stdout).unwrap();
        let asked = sample.allocations.unwrap();
        println!("{client} {job}: {asked:.3}, of {budget}");
        if asked > budget {
            over.push(format!("{client} asks {asked:.3} times a message at {job}, more than {budget}"));
        }
    }
    assert!(over.is_empty(), "{over:#?}");
}

/// A client, a job, and how many thousand instructions a message may take as tests are compiled, which is without optimisation:
/// what was counted and an eighth more, or a third where it depends on what each read brings. Where a socket has a thread of
/// its own, it depends on how often that is woken; the bench has budgets for those.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const INSTRUCTIONS: [(&str, &str, f64); 13] = [
    (WIRE, "lat64", 32.0),
    (WIRE, "recv64", 0.9),
    (WIRE, "send64", 6.3),
    (WIRE, "echo1k", 31.0),
    (WIRE, "recv16k", 6.6),
    ("samesocket (interface on tokio)", "lat64", 70.0),
    ("samesocket (interface on tokio)", "recv64", 3.8),
    ("samesocket (interface on tokio)", "send64", 8.0),
    ("samesocket (interface on tokio)", "echo1k", 36.5),
    ("samesocket (futures on tokio)", "lat64", 66.0),
    ("samesocket (futures on tokio)", "recv64", 3.8),
    ("samesocket (futures on tokio)", "send64", 8.4),
    ("samesocket (futures on tokio)", "echo1k", 36.5),
];

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn where_one_thread_does_all_no_message_takes_more_instructions_than_its_budget_allows() {
    let server = Server::start();
    let program = Path::new(env!("CARGO_BIN_EXE_samesocket-bench"));
    let mut over = Vec::new();
    for (client, job, budget) in INSTRUCTIONS {
        let counted = instructions(program, client, job, &server.address, 500).unwrap() / 1000.0;
        println!("{client} {job}: {counted:.2} thousand, of {budget}");
        if counted > budget {
            over.push(format!("{client} takes {counted:.2} thousand a message at {job}, more than {budget}"));
        }
    }
    assert!(over.is_empty(), "{over:#?}");
}
