//! aiohttp, in a virtual environment, for the chat server of the examples.

use std::path::PathBuf;

use anyhow::Result;

use super::{
    Requirement, packages,
    python::{Environment, has_venv},
};
use crate::project::Project;

const ENVIRONMENT: Environment = Environment { packages: &[("aiohttp", "3.14.5")] };

/// Python with aiohttp.
pub(crate) struct ChatServer;

/// Returns the path of the environment's Python.
pub(crate) fn python(project: &Project) -> PathBuf {
    ENVIRONMENT.python(project)
}

impl Requirement for ChatServer {
    fn title(&self) -> String {
        "The chat server of the examples".to_owned()
    }

    fn is_installed(&self, project: &Project) -> bool {
        ENVIRONMENT.is_installed(project)
    }

    fn describe(&self, _project: &Project) -> String {
        ENVIRONMENT.describe()
    }

    fn instructions(&self, project: &Project) -> String {
        packages::instructions_before(&self.packages(), "install Python with venv", ENVIRONMENT.installations(project))
    }

    fn packages(&self) -> Vec<&'static str> {
        if has_venv() { Vec::new() } else { vec!["python3", "python3-venv"] }
    }

    fn complete(&self, project: &Project) -> Result<()> {
        ENVIRONMENT.installations(project).into_iter().try_for_each(|command| packages::run("chat server", command))
    }
}
