//! The workspace: its packages, their metadata for these commands, and the versions in the lock file.

use std::{collections::BTreeSet, fs::File};

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{
    Metadata, MetadataCommand, Package, PackageId,
    camino::{Utf8Path, Utf8PathBuf},
};
use serde::Deserialize;

use crate::cache::Cache;

/// The workspaces whose packages depend on those of this one.
const OTHER_WORKSPACES: [&str; 2] = ["examples", "integrations"];

/// The workspace and its cache.
pub(crate) struct Project {
    pub(crate) cache: Cache,
    metadata: Metadata,
    /// Keeps runs of other checkouts from the target folders.
    _claim: Option<File>,
}

/// A package's `[package.metadata.samesocket]`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PackageMetadata {
    /// `"wasm"` for a package that does not build for this machine.
    target: Option<String>,
    /// Whether the package is also checked and tested on wasm32.
    wasm: bool,
    /// The test targets that do not run on wasm32.
    native_tests: Vec<String>,
    /// The reports that a run in one engine must post, as `<context>-<subject>`.
    pub(crate) reports: Vec<String>,
    /// The reports that a native run must write, named in the same way.
    pub(crate) native_reports: Vec<String>,
    /// The reports that a run in a JavaScript runtime must post, named in the same way.
    pub(crate) runtime_reports: Vec<String>,
}

impl Project {
    /// Reads the workspace that this program was built from, and waits until no other checkout uses the target folders.
    pub(crate) fn open() -> Result<Self> {
        let project = Self::read()?;
        let root = project.root().canonicalize().context("cannot find the workspace")?;
        let claim = project.cache.claim(&root, || project.names_of_all_workspaces())?;
        Ok(Self { _claim: Some(claim), ..project })
    }

    /// Reads the workspace like [`open`](Self::open), for a command that builds nothing.
    pub(crate) fn read() -> Result<Self> {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        let metadata = MetadataCommand::new().manifest_path(manifest).exec().context("cannot read the workspace")?;
        Ok(Self { cache: Cache::open()?, metadata, _claim: None })
    }

    pub(crate) fn root(&self) -> &Utf8PathBuf {
        &self.metadata.workspace_root
    }

    /// Returns the names of the packages of all workspaces in the checkout.
    fn names_of_all_workspaces(&self) -> Result<BTreeSet<String>> {
        let names = |metadata: &Metadata| -> Vec<String> {
            metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect()
        };
        let mut all = BTreeSet::from_iter(names(&self.metadata));
        for workspace in OTHER_WORKSPACES {
            let manifest = self.root().join(workspace).join("Cargo.toml");
            let metadata = MetadataCommand::new().manifest_path(&manifest).no_deps().exec();
            all.extend(names(&metadata.with_context(|| format!("cannot read {manifest}"))?));
        }
        Ok(all)
    }

    /// Returns the workspace's packages.
    pub(crate) fn packages(&self) -> Vec<&Package> {
        self.metadata.workspace_packages()
    }

    /// Returns the version of wasm-bindgen in the lock file. The command-line tool must have exactly this version.
    pub(crate) fn wasm_bindgen(&self) -> Result<String> {
        let versions: Vec<String> = self
            .metadata
            .packages
            .iter()
            .filter(|package| package.name.as_str() == "wasm-bindgen")
            .map(|package| package.version.to_string())
            .collect();
        ensure!(versions.len() == 1, "Cargo.lock must have one version of wasm-bindgen, it has {versions:?}");
        Ok(versions.concat())
    }

    /// Returns the names of the packages that only build for wasm32.
    pub(crate) fn wasm_only(&self) -> Result<Vec<&str>> {
        self.named(|package_metadata| package_metadata.target.as_deref() == Some("wasm"))
    }

    /// Returns the names of all packages that build for wasm32.
    pub(crate) fn wasm(&self) -> Result<Vec<&str>> {
        self.named(|package_metadata| package_metadata.wasm || package_metadata.target.as_deref() == Some("wasm"))
    }

    /// Returns the names of the packages whose tests run in the engines. A package with only programs has no tests.
    pub(crate) fn wasm_tested(&self) -> Result<Vec<&str>> {
        let mut names = self.named(|package_metadata| package_metadata.wasm)?;
        names.retain(|name| {
            self.package(name)
                .is_ok_and(|package| package.targets.iter().any(|target| target.is_lib() || target.is_test()))
        });
        Ok(names)
    }

    /// Returns the name of the package with this id.
    pub(crate) fn name_of(&self, id: &PackageId) -> Option<&str> {
        self.metadata.packages.iter().find(|package| package.id == *id).map(|package| package.name.as_str())
    }

    /// Returns the version of a package that one of the workspace's packages depends on.
    pub(crate) fn version(&self, package: &str, dependent: &str) -> Result<String> {
        let id = &self.package(dependent)?.id;
        let nodes = &self.metadata.resolve.as_ref().context("cargo did not resolve the workspace")?.nodes;
        let node =
            nodes.iter().find(|node| node.id == *id).with_context(|| format!("cargo did not resolve {dependent}"))?;
        let mut found = self.metadata.packages.iter().filter(|other| node.dependencies.contains(&other.id));
        let found = found.find(|other| other.name.as_str() == package);
        Ok(found.with_context(|| format!("{dependent} does not depend on {package}"))?.version.to_string())
    }

    /// Returns the folders with the sources of dependencies.
    pub(crate) fn dependency_folders(&self) -> BTreeSet<&Utf8Path> {
        let dependencies = self.metadata.packages.iter().filter(|package| package.source.is_some());
        dependencies.filter_map(|package| package.manifest_path.parent()?.parent()).collect()
    }

    /// Returns a package's metadata for these commands.
    pub(crate) fn package_metadata(&self, package: &str) -> Result<PackageMetadata> {
        let package = self.package(package)?;
        package_metadata(package)
    }

    /// Returns whether a test target only runs on native targets.
    pub(crate) fn is_native_test(&self, package: &str, target: &str) -> Result<bool> {
        Ok(self.package_metadata(package)?.native_tests.iter().any(|name| name == target))
    }

    /// Returns the workspace's package of this name.
    pub(crate) fn package(&self, name: &str) -> Result<&Package> {
        let packages = self.metadata.workspace_packages();
        packages
            .into_iter()
            .find(|package| package.name.as_str() == name)
            .with_context(|| format!("the workspace has no package {name}"))
    }

    fn named(&self, which: impl Fn(&PackageMetadata) -> bool) -> Result<Vec<&str>> {
        let mut names = Vec::new();
        for package in self.metadata.workspace_packages() {
            if which(&package_metadata(package)?) {
                names.push(package.name.as_str());
            }
        }
        Ok(names)
    }
}

fn package_metadata(package: &Package) -> Result<PackageMetadata> {
    match package.metadata.get("samesocket") {
        Some(value) => serde_json::from_value(value.clone())
            .with_context(|| format!("[package.metadata.samesocket] of {}", package.name)),
        None => Ok(PackageMetadata::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::Project;

    #[test]
    fn packages_of_all_workspaces_are_named() {
        let names = Project::read().unwrap().names_of_all_workspaces().unwrap();
        for name in ["samesocket", "xtask", "samesocket-examples", "samesocket-leptos", "egui-chat"] {
            assert!(names.contains(name), "{name} is missing");
        }
    }
}
