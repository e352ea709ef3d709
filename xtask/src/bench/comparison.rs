//! Two builds of the native program in one run, which alternates between them.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Arguments, PACKAGE, Program};
use crate::{
    build,
    process::{print_line, succeeds},
    project::Project,
};

/// The profiles of the bench, with and without link-time optimisation.
const LTO: &str = "bench";
const NO_LTO: &str = "bench-no-lto";

/// The settings of [`NO_LTO`], for a checkout whose manifest lacks that profile.
const NO_LTO_SETTINGS: [&str; 3] = [
    r#"profile.bench-no-lto.inherits="bench""#,
    "profile.bench-no-lto.lto=false",
    "profile.bench-no-lto.codegen-units=16",
];

/// The client that others are compared with, beside those of samesocket.
const CLIENTS: &str = "tokio-tungstenite,samesocket (protocol),samesocket (interface),samesocket (futures),\
                       samesocket (interface on tokio),samesocket (futures on tokio)";

/// Compares the clients of this checkout with those of another one.
pub(super) fn with_baseline(arguments: &Arguments, checkout: &Path, project: &Project) -> Result<bool> {
    let checkout =
        checkout.canonicalize().with_context(|| format!("cannot find the checkout {}", checkout.display()))?;
    let (profile, settings) = if arguments.no_lto { (NO_LTO, &NO_LTO_SETTINGS[..]) } else { (LTO, &[][..]) };
    print_line(&format!("Baseline: {}", checkout.display()));
    let _lock = project.cache.lock("bench")?;
    let old = build::baseline_program(project, &checkout, PACKAGE, profile, settings)?;
    let new = Program(build::native_program(project, PACKAGE, profile)?);
    let mut command = new.command("compare");
    command.arg(old).arg(&new.0).args(["--before-name", "old", "--after-name", "new", "--fail-if-slower"]);
    arguments.pass_on(&mut command);
    succeeds(&mut command)
}

/// Compares this checkout's clients built with and without link-time optimisation.
pub(super) fn without_lto(arguments: &Arguments, project: &Project) -> Result<bool> {
    let _lock = project.cache.lock("bench")?;
    let with = Program(build::native_program(project, PACKAGE, LTO)?);
    let without = build::native_program(project, PACKAGE, NO_LTO)?;
    let mut command = with.command("compare");
    command.arg(&with.0).arg(without).args(["--before-name", "with LTO", "--after-name", "without LTO"]);
    if arguments.clients.is_empty() {
        command.args(["--clients", CLIENTS]);
    }
    if arguments.is_whole() && !arguments.quick {
        command.args(["--save", "no-lto"]);
    }
    arguments.pass_on(&mut command);
    succeeds(&mut command)
}
