//! Blobs in a browser: bytes that the platform holds.

use std::error::Error;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::types::lazy_message::copy_to_bytes;
use crate::types::text::Text;

/// Immutable bytes that the platform holds, possibly on disk, and that are read on demand.
///
/// A clone is another reference to the same bytes. A blob equals its clones, and no other blob, because comparing the bytes
/// could need to read them. Sending a blob does not copy it through the program's memory. See
/// <https://w3c.github.io/FileAPI/#blob-section>.
///
/// ```
/// # async fn example() -> Result<(), samesocket::BlobError> {
/// let blob = samesocket::Blob::new(b"0123456789");
/// assert_eq!(blob.size(), 10);
/// assert_eq!(blob.slice(2..4).bytes().await?, &b"23"[..]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Blob {
    platform: web_sys::Blob,
    size: u64,
}

impl Blob {
    /// Creates a blob from a copy of `bytes`.
    ///
    /// # Panics
    ///
    /// Never: the platform's constructor accepts any list of buffers.
    pub fn new(bytes: &[u8]) -> Self {
        // Copied into a JavaScript buffer: a view on this memory would dangle, and shared memory is rejected.
        Self::from_js(&Uint8Array::from(bytes))
    }

    /// Creates a blob from bytes in a JavaScript buffer.
    pub(crate) fn from_js(bytes: &Uint8Array) -> Self {
        let parts = Array::of1(bytes);
        Self::from(
            web_sys::Blob::new_with_u8_array_sequence(&parts).expect("the constructor accepts a list of buffers"),
        )
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns a part of the blob without reading it. `range` is in bytes and is clamped to the size.
    ///
    /// # Panics
    ///
    /// Never: the platform accepts any range.
    #[must_use]
    pub fn slice(&self, range: Range<u64>) -> Self {
        // A double is exact up to 2^53. No blob has as many bytes.
        #[expect(clippy::cast_precision_loss)]
        let part = self.platform.slice_with_f64_and_f64(range.start as f64, range.end as f64);
        Self::from(part.expect("slice accepts any range"))
    }

    /// Reads the bytes, with one copy from the platform's into the program's memory.
    ///
    /// Cancelling loses nothing: the blob can be read again.
    ///
    /// # Errors
    ///
    /// Returns an error if the platform cannot read the bytes, for example because a file was changed or deleted.
    pub async fn bytes(&self) -> Result<Bytes, BlobError> {
        let buffer = JsFuture::from(self.platform.array_buffer()).await.map_err(|reason| BlobError::new(&reason))?;
        Ok(copy_to_bytes(&Uint8Array::new(&buffer)))
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

    pub(crate) fn as_js(&self) -> &web_sys::Blob {
        &self.platform
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        js_sys::Object::is(&self.platform, &other.platform)
    }
}

impl Eq for Blob {}

impl From<web_sys::Blob> for Blob {
    fn from(blob: web_sys::Blob) -> Self {
        // The platform's number is a double, which is exact up to 2^53.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let size = blob.size() as u64;
        Self { platform: blob, size }
    }
}

impl From<web_sys::File> for Blob {
    fn from(file: web_sys::File) -> Self {
        Self::from(web_sys::Blob::from(file))
    }
}

impl From<Blob> for web_sys::Blob {
    fn from(blob: Blob) -> Self {
        blob.platform
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Blob").field(&self.platform).finish()
    }
}

/// The error of reading a [`Blob`]: the platform's exception.
///
/// ```no_run
/// # async fn read(blob: samesocket::Blob) {
/// match blob.bytes().await {
///     Ok(bytes) => println!("{} bytes", bytes.len()),
///     Err(error) => println!("{}: {error}", error.name()),
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobError {
    name: String,
    message: String,
}

impl BlobError {
    fn new(reason: &JsValue) -> Self {
        match reason.dyn_ref::<web_sys::DomException>() {
            Some(exception) => Self { name: exception.name(), message: exception.message() },
            None => Self { name: "Error".to_owned(), message: format!("{reason:?}") },
        }
    }

    /// Returns the name of the platform's exception, for example `"NotReadableError"`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for BlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the blob cannot be read: {}: {}", self.name, self.message)
    }
}

impl Error for BlobError {}
