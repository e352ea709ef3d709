//! Checks the budgets of our clients: allocations and instructions for each message, and the resident memory of each connection.
//! None of them depends on the machine's load.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use samesocket_bench_report::{FUTURES, FUTURES_ON_TOKIO, INTERFACE, INTERFACE_ON_TOKIO, PROTOCOL, Sample};

const PROGRAM: &str = env!("CARGO_BIN_EXE_samesocket-bench-counted");

/// A client, a job, and its budget of allocations for each message: about one for a received message that shares no memory. The few
/// allocations of the first messages hardly count among so many.
///
/// The number of short messages that share an allocation depends on how many the background thread finds together.
const BUDGETS: [(&str, &str, f64); 23] = [
    (PROTOCOL, "recv64", 0.05),
    (PROTOCOL, "recv16k", 0.05),
    (PROTOCOL, "lat64", 0.05),
    (PROTOCOL, "send64", 0.05),
    (INTERFACE, "recv64", 0.1),
    (INTERFACE, "recvtext16k", 1.02),
    (INTERFACE, "recv16k", 0.3),
    (INTERFACE, "lat64", 1.02),
    (INTERFACE, "send64", 0.05),
    (FUTURES, "recv64", 0.1),
    (FUTURES, "recvtext16k", 1.02),
    (FUTURES, "recv16k", 0.3),
    (FUTURES, "lat64", 1.02),
    (FUTURES, "send64", 0.05),
    (INTERFACE_ON_TOKIO, "recv64", 0.1),
    (INTERFACE_ON_TOKIO, "recv16k", 0.3),
    (INTERFACE_ON_TOKIO, "lat64", 1.02),
    (INTERFACE_ON_TOKIO, "send64", 0.05),
    (FUTURES_ON_TOKIO, "recv64", 0.1),
    (FUTURES_ON_TOKIO, "recvtext16k", 1.02),
    (FUTURES_ON_TOKIO, "recv16k", 0.3),
    (FUTURES_ON_TOKIO, "lat64", 1.02),
    (FUTURES_ON_TOKIO, "send64", 0.05),
];

/// Returns the number of messages: many more than a socket buffers before the first one is received.
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
fn allocations_per_message_stay_in_budget() {
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
            over.push(format!("{client} allocates {asked:.3} times per message at {job}, over its budget of {budget}"));
        }
    }
    assert!(over.is_empty(), "{over:#?}");
}

/// A client, and the budget of the memory of a connection after one echo, in KiB: the result of a build
/// without optimisation, plus a fifth.
#[cfg(target_os = "linux")]
const CONNECTION_BUDGETS: [(&str, f64); 2] = [(INTERFACE_ON_TOKIO, 8.8), (FUTURES_ON_TOKIO, 8.2)];

#[cfg(target_os = "linux")]
#[test]
fn memory_of_a_connection_stays_in_budget() {
    let server = Server::start();
    for (client, budget) in CONNECTION_BUDGETS {
        let arguments = ["client", client, "connections=1000", &server.address, "2000"];
        let output = Command::new(PROGRAM).args(arguments).output().unwrap();
        assert!(output.status.success(), "{client} failed: {}", String::from_utf8_lossy(&output.stderr));
        let idle = serde_json::from_slice::<Sample>(&output.stdout).unwrap().idle.unwrap();
        println!("{client}: {idle:.2} KiB, of {budget}");
        assert!(idle <= budget, "{client} holds {idle:.2} KiB for a connection, over its budget of {budget}");
    }
}

/// Budgets of instructions. They are for x86-64, because other instructions take other counts.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod x86_64 {
    use std::path::Path;

    use samesocket_bench::instructions;
    use samesocket_bench_report::{FUTURES_ON_TOKIO, INTERFACE_ON_TOKIO, PROTOCOL};

    use super::Server;

    /// A client, a job, and its budget in thousands of instructions for each message, with the profile `bench-no-lto`, whose
    /// build is short. Each is the count plus an eighth, or plus a third where the count depends on the size of reads. Sockets on
    /// the background thread depend on how often it is woken, so their budgets are in the bench.
    const INSTRUCTIONS: [(&str, &str, f64); 13] = [
        (PROTOCOL, "lat64", 4.7),
        (PROTOCOL, "recv64", 0.21),
        (PROTOCOL, "send64", 0.44),
        (PROTOCOL, "echo1k", 0.9),
        (PROTOCOL, "recv16k", 2.7),
        (INTERFACE_ON_TOKIO, "lat64", 11.6),
        (INTERFACE_ON_TOKIO, "recv64", 0.72),
        (INTERFACE_ON_TOKIO, "send64", 0.62),
        (INTERFACE_ON_TOKIO, "echo1k", 2.6),
        (FUTURES_ON_TOKIO, "lat64", 9.5),
        (FUTURES_ON_TOKIO, "recv64", 0.63),
        (FUTURES_ON_TOKIO, "send64", 0.70),
        (FUTURES_ON_TOKIO, "echo1k", 2.7),
    ];

    /// The messages whose instructions are counted: so many that a buffer which grows once hardly counts.
    const COUNTED: u32 = 2_000;

    /// The most runs of one measurement. The smallest count is compared with the budget: a busy machine needs more reads, each of
    /// fewer bytes.
    const COUNTS: usize = 3;

    // `cargo xtask test` runs it on an optimised build, because the counts of others say little.
    #[test]
    #[cfg_attr(debug_assertions, ignore = "the build is not optimised")]
    fn instructions_per_message_stay_in_budget() {
        let server = Server::start();
        let program = Path::new(env!("CARGO_BIN_EXE_samesocket-bench"));
        let mut over = Vec::new();
        for (client, job, budget) in INSTRUCTIONS {
            let count = || instructions(program, client, job, &server.address, COUNTED).unwrap() / 1000.0;
            let mut counted = count();
            for _ in 1..COUNTS {
                if counted > budget {
                    counted = counted.min(count());
                }
            }
            println!("{client} {job}: {counted:.2} thousand, of {budget}");
            if counted > budget {
                over.push(format!(
                    "{client} takes {counted:.2} thousand instructions per message at {job}, over its budget of {budget}"
                ));
            }
        }
        assert!(over.is_empty(), "{over:#?}");
    }
}
