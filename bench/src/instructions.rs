//! Counts instructions with Valgrind.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Counts the instructions for each message.
///
/// Runs the job twice, once with twice as many messages, and divides the difference. So the program's start does not
/// count.
///
/// # Errors
///
/// If Valgrind is not installed, or the client fails under it.
pub fn instructions(program: &Path, client: &str, job: &str, address: &str, messages: u32) -> Result<f64> {
    let count = |messages: u32| -> Result<f64> {
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
        command.args(["client", client, job, address, &messages.to_string()]).env("RUST_BACKTRACE", "0");
        let output = command.output().context("cannot run valgrind")?;
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{client} failed at {job} under valgrind: {text}");
        let line = text.lines().find_map(|line| line.split_once("Collected : "));
        Ok(line.context("callgrind printed no count")?.1.trim().parse()?)
    };
    Ok((count(2 * messages)? - count(messages)?) / f64::from(messages + messages / 10))
}
