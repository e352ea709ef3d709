//! The system's packages: installed where nobody has to be asked, named in one command elsewhere.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{first_line, line, say, watch};

/// Installs those of these Debian packages that are missing.
///
/// Where that cannot be done, fails with the one command that the person has to run; `remedies` has the words for a machine
/// that has no apt.
pub(crate) fn install(wanted: &[&str], remedies: impl FnOnce() -> Vec<String>) -> Result<()> {
    if !has_apt() {
        if wanted.is_empty() {
            return Ok(());
        }
        bail!("this machine lacks what only its owner can install:\n  {}", remedies().join("\n  "));
    }
    let missing: Vec<&str> = wanted.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !is_root() {
        bail!("system packages are missing. Please run\n  sudo {}", line(&apt_install(&missing)));
    }
    let mut update = apt();
    update.arg("update");
    run("package lists", update)?;
    run("system packages", apt_install(&missing))
}

/// The command that gets a requirement's packages, for a person to read.
pub(crate) fn remedy(packages: &[&'static str], elsewhere: &str) -> String {
    if has_apt() {
        let sudo = if is_root() { "" } else { "sudo " };
        format!("{sudo}{}", line(&apt_install(packages)))
    } else {
        elsewhere.to_owned()
    }
}

/// Whether packages can be installed without asking anyone.
pub(crate) fn can_install() -> bool {
    has_apt() && is_root()
}

fn has_apt() -> bool {
    which::which("apt-get").is_ok() && which::which("dpkg-query").is_ok()
}

fn is_root() -> bool {
    first_line(Command::new("id").arg("-u")).is_some_and(|id| id == "0")
}

fn is_installed(package: &str) -> bool {
    first_line(Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package]))
        .is_some_and(|status| status == "installed")
}

fn apt_install(packages: &[&str]) -> Command {
    let mut command = apt();
    command.args(["install", "-y", "--no-install-recommends"]).args(packages);
    command
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    // A package that asks a question would wait for an answer that nobody gives.
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn run(title: &str, mut command: Command) -> Result<()> {
    say(&format!("$ {}", line(&command)));
    watch(title, &mut command)?.checked(&command)?;
    Ok(())
}
