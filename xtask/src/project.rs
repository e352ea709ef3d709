//! What the workspace says about itself: its packages, and the versions its lock file has settled on.

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{Metadata, MetadataCommand, Package, PackageId, camino::Utf8PathBuf};
use serde::Deserialize;

use crate::cache::Cache;

/// The workspace and its cache.
pub(crate) struct Project {
    pub(crate) cache: Cache,
    metadata: Metadata,
}

/// A package's `[package.metadata.samesocket]`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Facts {
    /// `"wasm"` for a package that has no native build.
    target: Option<String>,
    /// Whether the package is also checked and tested on wasm32.
    wasm: bool,
    /// Test targets that have nothing to run on wasm32.
    native_tests: Vec<String>,
    /// The reports that a run in one engine must have posted, as `<context>-<subject>`.
    pub(crate) reports: Vec<String>,
    /// The reports that a native run must have written, named in the same way.
    pub(crate) native_reports: Vec<String>,
    /// The reports that a run in Node must have posted, named in the same way.
    pub(crate) node_reports: Vec<String>,
}

impl Project {
    /// Reads the workspace that this program was built from.
    pub(crate) fn open() -> Result<Self> {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        let metadata = MetadataCommand::new().manifest_path(manifest).exec().context("cannot read the workspace")?;
        Ok(Self { cache: Cache::open()?, metadata })
    }

    pub(crate) fn root(&self) -> &Utf8PathBuf {
        &self.metadata.workspace_root
    }

    /// The version of wasm-bindgen in the lock file: the command-line tool must be of exactly this one.
    pub(crate) fn wasm_bindgen(&self) -> Result<String> {
        let versions: Vec<String> = self
            .metadata
            .packages
            .iter()
            .filter(|package| package.name.as_str() == "wasm-bindgen")
            .map(|package| package.version.to_string())
            .collect();
        ensure!(versions.len() == 1, "Cargo.lock should have one wasm-bindgen, it has {versions:?}");
        Ok(versions.concat())
    }

    /// The names of packages that only build for wasm32.
    pub(crate) fn wasm_only(&self) -> Result<Vec<&str>> {
        self.named(|facts| facts.target.as_deref() == Some("wasm"))
    }

    /// The names of packages that are built for wasm32 at all.
    pub(crate) fn wasm(&self) -> Result<Vec<&str>> {
        self.named(|facts| facts.wasm || facts.target.as_deref() == Some("wasm"))
    }

    /// The names of packages whose tests run in the engines; one of programs alone has none.
    pub(crate) fn wasm_tested(&self) -> Result<Vec<&str>> {
        let mut names = self.named(|facts| facts.wasm)?;
        names.retain(|name| {
            self.package(name)
                .is_ok_and(|package| package.targets.iter().any(|target| target.is_lib() || target.is_test()))
        });
        Ok(names)
    }

    /// The name of the package with this id.
    pub(crate) fn name_of(&self, id: &PackageId) -> Option<&str> {
        self.metadata.packages.iter().find(|package| package.id == *id).map(|package| package.name.as_str())
    }

    /// The version of a package that one of the workspace's packages depends on.
    pub(crate) fn version(&self, package: &str, dependent: &str) -> Result<String> {
        let id = &self.package(dependent)?.id;
        let nodes = &self.metadata.resolve.as_ref().context("the workspace is not resolved")?.nodes;
        let node = nodes.iter().find(|node| node.id == *id).context("a package of the workspace is not resolved")?;
        let mut found = self.metadata.packages.iter().filter(|other| node.dependencies.contains(&other.id));
        let found = found.find(|other| other.name.as_str() == package);
        Ok(found.with_context(|| format!("{dependent} does not depend on {package}"))?.version.to_string())
    }

    /// What a package says about itself.
    pub(crate) fn facts(&self, package: &str) -> Result<Facts> {
        let package = self.package(package)?;
        facts(package)
    }

    /// Whether a test target of a package is for native runs only.
    pub(crate) fn is_native_test(&self, package: &str, target: &str) -> Result<bool> {
        Ok(self.facts(package)?.native_tests.iter().any(|name| name == target))
    }

    /// The package of this name in the workspace.
    pub(crate) fn package(&self, name: &str) -> Result<&Package> {
        let packages = self.metadata.workspace_packages();
        packages
            .into_iter()
            .find(|package| package.name.as_str() == name)
            .with_context(|| format!("the workspace has no package {name}"))
    }

    fn named(&self, which: impl Fn(&Facts) -> bool) -> Result<Vec<&str>> {
        let mut names = Vec::new();
        for package in self.metadata.workspace_packages() {
            if which(&facts(package)?) {
                names.push(package.name.as_str());
            }
        }
        Ok(names)
    }
}

fn facts(package: &Package) -> Result<Facts> {
    match package.metadata.get("samesocket") {
        Some(value) => serde_json::from_value(value.clone())
            .with_context(|| format!("[package.metadata.samesocket] of {}", package.name)),
        None => Ok(Facts::default()),
    }
}
