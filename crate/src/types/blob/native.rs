//! Blobs: bytes in memory, or a file that is read when they are asked for.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use bytes::Bytes;

use futures::channel::oneshot;

use crate::types::text::Text;

/// Bytes that are held in memory or in a file, and that are read when they are asked for.
///
/// A clone is another reference to the same bytes. See <https://w3c.github.io/FileAPI/#blob-section>.
#[derive(Clone, Debug)]
pub struct Blob(Source);

#[derive(Clone, Debug)]
enum Source {
    Memory(Bytes),
    File { file: Arc<Snapshot>, range: Range<u64> },
}

/// A file as it was when it was chosen.
#[derive(Debug)]
struct Snapshot {
    path: PathBuf,
    size: u64,
    modified: Option<SystemTime>,
}

impl Blob {
    /// Makes a blob of a copy of `bytes`; [`From<Bytes>`](#impl-From<Bytes>-for-Blob) copies nothing.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Source::Memory(Bytes::copy_from_slice(bytes)))
    }

    /// Makes a blob of a file, of which only the size and the time of modification are looked at now. Natively only.
    ///
    /// It stands for the file as it is now: reading it fails once the file has changed.
    ///
    /// # Errors
    ///
    /// If there is no such file, or nothing is to be learnt of it.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, BlobError> {
        let path = path.as_ref();
        // Absolute, since the working directory may be another when the file is read.
        let path = std::path::absolute(path).map_err(|error| BlobError::new(path, error))?;
        let metadata = path.metadata().map_err(|error| BlobError::new(&path, error))?;
        if !metadata.is_file() {
            return Err(BlobError::new(&path, io::Error::new(io::ErrorKind::InvalidInput, "it is no file")));
        }
        let range = 0..metadata.len();
        let file = Arc::new(Snapshot { path, size: metadata.len(), modified: metadata.modified().ok() });
        Ok(Self(Source::File { file, range }))
    }

    /// Gives the size in bytes.
    pub fn size(&self) -> u64 {
        match &self.0 {
            Source::Memory(bytes) => bytes.len() as u64,
            Source::File { range, .. } => range.end - range.start,
        }
    }

    /// Gives a part of the blob, without reading it; a range beyond the end is cut.
    #[must_use]
    pub fn slice(&self, range: Range<u64>) -> Self {
        let end = range.end.min(self.size());
        let start = range.start.min(end);
        Self(match &self.0 {
            Source::Memory(bytes) => {
                // Both are at most the length.
                let index = |position| usize::try_from(position).unwrap_or(bytes.len());
                Source::Memory(bytes.slice(index(start)..index(end)))
            }
            Source::File { file, range } => {
                Source::File { file: Arc::clone(file), range: range.start + start..range.start + end }
            }
        })
    }

    /// Reads the bytes; those in memory are not copied, a file is read on a thread of its own.
    ///
    /// Cancelling it reads nothing, or in vain, and loses nothing: the blob can be read again.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or has changed since it was chosen.
    pub async fn bytes(&self) -> Result<Bytes, BlobError> {
        match &self.0 {
            Source::Memory(bytes) => Ok(bytes.clone()),
            Source::File { file, .. } => {
                let blob = self.clone();
                let failed = |error| BlobError::new(&file.path, error);
                let (sender, receiver) = oneshot::channel();
                let read = move || {
                    // Nobody is there to take the bytes if the future was dropped.
                    let _ = sender.send(blob.read());
                };
                thread::Builder::new().name("samesocket-blob".to_owned()).spawn(read).map_err(failed)?;
                receiver.await.unwrap_or_else(|_| Err(failed(io::Error::other("the reading thread panicked"))))
            }
        }
    }

    /// Reads the bytes and decodes them as UTF-8, each error becoming U+FFFD.
    ///
    /// # Errors
    ///
    /// As for [`bytes`](Self::bytes).
    pub async fn text(&self) -> Result<Text, BlobError> {
        let bytes = self.bytes().await?;
        Ok(Text::from(&*String::from_utf8_lossy(&bytes)))
    }

    /// The bytes, unless they are in a file.
    pub(crate) const fn in_memory(&self) -> Option<&Bytes> {
        match &self.0 {
            Source::Memory(bytes) => Some(bytes),
            Source::File { .. } => None,
        }
    }

    /// Takes the bytes out, leaving an empty blob, unless they are in a file.
    pub(crate) fn take_bytes(&mut self) -> Option<Bytes> {
        match &mut self.0 {
            Source::Memory(bytes) => Some(std::mem::take(bytes)),
            Source::File { .. } => None,
        }
    }

    /// Reads the bytes on this thread.
    pub(crate) fn read(&self) -> Result<Bytes, BlobError> {
        match &self.0 {
            Source::Memory(bytes) => Ok(bytes.clone()),
            Source::File { file, range } => {
                file.read(range).map(Bytes::from).map_err(|error| BlobError::new(&file.path, error))
            }
        }
    }
}

