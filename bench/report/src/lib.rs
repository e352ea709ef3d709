//! What the bench measured: the data as it stands in `results/`, and the tables that are made of it.

mod figures;
mod native;
mod page;
mod size;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;

pub use self::figures::quartiles;
pub use self::native::{Machine, REFERENCE, Run, Sample, Series, WIRE};
pub use self::size::{Program, Sizes};

/// The tables of a native run, as Markdown.
pub fn native_tables(run: &Run) -> String {
    native::tables(run)
}

/// Writes every generated part of the page that there is data for.
///
/// # Errors
///
/// If the data or the page cannot be read, or the page lacks a mark.
pub fn write(folder: &Path) -> Result<()> {
    let results = folder.join("results");
    let page = folder.join("README.md");
    let mut text = fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    if let Some(sizes) = read::<Sizes>(&results.join("size.json"))? {
        text = page::replace(&text, "size", &size::table(&sizes))?;
    }
    if let Some(run) = read::<Run>(&results.join("native.json"))? {
        text = page::replace(&text, "native", &native::tables(&run))?;
    }
    fs::write(&page, text).with_context(|| format!("cannot write {}", page.display()))
}

/// Reads a result, if it was ever measured.
fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>> {
    if !file.exists() {
        return Ok(None);
    }
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).map(Some).with_context(|| format!("{} is not what is kept there", file.display()))
}
