//! The cache folder for build results and tools. It lies outside the source, so that a second clone does not build
//! everything again.

use std::{
    env,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

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
        self.folder.join("target").join(kind)
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
