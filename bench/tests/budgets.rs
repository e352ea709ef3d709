//! How often our clients ask for memory while they receive and send, and what the bare frames take: counted, so that no clock
//! can be at fault.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use samesocket_bench::instructions;
use samesocket_bench_report::{FUTURES, FUTURES_HERE, INTERFACE, INTERFACE_HERE, Sample, WIRE};

const PROGRAM: &str = env!("CARGO_BIN_EXE_samesocket-bench-counted");

/// A client, a job, and how often memory may be asked for, a message: once wherever something is received and kept, and what
/// the first messages need besides is little among so many.
///
/// How many of the short messages share memory varies with how many the socket's own thread finds together.
const BUDGETS: [(&str, &str, f64); 23] = [
    (WIRE, "recv64", 0.05),
    (WIRE, "recv16k", 0.05),
    (WIRE, "lat64", 0.05),
    (WIRE, "send64", 0.05),
    (INTERFACE, "recv64", 0.1),
    (INTERFACE, "recvtext16k", 1.02),
    (INTERFACE, "recv16k", 1.02),
    (INTERFACE, "lat64", 1.02),
    (INTERFACE, "send64", 0.05),
    (FUTURES, "recv64", 0.1),
    (FUTURES, "recvtext16k", 1.02),
    (FUTURES, "recv16k", 1.02),
    (FUTURES, "lat64", 1.02),
    (FUTURES, "send64", 0.05),
    (INTERFACE_HERE, "recv64", 0.1),
    (INTERFACE_HERE, "recv16k", 0.25),
    (INTERFACE_HERE, "lat64", 1.02),
    (INTERFACE_HERE, "send64", 0.05),
    (FUTURES_HERE, "recv64", 0.1),
    (FUTURES_HERE, "recvtext16k", 1.02),
    (FUTURES_HERE, "recv16k", 0.25),
    (FUTURES_HERE, "lat64", 1.02),
    (FUTURES_HERE, "send64", 0.05),
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
    (INTERFACE_HERE, "lat64", 70.0),
    (INTERFACE_HERE, "recv64", 3.8),
    (INTERFACE_HERE, "send64", 8.0),
    (INTERFACE_HERE, "echo1k", 36.5),
    (FUTURES_HERE, "lat64", 66.0),
    (FUTURES_HERE, "recv64", 3.8),
    (FUTURES_HERE, "send64", 8.4),
    (FUTURES_HERE, "echo1k", 36.5),
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
