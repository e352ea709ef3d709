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

/// Returns the goals of our programs.
pub(crate) fn goals(sizes: &Sizes) -> Vec<Goal> {
    let thousands = |bytes: u32| f64::from(bytes) / 1000.0;
    let goal = |program: &Program| {
        let found = [thousands(u32::try_from(program.gzip).ok()?); 3];
        let target = Target::AtMost(thousands(program.goal?));
        let what = "size in a page, gzip, in units of 1,000 bytes";
        Some(Goal::new(&program.client, what, target, &["echo"], |_| Some(found)))
    };
    sizes.programs.iter().filter_map(goal).collect()
}

pub(crate) fn table(sizes: &Sizes) -> String {
    let head = ["client", "wasm", "gzip", "brotli", "glue", "glue, gzip", "both, gzip"].map(str::to_owned);
    let kib = |bytes: usize| {
        let tenths = (bytes + 50) / 100;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    let rows = sizes.programs.iter().map(|program| {
        let &Program { wasm, gzip, brotli, glue, glue_gzip, .. } = program;
        let mut row = vec![format!("{} {}", program.client, program.version)];
        row.extend([wasm, gzip, brotli, glue, glue_gzip, gzip + glue_gzip].map(kib));
        row
    });
    let Sizes { date, rustc, wasm_bindgen, wasm_opt, .. } = sizes;
    format!("{date}, {rustc}, wasm-bindgen {wasm_bindgen}, {wasm_opt}; in units of 1,000 bytes.\n\n")
        + &page::table(&head, rows)
}
