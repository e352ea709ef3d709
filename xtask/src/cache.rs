//! The cache folder for build results and tools. It lies outside the source, so that a second clone does not build
//! everything again.

use std::{
    collections::BTreeSet,
    env,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};

/// The interval between two attempts to get the target folders of another checkout. Arbitrary.
const CLAIM_INTERVAL: Duration = Duration::from_millis(200);

/// The cache folder and its layout.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens the folder named by `SAMESOCKET_CACHE`, or one in the user's cache folder.
    pub(crate) fn open() -> Result<Self> {
        let folder = match env::var_os("SAMESOCKET_CACHE") {
            Some(folder) => std::path::absolute(folder)?,
            None => {
                dirs::cache_dir().context("found no cache folder of the user; set SAMESOCKET_CACHE")?.join("samesocket")
            }
        };
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the folder of a tool, by its name and version.
    pub(crate) fn tool(&self, name: &str, version: &str) -> PathBuf {
        self.folder.join("tools").join(format!("{name}-{version}"))
    }

    /// Returns cargo's target folder for one kind of build. Kinds that shared a folder would evict each other's
    /// artifacts.
    pub(crate) fn target(&self, kind: &str) -> PathBuf {
        self.targets().join(kind)
    }

    fn targets(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Waits until no run of another checkout uses the target folders. Dropping the file releases them.
    ///
    /// Checkouts share what cargo builds of a registry's packages, but not what it builds of their own. Cargo identifies a
    /// workspace's package by the path within the workspace, and compares times. It would take the build of another checkout
    /// for that of this one. If another checkout used the folders last, cargo therefore has to build the packages that
    /// `own_packages` returns again.
    ///
    /// Take this lock before all others. Otherwise two runs could wait for each other.
    pub(crate) fn claim(&self, checkout: &Path, own_packages: impl Fn() -> Result<BTreeSet<String>>) -> Result<File> {
        fs::create_dir_all(self.targets())?;
        let marker = self.targets().join("checkout");
        let path = self.folder.join("checkout.lock");
        let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let name = checkout.to_string_lossy();
        let mut has_printed = false;
        loop {
            // Runs of one checkout share the lock. Another run has it alone only while it removes fingerprints.
            file.lock_shared()?;
            let user = fs::read_to_string(&marker).unwrap_or_default();
            if user == name {
                return Ok(file);
            }
            file.unlock()?;
            match file.try_lock() {
                Ok(()) => {
                    self.forget(&own_packages()?)?;
                    fs::write(&marker, &*name)?;
                    file.unlock()?;
                }
                Err(TryLockError::WouldBlock) => {
                    if !has_printed {
                        println!("{user} uses {}; waiting for its runs to end", self.targets().display());
                        println!("SAMESOCKET_CACHE sets another cache folder, which has to be built first");
                        has_printed = true;
                    }
                    thread::sleep(CLAIM_INTERVAL);
                }
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
    }

    /// Removes the fingerprints of packages from all target folders, so that cargo builds these packages again.
    fn forget(&self, packages: &BTreeSet<String>) -> Result<()> {
        let is_one = |fingerprint: &Path| {
            let name = fingerprint.file_name().unwrap_or_default().to_string_lossy();
            name.rsplit_once('-').is_some_and(|(package, _hash)| packages.contains(package))
        };
        for folder in entries(&self.targets()).iter().flat_map(|kind| entries(kind)) {
            // A folder for a profile, or one for a compilation target with such folders.
            for profile in [folder.clone()].into_iter().chain(entries(&folder)) {
                for fingerprint in entries(&profile.join(".fingerprint")).iter().filter(|path| is_one(path)) {
                    fs::remove_dir_all(fingerprint)?;
                }
            }
        }
        Ok(())
    }

    /// Creates an empty folder for one run, removing what it contained.
    pub(crate) fn empty_folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Waits until no other run holds the lock of this name. Dropping the file releases the lock.
    pub(crate) fn lock(&self, name: &str) -> Result<File> {
        let path = self.folder.join(format!("{name}.lock"));
        let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                println!("Another run holds {}; waiting for it to end", path.display());
                file.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        Ok(file)
    }
}

/// Returns what a folder contains, or nothing if it is not a folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        process,
        sync::mpsc,
        time::{Duration, SystemTime},
    };

    use super::*;
    use crate::cargo::{Toolchain, set_target_dir};

    /// A folder that is removed at the end of a test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            Self(env::temp_dir().join(format!("samesocket-{name}-{}", process::id())))
        }

        fn cache(&self) -> Cache {
            let folder = self.0.join("cache");
            fs::create_dir_all(&folder).unwrap();
            Cache { folder }
        }

        /// Creates a checkout with a program that prints the name of the checkout. The files are older than any build.
        fn checkout(&self, name: &str) -> PathBuf {
            let root = self.0.join(name);
            fs::create_dir_all(root.join("member/src")).unwrap();
            for (file, text) in [
                ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"member\"]\n".to_owned()),
                ("member/Cargo.toml", "[package]\nname = \"member\"\nedition = \"2024\"\n".to_owned()),
                ("member/src/main.rs", format!("fn main() {{ print!(\"{name}\"); }}\n")),
            ] {
                fs::write(root.join(file), text).unwrap();
                let file = File::options().write(true).open(root.join(file)).unwrap();
                file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_hours(24)).unwrap();
            }
            root
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn checkout_does_not_run_the_program_of_another_one() {
        let scratch = Scratch::new("checkouts");
        let cache = scratch.cache();
        let printed = |name: &str| {
            let root = scratch.checkout(name);
            let _claim = cache.claim(&root, || Ok(BTreeSet::from(["member".to_owned()]))).unwrap();
            let mut command = Toolchain::Default.cargo();
            set_target_dir(&mut command, &cache.target("native")).current_dir(&root).args(["run", "--quiet"]);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(["a", "b", "b", "a"].map(printed), ["a", "b", "b", "a"]);
    }

    #[test]
    fn other_packages_are_kept() {
        let scratch = Scratch::new("packages");
        let cache = scratch.cache();
        let profiles = ["native/debug", "wasm/wasm32-unknown-unknown/release"].map(|folder| cache.target(folder));
        let fingerprints = ["own-0123456789abcdef", "own-other-0123456789abcdef"];
        for profile in &profiles {
            for name in fingerprints {
                fs::create_dir_all(profile.join(".fingerprint").join(name)).unwrap();
            }
        }
        drop(cache.claim(Path::new("a"), || Ok(BTreeSet::from(["own".to_owned()]))).unwrap());
        for profile in profiles {
            let kept = entries(&profile.join(".fingerprint"));
            assert_eq!(kept, [profile.join(".fingerprint").join(fingerprints[1])]);
        }
    }

    #[test]
    fn only_runs_of_another_checkout_are_waited_for() {
        let scratch = Scratch::new("claims");
        let claim = |checkout: &str| scratch.cache().claim(Path::new(checkout), || Ok(BTreeSet::new())).unwrap();
        let first = [claim("a"), claim("a")];
        thread::scope(|scope| {
            let (sender, claimed) = mpsc::channel();
            scope.spawn(move || sender.send(claim("b")).unwrap());
            assert!(claimed.recv_timeout(2 * CLAIM_INTERVAL).is_err(), "the folders are in use");
            drop(first);
            claimed.recv().unwrap();
        });
    }
}
