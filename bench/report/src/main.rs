//! Writes the generated parts of the bench's page anew, from `results/`.

use std::path::Path;

fn main() -> anyhow::Result<()> {
    samesocket_bench_report::write(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
}
