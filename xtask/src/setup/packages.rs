//! System packages: installed as root on Debian, otherwise named in one command.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{command_line, first_line, print_line, run_to_end};

/// Installs the missing ones of these Debian packages.
///
/// Where that is impossible, fails with the command that the user has to run. `instructions` returns instructions for
/// machines without apt.
pub(crate) fn install(wanted: &[&str], instructions: impl FnOnce() -> Vec<String>) -> Result<()> {
    if !has_apt() {
        if wanted.is_empty() {
            return Ok(());
        }
        bail!("these tools are missing; please install them:\n  {}", instructions().join("\n  "));
    }
    let missing: Vec<&str> = wanted.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !is_root() {
        bail!("system packages are missing. Please run\n  sudo {}", command_line(&apt_install(&missing)));
    }
    update_lists()?;
    run("system packages", apt_install(&missing))
}

/// Fetches the lists of packages.
pub(super) fn update_lists() -> Result<()> {
    let mut update = apt();
    update.arg("update");
    run("package lists", update)
}

/// Returns the command that installs the packages, or `elsewhere` on machines without apt.
pub(crate) fn instructions(packages: &[&'static str], elsewhere: &str) -> String {
    if has_apt() {
        let sudo = if is_root() { "" } else { "sudo " };
        format!("{sudo}{}", command_line(&apt_install(packages)))
    } else {
        elsewhere.to_owned()
    }
}

/// Returns the command that installs the packages, if some are missing, and then these commands.
pub(super) fn instructions_before(
    missing: &[&'static str],
    elsewhere: &str,
    commands: impl IntoIterator<Item = Command>,
) -> String {
    let first = (!missing.is_empty()).then(|| instructions(missing, elsewhere));
    let commands = commands.into_iter().map(|command| command_line(&command));
    first.into_iter().chain(commands).collect::<Vec<_>>().join("; ")
}

/// Returns whether packages can be installed without asking the user.
pub(crate) fn can_install() -> bool {
    has_apt() && is_root()
}

pub(crate) fn has_apt() -> bool {
    which::which("apt-get").is_ok() && which::which("dpkg-query").is_ok()
}

fn is_root() -> bool {
    first_line(Command::new("id").arg("-u")).is_some_and(|id| id == "0")
}

fn is_installed(package: &str) -> bool {
    first_line(Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package]))
        .is_some_and(|status| status == "installed")
}

/// Returns the version of a package that would be installed, if the lists of packages have one.
pub(super) fn available_version(package: &str) -> Option<String> {
    let mut policy = Command::new("apt-cache");
    let output = policy.env("LC_ALL", "C").args(["policy", package]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

fn apt_install(packages: &[&str]) -> Command {
    let mut command = apt();
    command.args(["install", "-y", "--no-install-recommends"]).args(packages);
    command
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    // A package that asks a question would wait forever.
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Runs a command of an installation, and shows it.
pub(super) fn run(title: &str, mut command: Command) -> Result<()> {
    print_line(&format!("$ {}", command_line(&command)));
    run_to_end(title, &mut command)?.checked(&command)?;
    Ok(())
}
