//! The compressor and the decompressor: uninhabited types with the methods that the rest of the package calls.

use super::extensions::Deflate;
use crate::error::Failure;

/// A callback that receives inflated bytes.
pub(crate) type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), Failure> + 'a;

/// The decompressor.
#[derive(Debug)]
pub(crate) enum Inflater {}

impl Inflater {
    pub(crate) const fn new(deflate: &Deflate) -> Self {
        match *deflate {}
    }

    pub(crate) const fn reset(self) -> Self {
        match self {}
    }

    pub(crate) const fn inflate(&mut self, _: &[u8], _: &mut usize, _: &mut Sink<'_>) -> Result<usize, Failure> {
        match *self {}
    }

    pub(crate) const fn has_pending_output(&self) -> bool {
        match *self {}
    }

    pub(crate) const fn finish(&mut self) -> Result<(), Failure> {
        match *self {}
    }

    pub(crate) const fn has_spare_memory(&self) -> bool {
        match *self {}
    }

    pub(crate) const fn release_memory(&mut self) {
        match *self {}
    }
}

/// The compressor.
#[derive(Debug)]
pub(crate) enum Deflater {}

impl Deflater {
    pub(crate) const fn with_level(deflate: &Deflate, _: u8) -> Self {
        match *deflate {}
    }

    pub(crate) const fn reach(&self) -> usize {
        match *self {}
    }

    pub(crate) const fn deflate(&mut self, _: &[u8], _: bool) {
        match *self {}
    }

    pub(crate) const fn store(&mut self, _: &[u8]) {
        match *self {}
    }

    pub(crate) const fn end(&mut self) {
        match *self {}
    }

    pub(crate) const fn flush(&mut self) {
        match *self {}
    }

    pub(crate) const fn replace_by_stored(&mut self, _: &[u8], _: bool) {
        match *self {}
    }

    pub(crate) const fn discard(&mut self) {
        match *self {}
    }

    pub(crate) const fn deflated(&self) -> &[u8] {
        match *self {}
    }

    pub(crate) const fn clear(&mut self) {
        match *self {}
    }

    pub(crate) const fn has_spare_memory(&self) -> bool {
        match *self {}
    }

    pub(crate) const fn release_memory(&mut self) {
        match *self {}
    }
}