impl Snapshot {
    fn read(&self, range: &Range<u64>) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        self.check(&file)?;
        file.seek(SeekFrom::Start(range.start))?;
        let length = range.end - range.start;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?)?;
        (&mut file).take(length).read_to_end(&mut bytes)?;
        // It may have changed while it was read.
        self.check(&file)?;
        if bytes.len() as u64 == length {
            Ok(bytes)
        } else {
            Err(io::Error::other("it has changed since it was chosen"))
        }
    }

    fn check(&self, file: &File) -> io::Result<()> {
        let metadata = file.metadata()?;
        if metadata.len() == self.size && metadata.modified().ok() == self.modified {
            Ok(())
        } else {
            Err(io::Error::other("it has changed since it was chosen"))
        }
    }
}

impl From<Bytes> for Blob {
    fn from(bytes: Bytes) -> Self {
        Self(Source::Memory(bytes))
    }
}

/// The error of reading a [`Blob`].
#[derive(Clone, Debug)]
pub struct BlobError {
    path: PathBuf,
    source: Arc<io::Error>,
}

impl BlobError {
    fn new(path: &Path, error: io::Error) -> Self {
        Self { path: path.to_owned(), source: Arc::new(error) }
    }

    /// Gives the name of the exception that a browser has for it: `"NotFoundError"` or `"NotReadableError"`.
    pub fn name(&self) -> &str {
        if self.source.kind() == io::ErrorKind::NotFound { "NotFoundError" } else { "NotReadableError" }
    }
}

impl fmt::Display for BlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the blob cannot be read: {}: {}", self.path.display(), self.source)
    }
}

impl Error for BlobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    #[test]
    fn a_file_is_read_lazily_and_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blob");
        std::fs::write(&path, b"0123456789").unwrap();
        let blob = Blob::from_file(&path).unwrap();
        assert_eq!((blob.size(), block_on(blob.bytes()).unwrap()), (10, Bytes::from_static(b"0123456789")));
        let part = blob.slice(2..8).slice(1..100);
        assert_eq!((part.size(), block_on(part.text()).unwrap().as_str()), (5, "34567"));
        assert_eq!(blob.slice(20..30).size(), 0);
    }

    #[test]
    fn a_file_that_changed_or_went_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blob");
        std::fs::write(&path, b"0123456789").unwrap();
        let blob = Blob::from_file(&path).unwrap();
        std::fs::write(&path, b"01234567890").unwrap();
        assert_eq!(block_on(blob.bytes()).unwrap_err().name(), "NotReadableError");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(block_on(blob.bytes()).unwrap_err().name(), "NotFoundError");
        assert_eq!(Blob::from_file(&path).unwrap_err().name(), "NotFoundError");
        assert_eq!(Blob::from_file(folder.path()).unwrap_err().name(), "NotReadableError");
    }

    #[test]
    fn a_file_of_the_same_size_has_changed_if_it_was_modified_at_another_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blob");
        std::fs::write(&path, b"0123456789").unwrap();
        let blob = Blob::from_file(&path).unwrap();
        let modified = path.metadata().unwrap().modified().unwrap();
        let set = |time| File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        set(modified + std::time::Duration::from_secs(1));
        assert_eq!(block_on(blob.bytes()).unwrap_err().name(), "NotReadableError");
        set(modified);
        assert_eq!(block_on(blob.bytes()).unwrap().len(), 10);
    }

    #[test]
    fn bytes_in_memory_are_not_copied() {
        let bytes = Bytes::from(vec![7; 100]);
        let blob = Blob::from(bytes.clone());
        assert_eq!(block_on(blob.slice(10..20).bytes()).unwrap().as_ptr(), bytes.slice(10..).as_ptr());
    }
}
