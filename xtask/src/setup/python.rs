//! Python packages of `PyPI`, each set in a virtual environment of its own.

use std::{path::PathBuf, process::Command};

use crate::{cargo::clean, process::first_line, project::Project};

/// A virtual environment with packages, each in a fixed version. The first one names its folder.
#[derive(Clone, Copy)]
pub(super) struct Environment {
    pub(super) packages: &'static [(&'static str, &'static str)],
}

impl Environment {
    /// Returns the path of the environment's Python.
    pub(super) fn python(self, project: &Project) -> PathBuf {
        self.folder(project).join("bin/python")
    }

    fn folder(self, project: &Project) -> PathBuf {
        let (package, version) = self.packages[0];
        project.cache.tool(package, version)
    }

    /// Returns whether the environment has all packages in these versions. It imports none of them, which may take seconds.
    pub(super) fn is_installed(self, project: &Project) -> bool {
        let check =
            |(package, version): &(&str, &str)| format!("assert metadata.version('{package}') == '{version}'; ");
        let checks: String = self.packages.iter().map(check).collect();
        let check = format!("from importlib import metadata; {checks}print(1)");
        first_line(Command::new(self.python(project)).args(["-c", &check])).is_some()
    }

    /// Returns the commands that create the environment, in order.
    pub(super) fn installations(self, project: &Project) -> [Command; 2] {
        let mut venv = clean("python3");
        venv.args(["-m", "venv"]).arg(self.folder(project));
        let mut pip = clean(self.python(project));
        pip.args(["-m", "pip", "install", "--quiet"]);
        pip.args(self.packages.iter().map(|(package, version)| format!("{package}=={version}")));
        [venv, pip]
    }

    /// Returns the packages with their versions, to be shown.
    pub(super) fn describe(self) -> String {
        self.packages.iter().map(|(package, version)| format!("{package} {version}")).collect::<Vec<_>>().join(", ")
    }
}

/// Returns whether Python can create environments. Debian splits that into a package of its own.
pub(super) fn has_venv() -> bool {
    first_line(Command::new("python3").args(["-c", "import ensurepip; print(ensurepip.version())"])).is_some()
}
