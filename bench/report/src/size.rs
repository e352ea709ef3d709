//! What the smallest program of each client weighs in a page.

use serde::Deserialize;

use crate::page;

/// One run of `cargo xtask size`.
#[derive(Debug, Deserialize)]
pub struct Sizes {
    date: String,
    rustc: String,
    wasm_bindgen: String,
    wasm_opt: String,
    programs: Vec<Program>,
}

/// One program, in bytes.
#[derive(Debug, Deserialize)]
pub struct Program {
    client: String,
    version: String,
    wasm: usize,
    gzip: usize,
    brotli: usize,
    /// The minified JavaScript around it.
    glue: usize,
    glue_gzip: usize,
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
