//! Runs other programs, and ends them with everything that they started.
//!
//! `progress` runs a command to its end; most commands only need that. `group` is the process group under it.

mod group;
mod progress;

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

pub(crate) use group::{Group, end_on_interrupt};
pub(crate) use progress::{print_line, run_to_end, run_with_limit, run_with_pid};

/// Runs a command whose output is that of this program. Returns whether it succeeded.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool> {
    let group = Group::spawn(command.stdin(Stdio::null()));
    let mut group = group.with_context(|| format!("cannot start {}", command_line(command)))?;
    Ok(group.child().wait()?.success())
}

/// Formats a command as a user would type it.
pub(crate) fn command_line(command: &Command) -> String {
    let quote = |text: &OsStr| {
        let text = text.to_string_lossy().into_owned();
        if text.is_empty() || text.contains([' ', '"', '$', '*', ';', '&']) { format!("'{text}'") } else { text }
    };
    // The settings of cargo's progress bar are ours.
    let own = |name: &OsStr| name.to_string_lossy().starts_with("CARGO_TERM_");
    let set = command.get_envs().filter(|(name, _)| !own(name)).filter_map(|(name, value)| {
        let value = quote(value?);
        // Only the first entry of PATH is ours.
        let value = if name == "PATH" { value.split(':').next().map(|first| format!("{first}:$PATH"))? } else { value };
        Some(format!("{}={value}", name.to_string_lossy()))
    });
    set.chain([quote(command.get_program())]).chain(command.get_args().map(quote)).collect::<Vec<_>>().join(" ")
}

/// Runs a program and returns its first line of output, or `None` if it fails. This is enough to ask for a version.
pub(crate) fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
}
