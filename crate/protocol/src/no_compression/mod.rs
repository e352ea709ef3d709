//! Compression in a build without the feature `compression`: uninhabited types, so that the compiler removes the code
//! that uses them.

pub(crate) mod deflate;
pub(crate) mod extensions;
