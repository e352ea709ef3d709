//! WebKitGTK with its small browser and driver, and the X display and D-Bus session that they need.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Requirement, packages};
use crate::{
    browser::{Browser, Engine},
    process::first_line,
    project::Project,
};

const PACKAGES: [&str; 4] = ["webkit2gtk-driver", "xvfb", "xauth", "dbus"];

/// `MiniBrowser` and `WebKitWebDriver`.
pub(crate) struct Webkit;

/// Finds the browser, its driver, and the commands around them.
pub(crate) fn find() -> Option<Browser> {
    let driver = which::which("WebKitWebDriver").ok()?;
    let display = which::which("xvfb-run").ok()?;
    which::which("xauth").ok()?;
    let bus = which::which("dbus-run-session").ok()?;
    let wrapper =
        vec![display.into(), "-a".into(), "-s".into(), "-screen 0 1280x1024x24".into(), bus.into(), "--".into()];
    Some(Browser { engine: Engine::Webkit, program: minibrowser()?, driver, wrapper })
}

/// Finds the newest `MiniBrowser`. It is not on the PATH, but in a folder named after the library's version.
fn minibrowser() -> Option<PathBuf> {
    let mut places = vec![PathBuf::from("/usr/libexec"), PathBuf::from("/usr/lib64")];
    places.extend(folders(Path::new("/usr/lib")));
    let mut found: Vec<PathBuf> = places
        .iter()
        .flat_map(|place| folders(place))
        .filter(|folder| folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("webkit2gtk-4.")))
        .map(|folder| folder.join("MiniBrowser"))
        .filter(|program| program.is_file())
        .collect();
    found.sort_by_key(|program| program.parent().map(|folder| folder.file_name().map(ToOwned::to_owned)));
    found.pop()
}

fn folders(place: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

impl Requirement for Webkit {
    fn title(&self) -> String {
        "WebKitGTK and its driver".to_owned()
    }

    fn is_installed(&self, _project: &Project) -> bool {
        find().is_some()
    }

    fn describe(&self, _project: &Project) -> String {
        // Even `--version` needs a display.
        find().and_then(|browser| first_line(browser.command(&browser.program).arg("--version"))).unwrap_or_default()
    }

    fn instructions(&self, _project: &Project) -> String {
        let elsewhere = if cfg!(target_os = "linux") {
            "install WebKitGTK with MiniBrowser and WebKitWebDriver, xvfb, xauth and dbus"
        } else {
            "WebKitGTK runs on Linux only: pick the others with --engines chromium,firefox"
        };
        packages::instructions(&PACKAGES, elsewhere)
    }

    fn packages(&self) -> Vec<&'static str> {
        PACKAGES.to_vec()
    }
}
