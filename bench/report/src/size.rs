//! The results of the size of each client's smallest program in a page.

use serde::Deserialize;

use crate::goals::{Goal, Target};
use crate::page;

/// A run of `cargo xtask size`.
#[derive(Debug, Deserialize)]
pub struct Sizes {
    date: String,
    rustc: String,
    wasm_bindgen: String,
    wasm_opt: String,
    programs: Vec<Program>,
    #[serde(default)]
    apps: Vec<App>,
}

/// The sizes of a program, in bytes.
#[derive(Debug, Deserialize)]
pub struct Program {
    client: String,
    version: String,
    wasm: usize,
    gzip: usize,
    /// The goal for `gzip`, if there is one.
    #[serde(default)]
    goal: Option<u32>,
    brotli: usize,
    /// The minified JavaScript around the program.
    glue: usize,
    glue_gzip: usize,
}

/// The bytes that a client adds to an app.
#[derive(Debug, Deserialize)]
pub struct App {
    client: String,
    version: String,
    wasm: usize,
    gzip: usize,
    /// The goal for `gzip`, if there is one.
    #[serde(default)]
    goal: Option<u32>,
    glue_gzip: usize,
    modules: Vec<Module>,
}

/// The bytes that a client adds in one module, before compression.
#[derive(Debug, Deserialize)]
pub struct Module {
    name: String,
    bytes: i64,
}

/// Returns the goals of our programs.
pub(crate) fn goals(sizes: &Sizes) -> Vec<Goal> {
    let thousands = |bytes: u32| f64::from(bytes) / 1000.0;
    let goal = |client: &str, job, gzip: usize, goal: Option<u32>| {
        let found = [thousands(u32::try_from(gzip).ok()?); 3];
        let target = Target::AtMost(thousands(goal?));
        let what = "size in a page, gzip, in units of 1,000 bytes";
        Some(Goal::new(client, what, target, &[job], |_| Some(found)))
    };
    let programs = sizes.programs.iter().map(|program| goal(&program.client, "echo", program.gzip, program.goal));
    let apps = sizes.apps.iter().map(|app| goal(&app.client, "chat", app.gzip, app.goal));
    programs.chain(apps).flatten().collect()
}

pub(crate) fn table(sizes: &Sizes) -> String {
    let head = ["client", "wasm", "gzip", "brotli", "glue", "glue, gzip", "both, gzip"].map(str::to_owned);
    let rows = sizes.programs.iter().map(|program| {
        let &Program { wasm, gzip, brotli, glue, glue_gzip, .. } = program;
        let mut row = vec![format!("{} {}", program.client, program.version)];
        row.extend([wasm, gzip, brotli, glue, glue_gzip, gzip + glue_gzip].map(kilobytes));
        row
    });
    let Sizes { date, rustc, wasm_bindgen, wasm_opt, .. } = sizes;
    format!("{date}, {rustc}, wasm-bindgen {wasm_bindgen}, {wasm_opt}; in units of 1,000 bytes.\n\n")
        + &page::table(&head, rows)
        + &apps_tables(&sizes.apps)
}

/// Formats what the clients add to the app, and where.
fn apps_tables(apps: &[App]) -> String {
    let head = ["client", "wasm", "gzip", "glue, gzip"].map(str::to_owned);
    let rows = apps.iter().map(|app| {
        let mut row = vec![format!("{} {}", app.client, app.version)];
        row.extend([app.wasm, app.gzip, app.glue_gzip].map(kilobytes));
        row
    });
    let modules = apps.iter().map(modules_table).collect::<String>();
    format!("\nThe bytes that a client adds to the Sycamore chat:\n\n{}{modules}", page::table(&head, rows))
}

fn modules_table(app: &App) -> String {
    let head = ["module", "bytes before compression"].map(str::to_owned);
    let rows = app.modules.iter().map(|module| vec![format!("`{}`", module.name), module.bytes.to_string()]);
    let summary = format!("<details><summary>{} by module</summary>", app.client);
    format!("\n{summary}\n\n{}\n</details>\n", page::table(&head, rows))
}

fn kilobytes(bytes: usize) -> String {
    let tenths = (bytes + 50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}
