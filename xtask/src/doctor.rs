//! `cargo xtask doctor`: what is there, what is missing, and what would get it.

use anyhow::Result;

use crate::{project::Project, setup};

/// Prints the table; the answer is whether all is there.
pub(crate) fn run() -> Result<bool> {
    let project = Project::open()?;
    println!("Cache: {}\n", project.cache.folder().display());
    let mut all = true;
    for requirement in setup::everything() {
        let title = requirement.title();
        if requirement.is_there(&project) {
            println!("  ok       {title:<34}{}", requirement.describe(&project));
        } else {
            all = false;
            println!("  missing  {title:<34}{}", requirement.remedy(&project));
        }
    }
    println!("\n{}", if all { "All is there." } else { "`cargo xtask test` gets what it can by itself." });
    Ok(all)
}
