//! Blobs on native targets: bytes in memory, or a range of a file.

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

use super::file_reads::FileRead;
use crate::types::text::Text;

/// Immutable bytes in memory or in a file, which are read on demand.
///
/// A clone is another reference to the same bytes. A blob equals its clones, and no other blob, because comparing the bytes
/// could need to read them. See <https://w3c.github.io/FileAPI/#blob-section>.
///
/// ```
/// # async fn example() -> Result<(), samesocket::BlobError> {
/// let blob = samesocket::Blob::new(b"0123456789");
/// assert_eq!(blob.size(), 10);
/// assert_eq!(blob.slice(2..4).bytes().await?, &b"23"[..]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Blob(Source);

#[derive(Clone, Debug)]
enum Source {
    Memory(Bytes),
    File { file: Arc<Snapshot>, range: Range<u64> },
}

/// A file with its size and modification time when the blob was created.
#[derive(Debug)]
struct Snapshot {
    path: PathBuf,
    size: u64,
    modified: Option<SystemTime>,
}

impl Blob {
    /// Creates a blob from a copy of `bytes`. [`From<Bytes>`](#impl-From<Bytes>-for-Blob) does not copy.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Source::Memory(Bytes::copy_from_slice(bytes)))
    }

    /// Creates a blob from a file. Native targets only.
    ///
    /// Only the size and the modification time are read now. Reading the blob fails once the file has changed.
    ///
    /// # Errors
    ///
    /// Returns an error if the path is not a file, or if its metadata cannot be read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, BlobError> {
        let path = path.as_ref();
        // Absolute, because the working directory may have changed when the file is read.
        let path = std::path::absolute(path).map_err(|error| BlobError::new(path, error))?;
        let metadata = path.metadata().map_err(|error| BlobError::new(&path, error))?;
        if !metadata.is_file() {
            return Err(BlobError::new(&path, io::Error::new(io::ErrorKind::InvalidInput, "not a file")));
        }
        let range = 0..metadata.len();
        let file = Arc::new(Snapshot { path, size: metadata.len(), modified: metadata.modified().ok() });
        Ok(Self(Source::File { file, range }))
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> u64 {
        match &self.0 {
            Source::Memory(bytes) => bytes.len() as u64,
            Source::File { range, .. } => range.end - range.start,
        }
    }

    /// Returns a part of the blob without reading it. `range` is in bytes and is clamped to the size.
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

    /// Reads the bytes. Bytes in memory are not copied. A file is read on a thread of its own.
    ///
    /// Cancelling loses nothing: the blob can be read again. A read of a file that has started still runs to its end.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, or has changed since the blob was created.
    pub async fn bytes(&self) -> Result<Bytes, BlobError> {
        match &self.0 {
            Source::Memory(bytes) => Ok(bytes.clone()),
            Source::File { file, .. } => {
                let blob = self.clone();
                let failed = |error| BlobError::new(&file.path, error);
                let (sender, receiver) = oneshot::channel();
                let unfinished = FileRead::start();
                let read = move || {
                    // Sending fails if the future was dropped.
                    let _ = sender.send(blob.read());
                    drop(unfinished);
                };
                thread::Builder::new().name("samesocket-blob".to_owned()).spawn(read).map_err(failed)?;
                receiver.await.unwrap_or_else(|_| Err(failed(io::Error::other("the reading thread panicked"))))
            }
        }
    }

    /// Reads the bytes and decodes them as UTF-8. Invalid sequences become U+FFFD.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`bytes`](Self::bytes).
    pub async fn text(&self) -> Result<Text, BlobError> {
        let bytes = self.bytes().await?;
        Ok(Text::from(&*String::from_utf8_lossy(&bytes)))
    }

    /// Returns the bytes, unless they are in a file.
    pub(crate) const fn in_memory(&self) -> Option<&Bytes> {
        match &self.0 {
            Source::Memory(bytes) => Some(bytes),
            Source::File { .. } => None,
        }
    }

    /// Takes the bytes and leaves an empty blob, unless they are in a file.
    pub(crate) fn take_bytes(&mut self) -> Option<Bytes> {
        match &mut self.0 {
            Source::Memory(bytes) => Some(std::mem::take(bytes)),
            Source::File { .. } => None,
        }
    }

    /// Reads the bytes on the current thread, which blocks for a file.
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
    /// Reads a range of the file, in bytes.
    fn read(&self, range: &Range<u64>) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        self.check(&file)?;
        file.seek(SeekFrom::Start(range.start))?;
        let length = range.end - range.start;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?)?;
        (&mut file).take(length).read_to_end(&mut bytes)?;
        // The file may have changed while it was read.
        self.check(&file)?;
        if bytes.len() as u64 == length {
            Ok(bytes)
        } else {
            Err(io::Error::other("the file has changed since the blob was created"))
        }
    }

    /// Returns an error if the file has changed.
    fn check(&self, file: &File) -> io::Result<()> {
        let metadata = file.metadata()?;
        if metadata.len() == self.size && metadata.modified().ok() == self.modified {
            Ok(())
        } else {
            Err(io::Error::other("the file has changed since the blob was created"))
        }
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Source::Memory(bytes), Source::Memory(others)) => {
                bytes.as_ptr() == others.as_ptr() && bytes.len() == others.len()
            }
            (Source::File { file, range }, Source::File { file: other, range: others }) => {
                Arc::ptr_eq(file, other) && range == others
            }
            _ => false,
        }
    }
}

