//! Other programs: started, watched, and ended with everything that they started.

mod group;
mod watch;

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};

pub(crate) use group::{Group, end_on_interrupt};
pub(crate) use watch::{say, watch, watch_beside, watch_until};

/// A command as one would type it, for a person to read.
pub(crate) fn line(command: &Command) -> String {
    let quote = |text: &OsStr| {
        let text = text.to_string_lossy().into_owned();
        if text.is_empty() || text.contains([' ', '"', '$', '*', ';', '&']) { format!("'{text}'") } else { text }
    };
    // How cargo draws its bar is not what the person asked about.
    let own = |name: &OsStr| name.to_string_lossy().starts_with("CARGO_TERM_");
    let set = command.get_envs().filter(|(name, _)| !own(name)).filter_map(|(name, value)| {
        let value = quote(value?);
        // Of a longer PATH, only what comes first is ours.
        let value = if name == "PATH" { value.split(':').next().map(|first| format!("{first}:$PATH"))? } else { value };
        Some(format!("{}={value}", name.to_string_lossy()))
    });
    set.chain([quote(command.get_program())]).chain(command.get_args().map(quote)).collect::<Vec<_>>().join(" ")
}

/// The first line that a program prints, if it can be run at all: enough to ask for a version.
pub(crate) fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
}
