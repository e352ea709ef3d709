//! `cargo xtask doctor`: prints which tools are installed, which are missing, and how to install them.

use anyhow::Result;

use crate::{project::Project, setup};

/// Prints the table. Returns whether every tool is installed.
pub(crate) fn run() -> Result<bool> {
    let project = Project::read()?;
    println!("Cache: {}\n", project.cache.folder().display());
    let mut all = true;
    for requirement in setup::everything() {
        let title = requirement.title();
        if requirement.is_installed(&project) {
            println!("  ok       {title:<34}{}", requirement.describe(&project));
        } else {
            all = false;
            println!("  missing  {title:<34}{}", requirement.instructions(&project));
        }
    }
    println!(
        "\n{}",
        if all { "All tools are installed." } else { "`cargo xtask test` installs missing tools where it can." }
    );
    Ok(all)
}
