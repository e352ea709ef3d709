//! The results of the bench in `results/`, and the generated tables and plots.
//!
//! `native`, `many`, `browser`, `growth`, `size` and `comparison` each have one kind of result. `summary` has the first table.
//! `goals` compares results with the project's goals; `page` writes the tables into the README.

mod browser;
mod comparison;
mod figures;
mod goals;
mod growth;
mod many;
mod native;
mod page;
mod plot;
mod size;
mod summary;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;

use self::plot::Plots;

pub use self::browser::Browsers;
pub use self::comparison::{Comparison, Pair};
pub use self::figures::quartiles;
pub use self::growth::{Curve, Growth, Point};
pub use self::many::{Fairness, Idle, Loaded, Many, ManyClient, Paced, RoundTrips};
pub use self::native::{
    FUTURES, FUTURES_AGAIN, FUTURES_ON_TOKIO, FUTURES_OVER_HTTP2, INTERFACE, INTERFACE_ON_TOKIO, Machine, PROTOCOL,
    REFERENCE, Run, Sample, Series,
};
pub use self::size::{App, Module, Program, Sizes};

/// The bench's folder, relative to the checkout's root, where `cargo xtask` runs it. A path from compile time could be
/// another checkout's, if both share a target folder.
pub const FOLDER: &str = "bench";

/// Formats the tables of a native run as Markdown.
pub fn native_tables(run: &Run) -> String {
    native::tables(run)
}

/// Formats the tables of a comparison as Markdown.
pub fn comparison_tables(comparison: &Comparison) -> String {
    comparison::tables(comparison)
}

/// Formats the tables of how cost grows as Markdown.
pub fn growth_tables(growth: &Growth) -> String {
    growth::tables(growth)
}

/// Formats the tables of many sockets as Markdown.
pub fn many_tables(many: &Many) -> String {
    many::tables(many)
}

/// Updates the generated parts of the README for which there are results.
///
/// # Errors
///
/// If the results or the README cannot be read, or the README lacks a mark.
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

/// Formats the tables of all results in a folder.
///
/// # Errors
///
/// If the results cannot be read.
pub fn tables(results: &Path) -> Result<String> {
    let parts: Vec<String> =
        parts(results)?.into_iter().map(|Part { name, content, .. }| format!("## {name}\n\n{content}")).collect();
    Ok(parts.join("\n"))
}

/// Draws plots into a folder.
type Draw = Box<dyn FnOnce(&Path) -> Result<Plots>>;

/// A generated part of the README.
struct Part {
    /// The name in the marks.
    name: &'static str,
    content: String,
    /// Draws the part's plots into a folder.
    plots: Draw,
}

/// Reads all results and formats their tables.
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
        without_plots("summary", read(&results.join("native.json"))?.as_ref().map(summary::table)),
        without_plots("summary in a page", read(&results.join("browser.json"))?.as_ref().map(browser::summary)),
        goals(results)?,
        part::<Sizes>(results, "size", size::table, |_, _| Ok(Vec::new()))?,
        part::<Browsers>(results, "browser", browser::tables, browser::plots)?,
        part::<Run>(results, "native", native::tables, native::plots)?,
        part::<Many>(results, "many", many::tables, |_, _| Ok(Vec::new()))?,
        part::<Comparison>(results, "no-lto", comparison::tables, |_, _| Ok(Vec::new()))?,
        part::<Growth>(results, "growth", growth::tables, growth::plots)?,
    ];
    Ok(all.into_iter().flatten().collect())
}

/// Compares the results with the goals.
fn goals(results: &Path) -> Result<Option<Part>> {
    let mut goals = Vec::new();
    if let Some(run) = read::<Run>(&results.join("native.json"))? {
        goals.extend(native::goals(&run));
    }
    if let Some(many) = read::<Many>(&results.join("many.json"))? {
        goals.extend(many::goals(&many));
    }
    if let Some(run) = read::<Browsers>(&results.join("browser.json"))? {
        goals.extend(browser::goals(&run));
    }
    if let Some(sizes) = read::<Sizes>(&results.join("size.json"))? {
        goals.extend(size::goals(&sizes));
    }
    Ok(without_plots("goals", (!goals.is_empty()).then(|| goals::table(goals))))
}

/// Creates a part of tables alone, if there are any.
fn without_plots(name: &'static str, content: Option<String>) -> Option<Part> {
    Some(Part { name, content: content?, plots: Box::new(|_| Ok(Vec::new())) })
}

/// Reads a result file, if it exists.
fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>> {
    if !file.exists() {
        return Ok(None);
    }
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).map(Some).with_context(|| format!("cannot parse {}", file.display()))
}
