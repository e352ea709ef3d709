//! Tests that run in a process of their own, because they change something that belongs to the whole process.

use std::env;
use std::process::{Command, Output, Stdio};

/// The variable with the argument of a test that runs in a child process.
const ARGUMENT: &str = "SAMESOCKET_CHILD_ARGUMENT";

/// Returns the argument of this child process, or `None` in the process of the test runner.
pub(crate) fn argument() -> Option<String> {
    env::var(ARGUMENT).ok()
}

/// Returns a command that runs one test of this program in a child process.
pub(crate) fn command(test: &str, argument: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("the path of the test program"));
    command.args([test, "--exact", "--nocapture"]).env(ARGUMENT, argument);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Returns a command that runs `command` with a limit of its file descriptors.
pub(crate) fn limit_descriptors(command: &mut Command, limit: u32) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {limit}; exec \"$@\""), "sh"]);
    limited.arg(command.get_program()).args(command.get_args());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited
}

/// Checks that the test in the child process has passed.
pub(crate) fn check(output: &Output) {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success() && text[0].contains("1 passed"), "{}\n{}\n{}", output.status, text[0], text[1]);
}
