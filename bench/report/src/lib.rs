//! What the bench measured: the data as it stands in `results/`, and the tables that are made of it.

mod browser;
mod claims;
mod comparison;
mod figures;
mod growth;
mod native;
mod page;
mod plot;
mod size;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;

pub use self::browser::Browsers;
pub use self::comparison::{Comparison, Pair};
pub use self::figures::quartiles;
pub use self::growth::{Curve, Growth, Point};
pub use self::native::{
    FUTURES, FUTURES_HERE, INTERFACE, INTERFACE_HERE, Machine, REFERENCE, Run, Sample, Series, WIRE,
};
pub use self::size::{Program, Sizes};

/// The bench's folder, seen from the checkout's root, where `cargo xtask` runs it; a path known when this was compiled would
/// be another checkout's, if both share what is compiled.
pub const FOLDER: &str = "bench";

/// The tables of a native run, as Markdown.
pub fn native_tables(run: &Run) -> String {
    native::tables(run)
}

/// Formats the tables of a comparison as Markdown.
pub fn comparison_tables(comparison: &Comparison) -> String {
    comparison::tables(comparison)
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
    for Part { name, mut content, plots } in parts(&results)? {
        for (file, title) in plots(&results)? {
            // Writing to a string cannot fail.
            let _ = write!(content, "\n![{title}](results/{file})\n");
        }
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
        parts(results)?.into_iter().map(|Part { name, content, .. }| format!("## {name}\n\n{content}")).collect();
    Ok(parts.join("\n"))
}

/// The plots that were drawn: the file of each, and what it shows.
type Plots = Vec<(String, String)>;

/// Draws plots into a folder.
type Draw = Box<dyn FnOnce(&Path) -> Result<Plots>>;

/// One generated part of the page.
struct Part {
    /// The name in the marks.
    name: &'static str,
    content: String,
    /// Draws what belongs to it into a folder.
    plots: Draw,
}

/// What was measured.
fn parts(results: &Path) -> Result<Vec<Part>> {
    fn part<T: DeserializeOwned + 'static>(
        results: &Path,
        name: &'static str,
        table: fn(&T) -> String,
        plots: fn(&T, &Path) -> Result<Plots>,
    ) -> Result<Option<Part>> {
        let found = read::<T>(&results.join(name).with_extension("json"))?;
        Ok(found.map(|data| Part { name, content: table(&data), plots: Box::new(move |folder| plots(&data, folder)) }))
    }
    let all = [
        claims(results)?,
        part::<Sizes>(results, "size", size::table, |_, _| Ok(Vec::new()))?,
        part::<Browsers>(results, "browser", browser::tables, browser::plots)?,
        part::<Run>(results, "native", native::tables, native::plots)?,
        part::<Comparison>(results, "no-lto", comparison::tables, |_, _| Ok(Vec::new()))?,
        part::<Growth>(results, "growth", growth::tables, growth::plots)?,
    ];
    Ok(all.into_iter().flatten().collect())
}

/// What was to be shown, and what the results show of it.
fn claims(results: &Path) -> Result<Option<Part>> {
    let mut claims = Vec::new();
    if let Some(run) = read::<Run>(&results.join("native.json"))? {
        claims.extend(native::claims(&run));
    }
    if let Some(run) = read::<Browsers>(&results.join("browser.json"))? {
        claims.extend(browser::claims(&run));
    }
    if let Some(sizes) = read::<Sizes>(&results.join("size.json"))? {
        claims.extend(size::claims(&sizes));
    }
    let part = |content| Part { name: "claims", content, plots: Box::new(|_| Ok(Vec::new())) };
    Ok((!claims.is_empty()).then(|| part(claims::table(claims))))
}

/// Reads a result, if it was ever measured.
fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>> {
    if !file.exists() {
        return Ok(None);
    }
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).map(Some).with_context(|| format!("{} is not what is kept there", file.display()))
}
