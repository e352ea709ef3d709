//! Where the commands keep what they built: outside the source, so that a fresh clone is quick the second time.

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
    /// Opens `SAMESOCKET_CACHE`, or the user's cache folder.
    pub(crate) fn open() -> Result<Self> {
        let folder = match env::var_os("SAMESOCKET_CACHE") {
            Some(folder) => std::path::absolute(folder)?,
            None => {
                dirs::cache_dir().context("this user has no cache folder; set SAMESOCKET_CACHE")?.join("samesocket")
            }
        };
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A tool's own folder, by its name and version.
    pub(crate) fn tool(&self, name: &str, version: &str) -> PathBuf {
        self.folder.join("tools").join(format!("{name}-{version}"))
    }

    /// Cargo's target folder for one kind of build; kinds that share one would evict each other's work.
    pub(crate) fn target(&self, kind: &str) -> PathBuf {
        self.folder.join("target").join(kind)
    }

    /// An empty folder for one run to write to.
    pub(crate) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Waits until no other run holds the lock of this name; it is released when the file is dropped.
    pub(crate) fn lock(&self, name: &str) -> Result<File> {
        let path = self.folder.join(format!("{name}.lock"));
        let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                println!("Waiting for another run to release {}", path.display());
                file.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        Ok(file)
    }
}
