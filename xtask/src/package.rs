//! `cargo xtask package`: builds the published packages as a registry would receive them, and uploads nothing.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{MetadataCommand, Package};

use crate::{
    build::native_cargo,
    cargo,
    examples::frontends,
    npm,
    process::{print_line, run_to_end},
    project::Project,
    setup,
};

/// The packages to be published, in the order of their dependencies. All others have `publish = false`.
pub(crate) const PUBLISHED: [&str; 3] = ["samesocket-spec", "samesocket-protocol", "samesocket"];

/// The packages of `integrations/` that are published.
const INTEGRATIONS: [&str; 5] =
    ["samesocket-bevy", "samesocket-dioxus", "samesocket-egui", "samesocket-leptos", "samesocket-yew"];

/// The library is not in the registry that cargo looks it up in, or not in this version.
const LIBRARY: &str = "patch.crates-io.samesocket.path=\"../crate\"";

/// The files that each package has to contain.
const FILES: [&str; 4] = ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// The least bytes of a licence's text. A link that was stored as its path is shorter.
const LICENCE: u64 = 1000;

/// The options of `cargo xtask package`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Build only the npm package
    #[arg(long)]
    npm: bool,
}

/// Checks and builds the packages. Returns whether that succeeded.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    let project = Project::open()?;
    let mut required = setup::wasm();
    required.push(setup::node());
    setup::ensure(&project, &required)?;
    // `cargo xtask test` builds the packages in the same folders.
    let _lock = project.cache.lock("test")?;
    if !arguments.npm {
        check(&project)?;
        check_integrations(&project)?;
        build_integrations(&project)?;
        println!("{}, {} can be published", PUBLISHED.join(", "), INTEGRATIONS.join(", "));
    }
    let tarball = npm::Package::build(&project)?.pack(&project.cache.empty_folder("npm-package")?)?;
    println!("the npm package: {}", tarball.display());
    Ok(true)
}

/// Checks the list, the metadata and the files of the packages in `integrations/`. This compiles nothing.
pub(crate) fn check_integrations(project: &Project) -> Result<()> {
    let manifest = project.root().join("integrations/Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec()?;
    let packages = metadata.workspace_packages();
    ensure_list(&packages, &INTEGRATIONS)?;
    for package in packages.into_iter().filter(|package| is_public(package)) {
        check_contents(package, frontends::native_cargo(project))?;
    }
    Ok(())
}

/// Builds the packages in `integrations/` as they would be uploaded. It takes minutes, unless tests have built the frameworks.
fn build_integrations(project: &Project) -> Result<()> {
    let mut command = frontends::native_cargo(project);
    command.args(["package", "--allow-dirty", "--config", LIBRARY]);
    command.args(INTEGRATIONS.iter().flat_map(|name| ["-p", name]));
    build(&mut command)
}

/// Checks the list, the metadata and the files of the packages, and builds what would be uploaded.
pub(crate) fn check(project: &Project) -> Result<()> {
    ensure_list(&project.packages(), &PUBLISHED)?;
    for name in PUBLISHED {
        check_contents(project.package(name)?, native_cargo(project))?;
    }
    let mut command = native_cargo(project);
    cargo::set_target_dir(&mut command, &target(project)?);
    command.args(["publish", "--dry-run", "--allow-dirty", "--locked"]);
    command.args(PUBLISHED.iter().flat_map(|name| ["-p", name]));
    build(&mut command)
}

fn is_public(package: &Package) -> bool {
    package.publish.as_ref().is_none_or(|registries| !registries.is_empty())
}

/// Checks that just these packages of a workspace can be published.
fn ensure_list(packages: &[&Package], expected: &[&str]) -> Result<()> {
    let public = packages.iter().filter(|package| is_public(package)).map(|package| package.name.as_str());
    let public: BTreeSet<&str> = public.collect();
    ensure!(public == expected.iter().copied().collect(), "packages without `publish = false`: {public:?}");
    Ok(())
}

/// Runs a command that builds packages, and checks that cargo has nothing against their manifests.
fn build(command: &mut Command) -> Result<()> {
    let log = run_to_end("publishing, without upload", command)?.checked(command)?.log;
    let warnings: Vec<&str> = log.lines().filter(|line| line.starts_with("warning: manifest")).collect();
    ensure!(warnings.is_empty(), "{}", warnings.join("\n"));
    Ok(())
}

/// Returns a target folder for the packages, without what was built of them earlier.
///
/// While it builds a package, cargo takes those that it depends on from a registry in the target folder. It would not notice
/// that they have changed, because a registry never changes a version.
fn target(project: &Project) -> Result<PathBuf> {
    let target = project.cache.target("package");
    // The folders of registries without a host begin with a dash.
    let sources = cargo_home()?.join("registry/src");
    let unpacked = subfolders(&sources)?.into_iter().filter(|folder| name_of(folder).starts_with('-'));
    let fingerprints = [target.join("debug/.fingerprint")];
    for folder in unpacked.chain(fingerprints) {
        for ours in subfolders(&folder)?.iter().filter(|folder| name_of(folder).starts_with("samesocket")) {
            std::fs::remove_dir_all(ours)?;
        }
    }
    Ok(target)
}

fn cargo_home() -> Result<PathBuf> {
    let chosen = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    chosen.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).context("there is no home folder")
}

/// Returns what a folder contains, or nothing if there is none.
fn subfolders(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = folder.read_dir() else { return Ok(Vec::new()) };
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn name_of(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

fn check_contents(package: &Package, mut command: Command) -> Result<()> {
    let name = package.name.as_str();
    ensure!(!package.keywords.is_empty() && !package.categories.is_empty(), "{name} has no keywords or categories");
    let folder = package.manifest_path.with_file_name("");
    for licence in FILES.into_iter().filter(|file| file.starts_with("LICENSE")) {
        let bytes = std::fs::metadata(folder.join(licence))?.len();
        ensure!(bytes >= LICENCE, "{licence} of {name} is not the text of a licence");
    }
    let readme = std::fs::read_to_string(folder.join("README.md"))?;
    let dead = relative_links(&readme);
    ensure!(dead.is_empty(), "a registry shows README.md of {name} without the files that it links: {dead:?}");
    command.args(["package", "--list", "--allow-dirty", "-p", name]);
    let listed = run_to_end(name, &mut command)?.checked(&command)?.stdout;
    let files: Vec<&str> = listed.lines().collect();
    for file in FILES {
        ensure!(files.contains(&file), "{file} is missing in {name}");
    }
    print_line(&format!("  {name}: {} files", files.len()));
    Ok(())
}

/// Returns the targets of a page's links that are neither URLs nor anchors.
fn relative_links(page: &str) -> Vec<&str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.starts_with("https://") && !target.starts_with('#')).collect()
}

#[cfg(test)]
mod tests {
    use super::relative_links;

    #[test]
    fn link_to_a_file_is_relative() {
        let page = "[a](https://example.com/a), [b](guide/b.md), [c](#c) and ![d](d.png)";
        assert_eq!(relative_links(page), ["guide/b.md", "d.png"]);
    }

    /// The README of the package is compiled as doctests; that of the repository has the same examples.
    #[test]
    fn readme_examples_are_those_of_the_package() {
        let examples = |page: &'static str| -> Vec<&str> {
            page.split("```rust").skip(1).filter_map(|rest| rest.split("```").next()).collect()
        };
        let ours = examples(include_str!("../../README.md"));
        assert!(!ours.is_empty());
        assert_eq!(ours, examples(include_str!("../../crate/README.md")));
    }
}
