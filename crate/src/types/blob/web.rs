//! Blobs: bytes that the platform holds.

use std::error::Error;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::types::lazy_message::copy_to_bytes;
use crate::types::text::Text;

/// Immutable bytes that the platform holds, perhaps on disk, and that are read when they are asked for.
///
/// A clone is another reference to the same bytes. Sending one does not copy it through the program's memory; see
/// <https://w3c.github.io/FileAPI/#blob-section>.
#[derive(Clone)]
pub struct Blob {
    platform: web_sys::Blob,
    size: u64,
}

impl Blob {
    /// Makes a blob of a copy of `bytes`.
    ///
    /// # Panics
    ///
    /// Never: the platform's constructor takes any list of buffers.
    pub fn new(bytes: &[u8]) -> Self {
        // The buffer is one of the platform's, since it refuses a shared one and takes a view without its memory.
        Self::from_js(&Uint8Array::from(bytes))
    }

    /// Makes a blob of bytes that the platform has.
    pub(crate) fn from_js(bytes: &Uint8Array) -> Self {
        let parts = Array::of1(bytes);
        Self::from(web_sys::Blob::new_with_u8_array_sequence(&parts).expect("a list of buffers makes a blob"))
    }

    /// Gives the size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Gives a part of the blob, without reading it; a range beyond the end is cut.
    ///
    /// # Panics
    ///
    /// Never: the platform throws for no range.
    #[must_use]
    pub fn slice(&self, range: Range<u64>) -> Self {
        // Beyond 2^53 bytes a double is not exact; no blob is as large.
        #[expect(clippy::cast_precision_loss)]
        let part = self.platform.slice_with_f64_and_f64(range.start as f64, range.end as f64);
        Self::from(part.expect("a blob has parts"))
    }

    /// Reads the bytes, with one copy out of the platform.
    ///
    /// Cancelling it reads nothing and loses nothing: the blob can be read again.
    ///
    /// # Errors
    ///
    /// If the platform cannot read them: a file that has changed or gone since it was chosen, for example.
    pub async fn bytes(&self) -> Result<Bytes, BlobError> {
        let buffer = JsFuture::from(self.platform.array_buffer()).await.map_err(|reason| BlobError::new(&reason))?;
        Ok(copy_to_bytes(&Uint8Array::new(&buffer)))
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

    pub(crate) fn as_js(&self) -> &web_sys::Blob {
        &self.platform
    }
}

impl From<web_sys::Blob> for Blob {
    fn from(blob: web_sys::Blob) -> Self {
        // The platform counts in a double, which holds every integer up to 2^53.
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

/// The error of reading a [`Blob`]: what the platform gave as its reason.
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

    /// Gives the name of the platform's exception, `"NotReadableError"` for example.
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
