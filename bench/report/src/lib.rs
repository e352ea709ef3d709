//! What the bench measured: the data as it stands in `results/`, and the tables that are made of it.

mod browser;
mod figures;
mod growth;
mod native;
mod page;
mod size;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;

pub use self::browser::Browsers;
pub use self::figures::quartiles;
pub use self::growth::{Curve, Growth, Point};
pub use self::native::{Machine, REFERENCE, Run, Sample, Series, WIRE};
pub use self::size::{Program, Sizes};

/// The tables of a native run, as Markdown.
pub fn native_tables(run: &Run) -> String {
    native::tables(run)
}

/// The tables of how cost grows, as Markdown.
pub fn growth_tables(growth: &Growth) -> String {
    growth::tables(growth)
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
    for (name, content) in parts(&results)? {
        text = page::replace(&text, name, &content)?;
    }
    fs::write(&page, text).with_context(|| format!("cannot write {}", page.display()))
}

/// The tables of all results in a folder.
///
/// # Errors
///
/// If the data cannot be read.
pub fn tables(results: &Path) -> Result<String> {
    let parts: Vec<String> =
        parts(results)?.into_iter().map(|(name, content)| format!("## {name}\n\n{content}")).collect();
    Ok(parts.join("\n"))
}

/// What was measured, by the names of the marks.
fn parts(results: &Path) -> Result<Vec<(&'static str, String)>> {
    let file = |name: &str| results.join(name).with_extension("json");
    let sizes = read::<Sizes>(&file("size"))?.map(|sizes| ("size", size::table(&sizes)));
    let browsers = read::<Browsers>(&file("browser"))?.map(|run| ("browser", browser::tables(&run)));
    let natives = read::<Run>(&file("native"))?.map(|run| ("native", native::tables(&run)));
    let growth = read::<Growth>(&file("growth"))?.map(|growth| ("growth", growth::tables(&growth)));
    Ok([sizes, browsers, natives, growth].into_iter().flatten().collect())
}

/// Reads a result, if it was ever measured.
fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>> {
    if !file.exists() {
        return Ok(None);
    }
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).map(Some).with_context(|| format!("{} is not what is kept there", file.display()))
}