impl Eq for Blob {}

impl From<Bytes> for Blob {
    fn from(bytes: Bytes) -> Self {
        Self(Source::Memory(bytes))
    }
}

/// The error of reading a [`Blob`]: a file that cannot be read or has changed.
///
/// ```no_run
/// # async fn read(blob: samesocket::Blob) {
/// match blob.bytes().await {
///     Ok(bytes) => println!("{} bytes", bytes.len()),
///     Err(error) => println!("{}: {error}", error.name()),
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BlobError {
    path: PathBuf,
    source: Arc<io::Error>,
}

impl BlobError {
    fn new(path: &Path, error: io::Error) -> Self {
        Self { path: path.to_owned(), source: Arc::new(error) }
    }

    /// Returns the name of the exception that a browser would throw: `"NotFoundError"` or `"NotReadableError"`.
    pub fn name(&self) -> &str {
        if self.source.kind() == io::ErrorKind::NotFound { "NotFoundError" } else { "NotReadableError" }
    }
}

/// Errors are equal if they have the same path and the same text.
impl PartialEq for BlobError {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path && self.source.to_string() == other.source.to_string()
    }
}

impl Eq for BlobError {}

impl fmt::Display for BlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the blob cannot be read from {}: {}", self.path.display(), self.source)
    }
}

// `Display` shows the text of the error of the system, so this is the source of that error.
impl Error for BlobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    #[test]
    fn file_blob_is_read_on_demand_and_in_parts() {
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
    fn changed_or_deleted_file_cannot_be_read() {
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
    fn file_with_another_modification_time_has_changed() {
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
    fn blob_equals_its_clones_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blob");
        std::fs::write(&path, b"0123456789").unwrap();
        let [file, other] = [&path, &path].map(|path| Blob::from_file(path).unwrap());
        let [memory, copy] = [b"0123456789"; 2].map(|bytes| Blob::new(bytes));
        assert_eq!([&file, &memory].map(Blob::clone), [file.clone(), memory.clone()]);
        assert_eq!(file.slice(2..4), file.slice(2..4));
        for (left, right) in [(&file, &other), (&memory, &copy), (&file, &memory), (&memory, &memory.slice(0..9))] {
            assert_ne!(left, right);
        }
    }

    #[test]
    fn bytes_in_memory_are_not_copied() {
        let bytes = Bytes::from(vec![7; 100]);
        let blob = Blob::from(bytes.clone());
        assert_eq!(block_on(blob.slice(10..20).bytes()).unwrap().as_ptr(), bytes.slice(10..).as_ptr());
    }
}
