//! The Autobahn test suite, in a virtual environment of its own: it needs Python 2.7.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use super::{Requirement, packages::run};
use crate::{process::first_line, project::Project};

const PACKAGE: &str = "autobahntestsuite";
const VERSION: &str = "25.10.1";
const PYTHON: &str = "2.7.18";
/// The last version that supports Python 2.7.
const VIRTUALENV: &str = "virtualenv==20.15.1";

/// The suite with its Python.
pub(crate) struct Autobahn;

/// Returns the path of the suite's program.
pub(crate) fn wstest(project: &Project) -> PathBuf {
    folder(project).join("python/bin/wstest")
}

fn folder(project: &Project) -> PathBuf {
    project.cache.tool(PACKAGE, VERSION)
}

/// Finds Python 2.7, on the PATH or in pyenv's folder.
fn python() -> Option<PathBuf> {
    let on_path = ["python2.7", "python2"].iter().filter_map(|name| which::which(name).ok());
    let root = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| first_line(Command::new("pyenv").arg("root")).map(PathBuf::from));
    let of_pyenv = root.map(|root| root.join("versions").join(PYTHON).join("bin/python"));
    // pyenv's shim is on the PATH even if that version is not installed.
    let runs = |python: &PathBuf| {
        first_line(Command::new(python).args(["-c", "import sys; print(sys.version_info[:2] == (2, 7))"]))
            .is_some_and(|answer| answer == "True")
    };
    on_path.chain(of_pyenv).find(runs)
}

impl Requirement for Autobahn {
    fn title(&self) -> String {
        format!("the Autobahn suite {VERSION}, on CPython 2.7")
    }

    fn is_installed(&self, project: &Project) -> bool {
        // The last step of the installation creates this file.
        wstest(project).is_file()
    }

    fn describe(&self, _project: &Project) -> String {
        VERSION.to_owned()
    }

    fn instructions(&self, _project: &Project) -> String {
        format!(
            "a C compiler and CPython 2.7, for example by `pyenv install {PYTHON}`; the rest is installed automatically"
        )
    }

    fn install(&self, project: &Project) -> Result<()> {
        if python().is_none() && which::which("pyenv").is_ok() {
            let mut command = Command::new("pyenv");
            command.args(["install", "--skip-existing", PYTHON]);
            run("CPython 2.7", command)?;
        }
        let python = python().context("CPython 2.7 is not installed")?;
        let folder = folder(project);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let (boot, environment) = (folder.join("virtualenv"), folder.join("python"));
        let mut command = Command::new(&python);
        command.args(["-m", "pip", "install", VIRTUALENV, "--target"]).arg(&boot);
        run("virtualenv", command)?;
        let mut command = Command::new(&python);
        command.env("PYTHONPATH", &boot).args(["-m", "virtualenv"]).arg(&environment);
        run("environment", command)?;
        let mut command = Command::new(environment.join("bin/pip"));
        command.args(["install", &format!("{PACKAGE}=={VERSION}")]);
        run(PACKAGE, command)
    }
}
