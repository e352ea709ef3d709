//! Updates the generated parts of the bench's README from `results/`, or prints the tables of another folder's results.

use std::env;
use std::path::Path;

fn main() -> anyhow::Result<()> {
    match env::args_os().nth(1) {
        Some(folder) => println!("{}", samesocket_bench_report::tables(Path::new(&folder))?),
        None => samesocket_bench_report::write(Path::new(samesocket_bench_report::FOLDER))?,
    }
    Ok(())
}
